"""Entries of a timeline: the given events, the decisions and the expectations of an example, with reasons.

Pure values. This module must never know how an example is run or shown.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from schemas.actions import Action, Decision
from schemas.rules import Expected
from schemas.stages import StageRecord
from workers.core.events.decoding import DecodedEvent

Mark = Literal["given", "met", "noted", "unexpected", "missing"]
"""given: an event; met: expected and decided; noted: a decision that need not be expected; unexpected: decided only;
missing: expected only."""


@dataclass(frozen=True, slots=True)
class ConditionFinding:
    """The truth of one condition of a rule, or of several together, at one time.

    Attributes:
        depth: its level inside other conditions, from 0.
        truth: FALSE, NOT_OBSERVABLE or TRUE.
        condition: the condition in words.
        observed: the observed value, if there is one; None for several conditions together.
        changes: when time alone changes its truth, as a time since the start. None for never, and for several
            conditions together.
        is_group: several conditions together; they follow, one level deeper.
    """

    depth: int
    truth: int
    condition: str
    observed: bool | int | float | str | None = None
    changes: timedelta | None = None
    is_group: bool = False


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One entry of a timeline.

    Attributes:
        at: the time since the start, to the millisecond.
        mark: the kind of entry.
        event: the given event, if it is one.
        decided: the decision, or the stage on which the customer stands from then on, if there was one.
        expected: the expectation; for an unexpected decision, the one that would accept it.
        notes: sentences with details.
        findings: the conditions of the rule at that time, if an action is missing or unexpected.
        remark: a sentence about the findings.
    """

    at: timedelta
    mark: Mark
    event: DecodedEvent | None = None
    decided: Action | Decision | StageRecord | None = None
    expected: Expected | None = None
    notes: tuple[str, ...] = ()
    findings: tuple[ConditionFinding, ...] = ()
    remark: str | None = None


def words_of(expected: Expected, with_rule: bool) -> str:
    """Return an expectation in the words of the file, such as `action at-risk`."""
    if expected.is_stage:
        return f"stage {expected.stage}"
    kind = "action" if expected.action else "retracted" if expected.retracted else "decision"
    rule = f"{expected.rule}: " if with_rule else ""
    return f"{rule}{kind} {expected.action or expected.retracted or expected.decision}"
