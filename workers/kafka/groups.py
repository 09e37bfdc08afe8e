"""Consumer groups: their members and committed offsets. Changes nothing in Kafka."""

from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient

from workers.kafka.group_protocol import format_of
from workers.kafka.records import TopicPartition


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a consumer group.

    Attributes:
        client_id: as its settings name it.
        host: where it runs, as the broker sees it.
        wire_format: see `workers.kafka.group_protocol.format_of`.
    """

    client_id: str
    host: str
    wire_format: int


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
                wire_format = format_of(state["protocol"], bytes(member["member_metadata"] or b""))
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
