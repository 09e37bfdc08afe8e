"""Tiers: from which value on a customer is among the top of all, measured once and written into a rule file.

It knows values and the text of a file, and not where the values come from: a history, or a scan.
"""
