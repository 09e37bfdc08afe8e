"""A seeded selection of the faults; `make faults` runs all of them."""

import asyncio
from pathlib import Path

import pytest

from tests.faults.__main__ import run_faults
from tests.faults.catalogue import FAULTS, Fault

pytestmark = pytest.mark.integration

SEED = 1


def test_workers_that_are_killed_lose_nothing_and_double_nothing(tmp_path: Path, needed: None) -> None:
    assert_nothing_is_lost_or_doubled([fault for fault in FAULTS if fault.name == "kill"], tmp_path)


@pytest.mark.rest
def test_no_fault_of_the_selection_loses_or_doubles_anything(tmp_path: Path, needed: None) -> None:
    assert_nothing_is_lost_or_doubled([fault for fault in FAULTS if fault.short], tmp_path)


def assert_nothing_is_lost_or_doubled(chosen: list[Fault], tmp_path: Path) -> None:
    reports: list[str] = []
    tallies = asyncio.run(run_faults(chosen, SEED, 1, tmp_path, None, reports.append))
    assert {name: (tally.runs, tally.lost, tally.doubled) for name, tally in tallies.items()} == {
        fault.name: (1, 0, 0) for fault in chosen
    }, reports


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "guard"), [("die-passed-on", "high-water"), ("die-between-items", "items"), ("orders", "erased")]
)
def test_a_worker_without_its_guard_is_found_out(name: str, guard: str, tmp_path: Path, needed: None) -> None:
    (fault,) = (fault for fault in FAULTS if fault.name == name)
    tallies = asyncio.run(run_faults([fault], SEED, 1, tmp_path, guard, print))
    assert tallies[name].doubled or tallies[name].lost
