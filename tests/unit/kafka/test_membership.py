"""Laws of membership: only what the group has answered counts."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer.group_coordinator import GroupCoordinator

from workers.kafka import membership
from workers.kafka.membership import Membership


class Coordinator:
    """What aiokafka's coordinator does; the test says what the group answers."""

    _group_instance_id = None

    def __init__(self) -> None:
        self.answers = True
        self.joined: list[Any] = []

    async def _do_heartbeat(self) -> bool:
        return self.answers

    async def _on_join_complete(self, *joined: Any) -> None:
        self.joined.append(joined)


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(membership, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_before_the_first_join_there_is_no_membership() -> None:
    assert Membership().unconfirmed_seconds(5.0) is None


def test_a_join_and_every_answered_heartbeat_confirm_it(seconds: list[float]) -> None:
    async def law() -> None:
        member, coordinator = Membership(), Coordinator()
        member.watch(coordinator)
        await coordinator._on_join_complete(7, "me", "range", b"")
        assert coordinator.joined == [(7, "me", "range", b"")]
        assert member.unconfirmed_seconds(103.0) == 3.0
        seconds[0] = 104.0
        assert await coordinator._do_heartbeat()
        assert member.unconfirmed_seconds(104.5) == 0.5
        seconds[0], coordinator.answers = 110.0, False
        assert not await coordinator._do_heartbeat()
        assert member.unconfirmed_seconds(110.0) == 6.0

    asyncio.run(law())


def test_a_join_counts_from_its_beginning_and_not_after_all_that_follows_it(seconds: list[float]) -> None:
    """The broker waits for no claim: a member that sends no heartbeat meanwhile is one that it may have removed."""

    class Slow(Coordinator):
        async def _on_join_complete(self, *joined: Any) -> None:
            seconds[0] += 50.0

    async def law() -> None:
        member, coordinator = Membership(), Slow()
        member.watch(coordinator)
        await coordinator._on_join_complete()
        assert member.unconfirmed_seconds(150.0) == 50.0

    asyncio.run(law())


def test_aiokafka_still_calls_them_so() -> None:
    assert {"_do_heartbeat", "_on_join_complete"} <= vars(GroupCoordinator).keys()
