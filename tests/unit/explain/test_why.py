"""Laws of `linger why`: it says what decide() decides, when that changes, and what is missing to know more."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import DAY, TYPES, day, event, rule, rules, watched
from tests.support.examples import examples
from tests.support.explained import LAYOUT, QUIET, known, only, why
from workers.core.decisions.decide import decide, decider_of
from workers.core.events.decoding import DecodedEvent
from workers.core.rules.rule_set import RuleSet
from workers.explain.snapshot import CustomerSnapshot
from workers.explain.why import TooEarly, explain_customer
from workers.explain.why_report import ConditionReport, WhyReport

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


def history(steps: list[tuple[str, float, int]]) -> list[DecodedEvent]:
    """Events in order, with the attributes that the conditions read."""
    events, at_day = [], 1.0
    for serial, (kind, gap, amount) in enumerate(steps):
        at_day += gap
        attributes: dict[str, dict[str, Any]] = {
            "purchase": {"amount": amount, "shop": "a" if amount < 30 else "b"},
            "login": {"plan": "gold"} if amount < 30 else {},
            "cancellation": {"effective_at": f"2024-02-{amount // 2:02}" if amount < 30 else "soon"},
        }
        events.append(event(kind, at_day, event_id=f"id{serial}", **attributes[kind]))
    return events


def held_in(stored: bytes | None, ruleset: RuleSet) -> dict[str, int]:
    """The rules that hold as a customer is stored, and since when."""
    assert stored is not None
    decider = decider_of(ruleset)
    decider.read(stored)
    return {rule.id: rule.episode.start_ms for rule in decider.program.rules if rule.episode.holding}


@BOTH
@given(STEPS, WATCHED_SINCE, st.booleans())
@examples(100)
def test_at_every_decision_a_rule_is_true_exactly_if_its_episode_goes_on(
    ruleset: RuleSet, steps: list[tuple[str, float, int]], since_day: float, whole: bool
) -> None:
    observed = watched(ruleset, since_day, whole)
    stored: bytes | None = None
    for next_event in history(steps):
        stored = decide("ada", stored, [next_event], ruleset, observed, layout=LAYOUT).stored
        assert stored is not None
        at_ms = CustomerSnapshot("ada", stored, ruleset, observed, 0).decided_ms
        report = explain_customer(CustomerSnapshot("ada", stored, ruleset, observed, at_ms), at_ms)
        holding = held_in(stored, ruleset)
        for explained in report.rules:
            assert (explained.verdict == "true") == (explained.id in holding), explained
            assert explained.since_ms == holding.get(explained.id)
            assert bool(explained.gaps) == (explained.verdict == "not observable")
            for part in explained.condition.leaves():
                assert bool(part.gaps) == (part.verdict == "not observable")


@BOTH
@given(STEPS, WATCHED_SINCE, st.booleans(), st.floats(min_value=0, max_value=60))
@examples(100)
def test_at_a_later_moment_it_is_what_a_worker_will_have_decided_by_then(
    ruleset: RuleSet, steps: list[tuple[str, float, int]], since_day: float, whole: bool, later: float
) -> None:
    observed, events = watched(ruleset, since_day, whole), history(steps)
    at_ms = events[-1].at_ms + round(later * DAY)
    oracle = held_in(decide("ada", None, events, ruleset, observed, at_ms, LAYOUT).stored, ruleset)
    stored = known(ruleset, *events, observed=observed)
    for now_ms in (at_ms, events[-1].at_ms):
        report = explain_customer(CustomerSnapshot("ada", stored, ruleset, observed, now_ms), at_ms)
        assert {explained.id for explained in report.rules if explained.verdict == "true"} == oracle.keys()


@BOTH
@given(STEPS, WATCHED_SINCE, st.booleans())
@examples(100)
def test_the_moment_of_the_next_change_is_exact(
    ruleset: RuleSet, steps: list[tuple[str, float, int]], since_day: float, whole: bool
) -> None:
    observed, events = watched(ruleset, since_day, whole), history(steps)
    stored = known(ruleset, *events, observed=observed)
    from_ms = events[-1].at_ms

    def at(moment_ms: int) -> WhyReport:
        return explain_customer(CustomerSnapshot("ada", stored, ruleset, observed, from_ms), moment_ms)

    now = at(from_ms)
    for explained in now.rules:
        until_ms = from_ms + 120 * DAY if explained.change is None else explained.change.at_ms
        assert until_ms > from_ms
        step_ms = max(1, (until_ms - from_ms) // 7)
        for moment_ms in [*range(from_ms, until_ms, step_ms), until_ms - 1]:
            assert only(at(moment_ms), explained.id).verdict == explained.verdict
        if explained.change is not None:
            assert only(at(until_ms), explained.id).verdict == explained.change.becomes != explained.verdict
        for place, part in enumerate(explained.condition.leaves()):
            if part.change is not None:
                before = [*only(at(part.change.at_ms - 1), explained.id).condition.leaves()][place]
                after = [*only(at(part.change.at_ms), explained.id).condition.leaves()][place]
                assert before.verdict == part.verdict
                assert after.verdict == part.change.becomes != part.verdict


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
    report = explain_customer(CustomerSnapshot("ada", stored, ruleset, observed, now_ms), now_ms)
    holding = held_in(decide("ada", stored, (), ruleset, observed, now_ms, LAYOUT).stored, ruleset)
    for explained in report.rules:
        assert (explained.verdict == "true") == (explained.id in holding)
        for gap in explained.gaps:
            assert gap.kind != "unseen" or gap.since_ms == until[gap.type or ""] < now_ms


@BOTH
@given(STEPS, WATCHED_SINCE, st.floats(min_value=0, max_value=20))
@examples(50)
def test_a_customer_is_explained_alike_whatever_the_layout_of_what_is_stored(
    ruleset: RuleSet, steps: list[tuple[str, float, int]], since_day: float, seen: float
) -> None:
    events = history(steps)
    at_ms = events[-1].at_ms + 20 * DAY
    until = dict.fromkeys(TYPES, events[-1].at_ms + round(seen * DAY))
    observed = replace(watched(ruleset, since_day, False), until=until)
    reports = []
    for layout in (3, 4):
        stored = decide("ada", None, events, ruleset, observed, at_ms, layout).stored
        assert stored is not None
        reports.append(explain_customer(CustomerSnapshot("ada", stored, ruleset, observed, at_ms), at_ms + 5 * DAY))
    assert reports[0] == reports[1]


def test_explaining_leaves_the_next_decision_as_it_is() -> None:
    ruleset = rules(
        rule(when=QUIET, again_after="20 days"), rule("other", when={"none": "purchase", "for": "30 days"})
    )
    stored = known(ruleset, event("purchase", 1), event("purchase", 2))
    before = decide("ada", stored, (), ruleset, watched(ruleset), day(50), LAYOUT).stored
    why(ruleset, stored, 50)
    assert decide("ada", stored, (), ruleset, watched(ruleset), day(50), LAYOUT).stored == before


def test_what_is_decided_already_cannot_be_explained_as_of_an_earlier_moment() -> None:
    ruleset = rules(rule())
    stored = known(ruleset, event("purchase", 5))
    with pytest.raises(TooEarly, match="decided until 2024-01-06 00:00 UTC"):
        why(ruleset, stored, 4.999)
    assert why(ruleset, stored, 5).at_ms == day(5)
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
    assert [part.verdict for part in only(report).condition.leaves()] == ["false", "true"]
    assert [part.events for part in only(report).condition.leaves()] == [("login",), ("cancellation",)]


# --- when Linger looks again --------------------------------------------------------------------------------------


def test_it_says_when_linger_looks_again_and_why_then() -> None:
    ruleset = rules(rule("soon", when=QUIET), rule("later", when={"none": "purchase", "for": "30 days"}))
    stored = known(ruleset, event("purchase", 1), event("purchase", 2))
    report = why(ruleset, stored, 5, titles={"soon": "Gone quiet"})
    assert report.looks_again_ms == day(11) == decide("ada", stored, (), ruleset, watched(ruleset)).due_ms
    assert report.looks_again_because == ("'Gone quiet' begins to hold (no purchase for 9 days)",)
    assert why(ruleset, stored, 12).looks_again_because == ("'later' begins to hold (no purchase for 30 days)",)


def test_it_says_so_if_linger_does_not_look_again() -> None:
    ruleset = rules(rule(when={"status": "cancelled"}))
    report = why(ruleset, known(ruleset, event("purchase", 1)), 5)
    assert (report.looks_again_ms, report.looks_again_because, report.waits) == (None, (), ())
