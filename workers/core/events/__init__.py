"""Events: mapped from a source record, decoded from the activity topic, filtered.

It must never know customers' state or rules. `mapping.compile_source` maps a record, `fast_mapping.compile_converter`
does the same for plain records at less cost, `decoding.decode_event` reads an event of the activity topic, and
`filters.matcher_of` compiles a `where`.
"""
