"""Which topic each source was when it was read: so that one created anew under the same name is noticed.

Its records have offsets that were folded before, so decide would drop them as known, and intake would skip them.
"""

import uuid
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer

from workers.kafka.range_reader import stop_consumer
from workers.kafka.records import TopicPartition
from workers.kafka.topics import TopicState, connected_admin, describe, log_bounds
from workers.settings import Settings
from workers.state.meta import high_waters_of
from workers.state.step import WriteSet
from workers.state.store import Store


async def remember(store: Store, topics: Mapping[str, TopicState]) -> None:
    """Note the ids of sources that are read for the first time; what is noted already stays."""
    commands = [("HSETNX", store.keys.sources, name, one.topic_id) for name, one in topics.items() if one.topic_id]
    if commands:
        await store.redis.call(commands)


def recreated(known: Mapping[str, str], topics: Mapping[str, TopicState]) -> list[str]:
    """Return a problem for each source that is another topic than the one that was read.

    Args:
        known: ids noted before, by topic.
        topics: the sources as Kafka describes them.
    """
    return [
        f"source '{name}' was deleted and created again (its id was {known[name]}, is {one.topic_id}): its records "
        "would be taken for those read before. Stop all workers, and to read it from its beginning run: "
        f"linger sources forget {name}"
        for name, one in topics.items()
        if one.topic_id and known.get(name, one.topic_id) != one.topic_id
    ]


async def forget(settings: Settings, store: Store, topic: str) -> int:
    """Forget how far a source was read, so that it is read from its beginning; no worker may run.

    Called again after it was interrupted it goes on; until it is done, workers refuse the topic. What is known of
    customers stays, and since when its types are watched.

    Returns:
        How many partitions the topic has.

    Raises:
        Transient: if Redis does not answer.
        KafkaError: if Kafka does not.
        TopicsError: if Kafka has no such topic.
    """
    await _forget_high_waters(settings, store, topic)
    async with connected_admin(settings.kafka_connection()) as admin:
        found = (await describe(admin, [topic])).get(topic)
    partitions = 0 if found is None else found.partitions
    if partitions:
        await _commit_beginning(settings, topic, partitions)
    told = await store.progress()
    gone = [str(TopicPartition(*place)) for place in told if place[0] == topic]
    if gone:
        await store.redis.call([("HDEL", store.keys.progress, *gone)])
    # Last: it is what makes workers refuse.
    await store.redis.call([("HDEL", store.keys.sources, topic)])
    return partitions


async def _forget_high_waters(settings: Settings, store: Store, topic: str) -> None:
    for number, fields in (await store.metas(range(settings.partitions))).items():
        gone = dict.fromkeys(high_waters_of(topic, fields), -1)
        if gone:
            # Claimed, so that a forgotten worker cannot write them back.
            meta = (await store.claim(number, uuid.uuid4().hex[:16])).meta
            async with store.step(number, meta) as step:
                await step.read(())
                await step.commit(WriteSet(fields=dict(gone)))


async def _commit_beginning(settings: Settings, topic: str, partitions: int) -> None:
    consumer = AIOKafkaConsumer(
        group_id=settings.kafka_group_id, enable_auto_commit=False, **settings.kafka_connection()
    )
    await consumer.start()
    try:
        places = [TopicPartition(topic, number) for number in range(partitions)]
        bounds = await log_bounds(consumer, places)
        consumer.assign(places)
        await consumer.commit({place: one.earliest for place, one in bounds.items()})
    finally:
        await stop_consumer(consumer)
