"""Consumer groups: their members and committed offsets. Changes nothing in Kafka."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupAuthorizationFailedError, GroupIdNotFound, KafkaError, for_code
from aiokafka.protocol.admin import DescribeGroupsRequest_v3, DescribeGroupsResponse_v3
from aiokafka.protocol.api import Request

from workers.kafka.records import TopicPartition
from workers.kafka.rights import Right, rights_in
from workers.kafka.topics import connected_admin


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


class _DescribeGroupsRequestWithRights(DescribeGroupsRequest_v3):  # type: ignore[misc]
    """aiokafka 0.14 reads the answer as one of version 2, which ends before the rights."""

    RESPONSE_TYPE = DescribeGroupsResponse_v3


class _DescribeGroup(Request[_DescribeGroupsRequestWithRights]):  # type: ignore[misc]
    """Asks for one group and this client's rights on it, in version 3 alone."""

    API_KEY = _DescribeGroupsRequestWithRights.API_KEY

    def __init__(self, group: str) -> None:
        self._group = group

    def build(self, request_struct_class: type[_DescribeGroupsRequestWithRights]) -> _DescribeGroupsRequestWithRights:
        return request_struct_class([self._group], True)


async def group_rights(admin: AIOKafkaAdminClient, group: str) -> frozenset[Right] | None:
    """Return the rights of this client on a consumer group; None if Kafka does not say.

    It does not say before version 2.4, and while the cluster has never had a group.
    """
    try:
        coordinator = await admin.find_coordinator(group)
        answer = await admin._client.send(coordinator, _DescribeGroup(group))
        (state,) = answer.to_object()["groups"]
    except GroupAuthorizationFailedError:
        return frozenset()
    except (KafkaError, KeyError, ValueError, NotImplementedError):
        return None  # no coordinator yet: the first group of a new cluster; or no such version
    if state["error_code"] == GroupAuthorizationFailedError.errno:
        return frozenset()
    return rights_in(state["authorized_operations"])


async def members_of(admin: AIOKafkaAdminClient, group: str) -> int:
    """Return how many members a consumer group has.

    Raises:
        KafkaError: if Kafka does not answer, or refuses.
    """
    return sum(len(state["members"]) for state in await described_groups(admin, group))


async def has_members(connection: Mapping[str, Any], group: str) -> bool | None:
    """Return whether a consumer group has members; None if Kafka does not say.

    It does not say while the cluster has never had a group: there is no coordinator yet.

    Args:
        connection: keyword arguments of aiokafka's clients.
        group: its id.
    """
    try:
        async with connected_admin(connection) as admin:
            return await members_of(admin, group) > 0
    except (KafkaError, OSError, ValueError, KeyError):
        return None


async def described_groups(admin: AIOKafkaAdminClient, group: str) -> list[dict[str, Any]]:
    """Return what Kafka says of a group, as aiokafka reads it; a group that never was has no members.

    An answer with an error lists no members either, which must not be believed.

    Raises:
        KafkaError: if Kafka does not answer, refuses, or its coordinator is not ready.
    """
    answers = await admin.describe_consumer_groups([group])
    states = [state for answer in answers for state in answer.to_object()["groups"]]
    for state in states:
        if state["error_code"] not in (0, GroupIdNotFound.errno):
            raise for_code(state["error_code"])(f"group '{group}'")
    return states


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
