"""Laws of the store over several Redis servers: whichever of them a key lives on, no step is lost or taken twice."""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest
from redis.asyncio import Connection
from redis.crc import key_slot

from tests.integration.test_worker import QUIET
from tests.support.builders import rule
from tests.support.processor_rig import Agent, record
from tests.support.redis_topologies import Node, SmallCluster, Watched, running_cluster, running_sentinel
from tests.support.services import missing_redis, running_redis
from tests.support.site import Site, site
from workers.demo.embedded import HOST, Pair, free_ports
from workers.errors import Fenced, Transient
from workers.kafka.records import OutboxRecord, SeekTo, encode_record
from workers.processor.results import Processed
from workers.state.connection import RedisServers
from workers.state.held_actions import Order
from workers.state.keys import hash_tag
from workers.state.meta import Meta
from workers.state.step import Held, WriteSet
from workers.state.store import Store
from workers.state.topology import open_nodes

pytestmark = pytest.mark.integration

PATIENCE_SECONDS: Final = 60
PARTITIONS: Final = range(16)
CUSTOMERS: Final = 12
_serial = count()


# --- builders -------------------------------------------------------------------------------------------------


class CountingServers(RedisServers):
    """Counts what it sends; everything in one packet to one server is one question."""

    questions = 0

    async def converse(self, connection: Connection, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        self.questions += 1
        return await super().converse(connection, commands)


class CountingStore(Store):
    """A store over servers that count."""

    redis: CountingServers


def lawful(
    work: Callable[[CountingStore], Any],
    arguments: dict[str, Any],
    *,
    wait_replicas: int = 0,
    timeout_ms: int = 2_000,
) -> Any:
    """Run one law against a store of its own."""

    async def run() -> Any:
        nodes = open_nodes(arguments, timeout_ms)
        servers = CountingServers(nodes, wait_replicas=wait_replicas, timeout_ms=timeout_ms)
        store = CountingStore(servers, f"t{next(_serial)}")
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


def encoded(number: int) -> bytes:
    return encode_record(OutboxRecord("linger.at-risk", b"ada", str(number).encode(), ()))


async def take_step(store: Store, meta: Meta, changes: WriteSet, partition: int = 0) -> None:
    async with store.step(partition, meta) as step:
        await step.read(list(changes.activities))
        await step.commit(changes)


async def patiently(ask: Callable[[], Any]) -> Any:
    """Ask until Redis answers."""
    while True:
        try:
            return await ask()
        except Transient:
            await asyncio.sleep(0.02)


class Ledger:
    """A worker that takes one numbered step after the other, and claims again whenever one was not answered.

    Step n counts up three of the customers and appends n to the outbox, so a step that is missing, or was taken
    twice, or in the wrong order, leaves a lasting trace.

    Attributes:
        meta: as last written.
        confirmed: how many steps the store said were done.
        went_back: where it had to begin again because Redis had lost steps that the store had said were done.
        retries: how many steps were not answered.
    """

    def __init__(self, store: Store, partition: int = 0) -> None:
        self._store = store
        self._partition = partition
        self.confirmed = 0
        self._moved = asyncio.Condition()
        self.went_back: list[int] = []
        self.retries = 0

    async def start(self) -> "Ledger":
        self.meta: Meta = (await self._store.claim(self._partition, "one")).meta
        self.meta.offset = max(0, self.meta.offset)
        return self

    async def reached(self, offset: int) -> None:
        """Wait until another task that runs this has got so far."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.confirmed >= offset)

    async def run(self, until: int) -> None:
        while self.meta.offset < until:
            try:
                await self.step(self.meta.offset)
                async with self._moved:
                    self.confirmed = max(self.confirmed, self.meta.offset)
                    self._moved.notify_all()
            except Transient:
                self.retries += 1
                again = await patiently(lambda: self._store.claim(self._partition, "one", again=True))
                self.meta = again.meta
                self.meta.offset = max(0, self.meta.offset)
                if self.meta.offset < self.confirmed:
                    self.went_back.append(self.meta.offset)
                    self.confirmed = self.meta.offset

    async def step(self, number: int) -> None:
        async with self._store.step(self._partition, self.meta) as step:
            names = named(number)
            known = await step.read(names)
            activities: dict[str, bytes | None] = {
                name: b"%d" % (int(raw or 0) + 1) for name, raw in zip(names, known, strict=True)
            }
            due = dict.fromkeys(names, number + 1)
            await step.commit(WriteSet(offset=number + 1, activities=activities, due=due, outbox=[encoded(number)]))

    async def assert_balanced(self, steps: int) -> None:
        """Assert that every step was taken once, in order."""
        stored = await patiently(lambda: self._store.claim(self._partition, "auditor"))
        assert [int(message.value or b"") for message in stored.outbox] == list(range(steps))
        expected = Counter(name for number in range(steps) for name in named(number))
        for name, times in expected.items():
            assert await self._store.activity(self._partition, name) == b"%d" % times
        due = (await self._store.due({self._partition: (steps, {})}, 100))[self._partition]
        assert sorted(due.customers) == sorted(expected)


def named(number: int) -> list[str]:
    return [f"c{(number * 5 + step) % CUSTOMERS}" for step in range(3)]


def slot_of(partition: int) -> int:
    slot: int = key_slot(hash_tag(partition).encode())
    return slot


def another(cluster: SmallCluster, node: Node) -> Node:
    return next(one for one in cluster.nodes if one != node)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallCluster]:
    if (missing := missing_redis()) is not None:
        pytest.skip(missing)
    with running_cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    if (missing := missing_redis()) is not None:
        pytest.skip(missing)
    with running_sentinel(tmp_path) as running:
        yield running


# --- one server -----------------------------------------------------------------------------------------------


def test_on_one_server_a_request_about_many_partitions_is_one_question(pair: Pair) -> None:
    async def law(store: CountingStore) -> None:
        for ask in (lambda: store.metas(PARTITIONS), lambda: store.due(dict.fromkeys(PARTITIONS, (1, {"a": 1})), 9)):
            store.redis.questions = 0
            await ask()
            assert store.redis.questions == 1

    lawful(law, {"url": pair.redis_url})


def test_questions_inside_of_steps_do_not_wait_for_the_end_of_other_steps(pair: Pair) -> None:
    """More steps at once than there are places for, and each asks something before it commits, as paces do."""

    async def law(store: CountingStore) -> None:
        claims = await asyncio.gather(*(store.claim(number, "one") for number in range(80)))

        async def step_along(number: int) -> None:
            async with store.step(number, claims[number].meta) as step:
                await step.read(())
                await store.count_up(store.keys.pace("a", 1), 1, 60)
                await step.commit(WriteSet(offset=1))

        async with asyncio.timeout(10):
            await asyncio.gather(*map(step_along, range(80)))
        assert await store.count_up(store.keys.pace("a", 1), 0, 60) == 80

    lawful(law, {"url": pair.redis_url})


def test_going_through_all_keys_ends_and_sees_every_customer(pair: Pair) -> None:
    async def law(store: CountingStore) -> None:
        expected = await filled(store)
        assert await all_customers(store) == expected

    lawful(law, {"url": pair.redis_url})


def test_going_through_all_keys_begins_again_when_redis_was_restarted(tmp_path: Path) -> None:
    """What a cursor means is known only to the process that gave it."""
    if (missing := missing_redis()) is not None:
        pytest.skip(missing)
    (port,) = free_ports(1)

    async def law(store: CountingStore) -> None:
        with running_redis(tmp_path / "data", port, tmp_path):
            expected = await filled(store)
            cursor, _ = await store.scan(0, 20)
        with running_redis(tmp_path / "data", port, tmp_path):
            with pytest.raises(Transient, match="begins again"):
                await patiently_but(lambda: store.scan(cursor, 20), "does not answer")
            assert await all_customers(store) == expected

    lawful(law, {"url": f"redis://{HOST}:{port}/0"})


async def patiently_but(ask: Callable[[], Any], only: str) -> Any:
    """Ask again only if this is in the answer."""
    while True:
        try:
            return await ask()
        except Transient as error:
            if only not in str(error):
                raise


async def filled(store: Store) -> set[tuple[str, str]]:
    """Put customers into every partition; return them with their hash tags."""
    for number in PARTITIONS:
        meta = (await store.claim(number, "one")).meta
        names: dict[str, bytes | None] = {f"p{number}-{serial}": b"x" for serial in range(25)}
        await take_step(store, meta, WriteSet(offset=number, activities=names, due=dict.fromkeys(names, 5)), number)
    return {(hash_tag(number), f"p{number}-{serial}") for number in PARTITIONS for serial in range(25)}


async def all_customers(store: Store) -> set[tuple[str, str]]:
    customers: set[tuple[str, str]] = set()
    cursor = None
    while cursor != 0:
        cursor, by_tag = await store.scan(cursor or 0, 20)
        customers |= {(tag, name) for tag, names in by_tag.items() for name in names}
    return customers


# --- a cluster ------------------------------------------------------------------------------------------------


def test_the_partitions_lie_on_every_master_of_a_cluster(cluster: SmallCluster) -> None:
    assert {cluster.owner(slot_of(number)) for number in PARTITIONS} == set(cluster.nodes)


def test_in_a_cluster_a_partition_has_one_owner_and_its_steps_are_taken(cluster: SmallCluster) -> None:
    async def law(store: CountingStore) -> None:
        for number in PARTITIONS:
            meta = (await store.claim(number, "one")).meta
            await take_step(store, meta, WriteSet(offset=1, activities={"ada": b"1"}), number)
            rival = (await store.claim(number, "two")).meta
            assert rival.offset == 1
            with pytest.raises(Fenced):
                await take_step(store, meta, WriteSet(offset=2, activities={"ada": b"2"}), number)
            assert await store.activity(number, "ada") == b"1"

    lawful(law, cluster.arguments())


def test_in_a_cluster_a_step_is_two_questions(cluster: SmallCluster) -> None:
    async def law(store: CountingStore) -> None:
        meta = (await store.claim(0, "one")).meta
        store.redis.questions = 0
        await take_step(store, meta, WriteSet(offset=1, activities={"ada": b"1"}))
        assert store.redis.questions == 2

    lawful(law, cluster.arguments())


def test_what_is_asked_of_many_partitions_is_one_question_to_each_master_and_answered_in_order(
    cluster: SmallCluster,
) -> None:
    async def law(store: CountingStore) -> None:
        await filled(store)
        store.redis.questions = 0
        metas = await store.metas(reversed(PARTITIONS))
        assert store.redis.questions == len(cluster.nodes)
        assert {number: int(fields["offset"]) for number, fields in metas.items()} == {n: n for n in PARTITIONS}
        store.redis.questions = 0
        due = await store.due({number: (9, {"login": 9}) for number in PARTITIONS}, 100)
        assert store.redis.questions == len(cluster.nodes)
        for number in PARTITIONS:
            assert set(due[number].customers) == {f"p{number}-{serial}" for serial in range(25)}

    lawful(law, cluster.arguments())


def test_in_a_cluster_orders_and_held_actions_are_found_wherever_they_are(cluster: SmallCluster) -> None:
    async def law(store: CountingStore) -> None:
        for number in PARTITIONS:
            meta = (await store.claim(number, "one")).meta
            held = [Held(f"r{number % 3}", f"a{number}", 1, encoded(number))]
            await take_step(store, meta, WriteSet(offset=1, held=held), number)
            await store.held_actions.order(number, [Order("release", "r", f"a{number}")])
        assert await store.held_actions.rules() == {"r0", "r1", "r2"}
        orders = await store.held_actions.orders(PARTITIONS, 5)
        assert {number: held[0].action_id for number, held in orders.items()} == {n: f"a{n}" for n in PARTITIONS}
        oldest = await store.held_actions.oldest(PARTITIONS, "r1", 5)
        assert oldest == {number: [f"a{number}"] for number in PARTITIONS if number % 3 == 1}

    lawful(law, cluster.arguments())


def test_what_belongs_to_no_partition_lives_in_a_cluster_too(cluster: SmallCluster) -> None:
    async def law(store: CountingStore) -> None:
        assert await store.progress() == {}
        for key in (store.keys.rules, store.keys.seen, store.keys.clock):
            assert await store.redis.rewrite(key, lambda known: {**known, "a": "1"}) == {"a": "1"}
            assert await store.redis.fields(key) == {"a": "1"}
        assert [await store.count_up(store.keys.pace(f"r{n}", 1), 2, 60) for n in range(9)] == [2] * 9

    lawful(law, cluster.arguments())


def test_going_through_all_keys_of_a_cluster_sees_every_customer(cluster: SmallCluster) -> None:
    async def law(store: CountingStore) -> None:
        expected = await filled(store)
        assert await all_customers(store) == expected

    lawful(law, cluster.arguments())


def test_every_master_of_a_cluster_can_be_asked(cluster: SmallCluster) -> None:
    async def law(store: CountingStore) -> None:
        answers = await store.redis.ask_every_server("INFO", "memory")
        assert set(answers) == {f"127.0.0.1:{node.port}" for node in cluster.nodes}
        assert all(b"maxmemory_policy:noeviction" in raw for raw in answers.values())

    lawful(law, cluster.arguments())


def test_every_node_of_a_cluster_is_given_the_password(cluster: SmallCluster) -> None:
    async def step_everywhere(store: CountingStore) -> None:
        for number in PARTITIONS:
            await take_step(store, (await store.claim(number, "one")).meta, WriteSet(offset=1), number)

    async def is_refused(store: CountingStore) -> None:
        with pytest.raises(
            Transient, match=r"no node of the Redis cluster returns its slots: .*invalid username-password"
        ):
            await store.claim(0, "one")

    for node in cluster.nodes:
        node.ask("ACL", "SETUSER", "linger", "on", ">s3cret", "~*", "+@all")
        node.ask("ACL", "SETUSER", "default", "-hgetall", "-cluster|slots")
    try:
        lawful(step_everywhere, {**cluster.arguments(), "username": "linger", "password": "s3cret"})
        lawful(is_refused, {**cluster.arguments(), "username": "linger", "password": "typo"})
    finally:
        for node in cluster.nodes:
            node.ask("ACL", "SETUSER", "default", "+@all")


def test_a_server_that_is_no_cluster_is_named_as_such(pair: Pair) -> None:
    async def law(store: CountingStore) -> None:
        with pytest.raises(
            Transient, match=r"no node of the Redis cluster returns its slots.*cluster support disabled"
        ):
            await store.meta(0)

    port = int(pair.redis_url.rpartition(":")[2].partition("/")[0])
    lawful(law, {"url": pair.redis_url, "cluster": [("127.0.0.1", port)]})


# --- slots that move ------------------------------------------------------------------------------------------


@pytest.mark.rest
@pytest.mark.parametrize("moment", ["before its read", "between its read and its commit"])
def test_a_step_that_meets_a_slot_that_has_moved_is_tried_again_where_it_is_now(
    cluster: SmallCluster, moment: str
) -> None:
    async def law(store: CountingStore) -> None:
        meta = (await store.claim(1, "one")).meta
        await take_step(store, meta, WriteSet(offset=1, activities={"ada": b"1"}), 1)
        slot = slot_of(1)
        source = cluster.owner(slot)

        async def move() -> None:
            await asyncio.to_thread(cluster.move, slot, another(cluster, source))

        if moment == "before its read":
            await move()
        with pytest.raises(Transient, match="MOVED"):  # noqa: PT012
            async with store.step(1, meta) as step:
                await step.read(["ada"])
                if moment != "before its read":
                    await move()
                await step.commit(WriteSet(offset=2, activities={"ada": b"2"}, outbox=[encoded(2)]))
        again = await store.claim(1, "one", again=True)
        assert (again.meta.offset, again.meta.version, again.outbox) == (1, meta.version + 1, [])
        assert await store.activity(1, "ada") == b"1"
        await take_step(store, again.meta, WriteSet(offset=2, activities={"ada": b"2"}), 1)
        assert another(cluster, source) == cluster.owner(slot)

    lawful(law, cluster.arguments())


def test_while_its_slot_is_on_its_way_a_step_is_taken_as_a_whole_or_not_at_all(cluster: SmallCluster) -> None:
    async def law(store: CountingStore) -> None:
        ledger = await Ledger(store, 2).start()
        await ledger.run(30)
        slot = slot_of(2)
        source = cluster.owner(slot)
        target = another(cluster, source)
        cluster.begin_move(slot, source, target)
        refused: list[str] = []
        while await asyncio.to_thread(cluster.move_a_key, slot, source, target):
            try:
                await ledger.step(ledger.meta.offset)
            except Transient as error:
                refused.append(str(error))
        cluster.end_move(slot, target, *(node for node in cluster.nodes if node != target))
        assert len(refused) > 5
        assert all("ASK" in answer or "TRYAGAIN" in answer for answer in refused)
        await ledger.run(40)
        await ledger.assert_balanced(40)

    lawful(law, cluster.arguments())


def test_no_step_is_lost_or_taken_twice_while_its_slot_moves_to_and_fro(cluster: SmallCluster) -> None:
    async def law(store: CountingStore) -> None:
        ledger = await Ledger(store, 3).start()
        slot = slot_of(3)
        source = cluster.owner(slot)
        target = another(cluster, source)
        async with asyncio.TaskGroup() as beside:
            beside.create_task(ledger.run(800))
            for turn in range(6):
                await ledger.reached(100 * (turn + 1))
                await asyncio.to_thread(cluster.move, slot, (target, source)[turn % 2], 0.001)
        assert ledger.retries > 0
        assert ledger.went_back == []
        await ledger.assert_balanced(800)

    lawful(law, cluster.arguments())


def test_going_through_all_keys_begins_again_while_slots_move(cluster: SmallCluster) -> None:
    async def law(store: CountingStore) -> None:
        expected = await filled(store)
        slot = slot_of(4)
        source = cluster.owner(slot)
        target = another(cluster, source)
        cursor, _ = await store.scan(0, 20)
        cluster.begin_move(slot, source, target)
        with pytest.raises(Transient, match="moving"):
            await all_customers(store)
        while await asyncio.to_thread(cluster.move_a_key, slot, source, target):
            pass
        cluster.end_move(slot, target, *(node for node in cluster.nodes if node != target))
        with pytest.raises(Transient, match="begin"):
            await store.scan(cursor, 20)
        assert await patiently(lambda: all_customers(store)) == expected

    lawful(law, cluster.arguments())


def test_a_pool_of_connections_is_found_again_after_a_node_was_away(cluster: SmallCluster) -> None:
    async def law(store: CountingStore) -> None:
        ledger = await Ledger(store, 5).start()
        await ledger.run(5)
        with cluster.owner(slot_of(5)).frozen(), pytest.raises(Transient, match="does not answer"):
            await ledger.step(5)
        await ledger.run(10)
        await ledger.assert_balanced(10)

    lawful(law, cluster.arguments(), timeout_ms=200)


# --- Sentinel -------------------------------------------------------------------------------------------------


@pytest.mark.rest
def test_a_service_that_the_sentinels_do_not_know_is_named_with_those_they_do(watched: Watched) -> None:
    async def law(store: CountingStore) -> None:
        with pytest.raises(Transient, match=r"no sentinel names a master of 'typo'.* watches linger-store"):
            await store.claim(0, "one")

    lawful(law, watched.arguments("typo"))


@pytest.mark.rest
def test_sentinels_have_credentials_of_their_own(watched: Watched) -> None:
    async def step(store: CountingStore) -> None:
        await take_step(store, (await store.claim(0, "one")).meta, WriteSet(offset=1))

    async def is_refused(store: CountingStore) -> None:
        with pytest.raises(Transient, match="no sentinel names a master") as caught:
            await store.claim(0, "one")
        assert "typo" not in str(caught.value)

    for sentinel in watched.sentinels:
        sentinel.ask("ACL", "SETUSER", "linger", "on", ">s3cret", "+@all")
    given = {**watched.arguments(), "sentinel_username": "linger"}
    lawful(step, {**given, "sentinel_password": "s3cret"})
    lawful(is_refused, {**given, "sentinel_password": "typo"})


def test_after_the_masters_death_steps_go_on_at_the_new_one_and_nothing_confirmed_is_missing(
    watched: Watched,
) -> None:
    async def law(store: CountingStore) -> None:
        ledger = await Ledger(store).start()
        async with asyncio.TaskGroup() as beside:
            beside.create_task(ledger.run(400))
            await ledger.reached(200)
            watched.master.kill()
            confirmed, killed = ledger.confirmed, time.monotonic()
            await ledger.reached(confirmed + 2)  # the answer to one may have been on its way
            assert time.monotonic() - killed < 20
        assert ledger.retries > 0
        assert ledger.went_back == []
        await ledger.assert_balanced(400)
        (name,) = await store.redis.ask_every_server("PING")
        assert name in {f"127.0.0.1:{replica.port}" for replica in watched.replicas}

    lawful(law, watched.arguments(), wait_replicas=1, timeout_ms=1_000)


@pytest.mark.parametrize("wait_replicas", [0, 2])
def test_a_master_that_is_only_a_replica_by_now_is_left_for_the_new_one(watched: Watched, wait_replicas: int) -> None:
    """A failover by hand: the old master lives on, takes steps for a while that are lost, and then refuses them."""

    async def law(store: CountingStore) -> None:
        ledger = await Ledger(store).start()
        await ledger.run(10)
        watched.sentinels[0].ask("SENTINEL", "FAILOVER", "linger-store")
        while b"role:slave" not in await asyncio.to_thread(watched.master.ask, "INFO", "replication"):
            await ledger.run(ledger.meta.offset + 1)
        steps = ledger.meta.offset + 10
        await ledger.run(steps)
        await ledger.assert_balanced(steps)
        if wait_replicas:  # of both: one alone may still follow the old master, and confirm what will be lost
            assert ledger.went_back == []

    lawful(law, watched.arguments(), wait_replicas=wait_replicas, timeout_ms=1_000)


@pytest.mark.rest
def test_steps_that_a_failover_lost_are_taken_again_from_the_offset_that_is_left(watched: Watched) -> None:
    async def law(store: CountingStore) -> None:
        ledger = await Ledger(store).start()
        await ledger.run(50)
        await store.redis.call([("SET", f"{store.keys.rules}:mark", 1)])
        await all_replicated(watched)
        with watched.forgetting():
            await ledger.run(80)
        assert ledger.confirmed == 80
        await ledger.run(120)
        assert ledger.went_back == [50]
        await ledger.assert_balanced(120)

    lawful(law, watched.arguments())


async def all_replicated(watched: Watched) -> None:
    """Wait until every replica has all that the master has now; a worker may go on writing meanwhile."""

    async def offsets() -> list[int]:
        replication = (await asyncio.to_thread(watched.master.ask, "INFO", "replication")).decode()
        return [int(offset) for offset in re.findall(r"(?:master_repl_|,)offset[:=](\d+)", replication)]

    end = max(await offsets())
    while sum(offset >= end for offset in await offsets()) <= len(watched.replicas):
        pass


@pytest.mark.rest
def test_a_worker_reads_again_what_a_failover_lost_and_decides_the_same(watched: Watched) -> None:
    async def law(store: CountingStore) -> None:
        agent = Agent(store, rule("gone", when={"status": "cancelled"}))
        await agent.start()
        assert await agent.process(record(0, "login")) == Processed()
        await all_replicated(watched)
        lost = [record(offset, "cancellation", customer=f"c{offset}") for offset in range(1, 6)]
        with watched.forgetting():
            assert await agent.process(*lost, follows=1) == Processed()
        first = {message.headers: message.value for message in await agent.published("linger.at-risk")}
        assert len(first) == 5
        assert await agent.process(record(6, "login"), follows=6) == SeekTo(1)
        agent.publisher.sent.clear()
        assert await agent.process(*lost, record(6, "login"), follows=1) == Processed()
        # Nothing counts as seen until it is read again; then the same is decided.
        assert await agent.published() == []
        await agent.observe()
        await agent.processor.fire()
        assert {message.headers: message.value for message in await agent.published("linger.at-risk")} == first
        assert agent.processor.partitions[0].is_usable
        await agent.processor.stop(1)

    lawful(law, watched.arguments())


@pytest.mark.rest
def test_a_quiet_partition_that_a_failover_set_back_is_read_again_too(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No record comes and no timer is due by which it would be noticed."""

    async def law(store: CountingStore) -> None:
        agent = Agent(store, rule("quiet", when={"none": "login", "for": "30 days"}))
        await agent.start()
        await agent.process(record(0, "login"))
        await all_replicated(watched)
        with watched.forgetting():
            await agent.process(record(1, "login", at="2024-03-20T00:00:00Z"), follows=1)
        monkeypatch.setattr("workers.processor.ownership._VERSION_CHECK_SECONDS", 0)
        back: dict[int, int] = {}
        while not back:
            with suppress(Transient):
                await agent.processor.fire()
            back = agent.processor.read_again()
        assert back == {0: 1}
        await agent.processor.stop(1)

    lawful(law, watched.arguments())


# --- a whole worker -------------------------------------------------------------------------------------------


def play(pair: Pair, folder: Path, variables: dict[str, Any], scenario: Callable[[Site], Any]) -> None:
    async def on_a_site() -> None:
        async with site(pair, folder, QUIET, LINGER_REDIS_TIMEOUT_MS="1000", **variables) as place:
            await scenario(place)
            assert all(process.poll() is None for process in place.processes)

    asyncio.run(on_a_site())


async def acted_on(place: Site, at_least: int) -> set[str]:
    return {json.loads(message.value or b"")["customer_id"] for message in await place.read("at-risk", at_least)}


@pytest.mark.rest
def test_a_worker_goes_on_after_a_failover_that_lost_its_last_steps(
    apache_pair: Pair, watched: Watched, tmp_path: Path
) -> None:
    """The new master lacks eight customers, and no event comes after it took over."""

    async def scenario(place: Site) -> None:
        await place.order("early", 1)
        await place.now(2)
        await place.decided_until(2)
        await all_replicated(watched)
        with watched.forgetting():
            for number in range(8):
                await place.order(f"lost{number}", 3)
            await place.now(4)
            await place.decided_until(4)
        await patiently(lambda: place.now(20))
        await place.decided_until(20)
        assert await acted_on(place, 9) == {"early", *(f"lost{number}" for number in range(8))}
        assert "steps_lost" in place.log()

    play(apache_pair, tmp_path, watched.variables(), scenario)


@pytest.mark.rest
def test_a_worker_works_over_a_cluster_while_slots_move(
    apache_pair: Pair, cluster: SmallCluster, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        customers = {f"c{number}" for number in range(8)}
        await place.now(2)
        for turn in range(4):
            for name in customers:
                await place.order(name, 2 + turn)
            slot = slot_of(turn)
            await asyncio.to_thread(cluster.move, slot, another(cluster, cluster.owner(slot)), 0.01)
        await patiently(lambda: place.now(30))
        await patiently(lambda: place.decided_until(30))
        assert await acted_on(place, 8) == customers

    play(apache_pair, tmp_path, cluster.variables(), scenario)
