"""Laws of conditions: when each is true, when it is false, and when it is not observable yet.

`holds` asks a condition as it is written in a rule file about a customer with some events. Day 0 is a midnight.
"""

from decimal import Decimal
from typing import Any, Final

import pytest

from tests.support.builders import DAY, TYPES, day, event, rule, rules, watched
from tests.support.decided import decide, facts_in, reasons_for, stored_of, truth_of
from tests.support.looked_at import READ
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE
from workers.core.coverage import FOREVER_MS, Coverage
from workers.core.events.decoding import DecodedEvent
from workers.core.events.filters import fingerprint_of, fingerprint_of_text_0_1
from workers.core.rules import whole_conditions
from workers.core.rules.rule_set import RuleSet
from workers.customer_facts.facts import MAX_DAYS, CustomerFacts
from workers.customer_facts.texts import day_number

WORDS: Final = {TRUE: "true", FALSE: "false", NOT_OBSERVABLE: "not observable"}
ALL_TYPES: Final = (*TYPES, "nps")
MS: Final = 1 / DAY
"""A millisecond, in days."""


def after(
    ruleset: RuleSet, *events: DecodedEvent, stored: bytes | None = None, observed: Coverage | None = None
) -> bytes:
    """Return a customer after some events, as stored."""
    known = decide("ada", stored, events, ruleset, observed or watched(ruleset)).stored
    assert known is not None
    return known


class Question:
    """A condition and a customer."""

    def __init__(self, when: Any, events: list[DecodedEvent], *, since_day: float = 0, whole: bool = True) -> None:
        self.rules = rules(rule(when=when), types=ALL_TYPES)
        self.observed = watched(self.rules, since_day, whole)
        self.stored = after(self.rules, *events, observed=self.observed)

    @property
    def facts(self) -> CustomerFacts:
        return facts_in(self.stored, self.rules)

    def at(self, at_day: float) -> str:
        return WORDS[truth_of(self.stored, self.rules, day(at_day), self.observed)[0]]

    def next_flip(self, at_day: float) -> float | None:
        """When time alone changes the truth, in days."""
        flip_ms = truth_of(self.stored, self.rules, day(at_day), self.observed)[1]
        return None if flip_ms == FOREVER_MS else (flip_ms - day(0)) / DAY


def holds(when: Any, events: list[DecodedEvent], at_day: float, **seen: Any) -> str:
    return Question(when, events, **seen).at(at_day)


def bought(*days: float, **attributes: Any) -> list[DecodedEvent]:
    return [event("purchase", at, **attributes) for at in days]


def logged_in(*days: float, **attributes: Any) -> list[DecodedEvent]:
    return [event("login", at, **attributes) for at in days]


# --- counting -----------------------------------------------------------------------------------------------------


def test_the_last_seven_days_are_today_and_the_six_before() -> None:
    question = Question({"count": "purchase", "at least": 1, "within": "7 days"}, bought(10.5))
    assert question.at(10.5) == "true"
    assert question.at(17 - MS) == "true"
    assert question.at(17) == "false"


def test_a_purchase_leaves_the_window_at_midnight_utc_however_late_in_its_day_it_was() -> None:
    for late_in_the_day in (10.0, 10.5, 11 - MS):
        question = Question({"count": "purchase", "at least": 1, "within": "7 days"}, bought(late_in_the_day))
        assert question.next_flip(late_in_the_day) == 17


def test_one_day_is_today() -> None:
    question = Question({"count": "purchase", "at least": 1, "within": "1 day"}, bought(10.5))
    assert (question.at(11 - MS), question.at(11)) == ("true", "false")


def test_each_purchase_leaves_by_itself() -> None:
    question = Question({"count": "purchase", "at least": 2, "within": "7 days"}, bought(10.5, 12.5, 14.5))
    assert question.at(16.9) == question.at(18.9) == "true"
    assert question.at(19) == "false"
    assert question.next_flip(14.5) == 19


def test_an_upper_bound_comes_true_at_the_midnight_at_which_enough_have_left() -> None:
    question = Question({"count": "purchase", "at most": 1, "within": "7 days"}, bought(0, 10.5, 10.6, 12.5))
    assert (question.at(17 - MS), question.at(17)) == ("false", "true")
    assert question.next_flip(12.5) == 17


def test_both_bounds_hold_between_them() -> None:
    question = Question({"count": "purchase", "at least": 1, "at most": 2, "within": "7 days"}, bought(0, 20, 21, 22))
    assert [question.at(at) for at in (22, 27, 28, 29)] == ["false", "true", "true", "false"]


def test_bounds_are_inclusive() -> None:
    for number in range(4):
        asked = {"count": "purchase", "within": "30 days"}
        events = [*logged_in(0), *bought(*range(40, 40 + number))]
        assert holds({**asked, "at least": 2}, events, 44) == ("true" if number >= 2 else "false")
        assert holds({**asked, "at most": 2}, events, 44) == ("true" if number <= 2 else "false")


def test_at_least_none_is_always_true() -> None:
    assert holds({"count": "purchase", "at least": 0, "within": "7 days"}, logged_in(0), 40) == "true"


def test_a_number_within_no_window_never_goes_down() -> None:
    question = Question({"count": "purchase", "at least": 2}, bought(0, 1))
    assert question.at(5_000) == "true"
    assert question.next_flip(1) is None


def test_repeated_buying_on_one_day_counts_each_time() -> None:
    assert holds({"count": "purchase", "at least": 3, "within": "1 day"}, bought(5.1, 5.1, 5.9), 5.9) == "true"


# --- adding up ----------------------------------------------------------------------------------------------------


def spent(*amounts: Any) -> list[DecodedEvent]:
    return [event("purchase", 1 + number / 100, amount=amount) for number, amount in enumerate(amounts)]


@pytest.mark.parametrize(
    ("amounts", "bound", "expected"),
    [
        ([Decimal("0.10"), Decimal("0.20")], "0.3", "true"),
        ([0.1, 0.2], "0.3", "true"),
        ([Decimal("19.99")] * 3, "59.97", "true"),
        ([Decimal("19.99")] * 3, "59.98", "false"),
        ([Decimal(10) ** 12] * 3, 3 * 10**12, "true"),
        ([20], 20, "true"),
        ([Decimal("0.0001")], "0.0001", "true"),
    ],
)
def test_amounts_are_added_up_exactly(amounts: list[Any], bound: Any, expected: str) -> None:
    assert holds({"sum": "purchase.amount", "at least": bound}, spent(*amounts), 2) == expected


def test_what_is_added_up_leaves_the_window_with_its_day() -> None:
    question = Question({"sum": "purchase.amount", "at least": 30, "within": "7 days"}, bought(10.5, 12.5, amount=20))
    assert (question.at(16.9), question.at(17)) == ("true", "false")
    assert question.next_flip(12.5) == 17


def test_numbers_below_nothing_make_a_sum_rise_as_they_leave() -> None:
    """The first day is not known as a whole; the window is from the very midnight at which that day leaves it."""
    asked = {"sum": "nps.score", "between": "0 and 5", "within": "7 days"}
    question = Question(asked, [*scored(10, at=50.5), *scored(-3, at=52)])
    assert [question.at(at) for at in (52.5, 57 - MS, 57, 59 - MS, 59)] == ["false"] * 4 + ["true"]
    assert (question.next_flip(52.5), question.next_flip(59)) == (59, None)


