"""A sample of the newest records of each source: which events they become, what skips them, why they are refused.

It reads without a group and moves no offset. Why a source is silent otherwise is not known here: only what a mapping
does with the records that are there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaError

from schemas.sources import Source
from workers.core.mapping.trace import Trace
from workers.errors import LingerError, StartupError
from workers.histories.outcomes import Outcomes
from workers.histories.topics import source_record
from workers.kafka.newest_records import newest_of
from workers.kafka.range_reader import opened_reader
from workers.operations.findings import Finding, ok, problem, unknown

__all__ = ["RECORDS", "Trace", "judged_sample", "sample_sources"]

RECORDS: Final = 100
"""How many of the newest records of a source are looked at."""
_MOST_SOURCES: Final = 50
_SECONDS_A_SOURCE: Final = 5.0
_SECONDS: Final = 60.0
_WHY_NO_EVENT: Final = (
    "a source that brings no events counts as silent, and the rules that need them wait; a mapping that skips all "
    "records is the first sign of a value that was renamed upstream"
)
_WHY_REFUSED: Final = "what is refused goes to the dead-letter topic, and too much of it stops the source"


async def sample_sources(
    connection: Mapping[str, Any],
    sources: Sequence[Source],
    trace_of: Callable[[Source, Sequence[ConsumerRecord]], Awaitable[Trace]],
) -> list[Finding]:
    """Look at the newest records of some sources, each for a few seconds; return a finding for each.

    Args:
        connection: keyword arguments of aiokafka's clients.
        sources: of single topics that exist; no more than 50 are looked at.
        trace_of: returns the mapping of a source for these records; a `LingerError` says why it cannot.
    """
    findings: list[Finding] = []
    looked_at = sources[:_MOST_SOURCES]
    try:
        async with opened_reader(connection) as consumer, asyncio.timeout(_SECONDS):
            for source in looked_at:
                topic = source.topic
                try:
                    records = await newest_of(consumer, topic, RECORDS, _SECONDS_A_SOURCE)
                    trace = await trace_of(source, records)
                except (LingerError, KafkaError, OSError) as error:
                    findings.append(_unread(topic, error))
                    continue
                outcomes = Outcomes()
                for record in records:
                    outcomes.note(f"{topic}:{record.partition}:{record.offset}", trace(source_record(record)))
                findings.append(judged_sample(topic, outcomes))
    except (StartupError, TimeoutError) as error:
        findings += [_unread(source.topic, error) for source in looked_at[len(findings) :]]
    return findings


def _checked(topic: str) -> str:
    return f"records of {topic}"


def _unread(topic: str, error: Exception) -> Finding:
    text = str(error) or "Kafka took too long to send them"
    return unknown("Kafka", _checked(topic), text, "what its records become is not known", "see above")


def judged_sample(topic: str, outcomes: Outcomes) -> Finding:
    """Judge what the newest records of a topic became."""
    closer = f"look closer with: linger sources try {topic} --last 20"
    if not outcomes.records:
        return ok("Kafka", _checked(topic), "there is none yet")
    observed = f"of the newest {outcomes.sentence()}"
    if because := outcomes.skipped_because():
        observed += f"; skipped where {', '.join(because)}"
    refused, read = outcomes.refused.total(), outcomes.events.total() + outcomes.skipped.total()
    if outcomes.first_refusal is not None:
        place, text = outcomes.first_refusal
        observed += f"; the first refused is {place}: {text}"
    if refused > read:
        return problem("Kafka", _checked(topic), observed, _WHY_REFUSED, closer)
    if not outcomes.events:
        return problem("Kafka", _checked(topic), observed, _WHY_NO_EVENT, closer)
    return ok("Kafka", _checked(topic), observed)
