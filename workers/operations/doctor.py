"""The doctor: every precondition of running here, looked at and not touched.

Gives a list of findings and prints nothing. Claims no partition, joins no group and writes no key; what a right is
missing for is said, and does not keep the rest from being looked at. Run with the settings of a worker.
"""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MovedError, ResponseError

from schemas.durations import write_duration
from schemas.sources import SourcesFile
from workers.core.rules.rule_set import RuleSet
from workers.core.watermarks import Progress, sent_to
from workers.errors import LingerError, Transient
from workers.kafka.topics import LogBounds, TopicsError, TopicState, connected_admin, describe, log_bounds, rights_on
from workers.operations.permissions import (
    group_rights_missing,
    kafka_refusals,
    redis_refusals,
    rights_needed,
    topic_rights_missing,
)
from workers.settings import OWN_TOPICS, Settings
from workers.state.connect import opened_store
from workers.state.consistency import Kind, Log, StateMismatch, check_consistency, end_of_log
from workers.state.store import Store

Health = Literal["ok", "problem", "could not be checked"]

COMMANDS: Final = (
    ("GET", "{c}"),
    ("MGET", "{c}"),
    ("MSET", "{c}", "x"),
    ("HGET", "{meta}", "x"),
    ("HMGET", "{meta}", "x"),
    ("HGETALL", "{meta}"),
    ("HSET", "{meta}", "x", "x"),
    ("HDEL", "{held}", "x"),
    ("DEL", "{rules}"),
    ("ZADD", "{due}", "0", "x"),
    ("ZREM", "{due}", "x"),
    ("ZRANGE", "{due}", "0", "0"),
    ("LRANGE", "{outbox}", "0", "0"),
    ("RPUSH", "{outbox}", "x"),
    ("LTRIM", "{outbox}", "0", "-1"),
    ("INCRBY", "{pace}", "1"),
    ("EXPIRE", "{pace}", "1"),
    ("SCAN", "0"),
    ("WAIT", "0", "1"),
)
"""What a worker asks of Redis inside its namespace, besides WATCH, UNWATCH, MULTI, EXEC and INFO."""

_OLDEST_REDIS: Final = (6, 2)
_PATIENCE_MS: Final = 10_000
_FULL: Final = 0.8
_CLOCKS_APART_MS: Final = 1_000
_NO_LOG: Final = LogBounds(0, 0)
_MISFITS: Final[Mapping[Kind, str]] = {
    "rebuilding": "rebuild",
    "partitions": "partitions of the stored state",
    "recreated": "topic of the stored state",
    "outside": "stored offsets",
}
"""What was checked, by what does not fit."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one check.

    Attributes:
        area: `settings`, `rules`, `Kafka`, `Redis`, `state` or `clocks`.
        checked: what was looked at.
        health: how it is.
        found: what was seen there.
        why: why it matters; empty if all is well.
        mend: what mends it, a command where there is one; empty if all is well.
    """

    area: str
    checked: str
    health: Health
    found: str
    why: str = ""
    mend: str = ""


def _judged(area: str, checked: str, is_well: bool, found: str, why: str, mend: str) -> Finding:
    if is_well:
        return Finding(area, checked, "ok", found)
    return Finding(area, checked, "problem", found, why, mend)


def _unknown(area: str, checked: str, found: str, why: str, mend: str) -> Finding:
    return Finding(area, checked, "could not be checked", found, why, mend)


async def examine(settings: Settings, sources: SourcesFile, rules: RuleSet, longest: timedelta) -> list[Finding]:
    """Look at everything outside that a worker with these settings and files needs.

    Args:
        settings: of a worker.
        sources: its sources.
        rules: its rules.
        longest: the longest stretch of time that a rule looks back.
    """
    settings = settings.model_copy(update={"kafka_request_timeout_ms": _PATIENCE_MS})
    kafka = _Kafka(settings, sources, longest)
    async with opened_store(settings) as store:
        found = await kafka.findings()
        redis = await _redis(settings, store)
        if all(one.health != "problem" for one in redis if one.checked == "reachable"):
            redis += await _state(settings, store, rules, kafka)
    return found + redis + [_kafka_clock()]


# -- Kafka -----------------------------------------------------------------------------------------------------


