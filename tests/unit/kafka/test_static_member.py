"""Laws of a static member: it notices that its instance was taken, and then asks for nothing more."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import KafkaError
from aiokafka.protocol.group import HeartbeatRequest, SyncGroupRequest

from workers.kafka.membership import watch_instance

UNKNOWN_MEMBER, FENCED, FINE = 25, 82, 0
HEARTBEAT = HeartbeatRequest("group", 3, "member-1")


class Coordinator:
    """What is used of aiokafka's coordinator, with a broker that gives these answers in turn."""

    def __init__(self, *codes: int, instance: str | None = "pod-0") -> None:
        self._group_instance_id = instance
        self.group_id, self.generation, self.member_id = "group", 3, "member-1"
        self._closing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._codes = [*codes]
        self.asked: list[Any] = []
        self._send_req = self._answer

    async def _answer(self, request: Any) -> Any:
        self.asked.append(request)
        return SimpleNamespace(error_code=self._codes.pop(0))


async def beaten(coordinator: Coordinator, times: int) -> tuple[list[int], bool]:
    """Send heartbeats; return the codes that aiokafka gets, and whether the instance counts as taken."""
    taken: list[bool] = []
    watch_instance(coordinator, lambda: taken.append(True))
    codes: list[int] = []
    for _ in range(times):
        try:
            codes.append((await asyncio.wait_for(coordinator._send_req(HEARTBEAT), 0.05)).error_code)
        except TimeoutError:
            break
    return codes, bool(taken)


def test_a_member_that_is_unknown_because_it_was_away_joins_again() -> None:
    async def law() -> None:
        coordinator = Coordinator(FINE, UNKNOWN_MEMBER, UNKNOWN_MEMBER, FINE)
        assert await beaten(coordinator, 3) == ([FINE, UNKNOWN_MEMBER, FINE], False)
        question = coordinator.asked[2]
        assert isinstance(question, SyncGroupRequest)
        assert (question._group_instance_id, question._member_id) == ("pod-0", "member-1")

    asyncio.run(law())


@pytest.mark.parametrize("codes", [(UNKNOWN_MEMBER, FENCED), (FENCED,)])
def test_a_member_whose_instance_was_taken_learns_it_and_gets_no_answer_with_which_it_would_join_again(
    codes: tuple[int, ...],
) -> None:
    async def law() -> None:
        coordinator = Coordinator(FINE, *codes)
        assert await beaten(coordinator, 3) == ([FINE], True)

    asyncio.run(law())


def test_a_commit_learns_it_too() -> None:
    async def law() -> None:
        coordinator = Coordinator(FENCED)
        topics = [("orders", [(0, UNKNOWN_MEMBER)])]
        answer = coordinator._answer

        async def committed(request: Any) -> Any:
            return await answer(request) if isinstance(request, SyncGroupRequest) else SimpleNamespace(topics=topics)

        coordinator._send_req = committed
        assert await beaten(coordinator, 1) == ([], True)

    asyncio.run(law())


def test_a_coordinator_that_closes_does_not_wait_for_an_answer() -> None:
    async def law() -> None:
        coordinator = Coordinator(FENCED)
        watch_instance(coordinator, lambda: None)
        coordinator._closing.set_result(None)
        with pytest.raises(KafkaError):
            await coordinator._send_req(HEARTBEAT)

    asyncio.run(law())


def test_a_dynamic_member_is_left_alone() -> None:
    async def law() -> None:
        coordinator = Coordinator(UNKNOWN_MEMBER, instance=None)
        assert await beaten(coordinator, 1) == ([UNKNOWN_MEMBER], False)
        assert len(coordinator.asked) == 1

    asyncio.run(law())


def test_aiokafka_sends_everything_to_the_coordinator_in_one_way() -> None:
    """What is taken for granted: these names, and that every answer passes through `_send_req`."""
    for name in ("_do_heartbeat", "_do_commit_offsets"):
        assert "_send_req" in getattr(GroupCoordinator, name).__code__.co_names
    assert {"_closing", "_group_instance_id"} <= set(GroupCoordinator.__init__.__code__.co_names)
