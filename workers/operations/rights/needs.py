"""The rights that each command needs of Kafka and Redis; a command that is not here fails a test.

Commands that read files only, ask a worker over HTTP, or start servers of their own need none. Where it depends on
the options, all that any of them needs is listed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from schemas.actions import AT_RISK, BUILT_IN_ACTIONS
from schemas.book import BOOK
from schemas.stages import STAGES
from workers.audit.commands import CHANGES, READS
from workers.kafka.rights import Right
from workers.operations.rights.redis_commands import COMMANDS
from workers.settings import AUDIT, DECISIONS, MARKS, OWN_TOPICS, PAUSES, REQUESTS, Settings

SOURCES: Final = "the sources"
"""Stands for every topic of the sources file."""
GROUP: Final = "the group"
"""Stands for LINGER_KAFKA_GROUP_ID."""

KafkaNeeds = Mapping[str, frozenset[Right]]
"""Rights by place: one of Linger's own topics without its prefix, `SOURCES` or `GROUP`."""


@dataclass(frozen=True, slots=True)
class Needs:
    """The rights that a command or a role needs.

    Attributes:
        kafka: rights by place.
        redis: commands on the keys of the namespace; empty if it connects to no Redis.
    """

    kafka: KafkaNeeds = field(default_factory=dict)
    redis: frozenset[str] = frozenset()

    def lack(self, needed: "Needs") -> bool:
        """Return whether some of what is needed is not among these rights."""
        return bool(needed.redis - self.redis) or any(
            rights - with_implied(self.kafka.get(place, ())) for place, rights in needed.kafka.items()
        )


def with_implied(rights: Iterable[Right]) -> frozenset[Right]:
    """Return the rights, and those that Kafka gives with them."""
    given = frozenset(rights)
    return given | {Right.DESCRIBE} if given & {Right.READ, Right.WRITE} else given


def rights_by_topic(needs: Needs, settings: Settings, source_topics: Iterable[str]) -> dict[str, frozenset[Right]]:
    """Return by the name of a topic what is needed there, sources first; a group is no topic.

    What is needed of `at-risk` is needed of every action that `sources.yaml` declares.

    Args:
        needs: of a command.
        settings: name Linger's own topics.
        source_topics: stand for `SOURCES`; one of Linger's own may be among them.
    """
    topics = dict.fromkeys(source_topics, needs.kafka[SOURCES]) if SOURCES in needs.kafka else {}
    declared = [name for name in settings.actions if name not in BUILT_IN_ACTIONS]
    for place, rights in needs.kafka.items():
        for name in () if place in (SOURCES, GROUP) else (place, *(declared if place == AT_RISK else ())):
            topic = settings.topic(name)
            topics[topic] = topics.get(topic, frozenset()) | rights
    return topics


def together(several: Iterable[Needs]) -> Needs:
    """Return all of several needs; what Kafka gives with another right is left out."""
    kafka: dict[str, frozenset[Right]] = {}
    redis: frozenset[str] = frozenset()
    for needs in several:
        redis |= needs.redis
        for place, rights in needs.kafka.items():
            kafka[place] = kafka.get(place, frozenset()) | rights
    return Needs({place: _written(rights) for place, rights in kafka.items()}, redis)


def _written(rights: frozenset[Right]) -> frozenset[Right]:
    return rights - {Right.DESCRIBE} if rights & {Right.READ, Right.WRITE} else rights


def _rights(*rights: Right) -> frozenset[Right]:
    return frozenset(rights)


_READ: Final = _rights(Right.READ)
_SEEN: Final = _rights(Right.DESCRIBE)
_ACTIONS: Final = (*BUILT_IN_ACTIONS, DECISIONS, STAGES)

# -- Redis: what goes to it together ---------------------------------------------------------------------------------

