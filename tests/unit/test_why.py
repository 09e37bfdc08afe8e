"""Laws of `linger why`: it says what decide() decides, when that changes, and what is missing to know more."""

import io
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from schemas.rules import ForEveryRule, RuleBook
from schemas.rules import Rule as WrittenRule
from schemas.sources import SourcesFile
from tests.builders import DAY, START, TYPES, as_stored, day, event, rule, rules, watched
from tests.support.examples import examples
from workers.cli_why import read_moment, render
from workers.core import codec
from workers.core.activity import Activity
from workers.core.decide import decide
from workers.core.facts import Fact
from workers.core.observed import Observed
from workers.core.ruleset import RuleSet, compile_rules
from workers.errors import LingerError
from workers.safe_time import Progress
from workers.why.explanation import TooEarly, decided_until, explain_customer
from workers.why.facts import find_troubles, seen_until, watched_as
from workers.why.report import ConditionReport, Gap, RuleReport, WhyReport, as_document, in_words

QUIET = {"all": [{"count": "purchase", "at least": 2, "within": "60 days"}, {"none": "purchase", "for": "9 days"}]}


# --- builders -------------------------------------------------------------------------------------------------


def known(ruleset: RuleSet, *events: Fact, observed: Observed | None = None, upto_day: float = 0) -> Activity:
    """What is stored of ada after these events, and after timers up to a day."""
    upto_ms = day(upto_day) if upto_day else 0
    activity = decide("ada", None, events, ruleset, observed or watched(ruleset), upto_ms).activity
    assert activity is not None
    return as_stored(activity)


def why(
    ruleset: RuleSet,
    activity: Activity,
    at_day: float,
    *,
    observed: Observed | None = None,
    now_day: float | None = None,
    **options: Any,
) -> WhyReport:
    now_ms = day(at_day if now_day is None else now_day)
    return explain_customer("ada", activity, ruleset, observed or watched(ruleset), day(at_day), now_ms, **options)


def only(report: WhyReport, rule_id: str = "a-rule") -> RuleReport:
    (found,) = [one for one in report.rules if one.id == rule_id]
    return found


def leaf(report: WhyReport, rule_id: str = "a-rule") -> ConditionReport:
    (found,) = only(report, rule_id).condition.leaves()
    return found


def states(report: WhyReport, rule_id: str = "a-rule") -> list[str]:
    return [state.kind for state in only(report, rule_id).states]


def told(report: WhyReport, kind: str, rule_id: str = "a-rule") -> str:
    (found,) = [state.text for state in only(report, rule_id).states if state.kind == kind]
    return found


def since(ruleset: RuleSet, since_day: float, whole: bool = False) -> Observed:
    return watched(ruleset, since_day, whole)


def on_screen(report: WhyReport) -> str:
    screen = io.StringIO()
    render(report, Console(file=screen, width=200, highlight=False))
    return screen.getvalue()


# --- the verdict is what decide() decides -----------------------------------------------------------------------

MANY = rules(
    rule("quiet", when=QUIET, again_after="20 days"),
    rule("first", when={"all": [{"count": "purchase", "at most": 1}, {"none": "purchase", "for": "5 days"}]}),
    rule("rich", when={"not": {"sum": "purchase.amount", "at least": 45, "within": "12 days"}}, again_after="2 days"),
    rule("gone", when={"status": "cancelled"}, action="win-back"),
    rule(
        "either",
        when={"any": [{"none": "login", "for": "7 days"}, {"count": "login", "at most": 2, "within": "9 days"}]},
    ),
    rule("lasting", when={"none": "login", "for": "3 days"}, for_="4 days"),
    rule(
        "but",
        when={"none": "purchase", "for": "4 days"},
        unless={"count": "login", "at least": 1, "within": "3 days"},
    ),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["purchase", "purchase", "login", "login", "cancellation"]),
        st.floats(min_value=0.001, max_value=9),
        st.sampled_from([10, 20, 40]),
    ),
    min_size=1,
    max_size=10,
)
WATCHED_SINCE = st.sampled_from([-400.0, 0.0, 4.5, 11.0])


