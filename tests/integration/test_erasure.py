"""What is left of an erased person, and what no fault makes Linger forget, over real Kafka and Redis."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from schemas.orders import ERASE, RESUME, SUPPRESS
from tests.integration.test_rebuild import forget_everything, start_rebuild, stop_workers
from tests.integration.test_worker import GONE, QUIET, canonical
from tests.support.builders import day
from tests.support.searched import InKafka, Search
from tests.support.site import COMPACTED, Site, site
from workers.demo.embedded import Pair, die_with_parent
from workers.kafka.partitioner import partition_of
from workers.kafka.range_reader import opened_reader
from workers.kafka.topics import TopicPlan, connected_admin, create_missing, describe, log_bounds
from workers.processor.orders.mark_topic import MarkTopic
from workers.runtime.watches.compacted_topics import CompactedTopics
from workers.settings import MARKS
from workers.state.marks.mark import Mark
from workers.state.marks.stored import stored_key
from workers.state.meta import REBUILDING

pytestmark = pytest.mark.integration

ADA: Final = "c/ada-löwe+4711"
BOB: Final = "bob-20417"
KNOWN: Final[Mapping[str, str | float]] = {
    "id": ADA,
    "e-mail": "ada.löwe@example.org",
    "city": 'Köln "Süd"/77',
    "reason": "too dear, said Ada Löwe",
    "score": 7041993.25,
    "plan": "family-box-88213",
    "order": "order-of-ada-90017",
}
SOURCES: Final = """
event_types:
  profile: {{}}
sources:
  - topic: {prefix}orders
    event: purchase
    max_silence: {orders_silence}
    complete_since: 2024-01-01
    fields:
      event_id: order_id
      customer_id: customer
      occurred_at: {{path: placed_at_ms, format: milliseconds}}
      amount: total
      currency: currency
  - topic: {prefix}logins
    event: login
    max_silence: {logins_silence}
    complete_since: 2024-01-01
    fields:
      event_id: session
      customer_id: user
      occurred_at: {{path: time, format: milliseconds}}
  - topic: {prefix}events
    format: canonical
    events: [cancellation, profile]
    max_silence: 3000 days
    complete_since: 2024-01-01
"""
CONSENT: Final = """
for every rule:
  consent: {from: profile.consent}
"""
PACED: Final = """
  - id: paced
    title: Cancelled, and held
    status: live
    when: {status: cancelled}
    action: win-back
    template: paced
    variables: {mail: profile.mail, city: profile.city, score: profile.score, why: cancellation.reason}
    pace: at most 1 per day
    expires after: 60 days
    examples:
      - name: a customer cancels
        given: [{at: start, event: cancellation}]
        expect: [{at: start, action: win-back}]
      - name: a customer buys
        given: [{at: start, event: purchase}]
        expect: nothing
"""
WAITS: Final = """
  - id: waits-for-logins
    title: Cancelled, and no log-in
    status: live
    when: {all: [{status: cancelled}, {none: login, for: 1 day}]}
    action: win-back
    template: waits
    variables: {mail: profile.mail}
    expires after: 60 days
    examples:
      - name: a customer cancels
        given: [{at: start, event: cancellation}]
        expect: [{at: 1 day, action: win-back}]
      - name: a customer buys
        given: [{at: start, event: purchase}]
        expect: nothing
