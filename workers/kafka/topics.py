"""Kafka topics: create those that are missing, and describe those that exist.

Must not know the environment, nor which topics Linger needs: both are arguments. Nothing here alters or deletes a
topic. The functions take a connected object of aiokafka and run in that object's event loop.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, NoBrokersAvailable, for_code
from aiokafka.protocol.admin import CreateTopicsRequest

from workers.kafka.clients.connecting import ANSWER_MS, connect
from workers.kafka.records import TopicPartition
from workers.kafka.rights import Right, rights_in
from workers.kafka.topic_ids import TopicMetadataRequest, topic_id_of

__all__ = [
    "Connected",
    "LogBounds",
    "TopicOutcome",
    "TopicPlan",
    "TopicResult",
    "TopicState",
    "TopicsError",
    "any_broker",
    "broker_count",
    "connected_admin",
    "create_missing",
    "describe",
    "log_bounds",
    "rights_on",
    "visible_topics",
]

Connected: TypeAlias = AIOKafkaAdminClient | AIOKafkaClient | AIOKafkaConsumer
"""An object of aiokafka that was started and holds connections to the brokers."""

_RETRY_SECONDS = 0.2
_BROKER_TIMEOUT_MS = 8_000  # how long a broker may wait for the topic to be created before it answers; then again
_DEFAULT_PATIENCE_SECONDS = 30.0

_OK = 0
_UNKNOWN_TOPIC = 3
_ALREADY_EXISTS = 36
_FORBIDDEN = 29

_NAMES = {17: "INVALID_TOPIC_EXCEPTION"}  # where aiokafka and Kafka disagree
_HINTS = {
    "TOPIC_AUTHORIZATION_FAILED": "grant this client Create and Describe on the topic",
    "CLUSTER_AUTHORIZATION_FAILED": "grant this client Create on the cluster, or on each topic",
    "INVALID_REPLICATION_FACTOR": "use at most as many copies as there are brokers, or wait until all have started",
    "INVALID_PARTITIONS": "the number of partitions must be 1 or more",
    "INVALID_TOPIC_EXCEPTION": "use only letters, digits, '.', '_' and '-', at most 249 of them",
    "INVALID_CONFIG": "correct the topic's configuration",
    "POLICY_VIOLATION": "keep to the cluster's policy for new topics, or have an administrator create this one",
}


class TopicsError(Exception):
    """Kafka refused a topic, or does not have it; the operator has to change a setting, a right or the topic.

    Attributes:
        problems: one sentence for each topic, with the topic and Kafka's name of the error. Never empty.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """A topic as it should be.

    Attributes:
        name: the topic.
        partitions: count, 1 or more. Never changed later: it would move customers to other partitions.
        replication_factor: copies of each partition, at most the broker count. Only used on creation.
        configs: Kafka's topic settings, such as `{"retention.ms": "86400000"}`. Only used on creation.
    """

    name: str
    partitions: int
    replication_factor: int
    configs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as a broker describes it.

    Attributes:
        name: the topic.
        partitions: count of its partitions.
        topic_id: a UUID, which changes when the topic is deleted and created again; None if the broker reports none.
    """

    name: str
    partitions: int
    topic_id: str | None


@dataclass(frozen=True, slots=True)
class LogBounds:
    """The offsets of a partition that can be read: `earliest <= offset < end`; both are equal if it is empty.

    Attributes:
        earliest: the first offset that can be read.
        end: the offset after the last one that can be read.
    """

    earliest: int
    end: int


class TopicOutcome(StrEnum):
    """What `create_missing` did with one topic."""

    CREATED = "created"
    EXISTS = "exists"
    WRONG_PARTITIONS = "wrong_partitions"


@dataclass(frozen=True, slots=True)
class TopicResult:
    """The result of one plan.

    Attributes:
        name: the topic.
        outcome: created here, there already, or there with another partition count (and left unchanged).
        partitions: the partition count of the topic now.
        planned: the partition count of the plan.
    """

    name: str
    outcome: TopicOutcome
    partitions: int
    planned: int


