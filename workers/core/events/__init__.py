"""Events: decoded from the activity topic, filtered.

It must never know customers' state or rules. `decoding.decode_event` reads an event of the activity topic, and
`filters.matcher_of` compiles a `where`. How a source record becomes an event is in `workers.core.mapping`.
"""
