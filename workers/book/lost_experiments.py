"""Reads back what Redis has lost of experiments, before rules are activated."""

import structlog

from schemas.book import BOOK
from workers.book.topic import BookTopic
from workers.errors import StartupError, Transient
from workers.kafka.range_reader import opened_reader
from workers.kafka.records import TopicPartition
from workers.kafka.topics import log_bounds
from workers.observability import log_events
from workers.settings import Settings
from workers.state.rule_sets.lost_experiments import give_back
from workers.state.store import Store

log = structlog.get_logger(__name__)


async def read_back(
    store: Store, settings: Settings, now_ms: int, *, is_cut: bool | None = None, has_files: bool = False
) -> None:
    """Give back to Redis what only the topic of the book has of experiments; a second call changes nothing.

    Args:
        store: of the state.
        settings: they name the topics.
        now_ms: the present moment.
        is_cut: whether customers are made again from a log that has lost its beginning; None to ask Kafka.
        has_files: whether figures come back from state files.

    Raises:
        Transient: if Redis or Kafka does not answer, or the topic cannot be read.
    """
    try:
        copied = await BookTopic(settings.kafka_connection(), settings.topic(BOOK)).experiments()
        if copied and is_cut is None:
            is_cut = await _is_cut(settings)
    except StartupError as error:
        raise Transient(str(error)) from error
    number = await give_back(store, copied, now_ms, is_cut=bool(is_cut), has_files=has_files)
    if number:
        log.warning(log_events.EXPERIMENTS_GIVEN_BACK, experiments=number)


async def _is_cut(settings: Settings) -> bool:
    """Return whether the log of any partition has lost its beginning."""
    places = [TopicPartition(settings.topic("activity"), number) for number in range(settings.partitions)]
    async with opened_reader(settings.kafka_connection()) as consumer:
        bounds = await log_bounds(consumer, places)
    return any(log.earliest > 0 for log in bounds.values())
