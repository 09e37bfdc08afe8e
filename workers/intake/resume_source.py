"""Asks the running workers to go on with a stopped source at once."""

from collections.abc import Mapping

from schemas.sources import SourcesFile
from workers.core.direct_producers import intake_sources
from workers.errors import StartupError
from workers.kafka.records import TopicPartition
from workers.settings import Settings
from workers.state.stopped_sources import Stop, read_stops, request_to_go_on
from workers.state.store import Store


async def resume_source(
    settings: Settings, sources: SourcesFile, store: Store, topic: str
) -> Mapping[TopicPartition, Stop]:
    """Ask the workers to go on with a source, and return the partitions of it that are stopped; none if it is not.

    Raises:
        StartupError: if intake reads no such topic.
        Transient: if Redis does not answer.
    """
    read = intake_sources(sources, settings.topic("activity"))
    if not any(source.is_topic_of(topic) for source in read):
        names = ", ".join(source.name for source in read) or "none"
        raise StartupError([f"'{topic}' is no source that intake reads; those are: {names}"])
    stops = (await read_stops(store)).of_topic(topic)
    if stops:
        await request_to_go_on(store, topic)
    return stops