class _Kafka:
    """The checks of Kafka; afterwards it can be asked how the activity topic's logs are."""

    def __init__(self, settings: Settings, sources: SourcesFile, longest: timedelta) -> None:
        self._settings = settings
        self._sources = sources
        self._longest = longest
        self._own = [settings.topic(name) for name in OWN_TOPICS]
        self._activity = settings.topic("activity")
        self._state: TopicState | None = None

    async def findings(self) -> list[Finding]:
        servers = self._settings.kafka_bootstrap_servers
        why = "events come from there, and actions go there"
        if refused := await kafka_refusals(self._settings):
            return [
                Finding("Kafka", "reachable", "problem", said, why, mend)
                for said, _, mend in (one.partition(". ") for one in refused)
            ]
        try:
            async with connected_admin(self._settings.kafka_connection()) as admin:
                brokers = len(admin._client.cluster.brokers())
                found = [Finding("Kafka", "reachable", "ok", f"{brokers} broker{'s' * (brokers != 1)} at {servers}")]
                return found + await self._topics(admin, brokers)
        except (KafkaError, OSError, TimeoutError) as error:
            mend = "start Kafka, or check LINGER_KAFKA_BOOTSTRAP_SERVERS"
            return [Finding("Kafka", "reachable", "problem", f"no broker answers at {servers}: {error}", why, mend)]

    async def _topics(self, admin: AIOKafkaAdminClient, brokers: int) -> list[Finding]:
        needed = rights_needed(self._settings, self._sources, OWN_TOPICS)
        rights = await rights_on(admin, needed)
        visible = [name for name in needed if rights.get(name) != frozenset()]
        try:
            states = await describe(admin, visible)
        except TopicsError as error:
            return [Finding("Kafka", "topics", "problem", problem, "", "see above") for problem in error.problems]
        found = [self._exists(name, name in states) for name in visible]
        if self._activity in states:
            self._state = states[self._activity]
            found += self._activity_topic(self._state)
        found += self._rights(needed, rights)
        found += await self._group(admin)
        own = [name for name in self._own if name in states]
        configs = await _configs(admin, list(states))
        found += self._copies(await admin.describe_topics(own) if own else [], brokers, configs)
        found += self._configured(configs, states)
        return found

    def _exists(self, name: str, is_there: bool) -> Finding:
        own = name in self._own
        return _judged(
            "Kafka",
            f"topic {name}",
            is_there,
            "is there" if is_there else "does not exist",
            "a worker refuses to start without it",
            "linger topics create" if own else f"check `topic` in {self._settings.sources}, or create it",
        )

    def _activity_topic(self, state: TopicState) -> list[Finding]:
        partitions, wanted = state.partitions, self._settings.partitions
        fits = _judged(
            "Kafka",
            f"partitions of {self._activity}",
            partitions == wanted,
            f"{partitions}, LINGER_PARTITIONS is {wanted}",
            "it decides in which partition a customer is; a worker refuses to start",
            f"set LINGER_PARTITIONS={partitions}; if partitions were added to a topic in use, start afresh",
        )
        if state.topic_id is not None:
            return [fits, Finding("Kafka", "version", "ok", "2.8 or later (it tells topic ids)")]
        why = "a topic that was deleted and made anew is not recognised"
        return [fits, _unknown("Kafka", "version", "it tells no topic ids", why, "Kafka 2.8 or later tells them")]

    def _rights(self, needed: Mapping[str, Any], rights: Mapping[str, Any]) -> list[Finding]:
        why = "a worker could not read or publish"
        silent = [name for name in needed if rights.get(name, frozenset()) is None]
        if silent:
            mend = "Kafka 2.8 or later tells them"
            return [_unknown("Kafka", "rights on topics", "this broker does not tell them", why, mend)]
        problems = topic_rights_missing(self._settings, needed, rights)
        if not problems:
            return [Finding("Kafka", "rights on topics", "ok", f"Read or Write on {len(rights)} topics")]
        return [_refused("rights on topics", problem, why) for problem in problems]

    async def _group(self, admin: AIOKafkaAdminClient) -> list[Finding]:
        what = f"group {self._settings.kafka_group_id}"
        why = "a worker could not join the others"
        problems = await group_rights_missing(self._settings, admin)
        if problems is None:
            return [_unknown("Kafka", what, "no broker keeps it yet", why, "ask again after a first run")]
        if problems:
            return [_refused(what, problem, why) for problem in problems]
        return [Finding("Kafka", what, "ok", "may be described, as whoever may join it can")]

    def _copies(self, topics: Sequence[Mapping[str, Any]], brokers: int, configs: "_Configs") -> list[Finding]:
        found = []
        for topic in topics:
            copies = min((len(one["replicas"]) for one in topic["partitions"]), default=0)
            in_sync = min((len(one["isr"]) for one in topic["partitions"]), default=0)
            told = configs.get(topic["topic"], {}).get("min.insync.replicas")
            least = int(told or 1)
            enough = in_sync >= least and (copies > 1 or brokers == 1) and (least > 1 or copies < 3 or told is None)
            mend = "linger topics create makes new ones with LINGER_TOPIC_REPLICATION_FACTOR; for this one: "
            mend += (
                "wait for the brokers that are away"
                if in_sync < least
                else "kafka-reassign-partitions.sh"
                if copies < 2
                else _alter(topic["topic"], "min.insync.replicas=2")
            )
            said = f"{copies} ({in_sync} in sync), min.insync.replicas {told or 'not shown to this user'}"
            why = "what a lost broker had, and nobody else, is gone; without enough in sync nothing can be written"
            found.append(_judged("Kafka", f"copies of {topic['topic']}", enough, said, why, mend))
        return found

    def _configured(self, configs: "_Configs", states: Iterable[str]) -> list[Finding]:
        what, why = f"settings of {self._activity}", "what Linger knows is rebuilt from this topic if Redis is lost"
        activity = configs.get(self._activity)
        if self._activity not in states:
            return []
        if activity is None:
            mend = "allow DescribeConfigs on it, or run this as an operator (docs/acl/kafka-acls.sh)"
            return [_unknown("Kafka", what, "cleanup.policy and retention are not shown to this user", why, mend)]
        policy, kept_ms = activity["cleanup.policy"], int(activity["retention.ms"])
        longest_ms = round(self._longest.total_seconds() * 1000)
        kept = "for ever" if kept_ms < 0 else write_duration(timedelta(milliseconds=kept_ms))
        return [
            _judged(
                "Kafka",
                f"cleanup.policy of {self._activity}",
                "compact" not in policy,
                policy,
                "compaction leaves one event of each customer",
                _alter(self._activity, "cleanup.policy=delete"),
            ),
            _judged(
                "Kafka",
                f"retention of {self._activity}",
                kept_ms < 0 or kept_ms >= longest_ms,
                f"{kept}; the rules look back for {write_duration(self._longest)}",
                why,
                _alter(self._activity, f"retention.ms={longest_ms}"),
            ),
            *self._sizes(configs),
        ]

    def _sizes(self, configs: "_Configs") -> list[Finding]:
        names = {source.topic for source in self._sources.sources}
        largest = max((int(configs[name]["max.message.bytes"]) for name in names if name in configs), default=0)
        found = []
        for name in (self._activity, self._settings.topic("dead-letter")):
            if name in configs and largest:
                size = int(configs[name]["max.message.bytes"])
                said = f"{size}; the largest of the sources is {largest}"
                why = "a record that a source takes could not be passed on whole"
                mend = _alter(name, f"max.message.bytes={largest}")
                found.append(_judged("Kafka", f"max.message.bytes of {name}", size >= largest, said, why, mend))
        return found

    async def logs(self, progress: Collection[Progress]) -> dict[int, Log]:
        """Return the log of each partition of the activity topic as it is now; nothing if it cannot be seen."""
        if self._state is None:
            return {}
        topic_id, partitions = self._state.topic_id, self._state.partitions
        try:
            bounds = await self._bounds(partitions)
        except (TopicsError, KafkaError, OSError):
            return {}  # told as what could not be checked
        logs = {}
        for number in range(self._settings.partitions):
            one, sent = bounds.get(number, _NO_LOG), sent_to(number, progress)
            end = end_of_log(one.end, sent, tells_too_little=not self._settings.kafka_enable_idempotence)
            logs[number] = Log(self._activity, topic_id, partitions, one.earliest, end)
        return logs

    async def _bounds(self, partitions: int) -> dict[int, LogBounds]:
        consumer = AIOKafkaConsumer(enable_auto_commit=False, **self._settings.kafka_connection())
        try:
            await consumer.start()
            found = await log_bounds(consumer, [(self._activity, number) for number in range(partitions)])
        finally:
            await consumer.stop()
        return {place.partition: one for place, one in found.items()}


