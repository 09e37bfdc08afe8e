"""Laws of `after … then`: the latest event of one type was followed by another in time."""

from typing import Any

from schemas.actions import Reason
from tests.support.builders import day
from tests.support.looked_at import LookedAt
from workers.core.rules import whole_conditions

PAIR = "nps>purchase"


def asked(then: Any = "purchase") -> LookedAt:
    return LookedAt({"after": "nps", "then": then, "within": "2 days"})


def test_the_second_event_may_follow_up_to_the_last_moment() -> None:
    one = asked()
    one.saw("nps", 5)
    assert (one.at(5), one.flip(5)) == ("false", None)
    one.saw("purchase", 7)
    assert (one.at(7), one.flip(7)) == ("true", None)
    series = one.series("purchase")
    series.first_ms = series.last_ms = series.last_ms + 1
    assert one.at(8) == "false"


def test_of_one_type_no_event_follows_itself() -> None:
    one = LookedAt({"after": "nps", "then": "nps", "within": "2 days"})
    one.saw("nps", 5)
    assert one.at(5) == "false"
    two = asked()
    two.saw("nps", 5)
    two.saw("purchase", 5)
    assert two.at(5) == "true"


def test_if_later_ones_followed_too_the_first_that_followed_counts() -> None:
    one = asked()
    one.saw("nps", 5)
    one.saw("purchase", 1, 6, 9)
    assert one.at(9) == "not observable"
    one.customer.pairs = {PAIR: [day(5), day(6)]}
    assert one.at(9) == "true"
    one.customer.pairs = {PAIR: [day(5), day(7)]}
    assert one.at(9) == "true"
    one.customer.pairs = {PAIR: [day(5), day(7) + 1]}
    assert one.at(9) == "false"
    for not_known in ([day(5), -1], [day(5), 0], [day(4), day(6)]):
        one.customer.pairs = {PAIR: not_known}
        assert one.at(9) == "not observable"


def test_what_may_have_gone_unseen_is_not_observable() -> None:
    one = asked()
    assert one.at(5) == "false"
    one.watched("nps", -2)
    assert one.at(5) == "not observable"
    one.saw("nps", 5)
    one.watched("purchase", 5.5)
    assert one.at(6) == "not observable"
    one.watched("purchase", 5)
    assert one.at(6) == "false"
    one.watched("nps", 5.5)
    assert one.at(6) == "not observable"


def test_the_reason_names_both_events() -> None:
    one = asked({"event": "purchase", "where": {"amount": {"at least": 5}}})
    phrase = "an nps followed by a purchase (amount at least 5) within 2 days"
    assert one.reasons(9) == [Reason(phrase, "never", "purchase within 2 days", "2 days")]
    one.saw("nps", 5)
    one.customer.pairs = {one.condition.pair: [day(5), day(6.5)]}  # type: ignore[attr-defined]
    assert one.reasons(9) == [
        Reason(
            phrase,
            "last on 2024-01-06 00:00 UTC, then purchase on 2024-01-07 12:00 UTC",
            "purchase within 2 days",
            "2 days",
        )
    ]


def test_only_the_first_type_can_end_it_and_both_can_begin_it() -> None:
    when = asked().when
    assert whole_conditions.types_of(when) == whole_conditions.can_turn_true(when) == {"nps", "purchase"}
    assert whole_conditions.can_turn_false(when) == {"nps"}
    assert whole_conditions.least_events(when) == {"nps": 1}
