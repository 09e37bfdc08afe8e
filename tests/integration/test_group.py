"""The group of the workers: what its members say to Kafka, and that brokers can move it to their new protocol."""

import asyncio
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import pytest
from aiokafka.coordinator.protocol import ConsumerProtocol

from tests.integration.test_worker import QUIET
from tests.support.services import fetch_jars
from tests.support.site import Site, site
from workers.demo.embedded import Pair, die_with_parent
from workers.kafka.group_state import described_members
from workers.kafka.topics import connected_admin
from workers.state.meta import WIRE_FORMAT

pytestmark = pytest.mark.integration

_MEMBER: Final = Path(__file__).parents[1] / "kafka" / "MemberOfTheNewProtocol.java"


def test_members_say_which_format_they_read_and_nothing_else(apache_pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        await decide_something(place)
        async with connected_admin(place.settings.kafka_connection()) as admin:

            async def both_say_it() -> bool:
                members = await described_members(admin, place.settings.kafka_group_id)
                return [member.wire_format for member in members or ()] == [WIRE_FORMAT] * 2

            await place.until(both_say_it, "both members to say what they read")
            (answer,) = await admin.describe_consumer_groups([place.settings.kafka_group_id])
            (group,) = answer.to_object()["groups"]
            for member in group["members"]:
                assert not ConsumerProtocol.METADATA.decode(member["member_metadata"]).user_data
                assert not ConsumerProtocol.ASSIGNMENT.decode(member["member_assignment"]).user_data

    play(apache_pair, tmp_path, scenario)


def test_brokers_move_the_group_to_the_new_protocol_and_back_while_it_runs(apache_pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        await decide_something(place)
        command = ["java", "-cp", f"{fetch_jars()}/*", str(_MEMBER), apache_pair.bootstrap_servers]
        command += [place.settings.kafka_group_id, place.settings.topic("activity")]
        member = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, preexec_fn=die_with_parent()
        )
        assert member.stdout is not None
        assert await member.stdout.readline() == b"joined\n"
        await member.communicate(b"\n")
        await place.order("bob", 12)
        await place.now(30)
        await place.decided_until(30)
        assert {action["customer_id"] for action in await place.actions("at-risk")} == {"ada", "bob"}

    play(apache_pair, tmp_path, scenario)


def play(pair: Pair, folder: Path, scenario: Callable[[Site], Awaitable[None]]) -> None:
    async def on_a_site() -> None:
        async with site(pair, folder, QUIET, workers=2) as place:
            await scenario(place)

    asyncio.run(on_a_site())


async def decide_something(place: Site) -> None:
    await place.order("ada", 1)
    await place.now(2)
    await place.decided_until(2)
