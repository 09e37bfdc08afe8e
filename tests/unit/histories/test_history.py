"""Laws of any replayed history."""

import pytest

from workers.histories.history import History, history_of, order


def test_ties_are_ordered_by_topic_then_key_then_value() -> None:
    first, second, third = order(1000, "1", "a", "1.00"), order(1000, "2", "a", "1.00"), order(1000, "0", "b", "1.00")
    assert history_of("ties", 0, 2000, [third, second, first]).records == [first, second, third]


@pytest.mark.parametrize("at_ms", [999, 3000])
def test_a_record_the_clock_would_not_reach_is_refused(at_ms: int) -> None:
    with pytest.raises(ValueError, match="is outside"):
        history_of("early", 1000, 3000, [order(at_ms, "1", "a", "1.00")])


def test_a_history_may_be_empty() -> None:
    assert history_of("empty", 0, 1000, []) == History("empty", 0, 1000, [], 0)
