"""Laws of the forecast as a document, and of its page."""

from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

from schemas.ladders import Ladder
from schemas.rules import ForEveryRule, Rule, RuleBook, measured
from schemas.value import Valuation
from tests.support.builders import TYPES, day, event, rule, watched
from workers.core.decisions.decide import decide
from workers.core.events.decoding import DecodedEvent
from workers.core.rules.rule_compiler import compile_rules
from workers.core.rules.rule_set import RuleSet
from workers.printing import CommandConsole
from workers.scan.forecast import Question, forecast
from workers.scan.forecast_report import render
from workers.scan.lines import FORMAT, PartitionLine, ScanHead, StoredCustomer
from workers.scan.scan_file import ScanWriter, opened, unfinished

VALUE = Valuation.model_validate({"revenue": ["purchase.amount"], "currency": "EUR", "within": "365 days"})
QUIET = rule("quiet", when={"none": "purchase", "for": "10 days"})
GONE = rule("gone", when={"none": "purchase", "for": "20 days"}, action="win-back")


def book_of(*content: Rule, value: Valuation | None = None) -> RuleBook:
    return RuleBook(tuple(measured(one, value) for one in content), {}, ForEveryRule(), value=value)


def compiled(book: RuleBook) -> RuleSet:
    return compile_rules(book, TYPES)


def write(
    path: Path, rules: RuleSet, histories: dict[str, list[DecodedEvent]], at_day: float, **until: float
) -> None:
    """Write a scan of customers with these events; some types may be seen less far than the day."""
    coverage = watched(rules, 0, True, **until)
    head = ScanHead(
        format=FORMAT,
        release="1",
        namespace="linger",
        at=day(at_day),
        partitions=1,
        rules={"generation": "0", "hash": rules.hash, "meaning": "1 0 0"},
        rule_contents={},
    )
    partition = PartitionLine(
        partition=0,
        at=day(at_day),
        offset=9,
        layout=4,
        generation=0,
        rules=rules.hash,
        since=dict(coverage.since),
        until=dict(coverage.until),
        complete=sorted(coverage.complete),
        meant={},
    )
    with unfinished(path) as file:
        writer = ScanWriter(file, head)
        writer.begin(partition)
        for customer_id, events in histories.items():
            stored = decide(customer_id, None, events, rules, coverage, day(at_day), 4).stored
            assert stored is not None
            writer.add(StoredCustomer(id=customer_id, stored=stored))
        writer.end(1_500)


def of_rule(document: dict[str, Any], rule_id: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in document["rules"] if one["id"] == rule_id)
    return found


def sent(days: list[dict[str, Any]]) -> dict[str, int]:
    return {one["day"]: one["sent"] for one in days if one["sent"]}


def test_what_becomes_due_is_on_its_day(tmp_path: Path) -> None:
    book = book_of(QUIET, GONE)
    rules, path = compiled(book), tmp_path / "scan"
    write(path, rules, {"ada": [event("purchase", 1.5)], "bob": [event("purchase", 3.5, "bob")]}, 5.25)
    document = forecast(Question(path, book, rules, 10))
    assert (document["from"], document["until"]) == ("2024-01-06T06:00:00Z", "2024-01-16T23:59:59Z")
    assert sent(of_rule(document, "quiet")["days"]) == {"2024-01-12": 1, "2024-01-14": 1}
    assert sent(of_rule(document, "gone")["days"]) == {}
    assert len(document["any_rule"]["days"]) == 11
    assert document["any_rule"]["worth"] is None
    longer = forecast(Question(path, book, rules, 20))
    assert sent(of_rule(longer, "gone")["days"]) == {"2024-01-22": 1, "2024-01-24": 1}
    assert (longer["any_rule"]["sent"], longer["any_rule"]["customers"]) == (4, 2)
    assert (longer["scan"]["customers"], longer["scan"]["seconds"]) == (2, 1.5)


def test_everyone_is_worth_what_is_known_when_the_action_becomes_due_and_counts_once_in_a_total(
    tmp_path: Path,
) -> None:
    book = book_of(QUIET, GONE, value=VALUE)
    rules, path = compiled(book), tmp_path / "scan"
    ada = [event("purchase", 1.5, amount=20.5), event("purchase", 2.5, amount=40)]
    bob = [event("purchase", 3.5, "bob", amount=7)]
    write(path, rules, {"ada": ada, "bob": bob}, 5)
    document = forecast(Question(path, book, rules, 30))
    assert document["currency"] == "EUR"
    quiet = of_rule(document, "quiet")
    assert quiet["worth"] == 67.5
    assert [one["worth"] for one in quiet["days"] if one["sent"]] == [60.5, 7]
    assert (document["any_rule"]["sent"], document["any_rule"]["worth"]) == (4, 67.5)


