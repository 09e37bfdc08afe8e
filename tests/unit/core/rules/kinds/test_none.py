"""Laws of `none`: something did not happen for a while."""

from schemas.actions import Reason
from tests.support.looked_at import LookedAt
from workers.core.rules import whole_conditions

MS = 1 / 86_400_000


def asked() -> LookedAt:
    return LookedAt({"none": "purchase", "for": "10 days"})


def test_a_silence_is_long_enough_from_one_moment_on() -> None:
    one = asked()
    one.saw("purchase", 1, 5)
    assert (one.at(15 - MS), one.flip(15 - MS)) == ("false", 15)
    assert (one.at(15), one.flip(15)) == ("true", None)


def test_no_customer_is_silent_for_longer_than_known() -> None:
    one = asked()
    assert (one.at(10 - MS), one.flip(10 - MS)) == ("not observable", 10)
    assert (one.at(10), one.flip(10)) == ("true", None)


def test_a_silence_begins_when_the_type_is_watched() -> None:
    one = asked()
    one.saw("purchase", 5)
    one.watched("purchase", 8)
    assert (one.at(15), one.flip(15)) == ("not observable", 18)
    assert one.at(18) == "true"
    one.watched("purchase", None)
    assert (one.at(18), one.flip(18)) == ("not observable", None)


def test_the_reason_names_the_last_event_and_until_when_another_would_have_prevented_the_action() -> None:
    one = asked()
    phrase = "no purchase for 10 days"
    assert one.reasons(14) == [
        Reason(phrase, "never", "none for 10 days", "10 days", "a purchase before 2024-01-11 00:00 UTC")
    ]
    one.saw("purchase", 3)
    assert one.reasons(14) == [
        Reason(
            phrase,
            "last on 2024-01-04 00:00 UTC",
            "none for 10 days",
            "10 days",
            "a purchase before 2024-01-14 00:00 UTC",
        )
    ]
    one.watched("purchase", None)
    assert one.reasons(14)[0].prevented_by is None


def test_no_event_can_begin_a_silence() -> None:
    when = asked().when
    assert whole_conditions.types_of(when) == whole_conditions.can_turn_false(when) == {"purchase"}
    assert whole_conditions.can_turn_true(when) == set()
    assert whole_conditions.least_events(when) == {}
