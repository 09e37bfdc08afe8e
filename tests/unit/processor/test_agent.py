"""Laws of the decide agent: nothing is lost or taken twice, and no single record stops a partition."""

import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import orjson
import pytest
import structlog
from aiokafka import ConsumerRecord

from schemas.events import InvalidEvent, parse_event
from schemas.rules import Rule
from tests.support.builders import day, rule, rules
from tests.support.memory_store import MemoryStore
from tests.support.processor_rig import SOURCE, TYPES, Agent, record
from workers.core.customer import codec
from workers.core.customer.activity import Activity
from workers.core.events.decoding import NotCanonical, decode_event
from workers.core.rules.rule_set import RuleSet
from workers.errors import LingerError
from workers.kafka.faust_batches import Delivery
from workers.kafka.records import OutboxRecord
from workers.kafka.topics import LogBounds
from workers.observability.logs import configure_logging
from workers.state.held_actions import Order

GONE: Final = rule("gone", when={"status": "cancelled"}, action="win-back")
QUIET: Final = rule("quiet", when={"none": "login", "for": "30 days"})


def lawful(law: Callable[[Agent, MemoryStore], Coroutine[Any, Any, None]], *content: Rule, **options: Any) -> None:
    """Run one law with an agent that has claimed its partition."""

    async def run() -> None:
        async with asyncio.timeout(60):
            store = MemoryStore()
            agent = Agent(store.as_store(), *content or (GONE,), **options)
            await agent.start()
            try:
                await law(agent, store)
            finally:
                agent.publisher.works.set()
                await agent.decide.stop(0)

    asyncio.run(run())


def reasons(records: list[OutboxRecord]) -> list[bytes | None]:
    """Why records are in the dead-letter topic."""
    return [dict(one.headers)["linger-reason"] for one in records]


def stored(store: MemoryStore, customer: str = "ada") -> Activity:
    raw = store.contents[0].activities[customer]
    return codec.decode(raw, codec.codes_of(["quiet", "flag"]))


# --- nothing is lost or taken twice -----------------------------------------------------------------------------


def test_an_event_is_folded_and_what_follows_from_it_is_published() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        assert await agent.take(record(0), record(1, "cancellation")) is True
        assert stored(store).series["login"].total == 1
        assert store.contents[0].meta["offset"] == "2"
        assert [one.topic for one in await agent.published()] == ["linger.win-back"]

    lawful(law)


@pytest.mark.parametrize("answer", ["failing", "losing"])
def test_a_step_that_redis_did_not_answer_is_neither_lost_nor_taken_twice(answer: str) -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        setattr(store, answer, 2 if answer == "failing" else 1)
        assert await agent.take(record(0), record(1, "cancellation")) is True
        assert stored(store).series["login"].total == 1
        assert store.contents[0].meta["n:active:gone"] == "1"
        assert len({one.value for one in await agent.published("linger.win-back")}) == 1

    lawful(law)


def test_a_worker_that_lost_its_partition_writes_and_publishes_nothing() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await store.claim(0, "rival")
        assert await agent.take(record(0, "cancellation")) is False
        assert store.contents[0].activities == {}
        assert not agent.decide.partitions[0].is_usable
        assert agent.publisher.sent == []

    lawful(law)


def test_records_that_were_folded_already_are_left_out() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.take(record(0), record(1))
        assert await agent.take(record(0), record(1), record(2)) is True
        assert stored(store).series["login"].total == 3

    lawful(law)


def test_what_intake_sent_twice_is_dropped_by_its_source_position() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        source = (("linger-source", b"shop.events:0:7"),)
        other = (("linger-source", b"shop.events:1:7"),)
        await agent.take(record(0, headers=source), record(1, headers=source), record(2, headers=other))
        await agent.take(record(3, headers=source))
        assert stored(store).series["login"].total == 2
        assert store.contents[0].meta["n:duplicates"] == "2"

    lawful(law)


def test_what_is_missing_before_a_delivery_is_read_again() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.take(record(0), record(1), record(2))
        again = await agent.take(record(5), follows=5)
        assert (again, again is True) == (3, False)
        assert store.contents[0].meta["offset"] == "3"

    lawful(law)


