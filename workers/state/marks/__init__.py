"""Marks: what must not be forgotten of a customer, even if everything else is: suppressed, opted out, erased.

Begin with `mark.Mark`. A mark stands under a keyed hash of the customer's id (`key`), beside the state of the
customer's partition in Redis (`stored`), and again in the compacted topic of marks.
"""
