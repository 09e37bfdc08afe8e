"""One running worker: preflight, assignment, the tick, reload, health.

It must never know customers or conditions. Begin with `worker.Worker`, which runs the others: `preflight.Preflight`,
`assignment.Assignment`, `tick.Tick`, `reload.Reload`, `sources.SourcesInForce`, `patterns.PatternTopics` and
`health.conditions.Conditions`.
"""
