"""What rules cost: loading 200 of them, and deciding events with 1, 20 and 200.

    python -m benchmarks.rules [--json]

Two sets of rules, all live. `alike`: the shipped ones repeated with other numbers; nearly all of them read purchases,
so a purchase has to ask nearly all: the worst case. `spread`: conditions of five kinds over twenty event types, so
that an event can change one rule in twenty. Events and due times are decided one at a time, as in steady load: for
`alike` 65 % log-ins, 30 % purchases, 5 % cancellations; for `spread` all types alike. Events and due times are
measured apart, because ten times the rules have ten times the due times. Customers do something `daily`, or `weekly`:
then most rules come to hold and end again, and 200 of them take ten times the decisions of 20.
"""

import argparse
import json
import random
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from schemas.rules import Rule, RuleBook
from workers.core.coverage import Coverage
from workers.core.customer.layout_4 import LAYOUT
from workers.core.decisions.decide import decide
from workers.core.events.decoding import DecodedEvent
from workers.core.rules.rule_compiler import compile_rules
from workers.core.rules.rule_set import RuleSet
from workers.loading import load_configuration
from workers.rule_files.known_names import KnownNames, event_types
from workers.rule_files.rules import load_book
from workers.settings import Settings
from workers.source_files.reading import load_sources

HOME: Final = Path(__file__).resolve().parent.parent
DAY: Final = 86_400_000
START: Final = 1_704_067_200_000
CUSTOMERS: Final = 300
EVENTS: Final = 40
GAPS: Final = {"daily": 1, "weekly": 7}
"""Mean days between two events of a customer, of any type."""
_TYPES: Final = 20
_USUAL: Final = {"login": 65, "purchase": 30, "cancellation": 5}
_NUMBER: Final = re.compile(r"\b(\d+) (days|hours)\b")


@dataclass
class Cost:
    """What was spent: reading activities, deciding, writing them."""

    events: int = 0
    event_seconds: float = 0.0
    due_times: int = 0
    due_seconds: float = 0.0
    decisions: int = 0

    def figures(self, name: str) -> dict[str, float]:
        """Return figures per event and per due time, and how many of what there was for each event."""
        return {
            f"{name}_microseconds_per_event": round(self.event_seconds / self.events * 1e6, 1),
            f"{name}_microseconds_per_due_time": round(self.due_seconds / max(1, self.due_times) * 1e6, 1),
            f"{name}_due_times_per_event": round(self.due_times / self.events, 2),
            f"{name}_decisions_per_event": round(self.decisions / self.events, 2),
        }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    sources, problems = load_sources(HOME / "sources.yaml")
    assert sources is not None, problems
    types = event_types(sources)
    shipped, found = load_book([HOME / "rules"], KnownNames(types))
    assert not found, found
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        write_many(Path(folder), 200)
        started = time.perf_counter()
        load_configuration(Settings(rules=Path(folder), sources=HOME / "sources.yaml"))
        figures["load_200_seconds"] = round(time.perf_counter() - started, 2)
    kinds = [f"type-{number}" for number in range(_TYPES)]
    for number in (1, 20, 200):
        alike = compile_rules(many(shipped, number), types)
        spread = compile_rules(RuleBook(tuple(spread_rules(number))), kinds)
        for often, gap_days in GAPS.items():
            figures |= measure(alike, _USUAL, gap_days).figures(f"alike_{often}_{number}")
            figures |= measure(spread, dict.fromkeys(kinds, 1), gap_days).figures(f"spread_{often}_{number}")
    for name in [f"{rules}_{often}" for rules in ("alike", "spread") for often in GAPS]:
        many_us, few_us = (figures[f"{name}_{number}_microseconds_per_event"] for number in (200, 20))
        figures[f"{name}_ratio_200_to_20"] = round(many_us / few_us, 2)
    if as_json:
        sys.stdout.write(json.dumps(figures) + "\n")
    else:
        sys.stdout.writelines(f"{name:48} {value}\n" for name, value in figures.items())


