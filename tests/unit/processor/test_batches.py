"""Laws of folding a batch: nothing is lost or folded twice, and no customer's data stops a partition."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final

import orjson
import pytest
import structlog

from schemas.rules import Rule
from tests.support.builders import day, rule, rules
from tests.support.memory_store import MemoryStore
from tests.support.processor_rig import QUIET, TYPES, Agent, lawful, numbered, reasons, record, stored
from workers.errors import LingerError
from workers.kafka.records import SeekTo
from workers.observability.logs import configure_logging
from workers.processor.results import Dropped, Processed, ProcessResult

WITH_A_FLAG: Final = rule(
    "flag",
    when={"all": [{"count": "nps", "at least": 1}, {"none": "purchase", "for": "5 days"}]},
    variables={"vip": "nps.vip"},
)
SUM: Final = rule("sum", when={"sum": "nps.score", "at least": 1})
VARIABLE: Final = rule("variable", when={"count": "nps", "at least": 1}, variables={"score": "nps.score"})


def test_an_event_is_folded_and_what_follows_from_it_is_published() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        assert await agent.process(record(0), record(1, "cancellation")) == Processed()
        assert stored(store).series["login"].total == 1
        assert store.contents[0].meta["offset"] == "2"
        assert [message.topic for message in await agent.published()] == ["linger.win-back"]

    lawful(law)


@pytest.mark.parametrize("answer", ["failing", "losing"])
def test_a_step_that_redis_did_not_answer_is_neither_lost_nor_taken_twice(answer: str) -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        setattr(store, answer, 2 if answer == "failing" else 1)
        assert await agent.process(record(0), record(1, "cancellation")) == Processed()
        assert stored(store).series["login"].total == 1
        assert store.contents[0].meta["n:active:gone"] == "1"
        assert len({message.value for message in await agent.published("linger.win-back")}) == 1

    lawful(law)


def test_records_that_were_folded_already_are_left_out() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(record(0), record(1))
        assert await agent.process(record(0), record(1), record(2)) == Processed()
        assert stored(store).series["login"].total == 3

    lawful(law)


def test_what_is_missing_before_a_delivery_is_read_again() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(record(0), record(1), record(2))
        assert await agent.process(record(5), follows=5) == SeekTo(3)
        assert store.contents[0].meta["offset"] == "3"

    lawful(law)


def test_a_hole_that_kafka_left_in_its_log_is_none() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(record(0), record(1), record(2))
        assert await agent.process(record(5), record(9), follows=3) == Processed()
        assert store.contents[0].meta["offset"] == "10"

    lawful(law)


def test_reading_waits_while_the_action_topic_takes_nothing() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        waiting = await full(agent)
        assert not waiting.done()
        agent.publisher.works.set()
        assert await waiting == Processed()

    lawful(law)


async def full(agent: Agent) -> asyncio.Task[ProcessResult]:
    """Fill the outbox to its limit and start the next delivery, which waits for room."""
    agent.publisher.works.clear()
    offset = agent.processor.partitions[0].meta.offset
    junk = (record(offset + number, raw=b"junk") for number in range(100))
    assert await agent.process(*junk) == Processed()
    waiting = asyncio.create_task(agent.process(record(offset + 100)))
    await asyncio.sleep(0)
    return waiting


def test_a_delivery_that_waits_for_room_survives_a_step_that_has_to_be_tried_again() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(record(0))
        waiting = await full(agent)
        store.losing = 1
        await agent.processor.fire()
        agent.publisher.works.set()
        assert await waiting == Processed()

    lawful(law, QUIET)


def test_a_delivery_that_waits_for_room_is_dropped_when_the_partition_is_lost() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(record(0))
        waiting = await full(agent)
        await store.claim(0, "rival")
        await agent.processor.fire()
        assert await waiting == Dropped()

    lawful(law, QUIET)


@pytest.mark.parametrize(
    ("content", "score"),
    [
        (SUM, 1e300),
        (VARIABLE, 10**25),
        (SUM, 10**25),
    ],
    ids=["1e300 added up", "10^25 as a variable", "10^25 added up"],
)
def test_no_number_stops_its_partition(content: Rule, score: float) -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        raw = b'{"event_id":"e0","customer_id":"ada","type":"nps","occurred_at":"2024-01-02T00:00:00Z",'
        raw += b'"attributes":{"score":%s}}' % str(score).encode()
        assert await agent.process(record(0, raw=raw), record(1, customer="bob")) == Processed()
        assert stored(store, "bob").series["login"].total == 1

    lawful(law, content)


@pytest.mark.parametrize(
    ("raw", "remedy"),
    [(b"\x05anything", "run that version"), (b"\x92\x02\x00", "linger rebuild")],
)
def test_an_activity_of_another_version_ends_the_worker_and_costs_no_event(raw: bytes, remedy: str) -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(record(0))
        store.contents[0].activities["ada"] = raw
        with pytest.raises(LingerError, match=remedy):
            await agent.process(record(1))
        agent.clock.now_ms = day(100)
        await agent.observe()
        with pytest.raises(LingerError, match=remedy):
            await agent.processor.fire()
        assert await agent.published("linger.dead-letter") == []
        assert store.contents[0].activities["ada"] == raw

    lawful(law, QUIET, now_day=3)


def test_an_action_that_waits_may_have_a_variable_that_is_true_or_false() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        agent.processor.partitions[0].watermarks.by_type = {**agent.processor.watermarks, "purchase": day(2)}
        await agent.process(record(0, "nps", attributes={"vip": True}))
        await agent.process(record(1, "nps", "2024-01-12T00:00:00Z", attributes={"vip": True}))
        assert reasons(await agent.published()) == []
        await agent.observe()
        await agent.processor.fire()
        await agent.process(record(2))
        assert await agent.published("linger.dead-letter") == []
        assert len(await agent.published("linger.at-risk")) == 1

    lawful(law, WITH_A_FLAG)


def waits_until_its_rule_is_forgotten(law: Callable[[Agent, MemoryStore], Awaitable[None]]) -> None:
    """Let an action wait for purchases, and activate another version of its rule; no one knows the version before."""

    async def waiting(agent: Agent, store: MemoryStore) -> None:
        store.contents[0].meta["layout"] = "4"
        agent.processor.partitions[0].meta.fields["layout"] = "4"
        agent.processor.partitions[0].watermarks.by_type = {**agent.processor.watermarks, "purchase": day(2)}
        await agent.process(record(0, "nps", attributes={"vip": True}))
        await agent.process(record(1, "nps", "2024-01-12T00:00:00Z", attributes={"vip": True}))
        changed = rules(WITH_A_FLAG.model_copy(update={"template": "another"}), types=TYPES)
        await agent.processor.activate(changed.as_activated(2, {}))
        await agent.observe()
        await law(agent, store)

    lawful(waiting, WITH_A_FLAG)


def test_an_action_of_a_version_that_no_one_knows_is_held_and_no_event_is_lost() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        assert await agent.process(record(2, at="2024-01-13T00:00:00Z")) == Processed()
        assert await agent.published("linger.dead-letter") == []
        assert await agent.published("linger.at-risk") == []
        (held,) = [orjson.loads(one.value or b"") for one in await agent.published("linger.decisions")]
        assert (held["decision"], held["rule"]["id"]) == ("held", "flag")
        assert store.contents[0].meta["n:held:flag"] == "1"
        assert stored(store).series["login"].total == 1

    waits_until_its_rule_is_forgotten(law)


def test_an_action_of_which_not_even_the_rule_is_known_is_logged() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.processor.activate(rules(QUIET, types=TYPES).as_activated(3, {}))
        with structlog.testing.capture_logs() as logged:
            assert await agent.process(record(2, at="2024-01-13T00:00:00Z")) == Processed()
        assert await agent.published() == []
        (version,) = [one.version for one in rules(WITH_A_FLAG, types=TYPES).rules]
        assert {"event": "action_unknown", "log_level": "error", "partition": 0, "versions": {version: 1}} in logged
        assert stored(store).series["login"].total == 1

    waits_until_its_rule_is_forgotten(law)


def test_customers_are_brought_under_new_rules_at_the_next_look() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        assert await agent.process(record(0)) == Processed()
        assert stored(store).generation == 0
        await agent.processor.activate(numbered(agent, 7))
        assert await agent.process(record(1)) == Processed()
        assert stored(store).generation == 7

    lawful(law, QUIET)


@pytest.mark.usefixtures("logging_as_it_was")
@pytest.mark.parametrize(
    "style",
    [
        "json",
        "text",
    ],
)
def test_a_log_names_no_customer_even_when_deciding_fails(style: Any, capsys: pytest.CaptureFixture[str]) -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        store.contents[0].activities["ada-lovelace"] = b"damaged"
        await agent.process(record(0, customer="ada-lovelace"))
        assert reasons(await agent.published("linger.dead-letter")) == [b"fold_failed"]

    configure_logging("info", style)
    # A logger that was used before keeps its old configuration.
    for name, module in sys.modules.items():
        if name.startswith("workers.processor.") and hasattr(module, "log"):
            vars(module)["log"] = structlog.get_logger(name)
    lawful(law)
    written = capsys.readouterr().err
    assert "dead_lettered" in written
    assert "ada-lovelace" not in written
