"""Formats of record values other than JSON: bytes -> the document in which a mapping finds its fields.

`confluent` reads what the serializers of a schema registry write, `avro` the values of an Avro schema, `snowplow` the
lines of Snowplow's enriched events. Every reader raises `InvalidEvent` and nothing else, for any bytes, and keeps the
bounds of `schemas.events.read_json`. It must never know where a schema comes from, or which fields a mapping wants.
"""
