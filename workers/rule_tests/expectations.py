"""Expectations of an example, compared with one decision of the core. Pure.

This module must never know the other decisions of an example.
"""

from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from schemas.actions import Action, Decision
from schemas.rules import Expected, write_offset
from schemas.stages import StageRecord
from workers.rule_tests.playback import Playback

_SECOND: Final = timedelta(seconds=1)


def decided_at(record: Action | Decision) -> datetime:
    """Return when a decision was made; for a retraction, when the action was retracted."""
    if isinstance(record, Action) and record.retracted_at is not None:
        return record.retracted_at
    return record.decided_at


def as_expected(record: Action | Decision | StageRecord, at: timedelta, playback: Playback) -> Expected:
    """Return a decision as an example would expect it, with all details; `at` is its time since the start."""
    if isinstance(record, StageRecord):
        return Expected(at=whole_seconds(at), stage=record.stage)
    content: dict[str, Any] = {"at": whole_seconds(at), "rule": record.rule.id}
    if isinstance(record, Decision):
        content["decision"] = record.decision
    elif record.status == "retracted":
        content["retracted"] = record.retracted_because
    else:
        content["action"] = record.action
        content["variables"] = dict(record.variables)
        if record.not_before is not None:
            content["not_before"] = whole_seconds(playback.since_start(record.not_before))
    return Expected(**content)


def is_met(expected: Expected, actual: Expected) -> bool:
    """Return whether a decision is the expected one; details that are not expected are not compared."""
    return (
        is_same_kind(expected, actual)
        and expected.at == actual.at
        and (expected.not_before is None or expected.not_before == actual.not_before)
        and (expected.variables is None or are_same_variables(expected.variables, actual.variables or {}))
    )


def is_same_kind(expected: Expected, actual: Expected) -> bool:
    """Return whether both are about the same rule and the same action, retraction or decision, or the same stage."""
    kind = (expected.rule, expected.action, expected.retracted, expected.decision, expected.stage)
    return kind == (actual.rule, actual.action, actual.retracted, actual.decision, actual.stage)


def are_same_variables(expected: dict[str, Any], actual: dict[str, Any]) -> bool:
    """Return whether template variables are the same; a number equals a text with the same number."""
    return expected.keys() == actual.keys() and all(_is_same(value, actual[name]) for name, value in expected.items())


def _is_same(expected: Any, actual: Any) -> bool:
    # True == 1 in Python, but not in a template. Amounts are texts in events: 25 means '25'.
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, int | float) and actual is not None:
        try:
            return Decimal(str(expected)) == Decimal(str(actual))
        except InvalidOperation:
            return False
    return bool(expected == actual)


def whole_seconds(at: timedelta) -> timedelta:
    """Return a time since the start without its fraction of a second.

    An offset cannot be written more precisely, and some conditions change one millisecond after a whole second.
    """
    return at // _SECOND * _SECOND


def offset_words(at: timedelta) -> str:
    """Return a time since the start as files write it."""
    return write_offset(whole_seconds(at))