def test_a_hole_that_kafka_left_in_its_log_is_none() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.take(record(0), record(1), record(2))
        assert await agent.take(record(5), record(9), follows=3) is True
        assert store.contents[0].meta["offset"] == "10"

    lawful(law)


def test_a_new_owner_publishes_what_the_old_one_could_not() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        agent.publisher.works.clear()
        await agent.take(record(0, "cancellation"))
        successor = Agent(store.as_store(), GONE)
        await successor.start()
        assert [one.topic for one in await successor.published()] == ["linger.win-back"]
        await successor.decide.stop(1)
        assert store.contents[0].outbox == []

    lawful(law)


def test_a_timer_is_decided_once_by_whoever_owns_the_partition() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.take(record(0))
        successor = Agent(store.as_store(), QUIET)
        await successor.start()
        assert await successor.decide.fire() is True
        await agent.decide.fire()
        assert store.contents[0].meta["n:active:quiet"] == "1"
        assert agent.publisher.sent == []
        assert len(await successor.published()) == 1
        await successor.decide.stop(0)

    lawful(law, QUIET)


def test_reading_waits_while_the_action_topic_takes_nothing() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        waiting = await full(agent)
        assert not waiting.done()
        agent.publisher.works.set()
        assert await waiting is True

    lawful(law)


async def full(agent: Agent) -> "asyncio.Task[int | bool | None]":
    """Fill the outbox up to its limit, and give the next delivery, which waits for room."""
    agent.publisher.works.clear()
    offset = agent.decide.partitions[0].meta.offset
    assert await agent.take(*(record(offset + number, raw=b"junk") for number in range(100)))
    waiting = asyncio.create_task(agent.take(record(offset + 100)))
    await asyncio.sleep(0)
    return waiting


def test_a_delivery_that_waits_for_room_survives_a_step_that_has_to_be_tried_again() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.take(record(0))
        waiting = await full(agent)
        store.losing = 1
        await agent.decide.fire()
        agent.publisher.works.set()
        assert await waiting is True

    lawful(law, QUIET)


def test_a_delivery_that_waits_for_room_is_dropped_when_the_partition_is_lost() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.take(record(0))
        waiting = await full(agent)
        await store.claim(0, "rival")
        await agent.decide.fire()
        assert await waiting is False

    lawful(law, QUIET)


def test_a_redis_that_does_not_answer_while_partitions_are_claimed_is_asked_again() -> None:
    async def run() -> None:
        store = MemoryStore()
        agent = Agent(store.as_store(), GONE)
        store.failing = 1
        await agent.start()
        await agent.decide.stop(0)

    asyncio.run(run())


# --- no single record stops a partition -------------------------------------------------------------------------

SUM: Final = rule("sum", when={"sum": "nps.score", "at least": 1})
TELLS: Final = rule("tells", when={"count": "nps", "at least": 1}, variables={"score": "nps.score"})
JUNK: Final = [
    record(0, raw=b"junk"),
    record(0, raw=b""),
    record(0, raw=b"\xff"),
    record(0, raw=b"[" * 100_000),
    record(0, key=None),
    record(0, key=b"bob"),
    record(0, "pageview"),
    record(0, at="yesterday"),
    record(0, at="2024-01-02T00:00:00"),
    record(0, at="2031-01-01T00:00:00Z"),
    record(0, customer=" "),
    record(0, customer="x" * 257),
    record(0, "purchase", amount="-1", currency="EUR"),
    record(0, "nps", attributes={"score": [1]}),
]


@pytest.mark.parametrize("bad", JUNK)
def test_what_cannot_be_read_is_dead_lettered_and_its_neighbours_go_on(bad: ConsumerRecord) -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        assert await agent.take(bad, record(1, customer="bob")) is True
        dead = await agent.published("linger.dead-letter")
        assert [(one.key, one.value) for one in dead] == [(bad.key, bad.value)]
        assert stored(store, "bob").series["login"].total == 1

    lawful(law)


@pytest.mark.parametrize(
    "bad",
    [
        record(0, at="9999-12-31T23:59:59-05:00"),
        record(0, headers=(("linger-source", b"shop.events:0:" + b"9" * 5_000),)),
    ],
    ids=["after the year 9999", "an offset of 5000 digits"],
)
def test_no_record_stops_its_partition(bad: ConsumerRecord) -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        assert await agent.take(bad, record(1, customer="bob")) is True
        assert stored(store, "bob").series["login"].total == 1

    lawful(law)


