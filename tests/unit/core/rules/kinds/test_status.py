"""Laws of `status`: from a cancellation until the next purchase or reactivation."""

from schemas.actions import Reason
from tests.support.looked_at import TYPES, LookedAt
from workers.core.rules import whole_conditions

MS = 1 / 86_400_000


AGED = {"status": "cancelled", "for": "3 days"}


def asked(status: str = "cancelled", types: tuple[str, ...] = TYPES) -> LookedAt:
    return LookedAt({"status": status}, types)


def test_a_customer_is_active_until_a_cancellation_and_from_the_next_return_on() -> None:
    cancelled, active = asked(), asked("active")
    for one in (cancelled, active):
        one.watched("cancellation", None)
    assert (cancelled.at(1), active.at(1)) == ("false", "true")
    for one in (cancelled, active):
        one.saw("purchase", 2)
        one.saw("cancellation", 2)
    assert (cancelled.at(2), active.at(2)) == ("true", "false")
    for one in (cancelled, active):
        one.saw("reactivation", 2 + MS)
    assert (cancelled.at(3), active.at(3)) == ("false", "true")
    assert (cancelled.flip(3), active.flip(3)) == (None, None)


def test_a_cancellation_has_an_age() -> None:
    one = LookedAt(AGED)
    one.saw("cancellation", 2)
    assert (one.at(5 - MS), one.flip(5 - MS)) == ("false", 5)
    assert (one.at(5), one.flip(5)) == ("true", None)
    one.saw("purchase", 3)
    assert (one.at(4), one.flip(4)) == ("false", None)


def test_the_reason_says_the_status() -> None:
    one = LookedAt(AGED)
    phrase = "the customer cancelled at least 3 days ago and did not come back"
    assert one.reasons(4) == [Reason(phrase, "active", "cancelled for 3 days", None, "a purchase since")]
    one.saw("cancellation", 2)
    assert one.reasons(9)[0].observed == "cancelled on 2024-01-03 00:00 UTC"
    assert asked("active").reasons(1) == [
        Reason("the customer is active", "active", "active", None, "a cancellation")
    ]


def test_a_reactivation_counts_where_it_is_declared() -> None:
    without = tuple(name for name in TYPES if name != "reactivation")
    assert [one.key for one in asked(types=without).customer.series] == ["cancellation", "login", "nps", "purchase"]
    when = asked().when
    assert whole_conditions.types_of(when, TYPES) == {"cancellation", "purchase", "reactivation"}
    assert whole_conditions.types_of(when, without) == whole_conditions.types_of(when) == {"cancellation", "purchase"}


def test_each_status_is_ended_by_what_begins_the_other() -> None:
    returns = {"purchase", "reactivation"}
    cancelled, aged, active = asked().when, LookedAt(AGED).when, asked("active").when
    assert whole_conditions.can_turn_false(cancelled, TYPES) == returns
    assert whole_conditions.can_turn_true(cancelled, TYPES) == {"cancellation"}
    assert whole_conditions.can_turn_false(active, TYPES) == {"cancellation"}
    assert whole_conditions.can_turn_true(active, TYPES) == returns
    # A new cancellation restarts its age.
    assert whole_conditions.can_turn_false(aged, TYPES) == {*returns, "cancellation"}
    assert whole_conditions.least_events(cancelled) == {"cancellation": 1}
    assert whole_conditions.least_events(active) == {}
