"""Who changed something by a command: the records of the audit topic, written before and after, and read again.

`trail.audited` surrounds what a command changes, `reading.read_commands` lists it, and `commands` says which commands
change something.
"""
