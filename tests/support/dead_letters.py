"""Dead letters and dispositions for tests."""

from collections.abc import AsyncIterator, Iterable, Sequence

from aiokafka import ConsumerRecord

from schemas.events import InvalidEvent
from workers.dead_letters.disposition import BLOCK, Dispositions
from workers.dead_letters.record import DeadLetter, Position, cut_dead_letters, dead_letter, read_dead_letter
from workers.kafka.records import Sendable

TOPIC = "shop.orders"
NOTHING = Dispositions({})
Header = tuple[str, bytes]


def stored(record: Sendable, position: Position = (2, 7), at_ms: int = 1_000) -> ConsumerRecord:
    """Return a record as Kafka returns it."""
    return ConsumerRecord(
        topic=record.topic,
        partition=position[0],
        offset=position[1],
        timestamp=at_ms,
        timestamp_type=0,
        key=record.key,
        value=record.value,
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        headers=tuple(record.headers),
    )


def dead_letter_at(
    position: Position = (2, 7),
    *,
    reason: str = "missing_field",
    source: tuple[str, int, int] = (TOPIC, 3, 41),
    value: bytes | None = b"{}",
    headers: Sequence[Header] = (),
    at_ms: int = 1_000,
    cut: bool = False,
) -> DeadLetter:
    """Return a dead letter that was written and read back."""
    record = dead_letter("linger.dead-letter", source, (b"k", value, headers), InvalidEvent(reason, "why"))
    return read_dead_letter(stored(cut_dead_letters([record])[0] if cut else record, position, at_ms))


async def each(dead_letters: Iterable[DeadLetter]) -> AsyncIterator[DeadLetter]:
    """Yield dead letters as a reader does."""
    for item in dead_letters:
        yield item


def recorded(kind: str, *positions: Position) -> Dispositions:
    """Return the dispositions in which these positions have one kind."""
    blocks: dict[Position, dict[str, str]] = {}
    for partition, offset in positions:
        block = blocks.setdefault((partition, offset // BLOCK), {kind: ""})
        block[kind] = f"{block[kind]},{offset}"
    return Dispositions(blocks)
