"""The compacted topic of marks: a copy of what Redis has, so that a lost Redis forgets no opt-out.

Partition *i* holds the marks of activity partition *i*: the key is the customer's ref in hexadecimal digits, the
value the mark as Redis has it. What is known of the key of the hashes is a record of partition 0.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import structlog

from workers.kafka.range_reader import OffsetRange, opened_reader, read_ranges
from workers.kafka.records import PlacedRecord, TopicPartition
from workers.kafka.topics import TopicState, describe, log_bounds
from workers.observability import log_events
from workers.state.marks.key import REF_BYTES
from workers.state.marks.mark import Mark, decode_mark, encode_mark
from workers.state.marks.stored import CHECK, KEY

log = structlog.get_logger(__name__)

_KEY_RECORD: Final = b"key"
"""The key of the record about the key of the hashes; no ref is as short."""
KEY_PARTITION: Final = 0
"""The partition of that record."""
_UNKNOWN: Final = Mark(suppressed_ms=1)
"""Stands for a mark that cannot be read: what it said is lost, so the customer is not written to."""


@dataclass(frozen=True, slots=True)
class Copies:
    """What the topic holds.

    Attributes:
        marks: by partition and ref.
        key_fields: what is known of the key of the hashes, as in Redis; empty if it was not asked for, or unknown.
    """

    marks: dict[int, dict[bytes, Mark]] = field(default_factory=dict)
    key_fields: dict[str, str] = field(default_factory=dict)

    def take(self, partition: int, key: bytes | None, value: bytes | None) -> None:
        """Take one record; later records of a key replace earlier ones.

        A record that cannot be read is reported, and stops no one: a key of the hashes is left as it was before it,
        and a customer with such a mark counts as suppressed.
        """
        if key == _KEY_RECORD:
            if fields := _key_fields(value):
                self.key_fields.clear()
                self.key_fields.update(fields)
            else:
                _report(partition, "it holds no key of marks")
            return
        marks = self.marks.get(partition)
        if marks is None:
            return
        ref = _ref(key)
        if ref is None:
            _report(partition, "its key is that of no customer")
        elif value is None:
            marks.pop(ref, None)
        else:
            try:
                marks[ref] = decode_mark(value)
            except msgspec.DecodeError:
                _report(partition, "its mark cannot be read; the customer counts as suppressed")
                marks[ref] = _UNKNOWN


class MarkTopic:
    """The topic of marks of one deployment.

    Attributes:
        topic_id: its id, as Kafka has described it last; None if that is not known.
    """

    def __init__(self, connection: Mapping[str, Any], topic: str) -> None:
        """Set up without connecting.

        Args:
            connection: keyword arguments of aiokafka's clients.
            topic: its name.
        """
        self._connection = connection
        self._topic = topic
        self.topic_id: str | None = None

    def note(self, topics: Mapping[str, TopicState]) -> None:
        """Take a description of topics; one without this topic changes nothing."""
        if (found := topics.get(self._topic)) is not None:
            self.topic_id = found.topic_id

    async def read(self, partitions: Collection[int]) -> Copies:
        """Read the marks of some partitions to their ends, and what is known of the key.

        Raises:
            StartupError: if Kafka does not answer, or the topic does not exist or may not be read.
        """
        found = Copies({number: {} for number in partitions})
        places = [TopicPartition(self._topic, number) for number in sorted({*partitions, KEY_PARTITION})]
        async with opened_reader(self._connection) as consumer:
            self.note(await describe(consumer, [self._topic]))
            bounds = await log_bounds(consumer, places)
            ranges = {place: OffsetRange(log.earliest, log.end, to_log_end=True) for place, log in bounds.items()}
            async for place, records in read_ranges(consumer, ranges):
                for record in records:
                    found.take(place.partition, record.key, record.value)
        return found

    def record(self, partition: int, ref: bytes, mark: Mark | None) -> PlacedRecord:
        """Return the record of a mark that was just written, or of one that is removed."""
        value = None if mark is None else encode_mark(mark)
        return PlacedRecord(self._topic, ref.hex().encode(), value, (), partition)

    def key_record(self, fields: Mapping[str, str]) -> PlacedRecord:
        """Return the record of what is known of the key of the hashes."""
        value = json.dumps({name: fields[name] for name in sorted({KEY, CHECK} & fields.keys())}).encode()
        return PlacedRecord(self._topic, _KEY_RECORD, value, (), KEY_PARTITION)


def _key_fields(value: bytes | None) -> dict[str, str]:
    """Return what a record says of the key of the hashes; empty if it cannot be read."""
    try:
        fields = msgspec.json.decode(value or b"", type=dict[str, str])
        bytes.fromhex(fields.get(KEY, ""))
    except ValueError:
        return {}
    return {name: text for name, text in fields.items() if name in (KEY, CHECK) and text}


def _ref(key: bytes | None) -> bytes | None:
    try:
        ref = bytes.fromhex((key or b"").decode())
    except ValueError:
        return None
    return ref if len(ref) == REF_BYTES else None


def _report(partition: int, problem: str) -> None:
    log.error(log_events.MARK_UNREADABLE, partition=partition, problem=problem)
