"""Laws of when stored state fits its log."""

import pytest

from workers.state.consistency import (
    Log,
    check_consistency,
    end_of_log,
    offset_mismatch,
    partitions_made_with,
    partitions_mismatch,
    topic_mismatch,
)
from workers.state.meta import PARTITIONS, REBUILDING

LOG = Log("linger.activity", "id-1", 4, 10, 20)


@pytest.mark.parametrize("offset", [-1, 10, 15, 20])
def test_a_position_within_the_log_or_none_at_all_fits(offset: int) -> None:
    assert check_consistency({PARTITIONS: "4", REBUILDING: ""}, offset, "id-1", LOG) is None


@pytest.mark.parametrize("offset", [0, 9, 21])
def test_a_position_outside_the_log_does_not_fit(offset: int) -> None:
    mismatch = check_consistency({}, offset, "id-1", LOG)
    assert mismatch is not None
    assert mismatch.kind == "outside"
    assert f"offset {offset}, but its log holds 10 to 20" in mismatch.problem
    assert "linger rebuild" in mismatch.remedy


def test_a_recreated_topic_does_not_fit_even_where_the_offset_does() -> None:
    mismatch = check_consistency({}, 15, "id-0", LOG)
    assert mismatch is not None
    assert (mismatch.kind, mismatch.can_be_rebuilt) == ("recreated", True)


def test_a_topic_or_a_broker_without_ids_is_not_taken_for_another_one() -> None:
    assert check_consistency({}, 15, None, LOG) is None
    assert check_consistency({}, 15, "id-1", Log("linger.activity", None, 4, 10, 20)) is None


def test_another_number_of_partitions_does_not_fit_and_cannot_be_rebuilt() -> None:
    mismatch = check_consistency({PARTITIONS: "8"}, 15, "id-1", LOG)
    assert mismatch is not None
    assert (mismatch.kind, mismatch.can_be_rebuilt) == ("partitions", False)
    assert "linger rebuild" not in mismatch.remedy


def test_a_rebuild_that_was_not_finished_does_not_fit() -> None:
    mismatch = check_consistency({REBUILDING: "rules-known:0"}, 15, "id-1", LOG)
    assert mismatch is not None
    assert mismatch.kind == "rebuilding"


def test_what_intake_knows_makes_a_log_longer_only_where_the_broker_reports_a_lower_bound() -> None:
    assert end_of_log(20, 30, is_lower_bound=True) == 30
    assert end_of_log(20, 10, is_lower_bound=True) == 20
    assert end_of_log(20, 30, is_lower_bound=False) == 20


@pytest.mark.parametrize(("made_with", "fits"), [(None, True), (4, True), (8, False)])
def test_the_partition_count_is_compared_with_that_of_the_state(made_with: int | None, fits: bool) -> None:
    assert (partitions_mismatch(made_with, "linger.activity", 4) is None) == fits


@pytest.mark.parametrize("fields", [{}, {PARTITIONS: ""}])
def test_without_state_there_is_no_partition_count(fields: dict[str, str]) -> None:
    assert partitions_made_with(fields) is None
    assert partitions_made_with({PARTITIONS: "4"}) == 4


def test_the_partition_count_comes_first_because_no_rebuild_changes_it() -> None:
    mismatch = check_consistency({PARTITIONS: "8", REBUILDING: "rules-known:0"}, 0, "id-0", LOG)
    assert mismatch == partitions_mismatch(8, LOG.topic, LOG.partitions)


def test_each_condition_is_the_same_alone_and_composed() -> None:
    assert check_consistency({}, 15, "id-0", LOG) == topic_mismatch("id-0", LOG.topic, LOG.topic_id)
    assert check_consistency({}, 9, "id-1", LOG) == offset_mismatch(9, LOG.topic, LOG.earliest, LOG.end)


def test_a_mismatch_is_shown_with_its_remedy() -> None:
    mismatch = offset_mismatch(9, LOG.topic, LOG.earliest, LOG.end)
    assert str(mismatch).startswith(
        "the store has folded 'linger.activity' up to offset 9, but its log holds 10 to 20. "
    )
