"""The Linger worker: reads events from Kafka, keeps activity in Redis, publishes actions."""
