"""Membership: when the consumer group last took this worker for a member. All times are of a monotonic clock.

aiokafka says it nowhere, so its coordinator is watched. Must not know what is read.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from aiokafka.errors import KafkaError, UnknownMemberIdError
from aiokafka.protocol.group import SyncGroupRequest

_FENCED_INSTANCE_ID: Final = 82
_UNKNOWN_MEMBER: Final = UnknownMemberIdError.errno


class Membership:
    """When the group last confirmed that this worker is a member: it joined, or a heartbeat was answered.

    Attributes:
        confirmed_at: seconds; None before the worker joined for the first time.
        is_taken: whether another member has the group instance id of this one; then this one is no member any more.
    """

    def __init__(self) -> None:
        self.confirmed_at: float | None = None
        self.is_taken = False
        self._coordinator: Any = None

    @property
    def end(self) -> str | None:
        """Why aiokafka joins no group any more, None while it would: no one else asks its coordinator.

        It ends, for example, with a broker that was frozen while the group was joined.
        """
        coordinator = self._coordinator
        if coordinator is None or coordinator._closing.done() or not coordinator._coordination_task.done():
            return None
        task = coordinator._coordination_task
        error = None if task.cancelled() else task.exception()
        return f"the consumer has lost its group for good: {error or 'its coordinator has ended'}"

    def confirm(self, now: float) -> None:
        """Note that the group has just confirmed it."""
        self.confirmed_at = now

    def _take(self) -> None:
        self.is_taken = True

    def unconfirmed_seconds(self, now: float) -> float | None:
        """Return for how long the group has not confirmed it; None before the worker joined for the first time."""
        return None if self.confirmed_at is None else max(0.0, now - self.confirmed_at)

    def watch(self, coordinator: Any) -> None:
        """Note from now on what aiokafka's coordinator of the group learns.

        A heartbeat during a rebalance counts, too: the broker then keeps the member until it has joined again.

        Args:
            coordinator: of a consumer that has subscribed to nothing yet.
        """
        self._coordinator = coordinator
        watch_instance(coordinator, self._take)
        beat, complete = coordinator._do_heartbeat, coordinator._on_join_complete

        async def watched_beat() -> bool:
            is_confirmed: bool = await beat()
            if is_confirmed:
                self.confirm(time.monotonic())
            return is_confirmed

        async def watched_complete(*joined: Any) -> None:
            self.confirm(time.monotonic())
            await complete(*joined)

        coordinator._do_heartbeat, coordinator._on_join_complete = watched_beat, watched_complete


def watch_instance(coordinator: Any, note_taken: Callable[[], None]) -> None:
    """Notice when another member takes this one's `group.instance.id`: aiokafka would take it back, without end.

    To Kafka the old member is unknown, like one that was away for too long; aiokafka joins again in both cases. Only
    a request that names the instance gets the answer `FENCED_INSTANCE_ID`, so one is sent to find out. From then on
    the coordinator gets no answer to anything, so it does not join again. A member without an instance is left alone.

    Args:
        coordinator: of a consumer that has subscribed to nothing yet.
        note_taken: called once, in the thread of the consumer.
    """
    if coordinator._group_instance_id is None:
        return
    send = coordinator._send_req
    is_taken = False

    async def watched(request: Any) -> Any:
        nonlocal is_taken
        member = coordinator.generation, coordinator.member_id
        answer = await send(request)
        codes = _codes(answer)
        if not is_taken and (_FENCED_INSTANCE_ID in codes or (_UNKNOWN_MEMBER in codes and await is_fenced(*member))):
            is_taken = True
            note_taken()
        if is_taken:
            await asyncio.wait({coordinator._closing})
            raise KafkaError("another member has taken this group.instance.id")
        return answer

    async def is_fenced(generation: int, member_id: str) -> bool:
        instance = coordinator._group_instance_id
        question = SyncGroupRequest(coordinator.group_id, generation, member_id, instance, [])
        try:
            return _FENCED_INSTANCE_ID in _codes(await send(question))
        except KafkaError:
            return False  # asked again with the next answer of this kind

    coordinator._send_req = watched


def _codes(answer: Any) -> set[int]:
    """Return the error codes in an answer: its own, or those of its partitions."""
    codes = {answer.error_code} if hasattr(answer, "error_code") else set()
    for topic in getattr(answer, "topics", ()):
        codes.update(partition[-1] for partition in topic[1])
    return codes