_SCAN: Final = frozenset({"SCAN", "INFO"})
_STATE: Final = frozenset({"HMGET"})
"""Whether the settings lead to the state of the workers."""
_CLOCK: Final = frozenset({"GET"})
_REWRITE: Final = frozenset({"WATCH", "UNWATCH", "HGETALL", "MULTI", "DEL", "HSET", "EXEC"})
_STEP: Final = _REWRITE - {"DEL"} | {"HMGET", "MGET", "LRANGE"}
"""Claims a partition, and changes fields of its `meta`."""
_WORKER: Final = frozenset(name for name, *_ in COMMANDS) | {"WATCH", "UNWATCH", "MULTI", "EXEC", "INFO"}
_CUSTOMER: Final = _STATE | _CLOCK | {"HGETALL", "LRANGE"}
_PERSON: Final = _CUSTOMER | {"ZSCORE"}
_HELD: Final = _STATE | _SCAN | _CLOCK | {"ZCARD", "ZRANGE"}
_DISPOSITIONS: Final = _STATE | {"SMEMBERS", "HGETALL"}
_NEW_DISPOSITIONS: Final = _DISPOSITIONS | _REWRITE | {"SADD", "SREM"}
_ACTIVATION: Final = _STATE | _CLOCK | _REWRITE | {"HDEL"}
_EXPORT: Final = _STATE | _SCAN | _CLOCK | {"HGETALL", "LRANGE", "ZRANGE", "MGET"}
_SCANNED: Final = _STATE | _SCAN | _CLOCK | {"HGET", "HGETALL", "MGET"}
_ORDERS: Final = _STATE | _CLOCK | {"HGETALL", "LRANGE", "MGET"}
_PAUSE: Final = _STATE | _SCAN | {"HGETALL"}

_STATUS: Final = _CLOCK | {"INFO", "HGETALL", "HLEN", "LLEN", "ZCARD", "ZCOUNT", "ZRANGE"}

# -- Kafka: likewise -----------------------------------------------------------------------------------------------

_RUN: Final[KafkaNeeds] = {
    "activity": _rights(Right.READ, Right.WRITE),
    PAUSES: _rights(Right.READ, Right.WRITE),
    MARKS: _rights(Right.READ, Right.WRITE),
    BOOK: _rights(Right.READ, Right.WRITE),
    REQUESTS: _READ,
    **dict.fromkeys((*_ACTIONS, "dead-letter"), _rights(Right.WRITE)),
    SOURCES: _READ,
    GROUP: _READ,
}
_SETTINGS: Final = _rights(Right.DESCRIBE_CONFIGS)
"""A worker warns with it, and does without."""
_DOCTOR: Final[KafkaNeeds] = {
    **{place: rights if place == GROUP else rights | _SETTINGS for place, rights in _RUN.items()},
    AUDIT: _SETTINGS,
}
_CREATE: Final[KafkaNeeds] = dict.fromkeys(OWN_TOPICS, _rights(Right.CREATE, Right.DESCRIBE, Right.DESCRIBE_CONFIGS))
_FILES: Final[KafkaNeeds] = {**dict.fromkeys(("activity", *_ACTIONS, "dead-letter"), _SEEN), GROUP: _SEEN}
_REBUILD: Final[KafkaNeeds] = {
    "activity": _READ,
    **dict.fromkeys((*_ACTIONS, "dead-letter", MARKS, BOOK), _rights(Right.READ, Right.WRITE)),
    PAUSES: _READ,
    SOURCES: _READ,
    GROUP: _SEEN,
}
_SUPPRESS: Final[KafkaNeeds] = {"activity": _rights(Right.WRITE), GROUP: _SEEN}
_ERASE: Final[KafkaNeeds] = {
    **dict.fromkeys((*_ACTIONS, "dead-letter", REQUESTS), _READ | _SETTINGS),
    "activity": _rights(Right.READ, Right.WRITE) | _SETTINGS,
    GROUP: _SEEN,
}
_HISTORY: Final[KafkaNeeds] = {"activity": _READ, SOURCES: _READ}

