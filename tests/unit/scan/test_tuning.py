"""Laws of `linger rules tune`: what is measured, and what of a rule file changes."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from schemas.value import Tiers
from tests.support.builders import TYPES, event
from tests.unit.scan.test_forecast import compiled, write
from workers.errors import LingerError, StartupError
from workers.rule_files.known_names import KnownNames
from workers.rule_files.rules import read_rules
from workers.rule_files.yaml_nodes import parse_yaml, plain_value
from workers.scan.tiers_text import with_tiers
from workers.scan.tune import TuneOptions, tune
from workers.scan.tuning import Amounts, tiers_of

FILE = """\
# What a customer is worth.
value:
  revenue: [purchase.amount]   # gross
  currency: EUR
  within: 365 days

rules:
  - id: best-gone
    title: The best are gone
    status: live
    when: {all: [{value: top 40%}, {none: purchase, for: 10 days}]}
    action: at-risk
    template: t
    expires after: 14 days
"""
TIERS = Tiers(
    measured=date(2026, 11, 30),
    customers=12300,
    from_="scan",
    thresholds={Decimal("20"): Decimal("260.50"), Decimal("0.5"): Decimal(2150)},
)
BLOCK = """\
  tiers:  # measured by linger rules tune
    measured: 2026-11-30
    customers: 12300
    from: scan
    thresholds: {0.5%: 2150, 20%: 260.5}
