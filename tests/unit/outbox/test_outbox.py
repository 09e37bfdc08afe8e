"""Laws of the outbox: in order, confirmed before trimmed, nothing forgotten, and no room means waiting."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from tests.support.processor_rig import FakePublisher, fresh_pauses
from workers.kafka.records import OutboxRecord, PlacedRecord, Sendable
from workers.outbox.outbox import Outbox


class KnownClaim:
    """A claim that is certain, unless the test says otherwise."""

    def __init__(self) -> None:
        self.certain = True

    def is_certain(self) -> bool:
        return self.certain

    async def confirm(self) -> bool:
        return self.certain


def records(*numbers: int) -> list[OutboxRecord]:
    return [OutboxRecord("linger.at-risk", b"ada", b"%d" % number, ()) for number in numbers]


def numbers(sent: Sequence[OutboxRecord]) -> list[int]:
    return [int(record.value or b"-1") for record in sent]


async def settled() -> None:
    """Let every task run until it waits."""
    for _ in range(20):
        await asyncio.sleep(0)


def lawful(
    law: Callable[[Outbox, FakePublisher], Coroutine[Any, Any, None]], *waiting: int, limit: int = 1_000
) -> None:
    """Run one law with an outbox that has these records from before."""

    async def run() -> None:
        async with asyncio.timeout(60):
            publisher = FakePublisher()
            outbox = Outbox(publisher.as_publisher(), records(*waiting), limit, fresh_pauses(), KnownClaim())
            try:
                await law(outbox, publisher)
            finally:
                await outbox.close()

    asyncio.run(run())


def test_what_a_partition_was_claimed_with_is_published_first() -> None:
    async def law(outbox: Outbox, publisher: FakePublisher) -> None:
        outbox.put(records(3, 4))
        await outbox.drain(1)
        assert numbers(publisher.sent) == [1, 2, 3, 4]

    lawful(law, 1, 2)


def test_records_are_published_in_the_order_in_which_they_were_put() -> None:
    async def law(outbox: Outbox, publisher: FakePublisher) -> None:
        for number in range(0, 1_200, 3):
            outbox.put(records(number, number + 1, number + 2))
            if number % 50 == 0:
                await settled()
        await outbox.drain(1)
        assert numbers(publisher.sent) == list(range(1_200))

    lawful(law, limit=100)


def test_a_copy_of_a_mark_goes_out_once_what_comes_before_it_is_confirmed() -> None:
    copy = PlacedRecord("linger.marks", b"00", b"3", (), 0)

    async def law(outbox: Outbox, publisher: FakePublisher) -> None:
        publisher.works.clear()
        outbox.put([*records(1, 2), copy, copy, *records(4)])
        await settled()
        assert numbers(publisher.sent) == [1, 2]
        publisher.works.set()
        await outbox.drain(1)
        assert numbers(publisher.sent) == [1, 2, 3, 3, 4]

    lawful(law)


def test_more_than_one_sending_can_hold_is_published_in_several() -> None:
    async def law(outbox: Outbox, publisher: FakePublisher) -> None:
        publisher.works.clear()
        outbox.put(records(*range(1_201)))
        await settled()
        assert numbers(publisher.sent) == list(range(500))
        publisher.works.set()
        await outbox.drain(1)
        assert numbers(publisher.sent) == list(range(1_201))

    lawful(law)


def test_nothing_is_confirmed_before_kafka_says_so() -> None:
    async def law(outbox: Outbox, publisher: FakePublisher) -> None:
        publisher.works.clear()
        outbox.put(records(1, 2))
        await settled()
        assert (outbox.confirmed(), outbox.unconfirmed, len(outbox)) == (0, 2, 2)
        publisher.works.set()
        await outbox.drain(1)
        assert (outbox.confirmed(), outbox.unconfirmed, len(outbox)) == (2, 0, 2)

    lawful(law)


def test_only_what_a_step_trimmed_is_forgotten() -> None:
    async def law(outbox: Outbox, publisher: FakePublisher) -> None:
        await outbox.drain(1)
        trimmed = outbox.confirmed()
        outbox.put(records(4, 5))
        await outbox.drain(1)
        # The step that trims was on its way while two more were confirmed.
        outbox.trimmed(trimmed)
        assert (outbox.confirmed(), len(outbox)) == (2, 2)

    lawful(law, 1, 2, 3)


def test_putting_nothing_publishes_nothing() -> None:
    async def law(outbox: Outbox, publisher: FakePublisher) -> None:
        outbox.put([])
        await settled()
        assert publisher.sent == []
        outbox.put(records(1))
        await outbox.drain(1)
        assert numbers(publisher.sent) == [1]

    lawful(law)


def test_there_is_room_until_the_limit_is_reached() -> None:
    async def law(outbox: Outbox, publisher: FakePublisher) -> None:
        publisher.works.clear()
        outbox.put(records(1, 2))
        await outbox.wait_for_room()
        outbox.put(records(3))
        waiting = asyncio.create_task(outbox.wait_for_room())
        await settled()
        assert not waiting.done()
        publisher.works.set()
        await waiting

    lawful(law, limit=3)


def test_several_may_wait_for_room() -> None:
    async def law(outbox: Outbox, publisher: FakePublisher) -> None:
        publisher.works.clear()
        outbox.put(records(1, 2))
        waiting = [asyncio.create_task(outbox.wait_for_room()) for _ in range(3)]
        await settled()
        publisher.works.set()
        await asyncio.gather(*waiting)

    lawful(law, limit=2)


def test_a_wait_for_room_can_be_cancelled_and_leaves_nothing_behind() -> None:
    async def law(outbox: Outbox, publisher: FakePublisher) -> None:
        publisher.works.clear()
        outbox.put(records(1))
        before = asyncio.all_tasks()
        waiting = asyncio.create_task(outbox.wait_for_room())
        await settled()
        waiting.cancel()
        await asyncio.wait({waiting})
        await settled()
        assert waiting.cancelled()
        assert asyncio.all_tasks() == before

    lawful(law, limit=1)


def test_closing_keeps_what_is_unconfirmed_for_the_next_owner() -> None:
    async def law(outbox: Outbox, publisher: FakePublisher) -> None:
        publisher.works.clear()
        outbox.put(records(1, 2))
        await settled()
        await outbox.close()
        assert (outbox.confirmed(), outbox.unconfirmed) == (0, 2)
        publisher.works.set()
        await settled()
        assert (outbox.confirmed(), outbox.unconfirmed) == (0, 2)
        assert outbox.failure() is None

    lawful(law)


def test_closing_twice_is_closing() -> None:
    async def law(outbox: Outbox, publisher: FakePublisher) -> None:
        await outbox.close()
        await outbox.close()

    lawful(law)


@pytest.mark.parametrize("closed", ["before", "while"])
def test_waiting_for_room_in_a_closed_outbox_ends_without_room_and_without_cancellation(closed: str) -> None:
    async def law(outbox: Outbox, publisher: FakePublisher) -> None:
        publisher.works.clear()
        outbox.put(records(1))
        if closed == "before":
            await outbox.close()
        waiting = asyncio.create_task(outbox.wait_for_room())
        await settled()
        await outbox.close()
        assert await waiting is False

    lawful(law, limit=1)


def test_what_ends_the_publishing_for_good_is_raised_for_every_caller() -> None:
    async def law(outbox: Outbox, publisher: FakePublisher) -> None:
        publisher.failure = ValueError("a record is larger than its topic allows")
        assert outbox.failure() is None
        outbox.put(records(1))
        await settled()
        assert isinstance(outbox.failure(), ValueError)
        with pytest.raises(ValueError, match="larger"):
            await outbox.wait_for_room()
        assert (outbox.confirmed(), outbox.unconfirmed) == (0, 1)

    lawful(law, limit=1)


def test_draining_ends_in_time_though_kafka_confirms_nothing() -> None:
    async def law(outbox: Outbox, publisher: FakePublisher) -> None:
        publisher.works.clear()
        outbox.put(records(1))
        await outbox.drain(0.01)
        assert outbox.unconfirmed == 1

    lawful(law)


def test_draining_ends_at_once_when_the_publishing_ends() -> None:
    async def law(outbox: Outbox, publisher: FakePublisher) -> None:
        publisher.works.clear()
        publisher.failure = ValueError("a record is larger than its topic allows")
        outbox.put(records(1))
        draining = asyncio.create_task(outbox.drain(60))
        await settled()
        publisher.works.set()
        await settled()
        assert draining.done()

    lawful(law)


# --- pauses -------------------------------------------------------------------------------------------------------


class KnownPauses:
    """What is known of pauses, as the test says it."""

    def __init__(self) -> None:
        self.offset = 0
        self.fresh = True
        self.paused: set[str] = set()

    def is_fresh(self) -> bool:
        return self.fresh

    def is_paused(self, rule_id: str) -> bool:
        return rule_id in self.paused


def action(rule_id: str, action_id: str, status: str = "active") -> OutboxRecord:
    """Return a record as `messages` writes it, with the headers that the outbox reads."""
    event_id = action_id if status == "active" else f"{action_id}:{status}"
    headers = (
        ("ce_id", event_id.encode()),
        ("ce_source", f"/linger/rules/{rule_id}".encode()),
        ("ce_expirytime", b"2024-02-01T00:00:00Z"),
    )
    return OutboxRecord("linger.at-risk", b"ada", event_id.encode(), headers)


def taken_back(rule_id: str, action_id: str) -> OutboxRecord:
    return action(rule_id, action_id, "retracted")


def values(sent: Sequence[Sendable]) -> list[str]:
    return [(record.value or b"").decode() for record in sent]


async def until_sent(publisher: FakePublisher, number: int) -> None:
    """Let every task run until this many records were sent."""
    for _ in range(10_000):
        if len(publisher.sent) >= number:
            return
        await asyncio.sleep(0)
    raise AssertionError(f"{len(publisher.sent)} of {number} were sent")


def paused_lawful(
    law: Callable[[Outbox, FakePublisher, KnownPauses], Coroutine[Any, Any, None]],
    *waiting: OutboxRecord,
    **known: Any,
) -> None:
    """Run one law with an outbox that asks `KnownPauses`."""

    async def run() -> None:
        async with asyncio.timeout(60):
            publisher, pauses = FakePublisher(), KnownPauses()
            for name, value in known.items():
                setattr(pauses, name, value)
            outbox = Outbox(publisher.as_publisher(), waiting, 1_000, pauses, KnownClaim())
            try:
                await law(outbox, publisher, pauses)
            finally:
                await outbox.close()

    asyncio.run(run())


def test_the_action_of_a_paused_rule_is_not_sent_and_counts_as_done_and_withheld() -> None:
    async def law(outbox: Outbox, publisher: FakePublisher, pauses: KnownPauses) -> None:
        await outbox.drain(1)
        assert values(publisher.sent) == ["b", "7"]
        assert (outbox.confirmed(), outbox.unconfirmed) == (3, 0)
        assert values(outbox.withheld(3)) == ["a"]
        outbox.trimmed(3)
        assert (len(outbox), outbox.withheld(3)) == (0, [])

    paused_lawful(law, action("quiet", "a"), action("gone", "b"), *records(7), paused={"quiet"})


def test_a_retraction_is_sent_although_its_rule_is_paused_and_its_action_is_not_held() -> None:
    async def law(outbox: Outbox, publisher: FakePublisher, pauses: KnownPauses) -> None:
        await outbox.drain(1)
        assert values(publisher.sent) == ["a:retracted"]
        assert (outbox.confirmed(), outbox.withheld(2), outbox.dropped(2)) == (2, [], ["quiet"])

    paused_lawful(law, action("quiet", "a"), taken_back("quiet", "a"), paused={"quiet"})


def test_an_action_that_is_taken_back_after_it_was_withheld_is_not_held_any_more() -> None:
    async def law(outbox: Outbox, publisher: FakePublisher, pauses: KnownPauses) -> None:
        await outbox.drain(1)
        assert values(outbox.withheld(1)) == ["a"]
        outbox.put([taken_back("quiet", "a")])
        await outbox.drain(1)
        assert (values(publisher.sent), outbox.withheld(2)) == (["a:retracted"], [])

    paused_lawful(law, action("quiet", "a"), paused={"quiet"})


def test_while_the_pauses_are_not_known_for_certain_actions_wait_and_everything_else_is_sent() -> None:
    async def law(outbox: Outbox, publisher: FakePublisher, pauses: KnownPauses) -> None:
        await until_sent(publisher, 2)
        await settled()
        assert values(publisher.sent) == ["7", "x:retracted"]
        # Nothing before the action can be trimmed, because a list is trimmed from its head.
        assert (outbox.confirmed(), outbox.unconfirmed) == (0, 1)
        outbox.put(records(8))
        await until_sent(publisher, 3)
        pauses.fresh = True
        await outbox.drain(5)
        assert values(publisher.sent) == ["7", "x:retracted", "8", "a"]
        assert (outbox.confirmed(), outbox.withheld(4)) == (4, [])

    paused_lawful(law, action("quiet", "a"), *records(7), taken_back("gone", "x"), fresh=False)


def test_an_action_that_waits_is_dropped_if_its_retraction_goes_first_for_nothing_may_follow_a_retraction() -> None:
    async def law(outbox: Outbox, publisher: FakePublisher, pauses: KnownPauses) -> None:
        await outbox.drain(5)
        pauses.fresh = True
        await settled()
        assert values(publisher.sent) == ["a:retracted"]
        assert (outbox.confirmed(), outbox.withheld(2), outbox.dropped(2)) == (2, [], ["quiet"])

    paused_lawful(law, action("quiet", "a"), taken_back("quiet", "a"), fresh=False)


def test_actions_keep_their_order_when_they_may_go_again() -> None:
    async def law(outbox: Outbox, publisher: FakePublisher, pauses: KnownPauses) -> None:
        await settled()
        outbox.put([action("quiet", f"b{number}") for number in range(700)])
        await settled()
        assert publisher.sent == []
        pauses.fresh = True
        outbox.put([action("quiet", "c")])
        await outbox.drain(5)
        assert values(publisher.sent) == ["a", *(f"b{number}" for number in range(700)), "c"]

    paused_lawful(law, action("quiet", "a"), fresh=False)


def test_what_is_refused_on_its_way_to_kafka_is_judged_again() -> None:
    async def law(outbox: Outbox, publisher: FakePublisher, pauses: KnownPauses) -> None:
        publisher.before = lambda: pauses.paused.add("quiet")  # between the choice and the sending
        outbox.put([action("quiet", "a"), *records(7)])
        await outbox.drain(5)
        assert values(publisher.sent) == ["7"]
        assert values(outbox.withheld(2)) == ["a"]

    paused_lawful(law)


def test_an_outbox_obeys_a_pause_only_when_nothing_that_was_sent_before_it_is_on_its_way() -> None:
    async def law(outbox: Outbox, publisher: FakePublisher, pauses: KnownPauses) -> None:
        publisher.works.clear()
        outbox.put([action("quiet", "a")])
        await settled()
        pauses.offset, pauses.paused = 5, {"quiet"}
        assert outbox.obeys() == 0
        publisher.works.set()
        await outbox.drain(1)
        assert outbox.obeys() == 5

    paused_lawful(law)


# --- whose partition it is ----------------------------------------------------------------------------------------


def claimed_lawful(law: Callable[[Outbox, FakePublisher, KnownClaim], Coroutine[Any, Any, None]]) -> None:
    """Run one law with an outbox that asks a `KnownClaim`, and has the records 1 and 2 from before."""

    async def run() -> None:
        async with asyncio.timeout(60):
            publisher, claim = FakePublisher(), KnownClaim()
            outbox = Outbox(publisher.as_publisher(), records(1, 2), 1_000, fresh_pauses(), claim)
            try:
                await law(outbox, publisher, claim)
            finally:
                publisher.works.set()
                await outbox.close()

    asyncio.run(run())


def test_nothing_is_sent_while_it_is_not_certain_whose_the_partition_is() -> None:
    async def law(outbox: Outbox, publisher: FakePublisher, claim: KnownClaim) -> None:
        claim.certain = False
        await settled()
        assert (publisher.sent, outbox.unconfirmed, outbox.confirmed()) == ([], 2, 0)
        claim.certain = True
        await outbox.drain(5)
        assert numbers(publisher.sent) == [1, 2]

    claimed_lawful(law)


def test_what_was_not_sent_before_the_worker_slept_is_not_sent_after_it() -> None:
    async def law(outbox: Outbox, publisher: FakePublisher, claim: KnownClaim) -> None:
        publisher.before = lambda: setattr(claim, "certain", False)  # it sleeps right before the call
        await settled()
        assert (publisher.sent, outbox.unconfirmed) == ([], 2)

    claimed_lawful(law)
