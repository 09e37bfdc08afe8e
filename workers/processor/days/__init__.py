"""The days of the book in a worker: what a step writes of them, and how a day is closed.

Begin with `counting`.
"""
