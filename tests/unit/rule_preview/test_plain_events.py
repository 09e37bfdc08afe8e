"""Laws of plain events: a preview keeps numbers of them, and finds what it finds with all that is in them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.rule_preview.preview_site import RULES, Site, at_the_end, run
from workers.histories.plain_events import without_values
from workers.histories.seen_values import SeenValues
from workers.rule_preview import command

ADDING = """
  - id: spends-little
    title: spends little
    status: draft
    when: {all: [{sum: purchase.amount, at most: 500, within: 90 days}, {count: purchase, at least: 2}]}
    action: at-risk
    template: t
    expires after: 14 days

  - id: nothing-like-it
    title: a status that never comes, and a value that no event has
    status: draft
    when: {all: [{status: cancelled}, {latest: cancellation.reason, is: Too Expensive}]}
    action: at-risk
    template: t
    expires after: 14 days
"""
TIMES = ("reading_seconds", "deciding_seconds", "seconds", "events_per_second", "customers_per_second")


@pytest.fixture(scope="module")
def odd(site: Site) -> Path:
    """Return a history in which some lines are none of the usual ones."""
    lines = list(site.lines)
    known = json.loads(lines[5])
    odd_ones: list[dict[str, Any]] = [
        {**known, "event_id": "history", "history_until": known["occurred_at"]},
        {**known, "event_id": "other zone", "occurred_at": known["occurred_at"][:19] + "+02:00"},
        {**known, "event_id": "ünusual", "customer_id": "Zoë"},
        {**known, "event_id": "attributes", "attributes": {"amount": 3, "channel": "web"}},
        {**known, "event_id": "unknown", "type": "puchase"},
    ]
    lines[7:7] = [json.dumps(one) + "\n" for one in odd_ones] + ["null\n", "\n", "{\n", lines[5], lines[5]]
    return site.write("odd.jsonl", "".join(lines))


@pytest.mark.parametrize("options", [{}, {"incomplete": True}, {"jobs": 2}], ids=["whole", "incomplete", "two jobs"])
def test_a_preview_that_keeps_numbers_of_plain_events_is_that_of_a_preview_that_keeps_all_of_them(
    site: Site,
    odd: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
) -> None:
    rules = site.write("adding.yaml", RULES + ADDING)
    all_options = {"against": [site.other], **options, **at_the_end(site)}
    with_numbers = run(capsys, odd, rules, **all_options)
    monkeypatch.setattr(command, "plain_types", lambda *_: set())
    with_objects = run(capsys, odd, rules, **all_options)
    for name in TIMES:
        with_numbers.pop(name, None)
        with_objects.pop(name, None)
    assert with_numbers == with_objects
    assert sum(rule["actions"] for rule in with_numbers["rules"]) > 100


def test_of_a_type_whose_values_rules_compare_every_value_is_read() -> None:
    seen = SeenValues({"purchase": {"amount": []}, "login": {}, "cancellation": {"reason": ["price"]}})
    types = ("purchase", "login", "cancellation", "nps")
    assert without_values(types, seen, {"cancellation.reason"}) == ["purchase", "login", "nps"]
    assert without_values(types, seen, {"purchase.amount"}) == ["login", "nps"]
    assert without_values(types, SeenValues({"purchase": {"order_id": []}}), set()) == [
        "login",
        "cancellation",
        "nps",
    ]
