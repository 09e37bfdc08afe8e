"""Wording: what waits is put into words when its rule becomes another one, or goes."""

from typing import Any

import msgspec

from schemas.actions import ActionName, Reason
from workers.core.conditions.condition import Condition
from workers.core.customer.candidate import Candidate, Evidence
from workers.core.decisions.program import ActiveRule
from workers.core.text import Text


class Waiting(msgspec.Struct, frozen=True):
    """What is in words of an action that waits.

    Attributes:
        rule, version, action: of the rule that asked for it.
        why: its reasons.
        why_back: those of its retraction, if it was withdrawn.
    """

    rule: str
    version: str
    action: ActionName
    why: tuple[Reason, ...]
    why_back: tuple[Reason, ...] = ()


_as_reasons = msgspec.json.Decoder(tuple[Reason, ...]).decode


def reasons_of(condition: Condition, evidence: Evidence) -> tuple[Reason, ...]:
    """Return the reasons of a condition in words."""
    text = Text()
    text.byte(91)
    condition.word(text, evidence)
    text.byte(93)
    return _as_reasons(text.made())


def worded_back(candidate: Candidate, rule: ActiveRule) -> Any:
    """Return what is worded of a candidate, with the reasons of its retraction, which are noted by its rule of now."""
    return msgspec.structs.replace(
        candidate.worded, why_back=reasons_of(rule.condition, candidate.evidence_back)
    )