@pytest.mark.parametrize("value", ["12,50", "", True, None, "many"])
def test_what_is_no_number_adds_nothing(value: Any) -> None:
    assert holds({"sum": "nps.score", "at most": 0}, [event("nps", 1, score=value)], 2) == "true"


def test_a_number_that_was_sent_as_text_is_added() -> None:
    texts = [event("nps", at, score=score) for at, score in ((1, "50.00"), (2, " 7 "), (3, "1e1"))]
    assert holds({"sum": "nps.score", "exactly": 67}, texts, 4) == "true"


def test_an_attribute_that_is_missing_adds_nothing() -> None:
    assert holds({"sum": "nps.score", "at most": 0}, [event("nps", 1)], 2) == "true"


def test_a_bound_finer_than_what_is_kept_is_not_met_by_nothing_at_all() -> None:
    assert holds({"sum": "nps.rate", "at least": "0.00005"}, [event("nps", 1, rate=0)], 2) == "false"


# --- not happening ------------------------------------------------------------------------------------------------


def test_a_silence_is_long_enough_to_the_millisecond() -> None:
    question = Question({"none": "purchase", "for": "45 days"}, bought(3.25))
    assert (question.at(48.25 - MS), question.at(48.25)) == ("false", "true")
    assert question.next_flip(3.25) == 48.25


def test_a_silence_of_hours_does_not_wait_for_midnight() -> None:
    question = Question({"none": "login", "for": "6 hours"}, logged_in(3.9))
    assert (question.at(4.15 - MS), question.at(4.15)) == ("false", "true")


def test_a_silence_that_is_long_enough_stays_so() -> None:
    question = Question({"none": "purchase", "for": "45 days"}, bought(3))
    assert question.at(5_000) == "true"
    assert question.next_flip(48) is None


def test_a_silence_counts_from_the_latest_event_also_if_it_came_first() -> None:
    question = Question({"none": "purchase", "for": "10 days"}, [event("purchase", 8), event("purchase", 2)])
    assert (question.at(18 - MS), question.at(18)) == ("false", "true")


# --- what cannot be known yet -------------------------------------------------------------------------------------


def test_a_customer_known_for_less_than_the_window_may_have_done_it_before() -> None:
    """Known since the middle of day 100, so the first day that is known as a whole is day 101."""
    question = Question({"count": "purchase", "at most": 3, "within": "30 days"}, bought(100.5), whole=False)
    assert (question.at(130 - MS), question.at(130)) == ("not observable", "true")
    assert question.next_flip(100.5) == 130


COUNTED: Final = (
    {"count": "complaint", "exactly": 0, "within": "90 days"},
    {"sum": "purchase.amount", "less than": 500, "within": "90 days"},
    {"distinct": "login.device", "at most": 1, "within": "90 days"},
    {"not": {"count": "complaint", "at least": 1, "within": "90 days"}},
)
"""Bounds that a customer without a past keeps."""


@pytest.mark.parametrize("when", COUNTED)
@pytest.mark.parametrize(("first_day", "whole"), [(100.5, True), (180, False)])
def test_of_a_new_customer_it_is_known_that_nothing_happened_before(when: Any, first_day: float, whole: bool) -> None:
    """The history is complete, or the customer was first seen half a year after watching began."""
    assert holds(when, bought(first_day, amount=10), first_day, whole=whole) == "true"
    assert holds(when, bought(first_day - 1, amount=10), first_day - 1, whole=False) == "not observable"


@pytest.mark.parametrize(
    "when",
    [
        {"none": "login", "for": "90 days"},
        {"average": "purchase.amount", "at most": 50, "within": "90 days"},
        {"change": "purchase", "down by": "50%", "within": "45 days", "from at least": 1},
    ],
)
def test_what_lasted_is_known_only_since_a_customer_is_known(when: Any) -> None:
    """Someone who registered a minute ago has not been silent for 90 days."""
    question = Question(when, bought(100, amount=10))
    assert (question.at(100), question.at(189 - MS)) == ("not observable",) * 2
    assert question.at(190) != "not observable"


def test_a_window_that_is_not_watched_as_a_whole_says_nothing_of_how_few_there_were() -> None:
    question = Question(
        {"count": "purchase", "at most": 3, "within": "30 days"}, bought(10, 50), since_day=40, whole=False
    )
    assert (question.at(69 - MS), question.at(69)) == ("not observable", "true")


def test_what_was_seen_is_enough_for_a_lower_bound_however_short_it_was_watched() -> None:
    few = Question(
        {"count": "purchase", "at least": 2, "within": "30 days"}, bought(50, 51), since_day=50, whole=False
    )
    assert few.at(51) == "true"
    one = Question({"count": "purchase", "at least": 2, "within": "30 days"}, bought(50), since_day=50, whole=False)
    assert one.at(51) == "not observable"


def test_more_than_the_upper_bound_is_too_many_however_short_it_was_watched() -> None:
    assert (
        holds({"count": "purchase", "at most": 1, "within": "30 days"}, bought(50, 51), 51, since_day=50) == "false"
    )


def test_no_customer_is_silent_two_days_after_the_first_deployment() -> None:
    question = Question({"none": "login", "for": "90 days"}, bought(100), since_day=100)
    assert (question.at(102), question.at(190 - MS), question.at(190)) == ("not observable",) * 2 + ("true",)


def test_a_customer_never_seen_doing_it_is_silent_since_they_are_known() -> None:
    question = Question({"none": "login", "for": "30 days"}, bought(100), since_day=0)
    assert (question.at(130 - MS), question.at(130)) == ("not observable", "true")
    assert question.next_flip(100) == 130


def test_an_event_of_before_the_watching_does_not_make_the_silence_known() -> None:
    question = Question({"none": "purchase", "for": "30 days"}, bought(10), since_day=100)
    assert question.at(39) == "false"
    assert (question.at(40), question.at(130 - MS), question.at(130)) == ("not observable",) * 2 + ("true",)
    assert (question.next_flip(10), question.next_flip(40)) == (40, 130)


def test_a_type_that_is_not_watched_at_all_is_never_known() -> None:
    for when in ({"none": "login", "for": "1 day"}, {"count": "login", "at most": 0, "within": "1 day"}):
        ruleset = rules(rule(when=when))
        stored = after(ruleset, *bought(1))
        for at in (1, 500):
            assert truth_of(stored, ruleset, day(at), Coverage({})) == (NOT_OBSERVABLE, FOREVER_MS)


def test_ever_is_known_at_once_where_the_history_is_complete() -> None:
    assert holds({"count": "purchase", "at most": 1}, bought(1), 1) == "true"


@pytest.mark.parametrize(("first_day", "expected"), [(1, "not observable"), (179.9, "not observable"), (180, "true")])
def test_ever_is_known_only_of_newcomers_where_the_history_is_not_complete(first_day: float, expected: str) -> None:
    """A customer first seen half a year after watching began is new; one seen at once may be an old customer."""
    asked = {"count": "purchase", "at most": 1}
    assert holds(asked, bought(first_day), first_day + 1, whole=False) == expected
    assert holds(asked, bought(first_day), first_day + 5_000, whole=False) == expected


@pytest.mark.parametrize(("bound", "expected"), [("at most", "true"), ("at least", "false")])
def test_a_bound_beyond_64_bits_is_a_number_like_any_other(bound: str, expected: str) -> None:
    for asked in ({"count": "purchase"}, {"sum": "purchase.amount"}, {"count": "purchase", "within": "9 days"}):
        assert holds({**asked, bound: 10**25}, bought(1, 2), 20) == expected


