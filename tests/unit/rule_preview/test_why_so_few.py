"""Laws of why a rule reaches few: who cannot be known, what never holds, what no event has, who has just appeared."""

import json
from collections import Counter
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from schemas.durations import DAY_MS
from tests.unit.rule_preview.preview_site import Site, all_known, at_the_end, by_rule, run
from workers.core.conditions.condition import NOT_OBSERVABLE, TRUE
from workers.core.coverage import FOREVER_MS
from workers.core.decisions.decide import decide, decider_of
from workers.rule_preview.command import PreviewOptions, preview_command

RULE = """
  - id: {name}
    title: {name}
    status: draft
    when: {when}
    action: at-risk
    template: t
    expires after: 14 days
"""
WHENS = {
    "unknown-reason": "{all: [{status: cancelled}, {latest: cancellation.reason, is: Disliked the Last Box}]}",
    "never-together": "{all: [{none: purchase, for: 30 days}, {last: purchase, at most: 3 days}]}",
    "every-customer": "{count: complaint, exactly: 0}",
    "buyers": "{count: purchase, exactly: 1}",
    "later": "{known for: 2 days}",
    "never-told": "{latest: profile.country, is: NL}",
    "nobody-so-far": "{all: [{count: purchase, at least: 100}, {status: active}]}",
}
SOURCES = """
event_types: {complaint: {}, profile: {}}
sources:
  - {topic: t, format: canonical, events: [purchase, login, cancellation, complaint, profile], max_silence: 3 days}
"""


@pytest.fixture(scope="module")
def few(site: Site) -> Path:
    site.write("sources.yaml", SOURCES)
    return site.write(
        "few.yaml", "rules:" + "".join(RULE.format(name=name, when=when) for name, when in WHENS.items())
    )


def previewed(site: Site, few: Path, capsys: pytest.CaptureFixture[str], **options: Any) -> dict[str, dict[str, Any]]:
    sources = site.folder / "sources.yaml"
    return by_rule(run(capsys, site.events, few, sources=sources, **at_the_end(site), **options))


