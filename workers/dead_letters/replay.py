"""Sends dead letters again, each to the topic and partition it came from; into the activity topic, by its key.

It sends what a plan lists and decides nothing. It prints nothing and knows no clock.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordTooLargeError

from workers.core.customer.customer import RING
from workers.core.source_positions import SOURCE_HEADER
from workers.dead_letters.disposition import DispositionLog
from workers.dead_letters.reader import DeadLetterReader
from workers.dead_letters.record import REPLAYS, DeadLetter, Header, Position
from workers.dead_letters.selection import Plan
from workers.errors import LingerError
from workers.kafka.clients.connecting import connect
from workers.kafka.range_reader import Advance
from workers.kafka.records import MAX_RECORD_BYTES
from workers.settings import Settings

__all__ = ["ReplayResult", "batches", "replay", "replayed_headers"]

_BATCH_RECORDS: Final = 500
_BATCH_BYTES: Final = 4 << 20


@dataclass(slots=True)
class ReplayResult:
    """What a replay has done.

    Attributes:
        sent: dead letters that Kafka confirmed and whose disposition is recorded.
        too_large: dead letters larger than their topic allows, and therefore not sent.
    """

    sent: int = 0
    too_large: list[Position] = field(default_factory=list)


async def replay(
    settings: Settings, reader: DeadLetterReader, plan: Plan, log: DispositionLog, advance: Advance
) -> ReplayResult:
    """Send the dead letters of a plan, each to the partition it came from, or into the activity topic by its key.

    A disposition is recorded after Kafka has confirmed the record, up to 500 at a time. If a replay is stopped in
    between, the next one sends these again.

    Args:
        settings: the connection, the deadline and the names of the topics.
        reader: reads the dead letters.
        plan: which to send, and which copies to record as replayed.
        log: takes the dispositions.
        advance: called with the number of dead letters processed.

    Raises:
        LingerError: if Kafka did not take a record; the dispositions of those sent before are recorded.
    """
    producer = AIOKafkaProducer(
        **settings.kafka_connection(),
        acks="all",
        enable_idempotence=settings.kafka_enable_idempotence,
        max_request_size=MAX_RECORD_BYTES + (1 << 20),
        linger_ms=5,
    )
    result = ReplayResult()
    try:
        await connect(producer)
        sender = _BatchSender(producer, settings, reader, log, result)
        async for batch in batches(reader.read_at(plan.positions)):
            await sender.send(batch)
            advance(len(batch))
        await log.record("replayed", plan.copies)
    except (TimeoutError, KafkaError, OSError) as error:
        raise LingerError(
            f"Kafka did not take a record: {type(error).__name__}: {error}. "
            f"{result.sent} were sent and noted before; run the same command again for the others"
        ) from error
    finally:
        await producer.stop()
    return result


async def batches(dead_letters: AsyncIterator[DeadLetter]) -> AsyncIterator[list[DeadLetter]]:
    """Group dead letters into batches that are sent, and then recorded, together.

    A batch has at most as many dead letters of one key as a customer's activity keeps event ids: after a crash the
    whole batch may be sent again, and every duplicate must be recognised.
    """
    batch: list[DeadLetter] = []
    keys: Counter[bytes] = Counter()
    size = 0
    async for dead_letter in dead_letters:
        batch.append(dead_letter)
        size += len(dead_letter.value or b"")
        if dead_letter.key is not None:
            keys[dead_letter.key] += 1
        if len(batch) >= _BATCH_RECORDS or size >= _BATCH_BYTES or keys[dead_letter.key or b""] >= RING:
            yield batch
            batch, keys, size = [], Counter(), 0
    if batch:
        yield batch


def replayed_headers(dead_letter: DeadLetter, activity_topic: str) -> tuple[Header, ...]:
    """Return the headers to send a dead letter with: its original ones, and the number of replays.

    A record of the activity topic is sent without intake's source header. With it, the processor would drop the
    record as a duplicate. Without it, the record counts as a direct producer's: checked in full, and dropped only if
    its event id is known.
    """
    dropped = {REPLAYS, SOURCE_HEADER} if dead_letter.topic == activity_topic else {REPLAYS}
    original_headers = tuple(header for header in dead_letter.headers if header[0] not in dropped)
    return (*original_headers, (REPLAYS, str(dead_letter.replays + 1).encode()))


class _BatchSender:
    """Sends batches, and records the dispositions of the dead letters that Kafka confirmed."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        settings: Settings,
        reader: DeadLetterReader,
        log: DispositionLog,
        result: ReplayResult,
    ) -> None:
        self._producer = producer
        self._activity_topic = settings.topic("activity")
        self._deadline_seconds = settings.kafka_delivery_timeout_ms / 1000
        self._reader = reader
        self._log = log
        self._result = result

    async def send(self, batch: Sequence[DeadLetter]) -> None:
        """Send a batch, wait for Kafka's confirmations, and record the dispositions.

        Raises:
            KafkaError: if a record was refused for another reason than its size.
            TimeoutError: if Kafka did not confirm a record within the deadline.
        """
        confirmations = [await self._hand_over(dead_letter) for dead_letter in batch]
        answers = await asyncio.gather(*confirmations, return_exceptions=True)
        answered = list(zip(batch, answers, strict=True))
        sent = [dead_letter.position for dead_letter, answer in answered if not isinstance(answer, BaseException)]
        await self._log.record("replayed", sent)
        self._result.sent += len(sent)
        for dead_letter, answer in answered:
            if isinstance(answer, MessageSizeTooLargeError | RecordTooLargeError):
                self._result.too_large.append(dead_letter.position)
            elif isinstance(answer, BaseException):
                raise answer

    async def _hand_over(self, dead_letter: DeadLetter) -> Awaitable[Any]:
        """Hand one dead letter to the producer and return its confirmation, which raises if Kafka refuses it."""
        topic, partition, _ = dead_letter.source or ("", 0, 0)
        # The original partition keeps a customer's records together, whichever partitioner their producer uses.
        # In the activity topic a customer has one partition, and a record in another one is a dead letter for that.
        is_kept = topic != self._activity_topic and partition < await self._reader.partitions_of(topic)
        try:
            future = await asyncio.wait_for(
                self._producer.send(
                    topic,
                    value=dead_letter.value,
                    key=dead_letter.key,
                    partition=partition if is_kept else None,
                    headers=list(replayed_headers(dead_letter, self._activity_topic)),
                ),
                self._deadline_seconds,
            )
        except (TimeoutError, KafkaError, OSError) as error:
            return _failed(error)
        return asyncio.wait_for(future, self._deadline_seconds)


async def _failed(error: BaseException) -> None:
    raise error
