"""Source records -> canonical events, as `sources.yaml` says.

It must never know customers' state or rules. `mapper.compile_source` maps a record with every check,
`converter.compile_converter` does the same for plain records at less cost. On the way, `documents` reads the value
and takes it out of its `envelopes`, `cases` chooses a case by its `conditions`, and `fields` finds the values:
`places`, `moments`, `money`. `trace.compile_trace` gives what says for people what was done with a record.
"""
