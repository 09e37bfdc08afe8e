"""A Kafka that accepts connections and answers nothing is named by everything that asks it, within a bound."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration.test_signals import is_logged
from tests.integration.test_worker import QUIET, play
from tests.support.paths import ROOT
from tests.support.services import running_kafka, running_redis
from tests.support.site import Site, site
from workers.demo.embedded import HOST, Pair, free_ports

pytestmark = [pytest.mark.integration, pytest.mark.rest]

WITHIN_SECONDS: Final = 90.0
"""Of each command, on a machine that is busy with others."""
AT_ONCE: Final = 5
PATIENT: Final[dict[str, Any]] = {
    "LINGER_KAFKA_SESSION_TIMEOUT_MS": "30000",
    "LINGER_KAFKA_REQUEST_TIMEOUT_MS": "40000",
}
"""So a frozen Kafka is neither a lost group nor an answer that is too late."""
COMMANDS: Final[tuple[tuple[str, ...], ...]] = (
    ("run",),
    ("doctor",),
    ("doctor", "--before-upgrade"),
    ("topics", "create"),
    ("pause", "--all", "--because", "a test"),
    ("resume", "--all"),
    ("paused",),
    ("dead-letters", "list"),
    ("dead-letters", "replay", "--yes"),
    ("rebuild", "--dry-run"),
    ("sources", "try", "{prefix}orders", "--last", "5"),
    ("sources", "guess", "{prefix}orders"),
    ("sources", "forget", "{prefix}orders"),
    ("rules", "preview", "{rules}", "--history", "topic:{prefix}orders", "--sources", "{sources}"),
)


def test_every_command_ends_in_time_and_names_the_kafka_that_does_not_answer(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        (worker,) = place.processes
        await place.until(lambda: is_logged(place, "worker_ready"), "the worker to be ready")
        worker.terminate()
        await asyncio.to_thread(worker.wait, 30)
        place.processes.clear()
        with socket.create_server((HOST, 0), backlog=100) as silent:
            server = f"{HOST}:{silent.getsockname()[1]}"
            names = {
                "prefix": place.prefix,
                "rules": place.settings.rules,
                "sources": place.settings.sources,
            }
            environment = {
                **place.process_environment(),
                "LINGER_KAFKA_BOOTSTRAP_SERVERS": server,
                "LINGER_KAFKA_REQUEST_TIMEOUT_MS": "120000",
            }
            hands = asyncio.Semaphore(AT_ONCE)

            async def answer_to(command: tuple[str, ...]) -> "subprocess.CompletedProcess[str]":
                async with hands:
                    arguments = [part.format(**names) for part in command]
                    return await asyncio.to_thread(linger, environment, *arguments)

            answers = await asyncio.gather(*map(answer_to, COMMANDS))
        for answer in answers:
            assert answer.returncode in (1, 2), answer
            assert server in answer.stdout, answer
            assert "no answer within 10 s" in answer.stdout, answer
            assert "Traceback" not in answer.stdout, answer

    play(apache_pair, tmp_path, QUIET, scenario)


def test_a_worker_says_within_seconds_that_its_kafka_is_frozen_and_goes_on_when_it_thaws(
    needed: None, tmp_path: Path
) -> None:
    kafka_port, redis_port = free_ports(2)
    with (
        running_redis(tmp_path / "redis", redis_port, tmp_path),
        running_kafka(tmp_path / "kafka", kafka_port, tmp_path) as broker,
    ):

        async def scenario() -> None:
            pair = Pair(f"{HOST}:{kafka_port}", f"redis://{HOST}:{redis_port}/0")
            async with site(
                pair,
                tmp_path,
                QUIET,
                **PATIENT,
            ) as place:
                await place.until(lambda: is_logged(place, "worker_ready"), "the worker to be ready")
                await place.order("ada", 1)
                await place.now(2)
                await place.decided_until(2)
                os.kill(broker, signal.SIGSTOP)
                try:
                    frozen_at = time.monotonic()
                    await place.until(lambda: says(place, f"Kafka at {HOST}:{kafka_port}"), "/statusz to name Kafka")
                    assert time.monotonic() - frozen_at < 15.0
                    await place.until(lambda: is_logged(place, "step_retried"), "the log to name Kafka")
                    assert f"Kafka at {HOST}:{kafka_port} did not say within 10 s" in place.log()
                finally:
                    os.kill(broker, signal.SIGCONT)
                await place.now(12)
                await place.decided_until(12)
                assert [action["customer_id"] for action in await place.actions("at-risk")] == ["ada"]
                os.kill(broker, signal.SIGSTOP)
                try:
                    (worker,) = place.processes
                    worker.terminate()
                    grace_seconds = place.settings.shutdown_grace_ms / 1000
                    status = await asyncio.to_thread(worker.wait, grace_seconds + 10)
                finally:
                    os.kill(broker, signal.SIGCONT)
                last_words = {0: "worker_stopped", 70: "worker_ended"}
                assert last_words[status] in place.log().splitlines()[-1]

        asyncio.run(scenario())


def linger(environment: Mapping[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command; one that has not ended in time is an error."""
    return subprocess.run(
        [sys.executable, "-m", "workers", *arguments],
        env=environment,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=WITHIN_SECONDS,
        check=False,
    )


async def says(place: Site, text: str, number: int = 0) -> bool:
    """Return whether a worker says a text in /statusz."""
    conditions = await asyncio.to_thread(statuses, place, number)
    return any(text in reason for reason in conditions.values())


def statuses(place: Site, number: int) -> dict[str, str]:
    """Return by its name the reason of each condition that holds in a worker."""
    lines = (place.folder / f"worker-{number}.log").read_text().splitlines()
    (port,) = [json.loads(line)["http_port"] for line in lines if '"worker_ready"' in line]
    with urllib.request.urlopen(f"http://{HOST}:{port}/statusz?format=json", timeout=5) as answer:
        conditions = json.loads(answer.read())["conditions"]
    return {name: condition["reason"] for name, condition in conditions.items() if condition["reason"]}
