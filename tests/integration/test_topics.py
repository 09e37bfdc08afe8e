"""Topics on real brokers: what is created, what is refused and with which message, and which id identifies each."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.admin import CreateTopicsRequest, CreateTopicsResponse_v3

from workers.demo.embedded import Pair
from workers.kafka.topics import (
    LogBounds,
    TopicOutcome,
    TopicPlan,
    TopicResult,
    TopicsError,
    TopicState,
    connected_admin,
    create_missing,
    describe,
    log_bounds,
)

pytestmark = pytest.mark.integration

NOT_CONTROLLER = 41
TOPIC_AUTHORIZATION_FAILED = 29
UNKNOWN_TO_AIOKAFKA = 999


# Creating


def test_a_missing_topic_is_created_as_planned(pair: Pair) -> None:
    plan = a_plan(partitions=3)
    [result] = create(pair, plan)
    assert result == TopicResult(plan.name, TopicOutcome.CREATED, partitions=3, planned=3)
    assert states(pair, plan.name)[plan.name].partitions == 3


def test_what_is_there_already_stays_the_same_topic(pair: Pair) -> None:
    plan = a_plan()
    create(pair, plan)
    before = states(pair, plan.name)
    [result] = create(pair, plan)
    assert result.outcome is TopicOutcome.EXISTS
    assert states(pair, plan.name) == before


def test_two_workers_at_once_create_a_topic_once(pair: Pair) -> None:
    plan = a_plan()

    async def both() -> list[TopicOutcome]:
        async with connected_admin(connection(pair)) as one, connected_admin(connection(pair)) as other:
            results = await asyncio.gather(create_missing(one, [plan]), create_missing(other, [plan]))
        return sorted(result.outcome for [result] in results)

    assert asyncio.run(both()) == [TopicOutcome.CREATED, TopicOutcome.EXISTS]


def test_another_number_of_partitions_is_reported_and_left_alone(pair: Pair) -> None:
    plan = a_plan(partitions=3)
    create(pair, plan)
    [result] = create(pair, TopicPlan(plan.name, 4, 1))
    assert result == TopicResult(plan.name, TopicOutcome.WRONG_PARTITIONS, partitions=3, planned=4)
    assert states(pair, plan.name)[plan.name].partitions == 3


def test_results_come_in_the_order_of_the_plans(pair: Pair) -> None:
    first, second, third = a_plan(), a_plan(), a_plan()
    create(pair, second)
    results = create(pair, first, second, third)
    assert [result.name for result in results] == [first.name, second.name, third.name]
    assert [result.outcome for result in results] == ["created", "exists", "created"]


def test_no_plans_are_no_work(pair: Pair) -> None:
    assert create(pair) == []


def test_the_settings_of_a_plan_reach_the_topic(apache_pair: Pair) -> None:
    plan = TopicPlan(a_name(), 1, 1, {"retention.ms": "86400000", "cleanup.policy": "compact"})
    create(apache_pair, plan)
    settings = settings_of(apache_pair, plan.name)
    assert settings["retention.ms"] == "86400000"
    assert settings["cleanup.policy"] == "compact"


# Refusing


@pytest.mark.parametrize(
    ("partitions", "replication_factor", "configs", "error", "hint"),
    [
        (1, 3, {}, "INVALID_REPLICATION_FACTOR", "as many copies as there are brokers"),
        (0, 1, {}, "INVALID_PARTITIONS", "must be 1 or more"),
        (1, 1, {"retention": "1"}, "INVALID_CONFIG", "Unknown topic config name: retention"),
    ],
)
def test_a_refusal_names_the_topic_kafkas_error_and_what_to_do(
    apache_pair: Pair, partitions: int, replication_factor: int, configs: dict[str, str], error: str, hint: str
) -> None:
    plan = TopicPlan(a_name(), partitions, replication_factor, configs)
    with pytest.raises(TopicsError) as raised:
        create(apache_pair, plan)
    [problem] = raised.value.problems
    assert plan.name in problem
    assert error in problem
    assert hint in problem


def test_a_name_that_kafka_does_not_allow_is_refused(apache_pair: Pair) -> None:
    with pytest.raises(TopicsError, match="'at risk': INVALID_TOPIC_EXCEPTION; use only letters"):
        create(apache_pair, TopicPlan("at risk", 1, 1))


def test_every_refused_topic_is_named_at_once_and_the_others_are_created(apache_pair: Pair) -> None:
    good = a_plan()
    bad = [TopicPlan(a_name(), 1, 9), TopicPlan(a_name(), 0, 1)]
    with pytest.raises(TopicsError) as raised:
        create(apache_pair, bad[0], good, bad[1])
    assert len(raised.value.problems) == 2
    assert all(plan.name in str(raised.value) for plan in bad)
    assert good.name in states(apache_pair, good.name)


def test_a_right_that_is_missing_is_said_with_the_right(apache_pair: Pair) -> None:
    with pytest.raises(TopicsError, match="TOPIC_AUTHORIZATION_FAILED; grant this client Create and Describe"):
        create_through(apache_pair, [TOPIC_AUTHORIZATION_FAILED], a_plan())


def test_an_error_that_the_client_library_does_not_know_is_given_by_its_number(apache_pair: Pair) -> None:
    with pytest.raises(TopicsError, match="Kafka error 999"):
        create_through(apache_pair, [UNKNOWN_TO_AIOKAFKA], a_plan())


def test_a_controller_that_has_moved_is_asked_again(apache_pair: Pair) -> None:
    [result] = create_through(apache_pair, [NOT_CONTROLLER, NOT_CONTROLLER], a_plan())
    assert result.outcome is TopicOutcome.CREATED


def test_without_patience_the_last_answer_is_the_error(apache_pair: Pair) -> None:
    with pytest.raises(TopicsError, match="NOT_CONTROLLER"):
        create_through(apache_pair, [NOT_CONTROLLER], a_plan(), patience_seconds=0)


def test_no_broker_is_not_a_refused_topic() -> None:
    unreachable = Pair(bootstrap_servers="127.0.0.1:1", redis_url="")
    with pytest.raises(KafkaConnectionError):
        create(unreachable, a_plan())


# Describing


def test_a_topic_that_does_not_exist_is_left_out_and_not_created_by_asking(pair: Pair) -> None:
    plan, absent = a_plan(), a_name()
    create(pair, plan)
    assert states(pair, plan.name, absent).keys() == {plan.name}
    assert states(pair, plan.name, absent).keys() == {plan.name}


def test_asking_for_nothing_returns_nothing(pair: Pair) -> None:
    create(pair, a_plan())
    assert states(pair) == {}


def test_a_topic_has_the_same_id_for_every_client(pair: Pair) -> None:
    plan = a_plan()
    create(pair, plan)

    async def by_three() -> list[dict[str, TopicState]]:
        async with (
            connected_admin(connection(pair)) as admin,
            AIOKafkaConsumer(**connection(pair)) as consumer,
        ):
            client = AIOKafkaClient(**connection(pair))
            await client.bootstrap()
            try:
                return [await describe(asked, [plan.name]) for asked in (admin, consumer, client)]
            finally:
                await client.close()

    answers = asyncio.run(by_three())
    assert answers[0] == answers[1] == answers[2]
    assert UUID(answers[0][plan.name].topic_id).int


def test_a_topic_deleted_and_created_again_has_another_id(pair: Pair) -> None:
    plan = a_plan()
    create(pair, plan)
    before = states(pair, plan.name)[plan.name]
    delete(pair, plan.name)
    assert states(pair, plan.name) == {}
    [result] = create(pair, plan)
    after = states(pair, plan.name)[plan.name]
    assert result.outcome is TopicOutcome.CREATED
    assert (after.name, after.partitions) == (before.name, before.partitions)
    assert after.topic_id != before.topic_id


def test_a_broker_too_old_for_ids_still_returns_the_partitions(pair: Pair) -> None:
    plan = a_plan(partitions=2)
    create(pair, plan)

    async def ask() -> dict[str, TopicState]:
        client = OldBroker(**connection(pair))
        await client.bootstrap()
        try:
            return await describe(client, [plan.name, a_name()])
        finally:
            await client.close()

    assert asyncio.run(ask()) == {plan.name: TopicState(plan.name, 2, None)}


# Log bounds


def test_an_empty_partition_starts_where_it_ends(pair: Pair) -> None:
    plan = a_plan(partitions=2)
    create(pair, plan)
    assert bounds(pair, (plan.name, 0), (plan.name, 1)) == {
        TopicPartition(plan.name, 0): LogBounds(0, 0),
        TopicPartition(plan.name, 1): LogBounds(0, 0),
    }


def test_the_end_is_one_past_the_last_record(pair: Pair) -> None:
    plan = a_plan(partitions=2)
    create(pair, plan)
    produce(pair, TopicPartition(plan.name, 1), count=3)
    assert bounds(pair, (plan.name, 0), (plan.name, 1)) == {
        TopicPartition(plan.name, 0): LogBounds(0, 0),
        TopicPartition(plan.name, 1): LogBounds(0, 3),
    }


def test_the_earliest_is_the_first_record_that_is_kept(apache_pair: Pair) -> None:
    partition = TopicPartition(a_name(), 0)
    create(apache_pair, TopicPlan(partition.topic, 1, 1))
    produce(apache_pair, partition, count=3)
    with_admin(apache_pair, lambda admin: admin.delete_records({partition: RecordsToDelete(2)}))
    assert bounds(apache_pair, partition) == {partition: LogBounds(2, 3)}


def test_partitions_that_do_not_exist_are_named_without_waiting_for_them(pair: Pair) -> None:
    plan, absent = a_plan(partitions=2), a_name()
    create(pair, plan)
    with pytest.raises(TopicsError) as raised:
        bounds(pair, (plan.name, 0), (plan.name, 2), (absent, 0))
    wrong_partition, wrong_topic = raised.value.problems
    assert plan.name in wrong_partition
    assert "no partition 2, the topic has 2" in wrong_partition
    assert absent in wrong_topic
    assert "does not exist" in wrong_topic
    assert states(pair, absent) == {}


def test_bounds_of_nothing_are_nothing(pair: Pair) -> None:
    async def run() -> dict[TopicPartition, LogBounds]:
        async with AIOKafkaConsumer(**connection(pair)) as consumer:
            await describe(consumer, [a_name()])  # a consumer stopped before it did anything raises CancelledError
            return await log_bounds(consumer, [])

    assert asyncio.run(run()) == {}


# Builders


class RefusingFirst(AIOKafkaClient):  # type: ignore[misc]
    """A client whose first requests to create topics are answered with error codes, the later ones by the broker."""

    def __init__(self, codes: Sequence[int], **arguments: Any) -> None:
        super().__init__(**arguments)
        self._codes = list(codes)

    async def send(self, node_id: int, request: Any, **arguments: Any) -> Any:
        if isinstance(request, CreateTopicsRequest) and self._codes:
            code = self._codes.pop(0)
            return CreateTopicsResponse_v3(0, [(topic[0], code, None) for topic in request.create_topic_requests])
        return await super().send(node_id, request, **arguments)


class OldBroker(AIOKafkaClient):  # type: ignore[misc]
    """A client that takes its broker to speak Metadata up to version 5 only, as Kafka 1.0 did."""

    async def send(self, node_id: int, request: Any, **arguments: Any) -> Any:
        await self.ready(node_id)
        for open_connection in self._conns.values():
            open_connection._versions = {**open_connection._versions, 3: (0, 5)}
        return await super().send(node_id, request, **arguments)


def a_name() -> str:
    return f"th-{uuid4().hex}"


def a_plan(partitions: int = 1) -> TopicPlan:
    return TopicPlan(a_name(), partitions, 1)


def connection(pair: Pair) -> dict[str, Any]:
    return {"bootstrap_servers": pair.bootstrap_servers}


def with_admin(pair: Pair, work: Callable[[AIOKafkaAdminClient], Any]) -> Any:
    async def run() -> Any:
        async with connected_admin(connection(pair)) as admin:
            return await work(admin)

    return asyncio.run(run())


def create(pair: Pair, *plans: TopicPlan) -> list[TopicResult]:
    results: list[TopicResult] = with_admin(pair, lambda admin: create_missing(admin, plans))
    return results


def create_through(
    pair: Pair, first_codes: Sequence[int], plan: TopicPlan, patience_seconds: float = 30.0
) -> list[TopicResult]:
    async def run() -> list[TopicResult]:
        client = RefusingFirst(first_codes, **connection(pair))
        await client.bootstrap()
        try:
            return await create_missing(client, [plan], patience_seconds=patience_seconds)
        finally:
            await client.close()

    return asyncio.run(run())


def states(pair: Pair, *names: str) -> dict[str, TopicState]:
    states_by_name: dict[str, TopicState] = with_admin(pair, lambda admin: describe(admin, names))
    return states_by_name


def delete(pair: Pair, name: str) -> None:
    async def until_gone(admin: AIOKafkaAdminClient) -> None:
        await admin.delete_topics([name])
        async with asyncio.timeout(10):
            while await describe(admin, [name]):
                pass  # a broker hears of it a moment after the controller has answered

    with_admin(pair, until_gone)


def settings_of(pair: Pair, name: str) -> dict[str, str]:
    wanted = [ConfigResource(ConfigResourceType.TOPIC, name)]
    [answer] = with_admin(pair, lambda admin: admin.describe_configs(wanted))
    [(*_, entries)] = answer.resources
    return {key: value for key, value, *_ in entries}


def produce(pair: Pair, partition: TopicPartition, count: int) -> None:
    """Write records one by one: of a batch the embedded broker's end offset counts the first record only."""

    async def run() -> None:
        async with AIOKafkaProducer(**connection(pair)) as producer:
            for _ in range(count):
                await producer.send_and_wait(partition.topic, b"x", partition=partition.partition)

    asyncio.run(run())


def bounds(pair: Pair, *partitions: tuple[str, int]) -> dict[TopicPartition, LogBounds]:
    async def run() -> dict[TopicPartition, LogBounds]:
        async with AIOKafkaConsumer(**connection(pair)) as consumer:
            return await log_bounds(consumer, partitions)

    return asyncio.run(run())