def test_how_much_was_seen_ever_is_enough_for_a_lower_bound() -> None:
    asked = {"count": "purchase", "at least": 2}
    assert holds(asked, bought(1, 2), 3, whole=False) == "true"
    assert holds(asked, bought(1), 3, whole=False) == "not observable"
    assert holds({"count": "purchase", "at most": 1}, bought(1, 2), 3, whole=False) == "false"


# --- all, any, not ------------------------------------------------------------------------------------------------

# Of a customer who bought once, on day 0, and logged in once, on day 100; log-ins are watched since day 100.
KNOWN: Final = {
    "true": {"count": "purchase", "at least": 1},
    "false": {"count": "purchase", "at least": 9},
    "not observable": {"average": "purchase.amount", "at most": 5, "within": "700 days"},
}
RANK: Final = {"false": 0, "not observable": 1, "true": 2}
BY_RANK: Final = {rank: word for word, rank in RANK.items()}


@pytest.mark.parametrize("word", RANK)
def test_the_examples_are_what_they_are_called(word: str) -> None:
    assert holds(KNOWN[word], bought(0), 5) == word


@pytest.mark.parametrize("first", RANK)
@pytest.mark.parametrize("second", RANK)
def test_all_is_as_true_as_its_least_true_part_and_any_as_its_truest(first: str, second: str) -> None:
    parts = [KNOWN[first], KNOWN[second]]
    ranks = RANK[first], RANK[second]
    assert holds({"all": parts}, bought(0), 5) == BY_RANK[min(ranks)]
    assert holds({"any": parts}, bought(0), 5) == BY_RANK[max(ranks)]


@pytest.mark.parametrize(
    ("word", "opposite"), [("true", "false"), ("false", "true"), ("not observable", "not observable")]
)
def test_not_turns_true_and_false_around_and_leaves_what_is_unknown(word: str, opposite: str) -> None:
    assert holds({"not": KNOWN[word]}, bought(0), 5) == opposite
    assert holds({"not": {"not": KNOWN[word]}}, bought(0), 5) == word


def test_all_waits_for_its_last_part() -> None:
    question = Question(
        {"all": [{"none": "purchase", "for": "10 days"}, {"none": "login", "for": "10 days"}]},
        [event("purchase", 1), event("login", 4)],
    )
    assert (question.at(14 - MS), question.at(14)) == ("false", "true")
    assert question.next_flip(4) == 14


def test_any_waits_for_its_first_part() -> None:
    question = Question(
        {"any": [{"none": "purchase", "for": "10 days"}, {"none": "login", "for": "10 days"}]},
        [event("purchase", 1), event("login", 4)],
    )
    assert question.next_flip(4) == 11


def test_parts_that_can_no_longer_be_true_together_have_no_due_time() -> None:
    question = Question(
        {"all": [{"count": "purchase", "at least": 1, "within": "5 days"}, {"none": "purchase", "for": "10 days"}]},
        bought(1),
    )
    assert question.next_flip(1) is None or question.at(question.next_flip(1) or 0) == "false"


# --- where --------------------------------------------------------------------------------------------------------


def matched(where: Any, **attributes: Any) -> bool:
    """Whether an event with these attributes counts."""
    return holds({"count": "nps", "at least": 1, "where": where}, [event("nps", 1, **attributes)], 2) == "true"


@pytest.mark.parametrize(
    ("wanted", "value", "expected"),
    [
        ("gold", "gold", True),
        ("gold", "Gold", False),
        ("gold", None, False),
        (5, 5, True),
        (5, 5.0, True),
        (5, "5", True),
        (5, "6", False),
        ("5", 5, True),
        ("5.0", 5.0, True),
        (True, True, True),
        (True, False, False),
        (True, 1, True),
        (False, 0, True),
        (True, "true", True),
        (False, "No ", True),
        ("true", True, True),
    ],
)
def test_equal_means_the_same_value_read_as_what_it_is_compared_with(wanted: Any, value: Any, expected: bool) -> None:
    assert matched({"x": wanted}, x=value) is expected
    assert matched({"x": [wanted]}, x=value) is expected
    # A missing value is not another value.
    assert matched({"x": {"other than": wanted}}, x=value) is (not expected and value is not None)
    assert matched({"x": {"other than": [wanted]}}, x=value) is (not expected and value is not None)


@pytest.mark.parametrize(
    ("wanted", "value"), [(1, True), (0, False), (5, "five"), (5, "5,0"), (True, "maybe"), (True, 2)]
)
def test_a_value_that_cannot_be_read_as_the_type_is_neither_the_value_nor_another(wanted: Any, value: Any) -> None:
    assert not matched({"x": wanted}, x=value)
    assert not matched({"x": {"other than": wanted}}, x=value)


@pytest.mark.parametrize(
    ("wanted", "value"), [(10**18 + 1, 10**18 + 2), (10**14, 10**15), (0.00002, 0.00001), (0.00001, 0)]
)
def test_numbers_that_differ_are_not_equal(wanted: Any, value: Any) -> None:
    assert not matched({"x": wanted}, x=value)
    assert matched({"x": wanted}, x=wanted)


def test_an_attribute_that_is_missing_matches_nothing() -> None:
    for wanted in ("gold", ["gold"], {"at least": 0}, {"at most": 0}, {"other than": "gold"}):
        assert not matched({"x": wanted}, y="gold")


def test_any_of_several_values() -> None:
    assert [matched({"x": ["a", "b", 3]}, x=value) for value in ("a", "b", 3, "c", True)] == [True] * 3 + [False] * 2
    assert [matched({"x": {"other than": ["a", 3]}}, x=value) for value in ("a", 3, "c")] == [False, False, True]


@pytest.mark.parametrize(
    ("bounds", "value", "expected"),
    [
        ({"at least": 50}, 50, True),
        ({"at least": 50}, 49.9999, False),
        ({"at least": 50}, Decimal("50.00"), True),
        ({"at most": 50}, 50, True),
        ({"at most": "49.99"}, Decimal("49.99"), True),
        ({"at most": "49.99"}, 49.99, True),
        ({"at least": 1, "at most": 2}, 3, False),
        ({"at least": 0}, True, False),
        ({"at most": 9}, False, False),
        ({"at least": 0}, "5", True),
        ({"at least": 0}, "5 EUR", False),
        ({"at least": -5}, -5, True),
    ],
)
def test_bounds_compare_numbers_and_nothing_else(bounds: Any, value: Any, expected: bool) -> None:
    assert matched({"x": bounds}, x=value) is expected


def test_every_filter_has_to_match() -> None:
    where = {"plan": "gold", "seats": {"at least": 2}}
    assert matched(where, plan="gold", seats=2)
    assert not matched(where, plan="gold", seats=1)
    assert not matched(where, plan="tin", seats=2)


def test_an_amount_of_money_matches_the_number_in_the_rule() -> None:
    asked = {"count": "purchase", "at least": 1, "where": {"amount": 20}}
    assert holds(asked, bought(1, amount=Decimal("20.00")), 2) == "true"


@pytest.mark.parametrize(
    ("wanted", "expected"), [(19.99, "true"), ([5, 19.99], "true"), ({"other than": 19.99}, "false")]
)
def test_an_amount_with_cents_matches_the_number_in_the_rule(wanted: Any, expected: str) -> None:
    asked = {"count": "purchase", "at least": 1, "where": {"amount": wanted}}
    assert holds(asked, bought(1, amount=Decimal("19.99")), 2) == expected