"""


def value_in(text: str) -> Any:
    root = parse_yaml("rules.yaml", text).root
    assert root is not None
    return plain_value(root)["value"]


def thresholds(amounts: list[int], *shares: int) -> dict[Decimal, Decimal]:
    found = tiers_of(Amounts(date(2026, 1, 1), amounts), list(map(Decimal, shares)), "scan")
    return {} if found is None else found.thresholds


# -- thresholds ----------------------------------------------------------------------------------------------------


def test_a_share_of_the_customers_is_worth_its_threshold_or_more() -> None:
    amounts = [number * 10_000 for number in range(1, 101)]
    assert thresholds(amounts, 1, 20, 50) == {1: 100, 20: 81, 50: 51}
    assert thresholds(amounts[:7], 1, 50) == {1: 7, 50: 5}


def test_customers_of_one_value_are_all_among_the_top() -> None:
    assert thresholds([50_000] * 90 + [70_000] * 10, 1, 20) == {1: 7, 20: 5}


def test_a_share_that_takes_in_customers_who_are_worth_nothing_has_no_threshold() -> None:
    assert thresholds([12_345, 0, 0, -5], 1, 20, 50) == {1: Decimal("1.2345"), 20: Decimal("1.2345")}
    assert thresholds([0, 0], 1) == {}
    assert thresholds([], 1) == {}


# -- the text of a rule file ---------------------------------------------------------------------------------------


def test_thresholds_are_added_below_the_value_and_no_other_line_changes() -> None:
    written = with_tiers("rules.yaml", FILE, TIERS)
    assert written == FILE.replace("  within: 365 days\n", f"  within: 365 days\n{BLOCK}")
    assert value_in(written)["tiers"]["thresholds"] == {"0.5%": 2150, "20%": 260.5}


def test_thresholds_of_before_are_replaced() -> None:
    before = FILE.replace(
        "  currency: EUR\n",
        "  tiers:\n    measured: 2026-01-01\n    customers: 5\n\n    from: history\n"
        "    thresholds:\n      20%: 1\n\n  # of the shop\n  currency: EUR\n",
    )
    once = with_tiers("rules.yaml", before, TIERS)
    assert once == FILE.replace("  currency: EUR\n", f"{BLOCK}\n  # of the shop\n  currency: EUR\n")
    assert with_tiers("rules.yaml", once, TIERS) == once


@pytest.mark.parametrize(
    "text", ["value:\n  revenue: [purchase.amount]", "value:\n    revenue:\n    - purchase.amount\n"]
)
def test_a_file_that_ends_with_the_value_and_another_indent_are_kept(text: str) -> None:
    written = with_tiers("rules.yaml", text, TIERS)
    assert written.startswith(text)
    assert value_in(written).keys() == {"revenue", "tiers"}


def test_line_ends_of_windows_stay() -> None:
    written = with_tiers("rules.yaml", FILE.replace("\n", "\r\n"), TIERS)
    assert written.count("\r\n") == written.count("\n")


def test_what_is_written_in_braces_is_refused_with_what_to_write() -> None:
    with pytest.raises(StartupError, match="on lines of its own") as refused:
        with_tiers("rules.yaml", "value: {revenue: [purchase.amount]}\nrules: []\n", TIERS)
    assert "thresholds: {0.5%: 2150, 20%: 260.5}" in str(refused.value)


# -- a scan, a history ---------------------------------------------------------------------------------------------


def run(folder: Path, **options: Any) -> dict[str, Any]:
    return tune(TuneOptions([folder / "rules.yaml"], None, **{"scan": None, "history": None, **options}))


def scan_of(folder: Path, amounts: list[int]) -> Path:
    """Write a scan of customers who have spent these amounts."""
    book = read_rules([folder / "rules.yaml"], KnownNames(TYPES)).book
    histories = {
        f"c{number}": [event("purchase", 1.5 + number / 100, f"c{number}", amount=amount)]
        for number, amount in enumerate(amounts)
    }
    path = folder / "customers.scan"
    write(path, compiled(book), histories, 30)
    return path


def test_a_scan_is_measured_and_written_and_then_the_rules_are_whole(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(FILE.replace("{value: top 40%}, ", ""))
    path = scan_of(tmp_path, list(range(1, 101)))
    file.write_text(FILE)
    file.chmod(0o640)
    assert [one.code for one in read_rules([file], KnownNames(TYPES)).problems] == ["no-threshold"]
    assert run(tmp_path, scan=path, dry_run=True)["written"] is False
    assert file.read_text() == FILE
    document = run(tmp_path, scan=path)
    assert (document["customers"], document["unknown"], document["measured"]) == (100, 0, "2024-01-31")
    assert {one["share"]: (one["at_least"], one["customers"]) for one in document["thresholds"]} == {
        "1%": (100, 1),
        "5%": (96, 5),
        "10%": (91, 10),
        "20%": (81, 20),
        "40%": (61, 40),
        "50%": (51, 50),
    }
    assert read_rules([file], KnownNames(TYPES)).problems == ()
    assert file.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


def test_a_history_gives_the_thresholds_of_its_scan(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(FILE)
    history = tmp_path / "events.jsonl"
    lines = [
        f'{{"schema_version": 1, "event_id": "e{number}", "type": "purchase", "customer_id": "c{number}", '
        f'"occurred_at": "2024-01-02T00:00:00Z", "amount": {number}, "currency": "EUR"}}\n'
        for number in range(1, 101)
    ]
    history.write_text("".join(lines))
    document = run(tmp_path, history=str(history))
    assert document["from"] == "history"
    assert document["customers"] == 100
    assert [one["at_least"] for one in document["thresholds"]] == [100, 96, 91, 81, 61, 51]


def test_what_is_not_kept_yet_cannot_be_measured_and_nothing_is_written(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    plain = FILE[FILE.index("rules:") :].replace("{value: top 40%}, ", "")
    file.write_text(plain)
    path = scan_of(tmp_path, [5, 6])
    file.write_text(FILE)
    with pytest.raises(LingerError, match="Of 2 more, something may be missing"):
        run(tmp_path, scan=path)
    assert file.read_text() == FILE


def test_other_mistakes_of_a_rule_file_are_told(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(FILE.replace("within: 365 days", "withn: 365 days"))
    with pytest.raises(StartupError, match="withn"):
        run(tmp_path, history="simulated")
    (tmp_path / "rules.yaml").write_text(FILE[FILE.index("rules:") :].replace("{value: top 40%}, ", ""))
    with pytest.raises(StartupError, match="no file says what a customer is worth"):
        run(tmp_path, history="simulated")