"""
Scenario = Callable[[Site], Awaitable[None]]


def play(pair: Pair, folder: Path, scenario: Scenario, rules: str = QUIET + GONE, **options: Any) -> None:
    async def on_a_site() -> None:
        async with site(pair, folder, rules + CONSENT, sources=SOURCES, **options) as place:
            await scenario(place)

    asyncio.run(on_a_site())


# -- what happens ------------------------------------------------------------------------------------------------


async def order(place: Site, type_: str, customer: str, at_day: float, **fields: Any) -> TopicPartition:
    """Write an order into the activity topic, as `linger customer` does; return where it is."""
    given = {
        "event_id": f"order-{type_}-{at_day}",
        "type": type_,
        "customer_id": customer,
        "occurred_at": iso(at_day),
        "reason": "asked",
        "by": "officer",
        **fields,
    }
    await place.send("linger.activity", given, at_day, customer.encode())
    return TopicPartition(place.settings.topic("activity"), partition_of(customer, place.settings.partitions))


def iso(at_day: float) -> str:
    """Return a day as a text."""
    return datetime.fromtimestamp(day(at_day) / 1000, UTC).isoformat().replace("+00:00", "Z")


async def says(place: Site, customer: str, at_day: float, sent_at_day: float | None = None, **said: Any) -> None:
    """Send what a customer says of themselves."""
    event_id = f"profile-{customer}-{at_day}"
    event = canonical("profile", customer, iso(at_day), event_id, attributes=said)
    await place.send("events", event, at_day if sent_at_day is None else sent_at_day, customer.encode())


async def cancels(place: Site, customer: str, at_day: float, reason: str = "price") -> None:
    """Send that a customer cancels."""
    event = canonical("cancellation", customer, iso(at_day), f"cancels-{customer}-{at_day}", reason=reason)
    await place.send("events", event, at_day, customer.encode())


async def all_is_decided(place: Site, at_day: float) -> None:
    """Move the clock on, and wait until all is decided, sent, and trimmed from Redis."""
    await place.now(at_day)
    await place.decided_until(at_day)

    await is_trimmed(place)


async def is_carried_out(place: Site, kind: str, number: int = 1) -> None:
    """Wait until this number of orders is carried out, and what they publish is sent, and trimmed from Redis."""

    async def is_done() -> bool:
        return (await place.counters()).get(f"order:{kind}", 0) >= number

    await place.until(is_done, f"{kind} to be carried out")
    await is_trimmed(place)


async def is_trimmed(place: Site) -> None:
    """Wait until everything is sent, and trimmed from Redis."""

    async def is_empty() -> bool:
        keys = [place.store.keys.partition(number).outbox for number in range(place.settings.partitions)]
        return not any(await place.store.redis.call([("LLEN", key) for key in keys]))

    await place.until(is_empty, "everything that is sent to be trimmed from Redis")


async def mark(place: Site, customer: str) -> Mark:
    """Return the mark of a customer in Redis."""
    key = await stored_key(place.store, None)
    assert key is not None
    return await place.store.marks.of_customer(partition_of(customer, place.settings.partitions), key.ref(customer))


async def is_stored(place: Site, customer: str) -> bool:
    return await place.store.activity(partition_of(customer, place.settings.partitions), customer) is not None


async def messages(place: Site, customer: str) -> set[str]:
    """Return the ids of the actions that a mailer would send to a customer."""
    newest: dict[str, str] = {}
    for name in ("at-risk", "win-back"):
        for action in await place.actions(name) if name else ():
            if action["customer_id"] == customer and newest.get(action["action_id"]) != "retracted":
                newest[action["action_id"]] = action["status"]
    return {action_id for action_id, status in newest.items() if status == "active"}


async def decided(place: Site, customer: str, since_day: float) -> set[str]:
    """Return the kinds of decisions about a customer since a day."""
    return {
        one["decision"]
        for one in await place.actions("decisions")
        if one["customer_id"] == customer and one["decided_at"] >= iso(since_day)
    }


async def ends_of(place: Site) -> dict[TopicPartition, int]:
    """Return the end of each partition of Linger's topics."""
    async with connected_admin(place.settings.kafka_connection()) as admin:
        names = [name for name in await admin.list_topics() if name.startswith(place.settings.topic(""))]
        known = await describe(admin, names)
    places = [TopicPartition(name, number) for name, topic in known.items() for number in range(topic.partitions)]
    async with opened_reader(place.settings.kafka_connection()) as consumer:
        return {TopicPartition(*one): log.end for one, log in (await log_bounds(consumer, places)).items()}


def linger(place: Site, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "workers", *words],
        env=place.process_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


# -- the search ----------------------------------------------------------------------------------------------------


