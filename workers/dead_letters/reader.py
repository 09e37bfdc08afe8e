"""The dead-letter box: reading dead letters, and sending them again to where they came from.

Prints nothing and knows no clock. The topic is read without a consumer group, from its beginning to where it ended
when it was opened.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordTooLargeError

from workers.core.customer.activity import RING
from workers.dead_letters.disposition import DispositionLog, Place
from workers.dead_letters.selection import DeadLetter, Plan, read_letter, replayed_headers
from workers.errors import LingerError, StartupError
from workers.kafka.range_reader import opened_reader
from workers.kafka.records import MAX_RECORD_BYTES
from workers.kafka.topics import LogBounds, describe, log_bounds
from workers.settings import Settings

__all__ = ["Advance", "DeadLetterBox", "Replayed", "batches", "opened_box", "replay"]

_FETCH_MS: Final = 500
_AT_ONCE: Final = 500
_BYTES_AT_ONCE: Final = 4 << 20
_PATIENCE_SECONDS: Final = 60.0

Advance = Callable[[int], object]
"""Told how many offsets were passed, or letters sent."""


@asynccontextmanager
async def opened_box(settings: Settings) -> "AsyncIterator[DeadLetterBox]":
    """Connect to Kafka and look at the dead-letter topic, for the length of a `with` block.

    Raises:
        StartupError: the topic does not exist, or Kafka does not answer.
    """
    topic = settings.topic("dead-letter")
    async with opened_reader(settings.kafka_connection()) as consumer:
        states = await describe(consumer, [topic])
        if topic not in states:
            raise StartupError(
                [f"topic '{topic}' does not exist; check LINGER_TOPIC_PREFIX, or: linger topics create"]
            )
        bounds = await log_bounds(consumer, [(topic, number) for number in range(states[topic].partitions)])
        yield DeadLetterBox(
            consumer, topic, states[topic].topic_id, {place.partition: bound for place, bound in bounds.items()}
        )


class DeadLetterBox:
    """The dead-letter topic.

    Attributes:
        topic_id: which topic of its name it is; None where the broker does not tell.
        bounds: what can be read of each partition, as it was when the box was opened.
    """

    def __init__(
        self, consumer: AIOKafkaConsumer, topic: str, topic_id: str | None, bounds: Mapping[int, LogBounds]
    ) -> None:
        self._consumer = consumer
        self._topic = topic
        self._partitions: dict[str, int] = {}
        self.topic_id = topic_id
        self.bounds = dict(bounds)

    @property
    def size(self) -> int:
        """How many offsets there are to be passed."""
        return sum(bound.end - bound.earliest for bound in self.bounds.values())

    @property
    def starts(self) -> dict[int, int]:
        """The earliest offset of each partition."""
        return {partition: bound.earliest for partition, bound in self.bounds.items()}

    async def partitions_of(self, topic: str) -> int:
        """Return how many partitions a topic has, 0 if it does not exist."""
        if topic not in self._partitions:
            state = (await describe(self._consumer, [topic])).get(topic)
            self._partitions[topic] = 0 if state is None else state.partitions
        return self._partitions[topic]

    async def letters(self, advance: Advance) -> AsyncIterator[DeadLetter]:
        """Read all letters, each partition in order."""
        spans = {partition: (bound.earliest, bound.end) for partition, bound in self.bounds.items()}
        async for letter in self._read(spans, advance, whole=True):
            yield letter

    async def some(self, places: Iterable[Place], advance: Advance) -> AsyncIterator[DeadLetter]:
        """Read the letters at these places, each partition in order; those that are not there are left out."""
        wanted = set(places)
        spans: dict[int, tuple[int, int]] = {}
        for partition, offset in wanted:
            bound = self.bounds[partition]
            # Whoever asks for what lies behind the end is sent to the beginning: begin at a record that is there.
            inside = max(bound.earliest, min(offset, bound.end - 1))
            first, end = spans.get(partition, (inside, inside + 1))
            spans[partition] = (min(first, inside), max(end, offset + 1) if bound.end > bound.earliest else first)
        async for letter in self._read(spans, advance, whole=False):
            if letter.place in wanted:
                yield letter

    async def _read(
        self, spans: Mapping[int, tuple[int, int]], advance: Advance, *, whole: bool
    ) -> AsyncIterator[DeadLetter]:
        """Read from the first offset of each partition up to its end, which is not read; or to where the log ends."""
        ends = {partition: end for partition, (first, end) in spans.items() if end > first}
        if not ends:
            return
        places = {partition: TopicPartition(self._topic, partition) for partition in ends}
        passed = {partition: spans[partition][0] for partition in ends}
        heard: set[TopicPartition] = set()
        self._consumer.assign(list(places.values()))
        for partition, place in places.items():
            self._consumer.seek(place, passed[partition])
        give_up_at = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
        while ends:
            left = [places[partition] for partition in ends]
            fetched = await self._consumer.getmany(*left, timeout_ms=_FETCH_MS, max_records=_AT_ONCE)
            for place, records in fetched.items():
                if place not in heard:
                    heard.add(place)
                    ends[place.partition] = self._true_end(place, ends[place.partition], whole=whole)
                for record in records:
                    if record.offset < ends[place.partition]:
                        yield read_letter(record)
            if moved := await self._passed(places, passed, ends):
                give_up_at = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
                advance(moved)
            elif asyncio.get_running_loop().time() > give_up_at:
                raise StartupError([f"Kafka has sent nothing of '{self._topic}' for {_PATIENCE_SECONDS:.0f} s"])

    def _true_end(self, place: TopicPartition, end: int, *, whole: bool) -> int:
        """The embedded broker lists ends that are too low; what it says beside the records is right."""
        told = max(self.bounds[place.partition].end, self._consumer.highwater(place) or 0)
        return max(end, told) if whole else min(end, told)

    async def _passed(
        self, places: Mapping[int, TopicPartition], passed: dict[int, int], ends: dict[int, int]
    ) -> int:
        """Return how many offsets were passed since the last look, and drop the partitions that are read."""
        moved = 0
        for partition in list(ends):
            position = await self._consumer.position(places[partition])
            moved += position - passed[partition]
            passed[partition] = position
            if position >= ends[partition]:
                del ends[partition]
                self._consumer.pause(places[partition])
        return moved


# -- sending ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Replayed:
    """What a replay did.

    Attributes:
        sent: confirmed by Kafka and noted.
        too_large: larger than their topic allows, and therefore not sent.
    """

    sent: int = 0
    too_large: list[Place] = field(default_factory=list)


async def replay(
    settings: Settings, box: DeadLetterBox, plan: Plan, notebook: DispositionLog, advance: Advance
) -> Replayed:
    """Send the letters of a plan, each to the partition it came from.

    A letter is noted after Kafka confirmed it, a few hundred at a time: whoever is stopped in between sends those
    once more at the next call.

    Raises:
        LingerError: if Kafka did not take a record; what was taken before is noted.
    """
    producer = AIOKafkaProducer(
        **settings.kafka_connection(),
        acks="all",
        enable_idempotence=settings.kafka_enable_idempotence,
        max_request_size=MAX_RECORD_BYTES + (1 << 20),
        linger_ms=5,
    )
    result = Replayed()
    try:
        await producer.start()
        sending = _Sending(producer, settings, box, notebook, result)
        async for batch in batches(box.some(plan.taken, lambda _: None)):
            await sending.send(batch)
            advance(len(batch))
        await notebook.note("replayed", plan.copies)
    except (TimeoutError, KafkaError, OSError) as error:
        raise LingerError(
            f"Kafka did not take a record: {type(error).__name__}: {error}. "
            f"{result.sent} were sent and noted before; the same command goes on with the others"
        ) from error
    finally:
        await producer.stop()
    return result


async def batches(letters: AsyncIterator[DeadLetter]) -> AsyncIterator[list[DeadLetter]]:
    """Gather letters into what is sent and noted together.

    Of one key no more than a customer's activity knows event ids of: all of them may be sent once more after this
    process was killed, and each has then to be recognised.
    """
    batch: list[DeadLetter] = []
    keys: Counter[bytes] = Counter()
    size = 0
    async for letter in letters:
        batch.append(letter)
        size += len(letter.value or b"")
        if letter.key is not None:
            keys[letter.key] += 1
        if len(batch) >= _AT_ONCE or size >= _BYTES_AT_ONCE or keys[letter.key or b""] >= RING:
            yield batch
            batch, keys, size = [], Counter(), 0
    if batch:
        yield batch


class _Sending:
    """Sends batches and notes what Kafka confirmed."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        settings: Settings,
        box: DeadLetterBox,
        notebook: DispositionLog,
        result: Replayed,
    ) -> None:
        self._producer = producer
        self._activity_topic = settings.topic("activity")
        self._deadline_seconds = settings.kafka_delivery_timeout_ms / 1000
        self._box = box
        self._notebook = notebook
        self._result = result

    async def send(self, letters: Sequence[DeadLetter]) -> None:
        """Send letters, wait until Kafka has them, and note them."""
        sent = [await self._sent(letter) for letter in letters]
        answers = await asyncio.gather(*sent, return_exceptions=True)
        taken = [letter.place for letter, answer in zip(letters, answers, strict=True) if not _is_failure(answer)]
        await self._notebook.note("replayed", taken)
        self._result.sent += len(taken)
        for letter, answer in zip(letters, answers, strict=True):
            if isinstance(answer, MessageSizeTooLargeError | RecordTooLargeError):
                self._result.too_large.append(letter.place)
            elif isinstance(answer, BaseException):
                raise answer

    async def _sent(self, letter: DeadLetter) -> Any:
        """Hand one letter to the producer and return what its confirmation is awaited by."""
        topic, partition, _ = letter.source or ("", 0, 0)
        # Where it was is where its neighbours are, whatever partitioner its producer has.
        there = partition < await self._box.partitions_of(topic)
        try:
            future = await asyncio.wait_for(
                self._producer.send(
                    topic,
                    value=letter.value,
                    key=letter.key,
                    partition=partition if there else None,
                    headers=list(replayed_headers(letter, self._activity_topic)),
                ),
                self._deadline_seconds,
            )
        except (TimeoutError, KafkaError, OSError) as error:
            return _failed(error)
        return asyncio.wait_for(future, self._deadline_seconds)


async def _failed(error: BaseException) -> None:
    raise error


def _is_failure(answer: object) -> bool:
    return isinstance(answer, BaseException)
