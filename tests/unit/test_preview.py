"""`linger rules preview`: who would have been reached, against plain ways to find out."""

import gzip
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from schemas.actions import Action, Decision
from schemas.events import encode_event
from schemas.rules import Rule, RuleBook
from tests.builders import DAY, TYPES, day, event, rule, rules
from workers.core.decide import decide
from workers.core.facts import Fact, read_fact
from workers.core.mapping import ForeignRecord, compile_source
from workers.core.observed import Observed
from workers.core.ruleset import RuleSet
from workers.demo.histories import History
from workers.demo.simulator import simulate
from workers.demo.verify import expected_actions
from workers.errors import StartupError
from workers.files.rule_files import load_book
from workers.files.source_files import load_sources
from workers.preview.command import preview_command
from workers.preview.driver import PreviewTask, drive, preview
from workers.preview.report import bars

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "histories"

RULES = """
rules:
  - id: gone-quiet
    title: A regular has gone quiet
    status: live
    when: {all: [{count: purchase, at least: 3, within: 365 days}, {none: purchase, for: 45 days}, {status: active}]}
    action: at-risk
    template: t
    again after: 90 days
    expires after: 14 days
    pace: at most 1 per day

  - id: first-time
    title: A first-time buyer has not come back
    status: shadow
    when: {all: [{count: purchase, at least: 1, at most: 1}, {none: purchase, for: 30 days}]}
    action: at-risk
    template: t
    again after: never
    expires after: 21 days

  - id: no-log-ins
    title: The log-ins have dried up
    status: draft
    when: {all: [{count: login, at least: 6, within: 60 days}, {none: login, for: 14 days}]}
    action: at-risk
    template: t
    again after: 60 days
    expires after: 7 days

  - id: resting
    title: A rule that rests
    status: paused
    when: {none: purchase, for: 1 day}
    action: at-risk
    template: t
    expires after: 7 days
"""
OTHER_RULES = (
    RULES.replace("at least: 3", "at least: 2").replace("45 days", "60 days").replace("no-log-ins", "no-logins")
)


class Site:
    """A small simulated history in files, and rules."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.history: History = simulate(customers=250)
        sources, problems = load_sources(ROOT / "sources.yaml")
        assert sources is not None, problems
        self.sources = sources
        self.rules = self.write("rules.yaml", RULES)
        self.other = self.write("other.yaml", OTHER_RULES)
        self.lines = self._lines()
        self.events = self.write("events.jsonl", "".join(self.lines))

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def _lines(self) -> list[str]:
        mappers = {source.topic: compile_source(source, ()) for source in self.sources.sources}
        latest = datetime(2030, 1, 1, tzinfo=UTC)
        found = [
            mappers[one.topic](ForeignRecord(one.topic, 0, 0, one.at_ms, one.key, one.value, ()), latest)
            for one in self.history.records
        ]
        return [encode_event(one).decode() + "\n" for one in found if one is not None]

    def customers(self) -> dict[str, list[Fact]]:
        grouped: dict[str, list[Fact]] = {}
        for line in self.lines:
            fact = read_fact(line.encode())
            grouped.setdefault(fact.customer_id, []).append(fact)
        return grouped

    def compiled(self, path: Path) -> RuleSet:
        """Compile a file as a preview takes it: all live but the paused ones."""
        book, problems = load_book([path], TYPES)
        assert not problems
        live = [one.model_copy(update={"status": "live"}) for one in book.rules if one.status != "paused"]
        return rules(*live)

    def decided(self, path: Path, until_ms: int | None = None) -> dict[str, list[Action | Decision]]:
        """Decide about every customer, plainly."""
        ruleset = self.compiled(path)
        end_ms = self.history.end_ms if until_ms is None else until_ms
        return {
            name: decide(
                name,
                None,
                [fact for fact in facts if fact.at_ms <= end_ms],
                ruleset,
                all_known(ruleset, self.history.start_ms),
                end_ms,
            ).decisions
            for name, facts in self.customers().items()
        }


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site"))


def all_known(ruleset: RuleSet, start_ms: int) -> Observed:
    keys = [plan.key for plan in ruleset.plans()]
    return Observed(dict.fromkeys(keys, start_ms), whole=frozenset(keys))


def book_of(*written: Rule) -> RuleBook:
    return RuleBook(written)


def run(capsys: pytest.CaptureFixture[str], history: Path | str, path: Path, **options: Any) -> dict[str, Any]:
    """Run the command and return its document."""
    preview_command(history=str(history), rules=[path], as_json=True, **options)
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def without_speed(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out how long it took and what the history was called."""
    left = {key: value for key, value in document.items() if "second" not in key}
    left["history"] = {**document["history"], "name": ""}
    return left


