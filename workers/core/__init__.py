"""The pure core: everything that is decided, and when it must be evaluated again.

It must never know a clock, chance, the environment, files, logs, Kafka or Redis: it imports only `schemas`, the
standard library, pydantic, msgspec and orjson (`tests/unit/test_layers.py`). Begin with `decisions.decide`.
`coverage.Coverage` and `watermarks.PartitionWatermarks` hold what was watched and read, and up to when;
`rules.wording.phrase` words a condition.
"""