_Configs = Mapping[str, Mapping[str, str]]


async def _configs(admin: AIOKafkaAdminClient, names: Sequence[str]) -> _Configs:
    """Return the settings of those topics that this client may see them of."""
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    found: dict[str, dict[str, str]] = {}
    try:
        answers = await admin.describe_configs(asked) if asked else []
    except KafkaError:
        return {}
    for answer in answers:
        for code, _, _, name, entries, *_ in answer.resources:
            if not code:
                found[name] = {entry[0]: entry[1] for entry in entries}
    return found


def _refused(checked: str, problem: str, why: str) -> Finding:
    said, _, mend = problem.partition(" Allow it: ")
    return Finding("Kafka", checked, "problem", said, why, mend)


def _alter(topic: str, config: str) -> str:
    return f"kafka-configs.sh --bootstrap-server ... --alter --topic {topic} --add-config {config}"


# -- Redis -----------------------------------------------------------------------------------------------------


async def _redis(settings: Settings, store: Store) -> list[Finding]:
    why = "what Linger knows of customers is there"
    if refused := await redis_refusals(settings):
        mend = "see LINGER_REDIS_USERNAME, LINGER_REDIS_PASSWORD, LINGER_REDIS_SSL_CA_CERTS"
        return [Finding("Redis", "reachable", "problem", problem, why, mend) for problem in refused]
    try:
        raw = (await store.redis.call([("INFO",)]))[0]
    except Transient as error:
        if "no permissions" in str(error):
            mend = "ACL SETUSER <user> +info (docs/acl/redis-users.acl)"
            return [Finding("Redis", "INFO", "problem", str(error), "a worker asks it before it starts", mend)]
        mend = "start Redis, or check LINGER_REDIS_URL"
        return [Finding("Redis", "reachable", "problem", str(error), why, mend)]
    info = dict(line.split(":", 1) for line in raw.decode().splitlines() if ":" in line)
    return [
        Finding("Redis", "reachable", "ok", settings.shown()["LINGER_REDIS_URL"]),
        _redis_version(info),
        _eviction(info),
        _headroom(info),
        _append_only(info),
        _replicas(info, settings.redis_wait_replicas),
        *await _commands(store),
        _redis_clock(info),
    ]


