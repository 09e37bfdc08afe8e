"""All words of the report, and how numbers, dates and amounts are written: English and Dutch.

Begin with `language`. `en` and `nl` have the same keys; `formats` has what is no word.
"""
