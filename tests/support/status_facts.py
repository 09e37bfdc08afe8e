"""The facts of a status in which all is well; a test changes what its law is about."""

from dataclasses import replace
from typing import Any, Final

from schemas.sources import SourcesFile
from tests.support.builders import day
from workers.core.source_changes import content_hash
from workers.core.watermarks import Progress
from workers.kafka.group_state import AssignedMember, GroupState
from workers.kafka.records import TopicPartition
from workers.kafka.topics import LogBounds
from workers.pauses.pause_list import PauseList
from workers.state.brake import BrakeState
from workers.state.stopped_sources import StoredStops
from workers.status.facts import (
    AgreedFields,
    Facts,
    FileFacts,
    KafkaFacts,
    NewestLetters,
    Queues,
    RedisFacts,
    Setting,
    TopicLog,
)
from workers.status.gathering import status_of
from workers.status.shapes import Server, Status

NOW_MS: Final = day(10)
SETTING: Final = Setting(2, "shop-linger", "shop", "linger.activity", "linger", 1_000)
SOURCES: Final = SourcesFile.model_validate(
    {
        "sources": [
            {"topic": "orders", "format": "canonical", "events": ["purchase"], "max_silence": "3 days"},
            {"topic": "site", "format": "canonical", "events": ["login"], "max_silence": "3 days"},
        ]
    }
)
META: Final = {
    "offset": "20",
    "topic_id": "id-1",
    "partitions": "2",
    "generation": "3",
    "swept": "3",
    "layout": "4",
    "n:active:gone": "7",
    "last:gone": str(day(9)),
}
READ: Final = Progress(NOW_MS, NOW_MS, day(0), 1, {0: 20, 1: 20}, 0, {"purchase": NOW_MS, "login": NOW_MS}, 5)
QUEUES: Final = Queues(due=4, overdue=0, oldest_due_ms=day(12), outbox=0, held=0)
AGREED: Final = AgreedFields(
    {"generation": "3", "hash": "abc", "rule:gone": "x 3 0"},
    {"generation": "2", "hash": content_hash(SOURCES)},
    {"orders": "id-orders"},
)
REDIS: Final = RedisFacts(
    now_ms=NOW_MS,
    metas={0: META, 1: META},
    queues={0: QUEUES, 1: QUEUES},
    held=[],
    waiting={"purchase": 0, "login": 0},
    progress={("orders", 0): READ, ("site", 0): READ},
    seen={0: NOW_MS, 1: NOW_MS},
    agreed=AGREED,
    stops=StoredStops(),
    brake=BrakeState(hour=0, passed=1, limit=500, is_written=False, has_braked=False),
    servers=[Server("redis:6379", 50 << 20, 100 << 20, "noeviction")],
    differing={},
    experiments={},
)


def worker(name: str, *partitions: int, sources: tuple[str, ...] = ()) -> AssignedMember:
    """Return a member that owns these partitions of the activity topic, and the first one of some sources."""
    places = [TopicPartition("linger.activity", number) for number in partitions]
    places += [TopicPartition(topic, 0) for topic in sources]
    return AssignedMember("linger", "10.0.0.1", 3, name, tuple(places))


KAFKA: Final = KafkaFacts(
    group=GroupState(
        "Stable", (worker("linger-a", 0, sources=("orders",)), worker("linger-b", 1, sources=("site",)))
    ),
    activity=TopicLog("linger.activity", "id-1", {0: LogBounds(0, 20), 1: LogBounds(0, 20)}),
    first_unread_ms={},
    sources={topic: TopicLog(topic, f"id-{topic}", {0: LogBounds(0, 5)}) for topic in ("orders", "site")},
    dead_letters=NewestLetters(0, ()),
    pauses=PauseList(),
    missing=(),
)


def facts(**changed: Any) -> Facts:
    """Return facts; each change is named after a field of Redis, Kafka or the files, or of the facts themselves."""
    of_redis = {name: changed.pop(name) for name in [*changed] if hasattr(REDIS, name)}
    of_kafka = {name: changed.pop(name) for name in [*changed] if hasattr(KAFKA, name)}
    whole = {"setting": SETTING, "wall_ms": NOW_MS, "files": FileFacts(SOURCES, "abc"), **changed}
    return Facts(**whole, redis=replace(REDIS, **of_redis), kafka=replace(KAFKA, **of_kafka))


def status(**changed: Any) -> Status:
    """Return the status of these facts."""
    return status_of(facts(**changed))
