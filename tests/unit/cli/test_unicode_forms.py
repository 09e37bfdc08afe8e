"""Two Unicode forms of one value or id: they are two, for the check, the preview and the worker alike."""

import json
from pathlib import Path
from typing import Final

import pytest

from schemas.rules import Example
from tests.unit.cli.program import Linger
from workers.rule_files.rules import read_book
from workers.rule_tests.playback import Playback, scenario_of
from workers.state.keys import PartitionKeys

NFC: Final = "Zo\u00eb"
NFD: Final = "Zoe\u0308"
RULES: Final = """\
rules:
  - id: cafe-fan
    title: bought at the cafe
    status: shadow
    when: {{count: purchase, where: {{category: "{}"}}, at least: 1, within: 10 days}}
    action: at-risk
    template: sorry
    expires after: 3 days
"""
SOURCES: Final = """\
sources:
  - topic: shop.orders
    event: purchase
    fields: {event_id: id, customer_id: who, occurred_at: at, amount: total, currency: currency}
    attributes: {category: category}
    max_silence: 7 days
"""
FORMS: Final = pytest.mark.parametrize(("form", "other"), [(NFC, NFD), (NFD, NFC)], ids=["NFC", "NFD"])


def write(folder: Path, form: str, bought: list[str]) -> list[str]:
    """Write rules and a history of customers who each bought something; return the arguments that name them."""
    (folder / "rules.yaml").write_text(RULES.format(form), encoding="utf-8")
    (folder / "sources.yaml").write_text(SOURCES, encoding="utf-8")
    common = {"at": "2024-01-02T00:00:00Z", "total": 5, "currency": "EUR"}
    lines = [
        {"id": str(number), "who": f"who-{number}", **common, "category": category}
        for number, category in enumerate(bought)
    ]
    history = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
    (folder / "history.jsonl").write_text(history, encoding="utf-8")
    given = [str(folder / "rules.yaml"), "--sources", str(folder / "sources.yaml")]
    return [*given, "--history", str(folder / "history.jsonl"), "--source", "shop.orders"]


@FORMS
def test_the_preview_reaches_those_with_the_very_characters(
    linger: Linger, tmp_path: Path, form: str, other: str
) -> None:
    arguments = write(tmp_path, form, [form, other, form.upper()])
    (rule,) = json.loads(linger("rules", "preview", *arguments, "--json", "--list").out)["rules"]
    assert rule["customer_ids"] == ["who-0"]


@FORMS
def test_a_worker_decides_for_those_with_the_very_characters(form: str, other: str) -> None:
    book, problems = read_book({"a.yaml": RULES.format(form)})
    assert problems == []
    scenario = scenario_of(book, book.rules, ("purchase",))

    def decisions(category: str) -> int:
        given = [{"at": "start", "event": "purchase", "with": {"category": category}}]
        example = Example.model_validate({"name": "a customer", "given": given, "expect": "nothing"})
        return sum(len(step.happened) for step in Playback.of(example, scenario).steps()) - 1

    assert decisions(form) > 0
    assert decisions(other) == 0


@FORMS
def test_the_check_names_the_form_that_the_history_has_instead(
    linger: Linger, tmp_path: Path, form: str, other: str
) -> None:
    checked = linger("rules", "check", *write(tmp_path, form, [other]), "--json")
    problems = {problem["code"]: problem for problem in json.loads(checked.out)["problems"]}
    assert ("accents as characters of their own" in problems["unseen-value"]["message"]) == (other == NFD)
    assert ("not-composed" in problems) == (form == NFD)


def test_ids_in_two_forms_are_two_customers(linger: Linger, tmp_path: Path) -> None:
    arguments = write(tmp_path, NFC, [NFC, NFC])
    history = tmp_path / "history.jsonl"
    text = history.read_text(encoding="utf-8").replace("who-0", f"{NFC} who").replace("who-1", f"{NFD} who")
    history.write_text(text, encoding="utf-8")
    (rule,) = json.loads(linger("rules", "preview", *arguments, "--json", "--list").out)["rules"]
    assert sorted(rule["customer_ids"]) == sorted([f"{NFC} who", f"{NFD} who"])
    keys = PartitionKeys("linger", 0)
    assert keys.customer(NFC) != keys.customer(NFD)
