"""A consumer group with the partitions of each member, as its coordinator describes it. Changes nothing in Kafka."""

from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocol

from workers.kafka.group_protocol import format_of
from workers.kafka.groups import Member, described_groups
from workers.kafka.records import TopicPartition


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


async def group_state(admin: AIOKafkaAdminClient, group: str) -> GroupState:
    """Return a group with the partitions of each member.

    Raises:
        KafkaError: if Kafka does not answer, or refuses.
    """
    (state,) = await described_groups(admin, group)
    members = [
        AssignedMember(
            client_id=member["client_id"],
            host=member["client_host"].lstrip("/"),
            wire_format=format_of(state["protocol"], bytes(member["member_metadata"] or b"")),
            member_id=member["member_id"],
            partitions=_assigned(bytes(member["member_assignment"] or b"")),
        )
        for member in state["members"]
    ]
    return GroupState(state["state"], tuple(sorted(members, key=lambda member: member.member_id)))


async def described_members(admin: AIOKafkaAdminClient, group: str) -> list[AssignedMember] | None:
    """Return the members of a consumer group.

    Returns:
        None while members join or leave: only then a broker does not say what they named.

    Raises:
        KafkaError: if Kafka does not answer, or refuses.
    """
    described = await group_state(admin, group)
    return None if described.members and described.state != "Stable" else list(described.members)


def _assigned(raw: bytes) -> tuple[TopicPartition, ...]:
    if not raw:
        return ()
    return tuple(TopicPartition(*place) for place in ConsumerProtocol.ASSIGNMENT.decode(raw).partitions())
