"""The tables of docs/does-it-help.md are those of the code."""

import re

from tests.support.paths import ROOT
from workers.verdict.judging import State
from workers.verdict.needed import needed

PAGE = (ROOT / "docs" / "does-it-help.md").read_text()
BASES = (5, 10, 20, 30, 50)


def test_the_page_says_how_many_customers_three_points_of_harm_need() -> None:
    for hold_out in (5, 10, 20, 50):
        each = [needed(base / 100, -0.03, hold_out / 100) for base in BASES]
        row = " | ".join(f"{one.treated:,} + {one.held:,}" for one in each)
        assert f"\n| {hold_out}% | {row} |\n" in PAGE


def test_the_page_says_how_many_customers_other_differences_need() -> None:
    for hold_out in (5, 10, 20, 50):
        for points, words in ((1, "1 point"), (3, "3 points"), (5, "5 points")):
            cells = []
            for base in BASES:
                change = -points if base > points else points
                star = "*" if change > 0 else ""
                cells.append(f"{needed(base / 100, change / 100, hold_out / 100).both:,}{star}")
            assert f"\n| {hold_out}% | {words} | {' | '.join(cells)} |\n" in PAGE


def test_the_page_has_a_row_for_each_state_in_their_order() -> None:
    assert re.findall(r"^\| `([a-z ]+)` \|", PAGE, re.MULTILINE) == list(State)
