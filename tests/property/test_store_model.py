"""For any steps of two rival workers, Redis and a few dictionaries give the same answers."""

import asyncio
from collections.abc import Coroutine
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.support.examples import examples
from tests.support.memory_store import MemoryStore
from workers.demo.embedded import Pair
from workers.errors import Fenced
from workers.kafka.records import OutboxRecord, encode_record
from workers.state.connection import RedisServers
from workers.state.meta import Meta
from workers.state.step import WriteSet
from workers.state.store import Claimed, Due, Store
from workers.state.topology import open_nodes

PARTITIONS = (0, 1)
OWNERS = ("left", "right")
TYPES = ("login", "purchase")
ODD_IDS = (
    "ada",
    "c:1",
    "{0.0}",
    "}{",
    "due",
    "waiting:login",
    " ",
    "a b\r\nc",
    "\x00",
    "å/🦊",
    "ü" * 128,
)

_serial = count()

customers = st.sampled_from(ODD_IDS) | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
moments = st.integers(0, 6)
scores = st.dictionaries(customers, moments, max_size=4)
records = st.builds(
    OutboxRecord,
    topic=st.sampled_from(["at-risk", "win-back"]),
    key=st.none() | st.binary(max_size=3),
    value=st.none() | st.binary(max_size=3),
    headers=st.lists(st.tuples(st.text(max_size=3), st.binary(max_size=3)), max_size=2).map(tuple),
)
steps = st.builds(
    WriteSet,
    offset=st.none() | st.integers(0, 1 << 40),
    fields=st.dictionaries(
        st.sampled_from(["topic_id", "rules", "hw:shop.orders:0", "since:login?a:b", "n:x"]),
        st.integers(0, 1 << 50) | st.text(max_size=3),
        max_size=2,
    ),
    activities=st.dictionaries(customers, st.binary(max_size=5), max_size=4),
    due=scores,
    waiting=st.dictionaries(st.sampled_from(TYPES), scores, max_size=2),
    outbox=st.lists(records.map(encode_record), max_size=3),
    trim=st.integers(0, 3),
)


