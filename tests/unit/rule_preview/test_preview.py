"""Laws of the preview: it counts what the core decides, customer by customer."""

import random
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from schemas.actions import Action, Decision
from schemas.rules import Rule, RuleBook
from tests.support.builders import TYPES, VALUE, day, event, rule
from tests.unit.rule_preview.preview_site import (
    CUSTOMERS,
    RULES,
    Site,
    actions_of,
    all_known,
    at_the_end,
    by_rule,
    reached,
    run,
)
from workers.core.decisions.decide import decide
from workers.demo.verify import expected_actions
from workers.rule_files.known_names import KnownNames
from workers.rule_files.rules import load_book
from workers.rule_preview.document import PreviewResult, document_of
from workers.rule_preview.preview import PreviewTask, preview
from workers.rule_preview.report import render


def book_of(*written: Rule) -> RuleBook:
    return RuleBook(written)


def test_what_is_left_is_what_the_demo_expects(site: Site) -> None:
    book, _ = load_book([site.rules], KnownNames(TYPES))
    ruleset = site.compiled(site.rules)
    left: set[str] = set()
    observed = all_known(ruleset, site.history.start_ms)
    for name, events in site.customers().items():
        decisions = decide(name, None, events, ruleset, observed, site.history.end_ms).decisions()
        newest = {decision.action_id: decision.status for decision in decisions if isinstance(decision, Action)}
        left |= {name for name, status in newest.items() if status == "active"}
    expected = expected_actions(site.history, site.sources, ruleset, "")
    assert left == expected
    assert len(expected) > 100
    task = PreviewTask(book, TYPES, site.history.start_ms, site.history.start_ms, site.history.end_ms)
    counts = preview(task, site.customers().items()).rules.values()
    assert sum(count.actions - count.retracted.total() for count in counts) == len(expected)


def test_customers_counted_apart_add_up(site: Site) -> None:
    book, _ = load_book([site.rules], KnownNames(TYPES))
    other, _ = load_book([site.other], KnownNames(TYPES))
    start_ms, end_ms = site.history.start_ms, site.history.end_ms
    task = PreviewTask(book, TYPES, start_ms, start_ms, end_ms, against=other, all_ids=True, all_changed_ids=True)
    customers = list(site.customers().items())
    whole = preview(task, customers)
    parts = preview(task, customers[::7])
    for number in range(1, 7):
        parts.add(preview(task, customers[number::7]))
    assert parts.reached.ids() == whole.reached.ids()
    assert parts.change.lost.ids() == whole.change.lost.ids()
    assert parts.overlap == whole.overlap
    assert parts.types == whole.types
    assert parts.customers == len(customers)
    assert {name: tally.days for name, tally in parts.rules.items()} == {
        name: tally.days for name, tally in whole.rules.items()
    }


