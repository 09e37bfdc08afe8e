"""Reads one status. It changes nothing, claims no partition and joins no group.

Redis is asked before Kafka: workers may read on in between, which only makes a log longer.
"""

import time
from pathlib import Path
from typing import Final

from workers.errors import StartupError
from workers.loading import load_configuration
from workers.settings import Settings, for_command
from workers.source_files.reading import load_sources
from workers.state.connect import opened_store
from workers.status.facts import NOT_ASKED, Facts, FileFacts, KafkaFacts, Setting, Unread, known
from workers.status.from_kafka import read_kafka
from workers.status.from_redis import read_redis
from workers.status.gathering import status_of, topics_of
from workers.status.shapes import Status

_ANSWER_TIMEOUT_MS: Final = 5_000


async def read_status(settings: Settings) -> Status:
    """Return what runs, how far it is, and what needs attention. What does not answer is in `unknown`.

    Args:
        settings: of a worker. A server that does not answer costs at most a few times ten seconds.
    """
    settings = for_command(settings).model_copy(
        update={"redis_timeout_ms": min(_ANSWER_TIMEOUT_MS, settings.redis_timeout_ms)}
    )
    wall_ms = time.time_ns() // 1_000_000
    setting = Setting(
        partitions=settings.partitions,
        group_id=settings.kafka_group_id,
        namespace=settings.redis_namespace,
        activity=settings.topic("activity"),
        prefix=settings.topic_prefix,
        outbox_limit=settings.outbox_limit,
        ends_are_exact=settings.kafka_enable_idempotence,
    )
    files = _files(settings)
    async with opened_store(settings) as store:
        redis = await read_redis(settings, store, wall_ms)
        facts = Facts(setting, wall_ms, files, redis, _NOTHING)
        metas = known(redis.metas)
        offsets = None if metas is None else {n: int(fields.get("offset", 0)) for n, fields in metas.items()}
        kafka = await read_kafka(settings, store, offsets, topics_of(facts))
    return status_of(Facts(setting, wall_ms, files, redis, kafka))


_NOTHING: Final = KafkaFacts(*[NOT_ASKED] * 7)


def _files(settings: Settings) -> FileFacts:
    """Read the files that are here. Files that are missing here are unknown; those with problems need attention."""
    missing = {
        path: Unread(f"{path} is not here") for path in (settings.sources, settings.rules) if _is_missing(path)
    }
    if missing:
        sources = missing.get(settings.sources) or load_sources(settings.sources)[0] or Unread("it has problems")
        return FileFacts(sources, missing.get(settings.rules) or Unread("they are read with sources.yaml only"))
    try:
        configuration = load_configuration(settings)
    except StartupError as error:
        return FileFacts(load_sources(settings.sources)[0] or NOT_ASKED, NOT_ASKED, error.problems)
    return FileFacts(configuration.sources, configuration.rules.hash)


def _is_missing(path: Path) -> bool:
    try:
        return not path.exists()
    except OSError:
        return False  # the reader of the files says why they cannot be read
