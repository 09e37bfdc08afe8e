"""Everything Linger tells about itself: names of log events, metrics, and how logs are written.

Customer ids appear only as a keyed hash, and never in metrics. Nothing is logged per event in normal work.
"""

import hmac
import logging
import secrets
import sys
from hashlib import sha256
from typing import Any, Final, Literal

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY: Final = CollectorRegistry()

# Names of log events, in the order of a worker's life.
WORKER_STARTING: Final = "worker_starting"
WORKER_READY: Final = "worker_ready"
PARTITIONS_CLAIMED: Final = "partitions_claimed"
PARTITION_STOPPED: Final = "partition_stopped"
PARTITION_FENCED: Final = "partition_fenced"
STEPS_LOST: Final = "steps_lost"
RECORDS_OUT_OF_ORDER: Final = "records_out_of_order"
SOURCE_RECORDS_LOST: Final = "source_records_lost"
SOURCE_SILENT: Final = "source_silent"
SOURCE_SPEAKS_AGAIN: Final = "source_speaks_again"
DEAD_LETTERED: Final = "dead_lettered"
STEP_RETRIED: Final = "step_retried"
PUBLISH_FAILED: Final = "publish_failed"
PRODUCER_ABANDONED: Final = "producer_abandoned"
RULES_LOADED: Final = "rules_loaded"
RULES_REFUSED: Final = "rules_refused"
RULES_SWEPT: Final = "rules_swept"
WORKER_FAILED: Final = "worker_failed"
WORKER_STOPPING: Final = "worker_stopping"
WORKER_STOPPED: Final = "worker_stopped"


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(f"linger_{name}", text, labels, registry=REGISTRY)


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    return Gauge(f"linger_{name}", text, labels, registry=REGISTRY)


RECORDS_READ = _counter("records_read", "Records read from source topics.", "topic")
RECORDS_LOST = _counter("source_records_lost", "Source records deleted before they were read.", "topic")
RECORDS_SKIPPED = _counter("records_skipped", "Source records that `only_when` leaves out.", "topic")
UNKNOWN_FIELDS = _counter("unknown_fields", "Fields of canonical events that nobody knows.", "type")
DEAD_LETTERS = _counter("dead_letters", "Records put into the dead-letter topic.", "topic", "reason")
EVENTS = _counter("events", "Records of the activity topic by what became of them.", "outcome")
ACTIONS = _counter("actions", "Actions decided.", "action", "rule", "status")
SUPPRESSED = _counter("suppressed", "Decisions not to act.", "rule", "decision")
TIMERS = _counter("timers", "Customers looked at because their due time came.")
RELOADS = _counter("rule_reloads", "Rule files loaded while running, by what became of it.", "outcome")
GENERATION = _gauge("rule_set_generation", "Number of the rule set in force here.")
FENCED = _counter("fenced", "Steps refused because another worker owns the partition.")
RETRIES = _counter("retries", "Steps tried again after Redis or Kafka did not answer.")
PUBLISH_FAILURES = _counter("publish_failures", "Sendings to Kafka that had to be repeated.")
STEP_SECONDS = Histogram(
    "linger_step_seconds",
    "Duration of one atomic step, reading and deciding included.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
    registry=REGISTRY,
)
PARTITIONS = _gauge("partitions_owned", "Activity partitions this worker owns.")
OUTBOX = _gauge("outbox_records", "Records decided but not yet confirmed by Kafka.")
SEEN = _gauge("seen_timestamp_seconds", "Up to when each event type has been seen.", "type")
SILENT = _gauge("source_silent", "1 while a source is silent for longer than its max_silence.", "topic")
LAST_STEP = _gauge("last_step_timestamp_seconds", "When the last step was taken.")

_key = secrets.token_bytes(32)


def set_log_key(key: str | None) -> None:
    """Set the key of the hash that stands for customer ids; without one it is random for this process."""
    global _key
    if key is not None:
        _key = key.encode()


def customer_ref(customer_id: str) -> str:
    """Return the keyed hash that stands for a customer in logs."""
    return hmac.new(_key, customer_id.encode(), sha256).hexdigest()[:12]


def configure_logging(level: str, style: Literal["auto", "json", "text"]) -> None:
    """Send all logs to standard error: JSON, or readable text on a terminal."""
    as_text = style == "text" or (style == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            # Not the fancy one: it shows local variables, and with them customers.
            exception_formatter=structlog.dev.plain_traceback,
        )
        if as_text
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    final: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if not as_text:
        final.append(structlog.processors.format_exc_info)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[*final, renderer]))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Libraries speak of every rebalance and fetch; what matters of it is said by Linger itself.
    for name in ("faust", "mode", "aiokafka", "asyncio", "workers.kafka.faust_batches"):
        logging.getLogger(name).setLevel(max(logging.getLevelName(level.upper()), logging.ERROR))