def test_rules_reach_whom_they_reach_one_customer_at_a_time(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    document = run(capsys, site.events, site.rules, list_customers=True, **at_the_end(site))
    decided = site.decided(site.rules)
    expected = reached(decided)
    by_id = by_rule(document)
    assert {name: set(counts["customer_ids"]) for name, counts in by_id.items()} == expected
    assert {name: counts["customers"] for name, counts in by_id.items()} == {k: len(v) for k, v in expected.items()}
    assert document["any_rule"]["customer_ids"] == sorted(set.union(*expected.values()))
    for name, counts in by_id.items():
        actions = [action for decisions in decided.values() for action in actions_of(decisions)]
        days = Counter(action.decided_at.date().isoformat() for action in actions if action.rule.id == name)
        assert counts["actions"] == days.total()
        assert (counts["first_day"], counts["last_day"]) == (min(days), max(days))
        assert counts["largest_day"]["actions"] == max(days.values())
        assert days[counts["largest_day"]["day"]] == max(days.values())
        weeks = Counter[str]()
        for at, number in days.items():
            monday = date.fromisoformat(at) - timedelta(days=date.fromisoformat(at).weekday())
            weeks[monday.isoformat()] += number
        assert {week["week"]: week["actions"] for week in counts["weeks"] if week["actions"]} == weeks
        assert counts["share"] == pytest.approx(counts["customers"] / CUSTOMERS, abs=1e-6)


def test_reasons_are_counted_as_they_were_decided(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    limited = "for every rule:\n  limits: [{at most: 1 action, within: 300 days}]\n"
    rules = site.write("limited.yaml", limited + RULES)
    document = run(capsys, site.events, rules, **at_the_end(site))
    decided = [decision for decisions in site.decided(rules).values() for decision in decisions]
    suppressed = Counter(
        (decision.rule.id, decision.decision) for decision in decided if isinstance(decision, Decision)
    )
    retracted = Counter(
        (decision.rule.id, decision.retracted_because)
        for decision in decided
        if isinstance(decision, Action) and decision.status == "retracted"
    )
    assert suppressed
    assert retracted
    by_id = by_rule(document)
    assert suppressed == {(n, why): k for n, counts in by_id.items() for why, k in counts["suppressed"].items()}
    assert retracted == {(n, why): k for n, counts in by_id.items() for why, k in counts["retracted_because"].items()}


def test_two_rules_overlap_in_the_customers_whom_both_reach(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    document = run(capsys, site.events, site.rules, **at_the_end(site))
    sets = reached(site.decided(site.rules))
    expected = {
        pair: len(sets[pair[0]] & sets[pair[1]])
        for pair in combinations(sorted(sets), 2)
        if sets[pair[0]] & sets[pair[1]]
    }
    assert expected
    assert {tuple(entry["rules"]): entry["customers"] for entry in document["overlap"]} == expected


def test_a_customer_of_three_rules_is_in_each_of_their_overlaps() -> None:
    book = book_of(*(rule(name, when={"none": "purchase", "for": "10 days"}) for name in ("one", "two", "three")))
    task = PreviewTask(book, TYPES, day(0), day(0), day(50))
    tally = preview(task, [("ada", [event("purchase", 1)]), ("bob", [event("purchase", 45)])])
    assert tally.overlap == {("one", "three"): 1, ("one", "two"): 1, ("three", "two"): 1}


def test_against_another_version_the_gained_and_the_lost_are_the_differences_of_the_sets(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    document = run(capsys, site.events, site.rules, against=[site.other], **at_the_end(site))
    now, before = reached(site.decided(site.rules)), reached(site.decided(site.other))
    no_customers: set[str] = set()
    assert [entry["id"] for entry in document["against"]["rules"]] == sorted(now.keys() | before.keys())
    for entry in document["against"]["rules"]:
        mine, theirs = now.get(entry["id"], no_customers), before.get(entry["id"], no_customers)
        assert (entry["gained_ids"], entry["lost_ids"]) == (sorted(mine - theirs), sorted(theirs - mine))
        assert (entry["gained"], entry["lost"]) == (len(mine - theirs), len(theirs - mine))
        assert (entry["customers_before"], entry["customers"]) == (len(theirs), len(mine))
    kinds = {entry["id"]: entry["is"] for entry in document["against"]["rules"]}
    assert kinds == {"gone-quiet": "in both", "first-time": "in both", "no-log-ins": "new", "no-logins": "gone"}
    mine, theirs = set.union(*now.values()), set.union(*before.values())
    total = document["against"]["any_rule"]
    assert (total["gained_ids"], total["lost_ids"]) == (sorted(mine - theirs), sorted(theirs - mine))
    assert document["against"]["rules"][1]["gained"] + document["against"]["rules"][1]["lost"] > 10


def test_rules_against_themselves_gain_and_lose_no_customer(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    total = run(capsys, site.events, site.rules, against=[site.rules])["against"]["any_rule"]
    assert (total["gained"], total["lost"]) == (0, 0)
    assert total["customers_before"] == total["customers"] > 0


def test_only_the_period_counts_and_what_was_before_has_its_after_effects(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    since, until = datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 8, 1, tzinfo=UTC)
    document = run(capsys, site.events, site.rules, since=since.date(), until=until.date(), list_customers=True)
    decided = site.decided(site.rules, int(until.timestamp() * 1000) - 1)
    inside = {
        name: [decision for decision in decisions if decision.decided_at >= since]
        for name, decisions in decided.items()
    }
    assert {n: set(counts["customer_ids"]) for n, counts in by_rule(document).items()} == reached(inside)
    for entry in document["rules"]:
        assert "2024-05-01" <= entry["first_day"] <= entry["last_day"] < "2024-08-01"
    assert document["history"]["events"] == sum(
        event.at_ms < until.timestamp() * 1000 for events in site.customers().values() for event in events
    )


def test_drafts_and_shadow_rules_count_and_paused_ones_do_not(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    document = run(capsys, site.events, site.rules)
    by_id = by_rule(document)
    assert {name: counts["status"] for name, counts in by_id.items()} == {
        "first-time": "shadow",
        "gone-quiet": "live",
        "no-log-ins": "draft",
    }
    assert all(counts["actions"] for counts in by_id.values())
    assert "resting" in document["notes"][0]


def test_of_a_history_that_is_not_complete_less_is_known(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    whole = by_rule(run(capsys, site.events, site.rules, list_customers=True))
    document = run(capsys, site.events, site.rules, list_customers=True, incomplete=True)
    part = by_rule(document)
    assert not document["history"]["complete"]
    assert 0 < part["first-time"]["customers"] < whole["first-time"]["customers"]
    assert set(part["first-time"]["customer_ids"]) < set(whole["first-time"]["customer_ids"])
    first_day = document["history"]["first_event"][:10]
    assert any(f"before {first_day} is unknown" in note for note in document["notes"])


def test_held_out_customers_are_those_whom_the_rule_would_have_reached(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    held = site.write("held.yaml", RULES.replace("again after: never", "again after: never\n    hold out: 30%"))
    all_customers = by_rule(run(capsys, site.events, site.rules, list_customers=True))["first-time"]
    others = by_rule(run(capsys, site.events, held, list_customers=True))["first-time"]
    assert set(others["customer_ids"]) < set(all_customers["customer_ids"])
    assert others["suppressed"]["held_out"] + others["actions"] == all_customers["actions"]


def test_limits_and_quiet_hours_apply(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    policy = (
        "for every rule:\n"
        "  limits: [{at most: 1 action, within: 300 days}]\n"
        '  quiet hours: {from: "00:00", until: "23:00"}\n'
    )
    document = run(capsys, site.events, site.write("policy.yaml", policy + RULES))
    actions = sum(entry["actions"] for entry in document["rules"])
    delayed = sum(entry["delayed_by_quiet_hours"] for entry in document["rules"])
    assert 0 < delayed <= actions
    assert sum(entry["suppressed"].get("capped", 0) for entry in document["rules"]) > 0
    assert actions < sum(entry["actions"] for entry in run(capsys, site.events, site.rules)["rules"])


def test_a_repeated_event_counts_once(tmp_path: Path, capsys: pytest.CaptureFixture[str], site: Site) -> None:
    twice = tmp_path / "twice.jsonl"
    twice.write_text("".join(line * 2 for line in site.lines))
    expected = run(capsys, site.events, site.rules)
    doubled = run(capsys, twice, site.rules)
    assert doubled["history"]["duplicates"] == doubled["history"]["events"] == expected["history"]["events"]
    assert doubled["rules"] == expected["rules"]


def test_customers_without_events_in_the_period_of_the_history_are_no_customers() -> None:
    a_rule = rule("quiet", when={"none": "purchase", "for": "10 days"})
    task = PreviewTask(book_of(a_rule), TYPES, day(0), day(0), day(50))
    tally = preview(task, [("ada", [event("purchase", 1)]), ("bob", []), ("cyd", [event("purchase", 51)])])
    assert tally.customers == 1
    assert tally.rules["quiet"].customers.ids() == ["ada"]


def test_few_ids_are_kept_unless_all_are_asked_for() -> None:
    a_rule = rule("quiet", when={"none": "purchase", "for": "10 days"})
    names = [f"c{number:05}" for number in range(3_000)]
    shuffled = random.Random(1).sample(names, len(names))
    customers = [(name, [event("purchase", 1, name)]) for name in shuffled]
    few = preview(PreviewTask(book_of(a_rule), TYPES, day(0), day(0), day(50)), customers).reached
    every = preview(PreviewTask(book_of(a_rule), TYPES, day(0), day(0), day(50), all_ids=True), customers).reached
    assert (few.number, few.ids()) == (3_000, names[:5])
    assert len(few.some) <= 200
    assert (every.number, every.ids()) == (3_000, names)


def test_what_is_at_stake_is_what_customers_were_worth_when_each_rule_reached_them_last() -> None:
    book = RuleBook((rule("quiet", when={"none": "purchase", "for": "10 days"}),), value=VALUE)
    types = (*TYPES, "refund")
    customers = [
        ("ada", [event("purchase", 0, amount=100), event("purchase", 20, amount=50.5)]),
        ("ben", [event("purchase", 0, amount=200), event("refund", 1, amount=170, currency="EUR")]),
        ("cem", [event("purchase", 35, amount=500)]),
        ("dot", [event("purchase", 1, amount=30), event("cancellation", 2)]),
    ]
    counts = preview(PreviewTask(book, types, day(0), day(0), day(40)), customers)
    quiet = counts.rules["quiet"]
    assert (quiet.customers.number, quiet.at_stake, counts.at_stake) == (3, 21050, 21050)
    assert quiet.not_paid_back == 2  # ben and dot have not brought 60
    assert (counts.cancelled, counts.cancelled_not_paid_back) == (1, 1)


def test_without_what_a_customer_is_worth_nothing_is_said_of_money() -> None:
    book = RuleBook((rule("quiet", when={"none": "purchase", "for": "10 days"}),))
    task = PreviewTask(book, TYPES, day(0), day(0), day(40))
    counts = preview(task, [("ada", [event("purchase", 0), event("cancellation", 1)])])
    document = document_of(PreviewResult("x", task, counts, day(0), day(1), {}))
    assert "value" not in document
    assert "at_stake" not in document["rules"][0] | document["any_rule"]


def test_the_document_says_what_is_at_stake_and_who_left_too_early() -> None:
    book = RuleBook((rule("quiet", when={"none": "purchase", "for": "10 days"}),), value=VALUE)
    task = PreviewTask(book, (*TYPES, "refund"), day(0), day(0), day(40))
    counts = preview(task, [("ada", [event("purchase", 0)]), ("ben", [event("purchase", 0, amount=80)])])
    document = document_of(PreviewResult("x", task, counts, day(0), day(1), {}))
    assert document["rules"][0]["at_stake"] == document["any_rule"]["at_stake"] == 100.0
    assert document["rules"][0]["not_paid_back"] == {"customers": 1, "share": 0.5}
    assert document["value"] == {
        "currency": "EUR",
        "window": "365 days",
        "cost_of_winning": 60,
        "cancelled": {"customers": 0, "not_paid_back": {"customers": 0, "share": 0.0}},
    }


PURCHASES = {"ada": 40, "ben": 90.5, "cem": 40}


def test_gained_and_lost_customers_are_named_with_what_they_are_worth_the_most_first() -> None:
    quick, slow = {"none": "purchase", "for": "10 days"}, {"none": "purchase", "for": "30 days"}
    now = RuleBook((rule("quiet", when=quick), rule("away", when=slow)), value=VALUE)
    before = RuleBook((rule("quiet", when=slow), rule("away", when=quick)), value=VALUE)
    task = PreviewTask(now, (*TYPES, "refund"), day(0), day(0), day(20), against=before)
    customers = [(name, [event("purchase", 0, name, amount=amount)]) for name, amount in PURCHASES.items()]
    previewed = PreviewResult("x", task, preview(task, customers), day(0), day(1), {}, against="before")
    document = document_of(previewed)
    by_id = {entry["id"]: entry for entry in document["against"]["rules"]}
    assert by_id["quiet"]["gained_ids"] == ["ben", "ada", "cem"]
    assert by_id["quiet"]["gained_values"] == [90.5, 40.0, 40.0]
    assert (by_id["quiet"]["gained_value"], by_id["quiet"]["lost_value"]) == (170.5, 0.0)
    assert (by_id["away"]["lost_ids"], by_id["away"]["lost_value"]) == (["ben", "ada", "cem"], 170.5)
    assert "gained by quiet: ben (90), ada (40), cem (40)" in _drawn(document)


def test_a_rule_that_reaches_no_one_because_another_comes_first_says_which() -> None:
    quiet = {"none": "purchase", "for": "10 days"}
    book = RuleBook((rule("first", when=quiet, instead_of=["second"]), rule("second", when=quiet)))
    task = PreviewTask(book, TYPES, day(0), day(0), day(20))
    counts = preview(task, [("ada", [event("purchase", 0)])])
    document = document_of(PreviewResult("x", task, counts, day(0), day(1), {}))
    second = document["rules"][1]
    assert (second["actions"], second["suppressed"], second["outranked_by"]) == (0, {"outranked": 1}, {"first": 1})
    assert "reached no one: each time it held, it was not sent: outranked 1 (by first 1)" in _drawn(document)


def _drawn(document: Mapping[str, Any]) -> str:
    console = Console(width=160)
    with console.capture() as captured:
        render(document, console)
    return captured.get()
