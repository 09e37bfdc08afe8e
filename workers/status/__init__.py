"""`linger status`: what runs, how far it is, and what needs attention, at one moment.

Begin with `reading.read_status`. `from_kafka` and `from_redis` ask for `facts`, `gathering` makes the `shapes`
of them, `attention` says what of it needs an operator, `writing` shows it. Nothing here changes anything.
"""
