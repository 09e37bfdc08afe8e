"""Notices that another member has taken this one's `group.instance.id`: aiokafka would take it back, without end.

Kafka tells the old member that it is unknown, as it tells one that was away for too long; aiokafka joins again in
both cases. Only a request that names the instance gets the answer `FENCED_INSTANCE_ID`, so one is sent to find out.
From then on the coordinator gets no answer to anything, so it does not join again. This module uses aiokafka's
internals; `tests/unit/kafka/test_static_member.py` covers what it takes for granted.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from aiokafka.errors import KafkaError, UnknownMemberIdError
from aiokafka.protocol.group import SyncGroupRequest

_FENCED_INSTANCE_ID: Final = 82
_UNKNOWN_MEMBER: Final = UnknownMemberIdError.errno


def watch_instance(coordinator: Any, note_taken: Callable[[], None]) -> None:
    """Watch every answer that aiokafka's coordinator of a group gets; does nothing for a member without an instance.

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
