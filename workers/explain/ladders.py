"""Ladders in plain English: who stands on which stage, when that is checked, and which rules ask for it."""

from collections.abc import Iterator
from typing import Any

from schemas.ladders import Ladder
from schemas.rules import RuleBook
from workers.core.phrases import listed
from workers.explain.sentences import clause, ladder_checked_after, leaves_of_ladder, reads_ladder, types_of


def ladders_explained(book: RuleBook) -> list[dict[str, Any]]:
    """Explain every ladder of a rule book that has no problems.

    Returns:
        One entry per ladder, ready for JSON: `ladder` (its name), `status`, `steps` (from the top: `stage`, `when` in
        words, `draft`, `list`), `looked_at`, `types` (the event types that hold it, and every rule that reads it) and
        `read_by` (the ids of these rules; none of a ladder that is a draft).
    """
    return [_entry(ladder, book) for ladder in book.ladders]


def _entry(ladder: Ladder, book: RuleBook) -> dict[str, Any]:
    is_live = ladder.status == "live"
    return {
        "ladder": ladder.name,
        "status": ladder.status,
        "steps": list(_steps(ladder, book)),
        "looked_at": ladder_checked_after(ladder, book),
        "types": types_of(leaves_of_ladder(ladder, book)),
        "read_by": sorted(rule.id for rule in book.rules if is_live and reads_ladder(rule, book)),
    }


def _steps(ladder: Ladder, book: RuleBook) -> Iterator[dict[str, Any]]:
    for step in ladder.steps:
        when = f"when {clause(step.when, book, named=False)}"
        yield {"stage": step.stage, "when": when, "draft": step.status == "draft", "list": step.list}
    bottom = ladder.otherwise
    yield {"stage": bottom.stage, "when": "all other customers", "draft": False, "list": bottom.list}


def remark_on(step: dict[str, Any]) -> str:
    """Return what is to be said behind the name of a stage: whether its step is a draft, and whether it is listed."""
    if step["draft"]:
        return " (draft: only checked, no customer stands there)"
    return " (listed)" if step["list"] else ""


def readers_of(entry: dict[str, Any]) -> str:
    """Return which rules read a ladder."""
    if entry["status"] == "draft":
        return "no rule, because it is a draft"
    return ", ".join(entry["read_by"]) or "no rule"


def waits_for(entry: dict[str, Any]) -> str:
    """Return the event types that hold a ladder, and with it every rule that reads it."""
    return f"{listed(entry['types'], 'and')}; so does every rule that reads a stage" if entry["types"] else "nothing"


def lines_of(entry: dict[str, Any]) -> Iterator[str]:
    """Yield the lines that explain a ladder to people, and an empty one."""
    yield f"ladder {entry['ladder']} ({entry['status']}), from the top:"
    for number, step in enumerate(entry["steps"], 1):
        yield f"  {number}. {step['stage']}{remark_on(step)}: {step['when']}"
    yield f"  Checked: {entry['looked_at']}"
    yield f"  Waits for: {waits_for(entry)}"
    yield f"  Read by: {readers_of(entry)}"
    yield ""
