"""Laws of what `explain` says of a ladder, and of a rule that reads one: every type of it can change or hold it."""

import json
from typing import Any, Final

from schemas.ladders import Ladder
from schemas.rules import RuleBook
from tests.support.builders import rule
from tests.support.looked_at import LADDER
from workers.explain.ladders import ladders_explained, lines_of
from workers.explain.rule_page import readme
from workers.explain.sentences import checked_after

DRAFTS: Final[dict[str, Any]] = {
    "name": "loyalty",
    "steps": [
        {"stage": "thinks-along", "status": "draft", "when": {"count": "idea", "at least": 1}},
        {"stage": "regular", "list": True, "when": {"count": "purchase", "at least": 3}},
    ],
    "otherwise": "customer",
}


def test_a_rule_that_reads_a_stage_is_checked_after_every_event_of_its_ladder() -> None:
    book = RuleBook(ladders=(LADDER,))
    reads = rule(when={"all": [{"stage": "quiet"}, {"count": "login", "at least": 1}]})
    assert checked_after(reads, book) == (
        "After every login or purchase. Also when time alone changes the customer's stage."
    )
    plain = rule(when={"count": "login", "at least": 1})
    assert checked_after(plain, book) == "After every login. Time alone changes nothing."


def test_a_ladder_is_explained_from_the_top_with_what_it_waits_for_and_who_reads_it() -> None:
    reads = rule("reads", when={"stage": "quiet"})
    book = RuleBook((rule("plain", when={"count": "login", "at least": 1}), reads), ladders=(LADDER,))
    (entry,) = ladders_explained(book)
    assert json.loads(json.dumps(entry)) == entry
    assert list(lines_of(entry)) == [
        "ladder simple (live), from the top:",
        "  1. lost: when a customer has had no purchase for 90 days",
        "  2. quiet: when a customer has had no purchase for 30 days",
        "  3. loyal: when a customer has had at least 3 purchases ever",
        "  4. newcomer: all other customers",
        "  Checked: After every purchase. Also 90 days after the last purchase, or 30 days after the last purchase.",
        "  Waits for: purchase; so does every rule that reads a stage",
        "  Read by: reads",
        "",
    ]
    page = readme(book)
    assert "## The ladder simple (live)" in page
    assert "1. **lost**: when a customer has had no purchase for 90 days" in page
    assert "- Read by: reads" in page


def test_a_step_that_is_a_draft_says_so_and_is_not_waited_for() -> None:
    (entry,) = ladders_explained(RuleBook((), ladders=(Ladder.model_validate(DRAFTS),)))
    lines = list(lines_of(entry))
    draft = "thinks-along (draft: only checked, no customer stands there)"
    assert lines[1] == f"  1. {draft}: when a customer has had at least 1 idea ever"
    assert lines[2].startswith("  2. regular (listed): ")
    assert lines[-4:-1] == [
        "  Checked: After every purchase. Time alone changes nothing.",
        "  Waits for: purchase; so does every rule that reads a stage",
        "  Read by: no rule, because it is a draft",
    ]


def test_a_ladder_that_only_time_moves_waits_for_nothing() -> None:
    steps = [{"stage": "old", "when": {"known for": "60 days"}}]
    ladder = Ladder.model_validate({"name": "age", "status": "live", "steps": steps, "otherwise": "new"})
    lines = list(lines_of(ladders_explained(RuleBook((), ladders=(ladder,)))[0]))
    assert lines[-3:] == ["  Waits for: nothing", "  Read by: no rule", ""]
