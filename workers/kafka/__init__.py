"""Kafka: batches, the producer, topics, ids, rights, ranges of a topic."""
