"""How the members of the group share the partitions, and how each says which formats it reads.

A member offers protocols by name, and Kafka takes one that all of them offer. So the name says what all members read.
Nothing else is said: a group whose members carry data of their own cannot be moved to the protocol of Kafka 4 while
it runs. Older releases offer only Faust's protocol, which carries such data; it is offered last, as long as one of
them may be there.
"""

import re
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.protocol.group import JoinGroupRequest

_NAME: Final = "linger-format-"
_MARKED: Final = re.compile(rb"linger-format-(\d+)")


def offer(consumer: AIOKafkaConsumer, wire_format: int, of_older_releases: Any) -> None:
    """Let a consumer offer the protocols of a worker, the one that it likes best first; call it before it starts.

    aiokafka asks to join once for each protocol, first with one, then with two: each time the group begins again, and
    with several members it never settles. So every request offers all. The second is then a repetition, and Kafka
    answers it without beginning again.

    Args:
        consumer: that joins the group.
        wire_format: the newest format that it reads and writes.
        of_older_releases: Faust's assignor.
    """
    newest = type("SharedEvenly", (RoundRobinPartitionAssignor,), {"name": _named(wire_format)})
    assignors = consumer._partition_assignment_strategy = [newest, of_older_releases]
    send = consumer._client.send

    async def send_whole(node_id: Any, request: Any, **named: Any) -> Any:
        if isinstance(request, JoinGroupRequest):
            topics = consumer._subscription.topics
            request._group_protocols = [(one.name, one.metadata(topics).encode()) for one in assignors]
        return await send(node_id, request, **named)

    consumer._client.send = send_whole


def host_of(wire_format: int) -> str:
    """Return the host name in Faust's protocol: it says the format, too. Workers are not asked for anything there."""
    return _named(wire_format)


def format_of(protocol: str, metadata: bytes) -> int:
    """Return the format that a member reads at least; 0 for one of a release that did not say.

    Args:
        protocol: that the group uses.
        metadata: of the member.
    """
    marked = _MARKED.search(protocol.encode()) or _MARKED.search(metadata)
    return 0 if marked is None else int(marked[1])


def _named(wire_format: int) -> str:
    return f"{_NAME}{wire_format}"
