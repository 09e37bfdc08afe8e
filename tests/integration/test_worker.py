"""What one worker does with real records, on either pair of broker and store."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from tests.support.builders import day
from tests.support.site import SOURCES, Site, site
from workers.demo.embedded import Pair
from workers.kafka.topics import connected_admin

pytestmark = pytest.mark.integration

FETCH_SECONDS: Final = 1.5
"""How long the consumer of a worker lets a broker wait for records."""

QUIET = """
rules:
  - id: quiet-buyer
    title: Bought, and then nothing
    status: live
    when: {all: [{count: purchase, at least: 1, within: 90 days}, {none: purchase, for: 10 days}]}
    action: at-risk
    template: we-miss-you
    expires after: 14 days
    again after: 20 days
    examples:
      - name: a customer goes quiet
        given: [{at: start, event: purchase}]
        expect: [{at: 10 days, action: at-risk}]
      - name: a customer does not
        given: [{at: start, event: purchase, every: 9 days, times: 3}]
        watch for: 25 days
        expect: nothing
"""
DRY = """
  - id: dry-logins
    title: Logged in, and then nothing
    status: live
    when: {all: [{count: login, at least: 1, within: 90 days}, {none: login, for: 10 days}]}
    action: at-risk
    template: how-can-we-help
    expires after: 14 days
    examples:
      - name: a customer goes quiet
        given: [{at: start, event: login}]
        expect: [{at: 10 days, action: at-risk}]
      - name: a customer does not
        given: [{at: start, event: login, every: 9 days, times: 3}]
        watch for: 25 days
        expect: nothing
"""
GONE = """
  - id: gone
    title: Cancelled
    status: live
    when: {status: cancelled}
    action: win-back
    template: exit-survey
    variables: {why: cancellation.reason}
    expires after: 30 days
    examples:
      - name: a customer cancels
        given: [{at: start, event: cancellation}]
        expect: [{at: start, action: win-back}]
      - name: a customer buys
        given: [{at: start, event: purchase}]
        expect: nothing
