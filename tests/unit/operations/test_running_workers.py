"""Laws of what the doctor and a status say of running workers."""

import asyncio
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from workers.operations import running_worker
from workers.operations.running_worker import agreement, differing_workers
from workers.state.presence.reports import WorkerReport


def report(rules: int) -> WorkerReport:
    return WorkerReport("token", 1, "host", 7, rules, f"hash{rules}", 1)


def test_workers_with_the_same_files_are_well() -> None:
    finding = agreement({"a": report(3), "b": report(3)})
    assert (finding.health, finding.observed) == ("ok", "2 workers, all with rule set 3, sources 1")


def test_no_worker_is_no_problem() -> None:
    assert agreement({}).health == "ok"


def test_each_worker_is_named_with_what_it_has_if_they_differ() -> None:
    finding = agreement({"a": report(3), "b": report(2)})
    assert finding.health == "problem"
    assert finding.observed == ("'a' has rule set 3 (hash3), sources 1; 'b' has rule set 2 (hash2), sources 1")


class Reports:
    """A store that has only reports; those that are alive have another beat at each look."""

    keys = SimpleNamespace(workers="workers")

    def __init__(self, alive: dict[str, WorkerReport], ended: dict[str, WorkerReport]) -> None:
        self.redis = self
        self.looks = 0
        self._alive, self._ended = alive, ended

    async def fields(self, key: str) -> dict[str, str]:
        assert key == self.keys.workers
        self.looks += 1
        grown = {name: msgspec.structs.replace(report, beat=self.looks) for name, report in self._alive.items()}
        return {name: msgspec.json.encode(report).decode() for name, report in (self._ended | grown).items()}


def differing(alive: dict[str, WorkerReport], ended: dict[str, WorkerReport]) -> tuple[list[str], int]:
    """Return which workers differ by these reports, and how often they were read."""
    store: Any = Reports(alive, ended)
    return [*asyncio.run(differing_workers(store))], store.looks


@pytest.fixture
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_worker, "_WATCHED_SECONDS", 0.0)


@pytest.mark.usefixtures("no_wait")
def test_workers_that_differ_are_named_to_a_status() -> None:
    assert differing({"a": report(3), "b": report(2)}, {}) == (["a", "b"], 2)


@pytest.mark.usefixtures("no_wait")
def test_a_worker_that_has_ended_differs_from_none() -> None:
    assert differing({"a": report(3), "b": report(3)}, {"c": report(2)}) == ([], 2)


@pytest.mark.usefixtures("no_wait")
def test_reports_that_agree_are_read_once() -> None:
    assert differing({"a": report(3)}, {"b": report(3)}) == ([], 1)
    assert differing({}, {}) == ([], 1)
