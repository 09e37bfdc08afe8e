"""State files: the stored state of partitions as JSON lines, written, checked, and brought back into Redis.

A file says nothing of a layout in Redis. It holds personal data.
"""