def test_moves_along_the_ladder_are_on_their_day_and_actions_have_the_stage(tmp_path: Path) -> None:
    ladder = Ladder.model_validate(
        {
            "name": "simple",
            "status": "live",
            "steps": [
                {"stage": "lost", "when": {"none": "purchase", "for": "15 days"}},
                {"stage": "quiet", "when": {"none": "purchase", "for": "9 days"}},
            ],
            "otherwise": "active",
        }
    )
    book = replace(book_of(QUIET, GONE), ladders=(ladder,))
    rules, path = compiled(book), tmp_path / "scan"
    write(path, rules, {"ada": [event("purchase", 1.5)], "bob": [event("purchase", 3.5, "bob")]}, 5)
    document = forecast(Question(path, book, rules, 12))
    assert document["stages"] is not None
    moved = {
        one["stage"]: [
            (day["day"], day["arrive"], day["leave"]) for day in one["days"] if day["arrive"] or day["leave"]
        ]
        for one in document["stages"]
    }
    assert moved == {
        "lost": [("2024-01-17", 1, 0)],
        "quiet": [("2024-01-11", 1, 0), ("2024-01-13", 1, 0), ("2024-01-17", 0, 1)],
        "active": [("2024-01-11", 0, 1), ("2024-01-13", 0, 1)],
    }
    assert [(one["stage"], one["arrive"], one["leave"], one["from"]) for one in document["stages"]] == [
        ("lost", 1, 0, {"quiet": 1}),
        ("quiet", 2, 1, {"active": 2}),
        ("active", 0, 2, {}),
    ]
    quiet = of_rule(document, "quiet")
    assert quiet["stages"] == {"quiet": 2}
    assert [one["stages"] for one in quiet["days"] if one["sent"]] == [{"quiet": 1}, {"quiet": 1}]
    longer = forecast(Question(path, book, rules, 30))
    assert of_rule(longer, "gone")["stages"] == {"lost": 2}


def test_what_was_due_before_counts_on_the_day_of_the_scan_and_is_told(tmp_path: Path) -> None:
    book = book_of(QUIET)
    rules, path = compiled(book), tmp_path / "scan"
    write(path, rules, {"ada": [event("purchase", 1.5)]}, 13, purchase=9)
    document = forecast(Question(path, book, rules, 5))
    assert sent(of_rule(document, "quiet")["days"]) == {"2024-01-14": 1}
    assert of_rule(document, "quiet")["already_due"] == 1
    assert any(note.startswith("1 actions were due before") for note in document["notes"])


def test_other_rules_than_those_of_the_scan_are_told(tmp_path: Path) -> None:
    rules, path = compiled(book_of(QUIET)), tmp_path / "scan"
    write(path, rules, {"ada": [event("purchase", 1.5)]}, 5)
    other = book_of(QUIET, GONE)
    document = forecast(Question(path, other, compiled(other), 5))
    assert not document["scan"]["same_rules"]
    assert any("differ from the rules" in note for note in document["notes"])


def test_who_cannot_be_read_is_counted_and_left_out(tmp_path: Path) -> None:
    book = book_of(QUIET)
    rules, path = compiled(book), tmp_path / "scan"
    write(path, rules, {"ada": [event("purchase", 1.5)]}, 5)
    damaged = tmp_path / "damaged"
    with opened(path) as scan, unfinished(damaged) as file:
        writer = ScanWriter(file, scan.head)
        for partition, customer in scan.customers():
            writer.begin(partition)
            writer.add(StoredCustomer(id=customer.id, stored=customer.stored[:-4]))
        writer.end(0)
    document = forecast(Question(damaged, book, rules, 5))
    assert (document["scan"]["customers"], document["scan"]["unreadable"]) == (0, 1)
    assert any("cannot be read" in note for note in document["notes"])


def test_the_page_has_every_rule_its_bars_and_why_not(tmp_path: Path) -> None:
    tried = rule("tried", when={"none": "purchase", "for": "12 days"}, status="shadow")
    paced = rule("paced", when={"none": "purchase", "for": "10 days"}, pace="at most 1 per hour")
    book = book_of(tried, paced, value=VALUE)
    rules, path = compiled(book), tmp_path / "scan"
    write(path, rules, {name: [event("purchase", 1.5, name)] for name in ("ada", "bob")}, 5)
    console = CommandConsole(record=True, width=100, file=StringIO())
    render(forecast(Question(path, book, rules, 30)), console)
    page = console.export_text()
    assert "2 customers as of 2024-01-06 00:00 UTC. If nothing happens until 2024-02-05:" in page
    assert "2 (01-12)" in page
    assert "40 EUR" in page
    assert "█" in page
    assert "not sent: shadow 2" in page
    assert "at most 1 per hour: 1 are held" in page
