"""Laws of `first`: how long ago something happened for the first time ever."""

from schemas.actions import Reason
from tests.support.looked_at import LookedAt
from workers.core.rules import whole_conditions

MS = 1 / 86_400_000


def asked(**bounds: str) -> LookedAt:
    return LookedAt({"first": "login", **{name.replace("_", " "): bound for name, bound in bounds.items()}})


def test_the_age_of_the_first_event_passes_both_bounds() -> None:
    one = asked(between="10 days and 30 days ago")
    one.saw("login", 5, 40)
    assert [one.at(at) for at in (15 - MS, 15, 35, 35 + MS)] == ["false", "true", "true", "false"]
    assert [one.flip(at) for at in (15 - MS, 15, 35 + MS)] == [15, 35 + MS, None]


def test_what_never_happened_has_no_age() -> None:
    assert asked(at_least="10 days ago").at(90) == "false"


def test_an_earlier_first_event_may_have_gone_unseen() -> None:
    old = asked(at_least="10 days ago")
    old.watched("login", -2)
    assert (old.at(90), old.flip(90)) == ("not observable", None)
    old.saw("login", 5)
    assert (old.at(15 - MS), old.flip(15 - MS)) == ("not observable", 15)
    assert old.at(15) == "true"
    young = asked(at_most="30 days ago")
    young.watched("login", -2)
    young.saw("login", 5)
    assert (young.at(35), young.flip(35)) == ("not observable", 35 + MS)
    assert young.at(35 + MS) == "false"


def test_if_the_known_one_is_too_recent_and_an_unseen_one_would_be_too_old_it_is_false() -> None:
    one = asked(between="20 days and 30 days ago")
    one.watched("login", -2)
    one.saw("login", 25)
    # Unseen is only what happened before day 0, when the customer was not known.
    assert (one.at(30), one.flip(30)) == ("not observable", 30 + MS)
    assert (one.at(30 + MS), one.flip(30 + MS)) == ("false", 45)
    assert one.at(45) == "not observable"


def test_the_reason_names_the_first_event() -> None:
    one = asked(at_least="10 days ago")
    assert one.reasons(40) == [Reason("the first login was at least 10 days ago", "never", "at least 10 days ago")]
    one.saw("login", 5, 9)
    assert one.reasons(40)[0].observed == "first on 2024-01-06 00:00 UTC"


def test_an_earlier_event_can_only_make_the_age_too_large() -> None:
    at_least, at_most = asked(at_least="30 days ago").when, asked(at_most="30 days ago").when
    assert whole_conditions.can_turn_false(at_least) == set()
    assert whole_conditions.can_turn_false(at_most) == {"login"}
    assert whole_conditions.can_turn_true(at_least) == {"login"}
    assert whole_conditions.least_events(at_least) == {"login": 1}