def test_a_filter_narrows_silences_and_sums_too() -> None:
    web, app = logged_in(1, how="web"), logged_in(20, how="app")
    question = Question({"none": "login", "for": "30 days", "where": {"how": "web"}}, [*web, *app])
    assert (question.at(31 - MS), question.at(31)) == ("false", "true")
    large = {"sum": "purchase.amount", "at least": 50, "where": {"amount": {"at least": 30}}}
    assert holds(large, [*bought(1, amount=20), *bought(2, amount=40)], 3) == "false"
    assert holds(large, [*bought(1, amount=30), *bought(2, amount=40)], 3) == "true"


# --- status -------------------------------------------------------------------------------------------------------


def cancelled(*days: float) -> list[DecodedEvent]:
    return [event("cancellation", at) for at in days]


@pytest.mark.parametrize(
    ("events", "status"),
    [
        (logged_in(1), "active"),
        (bought(1), "active"),
        (cancelled(2), "cancelled"),
        ([*bought(1), *cancelled(2)], "cancelled"),
        ([*cancelled(1), *bought(2)], "active"),
        ([*cancelled(2), *bought(1)], "cancelled"),  # the purchase came late
        ([*bought(2), *cancelled(1)], "active"),  # the cancellation came late
        ([*bought(2), *cancelled(2)], "cancelled"),
        ([*cancelled(2), *bought(2)], "cancelled"),
        ([*cancelled(1), *bought(2), *cancelled(3)], "cancelled"),
        ([*cancelled(1), *logged_in(2)], "cancelled"),
    ],
)
def test_a_customer_is_cancelled_from_a_cancellation_until_the_next_purchase(
    events: list[DecodedEvent], status: str
) -> None:
    other = {"active": "cancelled", "cancelled": "active"}[status]
    assert (holds({"status": status}, events, 5), holds({"status": other}, events, 5)) == ("true", "false")


def test_time_alone_never_changes_the_status() -> None:
    assert Question({"status": "cancelled"}, cancelled(1)).next_flip(1) is None


def test_for_how_long_counts_from_the_latest_cancellation() -> None:
    question = Question({"status": "cancelled", "for": "30 days"}, cancelled(1, 5))
    assert (question.at(35 - MS), question.at(35), question.next_flip(5)) == ("false", "true", 35)
    assert holds({"status": "cancelled", "for": "30 days"}, [*cancelled(1), *bought(2)], 90) == "false"


def test_a_reactivation_ends_a_cancellation_where_there_are_such_events() -> None:
    events = [*cancelled(1), event("reactivation", 2)]
    ruleset = rules(rule(when={"status": "active"}), types=(*TYPES, "reactivation"))
    stored = after(ruleset, *events)
    assert truth_of(stored, ruleset, day(3), watched(ruleset)) == (TRUE, FOREVER_MS)
    assert ruleset.rules[0].types == {"purchase", "cancellation", "reactivation"}


# --- means --------------------------------------------------------------------------------------------------------


def scored(*scores: Any, at: float = 1) -> list[DecodedEvent]:
    """Answers of a survey, an hour apart; None for one without a score."""
    return [
        event("nps", at + number / 24, **({} if score is None else {"score": score}))
        for number, score in enumerate(scores)
    ]


@pytest.mark.parametrize(
    ("scores", "bounds", "expected"),
    [
        ([1, 2], {"exactly": "1.5"}, "true"),
        ([1, 1, 2], {"more than": "1.3333"}, "true"),
        ([1, 1, 2], {"at most": "1.3333"}, "false"),
        ([1, 1, 2], {"at least": "1.3334"}, "false"),
        ([0.1, 0.2, 0.3], {"exactly": "0.2"}, "true"),
        ([5, None, "many", True, 5], {"exactly": 5}, "true"),
        ([5, "8", " 5.0 "], {"exactly": 6}, "true"),
        ([-4, 2], {"at most": -1}, "true"),
        ([-4, 2], {"less than": -1}, "false"),
        ([7], {"between": "6.5 and 7"}, "true"),
    ],
)
def test_a_mean_is_compared_exactly_and_of_numbers_only(scores: list[Any], bounds: Any, expected: str) -> None:
    assert holds({"average": "nps.score", **bounds}, scored(*scores), 2) == expected


def test_nothing_has_no_mean_that_any_bound_could_meet() -> None:
    for bounds in ({"at least": -100}, {"at most": 100}):
        assert holds({"average": "nps.score", **bounds}, scored(None, "nine"), 2) == "false"


def test_a_mean_moves_as_days_leave_the_window() -> None:
    events = [*logged_in(0), *scored(1, at=10), *scored(9, at=12)]
    falls = Question({"average": "nps.score", "at least": 5, "within": "7 days"}, events)
    assert (falls.at(16.9), falls.next_flip(13), falls.at(19)) == ("true", 19, "false")
    rises = Question({"average": "nps.score", "at least": 6, "within": "7 days"}, events)
    assert [rises.at(at) for at in (16.9, 17, 18.9, 19)] == ["false", "true", "true", "false"]
    assert (rises.next_flip(13), rises.next_flip(17)) == (17, 19)


def test_a_mean_needs_the_window_watched() -> None:
    events = [*logged_in(40), *scored(9, at=50)]
    question = Question({"average": "nps.score", "at least": 5, "within": "7 days"}, events, since_day=47)
    assert (question.at(53 - MS), question.next_flip(50), question.at(53)) == ("not observable", 53, "true")


def test_the_mean_of_purchases_is_known_of_those_that_were_there_before_the_rule() -> None:
    """They share the series that every purchase is kept in."""
    assert set(Question({"average": "purchase.amount", "at least": 5}, bought(1)).facts.series) == {"purchase"}


# --- different values ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "number"),
    [
        (["a", "b", "a"], 2),
        ([1, 1.0, Decimal("1.00")], 1),
        ([1, True], 2),
        ([1, "1", 1.5, "1.5", True, "true", -3, "-3"], 4),  # a table has texts only, and counts like the rest
        (["7", "007", "1.1", "1.10", "True", "true"], 6),
        ([None, "a"], 1),
        (["a", "A", "a "], 3),
        ([10**30, 1e30], 1),
        ([0, -0.0, False], 2),
    ],
)
def test_values_that_are_not_the_same_are_distinguished(values: list[Any], number: int) -> None:
    assert holds({"distinct": "nps.score", "exactly": number}, scored(*values), 3) == "true"


def test_a_value_counts_from_the_day_on_which_it_was_seen_last() -> None:
    events = [*scored("a", at=10.5), *scored("b", at=11.5), *scored("a", at=14.5)]
    question = Question({"distinct": "nps.score", "at least": 2, "within": "7 days"}, events)
    assert (question.at(18 - MS), question.next_flip(14.5), question.at(18)) == ("true", 18, "false")


