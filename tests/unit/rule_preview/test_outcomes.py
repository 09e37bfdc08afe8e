"""Laws of what customers did after the actions of a rule, counted again by a naive reader of the history."""

import random
from collections.abc import Sequence
from itertools import pairwise
from statistics import median_low
from typing import Any

import pytest
from rich.console import Console

from schemas.durations import DAY_MS
from schemas.rules import RuleBook
from tests.support.builders import TYPES, event, rule
from tests.unit.rule_preview.preview_site import Site, actions_of, at_the_end, by_rule, run
from workers.rule_preview.document import PreviewResult, document_of
from workers.rule_preview.outcomes import AWAY_DAYS, PlainCounts, Success
from workers.rule_preview.outcomes_report import draw_outcomes
from workers.rule_preview.preview import PreviewTask, preview

WITHIN_MS = 30 * DAY_MS
SUCCESS = Success("purchase", WITHIN_MS)


def purchases(site: Site) -> dict[str, list[int]]:
    return {
        name: [event.at_ms for event in events if event.type == "purchase"]
        for name, events in site.customers().items()
    }


def judged(at_ms: int, times: Sequence[int], end_ms: int) -> str:
    if at_ms + WITHIN_MS > end_ms:
        return "running"
    return "came_back" if any(at_ms < time_ms <= at_ms + WITHIN_MS for time_ms in times) else "stayed_away"


def plainly(days: int, bought: dict[str, list[int]], since_ms: int, end_ms: int) -> list[str]:
    """Return the outcomes of all customers after a number of days without a purchase, once in each silence."""
    found = []
    for times in bought.values():
        for last_ms, next_ms in pairwise([*times, end_ms + 1]):
            acted_ms = last_ms + days * DAY_MS
            if since_ms <= acted_ms < next_ms:
                found.append(judged(acted_ms, times, end_ms))
    return found


