"""Laws of `linger stages`: where customers stand on a ladder before it counts, and why it is not known."""

from pathlib import Path
from typing import Any

import pytest

from schemas.ladders import Ladder
from schemas.rules import ForEveryRule, RuleBook
from schemas.value import Valuation
from tests.support.builders import TYPES, event, rule
from tests.unit.scan.test_forecast import compiled, write
from workers.core.events.decoding import DecodedEvent
from workers.errors import StartupError
from workers.rule_files.values.ladders import chosen_ladder
from workers.scan.stages import LadderQuestion, count_stages

VALUE = Valuation.model_validate({"revenue": ["purchase.amount"], "currency": "EUR", "within": "365 days"})
LADDER = Ladder.model_validate(
    {
        "name": "simple",
        "steps": [
            {"stage": "regular", "when": {"count": "purchase", "at least": 3, "within": "90 days"}},
            {
                "stage": "quiet",
                "when": {
                    "all": [
                        {"count": "purchase", "at least": 1},
                        {"none": "purchase", "for": "20 days"},
                    ]
                },
            },
        ],
        "otherwise": "newcomer",
    }
)
BUYER = rule("buyer", when={"count": "purchase", "at least": 9, "within": "90 days"})
HISTORIES = {
    "ada": [event("purchase", 1 + number, "ada", amount=10) for number in range(4)],
    "bob": [event("purchase", 1, "bob", amount=5)],
    "eve": [event("login", 25, "eve")],
    "zoe": [event("purchase", 24, "zoe", amount=2.5)],
}


def book_of(*ladders: Ladder, value: Valuation | None = None) -> RuleBook:
    return RuleBook((BUYER,), {}, ForEveryRule(), value=value, ladders=ladders)


def counted(
    path: Path, book: RuleBook, ladder: Ladder = LADDER, histories: dict[str, list[DecodedEvent]] = HISTORIES
) -> dict[str, Any]:
    """Write a scan by the rules of a book, and ask where the customers stand on a ladder."""
    write(path, compiled(book), histories, 30)
    return count_stages(LadderQuestion(path, book, TYPES, ladder))


def stages(document: dict[str, Any]) -> dict[str, int]:
    return {one["stage"]: one["customers"] for one in document["stages"]}


def test_everyone_stands_on_the_first_step_that_holds(tmp_path: Path) -> None:
    document = counted(tmp_path / "scan", book_of(LADDER))
    assert stages(document) == {"regular": 1, "quiet": 1, "newcomer": 2}
    assert document["unknown"] == {"customers": 0, "steps": []}
    assert (document["ladder"], document["status"]) == ("simple", "draft")
    assert [one["share"] for one in document["stages"]] == [0.25, 0.25, 0.5]
    assert "worth" not in document["stages"][0]


def test_a_stage_says_what_its_customers_are_worth(tmp_path: Path) -> None:
    document = counted(tmp_path / "scan", book_of(LADDER, value=VALUE))
    assert [one["worth"] for one in document["stages"]] == [40, 5, 2.5]
    assert document["currency"] == "EUR"


def test_a_live_ladder_gives_the_counts_of_its_draft(tmp_path: Path) -> None:
    live = LADDER.model_copy(update={"status": "live"})
    document = counted(tmp_path / "scan", book_of(live), live)
    assert (stages(document), document["status"]) == ({"regular": 1, "quiet": 1, "newcomer": 2}, "live")


def test_a_draft_that_asks_for_what_is_not_kept_leaves_stages_unknown_and_says_why(tmp_path: Path) -> None:
    steps = [
        {
            "stage": "big",
            "when": {"count": "purchase", "at least": 1, "within": "90 days", "where": {"amount": {"at least": 9}}},
        },
        *[{"stage": step.stage, "when": step.when} for step in LADDER.steps],
    ]
    draft = Ladder.model_validate({"name": "draft", "steps": steps, "otherwise": "newcomer"})
    document = counted(tmp_path / "scan", book_of(LADDER), draft)
    assert stages(document) == {"big": 0, "regular": 0, "quiet": 0, "newcomer": 0}
    (step,) = document["unknown"]["steps"]
    assert (step["stage"], step["customers"], step["looked_into"]) == ("big", 4, 4)
    assert {"reason": "no worker keeps yet what the step asks of 'purchase'", "customers": 4} in step["because"]


def test_counts_of_a_scan_that_was_cut_are_none(tmp_path: Path) -> None:
    path = tmp_path / "scan"
    counted(path, book_of(LADDER))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(StartupError, match="was cut"):
        count_stages(LadderQuestion(path, book_of(LADDER), TYPES, LADDER))


def test_the_live_ladder_or_the_only_one_is_meant_if_none_is_named() -> None:
    other = LADDER.model_copy(update={"name": "other"})
    live = LADDER.model_copy(update={"name": "live", "status": "live"})
    assert chosen_ladder(book_of(other), None) == other
    assert chosen_ladder(book_of(LADDER, other, live), None) == live
    assert chosen_ladder(book_of(LADDER, other, live), "other") == other
    with pytest.raises(StartupError, match="name one: other, simple"):
        chosen_ladder(book_of(LADDER, other), None)
    with pytest.raises(StartupError, match="there is no ladder 'simpel'; there are other, simple"):
        chosen_ladder(book_of(LADDER, other), "simpel")
    with pytest.raises(StartupError, match="no rule file has a ladder"):
        chosen_ladder(book_of(), None)
