"""Laws of the stages in a preview: each month has all customers once, on the stage where the core has them."""

from collections import Counter
from datetime import UTC, date, datetime
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from tests.support.builders import TYPES
from tests.unit.rule_preview.preview_site import RULES, Site, all_known, at_the_end, run
from workers.core.decisions.decide import decide
from workers.core.rules.rule_compiler import compile_rules
from workers.errors import StartupError
from workers.rule_files.known_names import KnownNames
from workers.rule_files.rules import load_book
from workers.rule_preview.command import PreviewOptions, preview_command

LADDER = """
stages:
  name: by-silence
  status: live
  steps:
    - stage: regular
      when: {all: [{count: purchase, at least: 3, within: 90 days}, {last: purchase, at most: 30 days ago}]}
    - stage: fresh
      when: {last: purchase, at most: 30 days ago}
  otherwise: quiet
"""
DRAFT = LADDER.replace("by-silence", "other").replace("live", "draft").replace("30 days", "45 days")


def months(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {month["month"]: month for month in document["stages"]["months"]}


def expected(site: Site, text: str, month: str) -> Counter[str | None]:
    """Where the core has each customer at the end of a month, who is decided up to then and never after it."""
    book, problems = load_book([site.write("alone.yaml", text)], KnownNames(TYPES))
    assert not problems
    rules = compile_rules(book, TYPES)
    first = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    end_ms = min(round(following.timestamp() * 1000) - 1, site.history.end_ms)
    observed = all_known(rules, site.history.start_ms)
    stages = Counter[str | None]()
    for name, events in site.customers().items():
        if so_far := [event for event in events if event.at_ms <= end_ms]:
            stages[decide(name, None, so_far, rules, observed, end_ms).stage()] += 1
    return stages


def test_each_month_has_everybody_where_the_core_has_them(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    path = site.write("ladder.yaml", LADDER + RULES)
    by_month = months(run(capsys, site.events, path, **at_the_end(site)))
    for month in ("2024-01", "2024-05", max(by_month)):
        assert Counter(by_month[month]["customers"]) == expected(site, LADDER, month)
        assert by_month[month]["unknown"] == 0


def test_a_draft_is_counted_as_if_it_were_live(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    draft = site.write("draft.yaml", DRAFT)
    document = run(capsys, site.events, draft, ladder="other", **at_the_end(site))
    assert (document["stages"]["ladder"], document["stages"]["status"]) == ("other", "draft")
    assert Counter(months(document)["2024-05"]["customers"]) == expected(
        site, DRAFT.replace("draft", "live"), "2024-05"
    )


def test_moves_lead_from_one_month_to_the_next(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """On a ladder of two stages, those who are up are those who were, and who came, and who went."""
    two = LADDER.replace("regular", "upper").split("    - stage: fresh")[0] + "  otherwise: quiet\n"
    found = list(months(run(capsys, site.events, site.write("two.yaml", two), **at_the_end(site))).values())
    before = 0
    for month in found:
        assert month["customers"]["upper"] == before + month["up"] - month["down"]
        before = month["customers"]["upper"]
    assert sum(month["down"] for month in found) > 50


def test_what_is_not_known_stands_on_no_stage(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    path = site.write("ladder.yaml", LADDER)
    first = months(run(capsys, site.events, path, incomplete=True))["2024-01"]
    assert first["unknown"] > 0
    whole = months(run(capsys, site.events, path))["2024-01"]
    assert sum(first["customers"].values()) + first["unknown"] == sum(whole["customers"].values())


def test_several_processes_count_the_same_stages(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    path = site.write("ladder.yaml", LADDER)
    options: dict[str, Any] = {"since": date(2024, 3, 6), "until": date(2024, 6, 1)}
    document = run(capsys, site.events, path, **options)
    assert list(months(document)) == ["2024-03", "2024-04", "2024-05"]
    assert run(capsys, site.events, path, jobs=2, **options)["stages"] == document["stages"]


def test_without_a_live_ladder_nobody_stands_anywhere(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert "stages" not in run(capsys, site.events, site.write("draft.yaml", DRAFT))
    with pytest.raises(StartupError, match="no ladder 'simpel'; there are other"):
        run(capsys, site.events, site.write("draft.yaml", DRAFT), ladder="simpel")


def test_the_report_shows_the_last_twelve_months(site: Site) -> None:
    out = StringIO()
    options = PreviewOptions(history=str(site.events), rules=[site.write("ladder.yaml", LADDER)], **at_the_end(site))
    preview_command(options, Console(file=out, width=100))
    text = out.getvalue()
    assert "Customers on the ladder 'by-silence' at the end of each month, the last 12 of" in text
    assert "2024-01 " not in text.split("Customers on the ladder")[1]
    assert "moves up" in text
