"""Laws of `known for`: how long the customer has been known."""

from schemas.actions import Reason
from tests.support.looked_at import LookedAt
from workers.core.coverage import FOREVER_MS
from workers.core.rules import whole_conditions

MS = 1 / 86_400_000


def asked() -> LookedAt:
    return LookedAt({"known for": "90 days"})


def test_a_customer_is_known_long_enough_from_one_moment_on() -> None:
    one = asked()
    assert (one.at(90 - MS), one.flip(90 - MS)) == ("false", 90)
    assert (one.at(90), one.flip(90)) == ("true", None)


def test_who_appeared_before_everything_was_watched_for_long_may_be_an_old_customer() -> None:
    one = asked()
    one.customer.settled_ms = FOREVER_MS
    assert (one.at(90 - MS), one.flip(90 - MS)) == ("not observable", 90)
    assert one.at(90) == "true"
    one.customer.settled_ms = one.customer.first_ms
    assert one.at(1) == "false"
    one.customer.settled_ms += 1
    assert one.at(1) == "not observable"


def test_the_reason_says_since_when() -> None:
    assert asked().reasons(91) == [
        Reason("known for at least 90 days", "since 2024-01-01 00:00 UTC", "at least 90 days")
    ]


def test_no_event_changes_since_when_a_customer_is_known() -> None:
    when = asked().when
    assert whole_conditions.types_of(when) == set()
    assert whole_conditions.can_turn_false(when) == whole_conditions.can_turn_true(when) == set()
    assert whole_conditions.reads_tenure(LookedAt({"any": [{"not": {"known for": "2 days"}}]}).when)
    assert not whole_conditions.reads_tenure(LookedAt({"not": {"none": "login", "for": "2 days"}}).when)
