"""Deciding: from the numbers of one customer to the records that are published."""
