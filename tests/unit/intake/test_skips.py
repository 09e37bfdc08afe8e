"""Laws of unusual skipping: a value that was renamed upstream is noticed, and what was always so is not."""

import pytest

from workers.intake.skips import Skips


def fed(*batches: tuple[int, int], seconds_between: float = 0.0) -> Skips:
    """Count batches of (events, skipped)."""
    skips = Skips()
    for number, (events, skipped) in enumerate(batches):
        skips.note(events, skipped, number * seconds_between)
    return skips


def test_everything_skipped_since_the_start_is_reported_from_a_hundred_records_on() -> None:
    assert fed((0, 99)).problem is None
    assert fed((0, 99), (0, 1)).problem == "all 100 records since the start were skipped"


def test_a_first_minute_of_ten_records_is_enough_even_if_no_further_one_comes() -> None:
    skips = fed(*[(0, 1)] * 10, seconds_between=1)
    assert skips.problem is None
    skips.look(59.9)
    assert skips.problem is None
    skips.look(60)
    assert skips.problem == "all 10 records since the start were skipped"


def test_a_first_event_ends_that_report() -> None:
    assert fed((0, 200), (1, 0)).problem is None


def test_a_source_that_was_never_read_from_reports_nothing() -> None:
    skips = Skips()
    skips.look(10_000)
    skips.note(0, 0, 20_000)
    assert skips.problem is None


@pytest.mark.parametrize("events", [3, 100, 5_000])
def test_a_row_of_skipped_records_is_reported_whatever_came_before(events: int) -> None:
    assert fed((events, 0), *[(0, 33)] * 3).problem is None
    assert "the last 132 records were skipped, before that 0 for each event" in str(
        fed((events, 0), *[(0, 33)] * 4).problem
    )


def test_where_few_records_become_events_a_row_is_longer() -> None:
    rare = [(1, 99)] * 50
    assert fed(*rare, (0, 989)).problem is None
    assert fed(*rare, (0, 991)).problem is not None


def test_a_share_of_ten_times_what_is_usual_is_reported_and_a_usual_one_ends_it() -> None:
    usual = [(96, 4)] * 10
    assert fed(*usual, (72, 28)).problem is None
    skips = fed(*usual, (70, 30))
    assert skips.problem == "30 of the last 100 records were skipped: 0.43 for each event, before that 0.042"
    skips.note(50, 50, 0)
    assert skips.problem is not None, "an unusual block does not make the next one usual"
    skips.note(95, 5, 0)
    assert skips.problem is None


def test_where_nothing_was_skipped_one_record_in_ten_is_unusual() -> None:
    assert fed((1_000, 0), (92, 8)).problem is None
    assert fed((1_000, 0), (90, 10)).problem is not None


def test_where_most_records_are_always_skipped_nothing_is_reported() -> None:
    assert fed(*[(2, 98)] * 500).problem is None


def test_what_is_usual_is_forgotten_slowly_and_takes_no_more_room() -> None:
    skips = fed(*[(100, 0)] * 3_000)
    assert skips._events <= 100_100
    # Five times as much again and again is never ten times what is usual by then.
    for share in (1, 5, 20, 60):
        for _ in range(3_000):
            skips.note(100 - share, share, 0)
        assert skips.problem is None
