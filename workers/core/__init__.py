"""The pure core: it decides for each customer, and calculates when to evaluate the customer again.

It knows no clock, randomness, environment, files, logs, Kafka or Redis.
"""
