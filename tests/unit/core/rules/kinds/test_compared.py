"""Laws of a bound that is another measurement."""

import re
from typing import Any, Final

import pytest
from pydantic import ValidationError

from tests.support.builders import day
from tests.support.looked_at import READ, LookedAt
from workers.core.customer.folding import TypeFolding
from workers.core.events.decoding import DecodedEvent

FEW_LOGINS: Final = {"count": "login", "less than": "30% of latest nps.seats", "within": "30 days"}


def happened(found: LookedAt, name: str, *events: tuple[float, dict[str, Any]]) -> None:
    """Fold events of a type, each a day and its attributes."""
    customer = found.customer
    folding = TypeFolding(customer, found.specs.facts_by_type()[name])
    for serial, (at_day, attributes) in enumerate(events):
        customer.at_ms = max(customer.at_ms, day(at_day))
        folding.fold(DecodedEvent(f"{name}{serial}", name, "ada", day(at_day), attributes))


def logged_in(found: LookedAt, *days: float) -> None:
    happened(found, "login", *((at_day, {}) for at_day in days))


def test_it_changes_at_the_midnight_at_which_the_measure_falls_below_the_share() -> None:
    one = LookedAt(FEW_LOGINS)
    happened(one, "nps", (1, {"seats": 10}))
    logged_in(one, 1, 2, 3, 8)
    assert (one.at(8), one.flip(8)) == ("false", 32)  # 4, 3, 2 of 3
    assert (one.at(32), one.flip(32)) == ("true", None)


def test_it_changes_with_the_other_measurement_too() -> None:
    one = LookedAt(FEW_LOGINS)
    happened(one, "nps", (1, {"seats": 10}))
    logged_in(one, 7, 8, 9)
    assert one.at(9) == "false"
    happened(one, "nps", (9.5, {"seats": 11}))
    assert one.at(9.5) == "true"


def test_both_sides_may_move_with_time() -> None:
    one = LookedAt({"count": "login", "less than": "50% of count login within 20 days", "within": "10 days"})
    logged_in(one, 0, 1, 2, 12)
    assert (one.at(12), one.flip(12)) == ("true", 21)  # 1 of 4, then 1 of 3, then 1 of 2
    assert (one.at(21), one.flip(21)) == ("false", 22)
    assert (one.at(22), one.flip(22)) == ("true", 32)  # none of 1, then none of none
    assert (one.at(32), one.flip(32)) == ("false", None)


def test_the_reason_says_both_and_what_would_have_prevented_it() -> None:
    one = LookedAt(FEW_LOGINS)
    happened(one, "nps", (1, {"seats": 10}))
    logged_in(one, 8)
    (reason,) = one.reasons(9)
    assert reason.observed == "1 against 3"
    assert reason.bound == "less than 30% of latest nps.seats"
    assert reason.window == "30 days"
    assert reason.prevented_by == "2 more logins within 30 days, or a latest nps seats of at most 3.3333"


@pytest.mark.parametrize(
    ("when", "prevented"),
    [
        ({"at most": "count login"}, "a latest nps seats of more than 2, or a number of logins ever of less than 1"),
        ({"less than": "count login"}, "a latest nps seats of at least 2, or a number of logins ever of at most 1"),
    ],
)
def test_what_is_no_number_of_events_would_have_been_another_one(when: dict[str, Any], prevented: str) -> None:
    one = LookedAt({"latest": "nps.seats", **when})
    happened(one, "nps", (1, {"seats": 1}))
    logged_in(one, 2, 3)
    assert one.at(3) == "true"
    assert one.reasons(3)[0].prevented_by == prevented


def test_what_was_not_seen_matters_only_where_it_could_change_it() -> None:
    one = LookedAt(FEW_LOGINS)
    happened(one, "nps", (1, {"seats": 10}))
    one.watched("login", 5)
    assert one.at(6) == "not observable"  # there may have been more
    logged_in(one, 6, 7, 8)
    assert one.at(8) == "false"  # more would change nothing


def test_without_a_level_it_is_not_observable() -> None:
    one = LookedAt(FEW_LOGINS)
    logged_in(one, 1)
    assert one.at(1) == "not observable"
    assert one.reasons(1)[0].observed == "1 against an unknown number"
    assert one.reasons(1)[0].prevented_by is None


def test_a_mean_of_nothing_is_no_bound() -> None:
    one = LookedAt({"latest": "nps.seats", "less than": "average nps.score within 30 days"})
    happened(one, "nps", (1, {"seats": 10}))
    assert one.at(40) == "false"


def test_of_more_different_values_than_are_told_apart_the_number_is_not_known() -> None:
    one = LookedAt({"distinct": "login.contact", "less than": "latest nps.seats", "within": "30 days"})
    happened(one, "nps", (1, {"seats": 100}))
    happened(one, "login", *((1, {"contact": f"c{number}"}) for number in range(32)))
    assert one.at(1) == "true"
    happened(one, "login", (1, {"contact": "one more"}))
    assert one.at(1) == "not observable"
    happened(one, "nps", (1, {"seats": 33}))
    assert one.at(1) == "false"


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ({"less than": "30% of nps.seats"}, "expected a measurement such as '30% of latest subscription.seats'"),
        ({"less than": "30% of latest nps"}, "an event type and an attribute, with a dot between"),
        ({"less than": "count nps.seats"}, "after 'count' comes an event type, found 'nps.seats'"),
        ({"less than": "0% of count nps"}, "a share must be more than 0%"),
        ({"less than": "days with nps"}, "write for example 'within 28 days'"),
        ({"less than": "latest nps.seats within 3 days"}, "leave out 'within'"),
        ({"less than": "count nps", "at least": 1}, "write 1 in a condition of its own, under 'all'"),
        ({"less than": "count nps", "at least": "count nps"}, "has only one"),
        ({"less than": "count nps", "sum": "nps.score"}, "are two conditions"),
    ],
)
def test_what_cannot_be_compared_is_refused(when: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(said)):
        READ({"count": "login", **when})


def test_a_text_that_looks_like_a_measurement_is_none_where_values_stand() -> None:
    assert READ({"latest": "profile.topic", "is": "latest news"}).is_ == "latest news"