def test_a_numeric_text_that_release_0_1_stored_is_the_same_value_when_it_comes_again() -> None:
    question = Question({"distinct": "nps.score", "exactly": 2}, scored("101", "red"))
    known = question.facts
    (key,) = (key for key, series in known.series.items() if series.distinct_values)
    kept, of_then = known.series[key], map(fingerprint_of_text_0_1, ("101", "red"))
    kept.distinct_values = [
        (f"{value:08x}", on_day) for value, (_, on_day) in zip(of_then, kept.distinct_values, strict=True)
    ]
    stored = stored_of(known, question.rules)
    again = after(question.rules, *scored("101", "red", at=2), stored=stored, observed=question.observed)
    values = [value for value, _ in facts_in(again, question.rules).series[key].distinct_values]
    assert sorted(values) == sorted(f"{fingerprint_of(value):08x}" for value in ("101", "red"))


def test_a_value_that_arrives_late_was_still_seen_last_when_it_was() -> None:
    asked = {"distinct": "nps.score", "at least": 1, "within": "7 days"}
    for late in (1, 2, 11, 12):
        question = Question(asked, [*logged_in(0), *scored("a", at=12), *scored("a", at=late)])
        assert (question.next_flip(12), question.at(19 - MS)) == (19, "true")


def test_up_to_thirty_two_different_values_are_distinguished_and_one_more_is_noticed() -> None:
    for number in (31, 32, 33, 60):
        events = scored(*range(number))
        assert holds({"distinct": "nps.score", "at least": 32}, events, 5) == ("true" if number >= 32 else "false")
        assert holds({"distinct": "nps.score", "at most": 32}, events, 5) == ("true" if number <= 32 else "false")


# --- how long ago -------------------------------------------------------------------------------------------------


def test_how_long_ago_something_was_last_is_known_to_the_millisecond() -> None:
    recent = Question({"last": "login", "at most": "7 days ago"}, logged_in(1, 3.25))
    assert (recent.at(10.25), recent.at(10.25 + MS), recent.at(500)) == ("true", "false", "false")
    assert recent.next_flip(3.25) == pytest.approx(10.25 + MS, abs=MS / 10)
    old = Question({"last": "login", "at least": "7 days ago"}, logged_in(1, 3.25))
    assert (old.at(10.25 - MS), old.at(10.25), old.next_flip(4), old.next_flip(10.25)) == (
        "false",
        "true",
        10.25,
        None,
    )


def test_between_two_ages_both_are_included() -> None:
    question = Question({"last": "login", "between": "2 days and 5 days ago"}, logged_in(1))
    assert [question.at(at) for at in (3 - MS, 3, 6, 6 + MS)] == ["false", "true", "true", "false"]
    assert question.next_flip(1) == 3


def test_what_never_happened_is_not_long_ago() -> None:
    for bounds in ({"at least": "2 days ago"}, {"at most": "2 days ago"}):
        for word in ("last", "first"):
            assert holds({word: "login", **bounds}, bought(1), 50) == "false"


def test_what_may_have_happened_before_anybody_watched_is_not_known_to_be_long_ago() -> None:
    question = Question({"last": "login", "at most": "7 days ago"}, logged_in(10), since_day=100, whole=False)
    assert (question.at(17), question.at(17 + MS), question.at(107), question.at(107 + MS)) == (
        "true",
        "not observable",
        "not observable",
        "false",
    )
    question = Question({"last": "login", "at least": "7 days ago"}, logged_in(10), since_day=100, whole=False)
    assert (question.at(17 - MS), question.at(17), question.at(107 - MS), question.at(107)) == (
        "false",
        "not observable",
        "not observable",
        "true",
    )


def test_the_first_time_is_known_if_the_whole_history_is() -> None:
    question = Question({"first": "login", "at most": "7 days ago"}, logged_in(1, 3))
    assert (question.at(8), question.at(8 + MS)) == ("true", "false")
    assert holds({"first": "login", "at least": "7 days ago"}, logged_in(1, 3), 8) == "true"


def test_an_earlier_first_time_may_have_gone_unseen() -> None:
    newcomer = {"first": "login", "at most": "7 days ago"}
    assert holds(newcomer, logged_in(1, 3), 4, whole=False) == "not observable"
    assert holds(newcomer, logged_in(1, 3), 9, whole=False) == "false"
    assert holds({"first": "login", "at least": "7 days ago"}, logged_in(1, 3), 8, whole=False) == "true"
    assert holds({"first": "login", "at least": "7 days ago"}, logged_in(1, 3), 7, whole=False) == "not observable"


def test_a_customer_is_too_new_if_anything_unseen_would_be_too_old() -> None:
    """Watched since day 0, known since day 1: an unseen first log-in would have been before day 1."""
    asked = {"first": "login", "between": "10 days and 30 days ago"}
    question = Question(asked, [*bought(1), *logged_in(25)], since_day=0, whole=False)
    assert [question.at(at) for at in (31, 31 + MS, 35 - MS, 35, 55, 55 + MS)] == [
        "not observable",
        "false",
        "false",
        "not observable",
        "not observable",
        "false",
    ]
    assert question.next_flip(25) == pytest.approx(31 + MS, abs=MS / 10)
    assert question.next_flip(32) == 35


def test_a_customer_is_known_since_the_first_event_that_arrived() -> None:
    question = Question({"known for": "90 days"}, [*logged_in(10), *bought(5, 60)])
    assert (question.at(100 - MS), question.at(100), question.next_flip(60)) == ("false", "true", 100)


def test_a_customer_known_for_less_may_be_an_old_one() -> None:
    asked = {"known for": "90 days"}
    assert holds(asked, logged_in(10), 50, whole=False) == "not observable"
    assert holds(asked, logged_in(200), 250, whole=False) == "false"


# --- then and now -------------------------------------------------------------------------------------------------

FALLEN: Final = {"change": "login", "down by": "50%", "within": "10 days", "from at least": 4}


def test_two_windows_of_the_same_length_are_compared() -> None:
    """On day 39 they are the days 20 to 29 and 30 to 39."""
    events = [*logged_in(1), *logged_in(20, 21, 29.9, 29.9), *logged_in(30, 39)]
    question = Question(FALLEN, events)
    assert (question.at(39), question.next_flip(39), question.at(41)) == ("true", 41, "false")
    assert holds(FALLEN, [*logged_in(1), *logged_in(20, 21, 29.9), *logged_in(30)], 39) == "false"
    assert holds(FALLEN, [*logged_in(1), *logged_in(20, 21, 29.9, 29.9), *logged_in(30, 31, 39)], 39) == "false"


def test_what_passes_from_the_one_window_into_the_other_is_followed() -> None:
    question = Question(FALLEN, [*logged_in(0), *logged_in(20, 21, 22, 23)])
    assert [question.at(at) for at in (30, 31, 32, 33, 39.9, 40)] == ["false"] * 3 + ["true"] * 2 + ["false"]
    assert (question.next_flip(23), question.next_flip(33)) == (33, 40)


def test_one_day_enters_the_first_window_as_another_leaves_it() -> None:
    question = Question(
        {"change": "login", "down by": "50%", "within": "10 days", "from at least": 1},
        logged_in(1, 21, 31),
    )
    assert [question.at(at) for at in (31, 40, 41, 50, 51)] == ["false", "false", "true", "true", "false"]
    assert (question.next_flip(31), question.next_flip(41)) == (41, 51)


def test_a_share_is_compared_exactly() -> None:
    events = [*bought(1), *bought(20, amount=Decimal("0.30")), *bought(30, amount=Decimal("0.20"))]
    for share, expected in (("33.33%", "true"), ("33.34%", "false")):
        asked = {"change": "purchase.amount", "down by": share, "within": "10 days", "from at least": "0.3"}
        assert holds(asked, events, 39) == expected
    for share, expected in (("100%", "true"), ("100.01%", "false")):
        risen: dict[str, Any] = {"change": "login", "up by": share, "within": "10 days", "from at least": 2}
        assert holds(risen, logged_in(1, 20, 21, 30, 31, 32, 33), 39) == expected


