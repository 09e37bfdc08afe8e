"""Expectations of an example, compared with one decision of the core. Pure.

This module must never know the other decisions of an example.
"""

from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from schemas.actions import Action, Decision
from schemas.rules import Expected, ExpectedValue, write_offset
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
        return Expected(at=whole_seconds(at), stage=record.stage, value=_value_of(record))
    content: dict[str, Any] = {"at": whole_seconds(at), "rule": record.rule.id}
    if isinstance(record, Decision):
        content["decision"] = record.decision
    elif record.status == "retracted":
        content["retracted"] = record.retracted_because
    else:
        content["action"] = record.action
        content["variables"] = dict(record.variables)
        content |= {name: getattr(record, name) for name in ("channel", "locale", "labels", "stage")}
        content["value"] = _value_of(record)
        if record.not_before is not None:
            content["not_before"] = whole_seconds(playback.since_start(record.not_before))
    return Expected(**content)


def _value_of(record: Action | StageRecord) -> ExpectedValue | None:
    if record.value is None:
        return None
    return ExpectedValue(**{name: getattr(record.value, name) for name in ExpectedValue.model_fields})


def is_met(expected: Expected, actual: Expected) -> bool:
    """Return whether a decision is the expected one; details that are not expected are not compared."""
    return is_same_kind(expected, actual) and expected.at == actual.at and not other_details(expected, actual)


def is_same_kind(expected: Expected, actual: Expected) -> bool:
    """Return whether both are about the same rule and the same action, retraction or decision, or the same stage."""
    kind = (expected.rule, expected.action, expected.retracted, expected.decision, expected.is_stage)
    is_same = kind == (actual.rule, actual.action, actual.retracted, actual.decision, actual.is_stage)
    return is_same and (not expected.is_stage or expected.stage == actual.stage)


DETAILS: Final = ("variables", "channel", "locale", "labels", "stage", "value", "not_before")
"""What an expectation may say of a decision besides, and is compared only then."""


def other_details(expected: Expected, actual: Expected) -> list[str]:
    """Return the details of a decision that are not as expected; what the example does not say is not compared."""
    return [
        name
        for name in DETAILS
        if (detail := getattr(expected, name)) is not None and not _is_same_detail(detail, getattr(actual, name))
    ]


def _is_same_detail(expected: Any, actual: Any) -> bool:
    if isinstance(expected, dict):
        return _are_same(expected, actual or {})
    if isinstance(expected, ExpectedValue):
        own = expected.model_dump(exclude_none=True)
        return actual is not None and all(getattr(actual, name) == value for name, value in own.items())
    return bool(expected == actual)


def _are_same(expected: dict[str, Any], actual: dict[str, Any]) -> bool:
    """Return whether variables or labels are the same; a number equals a text with the same number."""
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
