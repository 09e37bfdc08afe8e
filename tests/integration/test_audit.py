"""Laws of the audit on a real Kafka: who, what and why before a change, the outcome after it; or no change."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_own_topics import Place
from tests.integration.test_topics import settings_of
from tests.integration.test_worker import QUIET
from tests.support.site import Site, site
from workers.audit.reading import read_commands
from workers.audit.record import Intent
from workers.audit.trail import append
from workers.demo.embedded import Pair
from workers.kafka.topics import connected_admin
from workers.observability.logs import customer_ref, set_log_key
from workers.settings import OWN_TOPICS

pytestmark = pytest.mark.integration


def linger(place: Site, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {**place.process_environment(), "LINGER_LOG_KEY": "k", **variables}
    return subprocess.run(
        [sys.executable, "-m", "workers", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def listed(place: Site, *options: str) -> list[dict[str, Any]]:
    answer = await asyncio.to_thread(linger, place, "audit", "--json", *options)
    assert answer.returncode == 0, answer.stderr
    commands: list[dict[str, Any]] = json.loads(answer.stdout)
    return commands


def test_the_creation_of_topics_is_the_first_record_of_the_topic_that_it_creates(
    apache_pair: Pair, tmp_path: Path
) -> None:
    place = Place(apache_pair, tmp_path, LINGER_ACTOR="Ann of operations")
    assert place.topics("--because", "a new shop")["audit"]["outcome"] == "created"
    made = place.made("audit")
    assert (made["cleanup.policy"], int(made["retention.ms"])) == ("delete", 2 * 365 * 86_400_000)
    answer = subprocess.run(
        [sys.executable, "-m", "workers", "audit", "--json"],
        env=place.environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    (created,) = json.loads(answer.stdout)
    assert (created["command"], created["by"], created["because"]) == (
        "topics create",
        "Ann of operations",
        "a new shop",
    )
    assert (created["outcome"], created["counts"], created["error"]) == ("ok", {"created": len(OWN_TOPICS)}, None)
    assert place.topics("--dry-run")["audit"]["outcome"] == "exists"
    assert settings_of(apache_pair, f"{place.prefix}.audit")["cleanup.policy"] == "delete"


def test_commands_are_listed_with_their_arguments_and_how_they_ended(apache_pair: Pair, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with site(apache_pair, tmp_path, QUIET, workers=0) as place:
            assert await listed(place) == []
            for words, status in (
                (["pause", "quiet-buyer", "--because", "the offer is wrong", "--by", "Ann"], 0),
                (["resume", "no-such-rule"], 1),
                (["sources", "promote", "--reason", "back\x1b[2J"], 2),  # nothing is stored yet
            ):
                done = await asyncio.to_thread(linger, place, *words)
                assert done.returncode == status, done.stderr
            paused, resumed, promoted = await listed(place)
            assert (paused["by"], paused["arguments"], paused["outcome"]) == ("Ann", {"rules": ["quiet-buyer"]}, "ok")
            assert paused["because"] == "the offer is wrong"
            assert (resumed["by"], resumed["outcome"], resumed["error"]) == (None, "failed", "exit status 1")
            assert (promoted["outcome"], promoted["because"]) == ("failed", "back\x1b[2J")
            assert promoted["error"].startswith("StartupError: ")
            assert [command["command"] for command in await listed(place, "--last", "2")] == [
                "resume",
                "sources promote",
            ]
            table = (await asyncio.to_thread(linger, place, "audit")).stdout
            assert "the offer is wrong" in table
            assert "\x1b" not in table
            assert "back\\x1b[2J" in table
            # A command that was killed: its intent is there, and no outcome.
            set_log_key("k")
            erased = Intent(
                id="x", at_ms=1, user="u@h", by=None, command="c", arguments={"customer_id": customer_ref("ada")}
            )
            await append(place.settings, erased)
            killed = (await read_commands(place.settings, 1))[0]
            assert (killed.intent, killed.outcome) == (erased, None)

    asyncio.run(scenario())


def test_a_command_that_cannot_be_recorded_changes_nothing(apache_pair: Pair, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with site(apache_pair, tmp_path, QUIET, workers=0) as place:
            async with connected_admin(place.settings.kafka_connection()) as admin:
                await admin.delete_topics([place.settings.topic("audit")])
            done = await asyncio.to_thread(linger, place, "pause", "--all", "--because", "x")
            assert done.returncode == 2
            assert done.stdout == ""
            assert "nothing was done, because it could not be recorded who does it: topic" in done.stderr
            assert "linger topics create" in done.stderr
            shown = await asyncio.to_thread(linger, place, "paused", "--json")
            assert json.loads(shown.stdout)["paused"] == []

    asyncio.run(scenario())


def test_every_line_of_a_worker_is_json_from_its_first_to_its_last(apache_pair: Pair, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with site(apache_pair, tmp_path, QUIET) as place:

            async def is_ready() -> bool:
                return '"worker_ready"' in place.log()

            await place.until(is_ready, "the worker to be ready")
            (process,) = place.processes
            process.terminate()
            assert await asyncio.to_thread(process.wait, 30) == 0
            lines = [json.loads(line) for line in place.log().splitlines()]
            assert (lines[0]["event"], lines[-1]["event"]) == ("worker_starting", "worker_stopped")
            assert all(line["instance"].endswith(f":{process.pid}") and line["version"] for line in lines)

    asyncio.run(scenario())
