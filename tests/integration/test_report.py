"""The report of what is live: from the book that workers keep, its topic, and a scan."""

from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration.test_scan import LADDER, command, printed
from tests.integration.test_worker import QUIET, play
from tests.support.site import Site
from workers.demo.embedded import Pair

pytestmark = pytest.mark.integration

RULES: Final = QUIET.replace("rules:", LADDER.strip() + "\nrules:", 1)


async def bought_and_quiet(place: Site) -> None:
    """Let five customers buy, two of them twice; who buys once goes quiet."""
    for number in range(1, 6):
        await place.order(f"c{number}", number, total="20.00")
    for number in (1, 2):
        await place.order(f"c{number}", 8 + number, total="5.50")
    await place.now(20)
    await place.decided_until(20)


def figures(document: dict[str, Any]) -> dict[str, Any]:
    return {one["id"]: one for section in document["sections"] for one in section["figures"]}


def tables(document: dict[str, Any]) -> dict[str, Any]:
    return {one["id"]: one for section in document["sections"] for one in section["tables"]}


def rows(document: dict[str, Any], name: str) -> list[list[Any]]:
    return [[cell["value"] for cell in row] for row in tables(document)[name]["rows"]]


def test_a_report_is_the_same_before_and_after_its_days_are_closed(embedded_pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        await bought_and_quiet(place)
        before = await printed(place, "report", "--month", "2024-01")
        said = figures(before)
        assert said["known_customers"]["value"] == 5
        assert said["known_customers"]["incomplete"]
        assert said["second_purchases"]["value"] == 2
        assert (said["revenue"]["value"], said["revenue"]["currency"]) == (111, "EUR")
        assert said["value_so_far"]["parts"]["together"]["value"] == 111
        assert [row[:2] for row in rows(before, "stages_now")][:2] == [["regular", 2], ["quiet", 3]]
        await place.now(45)
        await place.decided_until(45)
        after = await printed(place, "report", "--month", "2024-01")
        assert figures(after)["known_customers"]["value"] == 5
        assert "incomplete" not in figures(after)["known_customers"]
        for name in ("new_customers", "second_purchases", "revenue", "revenue_new"):
            assert figures(after)[name]["value"] == said[name]["value"], name
        assert rows(after, "rule_doings")[0][:2] == ["quiet-buyer", 5]
        assert after["period"] == {"from": "2024-01-01", "to": "2024-01-31"}

    play(embedded_pair, tmp_path, RULES, scenario)


def test_the_same_report_is_text_a_page_and_csv_in_two_languages(embedded_pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        await bought_and_quiet(place)
        page = tmp_path / "report.html"
        status, text, complaint = await command(place, "report", "--html", str(page), "--language", "nl")
        assert status == 0, complaint
        assert "Bekende klanten" in text
        assert page.read_text().startswith('<!DOCTYPE html>\n<html lang="nl">')
        status, text, complaint = await command(place, "report", "--csv")
        assert status == 0, complaint
        assert text.startswith("section,id,")
        status, text, complaint = await command(place, "report")
        assert status == 0, complaint
        assert "Customers known: 5*" in text
        status, _, complaint = await command(place, "report", "--month", "2999-01")
        assert status == 2
        assert "has not begun" in complaint

    play(embedded_pair, tmp_path, RULES, scenario)
