"""What Kafka is spoken to in: a partition of a topic, and a record that is written to one.

Knows nothing of what is in a record, and of no topic of Linger's.
"""

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

if TYPE_CHECKING:

    class _TopicPartition(NamedTuple):
        topic: str
        partition: int

else:
    from aiokafka import TopicPartition as _TopicPartition


class TopicPartition(_TopicPartition):
    """One partition of a topic: `str()` writes `topic:partition`, and `parse` reads it.

    It is aiokafka's named tuple, because aiokafka accepts no other. It equals, also as a key, aiokafka's and Faust's
    own and a plain tuple of the same two values. Those are written differently: convert them first.

    Attributes:
        topic: the topic's name; Kafka allows no colon in it.
        partition: number of the partition.
    """

    __slots__ = ()

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}"

    @classmethod
    def parse(cls, text: str) -> "TopicPartition":
        """Read what `str()` wrote.

        Raises:
            ValueError: if nothing but a number follows the last colon.
        """
        topic, _, partition = text.rpartition(":")
        return cls(topic, int(partition))


class OutboxRecord(msgspec.Struct, array_like=True, frozen=True):
    """A record on its way to Kafka."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


encode_record = msgspec.msgpack.Encoder().encode


decode_record = msgspec.msgpack.Decoder(OutboxRecord).decode


MAX_RECORD_BYTES: Final = 8 << 20
