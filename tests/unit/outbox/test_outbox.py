"""Laws of the outbox: in order, confirmed before trimmed, nothing forgotten, and no room means waiting."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from tests.support.processor_rig import FakePublisher
from workers.kafka.records import OutboxRecord
from workers.outbox.outbox import Outbox


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
            outbox = Outbox(publisher.as_publisher(), records(*waiting), limit)
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
