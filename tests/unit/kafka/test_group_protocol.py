"""Laws of what members of the group say to each other."""

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.client import AIOKafkaClient
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocol
from aiokafka.protocol.group import JoinGroupRequest

from workers.kafka.group_protocol import format_of, host_of, offer


def test_every_request_offers_all_protocols_and_the_newest_says_nothing_but_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """aiokafka would offer one in its first request and two in its second: the group would begin again each time."""
    sent: list[list[tuple[str, bytes]]] = []

    async def send(client: Any, node_id: int, request: JoinGroupRequest, **named: Any) -> None:
        sent.append(request._group_protocols)

    async def law() -> None:
        monkeypatch.setattr(AIOKafkaClient, "send", send)
        consumer = AIOKafkaConsumer("orders", group_id="linger")
        offer(consumer, 3, OfOlderReleases)
        for protocols in ([], [("linger-format-3", b"")]):
            await consumer._client.send(1, JoinGroupRequest("linger", 1, 1, "", "", "consumer", protocols))
        await consumer.stop()

    asyncio.run(law())
    first, second = sent
    assert first == second
    assert [name for name, _ in first] == ["linger-format-3", "faust"]
    assert not ConsumerProtocol.METADATA.decode(first[0][1]).user_data


class OfOlderReleases(RoundRobinPartitionAssignor):  # type: ignore[misc]
    """Stands for Faust's, which needs a whole app."""

    name = "faust"


@pytest.mark.parametrize(
    ("protocol", "metadata", "expected"),
    [
        ("linger-format-4", b"", 4),
        ("faust", b'{"url": "http://' + host_of(3).encode() + b'"}', 3),
        ("faust", b'{"url": "http://some-host:6066"}', 0),
        ("range", b"", 0),
    ],
)
def test_a_member_reads_what_its_protocol_or_its_own_data_says(protocol: str, metadata: bytes, expected: int) -> None:
    assert format_of(protocol, metadata) == expected
