"""Laws of conditions: when each is true, when it is false, and when nobody can know yet.

`holds` asks a condition as it is written in a rule file about a customer with some events. Day 0 is a midnight.
"""

from decimal import Decimal
from typing import Any, Final

import pytest

from tests.builders import DAY, TYPES, day, event, rule, rules, watched
from workers.core.activity import Activity
from workers.core.conditions import FALSE, NOT_OBSERVABLE, TRUE, Condition
from workers.core.decide import decide
from workers.core.facts import Fact
from workers.core.observed import FOREVER_MS, Observed

WORDS: Final = {TRUE: "true", FALSE: "false", NOT_OBSERVABLE: "not observable"}
ALL_TYPES: Final = (*TYPES, "nps")
MS: Final = 1 / DAY
"""A millisecond, in days."""


class Question:
    """A condition and a customer."""

    def __init__(self, when: Any, events: list[Fact], *, since_day: float = 0, whole: bool = True) -> None:
        ruleset = rules(rule(when=when), types=ALL_TYPES)
        self.condition: Condition = ruleset.rules[0].condition
        self.observed = watched(ruleset, since_day, whole)
        activity = decide("ada", None, events, ruleset, self.observed).activity
        assert activity is not None
        self.activity: Activity = activity

    def at(self, at_day: float) -> str:
        return WORDS[self.condition.look(self.activity, day(at_day), self.observed)[0]]

    def next_flip(self, at_day: float) -> float | None:
        """When time alone changes the truth, in days."""
        flip_ms = self.condition.look(self.activity, day(at_day), self.observed)[1]
        return None if flip_ms == FOREVER_MS else (flip_ms - day(0)) / DAY


def holds(when: Any, events: list[Fact], at_day: float, **seen: Any) -> str:
    return Question(when, events, **seen).at(at_day)


def bought(*days: float, **attributes: Any) -> list[Fact]:
    return [event("purchase", at, **attributes) for at in days]


def logged_in(*days: float, **attributes: Any) -> list[Fact]:
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


def spent(*amounts: Any) -> list[Fact]:
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


@pytest.mark.parametrize("value", ["12", True, None, "many"])
def test_what_is_no_number_adds_nothing(value: Any) -> None:
    assert holds({"sum": "nps.score", "at most": 0}, [event("nps", 1, score=value)], 2) == "true"


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


def test_whoever_is_known_for_less_than_the_window_may_have_done_it_before() -> None:
    """Known since the middle of day 100, so the first day that is known as a whole is day 101."""
    question = Question({"count": "purchase", "at most": 3, "within": "30 days"}, bought(100.5))
    assert (question.at(130 - MS), question.at(130)) == ("not observable", "true")
    assert question.next_flip(100.5) == 130


def test_a_window_that_is_not_watched_as_a_whole_says_nothing_of_how_few_there_were() -> None:
    question = Question({"count": "purchase", "at most": 3, "within": "30 days"}, bought(10, 50), since_day=40)
    assert (question.at(69 - MS), question.at(69)) == ("not observable", "true")


def test_what_was_seen_is_enough_for_a_lower_bound_however_short_it_was_watched() -> None:
    few = Question({"count": "purchase", "at least": 2, "within": "30 days"}, bought(50, 51), since_day=50)
    assert few.at(51) == "true"
    one = Question({"count": "purchase", "at least": 2, "within": "30 days"}, bought(50), since_day=50)
    assert one.at(51) == "not observable"


def test_more_than_the_upper_bound_is_too_many_however_short_it_was_watched() -> None:
    assert (
        holds({"count": "purchase", "at most": 1, "within": "30 days"}, bought(50, 51), 51, since_day=50) == "false"
    )


def test_nobody_is_silent_two_days_after_the_first_deployment() -> None:
    question = Question({"none": "login", "for": "90 days"}, bought(100), since_day=100)
    assert (question.at(102), question.at(190 - MS), question.at(190)) == ("not observable",) * 2 + ("true",)


def test_whoever_was_never_seen_doing_it_is_silent_since_they_are_known() -> None:
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
        activity = decide("ada", None, bought(1), ruleset, watched(ruleset)).activity
        assert activity is not None
        for at in (1, 500):
            assert ruleset.rules[0].condition.look(activity, day(at), Observed({})) == (NOT_OBSERVABLE, FOREVER_MS)


def test_ever_is_known_at_once_where_the_history_is_complete() -> None:
    assert holds({"count": "purchase", "at most": 1}, bought(1), 1) == "true"


