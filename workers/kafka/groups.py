"""Consumer groups: their members, and how far they have committed."""

from aiokafka.admin import AIOKafkaAdminClient

from workers.kafka.records import TopicPartition


async def members_of(admin: AIOKafkaAdminClient, group: str) -> int:
    """Return how many members a consumer group has now.

    Raises:
        KafkaError: if Kafka does not tell.
    """
    answers = await admin.describe_consumer_groups([group])
    return sum(len(one["members"]) for answer in answers for one in answer.to_object()["groups"])


async def committed_offsets(admin: AIOKafkaAdminClient, group: str) -> dict[TopicPartition, int]:
    """Return what a consumer group has committed."""
    found = await admin.list_consumer_group_offsets(group)
    return {TopicPartition(*place): one.offset for place, one in found.items() if one.offset >= 0}
