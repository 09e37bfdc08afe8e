"""Forgets how far a source, or the topic of requests, was read, after checking that this is possible and safe."""

from aiokafka.errors import KafkaError

from schemas.sources import SourcesFile
from workers.core.direct_producers import intake_sources
from workers.errors import StartupError
from workers.intake.source_identity import forget
from workers.kafka.groups import members_of
from workers.kafka.topics import connected_admin
from workers.settings import REQUESTS, Settings
from workers.state.store import Store


async def forget_source(settings: Settings, sources: SourcesFile, store: Store, topic: str) -> int:
    """Forget how far a source was read, and return how many partitions it has.

    Raises:
        StartupError: if intake reads no such topic, a worker is alive, or Kafka does not answer. Nothing is
            forgotten then, except that Kafka may fail half-way; a second call finishes the work.
        Transient: if Redis does not answer.
        TopicsError: if Kafka has no such topic.
    """
    requests = settings.topic(REQUESTS)
    read = intake_sources(sources, settings.topic("activity"))
    if topic != requests and not any(source.is_topic_of(topic) for source in read):
        names = ", ".join([*(source.name for source in read), requests])
        raise StartupError([f"'{topic}' is no source that intake reads; those are: {names}"])
    try:
        async with connected_admin(settings.kafka_connection()) as admin:
            if alive := await members_of(admin, settings.kafka_group_id):
                group, session_seconds = settings.kafka_group_id, settings.kafka_session_timeout_ms / 1000
                raise StartupError(
                    [
                        f"{alive} workers of group '{group}' are alive: stop them first (one that was killed, "
                        f"or has a group instance id, counts as alive for another {session_seconds:.0f} s)"
                    ]
                )
        partitions = await forget(settings, store, topic)
        if topic == requests:
            await store.redis.call([("DEL", store.keys.requests)])
        return partitions
    except (KafkaError, OSError) as error:
        servers = settings.kafka_bootstrap_servers
        raise StartupError([f"Kafka at {servers} does not answer as it should: {error!r}"]) from error
