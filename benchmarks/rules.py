"""What rules cost: loading 200 of them, and deciding events with 1, 20 and 200.

    python -m benchmarks.rules [--json]

The rules are the shipped ones, all live, over and over with other numbers. The events are those of customers with
65 % log-ins, 30 % purchases and 5 % cancellations, decided one at a time, as when everybody is caught up.
"""

import argparse
import json
import random
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from schemas.rules import RuleBook
from workers.configuration import event_types, load_configuration
from workers.core import activity as activities
from workers.core.decide import decide
from workers.core.facts import Fact
from workers.core.observed import Observed
from workers.core.ruleset import RuleSet, compile_rules
from workers.files.rule_files import load_book
from workers.files.source_files import load_sources
from workers.settings import Settings

HOME: Final = Path(__file__).resolve().parent.parent
DAY: Final = 86_400_000
START: Final = 1_704_067_200_000
CUSTOMERS: Final = 300
EVENTS: Final = 40
_NUMBER: Final = re.compile(r"\b(\d+) (days|hours)\b")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    sources, problems = load_sources(HOME / "sources.yaml")
    assert sources is not None, problems
    types = event_types(sources)
    shipped, found = load_book([HOME / "rules"], types)
    assert not found, found
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        write_many(Path(folder), 200)
        started = time.perf_counter()
        load_configuration(Settings(rules=Path(folder), sources=HOME / "sources.yaml"))
        figures["load_200_seconds"] = round(time.perf_counter() - started, 2)
    for number in (1, 20, 200):
        book = many(shipped, number)
        figures[f"microseconds_per_event_{number}"] = round(measure(compile_rules(book, types)), 1)
    figures["ratio_200_to_20"] = round(
        figures["microseconds_per_event_200"] / figures["microseconds_per_event_20"], 2
    )
    if as_json:
        sys.stdout.write(json.dumps(figures) + "\n")
    else:
        sys.stdout.writelines(f"{name:30} {value}\n" for name, value in figures.items())


def many(shipped: RuleBook, number: int) -> RuleBook:
    """Return so many live rules: the shipped ones over and over, each time with other numbers."""
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


def write_many(folder: Path, number: int) -> None:
    """Write so many live rules with examples, in files of twenty."""
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
      - name: somebody goes quiet
        given: [{{at: start, event: purchase}}, {{at: 5 days, event: purchase}}]
        expect: [{{at: {days + 5} days, action: at-risk}}]
      - name: somebody buys once
        given: [{{at: start, event: purchase}}]
        expect: nothing
""")
        (folder / f"rules-{file}.yaml").write_text("".join(lines))


def measure(rules: RuleSet) -> float:
    """Return the microseconds that one event takes: reading the activity, deciding, writing it."""
    keys = [plan.key for plan in rules.plans()]
    observed = Observed(dict.fromkeys(keys, START - 800 * DAY), whole=frozenset(keys))
    chance = random.Random(1)
    spent = 0.0
    for number in range(CUSTOMERS):
        raw, at_ms = None, START
        for serial in range(EVENTS):
            at_ms += round(chance.expovariate(1 / 6) * DAY)
            kind = chance.choices(["login", "purchase", "cancellation"], [65, 30, 5])[0]
            attributes = {"amount": 20, "currency": "EUR"} if kind == "purchase" else {}
            fact = Fact(f"{number}-{serial}", kind, f"c{number}", at_ms, attributes)
            started = time.perf_counter()
            known = None if raw is None else activities.decode(raw)
            outcome = decide(f"c{number}", known, [fact], rules, observed)
            assert outcome.activity is not None
            raw = activities.encode(outcome.activity)
            spent += time.perf_counter() - started
    return spent / (CUSTOMERS * EVENTS) * 1e6


if __name__ == "__main__":
    main()