def _redis_version(info: Mapping[str, str]) -> Finding:
    version = info.get("redis_version", "0")
    parts = tuple(int(part) for part in version.split(".")[:2])
    why, mend = "older ones do not have ZRANGE … BYSCORE", "install Redis 6.2 or later, or Valkey"
    return _judged("Redis", "version", parts >= _OLDEST_REDIS, version, why, mend)


def _eviction(info: Mapping[str, str]) -> Finding:
    policy = info.get("maxmemory_policy", "unknown")
    why = "Redis would forget customers when its memory is full; a worker refuses to start"
    mend = "redis-cli CONFIG SET maxmemory-policy noeviction, and in redis.conf"
    return _judged("Redis", "maxmemory-policy", policy == "noeviction", policy, why, mend)


def _headroom(info: Mapping[str, str]) -> Finding:
    used, limit = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    if not limit:
        return Finding("Redis", "memory", "ok", f"{used >> 20} MiB used, no maxmemory")
    said = f"{used >> 20} of {limit >> 20} MiB used"
    why, mend = "when it is full, nothing can be written and all workers wait", "redis-cli CONFIG SET maxmemory ..."
    return _judged("Redis", "memory", used < limit * _FULL, said, why, mend)


def _append_only(info: Mapping[str, str]) -> Finding:
    is_on, status = info.get("aof_enabled") == "1", info.get("aof_last_write_status", "ok")
    said = f"{'on' if is_on else 'off'}, last write {status}"
    why = "without it a restart of Redis forgets what was written since its last snapshot"
    mend = "redis-cli CONFIG SET appendonly yes, and in redis.conf; if it cannot write, look at its disk"
    return _judged("Redis", "appendonly", is_on and status == "ok", said, why, mend)


def _replicas(info: Mapping[str, str], wanted: int) -> Finding:
    role, connected = info.get("role", "master"), int(info.get("connected_slaves", 0))
    said = f"{role} with {connected}, LINGER_REDIS_WAIT_REPLICAS is {wanted}"
    why = "a step waits for so many replicas, and nothing is decided before; a replica takes no writes"
    mend = "connect replicas, lower LINGER_REDIS_WAIT_REPLICAS, or point LINGER_REDIS_URL to the master"
    return _judged("Redis", "replicas", role == "master" and connected >= wanted, said, why, mend)


async def _commands(store: Store) -> list[Finding]:
    """Try every command inside a transaction that never comes to its end: rights are looked at, nothing is done."""
    keys = store.keys.partition(0)
    places = {
        "{c}": keys.customer("linger-doctor"),
        "{meta}": keys.meta,
        "{held}": keys.held,
        "{due}": keys.due,
        "{outbox}": keys.outbox,
        "{rules}": store.keys.rules,
        "{pace}": store.keys.pace("linger-doctor", 0),
    }
    tried = [tuple(places.get(part, part) for part in command) for command in COMMANDS]
    refused: list[str] = []
    async with store.redis.connection(keys.meta) as connection:
        for command in [("WATCH", keys.meta), ("UNWATCH",), ("MULTI",), *tried]:
            await connection.send_command(*command)
            try:
                await connection.read_response()
            except RedisConnectionError as error:
                return [_unknown("Redis", "commands", str(error), "a worker needs them", "run this again")]
            except MovedError:
                continue  # another node of a cluster has that key; the user is the same there
            except ResponseError as error:
                refused.append(f"{command[0]} ({error})")
        await connection.disconnect()  # and with it the transaction
    if not refused:
        return [Finding("Redis", "commands", "ok", f"{len(tried) + 3} commands on its keys are permitted")]
    why, mend = "a worker would wait and try again for ever", "give the user its line in docs/acl/redis-users.acl"
    return [Finding("Redis", "commands", "problem", f"refused: {one}", why, mend) for one in refused]


