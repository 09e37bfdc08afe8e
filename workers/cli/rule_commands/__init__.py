"""The commands of `linger rules` that have a file of their own, and `linger experiments`."""