@pytest.mark.parametrize(
    ("content", "score"),
    [
        (SUM, 1e300),
        (TELLS, 10**25),
        (SUM, 10**25),
    ],
    ids=["1e300 added up", "10^25 as a variable", "10^25 added up"],
)
def test_no_number_stops_its_partition(content: Rule, score: float) -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        raw = b'{"event_id":"e0","customer_id":"ada","type":"nps","occurred_at":"2024-01-02T00:00:00Z",'
        raw += b'"attributes":{"score":%s}}' % str(score).encode()
        assert await agent.take(record(0, raw=raw), record(1, customer="bob")) is True
        assert stored(store, "bob").series["login"].total == 1

    lawful(law, content)


def test_a_dead_letter_with_an_empty_header_can_be_claimed_by_the_next_owner() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        agent.publisher.works.clear()
        assert await agent.take(record(0, raw=b"junk", headers=(("trace", None),))) is True
        successor = Agent(store.as_store(), GONE)
        await successor.start()
        assert reasons(await successor.published("linger.dead-letter")) == [b"not_json"]
        await successor.decide.stop(0)

    lawful(law)


@pytest.mark.parametrize(
    ("raw", "mend"),
    [(bytes([codec.LAYOUT + 1]) + b"whatever", "run that version"), (b"\x92\x02\x00", "linger rebuild")],
)
def test_an_activity_of_another_version_ends_the_worker_and_costs_no_event(raw: bytes, mend: str) -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.take(record(0))
        store.contents[0].activities["ada"] = raw
        with pytest.raises(LingerError, match=mend):
            await agent.take(record(1))
        agent.clock.now_ms = day(100)
        await agent.look()
        with pytest.raises(LingerError, match=mend):
            await agent.decide.fire()
        assert await agent.published("linger.dead-letter") == []
        assert store.contents[0].activities["ada"] == raw

    lawful(law, QUIET, now_day=3)


WITH_A_FLAG: Final = rule(
    "flag",
    when={"all": [{"count": "nps", "at least": 1}, {"none": "purchase", "for": "5 days"}]},
    variables={"vip": "nps.vip"},
)


def test_an_action_that_waits_may_have_a_variable_that_is_true_or_false() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        agent.decide.partitions[0].horizon.by_type = {**agent.decide.until, "purchase": day(2)}
        await agent.take(record(0, "nps", attributes={"vip": True}))
        await agent.take(record(1, "nps", "2024-01-12T00:00:00Z", attributes={"vip": True}))
        assert reasons(await agent.published()) == []
        await agent.look()
        await agent.decide.fire()
        await agent.take(record(2))
        assert await agent.published("linger.dead-letter") == []
        assert len(await agent.published("linger.at-risk")) == 1

    lawful(law, WITH_A_FLAG)


# --- one door -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lenient",
    [
        record(0, at="1970-01-01T00:30:00+05:00"),
        record(0, at="9999-12-31T23:59:59-05:00"),
        record(0, "purchase", amount="1", currency="euro"),
        record(0, attributes={f"a{number}": 1 for number in range(65)}),
        record(0, attributes={"text": "x" * 1025}),
        record(0, "cancellation", reason="x" * 1025),
        record(0, "cancellation", effective_at="soon"),
        record(0, event_id="ü" * 200),
    ],
    ids=[
        "before 1970 in UTC",
        "after 9999 in UTC",
        "no currency code",
        "65 attributes",
        "a long attribute",
        "a long reason",
        "a time that is none",
        "an event id of 400 bytes",
    ],
)
def test_what_the_hot_path_accepts_the_door_accepts_too(lenient: ConsumerRecord) -> None:
    try:
        decode_event(lenient.value)
    except NotCanonical:
        return
    try:
        parse_event(lenient.value, latest=datetime(9999, 12, 31, tzinfo=UTC))
    except InvalidEvent as error:
        pytest.fail(f"refused: {error}")


# --- what is told of customers ------------------------------------------------------------------------------------


