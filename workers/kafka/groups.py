"""Consumer groups: their members and committed offsets. Changes nothing in Kafka."""

import re
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocol
from aiokafka.errors import for_code

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


@dataclass(frozen=True, slots=True)
class AssignedMember(Member):
    """A member of a group with its partitions.

    Attributes:
        member_id: unique in the group.
        partitions: assigned to it; empty while members join or leave.
    """

    member_id: str
    partitions: tuple[TopicPartition, ...]


@dataclass(frozen=True, slots=True)
class GroupState:
    """A group as its coordinator describes it.

    Attributes:
        state: `Stable`, `PreparingRebalance`, `CompletingRebalance`, `Empty` or `Dead`.
        members: its members; what they named and own is known only while it is `Stable`.
    """

    state: str
    members: tuple[AssignedMember, ...]


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
                found.append(Member(member["client_id"], member["client_host"], _wire_format(member)))
    return found


async def group_state(admin: AIOKafkaAdminClient, group: str) -> GroupState:
    """Return a group with the partitions of each member.

    Raises:
        KafkaError: if Kafka does not answer, or refuses.
    """
    (answer,) = await admin.describe_consumer_groups([group])
    (state,) = answer.to_object()["groups"]
    if state["error_code"]:
        raise for_code(state["error_code"])(f"group '{group}'")
    members = [
        AssignedMember(
            client_id=member["client_id"],
            host=member["client_host"].lstrip("/"),
            wire_format=_wire_format(member),
            member_id=member["member_id"],
            partitions=_assigned(bytes(member["member_assignment"] or b"")),
        )
        for member in state["members"]
    ]
    return GroupState(state["state"], tuple(sorted(members, key=lambda member: member.member_id)))


def _wire_format(member: dict[str, Any]) -> int:
    marked = _MARKED.search(bytes(member["member_metadata"] or b""))
    return 0 if marked is None else int(marked[1])


def _assigned(raw: bytes) -> tuple[TopicPartition, ...]:
    if not raw:
        return ()
    return tuple(TopicPartition(*place) for place in ConsumerProtocol.ASSIGNMENT.decode(raw).partitions())


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
