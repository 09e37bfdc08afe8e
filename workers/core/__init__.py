"""The pure core: what is decided, and when it has to be looked at again.

Nothing in here knows a clock, randomness, the environment, files, logs, Kafka or Redis.
"""
