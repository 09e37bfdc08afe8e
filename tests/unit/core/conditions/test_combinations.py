"""Laws of `all`, `any` and `not` on the conditions of numbers."""

from typing import Any

import pytest

from schemas.actions import Reason
from tests.support.builders import day
from tests.support.looked_at import LookedAt
from workers.core.coverage import FOREVER_MS
from workers.core.rules import whole_conditions

MS = 1 / 86_400_000
QUIET = {"none": "purchase", "for": "10 days"}
KNOWN = {"known for": "20 days"}
OLD = {"first": "login", "at least": "5 days ago"}


def looked(when: Any) -> LookedAt:
    one = LookedAt(when)
    one.saw("purchase", 3)
    return one


def test_all_is_true_from_the_moment_on_at_which_the_last_part_is() -> None:
    one = looked({"all": [QUIET, KNOWN]})
    assert [one.at(at) for at in (13 - MS, 13, 20 - MS, 20)] == ["false", "false", "false", "true"]
    assert [one.flip(at) for at in (3, 13, 20)] == [20, 20, None]


def test_any_is_true_from_the_moment_on_at_which_the_first_part_is() -> None:
    one = looked({"any": [QUIET, KNOWN]})
    assert [one.at(at) for at in (13 - MS, 13, 20)] == ["false", "true", "true"]
    assert [one.flip(at) for at in (3, 13, 20)] == [13, None, None]


def test_not_turns_with_its_part() -> None:
    one = looked({"not": QUIET})
    assert (one.at(13 - MS), one.flip(13 - MS)) == ("true", 13)
    assert (one.at(13), one.flip(13)) == ("false", None)


def test_a_part_that_is_not_observable_decides_only_what_no_other_part_decides() -> None:
    for when, without in (({"all": [OLD, QUIET]}, "false"), ({"any": [OLD, QUIET]}, "true")):
        one = looked(when)
        one.watched("login", None)
        assert one.at(10 if without == "false" else 13) == without
        assert one.at(13 if without == "false" else 10) == "not observable"
        one.series("login").since_ms = day(1)
        one.saw("login", 2)
        assert one.at(13) == "true"


@pytest.mark.parametrize("word", ["all", "any"])
def test_a_change_of_a_part_that_changes_nothing_is_passed_over(word: str) -> None:
    spans = [f"{days} days" for days in range(10, 30)]
    parts = [{"none": "purchase", "for": span} for span in spans]
    one = looked({word: parts})
    assert one.flip(3) == (13 if word == "any" else 32)


@pytest.mark.parametrize("word", ["all", "any"])
def test_what_costs_less_is_looked_at_first_and_what_then_does_not_matter_is_not_looked_at(word: str) -> None:
    dear = {"after": "purchase", "without": "login", "for": "5 days"}
    cheap = {"status": "cancelled" if word == "all" else "active"}
    one = LookedAt({word: [dear, cheap]})
    one.saw("purchase", 0)
    two, status = one.condition.parts  # type: ignore[attr-defined]
    assert (status.cost, two.cost, one.condition.cost) == (1, 2, 4)
    assert one.flip(4) is None
    assert two.flip_ms == FOREVER_MS, "it has not been looked at"


def test_reasons_stand_in_the_order_of_the_rule_whatever_costs_less() -> None:
    one = looked({"any": [QUIET, {"all": [{"not": KNOWN}, OLD]}]})
    assert [reason.condition for reason in one.reasons(5)] == [
        "no purchase for 10 days",
        "known for less than 20 days",
        "the first login was at least 5 days ago",
    ]


def test_inside_not_the_opposite_is_worded_and_nothing_would_have_prevented_it() -> None:
    assert looked({"not": {"all": [QUIET]}}).reasons(14) == [
        Reason("a purchase in the last 10 days", "last on 2024-01-04 00:00 UTC", "not none for 10 days", "10 days")
    ]
    assert looked({"not": {"not": QUIET}}).reasons(14) == [
        Reason("no purchase for 10 days", "last on 2024-01-04 00:00 UTC", "not not none for 10 days", "10 days")
    ]


def test_not_swaps_what_can_turn_it_true_and_false() -> None:
    when = looked({"not": {"any": [QUIET, {"not": {"last": "login", "at most": "2 days ago"}}]}}).when
    assert whole_conditions.types_of(when) == {"purchase", "login"}
    assert whole_conditions.can_turn_true(when) == {"purchase", "login"}
    # Neither can an event begin a silence, nor a newer one make an age too large.
    assert whole_conditions.can_turn_false(when) == set()


def test_of_all_the_largest_number_of_events_is_required_and_of_any_the_least_that_every_part_requires() -> None:
    twice, thrice = {"count": "purchase", "at least": 2}, {"count": "purchase", "at least": 3, "at most": 7}
    few = {"count": "purchase", "at most": 5}
    both = looked({"all": [twice, thrice, few, QUIET]}).when
    assert (whole_conditions.least_events(both), whole_conditions.most_events(both)) == (
        {"purchase": 3},
        {"purchase": 5},
    )
    either = looked({"any": [twice, thrice]}).when
    assert (whole_conditions.least_events(either), whole_conditions.most_events(either)) == ({"purchase": 2}, {})
    assert whole_conditions.most_events(looked({"any": [thrice, few]}).when) == {"purchase": 7}
    assert whole_conditions.least_events(looked({"any": [twice, QUIET]}).when) == {}
    assert whole_conditions.least_events(looked({"not": twice}).when) == {}


def test_what_is_no_condition_is_refused_with_what_it_is() -> None:
    with pytest.raises(TypeError, match="no elementary condition: 'purchase'"):
        whole_conditions.types_of("purchase")