def many(shipped: RuleBook, number: int) -> RuleBook:
    """Return `number` live rules: the shipped ones repeated, each time with other numbers."""
    rules = []
    left_out = {"examples", "instead_of", "hold_out", "pace", "over_pace"}
    for serial in range(number):
        more, place = divmod(serial, len(shipped.rules))
        rule = shipped.rules[place]
        text = rule.model_dump_json(by_alias=True, exclude_none=True, exclude=left_out)
        document = json.loads(_with_more(text, more)) | {"id": f"{rule.id[:50]}-{serial}", "status": "live"}
        rules.append(type(rule).model_validate(document))
    return RuleBook(tuple(rules), shipped.define, shipped.for_every_rule)


def _with_more(text: str, more: int) -> str:
    return _NUMBER.sub(lambda found: f"{int(found[1]) + more} {found[2]}", text)


def spread_rules(number: int) -> Iterator[Rule]:
    """Yield `number` live rules, each about one of the event types."""
    for serial in range(number):
        kind, days = f"type-{serial % _TYPES}", 20 + serial
        conditions = (
            {"all": [{"count": kind, "at least": 3, "within": "90 days"}, {"none": kind, "for": f"{days} days"}]},
            {"all": [{"last": kind, "at least": f"{days} days"}, {"count": kind, "at most": 5}]},
            {"change": kind, "down by": "50%", "within": "30 days", "from at least": 2 + serial % 5},
            {"overdue": kind, "by": "2 times", "usual gap": "30 days", "at least": f"{days} days"},
            {"all": [{"count": kind, "at most": 2, "within": "60 days"}, {"known for": f"{days} days"}]},
        )
        yield Rule.model_validate(
            {
                "id": f"rule-{serial}",
                "title": f"rule {serial}",
                "status": "live",
                "when": conditions[serial // _TYPES % len(conditions)],
                "action": "at-risk",
                "template": "t",
                "expires after": "14 days",
            }
        )


def write_many(folder: Path, number: int) -> None:
    """Write `number` live rules with examples, in files of twenty."""
    for file in range(number // 20):
        lines = ["rules:"]
        for serial in range(file * 20, file * 20 + 20):
            days = 10 + serial
            lines.append(f"""
  - id: rule-{serial}
    title: rule {serial}
    status: live
    when:
      all:
        - {{count: purchase, at least: 2, within: 365 days}}
        - {{none: purchase, for: {days} days}}
    unless: {{status: cancelled}}
    action: at-risk
    template: t
    expires after: 14 days
    examples:
      - name: a customer goes quiet
        given: [{{at: start, event: purchase}}, {{at: 5 days, event: purchase}}]
        expect: [{{at: {days + 5} days, action: at-risk}}]
      - name: a customer buys once
        given: [{{at: start, event: purchase}}]
        expect: nothing
""")
        (folder / f"rules-{file}.yaml").write_text("".join(lines))


def measure(rules: RuleSet, mix: Mapping[str, int], gap_days: int) -> Cost:
    """Play customers as a worker that is caught up does: due times when they come, events when they come."""
    keys = [spec.key for spec in rules.specs()]
    observed = Coverage(dict.fromkeys(keys, START - 800 * DAY), complete=frozenset(keys))
    chance = random.Random(1)
    cost = Cost()
    for number in range(CUSTOMERS):
        raw: bytes | None = None
        due_ms, at_ms = 0, START
        for serial in range(EVENTS):
            at_ms += round(chance.expovariate(1 / gap_days) * DAY)
            kind = chance.choices([*mix], [*mix.values()])[0]
            attributes = {"amount": 20, "currency": "EUR"} if kind == "purchase" else {}
            fact = DecodedEvent(f"{number}-{serial}", kind, f"c{number}", at_ms, attributes)
            while raw is not None and 0 < due_ms < at_ms:
                started = time.perf_counter()
                outcome = decide(f"c{number}", raw, (), rules, observed, due_ms, LAYOUT)
                raw, due_ms = outcome.stored, outcome.due_ms
                cost.due_seconds += time.perf_counter() - started
                cost.due_times += 1
                cost.decisions += len(outcome.decided)
            started = time.perf_counter()
            outcome = decide(f"c{number}", raw, [fact], rules, observed, 0, LAYOUT)
            raw, due_ms = outcome.stored, outcome.due_ms
            cost.event_seconds += time.perf_counter() - started
            cost.events += 1
            cost.decisions += len(outcome.decided)
    return cost


if __name__ == "__main__":
    main()