def test_who_came_back_and_who_stayed_away_is_what_the_history_says(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    rules, bought = by_rule(run(capsys, site.events, site.rules, **at_the_end(site))), purchases(site)
    outcomes: dict[str, list[str]] = {}
    silent: dict[str, list[int]] = {}
    for name, decisions in site.decided(site.rules).items():
        for action in actions_of(decisions):
            at_ms = round(action.decided_at.timestamp() * 1000)
            outcome = judged(at_ms, bought[name], site.history.end_ms)
            outcomes.setdefault(action.rule.id, []).append(outcome)
            if outcome == "stayed_away":
                last_ms = max(time_ms for time_ms in bought[name] if time_ms <= at_ms)
                silent.setdefault(action.rule.id, []).append((at_ms - last_ms) // DAY_MS)
    assert len(outcomes) == 3
    for name, each in outcomes.items():
        document = rules[name]["outcome"]
        assert {kind: document[kind] for kind in ("came_back", "stayed_away", "running")} == {
            kind: each.count(kind) for kind in ("came_back", "stayed_away", "running")
        }
        assert document["warning_days"] == AWAY_DAYS - median_low(silent[name])
        assert document["success"] == "purchase within 30 days"
        assert document["wasted"] + document["precision"] == pytest.approx(1)
    assert {"came_back", "stayed_away", "running"} == {kind for each in outcomes.values() for kind in each}


def test_beside_each_rule_stand_plain_days_with_as_many_actions_seen_to_the_end(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    rules, bought = by_rule(run(capsys, site.events, site.rules, **at_the_end(site))), purchases(site)
    every = {days: plainly(days, bought, site.history.start_ms, site.history.end_ms) for days in range(1, 401)}
    for rule_ in rules.values():
        document, plain = rule_["outcome"], rule_["outcome"]["plain_days"]
        wanted = document["came_back"] + document["stayed_away"]
        finished = {days: len(each) - each.count("running") for days, each in every.items()}
        assert abs(finished[plain["days"]] - wanted) == min(abs(number - wanted) for number in finished.values())
        outcomes = every[plain["days"]]
        assert plain["actions"] == len(outcomes)
        assert (plain["came_back"], plain["stayed_away"]) == (
            outcomes.count("came_back"),
            outcomes.count("stayed_away"),
        )
        assert plain["warning_days"] == AWAY_DAYS - plain["days"]


@pytest.mark.parametrize("seed", range(40))
def test_silences_are_counted_as_one_by_one(seed: int) -> None:
    chance = random.Random(seed)
    end_ms = 200 * DAY_MS
    since_ms = chance.choice([0, 50 * DAY_MS + 1, 60 * DAY_MS])
    steps = [DAY_MS, DAY_MS - 1, 3 * DAY_MS + 1, 31 * DAY_MS, 30 * DAY_MS, 0, 61 * DAY_MS]
    bought = {
        str(number): sorted(chance.choice(steps) * chance.randint(1, 6) for _ in range(chance.randint(1, 5)))
        for number in range(4)
    }
    bought = {name: [time_ms for time_ms in times if time_ms <= end_ms] for name, times in bought.items()}
    counts = PlainCounts()
    for times in bought.values():
        counts.note(SUCCESS, times, since_ms, end_ms)
    every = {days: plainly(days, bought, since_ms, end_ms) for days in range(1, 201)}
    for days, outcomes in every.items():
        finished = len(outcomes) - outcomes.count("running")
        assert sum(counts.actions[at] for at in range(days + 1)) == len(outcomes)
        assert sum(counts.finished[at] for at in range(days + 1)) == finished
        assert sum(counts.came_back[at] for at in range(days + 1)) == outcomes.count("came_back")


def test_an_action_of_an_operators_own_has_no_outcome() -> None:
    quiet = {"none": "purchase", "for": "10 days"}
    document = _document([rule("own", when=quiet, action="thank-you"), rule("risk", when=quiet)])
    assert [entry["outcome"] is None for entry in document["rules"]] == [True, False]


def test_a_rule_says_itself_what_counts_and_which_events_of_a_type(
    capsys: pytest.CaptureFixture[str], site: Site
) -> None:
    large = {"event": "purchase", "where": {"amount": {"at least": 50}}, "within": "60 days"}
    quiet = {"none": "purchase", "for": "10 days"}
    events = [event("purchase", 0, amount=20), event("purchase", 30, amount=20), event("purchase", 60, amount=70)]
    document = _document([rule("large", when=quiet, success=large), rule("any", when=quiet)], events)
    large_, any_ = (by_rule(document)[name]["outcome"] for name in ("large", "any"))
    assert large_["success"] == "purchase (amount at least 50) within 60 days"
    # On day 10, 40 and 70: the large purchase of day 60 is within 60 days of the first two; the last is not over.
    assert (large_["came_back"], large_["stayed_away"], large_["running"]) == (2, 0, 1)
    assert (any_["came_back"], any_["stayed_away"], any_["running"]) == (2, 1, 0)
    text = site.rules.read_text().replace("    template: t\n", f"    template: t\n    success: {large}\n", 1)
    document = run(capsys, site.events, site.write("large.yaml", text), **at_the_end(site))
    plain = run(capsys, site.events, site.rules, **at_the_end(site))
    name = document["rules"][1]["id"]
    assert by_rule(document)[name]["outcome"]["came_back"] != by_rule(plain)[name]["outcome"]["came_back"]


def test_who_stayed_away_without_a_purchase_before_gives_no_warning() -> None:
    logged_in = {"count": "login", "at least": 1, "within": "30 days"}
    document = _document([rule("risk", when=logged_in)], [event("login", 2)])
    outcome = document["rules"][0]["outcome"]
    assert (outcome["stayed_away"], outcome["warning_days"], outcome["plain_days"]) == (1, None, None)


def test_the_report_says_it_in_a_line_for_each_rule_and_one_for_plain_days(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    document = run(capsys, site.events, site.rules, **at_the_end(site))
    text = _drawn(document["rules"])
    assert text.startswith("\nCame back by themselves: purchase within 30 days")
    lines = text.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("gone-quiet"))
    plain = by_rule(document)["gone-quiet"]["outcome"]["plain_days"]
    assert lines[at + 1].startswith(f"  plainly after {plain['days']} days")


def _drawn(rules: Sequence[Any]) -> str:
    console = Console(width=120, force_terminal=False)
    with console.capture() as captured:
        draw_outcomes(rules, console)
    return captured.get()


def _document(rules: list[Any], events: Sequence[Any] = ()) -> dict[str, Any]:
    events = events or [event("purchase", 1)]
    first_ms = events[0].at_ms
    task = PreviewTask(RuleBook(tuple(rules)), TYPES, first_ms, first_ms, first_ms + 100 * DAY_MS)
    counts = preview(task, [("ada", list(events))])
    return document_of(PreviewResult("here", task, counts, first_ms, first_ms, {}))