@pytest.fixture
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configuration = structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**configuration)


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
        await agent.take(record(0, customer="ada-lovelace"))
        assert reasons(await agent.published("linger.dead-letter")) == [b"fold_failed"]

    configure_logging("info", style)
    # Loggers that were used before keep what they were configured with.
    sys.modules["workers.processor.agent"].log = structlog.get_logger("workers.processor.agent")  # type: ignore[attr-defined]
    lawful(law)
    written = capsys.readouterr().err
    assert "dead_lettered" in written
    assert "ada-lovelace" not in written


# --- generations of rules -----------------------------------------------------------------------------------------


def numbered(agent: Agent, generation: int) -> RuleSet:
    """The rules of an agent as the so-many-th set in force."""
    return agent.decide.rules.in_force(generation, {})


def test_a_partition_that_newer_rules_have_decided_for_is_left_alone_until_they_are_loaded() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.decide.activate(numbered(agent, 5))
        assert await agent.take(record(0)) is True
        assert store.contents[0].meta["generation"] == "5"
        older = Agent(store.as_store(), GONE)
        await older.decide.activate(numbered(older, 4))
        assert await older.decide.claim({0: LogBounds(0, 10)}, None, older.progress()) == {}
        assert await older.decide.take(0, Delivery((record(1),), 0)) is False
        assert store.contents[0].meta["offset"] == "1"
        assert older.decide.outdated() == [0]
        await older.decide.activate(numbered(older, 5))
        assert await older.decide.reclaim(0, LogBounds(0, 10), None) == 1
        await older.look()
        assert await older.take(record(1)) is True
        assert store.contents[0].meta["offset"] == "2"
        await older.decide.stop(0)

    lawful(law)


def test_records_that_kafka_had_and_lost_stop_their_partition_whatever_intake_was_told() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        assert await agent.take(*map(record, range(5))) is True
        told = {(SOURCE, 0): msgspec.structs.replace(agent.progress()[SOURCE, 0], sent={0: 5})}
        assert await agent.decide.claim({0: LogBounds(0, 3)}, None, told) == {}
        assert agent.decide.partitions[0].stopped
        # Its owner of before may only have read further than the first look went.
        assert await agent.decide.reclaim(0, LogBounds(0, 5), None) == 5
        assert not agent.decide.partitions[0].stopped

    lawful(law)


def test_whoever_claims_a_partition_sweeps_what_its_owner_left_unswept() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        assert await agent.take(record(0)) is True
        await agent.decide.stop(0)
        heir = Agent(store.as_store(), GONE)
        await heir.decide.activate(numbered(heir, 3))
        sweeping = asyncio.create_task(heir.decide.sweep())
        for _ in range(20):
            await asyncio.sleep(0)
        await heir.start()  # long after the new rules
        for _ in range(500):
            await asyncio.sleep(0)
        assert (stored(store).generation, store.contents[0].meta["swept"]) == (3, "3")
        sweeping.cancel()
        await heir.decide.stop(0)

    lawful(law)


def test_customers_are_brought_under_new_rules_at_the_next_look() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        assert await agent.take(record(0)) is True
        assert stored(store).generation == 0
        await agent.decide.activate(numbered(agent, 7))
        assert await agent.take(record(1)) is True
        assert stored(store).generation == 7

    lawful(law, QUIET)


def test_a_series_that_no_rule_asks_for_any_more_is_watched_anew_when_one_does_again() -> None:
    big = rule("big", when={"count": "login", "at least": 1, "within": "9 days", "where": {"plan": "gold"}})

    async def law(agent: Agent, store: MemoryStore) -> None:
        with_big = agent.decide.rules
        without = rules(GONE, types=TYPES)
        assert await agent.take(record(0)) is True
        key = next(name for name in store.contents[0].meta if name.startswith("since:login?"))
        await agent.decide.activate(without)
        assert await agent.take(record(1)) is True
        assert store.contents[0].meta[key] == ""
        agent.clock.now_ms = day(101)
        await agent.look()
        await agent.decide.activate(with_big)
        assert await agent.take(record(2)) is True
        assert int(store.contents[0].meta[key]) == day(101)

    lawful(law, GONE, big)


