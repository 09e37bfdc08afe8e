"""Kafka: batches, the producer, topics, topic ids, rights, ranges of a topic.

It must never know Redis or rules. `faust_batches.Delivery` is a batch as it arrives, `producer.Publisher` sends,
`topics.describe` and `topics.create_missing` manage topics, and `range_reader.read_ranges` reads a part of a topic.
Only `faust_batches` touches the inside of Faust.
"""
