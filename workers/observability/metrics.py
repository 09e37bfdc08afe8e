"""Every metric, with its kind, unit and labels. No label may hold a customer id."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY: Final = CollectorRegistry()
"""Only Linger's own metrics: the default registry would add those of the interpreter and of libraries."""


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(f"linger_{name}", text, labels, registry=REGISTRY)


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    return Gauge(f"linger_{name}", text, labels, registry=REGISTRY)


RECORDS_READ = _counter("records_read", "Records read from source topics.", "topic")
RECORDS_LOST = _counter("source_records_lost", "Source records deleted before they were read.", "topic")
RECORDS_SKIPPED = _counter("records_skipped", "Source records that `only_when` leaves out.", "topic")
UNKNOWN_FIELDS = _counter("unknown_fields", "Unknown fields of canonical events.", "type")
DEAD_LETTERS = _counter("dead_letters", "Records put into the dead-letter topic.", "topic", "reason")
EVENTS = _counter("events", "Records of the activity topic by outcome.", "outcome")
ACTIONS = _counter("actions", "Actions decided.", "action", "rule", "status")
SUPPRESSED = _counter("suppressed", "Decisions not to act.", "rule", "decision")
TIMERS = _counter("timers", "Customers evaluated because their due time came.")
RELOADS = _counter("rule_reloads", "Reloads of rule files while running, by outcome.", "outcome")
GENERATION = _gauge("rule_set_generation", "Generation of the rule set active in this worker.")
FENCED = _counter("fenced", "Steps refused because another worker owns the partition.")
RETRIES = _counter("retries", "Steps retried after Redis or Kafka did not answer.")
PUBLISH_FAILURES = _counter("publish_failures", "Sends to Kafka that had to be repeated.")
STEP_SECONDS = Histogram(
    "linger_step_seconds",
    "Duration of one atomic step, including reading and deciding.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
    registry=REGISTRY,
)
PARTITIONS = _gauge("partitions_owned", "Activity partitions this worker owns.")
OUTBOX = _gauge("outbox_records", "Records decided but not yet confirmed by Kafka.")
HELD = _gauge("held_actions", "Actions held in the partitions this worker owns, by reason.", "because")
PAUSED_RULES = _gauge("paused_rules", "Rules paused by `linger pause`; all rules together count as one.")
SEEN = _gauge("seen_timestamp_seconds", "Watermark of each event type.", "type")
SILENT = _gauge("source_silent", "1 while a source is silent for longer than its max_silence.", "topic")
LAST_STEP = _gauge("last_step_timestamp_seconds", "When the last step was made.")
