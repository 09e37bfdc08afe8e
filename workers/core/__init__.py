"""The pure core: everything that is decided, and when it must be evaluated again.

It must never know a clock, chance, the environment, files, logs, Kafka or Redis. Begin with `decisions.decide`.
`coverage.Coverage` and `watermarks.PartitionWatermarks` hold what was watched and read, and up to when;
`phrases.phrase` words a condition.
"""
