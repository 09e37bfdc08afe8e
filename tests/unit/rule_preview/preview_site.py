"""A small simulated history in files with rules, and short ways to preview it."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from schemas.actions import Action, Decision
from schemas.events import encode_event
from tests.support.builders import TYPES, rules
from tests.support.paths import ROOT
from workers.core.coverage import Coverage
from workers.core.decisions.decide import decide
from workers.core.events.decoding import DecodedEvent, decode_event
from workers.core.mapping.mapper import compile_source
from workers.core.mapping.record import SourceRecord
from workers.core.rules.rule_set import RuleSet
from workers.histories.history import CANCELLATIONS, LOGINS, ORDERS, History, history_of
from workers.histories.simulated import simulate
from workers.rule_files.known_names import KnownNames
from workers.rule_files.rules import load_book
from workers.rule_preview.command import PreviewOptions, preview_command
from workers.source_files.reading import load_sources

DATA = ROOT / "tests" / "data" / "histories"
CUSTOMERS = 300
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
        self.history: History = _of_the_built_in_types(simulate(customers=CUSTOMERS))
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
        events = [
            mappers[record.topic](
                SourceRecord(record.topic, 0, 0, record.at_ms, record.key, record.value, ()), latest
            )
            for record in self.history.records
        ]
        return [encode_event(event).decode() + "\n" for event in events if event is not None]

    def customers(self) -> dict[str, list[DecodedEvent]]:
        grouped: dict[str, list[DecodedEvent]] = {}
        for line in self.lines:
            event = decode_event(line.encode())
            grouped.setdefault(event.customer_id, []).append(event)
        return grouped

    def compiled(self, path: Path) -> RuleSet:
        """Compile a file as a preview does: every rule is live except the paused ones."""
        book, problems = load_book([path], KnownNames(TYPES))
        assert not problems
        live = [rule.model_copy(update={"status": "live"}) for rule in book.rules if rule.status != "paused"]
        return rules(*live, **book.for_every_rule.model_dump(by_alias=True, exclude_none=True))

    def decided(self, path: Path, until_ms: int | None = None) -> dict[str, list[Action | Decision]]:
        """Decide about every customer without the preview."""
        ruleset = self.compiled(path)
        end_ms = self.history.end_ms if until_ms is None else until_ms
        return {
            name: decide(
                name,
                None,
                [event for event in events if event.at_ms <= end_ms],
                ruleset,
                all_known(ruleset, self.history.start_ms),
                end_ms,
            ).decisions()
            for name, events in self.customers().items()
        }


def _of_the_built_in_types(shop: History) -> History:
    """Return a history without the streams of types that an operator declares."""
    records = [record for record in shop.records if record.topic in (ORDERS, LOGINS, CANCELLATIONS)]
    return history_of(shop.name, shop.start_ms, shop.end_ms, records)


def all_known(ruleset: RuleSet, start_ms: int) -> Coverage:
    keys = [spec.key for spec in ruleset.specs()]
    return Coverage(dict.fromkeys(keys, start_ms), complete=frozenset(keys))


def run(capsys: pytest.CaptureFixture[str], history: Path | str, path: Path, **options: Any) -> dict[str, Any]:
    """Run the command and return its document."""
    preview_command(PreviewOptions(history=str(history), rules=[path], as_json=True, **options))
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def by_rule(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {entry["id"]: entry for entry in document["rules"]}


def actions_of(decisions: Iterable[Action | Decision]) -> list[Action]:
    return [decision for decision in decisions if isinstance(decision, Action) and decision.status == "active"]


def reached(decided: dict[str, list[Action | Decision]]) -> dict[str, set[str]]:
    """Return by rule the customers that it reaches."""
    customers: dict[str, set[str]] = {}
    for name, decisions in decided.items():
        for action in actions_of(decisions):
            customers.setdefault(action.rule.id, set()).add(name)
    return customers


def at_the_end(site: Site) -> dict[str, Any]:
    """Return the options that end a file where the simulated history ends, at a midnight."""
    return {"until": datetime.fromtimestamp((site.history.end_ms + 1) / 1000, UTC)}
