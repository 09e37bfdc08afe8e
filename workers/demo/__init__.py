"""The demo: months of customers' behaviour, replayed in minutes and checked record by record.

Workers that serve an operator's own topics import nothing of it.
"""
