"""The snapshot of Kafka at the start of a rebuild, and the preconditions that it must meet."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from workers.errors import LingerError, StartupError, Transient
from workers.kafka.clients.connecting import connect
from workers.kafka.groups import committed_offsets, members_of
from workers.kafka.range_reader import stop_consumer
from workers.kafka.records import TopicPartition
from workers.kafka.requirements import missing_topics, wrong_partitions
from workers.kafka.topic_configs import may_be_compacted
from workers.kafka.topics import LogBounds, TopicState, connected_admin, describe, log_bounds
from workers.settings import MARKS, Settings
from workers.state.consistency import Log


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Kafka at the moment when the rebuild began.

    Attributes:
        activity_topic: name of the activity topic.
        topics: Linger's topics and the source topics, by name.
        bounds: log bounds of each partition of the activity topic and of the source topics.
        committed: next offset that intake reads, by source partition; missing if it never committed one.
        tombstone_topics: those with a customer's id as key from which a tombstone deletes.
    """

    activity_topic: str
    topics: Mapping[str, TopicState]
    bounds: Mapping[TopicPartition, LogBounds]
    committed: Mapping[TopicPartition, int]
    tombstone_topics: Collection[str]

    @property
    def activity_logs(self) -> dict[int, Log]:
        """The logs of the activity topic, by partition."""
        topic = self.topics[self.activity_topic]
        logs = {}
        for partition in range(topic.partitions):
            bounds = self.bounds[TopicPartition(topic.name, partition)]
            logs[partition] = Log(topic.name, topic.topic_id, topic.partitions, bounds.earliest, bounds.end)
        return logs


@asynccontextmanager
async def connected(
    settings: Settings, source_topics: Sequence[str], *, allow_workers: bool
) -> AsyncIterator[tuple[AIOKafkaConsumer, Snapshot]]:
    """Connect to Kafka for the length of a `with` block, and check the preconditions of a rebuild.

    Args:
        settings: of Linger.
        source_topics: topics that intake reads.
        allow_workers: do not refuse while workers of the group are alive.

    Returns:
        A started consumer without a group, and the snapshot.

    Raises:
        StartupError: if a topic is missing or has the wrong number of partitions, or workers are alive.
        LingerError: if Kafka or Redis does not answer, here or in the block.
    """
    connection = settings.kafka_connection()
    consumer = AIOKafkaConsumer(
        enable_auto_commit=False, auto_offset_reset="none", isolation_level="read_committed", **connection
    )
    try:
        async with connected_admin(connection) as admin:
            topics = await _described(admin, settings, source_topics)
            if not allow_workers:
                await _refuse_workers(admin, settings)
            committed = await committed_offsets(admin, settings.kafka_group_id)
            compacted = await may_be_compacted(admin, list(map(settings.topic, settings.topics_by_customer)))
        await connect(consumer)
        activity_topic = settings.topic("activity")
        partitions = [
            (topic, partition)
            for topic in (activity_topic, *source_topics)
            for partition in range(topics[topic].partitions)
        ]
        bounds = await log_bounds(consumer, partitions)
        yield consumer, Snapshot(activity_topic, topics, bounds, committed, compacted)
    except Transient as error:
        raise LingerError(f"{error}. Run this again: it continues where it stopped") from error
    except (KafkaError, OSError) as error:
        raise LingerError(f"Kafka failed: {error!r}. Run this again: it continues where it stopped") from error
    finally:
        await stop_consumer(consumer)


async def _described(
    admin: AIOKafkaAdminClient, settings: Settings, source_topics: Sequence[str]
) -> dict[str, TopicState]:
    partitioned = [settings.topic(name) for name in ("activity", *settings.topics_by_customer, MARKS)]
    required = [*partitioned, settings.topic("dead-letter"), *source_topics]
    topics = await describe(admin, required)
    missing = missing_topics(required, topics)
    wrong = wrong_partitions(partitioned, topics, settings.partitions)
    if problems := [str(problem) for problem in (*missing, *wrong)]:
        raise StartupError(problems)
    return topics


async def _refuse_workers(admin: AIOKafkaAdminClient, settings: Settings) -> None:
    group, session_seconds = settings.kafka_group_id, settings.kafka_session_timeout_ms / 1000
    if workers := await members_of(admin, group):
        raise StartupError(
            [
                f"{workers} workers of group '{group}' are alive: stop them first (one that was killed, or has a "
                f"group instance id, counts as alive for another {session_seconds:.0f} s). With --among-workers they "
                "are fenced instead; a worker that starts meanwhile interrupts the rebuild"
            ]
        )
