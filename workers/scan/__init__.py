"""The scan: the present state of all customers, read with a bounded load and kept in a file; and what is made of it.

Begin with `taking` (Redis to file) and `scan_file` (the file, read). `forecast` runs the customers of a file on.
Nothing here changes what is stored.
"""
