"""What a status needs of Kafka: the group, ends of logs, the newest dead letters, a record of each lagging partition.

It joins no group and commits nothing. Each question is asked apart from the others, so one that this user may not ask
leaves the others answered.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from workers.dead_letters.disposition import DispositionLog
from workers.dead_letters.record import read_dead_letter
from workers.errors import LingerError, StartupError
from workers.kafka.clients.connecting import connect
from workers.kafka.group_state import GroupState, group_state
from workers.kafka.newest_records import newest_of
from workers.kafka.range_reader import opened_reader, stop_consumer
from workers.kafka.records import TopicPartition
from workers.kafka.topics import TopicsError, connected_admin, describe, log_bounds
from workers.operations.pausing import read_pauses
from workers.operations.permissions import kafka_refusals
from workers.settings import Settings
from workers.state.store import Store
from workers.status.facts import NOT_ASKED, KafkaFacts, LetterFacts, NewestLetters, TopicLog, Unread, attempted, known

NEWEST_LETTERS: Final = 1_000
"""At most this many dead letters are looked at."""
MOST_FIRST_RECORDS: Final = 64
"""At most this many partitions have the first record that is not read looked at."""
_SECONDS: Final = 10.0
_SMALLEST_FETCH: Final = 1
"""Bytes to fetch of a partition: Kafka then sends one batch of records."""

Value = TypeVar("Value")


async def read_kafka(
    settings: Settings, store: Store, offsets: Mapping[int, int] | None, source_topics: Sequence[str]
) -> KafkaFacts:
    """Return what Kafka knows.

    Args:
        settings: of a worker.
        store: knows which dead letters were replayed or discarded.
        offsets: by activity partition, the next offset to read; None if they are not known.
        source_topics: whose ends are asked for.
    """
    connection = settings.kafka_connection()
    try:
        async with opened_reader(connection) as consumer:
            group, pauses = await asyncio.gather(
                attempted(_answered(_group(settings))), attempted(_answered(read_pauses(settings)))
            )
            # One after the other: a consumer answers one question at a time.
            activity = await attempted(_answered(_log(consumer, settings.topic("activity"))))
            missing = await attempted(_answered(_missing(consumer, settings, source_topics)))
            gone = known(missing) or ()
            sources = await _source_logs(consumer, [topic for topic in source_topics if topic not in gone])
            letters = await attempted(_answered(_newest_letters(consumer, settings, store)))
            first = await _first_unread(connection, known(activity), offsets)
    except StartupError as error:
        unread = Unread("; ".join(map(str, await kafka_refusals(settings))) or "; ".join(error.problems))
        return KafkaFacts(unread, unread, unread, unread, unread, unread, unread)
    return KafkaFacts(group, activity, first, sources, letters, pauses, missing)


async def _answered(question: Awaitable[Value]) -> Value:
    """Return an answer of Kafka.

    Raises:
        LingerError: if there is none.
    """
    try:
        return await asyncio.wait_for(question, 2 * _SECONDS)
    except TopicsError as error:
        raise StartupError(error.problems) from error
    except TimeoutError as error:
        raise LingerError(f"Kafka has not answered for {2 * _SECONDS:.0f} s") from error
    except (KafkaError, OSError, KeyError, ValueError) as error:
        raise LingerError(f"Kafka refuses or does not answer: {type(error).__name__}: {error}") from error


async def _group(settings: Settings) -> GroupState:
    async with connected_admin(settings.kafka_connection()) as admin:
        return await group_state(admin, settings.kafka_group_id)


async def _missing(consumer: AIOKafkaConsumer, settings: Settings, source_topics: Sequence[str]) -> list[str]:
    missing: list[str] = []
    for names in ([settings.topic(name) for name in settings.own_topics], source_topics):
        try:
            existing = await describe(consumer, names)
        except TopicsError:
            continue  # this user may not see all of them, and need not; doctor looks at each
        missing += [name for name in names if name not in existing]
    return missing


async def _log(consumer: AIOKafkaConsumer, topic: str) -> TopicLog:
    return (await _logs(consumer, [topic]))[topic]


async def _logs(consumer: AIOKafkaConsumer, topics: Sequence[str]) -> dict[str, TopicLog]:
    states = await describe(consumer, topics)
    if missing := [topic for topic in topics if topic not in states]:
        raise StartupError([f"topic '{topic}' does not exist" for topic in missing])
    places = [(topic, number) for topic, state in states.items() for number in range(state.partitions)]
    bounds = await log_bounds(consumer, places)
    return {
        topic: TopicLog(
            topic, state.topic_id, {place.partition: log for place, log in bounds.items() if place.topic == topic}
        )
        for topic, state in states.items()
    }


async def _source_logs(consumer: AIOKafkaConsumer, topics: Sequence[str]) -> Mapping[str, TopicLog | Unread]:
    """Return the logs of the sources; if not all can be seen, each is asked for alone."""
    together = await attempted(_answered(_logs(consumer, topics)))
    if not isinstance(together, Unread):
        return together
    return {topic: await attempted(_answered(_log(consumer, topic))) for topic in topics}


async def _newest_letters(consumer: AIOKafkaConsumer, settings: Settings, store: Store) -> NewestLetters:
    log = await _log(consumer, settings.topic("dead-letter"))
    stored = sum(bounds.end - bounds.earliest for bounds in log.bounds.values())
    if not stored:
        return NewestLetters(0, ())
    records = await newest_of(consumer, log.topic, NEWEST_LETTERS, _SECONDS)
    letters = [read_dead_letter(record) for record in records]
    positions = [letter.position for letter in letters]
    dispositions = await attempted(DispositionLog(store, log.topic_id).read_for(positions))
    return NewestLetters(
        stored,
        [
            LetterFacts(
                letter.reason,
                letter.topic,
                letter.at_ms,
                None if isinstance(dispositions, Unread) else dispositions.of(letter.position) is None,
            )
            for letter in letters
        ],
        dispositions.reason if isinstance(dispositions, Unread) else None,
    )


async def _first_unread(
    connection: Mapping[str, Any], activity: TopicLog | None, offsets: Mapping[int, int] | None
) -> Mapping[int, int] | Unread:
    if activity is None or offsets is None:
        return NOT_ASKED
    starts = {number: max(log.earliest, offsets.get(number, 0)) for number, log in activity.bounds.items()}
    lags = {number: log.end - starts[number] for number, log in activity.bounds.items()}
    lagging = sorted((number for number, lag in lags.items() if lag > 0), key=lambda number: -lags[number])
    places = {TopicPartition(activity.topic, number): starts[number] for number in lagging[:MOST_FIRST_RECORDS]}
    return await attempted(_answered(_times_of(connection, places))) if places else {}


async def _times_of(connection: Mapping[str, Any], starts: Mapping[TopicPartition, int]) -> dict[int, int]:
    """Return when the first record from an offset on was written, by partition; those that answer in time."""
    consumer = AIOKafkaConsumer(
        **connection,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=_SMALLEST_FETCH,
    )
    times: dict[int, int] = {}
    try:
        await connect(consumer)
        consumer.assign(list(starts))
        for place, offset in starts.items():
            consumer.seek(place, offset)
        async with asyncio.timeout(_SECONDS):
            while waiting := _without(starts, times):
                for place, records in (await consumer.getmany(*waiting, timeout_ms=500, max_records=None)).items():
                    for record in records[:1]:
                        times.setdefault(place.partition, record.timestamp)
    except TimeoutError:
        pass  # what has answered by then is shown
    finally:
        await stop_consumer(consumer)
    return times


def _without(starts: Iterable[TopicPartition], times: Mapping[int, int]) -> list[TopicPartition]:
    return [place for place in starts if place.partition not in times]