# -- state -----------------------------------------------------------------------------------------------------


async def _state(settings: Settings, store: Store, rules: RuleSet, kafka: _Kafka) -> list[Finding]:
    try:
        metas = await store.metas(range(settings.partitions))
        progress = await store.progress()
        in_force = await store.redis.fields(store.keys.rules)
    except Transient as error:
        return [_unknown("state", "stored state", str(error), "", "see above")]
    # Asked after what is stored: a log that workers read on meanwhile has only become longer.
    logs = await kafka.logs(progress.values())
    return [_rule_set(rules, in_force), *_stored(metas, logs)]


def _rule_set(rules: RuleSet, in_force: Mapping[str, str]) -> Finding:
    newest, before = in_force.get("generation", "0"), in_force.get(f"set:{rules.hash}")
    is_older = in_force.get("hash") != rules.hash and before is not None
    said = f"{rules.hash}, " + (
        f"was set {before}, the newest is {newest}"
        if is_older
        else f"set {newest}, in force"
        if before
        else f"new, will be set {int(newest) + 1}"
    )
    why = "a worker that starts with rules that others came after refuses"
    return _judged("state", "rule set", not is_older, said, why, "load the newest files, or: linger rules promote")


def _stored(metas: Mapping[int, Mapping[str, str]], logs: Mapping[int, Log]) -> list[Finding]:
    known = {number: fields for number, fields in sorted(metas.items()) if fields}
    if not known:
        return [Finding("state", "stored offsets", "ok", "nothing is stored yet")]
    why = "going on would lose events or count them twice, so workers leave these partitions alone"
    if not logs:
        mend = "mend what is said of Kafka first"
        return [_unknown("state", "stored offsets", "the activity topic's log cannot be seen", why, mend)]
    mismatches: dict[StateMismatch, list[int]] = {}
    for number, fields in known.items():
        found = check_consistency(fields, int(fields.get("offset", -1)), fields.get("topic_id"), logs[number])
        if found is not None:
            mismatches.setdefault(found, []).append(number)
    if not mismatches:
        return [Finding("state", "stored offsets", "ok", f"those of {len(known)} partitions lie in the log")]
    return [_mismatch_finding(found, numbers, why) for found, numbers in mismatches.items()]


def _mismatch_finding(found: StateMismatch, numbers: Sequence[int], why: str) -> Finding:
    said = f"partition{'s' * (len(numbers) > 1)} {_listed(numbers)}: {found.problem}"
    mend = f"{found.mend} (docs/operating.md, 'A partition is stopped')"
    return Finding("state", _MISFITS[found.kind], "problem", said, why, mend)


def _listed(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:5]))
    return f"{shown} and {len(numbers) - 5} more" if len(numbers) > 5 else shown


# -- clocks ----------------------------------------------------------------------------------------------------


def _redis_clock(info: Mapping[str, str]) -> Finding:
    why, mend = "paces and logs are told by the clocks of several machines", "keep them in step: chronyc tracking"
    if "server_time_usec" not in info:
        return _unknown("clocks", "Redis", "this server does not tell its time", why, mend)
    apart_ms = time.time_ns() // 1_000_000 - int(info["server_time_usec"]) // 1_000
    said = f"{apart_ms} ms behind this machine"
    return _judged("clocks", "Redis", abs(apart_ms) < _CLOCKS_APART_MS, said, why, mend)


def _kafka_clock() -> Finding:
    why = "records that a broker stamps are held against this machine's clock (LINGER_MAX_FUTURE)"
    return _unknown("clocks", "Kafka", "brokers tell no time", why, "compare `date -u` there and here")


def unreadable(area: str, error: LingerError) -> list[Finding]:
    """Return the problems of an error as findings; nothing else can be looked at then."""
    problems: Sequence[str] = getattr(error, "problems", (str(error),))
    why, mend = "a worker refuses to start", "linger config show" if area == "settings" else "linger rules check"
    return [Finding(area, "readable", "problem", problem, why, mend) for problem in problems]
