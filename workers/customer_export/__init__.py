"""Everything that Linger holds of one person: `linger customer export`, and `show`, its short form.

Begin with `gathering.gather`. `from_redis` and `from_kafka` read, `document` has the form of what is exported, and
`page` shows it as one file of HTML. Nothing here changes anything.
"""