ALL_KINDS = rules(
    *(
        rule(f"kind-{number}", when=when)
        for number, when in enumerate(
            [
                {"average": "purchase.amount", "at least": 15, "within": "20 days"},
                {"distinct": "purchase.shop", "at most": 1, "within": "20 days"},
                {"distinct": "purchase.shop", "at least": 2},
                {"last": "login", "between": "3 days and 9 days ago"},
                {"first": "purchase", "at most": "12 days ago"},
                {"first": "purchase", "at least": "12 days ago"},
                {"known for": "10 days"},
                {"change": "login", "down by": "50%", "within": "6 days", "from at least": 2},
                {"overdue": "purchase", "by": "2 times", "usual gap": "4 days", "at least": "3 days"},
                {"after": "login", "then": "purchase", "within": "3 days"},
                {"after": "login", "without": "purchase", "for": "3 days"},
                {"latest": "login.plan", "is": "gold"},
                {"date": "cancellation.effective_at", "in the next": "5 days"},
                {"date": "cancellation.effective_at", "passed for": "2 days"},
                {"status": "cancelled", "for": "5 days"},
                {"sum": "purchase.amount", "at most": 40, "within": "9 days", "where": {"shop": "a"}},
            ]
        )
    )
)


BOTH = pytest.mark.parametrize("ruleset", [MANY, ALL_KINDS], ids=["many", "all kinds"])


def history(steps: list[tuple[str, float, int]]) -> list[Fact]:
    """Events in order, with whatever attributes the conditions read."""
    events, at_day = [], 1.0
    for serial, (kind, gap, amount) in enumerate(steps):
        at_day += gap
        told: dict[str, dict[str, Any]] = {
            "purchase": {"amount": amount, "shop": "a" if amount < 30 else "b"},
            "login": {"plan": "gold"} if amount < 30 else {},
            "cancellation": {"effective_at": f"2024-02-{amount // 2:02}" if amount < 30 else "soon"},
        }
        events.append(event(kind, at_day, event_id=f"id{serial}", **told[kind]))
    return events


@BOTH
@given(STEPS, WATCHED_SINCE, st.booleans())
@examples(100)
def test_at_every_decision_a_rule_is_true_exactly_if_its_episode_goes_on(
    ruleset: RuleSet, steps: list[tuple[str, float, int]], since_day: float, whole: bool
) -> None:
    observed = watched(ruleset, since_day, whole)
    activity: Activity | None = None
    for one in history(steps):
        activity = decide("ada", activity, [one], ruleset, observed).activity
        assert activity is not None
        stored = as_stored(activity)
        at_ms = decided_until(stored)
        report = explain_customer("ada", stored, ruleset, observed, at_ms, at_ms)
        for found in report.rules:
            episode = activity.episodes.get(found.id)
            holds = episode is not None and episode.holding
            assert (found.verdict == "true") == holds, found
            assert found.since_ms == (episode.start_ms if episode is not None and holds else None)
            assert bool(found.gaps) == (found.verdict == "not observable")
            for part in found.condition.leaves():
                assert bool(part.gaps) == (part.verdict == "not observable")


@BOTH
@given(STEPS, WATCHED_SINCE, st.booleans(), st.floats(min_value=0, max_value=60))
@examples(100)
def test_at_a_later_moment_it_is_what_a_worker_will_have_decided_by_then(
    ruleset: RuleSet, steps: list[tuple[str, float, int]], since_day: float, whole: bool, later: float
) -> None:
    observed, events = watched(ruleset, since_day, whole), history(steps)
    at_ms = events[-1].at_ms + round(later * DAY)
    oracle = decide("ada", None, events, ruleset, observed, at_ms).activity
    assert oracle is not None
    stored = known(ruleset, *events, observed=observed)
    for now_ms in (at_ms, events[-1].at_ms):
        report = explain_customer("ada", stored, ruleset, observed, at_ms, now_ms)
        holding = {name for name, episode in oracle.episodes.items() if episode.holding}
        assert {found.id for found in report.rules if found.verdict == "true"} == holding


