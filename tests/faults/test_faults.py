"""A seeded selection of the faults; `make faults` runs all of them."""

import asyncio
from pathlib import Path

import pytest

from tests.faults.__main__ import run_faults
from tests.faults.catalogue import FAULTS

pytestmark = pytest.mark.integration

SEED = 1


def test_whatever_dies_nothing_is_lost_and_nothing_is_doubled(tmp_path: Path, needed: None) -> None:
    chosen = [fault for fault in FAULTS if fault.short]
    told: list[str] = []
    tallies = asyncio.run(run_faults(chosen, SEED, 1, tmp_path, None, told.append))
    assert {name: (tally.runs, tally.lost, tally.doubled) for name, tally in tallies.items()} == {
        fault.name: (1, 0, 0) for fault in chosen
    }, told


def test_a_worker_without_its_guard_is_found_out(tmp_path: Path, needed: None) -> None:
    (fault,) = (fault for fault in FAULTS if fault.name == "die-passed-on")
    tallies = asyncio.run(run_faults([fault], SEED, 1, tmp_path, "high-water", print))
    assert tallies[fault.name].doubled
