"""Laws of `last`: how long ago something last happened."""

from schemas.actions import Reason
from tests.support.looked_at import LookedAt
from workers.core.rules import whole_conditions

MS = 1 / 86_400_000


def asked(**bounds: str) -> LookedAt:
    return LookedAt({"last": "purchase", **{name.replace("_", " "): bound for name, bound in bounds.items()}})


def test_an_event_is_at_least_as_old_from_the_moment_on_at_which_it_reaches_the_age() -> None:
    one = asked(at_least="30 days ago")
    one.saw("purchase", 1, 5)
    assert (one.at(35 - MS), one.flip(35 - MS)) == ("false", 35)
    assert (one.at(35), one.flip(35)) == ("true", None)


def test_an_event_is_at_most_as_old_up_to_and_with_the_moment_at_which_it_reaches_the_age() -> None:
    one = asked(at_most="30 days ago")
    one.saw("purchase", 5)
    assert (one.at(35), one.flip(35)) == ("true", 35 + MS)
    assert (one.at(35 + MS), one.flip(35 + MS)) == ("false", None)


def test_between_has_both_borders() -> None:
    one = asked(between="10 days and 30 days ago")
    one.saw("purchase", 5)
    assert [one.at(at) for at in (15 - MS, 15, 35, 35 + MS)] == ["false", "true", "true", "false"]


def test_what_never_happened_has_no_age() -> None:
    assert asked(at_least="30 days ago").at(90) == "false"


def test_what_may_have_happened_before_the_customer_was_known_is_not_observable_until_it_would_be_too_old() -> None:
    one = asked(at_most="30 days ago")
    one.watched("purchase", -2)
    assert (one.at(30), one.flip(30)) == ("not observable", 30 + MS)
    assert one.at(30 + MS) == "false"
    without_end = asked(at_least="30 days ago")
    without_end.watched("purchase", None)
    assert (without_end.at(300), without_end.flip(300)) == ("not observable", None)


def test_an_event_may_have_gone_unseen_between_the_last_known_one_and_the_start_of_watching() -> None:
    one = asked(at_least="10 days ago")
    one.saw("purchase", 0)
    one.watched("purchase", 20)
    assert (one.at(25), one.flip(25)) == ("not observable", 30)
    assert one.at(30) == "true"
    short = asked(between="1 day and 5 days ago")
    short.saw("purchase", 0)
    short.watched("purchase", 3)
    assert [short.at(at) for at in (4, 5, 5 + MS, 8, 8 + MS)] == [
        "true",
        "true",
        "not observable",
        "not observable",
        "false",
    ]


def test_between_may_hold_for_a_single_millisecond_whenever_the_unseen_event_happened() -> None:
    one = asked(between="1 day and 5 days ago")
    one.saw("purchase", 0)
    one.watched("purchase", 4)
    assert (one.at(5 - MS), one.flip(5 - MS)) == ("not observable", 5)
    assert (one.at(5), one.flip(5)) == ("true", 5 + MS)
    assert (one.at(5 + MS), one.flip(5 + MS)) == ("not observable", 9 + MS)


def test_the_reason_names_the_last_event_and_after_when_another_would_have_prevented_the_action() -> None:
    one = asked(at_least="30 days ago")
    one.saw("purchase", 5)
    assert one.reasons(40) == [
        Reason(
            "the last purchase was at least 30 days ago",
            "last on 2024-01-06 00:00 UTC",
            "at least 30 days ago",
            None,
            "a purchase after 2024-01-11 00:00 UTC",
        )
    ]
    assert asked(at_most="2 days ago").reasons(40) == [
        Reason("the last purchase was at most 2 days ago", "never", "at most 2 days ago")
    ]


def test_a_newer_event_can_only_make_the_age_too_small() -> None:
    at_least, at_most = asked(at_least="30 days ago").when, asked(at_most="30 days ago").when
    assert whole_conditions.can_turn_false(at_least) == {"purchase"}
    assert whole_conditions.can_turn_false(at_most) == set()
    assert whole_conditions.can_turn_true(at_most) == {"purchase"}
    assert whole_conditions.least_events(at_most) == {"purchase": 1}
