"""Laws of the checks of the stored state."""

from types import SimpleNamespace
from typing import Any

import pytest

from workers.operations import state_checks
from workers.pauses.record import PauseRecord
from workers.state.brake import BrakeState
from workers.state.consistency import Log
from workers.state.meta import PARTITIONS

LOGS = {partition: Log("linger.activity", "id-1", 8, 10, 20) for partition in range(8)}
RULES: Any = SimpleNamespace(hash="abc")


@pytest.mark.parametrize(
    ("stored", "health", "message"),
    [
        ({}, "ok", "new, will be set 1"),
        ({"generation": "3", "hash": "abc", "set:abc": "3"}, "ok", "set 3, active"),
        ({"generation": "3", "hash": "xyz", "set:xyz": "3"}, "ok", "new, will be set 4"),
        ({"generation": "3", "hash": "xyz", "set:abc": "2"}, "problem", "was set 2, the newest is 3"),
    ],
)
def test_only_rules_that_newer_ones_replaced_are_a_problem(stored: dict[str, str], health: str, message: str) -> None:
    finding = state_checks.rule_set(RULES, stored)
    assert (finding.health, finding.observed) == (health, f"abc, {message}")


def test_partitions_with_the_same_mismatch_are_one_finding() -> None:
    metas = {partition: {"offset": "15", PARTITIONS: "4"} for partition in range(7)} | {7: {"offset": "15"}}
    (finding,) = state_checks.stored_offsets(metas, LOGS, 8)
    assert finding.checked == "partitions of the stored state"
    assert finding.observed.startswith("partitions 0, 1, 2, 3, 4 and 2 more: ")


def test_one_partition_outside_its_log_is_named() -> None:
    (finding,) = state_checks.stored_offsets({2: {"offset": "9"}, 3: {"offset": "10"}, 4: {}}, LOGS, 8)
    assert finding.observed.startswith("partition 2: ")
    assert "linger rebuild" in finding.remedy


def test_state_that_fits_or_is_not_there_is_well_and_without_logs_it_is_unknown() -> None:
    assert state_checks.stored_offsets({0: {}}, {}, 8)[0].observed == "nothing is stored yet"
    assert state_checks.stored_offsets({0: {"offset": "15"}}, LOGS, 8)[0].health == "ok"
    assert state_checks.stored_offsets({0: {"offset": "15"}}, {}, 8)[0].health == "could not be checked"


def test_without_logs_the_partition_count_of_the_state_is_still_compared_with_the_setting() -> None:
    metas = {0: {"offset": "15", PARTITIONS: "4"}, 1: {}}
    assert state_checks.stored_offsets(metas, {}, 4)[0].health == "could not be checked"
    (finding,) = state_checks.stored_offsets(metas, {}, 64)
    assert (finding.health, finding.remedy) == ("problem", "set LINGER_PARTITIONS=4")
    assert finding.observed == "made with 4 partitions, LINGER_PARTITIONS is 64"


def test_a_topic_of_marks_that_was_created_again_is_a_problem_until_it_has_the_marks_of_every_partition() -> None:
    metas = {0: {"marks": "id-1"}, 1: {"marks": "id-2"}, 2: {"marks": "1"}, 3: {}}
    (finding,) = state_checks.copied_marks(metas, "linger.marks", "id-2")
    assert (finding.health, finding.checked) == ("problem", "copies of marks")
    assert finding.observed == "linger.marks is another topic than before, without those of partitions 0, 2"
    (finding,) = state_checks.copied_marks({1: {"marks": "id-2"}}, "linger.marks", "id-2")
    assert (finding.health, finding.observed) == ("ok", "those of 1 partitions are in linger.marks")
    assert state_checks.copied_marks(metas, "linger.marks", None) == []
    assert state_checks.copied_marks({3: {}}, "linger.marks", "id-2") == []


def test_stopped_sources_are_named_with_their_reasons_and_the_command() -> None:
    assert state_checks.stopped_sources({}).health == "ok"
    finding = state_checks.stopped_sources({"shop.orders": "partition 0: its batch cannot be decoded", "x": "y"})
    assert finding.health == "problem"
    assert finding.observed == "shop.orders, partition 0: its batch cannot be decoded; x, y"
    assert "linger sources resume" in finding.remedy


def test_a_pause_is_shown_and_is_no_problem() -> None:
    paused = [
        PauseRecord(rule=name, paused=True, by="ann", at_ms=0, because="wrong offer") for name in ("*", "quiet")
    ]
    finding = state_checks.pauses(paused)
    assert (finding.health, finding.observed) == (
        "ok",
        "all rules by ann: wrong offer; quiet by ann: wrong offer",
    )
    assert state_checks.pauses([]).observed == "nothing is paused"


def test_a_brake_that_holds_something_is_a_problem() -> None:
    state = BrakeState(hour=1, passed=500, limit=500, is_written=False, has_braked=True)
    assert state_checks.brake(state, 3).health == "problem"
    assert state_checks.brake(state, 0).health == "ok"
    assert state_checks.brake(state, 3).observed == "500 actions in this hour, at most 500; it holds 3"
