"""Consumer groups: their members and committed offsets. Changes nothing in Kafka."""

import re
from dataclasses import dataclass
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient

from workers.kafka.records import TopicPartition

_MARK: Final = "linger-format-"
_MARKED: Final = re.compile(rb"linger-format-(\d+)")


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a consumer group.

    Attributes:
        client_id: as its settings name it.
        host: where it runs, as the broker sees it.
        wire_format: the format that it named when it joined; 0 for a worker of a release that named none.
    """

    client_id: str
    host: str
    wire_format: int


def member_mark(wire_format: int) -> str:
    """Return the host name under which a worker joins its group: it says what the worker can read and write.

    Workers are not asked for anything at this address.
    """
    return f"{_MARK}{wire_format}"


async def members_of(admin: AIOKafkaAdminClient, group: str) -> int:
    """Return how many members a consumer group has.

    Raises:
        KafkaError: if Kafka does not answer, or refuses.
    """
    answers = await admin.describe_consumer_groups([group])
    return sum(len(state["members"]) for answer in answers for state in answer.to_object()["groups"])


async def described_members(admin: AIOKafkaAdminClient, group: str) -> list[Member] | None:
    """Return the members of a consumer group.

    Returns:
        None while members join or leave: only then a broker does not say what they named.

    Raises:
        KafkaError: if Kafka does not answer, or refuses.
    """
    found = []
    for answer in await admin.describe_consumer_groups([group]):
        for state in answer.to_object()["groups"]:
            if state["members"] and state["state"] != "Stable":
                return None
            for member in state["members"]:
                marked = _MARKED.search(bytes(member["member_metadata"] or b""))
                wire_format = 0 if marked is None else int(marked[1])
                found.append(Member(member["client_id"], member["client_host"], wire_format))
    return found


async def committed_offsets(admin: AIOKafkaAdminClient, group: str) -> dict[TopicPartition, int]:
    """Return the offsets that a consumer group has committed; partitions without one are left out.

    Raises:
        KafkaError: if Kafka does not answer, or refuses.
    """
    offsets = await admin.list_consumer_group_offsets(group)
    return {
        TopicPartition(*partition): committed.offset
        for partition, committed in offsets.items()
        if committed.offset >= 0
    }
