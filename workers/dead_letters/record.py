"""The record of a dead letter: written to the dead-letter topic, and read back.

A dead letter keeps the key, the value and the headers of a record that cannot be read. Headers after its own add the
reason and the source. Pure: this module knows no clock and no Redis, and of Kafka only what a record is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from re import fullmatch
from typing import Final

from aiokafka import ConsumerRecord

from schemas.events import InvalidEvent
from schemas.sources import TOPIC_PATTERN
from workers.errors import LingerError
from workers.kafka.records import OutboxRecord, Sendable

__all__ = [
    "CUT_FROM",
    "ITEM",
    "NOT_LINGERS",
    "REPLAYS",
    "SOURCE_OFFSET",
    "SOURCE_PARTITION",
    "SOURCE_TOPIC",
    "DeadLetter",
    "Header",
    "Position",
    "asked_item",
    "cut_dead_letters",
    "dead_letter",
    "origin_of",
    "position_text",
    "read_dead_letter",
]

REASON: Final = "linger-reason"
DETAIL: Final = "linger-detail"
SOURCE_TOPIC: Final = "linger-source-topic"
SOURCE_PARTITION: Final = "linger-source-partition"
SOURCE_OFFSET: Final = "linger-source-offset"
CUT_FROM: Final = "linger-cut-from-bytes"
REPLAYS: Final = "linger-replays"
"""Header of a replayed record: the number of replays. It stays when the record becomes a dead letter again."""

ITEM: Final = "linger-item"
"""Header of a dead letter that is one item of its record: the item's number. It stays when the record is replayed."""

NOT_LINGERS: Final = "not_lingers"
"""Reason given for records of the dead-letter topic that Linger did not write."""

_ADDED: Final = (REASON, DETAIL, SOURCE_TOPIC, SOURCE_PARTITION, SOURCE_OFFSET)
_KEPT_BYTES: Final = 256 << 10
_NUMBER: Final = r"[0-9]{1,18}"

Header = tuple[str, bytes | None]
Position = tuple[int, int]
"""Partition and offset in the dead-letter topic."""


def position_text(position: Position) -> str:
    """Write a position as `partition:offset`."""
    return f"{position[0]}:{position[1]}"


# -- writing ---------------------------------------------------------------------------------------------------


def dead_letter(
    topic: str,
    source: tuple[str, int, int],
    record: tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes]]],
    error: InvalidEvent,
    item: int | None = None,
) -> OutboxRecord:
    """Return the record for the dead-letter topic.

    Args:
        topic: the dead-letter topic.
        source: topic, partition and offset the record was read from.
        record: key, value and headers; all are kept unchanged.
        error: why the record cannot be read.
        item: the number of the item that cannot be read, if it is not the record as a whole. It stands before what is
            added, as a header of the record itself: so a replay by any release sends it.
    """
    key, value, headers = record
    if item is not None:
        headers = (*(header for header in headers if header[0] != ITEM), (ITEM, str(item).encode()))
    source_topic, partition, offset = source
    added = (
        (REASON, error.reason.encode()),
        (DETAIL, error.detail.encode(errors="replace")),
        (SOURCE_TOPIC, source_topic.encode()),
        (SOURCE_PARTITION, str(partition).encode()),
        (SOURCE_OFFSET, str(offset).encode()),
    )
    return OutboxRecord(topic, key, value, (*headers, *added))


def asked_item(headers: Iterable[Header]) -> int | None:
    """Return the number of the item that a record was replayed for, None if it is there for all of its items."""
    for name, value in headers:
        if name == ITEM:
            return _number(value)
    return None


def cut_dead_letters(records: Sequence[Sendable]) -> list[Sendable]:
    """Cut the values of dead letters to 256 KiB, and leave other records unchanged; sources keep the whole values.

    Raises:
        LingerError: if there is nothing to cut.
    """
    cut = [_cut(record) for record in records]
    if cut == list(records):
        topics = " or ".join(sorted({f"'{record.topic}'" for record in records}))
        raise LingerError(
            f"a record is larger than topic {topics} allows; nothing is lost: raise its max.message.bytes "
            "(kafka-configs.sh), and start the worker again"
        )
    return cut


