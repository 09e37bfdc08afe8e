"""The compacted topic of marks: a copy of what Redis has, so that a lost Redis forgets no opt-out.

Partition *i* holds the marks of activity partition *i*: the key is the customer's ref in hexadecimal digits, the
value the mark as Redis has it. What is known of the key of the hashes is a record of partition 0.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from workers.kafka.range_reader import OffsetRange, opened_reader, read_ranges
from workers.kafka.records import PlacedRecord, TopicPartition
from workers.kafka.topics import log_bounds
from workers.state.marks.mark import Mark, decode_mark, encode_mark
from workers.state.marks.stored import CHECK, KEY

_KEY_RECORD: Final = b"key"
"""The key of the record about the key of the hashes; no ref is as short."""
_KEY_PARTITION: Final = 0


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
        """Take one record; later records of a key replace earlier ones."""
        if key == _KEY_RECORD:
            self.key_fields.clear()
            self.key_fields.update(json.loads(value or b"{}"))
            return
        marks = self.marks.get(partition)
        if marks is None:
            return
        ref = bytes.fromhex((key or b"").decode())
        if value is None:
            marks.pop(ref, None)
        else:
            marks[ref] = decode_mark(value)


class MarkTopic:
    """The topic of marks of one deployment."""

    def __init__(self, connection: Mapping[str, Any], topic: str) -> None:
        """Set up without connecting.

        Args:
            connection: keyword arguments of aiokafka's clients.
            topic: its name.
        """
        self._connection = connection
        self._topic = topic

    async def read(self, partitions: Collection[int]) -> Copies:
        """Read the marks of some partitions to their ends, and what is known of the key.

        Raises:
            StartupError: if Kafka does not answer, or the topic does not exist or may not be read.
        """
        found = Copies({number: {} for number in partitions})
        places = [TopicPartition(self._topic, number) for number in sorted({*partitions, _KEY_PARTITION})]
        async with opened_reader(self._connection) as consumer:
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
        return PlacedRecord(self._topic, _KEY_RECORD, value, (), _KEY_PARTITION)