@asynccontextmanager
async def connected_admin(connection: Mapping[str, Any]) -> AsyncIterator[AIOKafkaAdminClient]:
    """Connect to Kafka for the duration of a `with` block.

    Args:
        connection: keyword arguments of aiokafka's clients: `bootstrap_servers`, `security_protocol`,
            `ssl_context`, `sasl_*`, `request_timeout_ms` and so on.

    Raises:
        KafkaConnectionError: no bootstrap server answered in time or accepted the client (aiokafka logs which).
        ValueError: the arguments contradict each other.
    """
    # Admin requests are small: what takes longer comes from a broker that is frozen.
    patience_ms = min(ANSWER_MS, connection.get("request_timeout_ms", ANSWER_MS))
    admin = AIOKafkaAdminClient(**{**connection, "request_timeout_ms": patience_ms})
    try:
        await connect(admin)
        yield admin
    finally:
        await admin.close()


def broker_count(connected: Connected) -> int:
    """Return how many brokers the cluster has, as this client knows it; asks nothing."""
    return len(_client_of(connected).cluster.brokers())


def any_broker(connected: Connected) -> int:
    """Return the id of one of the brokers, the lowest, as this client knows them; asks nothing."""
    return min(int(broker.nodeId) for broker in _client_of(connected).cluster.brokers())


async def create_missing(
    connected: Connected,
    plans: Sequence[TopicPlan],
    *,
    patience_seconds: float = _DEFAULT_PATIENCE_SECONDS,
) -> list[TopicResult]:
    """Create the topics that are missing; leave existing ones unchanged.

    It can be called repeatedly, and from several workers at once: each topic is created once, and every caller
    returns when it can see all of them. Replication factor and settings of an existing topic are not compared.
    Not atomic: after an error some of the topics may exist, and the next call creates the rest.

    Args:
        connected: an admin client, client or consumer of aiokafka.
        plans: the topics that should exist, each name once.
        patience_seconds: how long to repeat what Kafka calls retriable (no controller yet, not visible yet).
            A request in flight may take aiokafka's `request_timeout_ms` on top.

    Returns:
        One result for each plan, in the same order. A topic that another worker created at the same time `exists`.

    Raises:
        TopicsError: Kafka refused one or more topics, or they did not appear in time; names all of them.
        KafkaError: no broker answered.
    """
    names = [plan.name for plan in plans]
    give_up_at = asyncio.get_running_loop().time() + patience_seconds
    before = await describe(connected, names)
    created = await _create(connected, [plan for plan in plans if plan.name not in before], give_up_at)
    after = await _describe_when_visible(connected, names, give_up_at)
    return [_result(plan, plan.name in created, after[plan.name].partitions) for plan in plans]


async def describe(connected: Connected, names: Iterable[str]) -> dict[str, TopicState]:
    """Return the state of those of `names` that exist; a topic that does not exist is left out.

    Never creates a topic, not even on brokers that create every topic a client asks for. In a cluster, a broker
    that lags may for a moment not know a new topic, or still know a deleted one.

    Args:
        connected: an admin client, client or consumer of aiokafka. The answer waits for a fetch that the
            consumer has in flight, up to its `fetch_max_wait_ms`.
        names: the topics to describe.

    Raises:
        TopicsError: Kafka does not describe one or more of them (no right to, not a valid name).
        KafkaError: no broker answered.
    """
    asked = list(names)
    if not asked:
        return {}  # the embedded broker reads an empty list as "all topics"
    answer = await _ask(connected, TopicMetadataRequest(asked))
    topics = {topic["topic"]: topic for topic in answer.to_object()["topics"]}
    codes = {name: topic["error_code"] for name, topic in topics.items()}
    if problems := [_problem(name, code) for name, code in codes.items() if code not in (_OK, _UNKNOWN_TOPIC)]:
        raise TopicsError(problems)
    return {name: _state(topic) for name, topic in topics.items() if codes[name] == _OK}