_OF_THE_WORK: Final[Mapping[str, Needs]] = {
    "audit": Needs({AUDIT: _READ}),
    "config show": Needs(),
    "customer erase": Needs(_ERASE, _ORDERS),
    "customer marks": Needs({}, _STATE | {"HGETALL"}),
    "customer ref": Needs(),
    "customer export": Needs(
        dict.fromkeys(("activity", *_ACTIONS, "dead-letter", REQUESTS, MARKS, AUDIT), _READ), _PERSON | {"HGET"}
    ),
    "customer resume": Needs(_SUPPRESS, _ORDERS),
    "customers": Needs({}, _STATE | {"HGETALL", "ZCARD", "ZRANGE", "ZSCORE"}),
    "customer show": Needs({}, _PERSON | {"HGET"}),
    "customer suppress": Needs(_SUPPRESS, _ORDERS),
    "dead-letters discard": Needs({"dead-letter": _READ}, _NEW_DISPOSITIONS),
    "dead-letters list": Needs({"dead-letter": _READ}, _DISPOSITIONS),
    "dead-letters replay": Needs(
        {"dead-letter": _READ, **dict.fromkeys(("activity", REQUESTS, SOURCES), _rights(Right.WRITE))},
        _NEW_DISPOSITIONS,
    ),
    "dead-letters show": Needs({"dead-letter": _READ}, _DISPOSITIONS),
    "demo": Needs(),
    "doctor": Needs(_DOCTOR, _WORKER),
    "experiments": Needs({}, _STATE | _CLOCK | {"HGET", "HGETALL"}),
    "forecast": Needs({}, _SCANNED),
    "healthcheck": Needs(),
    "pause": Needs({PAUSES: _rights(Right.READ, Right.WRITE), GROUP: _SEEN}, _PAUSE),
    "paused": Needs({PAUSES: _READ}, _STATE | _CLOCK | {"HGETALL"}),
    "rebuild": Needs(_REBUILD, _WORKER | {"SADD"}),
    "report": Needs({BOOK: _READ}, _SCANNED | {"LRANGE"}),
    "resume": Needs({PAUSES: _rights(Right.READ, Right.WRITE), GROUP: _SEEN}, _STATE | {"HGETALL"}),
    "rules check": Needs(_HISTORY),
    "rules discard": Needs({}, _HELD | {"HGETALL", "RPUSH"}),
    "rules explain": Needs(),
    "rules held": Needs({}, _HELD),
    "rules preview": Needs(_HISTORY),
    "rules promote": Needs({}, _ACTIVATION),
    "rules release": Needs({}, _HELD | {"HGETALL", "RPUSH"}),
    "rules test": Needs(),
    "rules tune": Needs(_HISTORY),
    "run": Needs(_RUN, _WORKER),
    "scan": Needs({}, _SCANNED),
    "sources check": Needs(),
    "sources forget": Needs({SOURCES: _READ, REQUESTS: _READ, GROUP: _READ}, _STATE | _STEP | {"HDEL", "DEL"}),
    "sources guess": Needs({SOURCES: _READ}),
    "sources promote": Needs({SOURCES: _SEEN}, _ACTIVATION),
    "sources resume": Needs({}, frozenset({"HGETALL", "HSET"})),
    "sources test": Needs(),
    "sources try": Needs(_HISTORY),
    "stages": Needs({}, _SCANNED),
    "state export": Needs(_FILES, _EXPORT),
    "state import": Needs({**_FILES, MARKS: _READ}, _WORKER | {"SADD"}),
    "status": Needs({"activity": _READ, "dead-letter": _READ, PAUSES: _READ, SOURCES: _SEEN, GROUP: _SEEN}, _STATUS),
    "topics create": Needs(_CREATE),
    "upgrade finish": Needs({GROUP: _SEEN}, _STATE | _REWRITE),
    "why": Needs({}, _CUSTOMER | {"HGET"}),
}
_OF_THE_AUDIT: Final = Needs({AUDIT: _rights(Right.WRITE)})
NEEDS: Final[Mapping[str, Needs]] = {
    name: together([needs, _OF_THE_AUDIT]) if name in CHANGES | READS else needs
    for name, needs in _OF_THE_WORK.items()
}
"""By command, as it is typed after `linger`; one that changes something, or shows a person, writes to the audit."""
