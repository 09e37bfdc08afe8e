"""What a running worker measures: how far behind it is, what waits, and which counters begin at zero.

Nothing here is done for each event: `lag.LagWatch` looks once a tick, `queues.QueueWatch` every ten seconds, and
`beginnings.begin_sources` works when sources change.
"""