async def visible_topics(connected: Connected) -> dict[str, TopicState]:
    """Return the state of every topic that this client may see, without those that Kafka keeps for itself.

    Raises:
        KafkaError: no broker answered.
    """
    answer = await _ask(connected, TopicMetadataRequest(None))
    return {
        topic["topic"]: _state(topic)
        for topic in answer.to_object()["topics"]
        if topic["error_code"] == _OK and not topic["is_internal"]
    }


async def rights_on(connected: Connected, names: Iterable[str]) -> dict[str, frozenset[Right] | None]:
    """Return the rights of this client on those of `names` that exist, or that it may not even see.

    The rights are None if the broker does not report them (before Kafka 2.8), and empty if nothing is allowed.

    Raises:
        KafkaError: no broker answered.
    """
    answer = await _ask(connected, TopicMetadataRequest(list(names), with_rights=True))
    rights: dict[str, frozenset[Right] | None] = {}
    for topic in answer.to_object()["topics"]:
        if topic["error_code"] == _FORBIDDEN:
            rights[topic["topic"]] = frozenset()
        elif topic["error_code"] == _OK:
            rights[topic["topic"]] = rights_in(topic.get("topic_authorized_operations"))
    return rights


async def log_bounds(
    consumer: AIOKafkaConsumer, partitions: Iterable[tuple[str, int]]
) -> dict[TopicPartition, LogBounds]:
    """Return the earliest and the end offset of each partition; moves no position and needs no assignment.

    With `isolation_level="read_committed"` the end is that of the last finished transaction. The embedded broker
    may report an end that is too low: there it is a lower bound.

    Args:
        consumer: started; any topics, any group or none.
        partitions: topic and partition; the partition tuples of aiokafka and Faust are accepted.

    Raises:
        TopicsError: a topic or partition does not exist. (aiokafka alone would wait `request_timeout_ms` for
            it, and brokers with `auto.create.topics.enable` would create the topic.)
        KafkaError: no answer within the consumer's `request_timeout_ms`.
    """
    topic_partitions = [TopicPartition(topic, partition) for topic, partition in partitions]
    await _require(consumer, topic_partitions)
    # In this order a log that is trimmed in between cannot give an earliest offset beyond the end.
    earliest = await consumer.beginning_offsets(topic_partitions)
    end = await consumer.end_offsets(topic_partitions)
    return {partition: LogBounds(earliest[partition], end[partition]) for partition in topic_partitions}


async def _create(connected: Connected, plans: Sequence[TopicPlan], give_up_at: float) -> set[str]:
    """Ask until every topic exists; return the names that this call created."""
    created: set[str] = set()
    pending = plans
    while pending:
        answers = await _request_creation(connected, pending)
        _raise_refused(answers)
        created |= {name for name, (code, _) in answers.items() if code == _OK}
        again = {name: answer for name, answer in answers.items() if for_code(answer[0]).retriable}
        pending = [plan for plan in pending if plan.name in again]
        if pending:
            await _pause([_problem(name, *answer) for name, answer in again.items()], give_up_at)
            # The controller may have moved: outdated metadata sends requests to the wrong broker.
            await _client_of(connected).force_metadata_update()
    return created


async def _request_creation(connected: Connected, plans: Sequence[TopicPlan]) -> dict[str, tuple[int, str | None]]:
    """Send one request; return Kafka's error code and message for each topic, which aiokafka ignores."""
    answer = await _ask(connected, CreateTopicsRequest([_wire(plan) for plan in plans], _BROKER_TIMEOUT_MS, False))
    return {
        topic["topic"]: (topic["error_code"], topic.get("error_message"))
        for topic in answer.to_object()["topic_errors"]
    }


