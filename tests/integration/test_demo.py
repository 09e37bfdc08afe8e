"""The demo against the pure core: the same action ids, none missing, none extra, even if a worker is killed."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import ROOT
from workers.demo.embedded import Pair

pytestmark = pytest.mark.integration


def demo(*arguments: str) -> tuple[int, dict[str, Any], str]:
    """Run `linger demo --json` and return its exit status, its last line, and its standard error."""
    run = subprocess.run(
        [sys.executable, "-m", "workers", "demo", "--json", *arguments],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        cwd=ROOT,
    )
    lines = run.stdout.splitlines()
    return run.returncode, json.loads(lines[-1]) if lines else {}, run.stderr


def on(pair: Pair) -> list[str]:
    """Return the options that let the demo use a running pair."""
    return ["--bootstrap-servers", pair.bootstrap_servers, "--redis-url", pair.redis_url]


def assert_same_as_the_core(status: int, summary: dict[str, Any], errors: str) -> None:
    assert status == 0, (summary, errors)
    assert (summary["missing"], summary["extra"], summary["differing"]) == (0, 0, 0), summary


@pytest.mark.rest
def test_real_purchases_are_decided_as_the_pure_core_decides_them_on_the_embedded_pair(embedded_pair: Pair) -> None:
    status, summary, errors = demo("--history", "cdnow", "--once", "--verify")
    assert_same_as_the_core(status, summary, errors)
    assert (summary["events"], summary["customers"]) == (69_659, 23_570)
    assert summary["expected"] == 27_497


@pytest.mark.rest
def test_a_worker_killed_in_the_middle_changes_nothing_on_kafka_and_redis(apache_pair: Pair) -> None:
    status, summary, errors = demo("--workers", "2", "--kill", "--once", "--verify", *on(apache_pair))
    assert_same_as_the_core(status, summary, errors)
    assert summary["killed"] == 1
    assert summary["workers"] == 2
    assert summary["at_risk"] > 1_000
    assert summary["win_back"] > 100
    assert summary["dead_letters"] == 0


@pytest.mark.rest
def test_the_demo_shows_both_kinds_of_action_and_leaves_no_process_behind(embedded_pair: Pair) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "workers", "demo", "--json", "--seconds", "25"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as run:
        started: set[int] = set()
        while run.poll() is None:
            started |= children_of(run.pid)
            with contextlib.suppress(subprocess.TimeoutExpired):
                run.wait(0.5)
        out, errors = run.communicate()
    assert run.returncode == 0, errors
    summary = json.loads(out.splitlines()[-1])
    wanted = "events customers at_risk win_back retracted actions_by_rule dead_letters seconds workers"
    assert set(wanted.split()) <= set(summary)
    assert summary["at_risk"] > 0
    assert summary["win_back"] > 0
    assert summary["retracted"] > 0
    assert summary["seconds"] < 60
    assert len(started) >= 3  # a broker, a store, a worker
    assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []


def children_of(parent: int) -> set[int]:
    """Return the processes that a process has started and that still run."""
    children = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                children.add(int(folder.name))
    return children
