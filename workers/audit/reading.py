"""Reads what commands have changed from the end of the audit topic; bounded, however long the topic is."""

from collections.abc import Iterable
from dataclasses import dataclass

from workers.audit.record import Intent, Outcome, decode_audit
from workers.kafka.newest_records import newest_records
from workers.settings import AUDIT, Settings


@dataclass(frozen=True, slots=True)
class AuditedCommand:
    """A command that changed something, or was about to.

    Attributes:
        intent: what it was asked to do.
        outcome: how it ended; None if it still runs, or was killed.
    """

    intent: Intent
    outcome: Outcome | None


async def read_commands(settings: Settings, last: int) -> list[AuditedCommand]:
    """Return the newest commands, the newest last; records that cannot be read are left out.

    Args:
        settings: name the topic.
        last: how many commands at most.

    Raises:
        StartupError: if Kafka does not answer, or the topic is missing or cannot be read.
    """
    # Each command has two records, and others may stand between them.
    records = await newest_records(settings.kafka_connection(), settings.topic(AUDIT), 2 * last + 100)
    return joined(decode_audit(record.value) for record in records)[-last:]


def joined(records: Iterable[Intent | Outcome | None]) -> list[AuditedCommand]:
    """Join intents with their outcomes, in the order of the intents. Pure."""
    intents: dict[str, Intent] = {}
    outcomes: dict[str, Outcome] = {}
    for record in records:
        if isinstance(record, Intent):
            intents[record.id] = record
        elif record is not None:
            outcomes[record.id] = record
    return [AuditedCommand(intent, outcomes.get(intent.id)) for intent in intents.values()]
