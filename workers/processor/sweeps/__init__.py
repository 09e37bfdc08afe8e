"""Sweeps over the stored customers of the claimed partitions, step by step beside live traffic.

`rules` decides customers under new rules, `forgetting` forgets those who gave no sign of life for long enough.
"""