"""

Scenario = Callable[[Site], Awaitable[None]]


def play(pair: Pair, folder: Path, rules: str, scenario: Scenario, **options: Any) -> None:
    async def on_a_site() -> None:
        async with site(pair, folder, rules, **options) as place:
            await scenario(place)

    asyncio.run(on_a_site())


def canonical(kind: str, customer: str, at: str, event_id: str, **other: Any) -> dict[str, Any]:
    return {"type": kind, "event_id": event_id, "customer_id": customer, "occurred_at": at, **other}


def test_a_quiet_customer_is_acted_on_at_the_due_time_with_reasons(pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        await place.order("ada", 1.5)
        await place.now(11)
        await place.decided_until(11)
        assert await place.actions("at-risk") == []
        await place.now(12)
        await place.decided_until(12)
        (action,) = await place.actions("at-risk")
        assert action["status"] == "active"
        assert action["decided_at"] == "2024-01-12T12:00:00Z"
        assert action["expires_at"] == "2024-01-26T12:00:00Z"
        assert [reason["observed"] for reason in action["why"]] == [1, "last on 2024-01-02 12:00 UTC"]

    play(pair, tmp_path, QUIET, scenario)


def test_a_customer_who_comes_back_gets_the_same_action_retracted(pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        await place.order("ada", 1)
        await place.send(
            "events", canonical("cancellation", "bob", "2024-01-02T00:00:00Z", "c1", reason="price"), 1, b"bob"
        )
        await place.now(12)
        await place.decided_until(12)
        await place.order("ada", 13)
        await place.order("bob", 13)
        await place.now(14)
        await place.decided_until(14)
        for name in ("at-risk", "win-back"):
            active, retracted = await place.actions(name)
            assert active["action_id"] == retracted["action_id"]
            assert (active["status"], retracted["status"]) == ("active", "retracted")
            assert retracted["retracted_because"] == "customer_returned"
        assert active["variables"] == {"why": "price"}

    play(pair, tmp_path, QUIET + GONE, scenario)


@pytest.mark.rest
def test_an_action_that_waits_only_for_a_look_at_its_sources_does_not_wait_for_the_next_tick(
    apache_pair: Pair, tmp_path: Path
) -> None:
    tick_seconds = 8

    async def scenario(place: Site) -> None:
        await place.order("ada", 1)
        await place.now(2)
        await place.decided_until(2)  # the first tick
        began = time.monotonic()
        event = canonical("cancellation", "ada", "2024-01-03T00:00:00Z", "c1", reason="price")
        await place.send("events", event, 2, b"ada")

        async def is_published() -> bool:
            return len(await place.actions("win-back")) == 1

        await place.now(3)
        await place.until(is_published, "the action")
        assert time.monotonic() - began < tick_seconds / 2

    play(apache_pair, tmp_path, QUIET + GONE, scenario, LINGER_TICK_MS=str(1000 * tick_seconds))


POISON: dict[str, tuple[str, bytes | None]] = {
    "not_json": ("orders", b'{"order_id": "1", '),
    "empty": ("orders", b""),
    "not_an_object": ("events", b"[1]"),
    "missing_field": ("orders", b'{"order_id": "1", "customer": "eve", "total": "1"}'),
    "too_deep": ("orders", b'{"a":' * 60 + b"1" + b"}" * 60),
    "negative_amount": (
        "orders",
        b'{"order_id":"1","customer":"eve","total":"-1","currency":"EUR","placed_at_ms":%d}',
    ),
    "not_finite_amount": (
        "orders",
        b'{"order_id":"1","customer":"eve","total":"NaN","currency":"EUR","placed_at_ms":%d}',
    ),
    "impossible_id": ("orders", b'{"order_id":"1","customer":" ","total":"1","currency":"EUR","placed_at_ms":%d}'),
    "future_time": (
        "orders",
        b'{"order_id":"1","customer":"eve","total":"1","currency":"EUR","placed_at_ms":4102444800000}',
    ),
    "naive_time": (
        "events",
        b'{"type":"login","event_id":"1","customer_id":"eve","occurred_at":"2024-01-02T00:00:00"}',
    ),
    "unknown_type": (
        "events",
        b'{"type":"logim","event_id":"1","customer_id":"eve","occurred_at":"2024-01-02T00:00:00Z"}',
    ),
}


def test_poison_of_every_kind_lands_in_the_dead_letters_and_its_neighbours_go_on(pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        sent = {}
        for serial, (reason, (topic, raw)) in enumerate(POISON.items()):
            value = raw.replace(b"%d", str(day(1)).encode()) if raw is not None else None
            sent[reason] = value
            await place.order(f"before-{serial}", 1)
            await place.send(topic, value, 1, key=reason.encode(), headers=[("trace", b"\x00\xff")])
            await place.order(f"after-{serial}", 1)
        await place.now(5)
        await place.decided_until(5)
        dead_letters = await place.read("dead-letter", at_least=len(POISON))
        values = {}
        for record in dead_letters:
            headers = dict(record.headers)
            reason = headers["linger-reason"].decode()
            values[reason] = record.value
            assert record.key == reason.encode()
            assert headers["trace"] == b"\x00\xff"
            assert headers["linger-source-topic"].decode() == place.prefix + POISON[reason][0]
            assert headers["linger-source-offset"].isdigit()
            assert headers["linger-source-partition"].isdigit()
            assert headers["linger-detail"]
        assert values == sent
        assert (await place.counters())["customers"] == 2 * len(POISON)

    play(pair, tmp_path, QUIET, scenario)


def test_a_silent_source_holds_the_rules_that_need_it_and_no_others(pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        await place.order("ada", 1)
        for customer in ("ada", "bob", "cyd"):
            await place.login(customer, 1)
        await place.login("dan", 6)  # the last sign of life of the log-in source
        await place.now(12)
        # Silent since day 6, three days allowed: log-ins count as seen until day 9, so day 11 is out of sight.
        await place.decided_until(9)
        await place.order("bob", 12)  # an event of another source does not make the log-ins seen either

        async def has_acted() -> bool:
            return len(await place.actions("at-risk")) > 0

        await place.until(has_acted, "the rule that needs only orders")
        await place.now(13)
        await place.until(has_acted, "still")
        acted = [(action["rule"]["id"], action["customer_id"]) for action in await place.actions("at-risk")]
        assert acted == [("quiet-buyer", "ada")]

        # It speaks again: cyd had logged in on day 8, which arrives only now; ada and bob had not. Both records go to
        # one partition: the embedded broker does not show where the other one ends before the clock does.
        await place.login("cyd", 8, sent_at_day=13.5, key=b"same")
        await place.login("dan", 13.6, key=b"same")
        await place.now(14)
        await place.decided_until(14)
        actions = [action for action in await place.actions("at-risk") if action["rule"]["id"] == "dry-logins"]
        assert {(action["customer_id"], action["decided_at"], action["status"]) for action in actions} == {
            ("ada", "2024-01-12T00:00:00Z", "active"),
            ("bob", "2024-01-12T00:00:00Z", "active"),
        }

    play(pair, tmp_path, QUIET + DRY, scenario, logins_silence="3 days")


def test_an_event_that_comes_twice_counts_once(pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        for _ in range(3):
            await place.order("ada", 1, order_id="the-same")
        await place.order("ada", 2, order_id="another")
        await place.now(3)
        await place.decided_until(3)
        counters = await place.counters()
        assert counters["events"] == 2
        assert counters["duplicates"] == 2

    play(pair, tmp_path, QUIET, scenario)


def test_a_producer_of_canonical_events_may_write_to_the_activity_topic_itself(pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        topic = place.settings.topic("activity")
        event = canonical("purchase", "ada", "2024-01-02T00:00:00Z", "p1", amount="5", currency="EUR")
        for key in (b"ada", b"eve"):
            raw = json.dumps(event).encode()
            await place.producer.send_and_wait(topic, value=raw, key=key, timestamp_ms=day(1))
        await place.now(13)
        await place.decided_until(13)
        (record,) = await place.read("dead-letter", at_least=1)
        assert dict(record.headers)["linger-reason"] == b"wrong_key"
        (action,) = await place.actions("at-risk")
        assert action["customer_id"] == "ada"

    play(pair, tmp_path, QUIET, scenario)


DIRECT = """
sources:
  - topic: {prefix}linger.activity
    format: canonical
    events: [purchase, login, cancellation]
    max_silence: 3 days
    complete_since: 2024-01-01
