"""Laws of `overdue`: the last event is longer ago than the customer's own rhythm explains."""

from schemas.actions import Reason
from tests.support.looked_at import LookedAt
from workers.core.coverage import FOREVER_MS
from workers.core.rules import whole_conditions

MS = 1 / 86_400_000
END_OF_CALENDAR_MS = 253_402_300_799_999


def asked(by: str = "2 times", usual_gap: str = "10 days", at_least: str = "5 days") -> LookedAt:
    return LookedAt({"overdue": "purchase", "by": by, "usual gap": usual_gap, "at least": at_least})


def test_of_a_newcomer_the_usual_gap_of_all_customers_counts() -> None:
    one = asked()
    one.saw("purchase", 3)
    assert (one.at(23 - MS), one.flip(23 - MS)) == ("false", 23)
    assert (one.at(23), one.flip(23)) == ("true", None)


def test_a_regular_has_a_gap_of_their_own() -> None:
    one = asked()
    one.saw("purchase", 0, 4, 8, 12)
    # (2 x 10 + 12) / (2 + 3) days, twice.
    assert (one.at(12.8), one.flip(12.8)) == ("false", 12 + 12.8)
    assert one.at(12 + 12.8) == "true"


def test_days_that_were_not_counted_over_the_lifetime_yet_are_those_that_are_kept() -> None:
    one = asked()
    one.saw("purchase", 0, 4, 8, 12)
    one.series("purchase").active_days = 0
    assert one.flip(12.8) == 12 + 12.8


def test_the_multiple_is_rounded_up_to_a_whole_millisecond() -> None:
    one = asked(by="3.01 times", usual_gap="1 second", at_least="1 second")
    one.saw("purchase", 0)
    series = one.series("purchase")
    series.last_ms, series.active_days = series.first_ms + 1, 2
    one.condition.look(series.last_ms)
    # 3.01 x 2,001 ms / 3 = 2,007.67 ms
    assert one.condition.flip_ms == series.last_ms + 2008


def test_no_customer_is_overdue_before_the_least_age() -> None:
    one = asked(by="1 times", usual_gap="1 day", at_least="30 days")
    one.saw("purchase", 3)
    assert (one.at(33 - MS), one.at(33)) == ("false", "true")


def test_a_customer_without_an_event_is_not_overdue_or_it_is_not_observable() -> None:
    one = asked()
    assert (one.at(90), one.flip(90)) == ("false", None)
    one.watched("purchase", -2)
    assert (one.at(90), one.flip(90)) == ("not observable", None)


def test_if_watching_began_after_the_last_event_the_wait_begins_there() -> None:
    one = asked()
    one.saw("purchase", 3)
    one.watched("purchase", 30)
    assert (one.at(23), one.flip(23)) == ("not observable", 50)
    assert one.at(50) == "true"
    one.watched("purchase", 3)
    assert one.at(23) == "true"
    one.watched("purchase", 3 + MS)
    assert (one.at(23), one.flip(23)) == ("not observable", 23 + MS)
    one.watched("purchase", None)
    assert (one.at(50), one.flip(50)) == ("not observable", None)


def test_the_longest_times_and_spans_stay_within_64_bits() -> None:
    one = asked(by="100 times", usual_gap="730 days", at_least="730 days")
    series = one.saw("purchase", 0)
    series.first_ms, series.last_ms = 0, END_OF_CALENDAR_MS
    one.condition.look(END_OF_CALENDAR_MS)
    usual_ms = 2 * 730 * 86_400_000 + END_OF_CALENDAR_MS
    assert one.condition.flip_ms == END_OF_CALENDAR_MS + 50 * usual_ms
    assert one.condition.flip_ms < FOREVER_MS
    assert b"usually every 1467" in one.written(END_OF_CALENDAR_MS)


def test_the_reason_names_the_rhythm_and_until_when_an_event_would_have_prevented_the_action() -> None:
    one = asked()
    bound = "2 times the usual gap, at least 5 days"
    phrase = "their last purchase is more than 2 times their usual gap ago (and at least 5 days)"
    assert one.reasons(60) == [Reason(phrase, "never", bound)]
    one.saw("purchase", 0, 4, 8, 12)
    assert one.reasons(60) == [
        Reason(
            phrase,
            "last on 2024-01-13 00:00 UTC, usually every 6.4 days",
            bound,
            None,
            "a purchase before 2024-01-25 19:12 UTC",
        )
    ]
    one.watched("purchase", 14)
    assert one.reasons(60)[0].prevented_by == "a purchase before 2024-01-27 19:12 UTC"


def test_any_event_can_change_it() -> None:
    when = asked().when
    assert whole_conditions.can_turn_false(when) == whole_conditions.can_turn_true(when) == {"purchase"}
    assert whole_conditions.least_events(when) == {"purchase": 1}