def _cut(record: Sendable) -> Sendable:
    value = record.value
    is_dead_letter = any(name == REASON for name, _ in record.headers)
    if not is_dead_letter or value is None or len(value) <= _KEPT_BYTES:
        return record
    headers = (*record.headers, (CUT_FROM, str(len(value)).encode()))
    return OutboxRecord(record.topic, record.key, value[:_KEPT_BYTES], headers)


# -- reading back ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter as it was read back.

    Attributes:
        position: partition and offset in the dead-letter topic.
        at_ms: when it was written there, UTC epoch milliseconds.
        reason: why the record could not be read; `NOT_LINGERS` if Linger did not write the dead letter.
        detail: the same in a sentence. It may contain a customer's data.
        source: topic, partition and offset the record was read from; None if Linger did not write the dead letter.
        cut_from: bytes of the whole value, if only its beginning was kept.
        key, value: of the record, unchanged.
        headers: of the record, without the ones that Linger added.
        replays: how often the record was replayed before it became this dead letter.
        item: the number of the item that cannot be read, None if it is the record as a whole.
    """

    position: Position
    at_ms: int
    reason: str
    detail: str
    source: tuple[str, int, int] | None
    cut_from: int | None
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]
    replays: int
    item: int | None = None

    @property
    def topic(self) -> str:
        """The topic it came from; empty if Linger did not write the dead letter."""
        return "" if self.source is None else self.source[0]

    def digest(self) -> bytes:
        """Return 16 bytes that are equal for copies only: the same record or item of the same source position."""
        origin = (self.source, self.key) if self.item is None else (self.source, self.key, self.item)
        content = blake2b(repr(origin).encode(), digest_size=16)
        content.update(b"-" if self.value is None else b"+" + self.value)
        return content.digest()


def origin_of(record: ConsumerRecord) -> tuple[str, int, int] | None:
    """Return topic, partition and offset of the record that a dead letter was; None if Linger did not write it."""
    return read_dead_letter(record).source


def read_dead_letter(record: ConsumerRecord) -> DeadLetter:
    """Read a record of the dead-letter topic.

    Linger's headers are the last ones: an older dead letter may have come with headers of the same names.
    """
    headers = tuple(record.headers)
    cut_from, uncut = None, headers
    if len(headers) > len(_ADDED) and headers[-1][0] == CUT_FROM:
        cut_from, uncut = _number(headers[-1][1]), headers[:-1]
    original, added = uncut[: -len(_ADDED)], uncut[-len(_ADDED) :]
    origin = _origin(added)
    if origin is None:
        reason, detail, source, cut_from, original = NOT_LINGERS, "", None, None, headers
    else:
        reason, detail, source = origin
    return DeadLetter(
        position=(record.partition, record.offset),
        at_ms=record.timestamp,
        reason=reason,
        detail=detail,
        source=source,
        cut_from=cut_from,
        key=record.key,
        value=record.value,
        headers=original,
        replays=_replays(original),
        item=asked_item(original),
    )


def _origin(added: Sequence[Header]) -> tuple[str, str, tuple[str, int, int]] | None:
    """Return reason, detail and source from the headers that Linger adds, or None if these are others."""
    if tuple(name for name, _ in added) != _ADDED:
        return None
    reason, detail, topic, partition, offset = (_text(value) for _, value in added)
    if not (fullmatch(TOPIC_PATTERN, topic) and fullmatch(_NUMBER, partition) and fullmatch(_NUMBER, offset)):
        return None
    return reason, detail, (topic, int(partition), int(offset))


def _replays(headers: Iterable[Header]) -> int:
    counts = [_number(value) or 0 for name, value in headers if name == REPLAYS]
    return max(counts, default=0)


def _number(raw: bytes | None) -> int | None:
    text = _text(raw)
    return int(text) if fullmatch(_NUMBER, text) else None


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode(errors="replace")