"""


def test_direct_producers_need_no_other_source_and_their_silence_is_no_silence_of_customers(
    pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        async def buys(customer: str, at_day: int) -> None:
            bought = canonical("purchase", customer, f"2024-01-{at_day + 1:02}T00:00:00Z", f"{customer}-{at_day}")
            paid = {**bought, "amount": "5", "currency": "EUR"}
            await place.send("linger.activity", paid, at_day, key=customer.encode())

        await buys("ada", 1)
        for at_day in (4, 7, 10):
            await place.now(at_day)
            await buys("bob", at_day)
        await place.now(11)
        await place.decided_until(11)
        (action,) = await place.actions("at-risk")
        assert (action["customer_id"], action["decided_at"]) == ("ada", "2024-01-12T00:00:00Z")

        # No producer writes any more; bob would be due on day 20, and three days of silence are allowed.
        await place.now(25)
        await place.decided_until(13)
        assert len(await place.actions("at-risk")) == 1
        assert all(until_ms == day(13) for until_ms, _ in (await place.seen()).values())
        assert "source_silent" in place.log()

        await buys("cyd", 25)
        await place.now(26)
        await place.decided_until(26)
        assert sorted(one["customer_id"] for one in await place.actions("at-risk")) == ["ada", "bob"]
        assert (await place.counters())["events"] == 5
        assert len(await place.read("activity")) == 5  # intake passes on nothing that is there already

    play(pair, tmp_path, QUIET, scenario, sources=DIRECT)


def test_direct_producers_may_write_beside_intake(apache_pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        await place.order("ada", 1)
        bought = canonical("purchase", "ada", "2024-01-09T00:00:00Z", "p1", amount="5", currency="EUR")
        await place.send("linger.activity", bought, 8, key=b"ada")
        await place.order("bob", 9)
        await place.now(12)
        await place.decided_until(11)
        assert await place.actions("at-risk") == []

        await place.send("linger.activity", {**bought, "event_id": "p2", "customer_id": "cyd"}, 18, key=b"cyd")
        await place.order("dan", 18)
        await place.now(19)
        await place.decided_until(19)
        decided = [(action["customer_id"], action["decided_at"]) for action in await place.actions("at-risk")]
        assert sorted(decided) == [
            ("ada", "2024-01-19T00:00:00Z"),
            ("bob", "2024-01-20T00:00:00Z"),
            ("cyd", "2024-01-19T00:00:00Z"),
        ]

    play(apache_pair, tmp_path, QUIET, scenario, sources=SOURCES + DIRECT.replace("sources:\n", ""))


@asynccontextmanager
async def frozen(place: Site) -> AsyncIterator[None]:
    """Freeze the worker while its log is changed."""
    (worker,) = place.processes
    await place.decided_until(1)
    worker.send_signal(signal.SIGSTOP)
    await asyncio.sleep(1.5 * FETCH_SECONDS)  # the fetch under way comes back empty
    try:
        yield
    finally:
        worker.send_signal(signal.SIGCONT)


async def delete_before(place: Site, topic: str, partition: int, offset: int) -> None:
    async with connected_admin(place.settings.kafka_connection()) as admin:
        await admin.delete_records({TopicPartition(topic, partition): RecordsToDelete(before_offset=offset)})


@pytest.mark.rest
def test_records_of_a_source_deleted_while_a_worker_lagged_are_reported(apache_pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        await place.now(1)
        async with frozen(place):
            order = {"order_id": "1", "customer": "ada", "total": "1", "currency": "EUR", "placed_at_ms": day(1)}
            for _ in range(3):
                await place.producer.send_and_wait(f"{place.prefix}orders", json.dumps(order).encode(), partition=1)
            await delete_before(place, f"{place.prefix}orders", 1, 2)
        await place.now(2)
        await place.decided_until(2)
        (event,) = [line for line in place.log().splitlines() if "source_records_lost" in line]
        assert "offsets 0 to 1 were deleted before they were read" in event

    play(apache_pair, tmp_path, QUIET, scenario)


def test_records_of_the_activity_topic_deleted_while_a_worker_lagged_end_it(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        (worker,) = place.processes
        await place.now(1)
        topic = place.settings.topic("activity")
        async with frozen(place):
            event = json.dumps(canonical("purchase", "ada", "2024-01-02T00:00:00Z", "p1")).encode()
            for _ in range(2):
                await place.producer.send_and_wait(topic, event, key=b"ada", partition=3)
            await delete_before(place, topic, 3, 2)
        await place.now(13)
        await asyncio.to_thread(worker.wait, 60)
        place.processes.clear()
        assert worker.returncode == 1
        until_ms, _ = (await place.seen())[3]
        assert until_ms < day(13)

    play(apache_pair, tmp_path, QUIET, scenario)
    assert "partition 3: the store has folded" in (tmp_path / "worker-0.log").read_text()


def test_a_worker_that_cannot_start_says_everything_that_is_wrong(pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        (first,) = place.processes
        first.terminate()
        await asyncio.to_thread(first.wait, 30)
        place.environment["LINGER_TOPIC_PREFIX"] = "nowhere"
        second = place.start_worker()
        await asyncio.to_thread(second.wait, 60)
        place.processes.clear()
        assert second.returncode == 2
        logs = (tmp_path / "worker-0.log").read_text()  # the list of processes was not emptied before it started
        logs += (tmp_path / "worker-1.log").read_text()
        for name in ("activity", "at-risk", "win-back", "decisions", "dead-letter"):
            assert f"topic 'nowhere.{name}' does not exist" in logs
        assert "linger topics create" in logs

    play(pair, tmp_path, QUIET, scenario)
