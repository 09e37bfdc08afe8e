"""Every metric, with its kind, unit and labels. No label may hold a customer id."""

from collections.abc import Mapping
from typing import Final, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from workers.observability.bounded_labels import BoundedLabels
from workers.observability.conditions import CATALOGUE
from workers.observability.http_requests import Reason

REGISTRY: Final = CollectorRegistry()
"""Only Linger's own metrics: the default registry would add those of the interpreter and of libraries."""


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(f"linger_{name}", text, labels, registry=REGISTRY)


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    return Gauge(f"linger_{name}", text, labels, registry=REGISTRY)


RECORDS_READ = _counter("records_read", "Records read from source topics.", "topic")
RECORDS_LOST = _counter("source_records_lost", "Source records deleted before they were read.", "topic")
RECORDS_SKIPPED = _counter("records_skipped", "Source records that `only_when` leaves out.", "topic")
SOURCE_RECORDS = _counter(
    "source_records",
    "What source records became: a case of their source, or what skipped them.",
    *("topic", "case"),
)
TOMBSTONES = _counter("tombstones", "Source records without a value: they are no event.", "topic")
UNKNOWN_FIELDS = _counter("unknown_fields", "Unknown fields of canonical events.", "type")
VALUES_LEFT_OUT = _counter(
    "values_left_out",
    "Optional values that were cut or left out of an event, and values that are not of the type of their attribute.",
    *("topic", "attribute", "reason"),
)
DEAD_LETTERS = _counter("dead_letters", "Records put into the dead-letter topic.", "topic", "reason")
EVENTS = _counter("events", "Records of the activity topic by outcome.", "outcome")
ACTIONS = _counter("actions", "Actions decided.", "action", "rule", "status")
SUPPRESSED = _counter("suppressed", "Decisions not to act.", "rule", "decision")
CONSENT_NOT_UNDERSTOOD = _counter(
    "consent_not_understood",
    "Decisions not to act because the customer's answer is neither yes nor no, by answer.",
    "answer",
)
TIMERS = _counter("timers", "Customers evaluated because their due time came.")
RELOADS = _counter("rule_reloads", "Reloads of rule files while running, by outcome.", "outcome")
LAST_GOOD = _gauge(
    "last_good_in_use",
    "1 while the rules and sources of this worker come from Redis, because its own files were refused at its start.",
)
GENERATION = _gauge("rule_set_generation", "Generation of the rule set active in this worker.")
SOURCES_GENERATION = _gauge("sources_generation", "Generation of sources.yaml active in this worker.")
SOURCE_CHANGES = _counter(
    "source_changes",
    "Changes that this worker took over from a new sources.yaml: sources added, removed, changed, types begun again.",
    "what",
)
PATTERN_TOPICS = _gauge("pattern_topics", "Topics that are read because a pattern matches them.", "pattern")
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
TYPE_SILENT = _gauge("type_silent", "1 while an event type is silent for longer than its own max_silence.", "type")
WAITS_FOR_REGISTRY = _gauge(
    "source_waits_for_registry", "1 while a source waits because the schema registry does not answer.", "topic"
)
REGISTRY_ANSWERS = _counter(
    "registry_answers", "Questions to the schema registry, by outcome: found, unknown or failed.", "outcome"
)
SKIPS_UNUSUAL = _gauge("source_skips_unusual", "1 while a source skips everything, or far more than usual.", "topic")
STOPPED = _gauge("source_stopped", "1 while a source, or a partition of it, is not read further.", "topic")
HTTP_REFUSED = _counter("http_refused", "HTTP requests and connections that were refused, by reason.", "reason")
for _reason in get_args(Reason):
    HTTP_REFUSED.labels(_reason)  # there from the start, so that its first increase is seen
READY = _gauge("ready", "1 while /readyz answers 200.")
CONDITION = _gauge("condition", "1 while a line of /statusz is not ok.", "condition")
for _condition in CATALOGUE:
    CONDITION.labels(_condition)
LAST_STEP = _gauge("last_step_timestamp_seconds", "When the last step was made.")

_ATTRIBUTES: Final = BoundedLabels(100)
_ANSWERS: Final = BoundedLabels(50)


def count_left_out(left_out: Mapping[tuple[str, str, str], int]) -> None:
    """Count values that were cut or left out, given by source topic, attribute and reason."""
    for (topic, attribute, reason), count in left_out.items():
        VALUES_LEFT_OUT.labels(topic, _ATTRIBUTES.label(topic, attribute), reason).inc(count)


def count_not_understood(answers: Mapping[str, int]) -> None:
    """Count decisions not to act because of an answer that is neither yes nor no, given by answer."""
    for answer, count in answers.items():
        CONSENT_NOT_UNDERSTOOD.labels(_ANSWERS.label("", answer)).inc(count)
