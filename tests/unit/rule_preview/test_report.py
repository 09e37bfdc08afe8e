"""Laws of the report: every figure of the document, in any width."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from io import StringIO
from itertools import pairwise
from typing import Any

import pytest
from rich.console import Console

from tests.support.builders import DAY
from tests.unit.rule_preview.preview_site import DATA, Site, actions_of, at_the_end, by_rule, reached, run
from workers.rule_preview.command import PreviewOptions, preview_command
from workers.rule_preview.report import bars


def test_the_weeks_follow_one_another_from_monday_to_the_end(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    document = run(capsys, site.events, site.rules, since=date(2024, 3, 6), until=date(2024, 6, 1))
    for entry in document["rules"]:
        weeks = [date.fromisoformat(week["week"]) for week in entry["weeks"]]
        assert weeks[0] == date(2024, 3, 4)
        assert weeks[-1] == date(2024, 5, 27)
        assert {later - earlier for earlier, later in pairwise(weeks)} == {timedelta(days=7)}


def test_what_a_pace_would_hold_is_what_is_above_it_in_each_period(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    document = run(capsys, site.events, site.rules, **at_the_end(site))
    days = Counter(
        action.decided_at.date()
        for decisions in site.decided(site.rules).values()
        for action in actions_of(decisions)
        if action.rule.id == "gone-quiet"
    )
    above = sum(number - 1 for number in days.values())
    assert above > 0
    assert by_rule(document)["gone-quiet"]["pace"] == {
        "at_most": 1,
        "per": "day",
        "over_pace": "hold",
        "largest": max(days.values()),
        "above": above,
    }
    assert by_rule(document)["first-time"]["pace"] is None


def test_the_usual_gap_is_the_mean_time_between_days_with_the_event(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    usual_gaps = run(capsys, site.events, site.rules)["usual_gap"]
    for kind in ("purchase", "login"):
        gaps: list[float] = []
        means: list[float] = []
        for events in site.customers().values():
            times = sorted(event.at_ms for event in events if event.type == kind)
            days = sorted({at // DAY for at in times})
            if len(days) > 1:
                # The gaps between the days of one customer add up to the time from the first event to the last.
                means.append((times[-1] - times[0]) / DAY / (len(days) - 1))
                gaps += [means[-1]] * (len(days) - 1)
        assert usual_gaps[kind]["customers"] == len(means)
        assert usual_gaps[kind]["gaps"] == len(gaps)
        assert usual_gaps[kind]["days"] == pytest.approx(sum(gaps) / len(gaps), abs=0.051)
        assert usual_gaps[kind]["mean_of_customers_days"] == pytest.approx(sum(means) / len(means), abs=0.051)


def test_types_that_the_history_does_not_have_are_shown_with_the_rules_that_read_them(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    document = run(capsys, DATA / "orders.jsonl", site.rules, sources=DATA / "sources.yaml", source="shop.orders")
    [note] = [note for note in document["notes"] if "no events of these types" in note]
    assert "login (no-log-ins)" in note
    assert "purchase" not in note


@pytest.mark.parametrize("width", [60, 80, 160])
def test_the_report_says_every_figure_in_any_width(
    site: Site, capsys: pytest.CaptureFixture[str], width: int
) -> None:
    document = run(capsys, site.events, site.rules, against=[site.other])
    shown = drawn(site, width, against=[site.other])
    for entry in document["rules"]:
        assert f"{entry['actions']:,}" in shown
        assert f"{entry['customers']:,}" in shown
    assert f"{document['history']['events']:,} events" in " ".join(shown.split())
    assert f"{document['against']['any_rule']['customers_before']:,}" in shown
    for line in shown.splitlines():
        assert len(line) <= width


def test_all_customers_are_listed_only_when_asked_for(site: Site) -> None:
    names = sorted(set.union(*reached(site.decided(site.rules)).values()))
    listed = drawn(site, 100, list_customers=True, **at_the_end(site))
    assert set(names) <= set(listed.split())
    assert len(set(names) & set(drawn(site, 100, **at_the_end(site)).split())) == 0


def drawn(site: Site, width: int, **options: Any) -> str:
    text = StringIO()
    preview_command(
        PreviewOptions(history=str(site.events), rules=[site.rules], **options), Console(file=text, width=width)
    )
    return text.getvalue()


@pytest.mark.parametrize("height", [1, 3])
@pytest.mark.parametrize(
    "numbers",
    [[0, 1, 1000, 500], [3], [0, 0], [], [7, 7, 7], list(range(100))],
    ids=lambda numbers: str(len(numbers)),
)
def test_a_chart_shows_every_week_with_an_action_and_higher_is_never_lower(
    numbers: Sequence[int], height: int
) -> None:
    lines = bars(numbers, height)
    assert len(lines) == height
    levels = [sum(" ▁▂▃▄▅▆▇█".index(line[at]) for line in lines) for at in range(len(numbers))]
    for number, level in zip(numbers, levels, strict=True):
        assert (level > 0) == (number > 0)
        assert number != max(numbers) or not number or level == 8 * height
    assert [level for _, level in sorted(zip(numbers, levels, strict=True))] == sorted(levels)