def test_both_windows_have_to_be_watched() -> None:
    question = Question(FALLEN, logged_in(20, 21, 22, 23), since_day=0)
    assert (question.at(39 - MS), question.next_flip(23), question.at(39)) == ("not observable", 39, "true")


# --- the usual gap of a customer ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "patience"),
    [
        ([0], 2 * 20),  # a newcomer is judged by the usual gap of all customers
        ([0, 0.5], 2 * (40 + 0.5) / 2),  # one day counts once, however often
        ([0, 20, 40], 2 * 20),
        ([0, 5, 10, 15, 20, 25, 30, 35, 40], 2 * (40 + 40) / 10),
        ([0, 50, 100], 2 * (40 + 100) / 4),
        (list(range(50)), 14),  # never sooner than that
    ],
)
def test_a_customer_who_comes_more_often_is_overdue_sooner(days: list[float], patience: float) -> None:
    asked = {"overdue": "purchase", "by": "2 times", "usual gap": "20 days", "at least": "14 days"}
    question = Question(asked, bought(*days))
    due = days[-1] + patience
    assert question.next_flip(days[-1]) == due
    assert (question.at(due - MS), question.at(due), question.at(due + 900)) == ("false", "true", "true")


def test_a_customer_who_never_came_is_not_overdue() -> None:
    asked = {"overdue": "login", "by": "2 times", "usual gap": "20 days", "at least": "14 days"}
    assert holds(asked, bought(1), 500) == "false"
    assert holds(asked, bought(1), 100, whole=False) == "not observable"


def test_a_day_that_arrives_late_counts_as_one() -> None:
    asked = {"overdue": "purchase", "by": "1 times", "usual gap": "10 days", "at least": "1 day"}
    in_time = Question(asked, bought(0, 3, 3.5, 6, 9)).next_flip(9)
    for late in ([0, 6, 9, 3, 3.5], [3, 9, 0, 6, 3.5], [9, 6, 3.5, 3, 0]):
        assert Question(asked, bought(*late)).next_flip(9) == in_time


# --- one event after another --------------------------------------------------------------------------------------

HELPED: Final = {"after": "nps", "then": "purchase", "within": "2 days"}
LEFT: Final = {"after": "nps", "without": "purchase", "for": "2 days"}


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([*scored(1, at=5)], "false"),
        ([*scored(1, at=5), *bought(7)], "true"),
        ([*scored(1, at=5), *bought(7 + MS)], "false"),
        ([*scored(1, at=5), *bought(5)], "true"),
        ([*bought(5), *scored(1, at=5)], "true"),
        ([*bought(5 - MS), *scored(1, at=5)], "false"),
        ([*scored(1, at=5), *bought(6), *scored(1, at=6.5)], "false"),
        ([*scored(1, at=5), *bought(6, 9)], "true"),
        ([*scored(1, at=5), *bought(8), *scored(1, at=8.5), *bought(9)], "true"),
        ([*scored(1, at=5), *bought(9), *bought(6)], "true"),  # the second came late
        ([*bought(6), *scored(1, at=5)], "true"),  # the first came late
        ([*bought(6), *bought(9), *scored(1, at=5)], "true"),
        ([*bought(4), *bought(9), *scored(1, at=8)], "true"),
    ],
)
def test_the_latest_of_one_event_was_followed_in_time_or_not(events: list[DecodedEvent], expected: str) -> None:
    question = Question(HELPED, [*logged_in(0), *events])
    assert question.at(10) == expected
    assert question.next_flip(10) is None


def test_what_followed_first_is_not_known_if_the_first_event_came_too_late() -> None:
    events = [*logged_in(0), *bought(1), *bought(6), *bought(9), *scored(1, at=5)]
    assert holds(HELPED, events, 10) == "not observable"
    assert holds(HELPED, [*events, *scored(1, at=10), *bought(11)], 12) == "true"


def test_what_did_not_follow_did_not_to_the_millisecond() -> None:
    question = Question(LEFT, [*logged_in(0), *bought(4), *scored(1, at=5)])
    assert (question.at(7 - MS), question.at(7), question.at(700)) == ("false", "true", "true")
    assert (question.next_flip(5), question.next_flip(7)) == (7, None)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (bought(5), "false"),
        ([*scored(1, at=5), *bought(5)], "false"),
        ([*scored(1, at=5), *bought(30)], "false"),
        ([*scored(1, at=5), *bought(6), *scored(1, at=7)], "true"),
        ([*bought(6), *scored(1, at=5)], "false"),
    ],
)
def test_an_event_that_was_followed_or_never_happened_is_not_left_alone(
    events: list[DecodedEvent], expected: str
) -> None:
    assert holds(LEFT, events, 40) == expected


def test_of_one_type_no_event_follows_itself() -> None:
    asked = {
        "after": {"event": "purchase", "where": {"amount": {"at least": 50}}},
        "without": "purchase",
        "for": "9 days",
    }
    assert holds(asked, [*bought(1), *bought(2, amount=60)], 11) == "true"
    assert holds(asked, [*bought(2, amount=60), *bought(3)], 40) == "false"
    again = {
        "after": {"event": "purchase", "where": {"amount": {"at least": 50}}},
        "then": "purchase",
        "within": "9 days",
    }
    assert holds(again, bought(2, amount=60), 11) == "false"
    assert holds(again, [*bought(2, amount=60), *bought(3)], 11) == "true"


def test_what_followed_may_have_gone_unseen() -> None:
    for asked in (HELPED, LEFT):
        assert holds(asked, [*logged_in(0), *scored(1, at=5)], 40, since_day=6) == "not observable"


def test_a_rule_that_is_new_knows_what_followed_as_far_as_first_and_last_show() -> None:
    """The two series were kept before, what followed first was not."""
    old, new = rules(types=ALL_TYPES), rules(rule(when=HELPED), types=ALL_TYPES)

    def verdict_after(*events: DecodedEvent) -> str:
        stored = after(old, *logged_in(0), *events)
        return WORDS[truth_of(stored, new, day(40), watched(new))[0]]

    assert verdict_after(*scored(1, at=5)) == "false"
    assert verdict_after(*scored(1, at=5), *bought(6)) == "true"
    assert verdict_after(*scored(1, at=5), *bought(8, 9)) == "false"
    assert verdict_after(*bought(1), *scored(1, at=5), *bought(6, 9)) == "not observable"


@pytest.mark.parametrize(
    ("before", "meanwhile", "expected"),
    [
        ([], bought(6), "true"),
        (bought(1), bought(6), "not observable"),
        (bought(1), bought(4), "false"),
        (bought(1), logged_in(6), "false"),
    ],
)
def test_what_followed_while_no_rule_asked_is_not_taken_as_never_happened(
    before: list[DecodedEvent], meanwhile: list[DecodedEvent], expected: str
) -> None:
    """The rule is removed after the first, and comes back before the customer buys once more."""
    asks, rests = rules(rule(when=HELPED), types=ALL_TYPES), rules(types=ALL_TYPES)
    stored = after(asks, *logged_in(0), *before, *scored(1, at=5))
    stored = after(rests, *meanwhile, stored=stored)
    stored = after(asks, *bought(9), stored=stored)
    assert WORDS[truth_of(stored, asks, day(10), watched(asks))[0]] == expected


