"""Wording: what waits is put into words when its rule becomes another one, or goes."""

from typing import Final

import msgspec

from schemas.actions import Reason
from workers.core.conditions.condition import Condition
from workers.core.customer.candidate import Candidate, Evidence
from workers.core.customer.layout_3 import Waiting
from workers.core.decisions.decided import RETRACTIONS
from workers.core.decisions.program import ActiveRule, Program
from workers.core.text import Text

_as_reasons: Final = msgspec.json.Decoder(tuple[Reason, ...]).decode


def reasons_of(condition: Condition, evidence: Evidence) -> tuple[Reason, ...]:
    """Return the reasons of a condition in words."""
    text = Text()
    text.byte(91)
    condition.word(text, evidence)
    text.byte(93)
    return _as_reasons(text.made())


def worded(candidate: Candidate, program: Program) -> Waiting:
    """Return an action that waits as numbers in words, by its rule in force."""
    rule: ActiveRule = program.rules[candidate.rule]
    is_withdrawn = candidate.withdrawn_ms != 0
    return Waiting(
        rule.id,
        candidate.start_ms,
        candidate.withdrawn_ms,
        rule.rule.action,
        rule.rule.version,
        candidate.variables or {},
        reasons_of(rule.condition, candidate.evidence),
        RETRACTIONS[candidate.because] if is_withdrawn else None,
        reasons_of(rule.condition, candidate.evidence_back) if is_withdrawn else b"",
        candidate.doubted_ms,
    )


def word_retraction(candidate: Candidate, rule: ActiveRule) -> None:
    """Word why an action in words was withdrawn: by its rule of now, which noted the evidence."""
    candidate.worded.because = RETRACTIONS[candidate.because]
    candidate.worded.why_back = reasons_of(rule.condition, candidate.evidence_back)
