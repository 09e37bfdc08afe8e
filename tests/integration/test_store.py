"""Laws of the store: one owner at a time, all of a step or nothing, and no answer taken for another's."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing, suppress
from itertools import count
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from redis import Redis

from tests.support.builders import rule
from tests.support.processor_rig import Agent, record
from tests.support.services import missing_redis, store_program
from tests.unit.state.test_keys import slot
from workers.core.source_positions import NONE, WHOLE
from workers.demo.embedded import HOST, Pair, answers_ping, free_ports, running_server, store_command
from workers.errors import Fenced, Transient
from workers.kafka.records import OutboxRecord, encode_record
from workers.processor.results import Processed
from workers.state.connection import RedisServers
from workers.state.keys import SLOTS, hash_tag
from workers.state.meta import Meta, ownership_fields
from workers.state.step import WriteSet
from workers.state.store import Store
from workers.state.topology import open_nodes

pytestmark = pytest.mark.integration

PATIENCE_SECONDS: Final = 20
_serial = count()


# --- builders -------------------------------------------------------------------------------------------------


@asynccontextmanager
async def opened(
    redis_url: str, namespace: str | None = None, *, wait_replicas: int = 0, timeout_ms: int = 5_000
) -> AsyncIterator[Store]:
    """A store under a namespace of its own."""
    pool = open_nodes({"url": redis_url}, timeout_ms)
    name = namespace or f"store-{next(_serial)}"
    store = Store(RedisServers(pool, wait_replicas=wait_replicas, timeout_ms=timeout_ms), name)
    try:
        yield store
    finally:
        await store.close()


def lawful(work: Callable[[Store], Any], redis_url: str, **options: Any) -> Any:
    """Run one law against a store of its own."""

    async def run() -> Any:
        async with asyncio.timeout(PATIENCE_SECONDS), opened(redis_url, **options) as store:
            return await work(store)

    return asyncio.run(run())


def encoded(value: bytes = b"{}") -> bytes:
    return encode_record(OutboxRecord("linger.at-risk", b"ada", value, (("ce_id", b"1"),)))


def full_step(name: str = "ada") -> WriteSet:
    """A step that touches every kind of key."""
    return WriteSet(
        offset=42,
        fields={"hw:shop.orders:0": 41},
        activities={name: b"activity"},
        due={name: 1_000},
        waiting={"login": {name: 2_000}},
        outbox=[encoded()],
    )


async def take_step(store: Store, meta: Meta, changes: WriteSet, partition: int = 0) -> None:
    async with store.step(partition, meta) as step:
        await step.read(list(changes.activities))
        await step.commit(changes)


def clone(meta: Meta) -> Meta:
    return Meta(meta.owner, meta.version, meta.offset, meta.topic_id, dict(meta.fields))


async def content(store: Store, partition: int = 0) -> dict[str, Any]:
    """Everything that is stored of a partition and of the customer ada."""
    keys = store.keys.partition(partition)
    names = ["meta", "activity", "due", "waiting", "outbox"]
    answers = await store.redis.call(
        [
            ("HGETALL", keys.meta),
            ("GET", keys.customer("ada")),
            ("ZRANGE", keys.due, 0, -1, "WITHSCORES"),
            ("ZRANGE", keys.waiting("login"), 0, -1, "WITHSCORES"),
            ("LRANGE", keys.outbox, 0, -1),
        ]
    )
    return dict(zip(names, answers, strict=True))


class Proxy:
    """A network between the store and Redis on which answers can be late or lost.

    Attributes:
        url: where to find Redis behind it.
        connections: how many were opened.
        answers, questions: cleared, they are held back on the way.
        loses: what is in a question whose answer is lost, with its connection; None for nothing.
        seen: every question since it was last emptied.
    """

    def __init__(self, target: str) -> None:
        place = urlsplit(target)
        self._target = (place.hostname, place.port)
        self.url = ""
        self.connections = 0
        self.answers, self.questions = asyncio.Event(), asyncio.Event()
        self.answers.set()
        self.questions.set()
        self.loses: bytes | None = None
        self.seen = b""
        self._asked = asyncio.Condition()
        self._pumps: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []

    async def was_asked(self, what: bytes) -> None:
        """Wait until a question passed, or is held back."""
        async with self._asked:
            await self._asked.wait_for(lambda: what in self.seen)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        there, back = await asyncio.open_connection(*self._target)
        self._writers += [writer, back]
        losing = asyncio.Event()
        self._pumps.add(asyncio.create_task(self._ask(reader, back, losing)))
        self._pumps.add(asyncio.create_task(self._answer(there, writer, losing)))

    async def _ask(self, reader: asyncio.StreamReader, back: asyncio.StreamWriter, losing: asyncio.Event) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                async with self._asked:
                    self.seen += data
                    self._asked.notify_all()
                if self.loses is not None and self.loses in data:
                    losing.set()
                await self.questions.wait()
                back.write(data)

    async def _answer(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter, losing: asyncio.Event) -> None:
        with suppress(ConnectionError):
            while (data := await there.read(1 << 16)) and not losing.is_set():
                await self.answers.wait()
                writer.write(data)
        writer.close()

    async def stop(self) -> None:
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        for writer in self._writers:
            writer.close()
        for writer in self._writers:
            with suppress(ConnectionError):
                await writer.wait_closed()


@asynccontextmanager
async def proxied(pair: Pair) -> AsyncIterator[Proxy]:
    proxy = Proxy(pair.redis_url)
    server = await asyncio.start_server(proxy.serve, HOST, 0)
    proxy.url = f"redis://{HOST}:{server.sockets[0].getsockname()[1]}/0"
    try:
        yield proxy
    finally:
        server.close()
        await proxy.stop()
        await server.wait_closed()  # from Python 3.12 on, it waits for the connections


def behind_a_proxy(work: Callable[[Proxy], Any], pair: Pair) -> Any:
    async def run() -> Any:
        async with asyncio.timeout(PATIENCE_SECONDS), proxied(pair) as proxy:
            return await work(proxy)

    return asyncio.run(run())


# --- one owner at a time --------------------------------------------------------------------------------------


def test_a_timer_moves_no_offset_and_still_raises_the_version(pair: Pair) -> None:
    async def law(store: Store) -> None:
        meta = (await store.claim(0, "one")).meta
        before = meta.version
        await take_step(store, meta, WriteSet(due={"ada": 0}))
        assert meta.version == before + 1
        assert await store.meta(0) == {**ownership_fields("one"), "version": str(meta.version)}

    lawful(law, pair.redis_url)


def test_of_two_workers_that_fire_the_same_timer_one_is_fenced(pair: Pair) -> None:
    async def law(store: Store) -> None:
        meta = (await store.claim(0, "one")).meta
        twin = clone(meta)
        await take_step(store, meta, WriteSet(due={"ada": 0}, outbox=[encoded(b"1")]))
        with pytest.raises(Fenced):
            await take_step(store, twin, WriteSet(due={"ada": 0}, outbox=[encoded(b"2")]))
        assert (await content(store))["outbox"] == [encoded(b"1")]

    lawful(law, pair.redis_url)


def test_of_two_workers_that_read_at_the_same_time_one_commits(pair: Pair) -> None:
    async def law(store: Store) -> None:
        meta = (await store.claim(0, "one")).meta
        twin = clone(meta)
        async with store.step(0, meta) as first:
            await first.read(["ada"])
            with pytest.raises(Fenced):  # noqa: PT012
                async with store.step(0, twin) as second:
                    await second.read(["ada"])
                    await first.commit(WriteSet(outbox=[encoded(b"1")]))
                    await second.commit(WriteSet(outbox=[encoded(b"2")]))
        assert (await content(store))["outbox"] == [encoded(b"1")]

    lawful(law, pair.redis_url)


@pytest.mark.parametrize("moment", ["before its read", "between its read and its commit"])
def test_a_step_of_a_worker_that_lost_the_partition_writes_nothing(pair: Pair, moment: str) -> None:
    async def law(store: Store) -> None:
        meta = (await store.claim(0, "one")).meta
        await take_step(store, meta, full_step())
        expected: dict[str, Any] = {}

        async def rival() -> None:
            await store.claim(0, "two")
            expected.update(await content(store))

        if moment == "before its read":
            await rival()
        version = meta.version
        with pytest.raises(Fenced) as caught:  # noqa: PT012
            async with store.step(0, meta) as step:
                await step.read(["ada"])
                if moment != "before its read":
                    await rival()
                await step.commit(
                    WriteSet(offset=43, activities={"ada": b"x"}, due={"ada": 0}, trim=1, outbox=[b"x"])
                )
        assert caught.value.partition == 0
        assert await content(store) == expected
        assert (meta.version, meta.offset) == (version, 42)

    lawful(law, pair.redis_url)


def test_a_step_left_without_a_commit_writes_nothing_and_blocks_nothing(pair: Pair) -> None:
    async def law(store: Store) -> None:
        meta = (await store.claim(0, "one")).meta
        before = await content(store)
        async with store.step(0, meta) as step:
            await step.read(["ada"])
        assert await content(store) == before
        await take_step(store, meta, full_step())
        assert (await content(store))["activity"] == b"activity"

    lawful(law, pair.redis_url)


def test_a_step_in_which_deciding_fails_writes_nothing_and_the_next_one_is_taken(pair: Pair) -> None:
    async def law(store: Store) -> None:
        meta = (await store.claim(0, "one")).meta
        before = await content(store)
        with pytest.raises(ZeroDivisionError):  # noqa: PT012
            async with store.step(0, meta) as step:
                await step.read(["ada"])
                raise ZeroDivisionError
        assert await content(store) == before
        await take_step(store, meta, full_step())

    lawful(law, pair.redis_url)


def test_what_a_failed_step_watched_is_forgotten(pair: Pair) -> None:
    async def law(store: Store) -> None:
        meta = (await store.claim(0, "one")).meta
        with pytest.raises(ZeroDivisionError):  # noqa: PT012
            async with store.step(0, meta) as step:
                await step.read(["ada"])
                raise ZeroDivisionError
        async with opened(pair.redis_url, "watched-in-vain") as elsewhere:
            again = await elsewhere.claim(0, "one", again=True)
        await take_step(store, again.meta, full_step())

    lawful(law, pair.redis_url, namespace="watched-in-vain")


def test_an_owner_is_known_by_its_token_even_if_the_versions_happen_to_be_equal(pair: Pair) -> None:
    """A store that lost everything counts versions from the beginning."""

    async def law(store: Store) -> None:
        meta = (await store.claim(0, "one")).meta
        await store.redis.call([("DEL", store.keys.partition(0).meta)])
        rival = (await store.claim(0, "two")).meta
        assert rival.version == meta.version
        with pytest.raises(Fenced):
            await take_step(store, meta, full_step())
        assert await store.activity(0, "ada") is None

    lawful(law, pair.redis_url)


def test_an_owner_of_whom_redis_lost_steps_is_not_fenced_and_writes_nothing(pair: Pair) -> None:
    async def law(store: Store) -> None:
        meta = (await store.claim(0, "one")).meta
        await take_step(store, meta, full_step())
        await store.redis.call([("HINCRBY", store.keys.partition(0).meta, "version", -1)])
        before = await content(store)
        with pytest.raises(Transient, match="lost steps"):
            await take_step(store, meta, WriteSet(offset=43, activities={"ada": b"x"}))
        assert await content(store) == before
        again = (await store.claim(0, "one", again=True)).meta
        await take_step(store, again, WriteSet(offset=43))

    lawful(law, pair.redis_url)


def test_a_store_that_lost_everything_fences_every_worker(pair: Pair) -> None:
    async def law(store: Store) -> None:
        meta = (await store.claim(0, "one")).meta
        await take_step(store, meta, full_step())
        await store.redis.call([("DEL", store.keys.partition(0).meta)])
        with pytest.raises(Fenced):
            await take_step(store, meta, WriteSet(offset=43))
        with pytest.raises(Fenced):
            await store.claim(0, "one", again=True)
        assert (await store.claim(0, "one")).meta.offset == -1

    lawful(law, pair.redis_url)


def test_of_claims_at_the_same_moment_exactly_one_can_go_on(pair: Pair) -> None:
    async def law(store: Store) -> None:
        for _ in range(20):
            claims = await asyncio.gather(
                *(store.claim(0, f"w{number}") for number in range(6)), return_exceptions=True
            )
            assert all(not isinstance(claim, BaseException) or isinstance(claim, Transient) for claim in claims)
            metas = [claim.meta for claim in claims if not isinstance(claim, BaseException)]
            done = await asyncio.gather(
                *(take_step(store, meta, WriteSet()) for meta in metas), return_exceptions=True
            )
            assert [result is None for result in done].count(True) == 1
            assert all(result is None or isinstance(result, Fenced) for result in done)

    lawful(law, pair.redis_url)


def test_only_the_owner_can_claim_again(pair: Pair) -> None:
    async def law(store: Store) -> None:
        with pytest.raises(Fenced):
            await store.claim(0, "one", again=True)
        assert await store.meta(0) == {}
        first = (await store.claim(0, "one")).meta
        again = (await store.claim(0, "one", again=True)).meta
        assert again.version == first.version + 1
        await store.claim(0, "two")
        with pytest.raises(Fenced):
            await store.claim(0, "one", again=True)
        assert (await store.meta(0))["owner"] == "two"

    lawful(law, pair.redis_url)


def test_a_new_owner_finds_everything_that_was_committed(pair: Pair) -> None:
    async def law(store: Store) -> None:
        meta = (await store.claim(0, "one")).meta
        assert (meta.offset, meta.topic_id, meta.fields) == (-1, None, {})
        await take_step(store, meta, full_step())
        await take_step(
            store,
            meta,
            WriteSet(fields={"topic_id": "t1"}, outbox=[encoded(b"2"), encoded(b"3")], trim=1),
        )
        claimed = await store.claim(0, "two")
        assert (claimed.meta.offset, claimed.meta.topic_id) == (42, "t1")
        assert claimed.meta.high_water("shop.orders:0") == (41, WHOLE)
        assert claimed.meta.high_water("shop.orders:1") == NONE
        assert [message.value for message in claimed.outbox] == [b"2", b"3"]

    lawful(law, pair.redis_url)


def test_a_partition_knows_nothing_of_its_neighbours(pair: Pair) -> None:
    async def law(store: Store) -> None:
        metas = [(await store.claim(number, "one")).meta for number in range(3)]
        await take_step(store, metas[1], full_step(), partition=1)
        assert await store.activity(1, "ada") == b"activity"
        assert await store.activity(0, "ada") is None
        assert sorted(await store.due({number: (1_000, {}) for number in range(3)}, 10)) == [1]

    lawful(law, pair.redis_url)


@pytest.mark.parametrize(
    "name", ["a", " ", "a b\r\n$3\r\nc", "{x}", "}{", "c:ada", "waiting:login", "å/🦊", "ü" * 128, "\x00\x7f", "nil"]
)
def test_a_customer_may_have_any_id(pair: Pair, name: str) -> None:
    async def law(store: Store) -> None:
        meta = (await store.claim(0, "one")).meta
        await take_step(store, meta, full_step(name))
        async with store.step(0, meta) as step:
            assert await step.read([name, "ada"]) == [b"activity", None]
        due = await store.due({0: (5_000, {"login": 5_000})}, 10)
        assert due[0].customers == [name]
        assert due[0].waited == {"login": [name]}
        await take_step(store, meta, WriteSet(due={name: 0}, waiting={"login": {name: 0}}))
        assert await store.due({0: (5_000, {"login": 5_000})}, 10) == {}

    lawful(law, pair.redis_url)


# --- answers that are late, lost, or another's ----------------------------------------------------------------


def test_the_connection_of_a_cancelled_call_is_never_used_again(pair: Pair) -> None:
    async def law(proxy: Proxy) -> None:
        async with opened(proxy.url) as store:
            meta = (await store.claim(0, "one")).meta
            await take_step(store, meta, WriteSet(activities={"ada": b"of ada", "bob": b"of bob"}))
            for _ in range(10):
                proxy.answers.clear()
                call = asyncio.create_task(store.activity(0, "ada"))
                proxy.seen = b""
                await proxy.was_asked(b"ada")
                call.cancel()
                await asyncio.wait({call})
                assert call.cancelled()
                proxy.answers.set()
                assert await store.activity(0, "bob") == b"of bob"

    behind_a_proxy(law, pair)


@pytest.mark.parametrize("part", ["read", "commit"])
def test_a_step_cancelled_while_it_waits_for_an_answer_disturbs_no_later_one(pair: Pair, part: str) -> None:
    async def law(proxy: Proxy) -> None:
        async with opened(proxy.url) as store:
            meta = (await store.claim(0, "one")).meta
            reading, go_on = asyncio.Event(), asyncio.Event()

            async def step_along() -> None:
                async with store.step(0, meta) as step:
                    reading.set()
                    await step.read(["ada"])
                    proxy.answers.clear()
                    await step.commit(full_step())
                go_on.set()

            if part == "read":
                proxy.answers.clear()
            proxy.seen = b""
            task = asyncio.create_task(step_along())
            await proxy.was_asked(b"MGET" if part == "read" else b"EXEC")
            task.cancel()
            await asyncio.wait({task})
            proxy.answers.set()
            claimed = await store.claim(0, "one", again=True)
            assert claimed.meta.offset in ((-1,) if part == "read" else (-1, 42))
            async with store.step(0, claimed.meta) as step:
                assert await step.read(["bob"]) == [None]
                await step.commit(WriteSet(activities={"bob": b"of bob"}))
            assert await store.activity(0, "bob") == b"of bob"

    behind_a_proxy(law, pair)


def test_the_connection_of_a_call_that_timed_out_is_never_used_again(pair: Pair) -> None:
    async def law(proxy: Proxy) -> None:
        async with opened(proxy.url, timeout_ms=150) as store:
            meta = (await store.claim(0, "one")).meta
            await take_step(store, meta, WriteSet(activities={"ada": b"of ada", "bob": b"of bob"}))
            proxy.answers.clear()
            with pytest.raises(Transient, match="does not answer"):
                await store.activity(0, "ada")
            proxy.answers.set()
            assert await store.activity(0, "bob") == b"of bob"

    behind_a_proxy(law, pair)


def test_whether_a_step_was_taken_whose_answer_is_lost_is_found_out_by_claiming_again(pair: Pair) -> None:
    async def law(proxy: Proxy) -> None:
        async with opened(proxy.url) as store:
            meta = (await store.claim(0, "one")).meta
            before = clone(meta)
            proxy.loses = b"EXEC"
            with pytest.raises(Transient):
                await take_step(store, meta, full_step())
            proxy.loses = None
            assert meta == before
            again = await store.claim(0, "one", again=True)
            assert again.meta.version == before.version + 2
            assert again.meta.offset == 42
            assert [encode_record(message) for message in again.outbox] == [encoded()]
            await take_step(store, again.meta, WriteSet(offset=43))

    behind_a_proxy(law, pair)


def test_a_step_that_arrives_after_its_owner_has_claimed_again_is_refused(pair: Pair) -> None:
    async def law(proxy: Proxy) -> None:
        async with opened(proxy.url, "late-step") as store, opened(pair.redis_url, "late-step") as direct:
            meta = (await store.claim(0, "one")).meta

            async def step_along() -> None:
                async with store.step(0, meta) as step:
                    await step.read(["ada"])
                    proxy.questions.clear()
                    await step.commit(full_step())

            task = asyncio.create_task(step_along())
            await proxy.was_asked(b"EXEC")
            again = await direct.claim(0, "one", again=True)
            proxy.questions.set()
            with pytest.raises(Fenced):
                await task
            assert await direct.activity(0, "ada") is None
            await take_step(direct, again.meta, full_step())

    behind_a_proxy(law, pair)


def test_a_claim_that_missed_a_step_is_refused(pair: Pair) -> None:
    """The step was taken between what the claim read and what it wrote; its outbox would lack a record."""

    async def law(proxy: Proxy) -> None:
        async with opened(proxy.url, "late-claim") as slow, opened(pair.redis_url, "late-claim") as store:
            meta = (await store.claim(0, "one")).meta
            await slow.meta(0)  # so that it has its connection
            proxy.answers.clear()
            claiming = asyncio.create_task(slow.claim(0, "two"))
            await proxy.was_asked(b"LRANGE")
            await take_step(store, meta, full_step())
            proxy.answers.set()
            with pytest.raises(Transient, match="at the same moment"):
                await claiming
            assert (await store.meta(0))["owner"] == "one"
            await take_step(store, meta, WriteSet(offset=43))

    behind_a_proxy(law, pair)


def test_a_connection_that_redis_closes_between_read_and_commit_writes_nothing(pair: Pair) -> None:
    async def law(store: Store) -> None:
        meta = (await store.claim(0, "one")).meta
        before = await content(store)
        with pytest.raises(Transient):  # noqa: PT012
            async with store.step(0, meta) as step:
                await step.read(["ada"])
                await store.redis.call([("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")])
                await step.commit(full_step())
        assert await content(store) == before

    lawful(law, pair.redis_url)


def test_a_step_whose_connection_was_closed_here_between_read_and_commit_writes_nothing(pair: Pair) -> None:
    async def law(store: Store) -> None:
        meta = (await store.claim(0, "one")).meta
        async with opened(pair.redis_url, "closed-here") as rival:
            with pytest.raises((Transient, Fenced)):  # noqa: PT012
                async with store.step(0, meta) as step:
                    await step.read(["ada"])
                    await store.close()
                    await rival.claim(0, "two")
                    await step.commit(full_step())
            assert await rival.activity(0, "ada") is None
            assert (await rival.meta(0))["owner"] == "two"

    lawful(law, pair.redis_url, namespace="closed-here")


def test_what_redis_refuses_is_transient_and_leaves_nothing_behind(pair: Pair) -> None:
    async def law(store: Store) -> None:
        meta = (await store.claim(0, "one")).meta
        before = await content(store)
        await store.redis.call([("CONFIG", "SET", "maxmemory", "1")])
        try:
            with pytest.raises(Transient, match="Redis refused"):
                await take_step(store, meta, full_step())
        finally:
            await store.redis.call([("CONFIG", "SET", "maxmemory", "0")])
        assert await content(store) == before
        await take_step(store, meta, full_step())
        assert (await content(store))["activity"] == b"activity"

    lawful(law, pair.redis_url)


def test_a_redis_that_is_not_there_is_transient(pair: Pair) -> None:
    async def law(store: Store) -> None:
        with pytest.raises(Transient, match="does not answer"):
            await store.claim(0, "one")

    (port,) = free_ports(1)
    lawful(law, f"redis://{HOST}:{port}/0", timeout_ms=500)


# --- what a step costs ----------------------------------------------------------------------------------------


def calls(redis_url: str) -> Counter[str]:
    with closing(Redis.from_url(redis_url)) as redis:
        stats: Mapping[str, Any] = redis.info("commandstats")
        return Counter({name.removeprefix("cmdstat_"): int(stat["calls"]) for name, stat in stats.items()})


def test_a_step_of_500_customers_is_one_transaction(pair: Pair) -> None:
    async def law(store: Store) -> Counter[str]:
        names = [f"customer {number}" for number in range(500)]
        meta = (await store.claim(0, "one")).meta
        changes = WriteSet(
            offset=500,
            activities=dict.fromkeys(names, b"x" * 250),
            due={name: number for number, name in enumerate(names)},
            waiting={"login": dict.fromkeys(names, 5)},
            outbox=[encoded()] * 500,
            trim=1,
        )
        before = calls(pair.redis_url)
        await take_step(store, meta, changes)
        used = calls(pair.redis_url) - before
        assert (await store.due({0: (499, {})}, 1_000))[0].customers == names[1:]
        return used

    used = lawful(law, pair.redis_url)
    once = ("watch", "hmget", "mget", "multi", "mset", "zrem", "ltrim", "rpush", "hset", "exec")
    assert {name: used[name] for name in once} == dict.fromkeys(once, 1)
    assert used["zadd"] == 2
    assert used["get"] == used["set"] == 0


def test_a_step_is_two_questions_and_two_answers(pair: Pair) -> None:
    async def law(proxy: Proxy) -> None:
        async with opened(proxy.url) as store:
            meta = (await store.claim(0, "one")).meta
            proxy.seen = b""
            async with store.step(0, meta) as step:
                await step.read(["ada"])
                assert b"MULTI" not in proxy.seen
                proxy.seen = b""
                await step.commit(full_step())
                assert proxy.seen.count(b"EXEC") == proxy.seen.count(b"MULTI") == 1
                proxy.seen = b""
            assert proxy.seen == b""
            assert proxy.connections == 1

    behind_a_proxy(law, pair)


def test_due_customers_come_soonest_first_and_no_more_than_asked_for(pair: Pair) -> None:
    async def law(store: Store) -> None:
        meta = (await store.claim(0, "one")).meta
        await take_step(
            store,
            meta,
            WriteSet(
                due={"late": 30, "soon": 10, "mid": 20},
                waiting={"login": {"mid": 5, "sleeper": 6}, "nps": {"never": 1}},
            ),
        )
        assert await store.due({}, 10) == {}
        assert await store.due({0: (9, {})}, 10) == {}
        assert (await store.due({0: (20, {})}, 10))[0].customers == ["soon", "mid"]
        assert (await store.due({0: (30, {})}, 2))[0].customers == ["soon", "mid"]
        both = (await store.due({0: (10, {"login": 6})}, 10))[0]
        assert both.customers == ["soon", "mid", "sleeper"]
        assert both.waited == {"login": ["mid", "sleeper"]}

    lawful(law, pair.redis_url)


def test_a_worker_can_claim_more_than_a_hundred_partitions_at_once(pair: Pair) -> None:
    async def law(store: Store) -> None:
        claims = [store.claim(number, "one") for number in range(128)]
        claimed = await asyncio.gather(*claims, return_exceptions=True)
        assert [claim for claim in claimed if isinstance(claim, BaseException)] == []

    lawful(law, pair.redis_url)


# --- replicas -------------------------------------------------------------------------------------------------


def test_a_step_that_a_replica_does_not_have_is_not_done(pair: Pair) -> None:
    async def law(store: Store) -> None:
        meta = (await store.claim(0, "one")).meta
        async with opened(pair.redis_url, "no-replica", wait_replicas=1, timeout_ms=200) as careful:
            with pytest.raises(Transient):
                await take_step(careful, meta, full_step())
            with pytest.raises(Transient):
                await careful.claim(0, "one", again=True)
        # Redis itself has it: claiming again will find it as soon as there is a replica.
        assert (await store.claim(0, "one", again=True)).meta.offset == 42

    lawful(law, pair.redis_url, namespace="no-replica")


def test_a_missing_replica_is_called_by_its_name(pair: Pair) -> None:
    async def law(store: Store) -> None:
        with pytest.raises(Transient, match="0 of 1 replicas"):
            await store.claim(0, "one")

    lawful(law, pair.redis_url, wait_replicas=1, timeout_ms=2_000)


@pytest.mark.parametrize("wait_replicas", [0, 1])
def test_no_action_is_published_before_the_replicas_have_the_step(pair: Pair, wait_replicas: int) -> None:
    """With none to wait for it is published at once: so there was something to publish."""

    async def law(store: Store) -> None:
        agent = Agent(store, rule("gone", when={"status": "cancelled"}))
        await agent.start()
        agent.publisher.sent.clear()  # what is known of the key of marks
        store.redis._wait_replicas, store.redis._timeout_ms = wait_replicas, 50
        taking = asyncio.create_task(agent.process(record(0, "cancellation")))
        try:
            if wait_replicas:
                # The step, and then claims that check whether it was stored, one after the other.
                while int((await store.meta(0))["version"]) < 4:
                    assert not taking.done()
                assert (await store.meta(0))["offset"] == "1"
                assert agent.publisher.sent == []
            else:
                assert await taking == Processed()
                assert [message.topic for message in await agent.published()] == ["linger.at-risk"]
        finally:
            store.redis._wait_replicas = 0
            while not taking.done():  # a client library may swallow one cancellation
                taking.cancel()
                await asyncio.wait({taking}, timeout=0.1)
            await agent.processor.stop(0)

    lawful(law, pair.redis_url)


# --- the cluster's slots --------------------------------------------------------------------------------------


def _ask(redis: Redis, *command: Any) -> Any:
    return redis.execute_command(*command)  # type: ignore[no-untyped-call]


@pytest.fixture(scope="module")
def cluster_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One Redis server in cluster mode that owns every slot."""
    if (missing := missing_redis()) is not None:
        pytest.skip(missing)
    directory = tmp_path_factory.mktemp("cluster")
    (port,) = free_ports(1)
    # The bus would listen on the port plus 10,000, which may not exist.
    (bus,) = free_ports(1)
    command = [*store_command(store_program(), port, directory), "--cluster-enabled", "yes"]
    command += ["--cluster-port", str(bus)]
    log = directory / "cluster.log"
    with running_server(command, log, lambda: answers_ping(port), environment=os.environ):
        url = f"redis://{HOST}:{port}/0"
        with closing(Redis.from_url(url)) as redis:
            _ask(redis, "CLUSTER", "ADDSLOTSRANGE", 0, SLOTS - 1)
            while b"cluster_state:ok" not in _ask(redis, "CLUSTER", "INFO"):
                pass
        yield url


def test_a_cluster_computes_the_same_slots(cluster_node: str) -> None:
    with closing(Redis.from_url(cluster_node)) as redis:
        for number in range(64):
            assert _ask(redis, "CLUSTER", "KEYSLOT", hash_tag(number)) == slot(hash_tag(number))


def test_all_keys_of_a_partition_lie_in_one_slot_so_a_cluster_takes_a_step(cluster_node: str) -> None:
    async def law(store: Store) -> None:
        for number in range(8):
            meta = (await store.claim(number, "one")).meta
            for name in ("ada", "{x}", "}{", "{}"):
                await take_step(store, meta, full_step(name), partition=number)
            again = await store.claim(number, "one", again=True)
            assert again.meta.version == meta.version + 1

    lawful(law, cluster_node)