def test_a_condition_that_never_holds_is_named_beside_those_that_do(
    site: Site, few: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = previewed(site, few, capsys)
    cancelled = {
        event.customer_id for events in site.customers().values() for event in events if event.type == "cancellation"
    }
    status, reason = rules["unknown-reason"]["conditions"]
    assert (status["held"], reason["held"]) == (len(cancelled), 0)
    assert "Disliked the Last Box" in reason["condition"]
    assert len(cancelled) + reason["not_observable"] == len(site.customers())
    silence, recent = rules["never-together"]["conditions"]
    assert silence["held"] > 0
    assert recent["held"] > 0
    bought, active = rules["nobody-so-far"]["conditions"]
    assert (bought["held"], active["held"]) == (0, len(site.customers()))


def test_the_conditions_of_a_rule_that_began_to_hold_are_not_looked_at(
    site: Site, few: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert previewed(site, few, capsys)["buyers"]["conditions"] is None


def test_a_value_that_no_event_has_is_named_with_what_comes_near(
    site: Site, few: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reasons = Counter(
        event.attributes["reason"]
        for events in site.customers().values()
        for event in events
        if event.type == "cancellation"
    )
    (found,) = previewed(site, few, capsys)["unknown-reason"]["never_occurs"]
    assert (found["what"], found["name"], found["value"]) == ("value", "cancellation.reason", "Disliked the Last Box")
    assert found["instead"][0] == {"value": "disliked the last box", "events": reasons["disliked the last box"]}
    (absent,) = {entry["text"] for entry in previewed(site, few, capsys)["never-told"]["never_occurs"]}
    assert absent == "no event is of the type 'profile'"


def test_customers_for_whom_a_rule_is_not_observable_are_counted_with_the_day_from_which_it_is(
    site: Site, few: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = previewed(site, site.rules, capsys, incomplete=True)
    ruleset = site.compiled(site.rules)
    first_ms = min(event.at_ms for events in site.customers().values() for event in events)  # a file begins there
    observed = replace(all_known(ruleset, first_ms), complete=frozenset())
    end_ms = site.history.end_ms
    days: dict[str, Counter[int]] = {rule.id: Counter() for rule in ruleset.rules}
    for name, events in site.customers().items():
        decide(name, None, events, ruleset, observed, end_ms)
        for rule in decider_of(ruleset).program.rules:
            truth, known_ms = rule.condition.look(end_ms), rule.condition.flip_ms
            if truth == NOT_OBSERVABLE:
                days[rule.id][known_ms // DAY_MS if known_ms < FOREVER_MS else -1] += 1
    assert {name: document[name]["not_observable"]["customers"] for name in days} == {
        name: counted.total() for name, counted in days.items()
    }
    assert any(counted.total() for counted in days.values())
    untold = previewed(site, few, capsys)["never-told"]["not_observable"]
    assert untold == {
        "customers": len(site.customers()),
        "known_from": None,
        "all_known_from": None,
        "until_an_event": len(site.customers()),
        "decisions": 0,
    }


def test_what_might_have_begun_is_counted_apart_from_what_was_not_sent(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    document = by_rule(run(capsys, site.events, site.rules, incomplete=True, **at_the_end(site)))
    assert document["first-time"]["not_observable"]["decisions"] > 0
    assert all("not_observable" not in rule["suppressed"] for rule in document.values())


def test_customers_for_whom_a_rule_is_true_at_their_first_event_are_counted(
    site: Site, few: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counted = {name: rule["at_first_event"] for name, rule in previewed(site, few, capsys).items()}
    customers = site.customers().values()
    assert counted["every-customer"] == len(customers)
    assert counted["buyers"] == sum(events[0].type == "purchase" for events in customers)
    assert counted["later"] == counted["never-told"] == 0


def test_a_rule_that_demands_a_duration_is_not_true_at_the_first_event(
    site: Site, few: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting = site.write("waiting.yaml", few.read_text().replace("    action", "    for: 1 day\n    action"))
    assert {rule["at_first_event"] for rule in previewed(site, waiting, capsys).values()} == {0}


def test_several_processes_look_at_conditions_as_one_does(
    site: Site, few: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert previewed(site, few, capsys, jobs=2) == previewed(site, few, capsys)


def test_the_report_says_why_in_words(site: Site, few: Path) -> None:
    console = Console(file=StringIO(), width=250, highlight=False)
    options = PreviewOptions(
        history=str(site.events), rules=[few], sources=site.folder / "sources.yaml", **at_the_end(site)
    )
    preview_command(options, console)
    assert isinstance(console.file, StringIO)
    text = console.file.getvalue()
    number = len(site.customers())
    for words in (
        "Why so few",
        "never held for anybody: the latest cancellation reason is Disliked the Last Box (not observable for ",
        "no event has cancellation.reason 'Disliked the Last Box'; it has: 'disliked the last box' (",
        "its conditions never held together; customers for whom each held: ",
        "no event is of the type 'profile'",
        f"not observable at the end for {number} of {number} customers: no event of theirs shows it",
        "True at a customer's very first event",
        f"{number} customers, 100.0%",
    ):
        assert words in text


def test_an_incomplete_history_says_nothing_of_new_customers(site: Site, few: Path) -> None:
    console = Console(file=StringIO(), width=250, highlight=False)
    options = PreviewOptions(
        history=str(site.events), rules=[few], sources=site.folder / "sources.yaml", incomplete=True
    )
    preview_command(options, console)
    assert isinstance(console.file, StringIO)
    assert "very first event" not in console.file.getvalue()


def test_a_table_of_events_is_compared_as_lines_are(
    site: Site, few: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = ("event_id", "customer_id", "type", "occurred_at", "amount", "currency", "reason")
    rows = [",".join(columns)]
    for line in site.lines:
        written = json.loads(line)
        rows.append(",".join(str(written.get(name, "")) for name in columns))
    table = site.write("events.csv", "\n".join(rows) + "\n")
    lines = previewed(site, few, capsys)["unknown-reason"]["never_occurs"]
    document = run(capsys, table, few, sources=site.folder / "sources.yaml", **at_the_end(site))
    assert by_rule(document)["unknown-reason"]["never_occurs"] == lines


def test_truth_at_the_first_event_is_that_of_the_condition(site: Site) -> None:
    ruleset = site.compiled(site.rules)
    observed = all_known(ruleset, site.history.start_ms)
    for name, events in list(site.customers().items())[:20]:
        decide(name, None, events[:1], ruleset, observed)
        assert all(rule.condition.look(events[0].at_ms) != TRUE for rule in decider_of(ruleset).program.rules)


RATED = """
event_types: {rating: {}}
sources:
  - {topic: t, format: canonical, events: [rating], max_silence: 3 days}
"""
STARS = RULE.format(
    name="several", when="{all: [{distinct: rating.stars, at least: 2}, {count: rating, at least: 9}]}"
)
SUMMED = RULE.format(name="summed", when="{sum: rating.stars, at least: 9}")
RATINGS = [
    {
        "event_id": f"e{day}",
        "customer_id": "ada",
        "type": "rating",
        "occurred_at": f"2024-01-0{day}T00:00:00Z",
        "attributes": {"stars": stars},
    }
    for day, stars in ((1, "5"), (2, 5), (3, "5.0"))
]


@pytest.mark.parametrize(
    ("declared", "rules"),
    [("attribute_types: {rating.stars: number}\n", STARS), ("", STARS + SUMMED)],
    ids=["declared", "needed by another rule"],
)
def test_a_condition_alone_reads_values_as_the_types_that_they_have_for_all_rules(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], declared: str, rules: str
) -> None:
    """Five, written three ways, is one value."""
    files = {
        "sources.yaml": declared + RATED,
        "rated.yaml": f"rules:{rules}",
        "rated.jsonl": "".join(f"{json.dumps(one)}\n" for one in RATINGS),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    document = by_rule(
        run(capsys, tmp_path / "rated.jsonl", tmp_path / "rated.yaml", sources=tmp_path / "sources.yaml")
    )
    assert [part["held"] for part in document["several"]["conditions"]] == [0, 0]