@BOTH
@given(STEPS, WATCHED_SINCE, st.booleans())
@examples(100)
def test_the_moment_of_the_next_change_is_exact(
    ruleset: RuleSet, steps: list[tuple[str, float, int]], since_day: float, whole: bool
) -> None:
    observed, events = watched(ruleset, since_day, whole), history(steps)
    stored = known(ruleset, *events, observed=observed)

    def at(moment_ms: int) -> WhyReport:
        return explain_customer("ada", stored, ruleset, observed, moment_ms, stored.at_ms)

    now = at(stored.at_ms)
    for found in now.rules:
        until_ms = stored.at_ms + 120 * DAY if found.change is None else found.change.at_ms
        assert until_ms > stored.at_ms
        step_ms = max(1, (until_ms - stored.at_ms) // 7)
        for moment_ms in [*range(stored.at_ms, until_ms, step_ms), until_ms - 1]:
            assert only(at(moment_ms), found.id).verdict == found.verdict
        if found.change is not None:
            assert only(at(until_ms), found.id).verdict == found.change.becomes != found.verdict
        for place, one in enumerate(found.condition.leaves()):
            if one.change is not None:
                before = [*only(at(one.change.at_ms - 1), found.id).condition.leaves()][place]
                after = [*only(at(one.change.at_ms), found.id).condition.leaves()][place]
                assert before.verdict == one.verdict
                assert after.verdict == one.change.becomes != one.verdict


@BOTH
@given(STEPS, WATCHED_SINCE, st.booleans(), st.lists(st.floats(min_value=0, max_value=20), min_size=3, max_size=3))
@examples(100)
def test_while_a_type_lags_a_rule_is_true_exactly_if_a_worker_holds_it_so(
    ruleset: RuleSet, steps: list[tuple[str, float, int]], since_day: float, whole: bool, seen: list[float]
) -> None:
    events = history(steps)
    now_ms = events[-1].at_ms + 20 * DAY
    until = {name: events[-1].at_ms + round(days * DAY) for name, days in zip(TYPES, seen, strict=True)}
    observed = replace(watched(ruleset, since_day, whole), until=until)
    stored = known(ruleset, *events, observed=observed)
    report = explain_customer("ada", stored, ruleset, observed, now_ms, now_ms)
    worker = decide("ada", known(ruleset, *events, observed=observed), (), ruleset, observed, now_ms).activity
    assert worker is not None
    for found in report.rules:
        episode = worker.episodes.get(found.id)
        assert (found.verdict == "true") == (episode is not None and episode.holding)
        for gap in found.gaps:
            assert gap.kind != "unseen" or gap.since_ms == until[gap.type or ""] < now_ms


def test_explaining_changes_nothing_that_is_stored() -> None:
    ruleset = rules(rule(when=QUIET))
    activity = known(ruleset, event("purchase", 1), event("purchase", 2))
    before = codec.encode(activity)
    why(ruleset, activity, 50)
    assert codec.encode(activity) == before


def test_what_is_decided_already_cannot_be_explained_as_of_an_earlier_moment() -> None:
    ruleset = rules(rule())
    activity = known(ruleset, event("purchase", 5))
    with pytest.raises(TooEarly, match="decided until 2024-01-06 00:00 UTC"):
        why(ruleset, activity, 4.999)
    assert why(ruleset, activity, 5).at_ms == day(5)
    fired = known(ruleset, event("purchase", 5), upto_day=60)
    with pytest.raises(TooEarly, match="2024-02-20 00:00 UTC"):
        why(ruleset, fired, 49)


def shape(one: ConditionReport) -> Any:
    return one.phrase if one.kind == "condition" else {one.kind: [shape(part) for part in one.parts]}


def test_the_inside_of_a_rule_is_shown_as_it_was_written() -> None:
    when = {"all": [{"any": [{"none": "login", "for": "3 days"}, {"status": "cancelled"}]}, QUIET]}
    ruleset = rules(rule(when=when))
    inside = only(why(ruleset, known(ruleset, event("login", 1)), 2)).condition
    assert shape(inside) == {
        "all": [
            {"any": ["no login for 3 days", "the customer has cancelled"]},
            {"all": ["at least 2 purchases within 60 days", "no purchase for 9 days"]},
        ]
    }


def test_a_not_stands_in_the_phrases_inside_and_turns_all_into_any() -> None:
    ruleset = rules(rule(when={"not": {"all": [{"none": "login", "for": "3 days"}, {"not": {"status": "active"}}]}}))
    report = why(ruleset, known(ruleset, event("login", 1)), 5)
    assert shape(only(report).condition) == {"any": ["a login in the last 3 days", "the customer is active"]}
    assert [one.verdict for one in only(report).condition.leaves()] == ["false", "true"]
    assert [one.events for one in only(report).condition.leaves()] == [("login",), ("cancellation",)]


# --- what would change it -----------------------------------------------------------------------------------------


def test_a_silence_ends_with_an_event_and_begins_by_itself() -> None:
    ruleset = rules(rule(when={"none": "purchase", "for": "9 days"}))
    activity = known(ruleset, event("purchase", 1.5))
    early = leaf(why(ruleset, activity, 3))
    assert (early.verdict, early.events, early.by_events) == ("false", (), None)
    assert early.change is not None
    assert (early.change.at_ms, early.change.becomes) == (day(10.5), "true")
    late = leaf(why(ruleset, activity, 10.5))
    assert (late.verdict, late.change, late.events) == ("true", None, ("purchase",))
    assert late.by_events == "changes with the next purchase"


@pytest.mark.parametrize(
    ("when", "purchases", "expected"),
    [
        ({"at least": 3}, 0, "changes with the next 3 purchases"),
        ({"at least": 3}, 2, "changes with the next purchase"),
        ({"at least": 3}, 3, None),
        ({"at most": 3}, 3, "changes with the next purchase"),
        ({"at most": 3}, 1, "changes with the next 3 purchases"),
        ({"at most": 3}, 4, None),
    ],
)
def test_a_number_says_how_many_more_it_takes(when: dict[str, int], purchases: int, expected: str | None) -> None:
    ruleset = rules(rule(when={"count": "purchase", "within": "90 days", **when}))
    events = [event("purchase", 100 + number) for number in range(purchases)]
    report = why(ruleset, known(ruleset, event("login", 1), *events), 110)
    assert leaf(report).by_events == expected
    assert leaf(report).observed == purchases


def test_a_sum_says_how_much_more_it_takes() -> None:
    ruleset = rules(
        rule("low", when={"sum": "purchase.amount", "at least": 50.5}),
        rule("high", when={"sum": "purchase.amount", "at most": 30}),
    )
    report = why(ruleset, known(ruleset, event("purchase", 1)), 2)
    assert leaf(report, "low").by_events == "changes when purchase amount grows by 30.5"
    assert leaf(report, "high").by_events == "changes when purchase amount grows by more than 10"


def test_a_rule_that_must_hold_for_a_while_says_since_when_and_until_when() -> None:
    ruleset = rules(rule(when={"none": "purchase", "for": "9 days"}, for_="3 days"))
    report = why(ruleset, known(ruleset, event("purchase", 1)), 11)
    assert only(report).verdict == "false"
    assert only(report).condition.verdict == "true"
    assert told(report, "met") == (
        "its condition holds since 2024-01-11 00:00 UTC and must hold until 2024-01-14 00:00 UTC"
    )
    change = only(report).change
    assert change is not None
    assert (change.at_ms, change.becomes) == (day(13), "true")


# --- what is missing ----------------------------------------------------------------------------------------------

FEW = {"count": "purchase", "at most": 1, "within": "30 days"}


def test_a_customer_known_for_too_short_a_time_is_a_reason() -> None:
    ruleset = rules(rule(when=FEW))
    report = why(ruleset, known(ruleset, event("login", 50)), 60)
    assert (only(report).verdict, only(report).gaps) == ("not observable", (Gap("customer", None, day(50)),))
    assert only(report).gaps == leaf(report).gaps
    assert only(report).gaps[0].text == "the customer is known only since 2024-02-20 00:00 UTC"
    assert only(report).change is not None
    assert only(report).change.at_ms == day(79)  # type: ignore[union-attr]


def test_a_type_watched_for_too_short_a_time_is_a_reason() -> None:
    ruleset = rules(rule(when=FEW))
    observed = Observed({"purchase": day(40), "login": day(0), "cancellation": day(0)})
    report = why(ruleset, known(ruleset, event("login", 5), observed=observed), 60, observed=observed)
    assert (only(report).verdict, only(report).gaps) == ("not observable", (Gap("watched", "purchase", day(40)),))
    assert only(report).gaps[0].text == "'purchase' is watched only since 2024-02-10 00:00 UTC"


def test_where_both_are_too_short_both_are_said_and_the_one_that_lasts_first() -> None:
    ruleset = rules(rule(when=FEW))
    observed = since(ruleset, 40)
    report = why(ruleset, known(ruleset, event("login", 50), observed=observed), 60, observed=observed)
    assert only(report).gaps == (Gap("customer", None, day(50)), Gap("watched", "purchase", day(40)))


def test_a_lifetime_that_is_not_whole_is_a_matter_of_watching() -> None:
    ruleset = rules(rule(when={"count": "purchase", "at most": 1}))
    observed = since(ruleset, 0)
    report = why(ruleset, known(ruleset, event("purchase", 50), observed=observed), 60, observed=observed)
    assert only(report).gaps == (Gap("watched", "purchase", day(0)),)
    assert only(report).change is None


def test_a_series_that_no_worker_watches_yet_is_said_so() -> None:
    ruleset = rules(rule(when={"count": "purchase", "at most": 1, "where": {"amount": {"at least": 50}}}))
    observed = Observed({"purchase": day(0), "login": day(0), "cancellation": day(0)}, whole=frozenset({"purchase"}))
    report = why(ruleset, known(ruleset, event("purchase", 1), observed=observed), 60, observed=observed)
    assert only(report).gaps == (Gap("unwatched", "purchase"),)
    assert "no worker has worked with it here" in only(report).gaps[0].text


@given(
    st.floats(min_value=0, max_value=100),
    st.floats(min_value=0, max_value=100),
    st.integers(1, 60),
    st.floats(min_value=100, max_value=140),
)
def test_reasons_are_those_that_reach_into_the_window(
    since_day: float, first_day: float, days: int, at_day: float
) -> None:
    ruleset = rules(rule(when={"count": "purchase", "at most": 1, "within": f"{days} days"}))
    observed = since(ruleset, since_day)
    report = why(ruleset, known(ruleset, event("login", first_day), observed=observed), at_day, observed=observed)
    window_ms = (day(at_day) // DAY - days + 1) * DAY
    expected = set()
    if day(first_day) > window_ms:
        expected.add(Gap("customer", None, day(first_day)))
    if day(since_day) > window_ms:
        expected.add(Gap("watched", "purchase", day(since_day)))
    assert set(only(report).gaps) == expected
    assert only(report).verdict == ("not observable" if expected else "true")


def test_a_source_that_is_not_seen_far_enough_is_a_reason() -> None:
    ruleset = rules(rule(when={"none": "purchase", "for": "9 days"}))
    observed = watched(ruleset, purchase=8)
    activity = known(ruleset, event("purchase", 1), observed=observed)
    trouble = {"purchase": "its source shop.orders is silent since 2024-01-08 00:00 UTC"}
    before = why(ruleset, activity, 9.9, observed=observed, troubles=trouble)
    assert (only(before).verdict, only(before).gaps) == ("false", ())
    report = why(ruleset, activity, 12, observed=observed, troubles=trouble)
    gap = Gap("unseen", "purchase", day(8), trouble["purchase"])
    assert (only(report).verdict, only(report).gaps, leaf(report).gaps) == ("not observable", (gap,), (gap,))
    assert report.waits == (gap,)
    assert gap.text == (
        "'purchase' has been seen only until 2024-01-09 00:00 UTC "
        "(its source shop.orders is silent since 2024-01-08 00:00 UTC)"
    )
    assert told(report, "waiting") == "was to be decided anew as of 2024-01-11 00:00 UTC, and waits"


def test_only_the_condition_that_an_unseen_event_could_break_is_unknown() -> None:
    ruleset = rules(rule(when={"all": [{"none": "purchase", "for": "9 days"}, {"status": "active"}]}))
    observed = watched(ruleset, cancellation=8)
    report = why(ruleset, known(ruleset, event("purchase", 1), observed=observed), 12, observed=observed)
    assert only(report).verdict == "not observable"
    assert [one.verdict for one in only(report).condition.leaves()] == ["true", "not observable"]
    assert [gap.type for gap in only(report).gaps] == ["cancellation"]


def test_a_future_moment_is_explained_as_if_everything_were_seen_by_then() -> None:
    ruleset = rules(rule(when={"none": "purchase", "for": "9 days"}))
    observed = watched(ruleset, purchase=3)
    activity = known(ruleset, event("purchase", 1), observed=observed)
    report = why(ruleset, activity, 12, now_day=3.1, observed=observed)
    assert report.is_ahead
    assert only(report).verdict == "true"
    assert told(report, "expected") == ("asks for 't' as of 2024-01-11 00:00 UTC, if nothing happens until then")
    assert not why(ruleset, activity, 3.1, now_day=3.1, observed=observed).is_ahead


# --- how a rule stands besides its truth --------------------------------------------------------------------------


def acted(**content: Any) -> tuple[RuleSet, Activity]:
    """A rule that has acted for ada on day 10, as it is stored then."""
    ruleset = rules(rule(when={"none": "purchase", "for": "9 days"}, **content))
    return ruleset, known(ruleset, event("purchase", 1), upto_day=10)


def test_a_rule_that_acted_says_when_and_how_long_the_action_is_good() -> None:
    ruleset, activity = acted(again_after="1 day")
    assert told(why(ruleset, activity, 12), "acted") == (
        "acted on 2024-01-11 00:00 UTC; the action is good until 2024-01-25 00:00 UTC"
    )
    assert told(why(ruleset, activity, 30), "acted") == "acted on 2024-01-11 00:00 UTC"


def test_an_action_that_was_taken_back_is_said_to_be() -> None:
    ruleset, _ = acted(again_after="20 days")
    activity = known(ruleset, event("purchase", 1), event("purchase", 12))
    report = why(ruleset, activity, 13)
    assert only(report).verdict == "false"
    assert told(report, "acted") == "acted on 2024-01-11 00:00 UTC, and took the action back"


def test_a_rule_cools_down_until_it_may_act_again() -> None:
    ruleset, activity = acted(again_after="20 days")
    assert told(why(ruleset, activity, 29.9), "cooling_down") == "cooling down until 2024-01-31 00:00 UTC"
    assert "cooling_down" not in states(why(ruleset, activity, 30))
    ruleset, activity = acted(again_after="never")
    assert told(why(ruleset, activity, 300), "cooling_down") == "never acts again for this customer"


def test_what_no_worker_has_decided_yet_is_announced() -> None:
    ruleset = rules(rule(when={"none": "purchase", "for": "9 days"}))
    report = why(ruleset, known(ruleset, event("purchase", 1)), 12)
    assert only(report).verdict == "true"
    assert told(report, "expected") == "asks for 't' as of 2024-01-11 00:00 UTC, as soon as a worker looks"


def test_an_action_that_waits_for_a_source_says_for_which() -> None:
    ruleset = rules(rule(when={"all": [{"none": "login", "for": "9 days"}, {"status": "active"}]}))
    observed = watched(ruleset, cancellation=5)
    activity = known(ruleset, event("login", 1), event("purchase", 12), observed=observed)
    assert activity.candidates
    report = why(ruleset, activity, 12, observed=observed)
    assert only(report).verdict == "true"
    assert told(report, "waiting") == (
        "its action of 2024-01-11 00:00 UTC waits: 'cancellation' has been seen only until 2024-01-06 00:00 UTC"
    )


def test_an_action_above_its_pace_is_said_to_be_held() -> None:
    ruleset, activity = acted(pace="at most 1 per day")
    assert "held" not in states(why(ruleset, activity, 12))
    report = why(ruleset, activity, 12, held={"a-rule"})
    assert told(report, "held") == "its action of 2024-01-11 00:00 UTC is held by the rule's pace"


def test_shadow_and_paused_rules_are_called_so() -> None:
    for status in ("shadow", "paused"):
        ruleset, activity = acted(status=status)
        report = why(ruleset, activity, 12)
        assert only(report).verdict == "true"
        assert states(report) == [status]


def test_who_is_held_out_is_told_so_and_not_that_the_rule_acted() -> None:
    kinds = set()
    ruleset = rules(rule(when={"none": "purchase", "for": "9 days"}, hold_out="50%"))
    for number in range(20):
        name = f"customer {number}"
        activity = decide(name, None, [event("purchase", 1, name)], ruleset, watched(ruleset), day(10)).activity
        assert activity is not None
        report = explain_customer(name, activity, ruleset, watched(ruleset), day(12), day(12))
        acts = decide(name, None, [event("purchase", 1, name)], ruleset, watched(ruleset), day(10)).decisions
        (decision,) = acts
        expected = "acted" if hasattr(decision, "status") else "held_out"
        assert states(report)[0] == expected
        kinds.add(expected)
    assert kinds == {"acted", "held_out"}


def under(policy: dict[str, Any], *content: WrittenRule) -> RuleSet:
    return compile_rules(RuleBook(content, for_every_rule=ForEveryRule.model_validate(policy)), (*TYPES, "profile"))


def test_a_rule_that_a_limit_kept_from_acting_says_which() -> None:
    ruleset = under(
        {"limits": [{"at most": "1 action", "within": "30 days"}]},
        rule("early", when={"none": "purchase", "for": "9 days"}),
        rule("later", when={"none": "purchase", "for": "11 days"}),
    )
    report = why(ruleset, known(ruleset, event("purchase", 1), upto_day=13), 13)
    assert "acted" in states(report, "early")
    assert told(report, "capped", "later") == (
        "did not act: the customer has had enough: at most 1 action within 30 days"
    )


def test_a_rule_that_another_one_came_before_says_which() -> None:
    ruleset = rules(
        rule("high", when={"none": "purchase", "for": "9 days"}, priority=80),
        rule("low", when={"none": "purchase", "for": "11 days"}, priority=20),
    )
    report = why(ruleset, known(ruleset, event("purchase", 1), upto_day=13), 13)
    assert told(report, "outranked", "low") == "did not act: 'high' comes first"


def test_who_opted_out_is_said_to_have_done_so() -> None:
    ruleset = under(
        {"consent": {"from": "profile.consent", "opted out": ["no"]}},
        rule(when={"none": "purchase", "for": "9 days"}),
    )
    activity = known(ruleset, event("purchase", 1), event("profile", 2, consent="no"), upto_day=13)
    report = why(ruleset, activity, 13)
    assert told(report, "opted_out") == "did not act: the customer does not want to be written to"
    assert report.notes == ("does not want to be written to: no rule acts",)


def test_who_met_a_rule_before_it_went_live_is_said_to_be_left_alone() -> None:
    old = rules(rule("other"))
    activity = known(old, event("purchase", 1), upto_day=12)
    fresh = rules(rule(when={"none": "purchase", "for": "9 days"})).in_force(2, {"a-rule": (2, day(20))})
    report = why(fresh, activity, 21)
    assert only(report).verdict == "true"
    assert states(report) == ["left_alone"]


def test_what_holds_on_although_it_cannot_be_known_any_more_is_said_so() -> None:
    when = {"any": [{"count": "purchase", "at least": 1, "within": "5 days"}, {"count": "login", "at most": 3}]}
    ruleset = rules(rule(when=when))
    observed = since(ruleset, 0)
    report = why(ruleset, known(ruleset, event("purchase", 1), observed=observed), 12, observed=observed)
    assert only(report).verdict == "true"
    assert only(report).condition.verdict == "not observable"
    assert told(report, "unconfirmed") == "cannot be confirmed at present; it holds until it is known not to"


# --- when Linger looks again --------------------------------------------------------------------------------------


def test_it_says_when_linger_looks_again_and_why_then() -> None:
    ruleset = rules(rule("soon", when=QUIET), rule("later", when={"none": "purchase", "for": "30 days"}))
    activity = known(ruleset, event("purchase", 1), event("purchase", 2))
    report = why(ruleset, activity, 5, titles={"soon": "Gone quiet"})
    assert report.looks_again_ms == day(11) == decide("ada", activity, (), ruleset, watched(ruleset)).due_ms
    assert report.looks_again_because == ("'Gone quiet' begins to hold (no purchase for 9 days)",)
    assert why(ruleset, activity, 12).looks_again_because == ("'later' begins to hold (no purchase for 30 days)",)


def test_it_says_so_if_linger_does_not_look_again() -> None:
    ruleset = rules(rule(when={"status": "cancelled"}))
    report = why(ruleset, known(ruleset, event("purchase", 1)), 5)
    assert (report.looks_again_ms, report.looks_again_because, report.waits) == (None, (), ())
    assert "Linger does not look again unless something happens." in on_screen(report)


# --- on the screen, and for machines --------------------------------------------------------------------------------


def test_the_screen_shows_a_tree_with_marks_reasons_and_moments() -> None:
    ruleset = rules(
        rule("quiet", when=QUIET),
        rule(
            "first", when={"any": [{"count": "purchase", "at most": 1}, {"not": {"none": "login", "for": "9 days"}}]}
        ),
    )
    observed = since(ruleset, 0)
    activity = known(ruleset, event("purchase", 1), event("purchase", 2), observed=observed)
    shown = on_screen(why(ruleset, activity, 5, observed=observed, titles={"quiet": "Gone quiet"}))
    assert shown.splitlines()[0] == "Customer ada as of 2024-01-06 00:00 UTC"
    for text in (
        "✗ Gone quiet (quiet): does not hold",
        "if nothing happens, it begins to hold on 2024-01-12 00:00 UTC",
        "✗ all of these",
        "✓ at least 2 purchases within 60 days",
        "found: 2; asked for: at least 2",
        "changes on 2024-01-12 00:00 UTC by itself, to ✓",
        "? any of these",
        "can be known from 2024-01-11 00:00 UTC by itself and is then ✗",
        "Linger looks again on 2024-01-11 00:00 UTC",
    ):
        assert text in shown


@pytest.mark.parametrize("customer_id", ["a[/b]", "[red]x", "[/]", ":x:"])
def test_a_customer_is_shown_by_any_id(customer_id: str) -> None:
    ruleset = rules(rule())
    report = replace(why(ruleset, known(ruleset, event("login", 1)), 2), customer_id=customer_id, notes=("[/]",))
    assert f"Customer {customer_id} as of" in on_screen(report)
    assert "! [/]" in on_screen(report)


def test_machines_are_told_the_same_as_json() -> None:
    ruleset = rules(rule("quiet", when=QUIET, again_after="9 days"))
    activity = known(ruleset, event("purchase", 1), event("purchase", 2), upto_day=11)
    document = json.loads(json.dumps(as_document(why(ruleset, activity, 12.00000001))))
    assert document["customer_id"] == "ada"
    assert document["at"] == "2024-01-13T00:00:00.001Z"
    (told_rule,) = document["rules"]
    assert (told_rule["rule"], told_rule["verdict"], told_rule["holds_since"]) == (
        "quiet",
        "true",
        "2024-01-12T00:00:00.000Z",
    )
    count, silence = told_rule["condition"]["parts"]
    assert (count["observed"], count["bound"], count["window"]) == (2, "at least 2", "60 days")
    assert count["changes_by_itself"] == {"at": "2024-03-02T00:00:00.000Z", "becomes": "false"}
    assert silence["events_that_change_it"] == ["purchase"]
    assert [state["state"] for state in told_rule["states"]] == ["acted", "cooling_down"]


@pytest.mark.parametrize(
    ("at_ms", "expected"),
    [
        (START, "2024-01-01 00:00 UTC"),
        (START + 61_000, "2024-01-01 00:01:01 UTC"),
        (START + 1, "2024-01-01 00:00:00.001 UTC"),
    ],
)
def test_a_moment_is_shown_as_exactly_as_it_is(at_ms: int, expected: str) -> None:
    assert in_words(at_ms) == expected


def test_a_moment_is_read_in_utc_unless_it_says_otherwise() -> None:
    assert read_moment("2024-01-01") == read_moment("2024-01-01T01:00+01:00") == START
    assert read_moment(" 2024-01-01T00:00:00.001Z ") == START + 1
    with pytest.raises(LingerError, match="'tomorrow' is no moment; write it like 2026-12-01"):
        read_moment("tomorrow")


# --- what is read from the store --------------------------------------------------------------------------------


def declared(**source: Any) -> SourcesFile:
    return SourcesFile.model_validate(
        {
            "sources": [
                {"topic": "shop", "format": "canonical", "events": ["purchase"], "max_silence": "3 days", **source},
                {"topic": "web", "format": "canonical", "events": ["login"], "max_silence": "3 days"},
            ]
        }
    )


def test_what_was_watched_is_read_from_the_meta_of_the_partition() -> None:
    meta = {"owner": "x", "since:purchase": "5", "since:purchase?0a": "7", "since:login": "6", "rules": "ab"}
    observed = watched_as(meta, declared(complete_since="2024-01-01"), {"login": 8})
    since_ms = {"purchase": 5, "purchase?0a": 7, "login": 6}
    # Some purchases are told apart only since later: of them nothing is complete.
    assert observed == Observed(since_ms, {"login": 8}, frozenset({"purchase"}))


def test_a_series_that_no_rule_asks_for_any_more_is_not_watched() -> None:
    meta = {"since:purchase": "5", "since:purchase?0a": ""}
    assert watched_as(meta, declared(), {}).since == {"purchase": 5}


def test_a_type_is_seen_as_far_as_its_source_and_the_partition_are() -> None:
    progress = {"shop:0": Progress(seen_ms=day(5), spoke_ms=day(5), since_ms=day(0), partitions=1)}
    now_ms = day(6)
    assert seen_until(declared(), progress, now_ms, None) == {"purchase": day(5), "login": 0, "cancellation": now_ms}
    behind = seen_until(declared(), progress, now_ms, day(4))
    assert behind == {"purchase": day(4), "login": 0, "cancellation": day(4)}


def test_what_is_the_matter_with_a_source_is_said() -> None:
    def told_of(seen_day: float, spoke_day: float, now_day: float, unread: int | None = None) -> dict[str, str]:
        parts = {f"{name}:0": Progress(day(seen_day), day(spoke_day), day(0), 1) for name in ("shop", "web")}
        return find_troubles(declared(), parts, day(now_day), unread)

    assert told_of(6, 6, 6) == {}
    assert told_of(6, 5, 8.5)["purchase"] == "its source shop is silent since 2024-01-06 00:00 UTC"
    assert told_of(6, 6, 6.1)["login"] == "its source web is read only until 2024-01-07 00:00 UTC"
    assert find_troubles(declared(), {}, day(6), None)["login"] == "its source web has not been read yet"
    assert set(told_of(6, 6, 6, 7).values()) == {"activity partition 7 is not read to its end yet"}