# --- attributes of events -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "value", "expected"),
    [
        ({"is": "gold"}, "gold", "true"),
        ({"is": "gold"}, "tin", "false"),
        ({"is": ["gold", "tin"]}, "tin", "true"),
        ({"is": 5}, Decimal("5.00"), "true"),
        ({"is": 19.99}, Decimal("19.99"), "true"),
        ({"is": True}, True, "true"),
        ({"is": True}, 1, "true"),
        ({"is": True}, 2, "not observable"),
        ({"is not": "gold"}, "tin", "true"),
        ({"is not": ["gold", "tin"]}, "tin", "false"),
        ({"at most": 6}, 6, "true"),
        ({"at most": 6}, "6", "true"),
        ({"at most": 6}, "six", "not observable"),
        ({"more than": 6}, 6, "false"),
        ({"between": "1 and 2"}, 1.5, "true"),
        ({"at least": 5}, 10**400, "true"),
        ({"is": "x" * 500}, "x" * 500, "true"),
    ],
)
def test_the_latest_value_is_compared_as_what_the_rule_needs(asked: Any, value: Any, expected: str) -> None:
    assert holds({"latest": "nps.score", **asked}, scored(value), 2) == expected


def test_the_newest_event_with_the_attribute_counts() -> None:
    asked = {"latest": "nps.score", "is": "new"}
    assert holds(asked, [*scored("old", at=1), *scored("new", at=2), *scored(None, at=3)], 9) == "true"
    assert holds(asked, [*scored("new", at=2), *scored("old", at=1)], 9) == "true"  # the old one came late
    assert holds(asked, [*scored("old", at=2), *scored("new", at=2)], 9) == "true"  # the later in the log


def test_an_attribute_of_no_event_is_not_observable() -> None:
    for asked in ({"is": "gold"}, {"is not": "gold"}, {"at most": 6}):
        assert holds({"latest": "nps.score", **asked}, scored(None, [], float("nan")), 9) == "not observable"


@pytest.mark.parametrize(
    "date",
    [
        "2024-02-01",
        "2024-02-01T00:00:00",
        "2024-02-01T00:00:00Z",
        "2024-02-01T02:00:00+02:00",
        int(day(31)),
        float(day(31)),
    ],
)
def test_a_date_comes_near_and_passes(date: Any) -> None:
    """The first of February is day 31."""
    ahead = Question({"date": "nps.ends", "in the next": "10 days"}, [event("nps", 1, ends=date)])
    assert [ahead.at(at) for at in (21 - MS, 21, 31 - MS, 31)] == ["false", "true", "true", "false"]
    assert (ahead.next_flip(1), ahead.next_flip(21), ahead.next_flip(31)) == (21, 31, None)
    over = Question({"date": "nps.ends", "passed for": "3 days"}, [event("nps", 1, ends=date)])
    assert (over.at(34 - MS), over.at(34), over.next_flip(1), over.next_flip(34)) == ("false", "true", 34, None)


@pytest.mark.parametrize("date", ["soon", "2024-13-01", True, 1e30, -1, None, "", "9999-99-99"])
def test_what_is_no_date_is_not_observable(date: Any) -> None:
    assert holds({"date": "nps.ends", "in the next": "10 days"}, [event("nps", 1, ends=date)], 2) == "not observable"


# --- what is kept -------------------------------------------------------------------------------------------------


def kept(when: Any) -> set[str]:
    ruleset = rules(rule(when=when), types=ALL_TYPES)
    return {spec.key for spec in ruleset.specs()} - set(ALL_TYPES)


def test_what_two_rules_ask_for_alike_is_kept_once() -> None:
    where = {"plan": ["gold", "tin"]}
    alike = [
        {"count": "login", "at least": 1, "within": "5 days", "where": where},
        {"count": "login", "at most": 9, "within": "60 days", "where": where},
        {"none": "login", "for": "5 days", "where": where},
        {"last": "login", "at most": "5 days ago", "where": where},
        {"after": {"event": "login", "where": where}, "without": "nps", "for": "1 day"},
    ]
    assert len(kept({"all": alike})) == 1


def test_the_name_of_a_series_says_what_is_in_it_and_never_changes() -> None:
    assert kept({"none": "login", "for": "5 days", "where": {"plan": "gold"}}) == {"login?1721f5c67cda"}
    assert kept({"sum": "purchase.amount", "at least": 1, "where": {"plan": "gold"}}) == {"purchase?93ee1e025246"}


def test_a_window_that_reaches_further_back_than_what_was_kept_is_not_observable() -> None:
    """Ninety days are kept of every type; a new rule that asks for a year has to wait until a year was kept."""
    old = rules(types=ALL_TYPES)
    new = rules(rule(when={"count": "login", "at most": 9, "within": "365 days"}), types=ALL_TYPES)
    stored = after(old, *logged_in(*range(0, 500, 20)))
    looked = truth_of(stored, new, day(700), watched(new))
    until = facts_in(stored, old).series["login"].incomplete_until
    assert until is not None
    gone = day_number(until, "login") - day(0) // DAY
    assert 300 < gone <= 480 - 90
    assert looked == (NOT_OBSERVABLE, day(gone + 365))


def test_what_had_to_be_dropped_for_want_of_room_is_not_taken_as_never_happened() -> None:
    few, many = ({"count": "login", "at most": 3, "within": f"{days} days"} for days in (5, 700))
    bought_once = {"count": "purchase", "at least": 1, "within": "700 days"}
    ruleset = rules(rule("few", when=few), rule("many", when=many), rule("once", when=bought_once), types=ALL_TYPES)
    events = [event(kind, at) for at in range(900) for kind in ("login", "purchase")]
    stored, at_ms = after(ruleset, *events), day(900 + 690)
    assert sum(len(series.days) for series in facts_in(stored, ruleset).series.values()) == MAX_DAYS
    assert truth_of(stored, ruleset, at_ms, watched(ruleset), "few")[0] == TRUE
    assert truth_of(stored, ruleset, at_ms, watched(ruleset), "many")[0] in (NOT_OBSERVABLE, FALSE)


