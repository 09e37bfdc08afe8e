"""`linger stages`: where the customers of a scan stand on a ladder, as a document of plain values."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from schemas.ladders import Ladder
from schemas.rules import RuleBook
from workers.clock import iso_text
from workers.core.rules.rule_compiler import compile_rules
from workers.scan.lines import ScanHead
from workers.scan.scan_file import Advance, opened
from workers.scan.standing import Reason, Standing, StandingCounts, UnknownCounts, hundredths

_WORDS: Final = {
    "customer": "the customer is known for too short a time",
    "watched": "'{type}' is watched for too short a time",
    "kept": "the days of '{type}' are kept for too short a time: from when workers load the ladder, more are",
    "unwatched": "no worker keeps yet what the step asks of '{type}'",
}


@dataclass(frozen=True, slots=True)
class LadderQuestion:
    """What is asked of a scan.

    Attributes:
        path: of the scan.
        book: the rules as written.
        types: all event types.
        ladder: the ladder, as written.
    """

    path: Path
    book: RuleBook
    types: Sequence[str]
    ladder: Ladder


def count_stages(question: LadderQuestion, advance: Advance = lambda _, __: None) -> dict[str, Any]:
    """Look at every customer of a scan, and return where they stand as plain values.

    Raises:
        StartupError: if the file is no scan, or was cut or changed.
        LingerError: if another release wrote a customer.
    """
    ladder = question.ladder.model_copy(update={"status": "live"})
    # Rules may name stages of the ladder that is live now. They say nothing of where a customer stands.
    rules = compile_rules(replace(question.book, ladders=(ladder,)), question.types)
    with opened(question.path) as scan:
        standing = Standing(rules, scan.head.at)
        for part in scan.parts(advance):
            standing.count(part)
        return _document(question, scan.head, standing.counts)


def _document(question: LadderQuestion, head: ScanHead, counts: StandingCounts) -> dict[str, Any]:
    names, value = question.ladder.stages(), question.book.value
    stages = [
        {
            "stage": name,
            "customers": counts.stages[place],
            "share": round(counts.stages[place] / counts.customers, 6) if counts.customers else 0.0,
            **({} if value is None else {"worth": hundredths(counts.worth[place]) / 100}),
        }
        for place, name in enumerate(names)
    ]
    return {
        "ladder": question.ladder.name,
        "status": question.ladder.status,
        "scan": {
            "file": str(question.path),
            "at": iso_text(head.at),
            "customers": counts.customers,
            "unreadable": counts.unreadable,
        },
        "currency": None if value is None else value.currency,
        "stages": stages,
        "unknown": {
            "customers": sum(one.customers for one in counts.unknown.values()),
            "steps": [_unknown(names[place], one) for place, one in sorted(counts.unknown.items())],
        },
    }


def _unknown(stage: str, counts: UnknownCounts) -> dict[str, Any]:
    return {
        "stage": stage,
        "customers": counts.customers,
        "looked_into": counts.looked_into,
        "because": [
            {"reason": _in_words(reason), "customers": number}
            for reason, number in sorted(counts.reasons.items(), key=lambda one: (-one[1], str(one[0])))
        ],
    }


def _in_words(reason: Reason) -> str:
    kind, event_type, detail = reason
    words = _WORDS.get(kind)
    return (detail or kind) if words is None else words.format(type=event_type)
