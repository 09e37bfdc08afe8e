"""Laws of playbacks: events in their order, timers at their due times, and a clear refusal of what cannot happen."""

from datetime import datetime
from typing import Any

import pytest

from tests.unit.rule_tests.example_rules import ACTS, BOUGHT, QUIET, run_one, text_of
from workers.core.decisions.decide import decide
from workers.rule_tests import playback


def test_nothing_happened_before_the_example() -> None:
    # "Ever" is known from the start: everything has been watched, completely.
    when = {"all": [{"count": "purchase", "exactly": 1}, QUIET]}
    assert run_one(ACTS, when=when).passed


def test_a_timer_that_is_due_at_the_moment_of_an_event_comes_first() -> None:
    given = [{"at": "start", "event": "purchase", "every": "45 days", "times": 2}]
    expect = [*ACTS, {"at": "45 days", "retracted": "late_event"}, {"at": "90 days", "action": "at-risk"}]
    assert run_one(expect, given).passed


def test_events_of_the_same_moment_keep_the_order_of_the_file() -> None:
    given = [
        {"at": "1 day", "event": "complaint"},
        {"at": "start", "event": "login"},
        {"at": "1 day", "event": "purchase"},
    ]
    result = run_one("nothing", given, watch_for="2 days")
    assert [entry.event.type for entry in result.timeline if entry.event] == ["login", "complaint", "purchase"]


def test_what_is_repeated_comes_so_often_and_so_far_apart() -> None:
    given = [{"at": "1 day", "event": "login", "every": "12 hours", "times": 3}, *BOUGHT]
    result = run_one("nothing", given, watch_for="3 days")
    days = [entry.at.total_seconds() / 86_400 for entry in result.timeline]
    assert days == [0, 1, 1.5, 2]


def test_a_purchase_costs_ten_euros_unless_it_says_otherwise() -> None:
    given = [
        *BOUGHT,
        {"at": "1 day", "event": "purchase", "with": {"currency": "USD", "amount": 2.5, "shop": "Rome"}},
    ]
    events = [entry.event for entry in run_one("nothing", given, watch_for="2 days").timeline if entry.event]
    assert [(event.attributes["amount"], event.attributes["currency"]) for event in events] == [
        (10, "EUR"),
        (2.5, "USD"),
    ]
    assert events[1].attributes["shop"] == "Rome"
    assert len({event.event_id for event in events}) == 2


def test_times_are_counted_from_the_start_wherever_that_is() -> None:
    result = run_one(ACTS, start="2024-03-30T12:00:00+01:00")
    assert result.passed
    assert result.start == datetime.fromisoformat("2024-03-30T11:00:00+00:00")
    assert "Sat 2024-03-30 11:00  purchase" in text_of(result)


def test_an_example_is_watched_for_two_years_after_its_last_event() -> None:
    given = [{"at": "10 days", "event": "purchase"}]
    when = {"none": "purchase", "for": "730 days"}
    assert run_one([{"at": "740 days", "action": "at-risk"}], given, when=when).passed


def test_an_example_may_be_watched_for_less() -> None:
    assert run_one("nothing", watch_for="44 days").passed
    assert not run_one("nothing", watch_for="45 days").passed


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return the arguments of every call of `decide`."""
    taken: list[Any] = []

    def counted(*arguments: Any) -> Any:
        taken.append(arguments)
        return decide(*arguments)

    monkeypatch.setattr(playback, "decide", counted)
    return taken


def test_two_years_of_silence_take_no_more_steps_than_there_are_due_times(steps: list[Any]) -> None:
    assert run_one(ACTS).passed
    assert len(steps) == 2


def test_however_much_of_it_fails_an_example_is_played_twice_at_most(steps: list[Any]) -> None:
    given = [{"at": "start", "event": "purchase", "every": "50 days", "times": 20}]
    expect = [{"at": f"{day} days", "action": "win-back"} for day in range(1, 100)]
    assert not run_one(expect, given).passed
    assert len(steps) == 2 * (20 + 20)


@pytest.mark.parametrize(
    ("given", "problem", "hint"),
    [
        ({"event": "puchase"}, "there is no event type 'puchase'", "did you mean 'purchase'?"),
        (
            {"event": "zzz"},
            "there is no event type 'zzz'",
            "known are cancellation, complaint, login, nps, profile, purchase",
        ),
        (
            {"event": "purchase", "with": {"amount": -1}},
            "there can be no such purchase: 'amount': Input should be greater than or equal to 0; found -1",
            None,
        ),
        (
            {"event": "purchase", "with": {"currency": "euro"}},
            "there can be no such purchase: 'currency': String should match pattern '^[A-Z]{3}$'; found 'euro'",
            None,
        ),
        (
            {"event": "cancellation", "with": {"effective_at": "tomorrow"}},
            "there can be no such cancellation: 'effective_at' would be cut or left out (impossible_time)",
            None,
        ),
        (
            {"event": "nps", "with": {"comment": "x" * 1025}},
            "there can be no such nps: 'comment' would be cut or left out (too_long)",
            None,
        ),
    ],
)
def test_an_event_that_no_source_could_bring_is_an_error_of_the_example(
    given: dict[str, Any], problem: str, hint: str | None
) -> None:
    result = run_one("nothing", [*BOUGHT, {"at": "1 day", **given}])
    assert not result.passed
    assert result.problem is not None
    assert result.problem.startswith(problem)
    assert result.hint == hint
    assert "cannot be run: there " in text_of(result)


def test_nothing_can_be_given_after_the_end() -> None:
    result = run_one(
        "nothing", [{"at": "start", "event": "login", "every": "10 days", "times": 3}], watch_for="19 days"
    )
    assert result.problem == "is watched for 19 days only, and something is given at 20 days"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            {"given": [{"at": "start", "event": "login", "every": "366 days", "times": 12}]},
            "goes on for longer than 3660 days",
        ),
        (
            {"expect": [{"at": "3660 days 1 second", "action": "at-risk"}]},
            "is later than 3660 days after the start",
        ),
        ({"start": "9990-01-01T00:00:00Z"}, "starts less than 3660 days before 9998-01-01"),
        ({"start": "1969-12-31T23:59:59Z"}, "there can be no such purchase: 'occurred_at': is before 1970"),
    ],
)
def test_an_example_lasts_no_longer_than_can_be_written(content: dict[str, Any], problem: str) -> None:
    result = run_one(content.pop("expect", "nothing"), content.pop("given", None), **content)
    assert result.problem is not None
    assert result.problem.startswith(problem)
