"""Signals reach a worker at any moment, in any number, and it always ends as its operators asked."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.integration.test_worker import QUIET, play
from tests.support.paths import ROOT
from tests.support.site import Site
from workers.demo.embedded import Pair, die_with_parent

pytestmark = pytest.mark.integration

PATIENCE_SECONDS: Final = 60.0


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield server.getsockname()[1]


def started(variables: Mapping[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "workers", "run"],
        env={**os.environ, "LINGER_HTTP_PORT": "0", "LINGER_LOG_FORMAT": "json", **variables},
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=die_with_parent(),
    )


def wait_until_handled(process: "subprocess.Popen[str]", number: int) -> None:
    """Wait until a process has said what it does about a signal; before that, Python itself has not begun."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not {"SigCgt", "SigIgn"} & masks_with(process.pid, number):
        assert time.monotonic() < give_up
        assert process.poll() is None
        time.sleep(0.005)


def masks_with(pid: int, number: int) -> set[str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = dict(line.split(":\t", 1) for line in lines if line.startswith("Sig") and "/" not in line)
    return {name for name, mask in fields.items() if int(mask, 16) >> (number - 1) & 1}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("times", [1, 50])
def test_a_worker_that_is_asked_to_stop_while_it_is_imported_ends_at_once_and_says_nothing_wrong(
    silent_port: int, number: signal.Signals, times: int
) -> None:
    process = started({"LINGER_REDIS_URL": f"redis://127.0.0.1:{silent_port}/0"})
    wait_until_handled(process, signal.SIGHUP)
    wait_until_handled(process, number)
    for _ in range(times):
        process.send_signal(number)
    _, printed = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
    assert "Traceback" not in printed


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("silent", ["LINGER_KAFKA_BOOTSTRAP_SERVERS", "LINGER_REDIS_URL"])
def test_a_worker_that_waits_for_a_server_which_never_answers_can_be_stopped(
    apache_pair: Pair, silent_port: int, number: signal.Signals, silent: str
) -> None:
    address = {"LINGER_REDIS_URL": f"redis://127.0.0.1:{silent_port}/0"}.get(silent, f"127.0.0.1:{silent_port}")
    variables = {**apache_pair.variables(), "LINGER_REDIS_TIMEOUT_MS": "60000", silent: address}
    process = started({**variables, "LINGER_KAFKA_REQUEST_TIMEOUT_MS": "60000"})
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not is_connected(process.pid, silent_port):
        assert time.monotonic() < give_up
        assert process.poll() is None
        time.sleep(0.02)
    asked_at = time.monotonic()
    for _ in range(20):
        process.send_signal(number)
    _, printed = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, printed
    assert time.monotonic() - asked_at < 10.0
    assert json.loads(printed.splitlines()[-1])["event"] == "worker_stopped"
    assert "Traceback" not in printed


def is_connected(pid: int, port: int) -> bool:
    """Return whether a process has a connection to a port of this machine."""
    sockets = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            sockets.add(os.readlink(link))
        except FileNotFoundError:
            continue
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[2] == f"0100007F:{port:04X}" and f"socket:[{fields[9]}]" in sockets:
            return True
    return False


def test_a_reload_that_is_asked_for_before_the_worker_is_ready_does_not_end_it(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        (worker,) = place.processes
        give_up = time.monotonic() + PATIENCE_SECONDS
        while not masks_with(worker.pid, signal.SIGHUP) & {"SigCgt", "SigIgn"}:
            assert time.monotonic() < give_up
        while '"worker_ready"' not in place.log():
            worker.send_signal(signal.SIGHUP)
            assert worker.poll() is None, place.log()
            assert time.monotonic() < give_up, place.log()
            await asyncio.sleep(0.001)
        await place.order("ada", 1)
        await place.now(12)
        await place.decided_until(12)
        assert [action["customer_id"] for action in await place.actions("at-risk")] == ["ada"]

    play(apache_pair, tmp_path, QUIET, scenario)


def test_a_storm_of_reloads_is_few_reloads_and_a_storm_of_stops_is_one_stop(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        (worker,) = place.processes
        await place.until(lambda: is_logged(place, "worker_ready"), "the worker to be ready")
        await place.order("ada", 1)
        (tmp_path / "rules.yaml").write_text("rules: nothing")  # each reload of it leaves a line
        for _ in range(2_000):
            worker.send_signal(signal.SIGHUP)
            await asyncio.sleep(0)
        await place.until(lambda: is_logged(place, "rules_refused"), "a reload of the wrong file")
        (tmp_path / "rules.yaml").write_text(QUIET)
        await place.until(lambda: is_logged(place, "rules_accepted_again"), "the right file to count")
        refused = place.log().count('"rules_refused"')
        assert 1 <= refused < 40
        await place.now(12)
        await place.decided_until(12)
        assert [action["customer_id"] for action in await place.actions("at-risk")] == ["ada"]
        asked_at = time.monotonic()
        while worker.poll() is None:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                worker.send_signal(number)
            await asyncio.sleep(0.0002)
            assert time.monotonic() - asked_at < 15.0
        place.processes.clear()
        assert worker.returncode == 0
        assert '"worker_stopped"' in place.log()
        assert "Traceback" not in place.log()

    play(apache_pair, tmp_path, QUIET, scenario)


async def is_logged(place: Site, event: str) -> bool:
    return f'"{event}"' in place.log()
