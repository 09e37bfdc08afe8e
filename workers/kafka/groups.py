"""Consumer groups: their members and committed offsets. Changes nothing in Kafka."""

from aiokafka.admin import AIOKafkaAdminClient

from workers.kafka.records import TopicPartition


async def members_of(admin: AIOKafkaAdminClient, group: str) -> int:
    """Return how many members a consumer group has.

    Raises:
        KafkaError: if Kafka does not answer, or refuses.
    """
    answers = await admin.describe_consumer_groups([group])
    return sum(len(state["members"]) for answer in answers for state in answer.to_object()["groups"])


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
