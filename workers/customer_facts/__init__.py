"""Named facts: everything that is stored of one customer, under names that say nothing of a layout, and back.

State files and what is shown of a customer are made of them; deciding does without.
"""