def test_ever_is_not_known_of_a_series_that_a_new_rule_asks_for_in_a_whole_history() -> None:
    never = rule("never", when={"count": "login", "at most": 1, "where": {"plan": "gold"}})

    async def law(agent: Agent, store: MemoryStore) -> None:
        with_never = agent.decide.rules
        await agent.decide.activate(rules(GONE, types=TYPES).in_force(1, {}))
        for at in range(3):
            assert await agent.take(record(at, attributes={"plan": "gold"})) is True
        await agent.decide.activate(with_never.in_force(2, {"never": (2, day(50))}))
        assert await agent.take(record(3, attributes={"plan": "gold"})) is True
        assert "never" not in stored(store).episodes

    lawful(law, GONE, never)


# --- paces --------------------------------------------------------------------------------------------------------

PACED: Final = rule("gone", when={"status": "cancelled"}, action="win-back", pace="at most 1 per day")


def test_above_the_pace_an_action_is_kept_and_said_so() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.take(*(record(at, "cancellation", customer=name) for at, name in enumerate(("ada", "bob"))))
        assert [one.key for one in await agent.published("linger.win-back")] == [b"ada"]
        told = [orjson.loads(one.value or b"") for one in await agent.published("linger.decisions")]
        assert [(one["customer_id"], one["decision"]) for one in told] == [("bob", "held")]
        assert [one.rule for one in store.contents[0].held.values()] == ["gone"]

    lawful(law, PACED)


def test_a_held_action_is_released_once_however_often_that_is_ordered() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.take(*(record(at, "cancellation", customer=name) for at, name in enumerate(("ada", "bob"))))
        name = next(iter(store.contents[0].held))
        agent.clock.now_ms = day(3)
        await agent.look()
        for _ in range(2):
            await agent.store.held_actions.order(0, [Order("release", "gone", name)] * 2)
            await agent.decide.fire()
        assert [one.key for one in await agent.published("linger.win-back")] == [b"ada", b"bob"]
        assert not store.contents[0].held
        assert not store.contents[0].orders

    lawful(law, PACED, now_day=2)


def test_whoever_comes_back_is_not_kept_any_longer() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.take(*(record(at, "cancellation", customer=name) for at, name in enumerate(("ada", "bob"))))
        bought = {"amount": 5, "currency": "EUR"}
        await agent.take(record(2, "purchase", at="2024-01-03T00:00:00Z", customer="bob", **bought))
        assert not store.contents[0].held

    lawful(law, PACED)


def test_a_held_action_that_expired_is_not_released_but_said_so() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.take(*(record(at, "cancellation", customer=name) for at, name in enumerate(("ada", "bob"))))
        await agent.store.held_actions.order(0, [Order("release", "gone", next(iter(store.contents[0].held)))])
        await agent.decide.fire()  # on day 100; it expired on day 15
        assert [one.key for one in await agent.published("linger.win-back")] == [b"ada"]
        told = [orjson.loads(one.value or b"")["detail"] for one in await agent.published("linger.decisions")]
        assert told[-1] == "it had expired before it was released"

    lawful(law, PACED)


def test_whoever_comes_back_is_not_kept_even_if_the_rule_has_lost_its_pace() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.take(*(record(at, "cancellation", customer=name) for at, name in enumerate(("ada", "bob"))))
        await agent.decide.activate(rules(GONE, types=TYPES).in_force(1, {}))
        bought = {"amount": 5, "currency": "EUR"}
        await agent.take(record(2, "purchase", at="2024-01-03T00:00:00Z", customer="bob", **bought))
        assert not store.contents[0].held

    lawful(law, PACED)


def test_a_sweep_that_redis_did_not_answer_is_not_taken_for_done() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        assert await agent.take(record(0)) is True
        await agent.decide.activate(numbered(agent, 2))
        sweeping = asyncio.create_task(agent.decide.sweep())
        store.losing = 1
        for _ in range(500):
            await asyncio.sleep(0)
        assert store.contents[0].meta.get("swept") != "2" or stored(store).generation == 2
        await wait_for(lambda: stored(store).generation == 2 and store.contents[0].meta.get("swept") == "2")
        sweeping.cancel()

    lawful(law, QUIET)


async def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something holds, for as long as a law may take; retries in between pause for a moment."""
    while True:
        if condition():
            return
        await asyncio.sleep(0.01)
