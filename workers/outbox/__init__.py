"""Decisions to the action topics, in order.

It must never know why something was decided. The core writes the records (`core.decisions.records`);
`outbox.Outbox` sends them and counts what Kafka has confirmed.
"""
