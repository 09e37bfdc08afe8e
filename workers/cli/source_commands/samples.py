"""The arguments by which samples are named on the command line, and the samples that they name."""

import asyncio
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from workers.kafka.newest_records import newest_records
from workers.settings import Settings
from workers.source_trial.samples import (
    Given,
    Sample,
    samples_in_file,
    samples_in_text,
    samples_of_topic,
)

__all__ = ["Files", "Headers", "Key", "Last", "Timestamp", "from_kafka", "given_of", "in_files"]

_STDIN: Final = "-"
_NUMBER: Final = re.compile(r"\d{1,16}")

Headers = Annotated[
    list[str] | None,
    typer.Option("--header", metavar="NAME=VALUE", help="A Kafka header of the samples; may repeat."),
]
Key = Annotated[str | None, typer.Option("--key", help="The Kafka key of the samples.")]
Timestamp = Annotated[
    str | None,
    typer.Option(help="The Kafka timestamp of the samples: ISO 8601, or milliseconds. Left out: now."),
]
Files = Annotated[
    list[Path] | None,
    typer.Option("--file", help="A file of records: JSON lines, or what kcat -J printed; - for standard input."),
]
Last = Annotated[
    int | None,
    typer.Option(
        "--last", min=1, max=1_000_000, help="The newest records of the topic, from Kafka, without a group."
    ),
]


def given_of(
    topic: str,
    headers: Sequence[str],
    key: str | None,
    timestamp: str | None,
    *,
    lists_are_records: bool = False,
) -> Given:
    """Return what the command line says of samples beside their values.

    Raises:
        typer.BadParameter: if a header or the time is not written as it must be.
    """
    pairs = []
    for written in headers:
        name, equals, value = written.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"'{written}' is no header; write NAME=VALUE", param_hint="--header")
        pairs.append((name, value.encode()))
    at_ms = round(datetime.now(UTC).timestamp() * 1000) if timestamp is None else _milliseconds(timestamp)
    return Given(topic, None if key is None else key.encode(), pairs, at_ms, lists_are_records)


def _milliseconds(written: str) -> int:
    if _NUMBER.fullmatch(written):
        return int(written)
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        message = f"'{written}' is no time; write for example 2026-10-03T16:14:52Z"
        raise typer.BadParameter(message, param_hint="--timestamp") from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def in_files(files: Sequence[Path], given: Given) -> list[Sample]:
    """Return the records in files, in their order; `-` is standard input."""
    samples: list[Sample] = []
    for file in files:
        if str(file) == _STDIN:
            samples += samples_in_text(_STDIN, sys.stdin.buffer.read(), given)
        else:
            samples += samples_in_file(file, given)
    return samples


def from_kafka(settings: Settings, topic: str, last: int) -> list[Sample]:
    """Return the newest records of a topic, as many as asked for; nothing is committed."""
    return samples_of_topic(asyncio.run(newest_records(settings.kafka_connection(), topic, last)))
