"""What the topic of the book holds: for each day that is closed, and each partition, what was counted.

The topic is compacted; the key is `DAY|PARTITION`, with the day as days since 1970. A day is closed once: a record
that comes again says the same. Partition 0 also holds what is kept of each experiment (`schemas.experiments`), under
the key `experiment|KEY`.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import msgspec
from msgspec import Meta

BOOK: Final = "book"
"""The name of the topic, without the prefix."""
_EXPERIMENT: Final = "experiment|"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Numbers = dict[str, int]


class BookRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted on one day in one partition."""

    day: Annotated[str, Meta(description="The UTC day.", pattern=r"^\d{4}-\d{2}-\d{2}$")]
    partition: Annotated[int, Meta(ge=0, description="Of the activity topic.")]
    facts: Annotated[Numbers, Meta(description="By field: what happened. Amounts are ten-thousandths.")]
    doings: Annotated[Numbers, Meta(description="By field: what was decided, and what a rebuild does not count.")]


def day_text(day: int) -> str:
    """Return a day, counted from 1970, as `2026-03-01`."""
    return f"{_EPOCH + timedelta(days=day):%Y-%m-%d}"


def book_key(day: int, partition: int) -> bytes:
    """Return the key of a record."""
    return f"{day}|{partition}".encode()


def read_book_key(key: bytes | None) -> tuple[int, int] | None:
    """Return day and partition of a key, None if it is none."""
    day, bar, partition = (key or b"").partition(b"|")
    return (int(day), int(partition)) if bar and day.isdigit() and partition.isdigit() else None


def experiment_key(key: str) -> bytes:
    """Return the key of the record of an experiment, by the key of the experiment."""
    return f"{_EXPERIMENT}{key}".encode()


def read_experiment_key(key: bytes | None) -> str | None:
    """Return the key of the experiment whose record has this key, None if it is of no experiment."""
    text = (key or b"").decode(errors="replace")
    return text.removeprefix(_EXPERIMENT) if text.startswith(_EXPERIMENT) else None


encode_book: Final = msgspec.json.Encoder(order="deterministic").encode
decode_book: Final = msgspec.json.Decoder(BookRecord).decode
