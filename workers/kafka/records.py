"""A partition of a topic, and a record that is written to one. Knows no topic of Linger's and no record's content."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import msgspec

if TYPE_CHECKING:

    class _TopicPartition(NamedTuple):
        topic: str
        partition: int

else:
    from aiokafka import TopicPartition as _TopicPartition


class TopicPartition(_TopicPartition):
    """One partition of a topic: `str()` writes `topic:partition`, and `parse` reads it.

    A subclass of aiokafka's, because aiokafka accepts no other type. It equals aiokafka's and Faust's tuples, and a
    plain tuple of the same two values, also as a key. Only this type is written as `topic:partition`: convert the
    others.

    Attributes:
        topic: the topic's name; Kafka allows no colon in it.
        partition: number of the partition.
    """

    __slots__ = ()

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}"

    @classmethod
    def parse(cls, text: str) -> "TopicPartition":
        """Read the text that `str()` writes.

        Raises:
            ValueError: if nothing but a number follows the last colon.
        """
        topic, _, partition = text.rpartition(":")
        return cls(topic, int(partition))


class OutboxRecord(msgspec.Struct, array_like=True, frozen=True):
    """A record to be written to Kafka, also as it is stored in the outbox: fields keep their order.

    Attributes:
        topic: the topic's name.
        key: Kafka's key, which selects the partition; None for none.
        value: the content, None for a tombstone.
        headers: names and values, in order.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


class PlacedRecord(OutboxRecord, array_like=True, frozen=True):
    """A record that goes to a partition of its own, not to that of its key. It is stored: fields keep their order.

    Attributes:
        partition: its number.
    """

    partition: int


class Sendable(Protocol):
    """What a producer sends: an `OutboxRecord`, or anything else that has its fields."""

    @property
    def topic(self) -> str:
        """The topic's name."""
        ...

    @property
    def key(self) -> bytes | None:
        """Kafka's key."""
        ...

    @property
    def value(self) -> bytes | None:
        """The content."""
        ...

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]:
        """Names and values."""
        ...


encode_record = msgspec.msgpack.Encoder().encode


_decode_record = msgspec.msgpack.Decoder(OutboxRecord).decode
_decode_placed = msgspec.msgpack.Decoder(PlacedRecord).decode
_ARRAY_OF_FIVE: Final = 0x95


def decode_record(raw: bytes) -> OutboxRecord:
    """Return the record that `encode_record` wrote; msgpack says with the first byte how many fields it has.

    Raises:
        msgspec.DecodeError: if it is none.
    """
    return _decode_placed(raw) if raw[:1] == bytes([_ARRAY_OF_FIVE]) else _decode_record(raw)


MAX_RECORD_BYTES: Final = 8 << 20
"""The largest record that Linger's producers send."""


@dataclass(frozen=True, slots=True)
class SeekTo:
    """The answer to a delivery that does not continue what was read before: read its partition again.

    Attributes:
        offset: the next offset to read.
    """

    offset: int
