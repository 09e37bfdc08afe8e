"""The data that crosses Linger's borders: events in, actions out, and the files that people write.

Everything here is pure: no clock, no files, no Kafka, no Redis. The JSON Schemas in `schemas/json/`
are generated from these models by `python -m schemas.generate`.
"""
