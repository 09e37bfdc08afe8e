"""The id of each source topic when it was first read, to notice a topic that was deleted and created again.

Records of the new topic have offsets that were folded before: intake would skip them, and the processor would drop
them as duplicates. Does not know the content of a record.
"""

import uuid
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer

from workers.kafka.clients.connecting import connect
from workers.kafka.range_reader import stop_consumer
from workers.kafka.records import TopicPartition
from workers.kafka.topics import TopicState, connected_admin, describe, log_bounds
from workers.settings import Settings
from workers.state.meta import high_waters_of
from workers.state.step import WriteSet
from workers.state.stopped_sources import read_stops
from workers.state.store import Store


async def remember(store: Store, topics: Mapping[str, TopicState]) -> None:
    """Store the ids of sources that are read for the first time; a stored id stays."""
    commands = [
        ("HSETNX", store.keys.sources, topic, state.topic_id) for topic, state in topics.items() if state.topic_id
    ]
    if commands:
        await store.redis.call(commands)


def recreated(stored_ids: Mapping[str, str], topics: Mapping[str, TopicState]) -> list[str]:
    """Return a problem for each source whose topic is not the one that was read.

    Args:
        stored_ids: the stored ids, by topic.
        topics: the sources as Kafka describes them.
    """
    return [
        f"source '{topic}' was deleted and created again (its id was {stored_ids[topic]}, is {state.topic_id}): its "
        "records would be taken for those read before. Stop all workers, and to read it from its beginning run: "
        f"linger sources forget {topic}"
        for topic, state in topics.items()
        if state.topic_id and stored_ids.get(topic, state.topic_id) != state.topic_id
    ]


async def forget(settings: Settings, store: Store, topic: str) -> int:
    """Forget a source's position, so that it is read from its beginning; no worker may run.

    Until it is done, workers refuse the topic; after an interruption, call it again. Customers' activities and the
    start of coverage stay.

    Returns:
        How many partitions the topic has.

    Raises:
        Transient: if Redis does not answer.
        KafkaError: if Kafka does not.
        TopicsError: if Kafka has no such topic.
    """
    await _forget_high_waters(settings, store, topic)
    async with connected_admin(settings.kafka_connection()) as admin:
        state = (await describe(admin, [topic])).get(topic)
    partitions = 0 if state is None else state.partitions
    if partitions:
        await _commit_beginning(settings, topic, partitions)
    fields = [str(TopicPartition(*partition)) for partition in await store.progress() if partition[0] == topic]
    if fields:
        await store.redis.call([("HDEL", store.keys.progress, *fields)])
    stopped = [str(partition) for partition in (await read_stops(store)).of_topic(topic)]
    if stopped:
        await store.redis.call([("HDEL", store.keys.stopped, *stopped)])
    # Last: the stored id makes workers refuse.
    await store.redis.call([("HDEL", store.keys.sources, topic)])
    return partitions


async def _forget_high_waters(settings: Settings, store: Store, topic: str) -> None:
    for partition, fields in (await store.metas(range(settings.partitions))).items():
        high_waters = dict.fromkeys(high_waters_of(topic, fields), -1)
        if high_waters:
            # Claimed, so that a worker that still runs cannot write them back.
            meta = (await store.claim(partition, uuid.uuid4().hex[:16])).meta
            async with store.step(partition, meta) as step:
                await step.read(())
                await step.commit(WriteSet(fields=dict(high_waters)))


async def _commit_beginning(settings: Settings, topic: str, partitions: int) -> None:
    consumer = AIOKafkaConsumer(
        group_id=settings.kafka_group_id, enable_auto_commit=False, **settings.kafka_connection()
    )
    await connect(consumer)
    try:
        bounds = await log_bounds(consumer, [(topic, number) for number in range(partitions)])
        consumer.assign(list(bounds))
        await consumer.commit({partition: log.earliest for partition, log in bounds.items()})
    finally:
        await stop_consumer(consumer)
