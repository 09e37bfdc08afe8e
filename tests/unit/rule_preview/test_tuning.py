"""Laws of `linger rules tune`: it measures what rules ask for, and writes nothing but that."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from workers.errors import StartupError
from workers.rule_preview.tuning import TuneOptions, tune_command

RULES: Final = """\
value:
  revenue: [purchase.amount]
  less: [refund.amount]
  within: 30 days
define:
  best: {value: top 25%}
rules:
  - {id: best, title: Best, when: {meets: best}, action: at-risk, template: a, expires after: 1 day}
"""
PURCHASE: Final = {"currency": "EUR"}
SOURCES: Final = """\
event_types:
  refund: {description: money back}
sources:
  - {topic: orders, format: canonical, events: [purchase, refund], max_silence: 3 days}
"""


def lines(*events: tuple[str, str, int, float]) -> str:
    """Return canonical events: type, customer, day, amount."""
    return "".join(
        json.dumps(
            {
                "type": kind,
                "event_id": f"{kind}-{number}",
                "customer_id": customer,
                "occurred_at": f"2026-01-{day:02}T00:00:00Z",
                **(
                    {"amount": amount, "currency": "EUR"}
                    if kind == "purchase"
                    else {"attributes": {"amount": amount}}
                ),
            }
        )
        + "\n"
        for number, (kind, customer, day, amount) in enumerate(events)
    )


HISTORY: Final = lines(
    ("purchase", "ada", 1, 100),
    ("purchase", "ben", 2, 50),
    ("purchase", "cem", 3, 80),
    ("refund", "cem", 4, 75),
    ("purchase", "dot", 31, 20),
)


def tuned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rules: str = RULES, *, dry_run: bool = False
) -> dict[str, Any]:
    (tmp_path / "rules.yaml").write_text(rules)
    (tmp_path / "sources.txt").write_text(SOURCES)
    (tmp_path / "events.jsonl").write_text(HISTORY)
    options = TuneOptions(
        str(tmp_path / "events.jsonl"),
        [tmp_path / "rules.yaml"],
        tmp_path / "sources.txt",
        dry_run=dry_run,
        as_json=True,
    )
    tune_command(options)
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_it_measures_what_customers_are_worth_at_the_end_and_writes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = tuned(tmp_path, capsys)
    # Ada's purchase of the first day has left the 30 days before the end of the last event's day.
    assert {tier["top"]: (tier["now"], tier["customers"]) for tier in document["tiers"]} == {
        "1%": (50.0, 1),
        "5%": (50.0, 1),
        "10%": (50.0, 1),
        "20%": (50.0, 1),
        "25%": (50.0, 1),
        "50%": (20.0, 2),
    }
    assert (document["measured"], document["customers"], document["from"]) == ("2026-01-31", 4, "history")
    written = (tmp_path / "rules.yaml").read_text()
    assert "    thresholds:\n      1%: 50.00\n" in written
    assert tuned(tmp_path, capsys, written)["tiers"][0]["before"] == 50.0
    assert (tmp_path / "rules.yaml").read_text() == written


def test_a_dry_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tuned(tmp_path, capsys, dry_run=True)["written"] is False
    assert (tmp_path / "rules.yaml").read_text() == RULES


def test_without_value_there_is_nothing_to_measure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(StartupError, match="what a customer is worth"):
        tuned(tmp_path, capsys, "define:\n  bought: {count: purchase, at least: 1}\n")
