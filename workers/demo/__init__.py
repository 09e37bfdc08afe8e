"""The demonstration: months of customers' behaviour, replayed in minutes and checked record by record.

Only the demo lives here. Nothing in it is imported by a worker that serves an operator's own topics.
"""