# --- what else could change it ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "can_turn_false", "can_turn_true"),
    [
        ({"count": "login", "at least": 1}, set(), {"login"}),
        ({"count": "login", "at most": 1}, {"login"}, set()),
        ({"count": "login", "at least": 1, "at most": 2}, {"login"}, {"login"}),
        ({"none": "login", "for": "1 day"}, {"login"}, set()),
        ({"status": "cancelled"}, {"purchase"}, {"cancellation"}),
        ({"status": "active"}, {"cancellation"}, {"purchase"}),
        ({"not": {"none": "login", "for": "1 day"}}, set(), {"login"}),
        ({"all": [{"none": "login", "for": "1 day"}, {"status": "active"}]}, {"login", "cancellation"}, {"purchase"}),
        ({"average": "nps.score", "at least": 1}, {"nps"}, {"nps"}),
        ({"distinct": "nps.score", "at least": 1}, set(), {"nps"}),
        ({"distinct": "nps.score", "at most": 1}, {"nps"}, set()),
        ({"last": "login", "at least": "1 day ago"}, {"login"}, {"login"}),
        ({"last": "login", "at most": "1 day ago"}, set(), {"login"}),
        ({"first": "login", "at least": "1 day ago"}, set(), {"login"}),
        ({"first": "login", "at most": "1 day ago"}, {"login"}, {"login"}),
        ({"known for": "1 day"}, set(), set()),
        ({"change": "login", "down by": "5%", "within": "1 day", "from at least": 1}, {"login"}, {"login"}),
        (
            {"overdue": "login", "by": "2 times", "usual gap": "2 days", "at least": "1 day"},
            {"login"},
            {"login"},
        ),
        ({"after": "nps", "then": "login", "within": "1 day"}, {"nps"}, {"nps", "login"}),
        ({"after": "nps", "without": "login", "for": "1 day"}, {"nps", "login"}, {"nps"}),
        ({"latest": "nps.score", "is": 5}, {"nps"}, {"nps"}),
        ({"date": "nps.ends", "passed for": "1 day"}, {"nps"}, {"nps"}),
        ({"status": "cancelled", "for": "1 day"}, {"purchase", "cancellation"}, {"cancellation"}),
    ],
)
def test_a_condition_knows_which_unseen_event_could_undo_it(
    when: Any, can_turn_false: set[str], can_turn_true: set[str]
) -> None:
    written = READ(when)
    assert (
        set(whole_conditions.can_turn_false(written, ALL_TYPES)),
        set(whole_conditions.can_turn_true(written, ALL_TYPES)),
    ) == (
        can_turn_false,
        can_turn_true,
    )
    assert set(rules(rule(when=when), types=ALL_TYPES).rules[0].types) == can_turn_false | can_turn_true


# --- the reason why -----------------------------------------------------------------------------------------------


def why(when: Any, events: list[DecodedEvent], at_day: float) -> list[tuple[Any, ...]]:
    question = Question(when, events)
    reasons = reasons_for(question.stored, question.rules, day(at_day), question.observed)
    return [
        (reason.condition, reason.observed, reason.bound, reason.window, reason.prevented_by) for reason in reasons
    ]


def test_a_count_says_what_was_found_what_was_asked_for_and_what_would_have_prevented_it() -> None:
    assert why({"count": "purchase", "at most": 3, "within": "90 days"}, bought(1, 2), 95) == [
        ("at most 3 purchases within 90 days", 0, "at most 3", "90 days", "4 more purchases within 90 days")
    ]


def test_a_lower_bound_cannot_be_prevented_by_doing_more() -> None:
    assert why({"count": "purchase", "at least": 2}, bought(1, 2), 3) == [
        ("at least 2 purchases ever", 2, "at least 2", "ever", None)
    ]


def test_a_sum_says_how_much() -> None:
    (reason,) = why({"sum": "purchase.amount", "at least": "49.5"}, spent(Decimal("19.99"), Decimal(40)), 3)
    assert reason[:4] == ("purchase amount adding up to at least 49.5 ever", 59.99, "at least 49.5", "ever")


@pytest.mark.parametrize("bound", ["12345.67", "1000000", "1234567"])
def test_a_large_bound_is_written_as_it_was_asked_for(bound: str) -> None:
    (reason,) = why({"sum": "purchase.amount", "at least": bound}, spent(Decimal(10) ** 9), 3)
    assert reason[2] == f"at least {bound}"


def test_a_silence_says_since_when_and_until_when_it_could_have_been_broken() -> None:
    assert why({"none": "purchase", "for": "45 days"}, bought(3.5), 50) == [
        (
            "no purchase for 45 days",
            "last on 2024-01-04 12:00 UTC",
            "none for 45 days",
            "45 days",
            "a purchase before 2024-02-18 12:00 UTC",
        )
    ]


def test_a_silence_that_was_always_there_says_never() -> None:
    ((_, observed, _, _, prevented),) = why({"none": "login", "for": "30 days"}, bought(3), 50)
    assert (observed, prevented) == ("never", "a login before 2024-02-03 00:00 UTC")


def test_the_parts_of_a_rule_are_explained_in_their_order() -> None:
    parts = [
        {"none": "purchase", "for": "1 day"},
        {"status": "active"},
        {"count": "login", "at most": 0, "within": "2 days"},
    ]
    assert [one[0] for one in why({"all": parts}, bought(1), 5)] == [
        "no purchase for 1 day",
        "the customer is active",
        "no login within 2 days",
    ]


def test_one_day_is_written_as_one_day() -> None:
    (reason,) = why({"count": "login", "at most": 0, "within": "1 day"}, bought(1), 5)
    assert "1 days" not in str(reason)


def test_what_must_not_be_is_explained_as_that() -> None:
    (reason,) = why({"not": {"count": "purchase", "at least": 3, "within": "9 days"}}, bought(1), 12)
    assert reason[:3] == ("fewer than 3 purchases within 9 days", 0, "not at least 3")


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({"average": "purchase.amount", "at least": 10}, (20.005, "at least 10", "ever", None)),
        ({"distinct": "purchase.currency", "exactly": 1, "within": "90 days"}, (1, "exactly 1", "90 days", None)),
        (
            {"last": "purchase", "at least": "30 days ago"},
            ("last on 2024-01-04 12:00 UTC", "at least 30 days ago", None, "a purchase after 2024-01-21 00:00 UTC"),
        ),
        ({"last": "login", "at most": "1 day ago"}, ("never", "at most 1 day ago", None, None)),
        (
            {"first": "purchase", "at most": "90 days ago"},
            ("first on 2024-01-02 00:00 UTC", "at most 90 days ago", None, None),
        ),
        ({"known for": "3 days"}, ("since 2024-01-02 00:00 UTC", "at least 3 days", None, None)),
        (
            {"change": "purchase", "down by": "50%", "within": "40 days", "from at least": 2},
            ("0 after 2", "down by 50% from at least 2", "40 days", None),
        ),
        (
            {"overdue": "purchase", "by": "2 times", "usual gap": "20 days", "at least": "14 days"},
            (
                "last on 2024-01-04 12:00 UTC, usually every 14.2 days",
                "2 times the usual gap, at least 14 days",
                None,
                "a purchase before 2024-02-01 20:00 UTC",
            ),
        ),
        (
            {"after": "nps", "then": "purchase", "within": "2 days"},
            (
                "last on 2024-01-03 00:00 UTC, then purchase on 2024-01-04 12:00 UTC",
                "purchase within 2 days",
                "2 days",
                None,
            ),
        ),
        (
            {"after": "nps", "without": "login", "for": "2 days"},
            ("last on 2024-01-03 00:00 UTC", "no login for 2 days", "2 days", "a login before 2024-01-05 00:00 UTC"),
        ),
        ({"latest": "nps.score", "is": ["gold", 5]}, (5, "is gold or 5", None, None)),
        ({"latest": "nps.gone", "at most": 6}, (None, "at most 6", None, None)),
        ({"date": "nps.ends", "in the next": "30 days"}, ("2024-03-01 00:00 UTC", "in the next 30 days", None, None)),
        ({"status": "cancelled", "for": "9 days"}, ("active", "cancelled for 9 days", None, "a purchase since")),
    ],
)
def test_every_condition_says_what_was_found_and_what_was_asked_for(when: Any, expected: tuple[Any, ...]) -> None:
    events = [*bought(1, amount=Decimal("20.01")), event("nps", 2, score=5, ends="2024-03-01"), *bought(3.5)]
    ((_, *reason),) = why(when, events, 50)
    assert tuple(reason) == expected
