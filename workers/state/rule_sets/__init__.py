"""Rule sets in Redis: which one is the newest, and what each version of a rule said.

All workers share this. It reads no rule files.
"""