def by_rule(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in document["rules"]}


def actions_of(decisions: Iterable[Action | Decision]) -> list[Action]:
    return [one for one in decisions if isinstance(one, Action) and one.status == "active"]


def reached(decided: dict[str, list[Action | Decision]]) -> dict[str, set[str]]:
    """Return by rule the customers for whom it asked for an action."""
    found: dict[str, set[str]] = {}
    for name, decisions in decided.items():
        for action in actions_of(decisions):
            found.setdefault(action.rule.id, set()).add(name)
    return found


def at_the_end(site: Site) -> dict[str, Any]:
    """Options that let a file end where the simulated history ends; its end is a midnight."""
    return {"until": datetime.fromtimestamp((site.history.end_ms + 1) / 1000, UTC)}


# -- against the demo's check ----------------------------------------------------------------------------------


def test_what_is_left_is_what_the_demo_expects(site: Site) -> None:
    book, _ = load_book([site.rules], TYPES)
    ruleset = site.compiled(site.rules)
    left: set[str] = set()
    observed = all_known(ruleset, site.history.start_ms)
    for _, _, outcome in drive(site.customers().items(), ruleset, observed, site.history.end_ms):
        newest = {one.action_id: one.status for one in outcome.decisions if isinstance(one, Action)}
        left |= {name for name, status in newest.items() if status == "active"}
    expected = expected_actions(site.history, site.sources, ruleset, "")
    assert left == expected
    assert len(expected) > 100
    task = PreviewTask(book, TYPES, site.history.start_ms, site.history.start_ms, site.history.end_ms)
    counts = preview(task, site.customers().items()).rules.values()
    assert sum(one.actions - one.retracted.total() for one in counts) == len(expected)


