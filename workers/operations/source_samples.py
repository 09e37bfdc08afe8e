"""A sample of the newest records of each source: which events they would become, what skips them, why they are refused.

It reads without a group and moves no offset. A source that is silent for another reason is not known here: only what a
mapping does with the records that are there.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from aiokafka.errors import KafkaError

from workers.core.mapping.record import SourceRecord
from workers.errors import LingerError, StartupError
from workers.histories.outcomes import Outcomes
from workers.histories.topics import source_record
from workers.kafka.newest_records import newest_of
from workers.kafka.range_reader import opened_reader
from workers.operations.findings import Finding, ok, problem, unknown

__all__ = ["Convert", "judged_sample", "sample_sources"]

RECORDS: Final = 100
"""So many of the newest records of a source are looked at."""
_SECONDS_A_SOURCE: Final = 5.0
_SECONDS: Final = 40.0
_WHY_NO_EVENT: Final = (
    "the source counts as silent, so rules that need its events wait; or a value was renamed upstream, and a mapping "
    "that skips everything is the first sign of it"
)
_WHY_REFUSED: Final = "refused records go to the dead-letter topic, and too many of them stop the source"

Convert = Callable[[SourceRecord, str, Outcomes], None]
"""`convert(record, place, outcomes)`: counts what becomes of a record."""


async def sample_sources(connection: Mapping[str, Any], converters: Mapping[str, Convert]) -> list[Finding]:
    """Look at the newest records of some topics, each for a few seconds; return a finding for each.

    Args:
        connection: keyword arguments of aiokafka's clients.
        converters: by topic, what counts what becomes of its records.
    """
    findings = []
    try:
        async with opened_reader(connection) as consumer, asyncio.timeout(_SECONDS):
            for topic, convert in converters.items():
                try:
                    records = await newest_of(consumer, topic, RECORDS, _SECONDS_A_SOURCE)
                except (LingerError, KafkaError, OSError) as error:
                    findings.append(_unread(topic, error))
                    continue
                outcomes = Outcomes()
                for record in records:
                    outcomes.records += 1
                    place = f"{record.topic}:{record.partition}:{record.offset}"
                    convert(source_record(record), place, outcomes)
                findings.append(judged_sample(topic, outcomes))
    except (StartupError, TimeoutError) as error:
        findings += [_unread(topic, error) for topic in list(converters)[len(findings) :]]
    return findings


def _checked(topic: str) -> str:
    return f"records of {topic}"


def _unread(topic: str, error: Exception) -> Finding:
    text = str(error) or "it took too long"
    return unknown("Kafka", _checked(topic), text, "what its records become is not known", "see above")


def judged_sample(topic: str, outcomes: Outcomes) -> Finding:
    """Judge what became of the newest records of a topic."""
    closer = f"linger sources try {topic} --last 20"
    if not outcomes.records:
        return ok("Kafka", _checked(topic), "there is none")
    observed = f"the newest {outcomes.sentence()}"
    refused, read = outcomes.refused.total(), outcomes.events.total() + outcomes.skipped.total()
    if outcomes.first_refusal is not None:
        place, text = outcomes.first_refusal
        observed += f"; the first refused is {place}: {text}"
    if refused > read:
        return problem("Kafka", _checked(topic), observed, _WHY_REFUSED, f"look closer: {closer}")
    if not outcomes.events:
        return problem("Kafka", _checked(topic), observed, _WHY_NO_EVENT, f"look closer: {closer}")
    return ok("Kafka", _checked(topic), observed)


