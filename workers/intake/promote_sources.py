"""Makes a `sources.yaml` the newest because an operator asks for it, also one that newer ones have replaced."""

from aiokafka.errors import KafkaError

from schemas.sources import SourcesFile
from workers.errors import StartupError
from workers.operations.pattern_topics import find_topics
from workers.settings import Settings
from workers.state.connect import clock_of
from workers.state.source_sets.activation import SourceActivation, activate_sources
from workers.state.store import Store


async def promote_sources(settings: Settings, sources: SourcesFile, store: Store) -> SourceActivation:
    """Activate a file as the newest generation; if it is the newest already, change nothing.

    Raises:
        StartupError: if Kafka does not answer.
        Transient: if Redis does not.
    """
    try:
        found, _ = await find_topics(settings, sources)
    except (KafkaError, OSError) as error:
        servers = settings.kafka_bootstrap_servers
        raise StartupError([f"Kafka at {servers} does not answer as it should: {error!r}"]) from error
    now_ms = (await clock_of(settings, store).read()).now_ms
    return await activate_sources(store, sources, found.topics, now_ms, allow_rollback=True)