def test_the_command_counts_what_the_demo_expects(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    document = run(capsys, site.events, site.rules, **at_the_end(site))
    expected = expected_actions(site.history, site.sources, site.compiled(site.rules), "")
    assert sum(one["actions"] - one["retracted"] for one in document["rules"]) == len(expected)
    assert document["history"]["customers"] == site.history.customers
    assert document["history"]["events"] == len(site.lines)


def test_a_newcomer_can_try_the_simulated_history(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    document = run(capsys, "simulated", site.rules)
    assert document["history"]["customers"] == 4_000
    assert document["period"] == {"since": "2024-01-01T00:00:00Z", "until": "2025-02-04T00:00:00Z"}
    assert all(one["customers"] > 100 for one in document["rules"])


# -- the same history, given in another way --------------------------------------------------------------------


def test_the_order_of_the_lines_does_not_matter(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    lines = site.lines.copy()
    random.Random(1).shuffle(lines)
    shuffled = site.write("shuffled.jsonl", "".join(lines))
    expected = run(capsys, site.events, site.rules, list_customers=True)
    assert without_speed(run(capsys, shuffled, site.rules, list_customers=True)) == without_speed(expected)


def test_a_compressed_history_gives_what_the_plain_one_gives(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    compressed = site.folder / "events.jsonl.gz"
    compressed.write_bytes(gzip.compress(site.events.read_bytes()))
    expected = run(capsys, site.events, site.rules, against=[site.other])
    assert without_speed(run(capsys, compressed, site.rules, against=[site.other])) == without_speed(expected)


def test_a_folder_gives_what_one_file_gives(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    folder = site.folder / "parts"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.jsonl").write_text("".join(site.lines[number::3]))
    expected = run(capsys, site.events, site.rules)
    assert without_speed(run(capsys, folder, site.rules)) == without_speed(expected)


def test_several_processes_count_what_one_counts(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    options: dict[str, Any] = {"against": [site.other], "list_customers": True}
    expected = run(capsys, site.events, site.rules, **options)
    assert without_speed(run(capsys, site.events, site.rules, jobs=2, **options)) == without_speed(expected)


def test_customers_counted_apart_add_up(site: Site) -> None:
    book, _ = load_book([site.rules], TYPES)
    other, _ = load_book([site.other], TYPES)
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
    assert {name: one.days for name, one in parts.rules.items()} == {
        name: one.days for name, one in whole.rules.items()
    }


# -- what is counted -------------------------------------------------------------------------------------------


def test_rules_reach_whom_they_reach_one_customer_at_a_time(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    document = run(capsys, site.events, site.rules, list_customers=True, **at_the_end(site))
    decided = site.decided(site.rules)
    expected = reached(decided)
    found = by_rule(document)
    assert {name: set(one["customer_ids"]) for name, one in found.items()} == expected
    assert {name: one["customers"] for name, one in found.items()} == {k: len(v) for k, v in expected.items()}
    assert document["any_rule"]["customer_ids"] == sorted(set.union(*expected.values()))
    for name, one in found.items():
        actions = [action for decisions in decided.values() for action in actions_of(decisions)]
        days = Counter(action.decided_at.date().isoformat() for action in actions if action.rule.id == name)
        assert one["actions"] == days.total()
        assert (one["first_day"], one["last_day"]) == (min(days), max(days))
        assert one["largest_day"]["actions"] == max(days.values())
        assert days[one["largest_day"]["day"]] == max(days.values())
        weeks = Counter[str]()
        for at, number in days.items():
            monday = date.fromisoformat(at) - timedelta(days=date.fromisoformat(at).weekday())
            weeks[monday.isoformat()] += number
        assert {week["week"]: week["actions"] for week in one["weeks"] if week["actions"]} == weeks
        assert one["share"] == pytest.approx(one["customers"] / 250, abs=1e-6)


def test_the_weeks_follow_one_another_from_monday_to_the_end(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    document = run(capsys, site.events, site.rules, since=date(2024, 3, 6), until=date(2024, 6, 1))
    for one in document["rules"]:
        weeks = [date.fromisoformat(week["week"]) for week in one["weeks"]]
        assert weeks[0] == date(2024, 3, 4)
        assert weeks[-1] == date(2024, 5, 27)
        assert {later - earlier for earlier, later in pairwise(weeks)} == {timedelta(days=7)}


def test_reasons_are_counted_as_they_were_decided(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    document = run(capsys, site.events, site.rules, **at_the_end(site))
    decided = [one for decisions in site.decided(site.rules).values() for one in decisions]
    suppressed = Counter((one.rule.id, one.decision) for one in decided if isinstance(one, Decision))
    retracted = Counter(
        (one.rule.id, one.retracted_because)
        for one in decided
        if isinstance(one, Action) and one.status == "retracted"
    )
    assert suppressed
    assert retracted
    found = by_rule(document)
    assert suppressed == {(n, why): k for n, one in found.items() for why, k in one["suppressed"].items()}
    assert retracted == {(n, why): k for n, one in found.items() for why, k in one["retracted_because"].items()}


def test_two_rules_overlap_in_the_customers_whom_both_reach(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    document = run(capsys, site.events, site.rules, **at_the_end(site))
    sets = reached(site.decided(site.rules))
    expected = {
        pair: len(sets[pair[0]] & sets[pair[1]])
        for pair in combinations(sorted(sets), 2)
        if sets[pair[0]] & sets[pair[1]]
    }
    assert expected
    assert {tuple(one["rules"]): one["customers"] for one in document["overlap"]} == expected


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
    nobody: set[str] = set()
    assert [one["id"] for one in document["against"]["rules"]] == sorted(now.keys() | before.keys())
    for one in document["against"]["rules"]:
        mine, theirs = now.get(one["id"], nobody), before.get(one["id"], nobody)
        assert (one["gained_ids"], one["lost_ids"]) == (sorted(mine - theirs), sorted(theirs - mine))
        assert (one["gained"], one["lost"]) == (len(mine - theirs), len(theirs - mine))
        assert (one["customers_before"], one["customers"]) == (len(theirs), len(mine))
    kinds = {one["id"]: one["is"] for one in document["against"]["rules"]}
    assert kinds == {"gone-quiet": "in both", "first-time": "in both", "no-log-ins": "new", "no-logins": "gone"}
    mine, theirs = set.union(*now.values()), set.union(*before.values())
    total = document["against"]["any_rule"]
    assert (total["gained_ids"], total["lost_ids"]) == (sorted(mine - theirs), sorted(theirs - mine))
    assert document["against"]["rules"][1]["gained"] + document["against"]["rules"][1]["lost"] > 10


def test_rules_against_themselves_gain_and_lose_nobody(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    total = run(capsys, site.events, site.rules, against=[site.rules])["against"]["any_rule"]
    assert (total["gained"], total["lost"]) == (0, 0)
    assert total["customers_before"] == total["customers"] > 0


def test_only_the_period_counts_and_what_was_before_has_its_after_effects(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    since, until = datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 8, 1, tzinfo=UTC)
    document = run(capsys, site.events, site.rules, since=since.date(), until=until.date(), list_customers=True)
    decided = site.decided(site.rules, int(until.timestamp() * 1000) - 1)
    inside = {name: [one for one in found if one.decided_at >= since] for name, found in decided.items()}
    assert {n: set(one["customer_ids"]) for n, one in by_rule(document).items()} == reached(inside)
    for one in document["rules"]:
        assert "2024-05-01" <= one["first_day"] <= one["last_day"] < "2024-08-01"
    assert document["history"]["events"] == sum(
        fact.at_ms < until.timestamp() * 1000 for facts in site.customers().values() for fact in facts
    )


def test_drafts_and_shadow_rules_count_and_paused_ones_do_not(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    document = run(capsys, site.events, site.rules)
    found = by_rule(document)
    assert {name: one["status"] for name, one in found.items()} == {
        "first-time": "shadow",
        "gone-quiet": "live",
        "no-log-ins": "draft",
    }
    assert all(one["actions"] for one in found.values())
    assert "resting" in document["notes"][0]


def test_of_a_history_that_is_not_complete_less_is_known(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    whole = by_rule(run(capsys, site.events, site.rules, list_customers=True))
    document = run(capsys, site.events, site.rules, list_customers=True, incomplete=True)
    part = by_rule(document)
    assert not document["history"]["complete"]
    assert 0 < part["first-time"]["customers"] < whole["first-time"]["customers"]
    assert set(part["first-time"]["customer_ids"]) < set(whole["first-time"]["customer_ids"])
    assert any("from before 2024-01-01" in note for note in document["notes"])


def test_what_a_pace_would_hold_is_what_is_above_it_in_each_period(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    document = run(capsys, site.events, site.rules, **at_the_end(site))
    days = Counter(
        action.decided_at.date()
        for decisions in site.decided(site.rules).values()
        for action in actions_of(decisions)
        if action.rule.id == "gone-quiet"
    )
    above = sum(number - 1 for number in days.values())
    assert above > 0
    assert by_rule(document)["gone-quiet"]["pace"] == {
        "at_most": 1,
        "per": "day",
        "over_pace": "hold",
        "largest": max(days.values()),
        "above": above,
    }
    assert by_rule(document)["first-time"]["pace"] is None


def test_held_out_customers_are_those_whom_the_rule_would_have_reached(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    held = site.write("held.yaml", RULES.replace("again after: never", "again after: never\n    hold out: 30%"))
    everybody = by_rule(run(capsys, site.events, site.rules, list_customers=True))["first-time"]
    others = by_rule(run(capsys, site.events, held, list_customers=True))["first-time"]
    assert set(others["customer_ids"]) < set(everybody["customer_ids"])
    assert others["suppressed"]["held_out"] + others["actions"] == everybody["actions"]


def test_limits_and_quiet_hours_apply(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    policy = (
        "for every rule:\n"
        "  limits: [{at most: 1 action, within: 300 days}]\n"
        '  quiet hours: {from: "00:00", until: "23:00"}\n'
    )
    document = run(capsys, site.events, site.write("policy.yaml", policy + RULES))
    actions = sum(one["actions"] for one in document["rules"])
    delayed = sum(one["delayed_by_quiet_hours"] for one in document["rules"])
    assert 0 < delayed <= actions
    assert sum(one["suppressed"].get("capped", 0) for one in document["rules"]) > 0
    assert actions < sum(one["actions"] for one in run(capsys, site.events, site.rules)["rules"])


def test_the_usual_gap_is_the_mean_time_between_days_with_the_event(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(capsys, site.events, site.rules)["usual_gap"]
    for kind in ("purchase", "login"):
        gaps: list[float] = []
        means: list[float] = []
        for facts in site.customers().values():
            times = sorted(fact.at_ms for fact in facts if fact.type == kind)
            days = sorted({at // DAY for at in times})
            if len(days) > 1:
                # The gaps between the days of one customer add up to the time from the first event to the last.
                means.append((times[-1] - times[0]) / DAY / (len(days) - 1))
                gaps += [means[-1]] * (len(days) - 1)
        assert found[kind]["customers"] == len(means)
        assert found[kind]["gaps"] == len(gaps)
        assert found[kind]["days"] == pytest.approx(sum(gaps) / len(gaps), abs=0.051)
        assert found[kind]["mean_of_customers_days"] == pytest.approx(sum(means) / len(means), abs=0.051)


def test_a_repeated_event_counts_once(tmp_path: Path, capsys: pytest.CaptureFixture[str], site: Site) -> None:
    twice = tmp_path / "twice.jsonl"
    twice.write_text("".join(line * 2 for line in site.lines))
    expected = run(capsys, site.events, site.rules)
    found = run(capsys, twice, site.rules)
    assert found["history"]["duplicates"] == found["history"]["events"] == expected["history"]["events"]
    assert found["rules"] == expected["rules"]


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


# -- what is refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"since": date(2024, 5, 1), "until": date(2024, 5, 1)}, "is empty; the history goes from"),
        ({"until": date(2020, 1, 1)}, "is empty"),
        ({"since": date(2030, 1, 1)}, "is empty"),
        ({"jobs": 0}, "at least one process"),
        ({"source": "nothing"}, "no such topic"),
    ],
)
def test_what_makes_no_sense_is_refused(site: Site, options: dict[str, Any], words: str) -> None:
    with pytest.raises(StartupError, match=words):
        preview_command(history=str(site.events), rules=[site.rules], **options)


def test_all_problems_of_both_versions_are_told_at_once(site: Site) -> None:
    broken = site.write("broken.yaml", RULES.replace("none: purchase", "none: puchase"))
    other = site.write("other-broken.yaml", RULES.replace("template: t", "tenplate: t"))
    with pytest.raises(StartupError) as raised:
        preview_command(history=str(site.events), rules=[broken], against=[other])
    assert any("broken.yaml" in problem and "puchase" in problem for problem in raised.value.problems)
    assert any("other-broken.yaml" in problem and "tenplate" in problem for problem in raised.value.problems)


def test_a_topic_without_settings_is_refused(site: Site) -> None:
    with pytest.raises(StartupError, match="where Kafka is"):
        preview_command(history="topic:orders", rules=[site.rules])


def test_unreadable_lines_are_told_and_too_many_are_refused(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    document = run(capsys, DATA / "broken.jsonl", site.rules)
    assert document["history"]["unreadable"] == {
        "negative_amount": 1,
        "naive_time": 1,
        "not_json": 1,
        "future_time": 1,
    }
    assert document["history"]["unreadable_examples"][0].startswith(f"{DATA / 'broken.jsonl'}:2: negative_amount")
    assert any("4 records cannot be read" in note for note in document["notes"])
    wrong = site.write("wrong.jsonl", "".join(f'{{"number": {number}}}\n' for number in range(10)))
    with pytest.raises(StartupError, match="10 of 10 records cannot be read"):
        preview_command(history=str(wrong), rules=[site.rules])


def test_types_that_the_history_does_not_have_are_told_with_the_rules_that_read_them(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    document = run(capsys, DATA / "orders.jsonl", site.rules, sources=DATA / "sources.yaml", source="shop.orders")
    [note] = [note for note in document["notes"] if "no event of these types" in note]
    assert "login (no-log-ins)" in note
    assert "purchase" not in note


# -- for people ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [60, 80, 160])
def test_the_report_says_every_figure_in_any_width(
    site: Site, capsys: pytest.CaptureFixture[str], width: int
) -> None:
    document = run(capsys, site.events, site.rules, against=[site.other])
    shown = drawn(site, width, against=[site.other])
    for one in document["rules"]:
        assert f"{one['actions']:,}" in shown
        assert f"{one['customers']:,}" in shown
    assert f"{document['history']['events']:,} events" in " ".join(shown.split())
    assert f"{document['against']['any_rule']['customers_before']:,}" in shown
    for line in shown.splitlines():
        assert len(line) <= width


def test_all_customers_are_listed_only_when_asked_for(site: Site) -> None:
    names = sorted(set.union(*reached(site.decided(site.rules)).values()))
    listed = drawn(site, 100, list_customers=True, **at_the_end(site))
    assert set(names) <= set(listed.split())
    assert len(set(names) & set(drawn(site, 100, **at_the_end(site)).split())) == 0


def drawn(site: Site, width: int, **options: Any) -> str:
    text = StringIO()
    preview_command(history=str(site.events), rules=[site.rules], out=Console(file=text, width=width), **options)
    return text.getvalue()


def test_nothing_but_the_document_goes_to_standard_output(site: Site) -> None:
    command = (
        "from pathlib import Path; from workers.preview.command import preview_command as p;"
        f"p(history={str(site.events)!r}, rules=[Path({str(site.rules)!r})], as_json=True)"
    )
    found = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stderr == ""
    assert len(found.stdout.splitlines()) == 1
    json.loads(found.stdout)


@pytest.mark.parametrize("height", [1, 3])
@pytest.mark.parametrize(
    "numbers",
    [[0, 1, 1000, 500], [3], [0, 0], [], [7, 7, 7], list(range(100))],
    ids=lambda numbers: str(len(numbers)),
)
def test_a_chart_shows_every_week_with_an_action_and_higher_is_never_lower(
    numbers: Sequence[int], height: int
) -> None:
    lines = bars(numbers, height)
    assert len(lines) == height
    levels = [sum(" ▁▂▃▄▅▆▇█".index(line[at]) for line in lines) for at in range(len(numbers))]
    for number, level in zip(numbers, levels, strict=True):
        assert (level > 0) == (number > 0)
        assert number != max(numbers) or not number or level == 8 * height
    assert [level for _, level in sorted(zip(numbers, levels, strict=True))] == sorted(levels)


# -- how much it takes -----------------------------------------------------------------------------------------


_MEASURED = """
import resource, sys
from pathlib import Path
from workers.preview.command import preview_command
preview_command(history=sys.argv[1], rules=[Path(sys.argv[2])], as_json=True)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


@pytest.mark.rest
def test_many_events_need_little_more_memory_than_few(tmp_path: Path, site: Site) -> None:
    only = site.write("only.yaml", RULES[: RULES.index("  - id: first-time")])
    few, many = a_long_history(tmp_path / "few.jsonl", 3_000), a_long_history(tmp_path / "many.jsonl", 300_000)
    peaks = []
    for history, events in ((few, 3_000), (many, 300_000)):
        command = [sys.executable, "-c", _MEASURED, str(history), str(only)]
        ended = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=120)
        document = json.loads(ended.stdout)
        assert document["history"]["events"] == events
        peaks.append(int(ended.stderr.split()[-1]) * (1 if sys.platform == "linux" else 1 / 1024) / 1024)
    # As objects, 297,000 events more would take more than 150 MB.
    assert peaks[1] - peaks[0] < 80, peaks


def a_long_history(path: Path, events: int) -> Path:
    """Write events of customers of whom each has about thirty, in the order of time."""
    step = 300 * 86_400 // events
    start = datetime(2024, 1, 1, tzinfo=UTC)
    with path.open("w") as file:
        for number in range(events):
            at = (start + timedelta(seconds=number * step)).isoformat()
            customer = number * 7919 % max(1, events // 30)
            file.write(
                f'{{"event_id":"event-{number}","type":"purchase","customer_id":"customer-{customer}",'
                f'"occurred_at":"{at}","amount":"12.50","currency":"EUR","attributes":{{"channel":"web"}}}}\n'
            )
    return path