def _wire(plan: TopicPlan) -> tuple[object, ...]:
    """Return a plan in the order of CreateTopics' fields; the fourth would assign replicas manually."""
    return (plan.name, plan.partitions, plan.replication_factor, [], list(plan.configs.items()))


def _raise_refused(answers: Mapping[str, tuple[int, str | None]]) -> None:
    problems = [
        _problem(name, code, message)
        for name, (code, message) in answers.items()
        if code not in (_OK, _ALREADY_EXISTS) and not for_code(code).retriable
    ]
    if problems:
        raise TopicsError(problems)


async def _describe_when_visible(
    connected: Connected, names: Sequence[str], give_up_at: float
) -> dict[str, TopicState]:
    """Describe all of `names`; wait for brokers that do not know a new topic yet."""
    while True:
        states = await describe(connected, names)
        unseen = [name for name in names if name not in states]
        if not unseen:
            return states
        problems = [_problem(name, _UNKNOWN_TOPIC, "created, but not visible yet") for name in unseen]
        await _pause(problems, give_up_at)


async def _pause(problems: Sequence[str], give_up_at: float) -> None:
    """Wait before the next attempt, or raise `TopicsError` with `problems` if there is no time for one."""
    if asyncio.get_running_loop().time() >= give_up_at:
        raise TopicsError(problems)
    await asyncio.sleep(_RETRY_SECONDS)


async def _require(connected: Connected, partitions: Sequence[TopicPartition]) -> None:
    states = await describe(connected, {topic for topic, _ in partitions})
    problems = [
        _missing_partition(topic, partition, states.get(topic))
        for topic, partition in partitions
        if topic not in states or not 0 <= partition < states[topic].partitions
    ]
    if problems:
        raise TopicsError(problems)


def _missing_partition(topic: str, partition: int, state: TopicState | None) -> str:
    if state is None:
        return _problem(topic, _UNKNOWN_TOPIC, "the topic does not exist")
    return _problem(topic, _UNKNOWN_TOPIC, f"no partition {partition}, the topic has {state.partitions}")


async def _ask(connected: Connected, request: Any) -> Any:
    """Send a request to the controller or, if it does not answer, to the other brokers in turn.

    Only the controller of a cluster with ZooKeeper creates topics; under KRaft every broker passes it on.
    """
    client = _client_of(connected)
    failure: KafkaError = NoBrokersAvailable("no broker is known")
    for broker in sorted(client.cluster.brokers(), key=lambda broker: broker != client.cluster.controller):
        try:
            return await client.send(broker.nodeId, request)
        except KafkaError as error:
            if not error.retriable:
                raise
            failure = error
    raise failure


def _client_of(connected: Connected) -> AIOKafkaClient:
    """Return the client inside, which aiokafka does not expose."""
    return connected if isinstance(connected, AIOKafkaClient) else connected._client


def _result(plan: TopicPlan, created: bool, partitions: int) -> TopicResult:
    outcome = TopicOutcome.CREATED if created else TopicOutcome.EXISTS
    if partitions != plan.partitions:
        outcome = TopicOutcome.WRONG_PARTITIONS
    return TopicResult(plan.name, outcome, partitions, plan.partitions)


def _state(topic: dict[str, Any]) -> TopicState:
    return TopicState(topic["topic"], len(topic["partitions"]), topic_id_of(topic))


def _problem(topic: str, code: int, message: str | None = None) -> str:
    """Return one line with the topic, Kafka's name of the error, the broker's message and what to do."""
    name = _error_name(code)
    parts = [part for part in (message, _HINTS.get(name)) if part]
    return f"topic {topic!r}: {name}" + "".join(f"; {part}" for part in parts)


def _error_name(code: int) -> str:
    """Return Kafka's name of an error code; codes that aiokafka does not know are given as numbers."""
    error = for_code(code)
    return _NAMES.get(code) or (str(error.message) if error.errno == code else f"Kafka error {code}")