class Rivals(RuleBasedStateMachine):
    """Two workers, each convinced that it owns what it claimed, over Redis and over the model."""

    redis_url = ""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.real = Store(RedisServers(open_nodes({"url": self.redis_url}, 5_000)), f"model-{next(_serial)}")
        self.model = MemoryStore(len(PARTITIONS))
        self.held: dict[tuple[str, int], tuple[Meta, Meta]] = {}
        self.named: set[str] = set()

    def teardown(self) -> None:
        self.run(self.real.close())
        self.runner.close()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    def outcome(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Return the result of a call, or that it was fenced."""
        try:
            return self.run(work)
        except Fenced as fenced:
            return f"fenced from {fenced.partition}"

    @rule(owner=st.sampled_from(OWNERS), partition=st.sampled_from(PARTITIONS), again=st.booleans())
    def claim(self, owner: str, partition: int, again: bool) -> None:
        real = self.outcome(self.real.claim(partition, owner, again=again))
        model = self.outcome(self.model.claim(partition, owner, again=again))
        assert real == model
        if isinstance(real, Claimed):
            self.held[owner, partition] = (real.meta, model.meta)

    @rule(partition=st.sampled_from(PARTITIONS))
    def claim_by_release_0_1(self, partition: int) -> None:
        """A worker of release 0.1 writes its token and the version, and leaves every other field standing."""
        meta = self.model.contents[partition].meta
        written = {"owner": "old", "version": str(int(meta.get("version", 0)) + 1)}
        meta |= written
        self.run(self.real.set_fields(self.real.keys.partition(partition).meta, written))

    @invariant()
    def both_know_which_owners_are_of_an_older_release(self) -> None:
        real = self.run(self.real.older_owners(PARTITIONS))
        assert real == self.run(self.model.older_owners(PARTITIONS))
        assert real == [partition for partition in PARTITIONS if self.model.contents[partition].owner == "old"]

    @rule(
        owner=st.sampled_from(OWNERS),
        partition=st.sampled_from(PARTITIONS),
        read=st.lists(customers, max_size=3),
        changes=steps,
        rival=st.sampled_from(["nothing", "nothing", "claims", "commits"]),
    )
    def step(self, owner: str, partition: int, read: list[str], changes: WriteSet, rival: str) -> None:
        """Read and commit; in between the rival may do something to the same partition."""
        if (owner, partition) not in self.held:
            return
        self.named.update(read, changes.activities)
        of_real, of_model = self.held[owner, partition]
        real = self.outcome(self.one_step(self.real, partition, of_real, read, changes, rival))
        model = self.outcome(self.one_step(self.model, partition, of_model, read, changes, rival))
        assert real == model
        assert of_real == of_model

    async def one_step(
        self, store: Store | MemoryStore, partition: int, meta: Meta, read: list[str], changes: WriteSet, rival: str
    ) -> list[bytes | None]:
        async with store.step(partition, meta) as step:
            activities = await step.read(read)
            if rival == "claims":
                await store.claim(partition, "third")
            if rival == "commits":
                # A clone of the worker that holds the same owner token and version.
                clone = Meta(meta.owner, meta.version, meta.offset, meta.topic_id, dict(meta.fields))
                async with store.step(partition, clone) as other:
                    await other.read(())
                    await other.commit(WriteSet())
            await step.commit(changes)
        return activities

    @rule(owner=st.sampled_from(OWNERS), partition=st.sampled_from(PARTITIONS), read=st.lists(customers, max_size=3))
    def leave_without_commit(self, owner: str, partition: int, read: list[str]) -> None:
        if (owner, partition) not in self.held:
            return

        async def evaluate(store: Store | MemoryStore, meta: Meta) -> list[bytes | None]:
            async with store.step(partition, meta) as step:
                return await step.read(read)

        of_real, of_model = self.held[owner, partition]
        assert self.outcome(evaluate(self.real, of_real)) == self.outcome(evaluate(self.model, of_model))

    @rule(
        bounds=st.dictionaries(
            st.sampled_from(PARTITIONS),
            st.tuples(moments, st.dictionaries(st.sampled_from(TYPES), moments)),
        ),
        limit=st.integers(1, 4),
    )
    def due(self, bounds: dict[int, tuple[int, dict[str, int]]], limit: int) -> None:
        real: dict[int, Due] = self.run(self.real.due(bounds, limit))
        assert real == self.run(self.model.due(bounds, limit))

    @invariant()
    def the_contents_are_the_same(self) -> None:
        assert self.run(self.real.metas(PARTITIONS)) == self.run(self.model.metas(PARTITIONS))
        for partition in PARTITIONS:
            self.compare(partition)

    def compare(self, partition: int) -> None:
        content, keys, named = self.model.contents[partition], self.real.keys.partition(partition), sorted(self.named)
        scored = [keys.due, *map(keys.waiting, TYPES)]
        questions: list[tuple[Any, ...]] = [("LRANGE", keys.outbox, 0, -1)]
        questions += [("ZRANGEBYSCORE", key, "-inf", "+inf") for key in scored]
        questions += [("ZCARD", key) for key in scored]
        questions += [("GET", keys.customer(name)) for name in named]
        outbox, *rest = self.run(self.real.redis.call(questions))
        sets = [content.due, *(content.waiting.get(name, {}) for name in TYPES)]
        assert outbox == content.outbox
        for members, size, expected in zip(rest[:3], rest[3:6], sets, strict=True):
            assert size == len(expected)
            assert [raw.decode() for raw in members] == sorted(
                expected, key=lambda name: (expected[name], name.encode())
            )
        assert rest[6:] == [content.activities.get(name) for name in named]


@pytest.mark.hypothesis
def test_redis_and_the_model_cannot_be_distinguished(pair: Pair) -> None:
    machine = type("RivalsOverRedis", (Rivals,), {"redis_url": pair.redis_url})
    run_state_machine_as_test(
        machine,
        settings=settings(examples(60), stateful_step_count=30, suppress_health_check=list(HealthCheck)),
    )
