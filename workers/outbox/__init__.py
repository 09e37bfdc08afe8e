"""Decisions to the action topics, in order.

It must never know why something was decided. `cloud_events.messages` builds the records; `outbox.Outbox` sends them
and counts what Kafka has confirmed.
"""