@pytest.mark.parametrize(("first_day", "expected"), [(1, "not observable"), (179.9, "not observable"), (180, "true")])
def test_ever_is_known_only_of_newcomers_where_the_history_is_not_complete(first_day: float, expected: str) -> None:
    """Whoever turns up half a year after watching began is new; whoever turns up at once may be an old customer."""
    asked = {"count": "purchase", "at most": 1}
    assert holds(asked, bought(first_day), first_day + 1, whole=False) == expected
    assert holds(asked, bought(first_day), first_day + 5_000, whole=False) == expected


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
    "not observable": {"count": "purchase", "at most": 5, "within": "700 days"},
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
    ("wanted", "found", "expected"),
    [
        ("gold", "gold", True),
        ("gold", "Gold", False),
        ("gold", None, False),
        (5, 5, True),
        (5, 5.0, True),
        (5, "5", False),
        ("5", 5, False),
        (True, True, True),
        (True, False, False),
        (True, 1, False),
        (1, True, False),
        (0, False, False),
        (False, 0, False),
        (True, "true", False),
    ],
)
def test_equal_means_the_same_value_of_the_same_kind(wanted: Any, found: Any, expected: bool) -> None:
    assert matched({"x": wanted}, x=found) is expected
    assert matched({"x": [wanted]}, x=found) is expected
    # Whoever has no value at all is not of another one.
    assert matched({"x": {"other than": wanted}}, x=found) is (not expected and found is not None)
    assert matched({"x": {"other than": [wanted]}}, x=found) is (not expected and found is not None)


@pytest.mark.parametrize(
    ("wanted", "found"), [(10**18 + 1, 10**18 + 2), (10**14, 10**15), (0.00002, 0.00001), (0.00001, 0)]
)
def test_numbers_that_differ_are_not_equal(wanted: Any, found: Any) -> None:
    assert not matched({"x": wanted}, x=found)
    assert matched({"x": wanted}, x=wanted)


def test_an_attribute_that_is_missing_matches_nothing() -> None:
    for wanted in ("gold", ["gold"], {"at least": 0}, {"at most": 0}, {"other than": "gold"}):
        assert not matched({"x": wanted}, y="gold")


def test_any_of_several_values() -> None:
    assert [matched({"x": ["a", "b", 3]}, x=value) for value in ("a", "b", 3, "c", True)] == [True] * 3 + [False] * 2
    assert [matched({"x": {"other than": ["a", 3]}}, x=value) for value in ("a", 3, "c")] == [False, False, True]


@pytest.mark.parametrize(
    ("bounds", "found", "expected"),
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
        ({"at least": 0}, "5", False),
        ({"at least": -5}, -5, True),
    ],
)
def test_bounds_compare_numbers_and_nothing_else(bounds: Any, found: Any, expected: bool) -> None:
    assert matched({"x": bounds}, x=found) is expected


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


def cancelled(*days: float) -> list[Fact]:
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
def test_a_customer_is_cancelled_from_a_cancellation_until_the_next_purchase(events: list[Fact], status: str) -> None:
    other = {"active": "cancelled", "cancelled": "active"}[status]
    assert (holds({"status": status}, events, 5), holds({"status": other}, events, 5)) == ("true", "false")


def test_time_alone_never_changes_the_status() -> None:
    assert Question({"status": "cancelled"}, cancelled(1)).next_flip(1) is None


# --- what else could change it ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "needs", "spoils"),
    [
        ({"count": "login", "at least": 1}, set(), {"login"}),
        ({"count": "login", "at most": 1}, {"login"}, set()),
        ({"count": "login", "at least": 1, "at most": 2}, {"login"}, {"login"}),
        ({"none": "login", "for": "1 day"}, {"login"}, set()),
        ({"status": "cancelled"}, {"purchase"}, {"cancellation"}),
        ({"status": "active"}, {"cancellation"}, {"purchase"}),
        ({"not": {"none": "login", "for": "1 day"}}, set(), {"login"}),
        ({"all": [{"none": "login", "for": "1 day"}, {"status": "active"}]}, {"login", "cancellation"}, {"purchase"}),
    ],
)
def test_a_condition_knows_which_unseen_event_could_undo_it(when: Any, needs: set[str], spoils: set[str]) -> None:
    condition = Question(when, bought(1)).condition
    assert (set(condition.needs), set(condition.spoils)) == (needs, spoils)
    assert set(condition.types) == needs | spoils


# --- the reason why -----------------------------------------------------------------------------------------------


def why(when: Any, events: list[Fact], at_day: float) -> list[tuple[Any, ...]]:
    question = Question(when, events)
    reasons = question.condition.reasons(question.activity, day(at_day), question.observed)
    return [(one.condition, one.observed, one.bound, one.window, one.prevented_by) for one in reasons]


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
    ((_, found, _, _, prevented),) = why({"none": "login", "for": "30 days"}, bought(3), 50)
    assert (found, prevented) == ("never", "a login before 2024-02-03 00:00 UTC")


def test_the_parts_of_a_rule_are_told_in_their_order() -> None:
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


def test_what_must_not_be_is_told_as_that() -> None:
    (reason,) = why({"not": {"count": "purchase", "at least": 3, "within": "9 days"}}, bought(1), 12)
    assert reason[:3] == ("fewer than 3 purchases within 9 days", 0, "not at least 3")
