"""See a mapping before it runs: what it makes of samples, counted and shown, and a first mapping guessed from them.

Reads samples from files and from Kafka without a consumer group, and writes nothing but what is printed.
"""
