"""Laws of `linger why` on the screen: a tree with marks, reasons and moments, and any id unchanged."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from tests.support.builders import START, event, rule, rules
from tests.support.explained import QUIET, known, since, why
from workers.cli.why import read_moment, render
from workers.errors import LingerError
from workers.explain.why_report import WhyReport


def on_screen(report: WhyReport) -> str:
    screen = io.StringIO()
    render(report, Console(file=screen, width=200, highlight=False))
    return screen.getvalue()


def test_the_screen_shows_a_tree_with_marks_reasons_and_moments() -> None:
    ruleset = rules(
        rule("quiet", when=QUIET),
        rule(
            "first", when={"any": [{"count": "purchase", "at most": 1}, {"not": {"none": "login", "for": "9 days"}}]}
        ),
    )
    observed = since(ruleset, 0)
    stored = known(ruleset, event("purchase", 1), event("purchase", 2), observed=observed)
    shown = on_screen(why(ruleset, stored, 5, observed=observed, titles={"quiet": "Gone quiet"}))
    assert shown.splitlines()[0] == "Customer ada as of 2024-01-06 00:00 UTC"
    for text in (
        "✗ Gone quiet (quiet): does not hold",
        "if nothing happens, it begins to hold on 2024-01-12 00:00 UTC",
        "✗ all of these",
        "✓ at least 2 purchases within 60 days",
        "found: 2; asked for: at least 2",
        "if nothing happens, changes on 2024-01-12 00:00 UTC to ✓",
        "? any of these",
        "if nothing happens, can be known from 2024-01-11 00:00 UTC and is then ✗",
        "Linger evaluates again on 2024-01-11 00:00 UTC",
    ):
        assert text in shown


@pytest.mark.parametrize("customer_id", ["a[/b]", "[red]x", "[/]", ":x:"])
def test_a_customer_is_shown_by_any_id(customer_id: str) -> None:
    ruleset = rules(rule())
    report = replace(why(ruleset, known(ruleset, event("login", 1)), 2), customer_id=customer_id, notes=("[/]",))
    assert f"Customer {customer_id} as of" in on_screen(report)
    assert "! [/]" in on_screen(report)


def test_the_screen_says_so_if_linger_does_not_look_again() -> None:
    ruleset = rules(rule(when={"status": "cancelled"}))
    report = why(ruleset, known(ruleset, event("purchase", 1)), 5)
    assert "Linger does not evaluate again unless an event arrives." in on_screen(report)


def test_a_moment_is_read_in_utc_unless_it_says_otherwise() -> None:
    assert read_moment("2024-01-01") == read_moment("2024-01-01T01:00+01:00") == START
    assert read_moment(" 2024-01-01T00:00:00.001Z ") == START + 1
    with pytest.raises(LingerError, match="'tomorrow' is no moment; write it like 2026-12-01"):
        read_moment("tomorrow")