def test_what_is_found_of_an_erased_person_is_what_stays_in_kafka_until_retention_ends(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        await everything_of_ada(place)
        search = Search(KNOWN)
        assert {found.what for found in await search.in_redis(place)} >= {"id", "e-mail", "reason"}
        before = await ends_of(place)
        await order(place, ERASE, ADA, 15)
        await place.now(15)
        await is_carried_out(place, "erase")
        assert (await mark(place, ADA)).erased_ms == day(15)
        assert await search.in_redis(place) == []
        activity = TopicPartition("activity", partition_of(ADA, place.settings.partitions))
        later = []
        for found in await search.in_kafka(place):
            end = before[TopicPartition(place.settings.topic(found.topic), found.partition)]
            if found.offset >= end:
                later.append(found)
        orders = [one for one in later if one.topic == "activity"]
        gone = [one for one in later if one.topic == "stages"]
        retractions = [one for one in later if one not in [*orders, *gone]]
        assert {(one.partition, one.what) for one in orders} == {(activity.partition, "id")}
        assert len({one.offset for one in orders}) == 1
        assert {(one.topic, one.what) for one in retractions} == {("win-back", "id"), ("at-risk", "id")}
        assert await all_are_retractions(place, retractions)
        assert {one.what for one in gone} == {"id"}
        assert await all_are_tombstones(place, gone)
        assert not await messages(place, ADA)
        assert await is_stored(place, BOB)

    play(apache_pair, tmp_path, scenario, QUIET + GONE + PACED + WAITS, logins_silence="4 days")


async def everything_of_ada(place: Site) -> None:
    """Ada and Bob do all that leaves something: also a held action, one that waits, a dead letter."""
    for customer, mail in ((BOB, "bob@example.org"), (ADA, str(KNOWN["e-mail"]))):
        said: dict[str, Any] = {"mail": mail, "consent": "yes"}
        if customer == ADA:
            said |= {"city": KNOWN["city"], "score": KNOWN["score"], "plan": KNOWN["plan"]}
        await says(place, customer, 1, **said)
        await place.order(customer, 1, order_id=KNOWN["order"] if customer == ADA else "o1")
        await place.login(customer, 1)
    unreadable = {"customer": ADA, "order_id": KNOWN["order"], "mail": KNOWN["e-mail"], "total": "NaN"}
    await place.send("orders", unreadable, 2, ADA.encode())
    await all_is_decided(place, 4)
    await place.now(13)  # no log-in since day 1: what waits for log-ins goes on waiting
    await cancels(place, BOB, 12)

    async def has_gone_out() -> bool:
        return "paced" in {action["template"] for action in await place.actions("win-back")}

    await place.until(has_gone_out, "the only action of the day")
    await cancels(place, ADA, 12, reason=str(KNOWN["reason"]))

    async def has_acted() -> bool:
        held = ("HLEN", place.store.keys.partition(partition_of(ADA, place.settings.partitions)).held)
        return bool((await place.store.redis.call([held]))[0]) and len(await place.actions("at-risk")) >= 2

    await place.until(has_acted, "an action to be held, and others to be sent")


async def all_are_retractions(place: Site, found: list[InKafka]) -> bool:
    """Return whether these records take back actions because of an erasure, and say nothing else of anybody."""
    contents = [json.loads(value) for value in await values_of(place, found)]
    return all(
        (one["status"], one.get("retracted_because"), one.get("variables", {}), one.get("why", []))
        == ("retracted", "erased", {}, [])
        for one in contents
    )


async def all_are_tombstones(place: Site, found: list[InKafka]) -> bool:
    """Return whether these records say nothing but that what stood under their key is gone."""
    return bool(found) and all(value is None for value in await values_of(place, found))


async def values_of(place: Site, found: list[InKafka]) -> list[Any]:
    """Return the values of records, in the order in which they were found."""
    values = {
        (name, record.partition, record.offset): record.value
        for name in {one.topic for one in found}
        for record in await place.read(name)
    }
    return [values[one.topic, one.partition, one.offset] for one in found]


# -- what no fault makes Linger forget -----------------------------------------------------------------------------


async def nobody_is_written_to(place: Site, at_day: float, kinds: Mapping[str, str]) -> None:
    """Let customers cancel, and check that each gets a decision of this kind, and no message."""
    for customer in kinds:
        await place.order(customer, at_day - 0.2)  # who has cancelled before is active again
        await cancels(place, customer, at_day)
    await all_is_decided(place, at_day + 1)
    for customer, kind in kinds.items():
        assert await decided(place, customer, at_day) == {kind}, customer
        assert not await messages(place, customer), customer


async def cut_the_log(place: Site) -> None:
    """Delete everything that the activity topic holds, as its retention does."""
    ends = await ends_of(place)
    cut = {one: RecordsToDelete(end) for one, end in ends.items() if one.topic == place.settings.topic("activity")}
    async with connected_admin(place.settings.kafka_connection()) as admin:
        await admin.delete_records(cut)


async def lose_redis(place: Site, at_day: float) -> None:
    """Redis loses everything, and the log what it began with; then a worker starts."""
    await stop_workers(place)
    await cut_the_log(place)
    await forget_everything(place, at_day)
    place.start_worker()


THREE: Final = {"opted-out": "opted_out", "suppressed": "suppressed", "erased": "suppressed", "returned": "opted_out"}
"""Customers, and why they are not written to."""


async def all_three_say_no(place: Site) -> None:
    """One customer opts out, one is suppressed, one erased, and one opts out and is erased and may return."""
    for number, customer in enumerate(THREE):
        await says(place, customer, 1 + number / 10, consent="no" if THREE[customer] == "opted_out" else "yes")
        await place.order(customer, 2)
    await all_is_decided(place, 3)
    await order(place, SUPPRESS, "suppressed", 4)
    await order(place, ERASE, "erased", 4.1)
    await order(place, ERASE, "returned", 4.2, may_return=True)
    await place.now(5)
    await is_carried_out(place, "erase", 2)
    await all_is_decided(place, 5)
    assert not await is_stored(place, "erased")


def test_a_lost_redis_a_rebuild_and_what_comes_late_forget_no_opt_out(apache_pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        await all_three_say_no(place)
        await nobody_is_written_to(place, 6, THREE)
        await lose_redis(place, 7)
        await nobody_is_written_to(place, 8, THREE)
        await stop_workers(place)
        rebuilt = await asyncio.to_thread(linger, place, "rebuild", "--all", "--yes-the-log-is-cut")
        assert rebuilt.returncode == 0, rebuilt.stderr
        place.start_worker()
        await nobody_is_written_to(place, 10, THREE)
        for customer in THREE:
            await says(place, customer, 11, country="PT")
            await says(place, customer, 0.5, sent_at_day=11, consent="yes")
        await nobody_is_written_to(place, 12, THREE)
        await lose_redis(place, 14)
        for customer in THREE:  # the source is read again, from its beginning
            await says(place, customer, 0.7, sent_at_day=14, consent="yes")
            await place.order(customer, 2, order_id=f"again-{customer}")
        await nobody_is_written_to(place, 15, THREE)
        for customer in THREE:
            await says(place, customer, 17, consent="yes")
            await order(place, RESUME, customer, 17)
        await all_is_decided(place, 17)
        for customer in THREE:
            await place.order(customer, 17.5)
            await cancels(place, customer, 18)
        await all_is_decided(place, 19)
        assert [len(await messages(place, customer)) for customer in THREE] == [1] * len(THREE)

    play(apache_pair, tmp_path, scenario, GONE_ONLY)


def test_a_topic_of_marks_that_was_deleted_and_created_again_is_filled_again_while_redis_has_the_marks(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        await all_three_say_no(place)
        topic, connection = place.settings.topic(MARKS), place.settings.kafka_connection()
        partitions = range(place.settings.partitions)
        before = await MarkTopic(connection, topic).read(partitions)
        assert sum(map(len, before.marks.values())) == len(THREE)
        async with connected_admin(connection) as admin:
            await admin.delete_topics([topic])

            async def is_gone() -> bool:
                return topic not in await admin.list_topics()

            await place.until(is_gone, "the topic of marks to be deleted")
            await create_missing(admin, [TopicPlan(topic, place.settings.partitions, 1, COMPACTED)])

        async def is_filled() -> bool:
            return await MarkTopic(connection, topic).read(partitions) == before

        await place.until(is_filled, "the topic of marks to be filled again")
        await lose_redis(place, 7)
        await nobody_is_written_to(place, 8, THREE)

    play(apache_pair, tmp_path, scenario, GONE_ONLY)


def test_an_erased_customer_does_not_come_back_when_everything_is_read_again(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        await all_three_say_no(place)
        search = Search({"id": "erased"})
        for again in ("a rebuild", "an empty Redis", "both"):
            await stop_workers(place)
            if again != "a rebuild":
                await forget_everything(place, 5)
            if again != "an empty Redis":
                rebuilt = await asyncio.to_thread(linger, place, "rebuild", "--all")
                assert rebuilt.returncode == 0, rebuilt.stderr
            place.start_worker()
            await says(place, "erased", 0.7, sent_at_day=5, consent="yes")
            await all_is_decided(place, 5)
            assert [found for found in await search.in_redis(place) if ":c:" in found.key] == []
            assert not await is_stored(place, "erased"), again
            assert (await mark(place, "erased")).erased_ms == day(4.1), again

    play(apache_pair, tmp_path, scenario, GONE_ONLY)


GONE_ONLY: Final = "\nrules:\n" + GONE


# -- killed at the worst moment ------------------------------------------------------------------------------------


def start_to_die(place: Site, point: str) -> "subprocess.Popen[bytes]":
    """Start a worker that is killed at a named point."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.saboteur", "--die", point],
        env=place.process_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=die_with_parent(),
    )


async def compact(place: Site, *topics: str) -> None:
    """Let tombstones delete from topics of Linger's."""
    async with connected_admin(place.settings.kafka_connection()) as admin:
        names = [place.settings.topic(name) for name in topics]
        await admin.alter_configs(
            [
                ConfigResource(ConfigResourceType.TOPIC, name, {"cleanup.policy": "compact", "retention.ms": "-1"})
                for name in names
            ]
        )


def test_a_topic_that_becomes_compacted_while_workers_run_gets_tombstones_too(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        orders: Any = SimpleNamespace(tombstone_topics=())
        parts: Any = SimpleNamespace(settings=place.settings, processor=SimpleNamespace(customer_orders=orders))
        watch = CompactedTopics(parts)
        await watch.look()
        compacted = set(orders.tombstone_topics)
        assert place.settings.topic("win-back") not in compacted
        await compact(place, "win-back")

        async def is_seen() -> bool:
            await watch.look()
            return bool(set(orders.tombstone_topics) == {*compacted, place.settings.topic("win-back")})

        await place.until(is_seen, "the topic to be compacted")

    play(apache_pair, tmp_path, scenario, GONE_ONLY, workers=0)


@pytest.mark.rest
@pytest.mark.parametrize("point", ["order-folded:1", "order-committed:1", "retracted:1"])
def test_a_worker_that_is_killed_at_an_order_leaves_no_message_and_no_state(
    point: str, apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        await compact(place, "win-back")
        place.start_worker()
        await place.now(0)
        await says(place, "ada", 1, mail="ada@example.org")
        await cancels(place, "ada", 2)
        await all_is_decided(place, 3)
        assert await messages(place, "ada")
        await stop_workers(place)
        await order(place, ERASE, "ada", 4)
        await place.now(4)
        dying = start_to_die(place, point)
        assert await asyncio.to_thread(dying.wait, 60) == -9
        place.start_worker()
        await is_carried_out(place, "erase")
        assert not await messages(place, "ada")
        assert not await is_stored(place, "ada")
        assert await Search({"id": "ada@example.org"}).in_redis(place) == []
        records = await place.read("win-back")
        assert records[-1].value is None  # no matter what is repeated, a tombstone is the last
        key = await stored_key(place.store, None)
        assert key is not None
        copies = MarkTopic(place.settings.kafka_connection(), place.settings.topic("marks"))
        number = partition_of("ada", place.settings.partitions)
        copied = (await copies.read([number])).marks[number]
        assert copied == {key.ref("ada"): await mark(place, "ada")}

    play(apache_pair, tmp_path, scenario, GONE_ONLY, workers=0)


@pytest.mark.rest
@pytest.mark.parametrize("moment", ["wiping", "replaying"])
def test_a_rebuild_that_is_killed_loses_no_retraction_of_an_erased_customer(
    moment: str, apache_pair: Pair, tmp_path: Path
) -> None:
    """The worker died before anything of the order was sent, and the rebuild after it had deleted the state."""

    async def scenario(place: Site) -> None:
        place.start_worker()
        await cancels(place, "ada", 2)
        await all_is_decided(place, 3)
        await stop_workers(place)
        await place.order("ada", 3.5)  # takes the action back, as the order would
        await order(place, ERASE, "ada", 4)
        await place.now(4)
        dying = start_to_die(place, "order-committed:1")
        assert await asyncio.to_thread(dying.wait, 60) == -9
        assert await messages(place, "ada")
        await killed_rebuild(place, moment)
        rebuilt = await asyncio.to_thread(linger, place, "rebuild", "--all", "--among-workers")
        assert rebuilt.returncode == 0, rebuilt.stderr
        place.start_worker()
        await all_is_decided(place, 5)
        assert not await messages(place, "ada")
        assert not await is_stored(place, "ada")
        assert (await mark(place, "ada")).erased_ms == day(4)

    play(apache_pair, tmp_path, scenario, GONE_ONLY, workers=0)


async def killed_rebuild(place: Site, moment: str) -> None:
    """Kill a rebuild when some partition is being wiped, or all of them were."""
    process = start_rebuild(place, "--all", "--among-workers")

    async def has_come() -> bool:
        metas = await place.store.metas(range(place.settings.partitions))
        marked = [meta.get(REBUILDING, "") for meta in metas.values()]
        if moment == "wiping":
            return any(marked)
        return any(marked) and not any(text.startswith("wiping") for text in marked)

    async def is_time() -> bool:
        return process.poll() is not None or await has_come()

    await place.until(is_time, "the moment to kill the rebuild")
    process.kill()
    await asyncio.to_thread(process.communicate)
    assert process.returncode == -9, "the rebuild ended before it was killed"
