"""Every metric, with its kind, unit and labels. No label may hold a customer id."""

from collections.abc import Mapping
from typing import Final, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics

from workers.observability.bounded_labels import OTHERS, BoundedLabels
from workers.observability.conditions import CATALOGUE
from workers.observability.http_requests import Reason
from workers.observability.series import Series

REGISTRY: Final = CollectorRegistry()
"""Linger's own metrics and those of its process: the default registry would add what libraries register."""

disable_created_metrics()  # type: ignore[no-untyped-call]  # when each counter began: one more series each
ProcessCollector(registry=REGISTRY)  # process_cpu_seconds_total, process_resident_memory_bytes, process_open_fds, …


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(f"linger_{name}", text, labels, registry=REGISTRY)


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    return Gauge(f"linger_{name}", text, labels, registry=REGISTRY)


def _series(name: str, text: str, label: str) -> Series:
    return Series(_gauge(name, text, label))


def _histogram(name: str, text: str, *buckets: float) -> Histogram:
    return Histogram(f"linger_{name}", text, buckets=buckets, registry=REGISTRY)


BUILD: Final = _gauge("build_info", "1, with what this worker is.", "version", "core", "python")


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
REQUESTS_READ = _counter("requests_read", "Requests read, and sent on as orders or dead letters.")
REQUESTS_REFUSED = _counter("requests_refused", "Requests that cannot be read: dead letters.")
ORDERS = _counter("orders", "Orders carried out for customers.", "order")
EVENTS = _counter("events", "Records of the activity topic by outcome.", "outcome")
ACTIONS = _counter("actions", "Actions decided.", "action", "rule", "status")
SUPPRESSED = _counter("suppressed", "Decisions not to act.", "rule", "decision")
EXPERIMENT_CUSTOMERS = _counter(
    "experiment_customers", "Customers who entered an experiment, by its name and their arm.", "experiment", "arm"
)
STAGE_MOVES = _counter(
    "stage_moves", "Customers that moved from one stage of the ladder to another.", "from", "stage"
)
CONSENT_NOT_UNDERSTOOD = _counter(
    "consent_not_understood",
    "Decisions not to act because the customer's answer is neither yes nor no, by answer.",
    "answer",
)
TIMERS = _counter("timers", "Customers evaluated because their due time came.")
FORGOTTEN = _counter(
    "forgotten", "Customers forgotten, because `forget after` had passed since their last sign of life."
)
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
PATTERN_TOPICS = _series("pattern_topics", "Topics that are read because a pattern matches them.", "pattern")
FENCED = _counter("fenced", "Steps refused because another worker owns the partition.")
RETRIES = _counter("retries", "Steps retried after Redis or Kafka did not answer.")
PUBLISH_FAILURES = _counter("publish_failures", "Sends to Kafka that had to be repeated.")
STEP_SECONDS = _histogram(
    "step_seconds",
    "Duration of one atomic step, including reading and deciding.",
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
EVENT_TO_ACTION = _histogram(
    "event_to_action_seconds",
    "From the moment an event was in the activity topic until Kafka confirmed the action that it led to.",
    *(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
)
DUE_LATENESS = _histogram(
    "due_lateness_seconds",
    "How long after its due time an action was decided, by Linger's clock.",
    *(0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400),
)
ALL_PARTITIONS = _gauge("partitions", "Activity partitions that all workers share: LINGER_PARTITIONS.")
PARTITIONS = _gauge("partitions_owned", "Activity partitions this worker owns.")
PARTITIONS_STOPPED = _gauge("partitions_stopped", "Activity partitions of this worker that are stopped.")
LAG_RECORDS = _series(
    "activity_lag_records", "Records of the activity topic not yet folded, by owned partition.", "partition"
)
LAG_SECONDS = _series(
    "activity_lag_seconds", "For how long the first of these records has waited, by owned partition.", "partition"
)
SOURCE_LAG_RECORDS = _series(
    "source_lag_records", "Source records not yet forwarded, in the partitions this worker reads.", "topic"
)
SOURCE_LAG_SECONDS = _series(
    "source_lag_seconds",
    "How long ago everything in the partitions this worker reads had been forwarded, by Linger's clock.",
    "topic",
)
OVERDUE_SECONDS = _gauge(
    "overdue_seconds", "How long ago the oldest due time not yet decided was, in the partitions this worker owns."
)
WAITING = _series(
    "waiting_customers", "Customers that wait until events of a type are seen, in the partitions owned here.", "type"
)
ON_STAGE = _series("stage_customers", "Customers on each stage, as published, in the partitions owned here.", "stage")
OUTBOX = _gauge("outbox_records", "Records decided but not yet confirmed by Kafka.")
PUBLISHED = _counter("published_records", "Records decided and confirmed by Kafka.")
HELD = _series("held_actions", "Actions held in the partitions this worker owns, by reason.", "because")
OLDEST_PAUSE = _gauge(
    "oldest_pause_seconds", "How long the rule that was paused first has been paused; 0 without one."
)
HARM_PAUSES = _counter("harm_pauses", "Rules paused because their experiment harms.")
EXPERIMENTS = _series(
    "experiments", "Experiments that go on, by verdict; the owner of activity partition 0 shows them.", "verdict"
)
PAUSED_RULES = _gauge("paused_rules", "Rules paused by `linger pause`; all rules together count as one.")
SEEN = _series("seen_timestamp_seconds", "Watermark of each event type.", "type")
BEHIND = _series("type_behind_seconds", "How far the watermark of each event type is behind Linger's clock.", "type")
SILENT = _series("source_silent", "1 while a source is silent for longer than its max_silence.", "topic")
TYPE_SILENT = _series("type_silent", "1 while an event type is silent for longer than its own max_silence.", "type")
WAITS_FOR_REGISTRY = _series(
    "source_waits_for_registry", "1 while a source waits because the schema registry does not answer.", "topic"
)
REGISTRY_ANSWERS = _counter(
    "registry_answers", "Questions to the schema registry, by outcome: found, unknown or failed.", "outcome"
)
SKIPS_UNUSUAL = _series("source_skips_unusual", "1 while a source skips everything, or far more than usual.", "topic")
STOPPED = _series("source_stopped", "1 while a source, or a partition of it, is not read further.", "topic")
REDIS_USED = _series("redis_used_bytes", "Memory that a Redis server uses.", "server")
REDIS_MOST = _series("redis_max_bytes", "maxmemory of a Redis server; 0 for no limit.", "server")
HTTP_REFUSED = _counter("http_refused", "HTTP requests and connections that were refused, by reason.", "reason")
READY = _gauge("ready", "1 while /readyz answers 200.")
CONDITION = _gauge("condition", "1 while a line of /statusz is not ok.", "condition")
LAST_STEP = _gauge("last_step_timestamp_seconds", "When the last step was made.")

_KNOWN: Final[Mapping[Counter | Gauge, tuple[str, ...]]] = {
    ORDERS: ("erase", "suppress", "resume"),
    EVENTS: ("folded", "duplicate", "dead_letter", "tombstone", "erased"),
    RELOADS: ("loaded", "refused"),
    SOURCE_CHANGES: ("added", "removed", "changed", "type_again"),
    REGISTRY_ANSWERS: ("found", "unknown", "failed"),
    HTTP_REFUSED: get_args(Reason),
    CONDITION: tuple(CATALOGUE),
    CONSENT_NOT_UNDERSTOOD: (OTHERS,),  # the others are words of senders
}
for _metric, _values in _KNOWN.items():
    for _value in _values:
        _metric.labels(_value)  # there from the start, so that its first increase is seen

_OUTCOMES: Final = tuple(EVENTS.labels(outcome) for outcome in _KNOWN[EVENTS])  # looked up once, not in each step
_ATTRIBUTES: Final = BoundedLabels(100)
_ANSWERS: Final = BoundedLabels(50)


def count_events(folded: int, duplicates: int, dead_letters: int, tombstones: int, erased: int) -> None:
    """Count the records of one step by outcome."""
    for outcome, count in zip(_OUTCOMES, (folded, duplicates, dead_letters, tombstones, erased), strict=True):
        if count:
            outcome.inc(count)


def count_left_out(left_out: Mapping[tuple[str, str, str], int]) -> None:
    """Count values that were cut or left out, given by source topic, attribute and reason."""
    for (topic, attribute, reason), count in left_out.items():
        VALUES_LEFT_OUT.labels(topic, _ATTRIBUTES.label(topic, attribute), reason).inc(count)


def count_not_understood(answers: Mapping[str, int]) -> None:
    """Count decisions not to act because of an answer that is neither yes nor no, given by answer."""
    for answer, count in answers.items():
        CONSENT_NOT_UNDERSTOOD.labels(_ANSWERS.label("", answer)).inc(count)
