"""Rule sets in Redis: which one is the newest, and what each version of a rule said; the files of the newest.

All workers share this. It reads no rule files.
"""
