"""Laws of `after … without`: an event happened, and another did not follow."""

from schemas.actions import Reason
from tests.support.looked_at import LookedAt
from workers.core.rules import whole_conditions

MS = 1 / 86_400_000


def asked(without: str = "purchase") -> LookedAt:
    return LookedAt({"after": "nps", "without": without, "for": "2 days"})


def test_it_is_true_once_the_wait_is_long_enough() -> None:
    one = asked()
    assert (one.at(5), one.flip(5)) == ("false", None)
    one.saw("nps", 5)
    assert (one.at(7 - MS), one.flip(7 - MS)) == ("false", 7)
    assert (one.at(7), one.flip(7)) == ("true", None)


def test_the_second_event_ends_it_at_any_time() -> None:
    one = asked()
    one.saw("nps", 5)
    one.saw("purchase", 5)
    assert (one.at(7), one.flip(7)) == ("false", None)
    one.saw("purchase", 30)
    assert one.at(31) == "false"
    one.saw("purchase", 5 - MS)
    assert one.at(7) == "true"


def test_of_one_type_no_event_follows_itself() -> None:
    one = asked("nps")
    one.saw("nps", 5)
    assert (one.at(7 - MS), one.at(7)) == ("false", "true")


def test_what_may_have_gone_unseen_is_not_observable() -> None:
    one = asked()
    one.watched("nps", -2)
    assert (one.at(5), one.flip(5)) == ("not observable", None)
    one.saw("nps", 5)
    one.watched("purchase", 6)
    assert (one.at(6), one.flip(6)) == ("false", 7)
    assert (one.at(7), one.flip(7)) == ("not observable", None)
    one.watched("purchase", 5)
    one.watched("nps", 20)
    assert (one.at(7), one.flip(7)) == ("not observable", 22)
    assert one.at(22) == "true"


def test_a_second_event_counts_only_if_a_later_first_one_would_have_been_seen() -> None:
    one = asked()
    one.saw("nps", 5)
    one.saw("purchase", 10)
    one.watched("nps", 20)
    assert (one.at(11), one.flip(11)) == ("not observable", None)
    one.watched("nps", 10)
    assert one.at(11) == "false"


def test_the_reason_names_the_first_event_and_until_when_the_second_would_have_prevented_the_action() -> None:
    one = asked()
    phrase, bound = "an nps not followed by a purchase within 2 days", "no purchase for 2 days"
    assert one.reasons(9) == [Reason(phrase, "never", bound, "2 days")]
    one.saw("nps", 5)
    assert one.reasons(9) == [
        Reason(phrase, "last on 2024-01-06 00:00 UTC", bound, "2 days", "a purchase before 2024-01-08 00:00 UTC")
    ]


def test_only_the_first_type_can_begin_it_and_both_can_end_it() -> None:
    when = asked().when
    assert whole_conditions.types_of(when) == whole_conditions.can_turn_false(when) == {"nps", "purchase"}
    assert whole_conditions.can_turn_true(when) == {"nps"}
    assert whole_conditions.least_events(when) == {"nps": 1}
