"""Schema registries: from where the schemas of Avro and JSON Schema records come.

`client.RegistryClient` asks a registry for one schema, `schemas.Schemas` keeps what was answered and asks for what
records name. It must never know topics, events or Redis.
"""
