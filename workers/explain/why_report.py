"""The result of `linger why` as plain values, the same for people and for machines."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from schemas.actions import Number, Suppression

Verdict = Literal["true", "false", "not observable"]
GapKind = Literal["customer", "watched", "kept", "unwatched", "unseen", "untold"]
StateKind = (
    Suppression
    | Literal["paused", "met", "repeats", "unconfirmed", "acted", "no_action", "left_alone", "waiting", "expected"]
)

FORGOTTEN: Final = (
    "what happens next is of a stranger. What is stored is removed once all signs of life until then have been seen"
)
"""What it means that the moment has passed from which on a customer is forgotten."""


@dataclass(frozen=True, slots=True)
class Gap:
    """One reason why something cannot be known.

    Attributes:
        kind: `customer`, `watched` and `kept`: the customer is known, the type watched, or its days kept for too
            short a time. `unwatched`: no worker watches the type yet. `unseen`: the type is not seen far enough.
            `untold`: no event had the attribute, or events arrived too late to know their order.
        type: the event type; None for the customer, and for the order of events of several types.
        since_ms: since when it is known, watched or kept, or until when it is seen; None if there is no such moment.
        detail: the problem of the type's source, if it is known; or the attribute that no event had.
    """

    kind: GapKind
    type: str | None = None
    since_ms: int | None = None
    detail: str | None = None

    @property
    def text(self) -> str:
        """The reason in words."""
        match self.kind:
            case "customer":
                return f"the customer is known only since {in_words(self.since_ms)}"
            case "watched":
                return f"'{self.type}' is watched only since {in_words(self.since_ms)}"
            case "kept":
                return f"the days of '{self.type}' are kept only since {in_words(self.since_ms)}"
            case "unwatched":
                return f"'{self.type}' is not watched for this rule yet: no worker has made a step with the rule here"
            case "untold":
                return self.detail or "no event has shown it yet"
        seen = f"only until {in_words(self.since_ms)}" if self.since_ms else "not at all yet"
        return f"'{self.type}' has been seen {seen}" + (f" ({self.detail})" if self.detail else "")


@dataclass(frozen=True, slots=True)
class Change:
    """A change by time alone.

    Attributes:
        at_ms: when.
        becomes: the verdict from then on.
    """

    at_ms: int
    becomes: Verdict


@dataclass(frozen=True, slots=True)
class ConditionReport:
    """One condition, or a combination by `all` or `any`; a `not` is expressed in the phrases of the parts.

    Attributes:
        kind: an elementary condition, or how the parts are combined.
        verdict: whether it holds.
        phrase: the condition in words; empty for a combination.
        observed: the value in the customer's activity; None for a combination.
        bound: the value that the condition demands, in words; None for a combination.
        window: the period that it reads, in words; None for a combination and if it reads everything.
        gaps: why it cannot be known.
        change: when it changes if nothing happens; None for never and for a combination.
        events: the types whose events can change it.
        by_events: how these events change it, in words; None if no event can.
        nearly: what the found value differs in from what is asked for, if that is little; None otherwise.
        parts: the conditions of a combination.
    """

    kind: Literal["condition", "all", "any"]
    verdict: Verdict
    phrase: str = ""
    observed: Number = None
    bound: str | None = None
    window: str | None = None
    gaps: tuple[Gap, ...] = ()
    change: Change | None = None
    events: tuple[str, ...] = ()
    by_events: str | None = None
    nearly: str | None = None
    parts: "tuple[ConditionReport, ...]" = ()

    def leaves(self) -> "Iterator[ConditionReport]":
        """Yield the elementary conditions, in the order of the rule."""
        if self.kind == "condition":
            yield self
        for part in self.parts:
            yield from part.leaves()

    def open_gaps(self) -> Iterator[Gap]:
        """Yield the gaps of every part that cannot be known."""
        if self.verdict == "not observable":
            yield from self.gaps
            for part in self.parts:
                yield from part.open_gaps()


@dataclass(frozen=True, slots=True)
class State:
    """Something that is true of a rule besides its verdict.

    Attributes:
        kind: what it is; for a decision that was made, that decision.
        text: the same in words.
        at_ms: when it happened or began; None if that has no meaning.
        until_ms: when it ends; None if that has no meaning.
    """

    kind: StateKind
    text: str
    at_ms: int | None = None
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class RuleReport:
    """The state of one rule.

    Attributes:
        id: the rule's id.
        title: the rule's title.
        verdict: true exactly during an episode of the rule.
        since_ms: since when it holds; None if it does not.
        gaps: why it cannot be known.
        change: when time alone changes the rule as a whole; None for never.
        states: further states of the rule.
        condition: the rule's condition.
    """

    id: str
    title: str
    verdict: Verdict
    since_ms: int | None
    gaps: tuple[Gap, ...]
    change: Change | None
    states: tuple[State, ...]
    condition: ConditionReport


@dataclass(frozen=True, slots=True)
class WhyReport:
    """Everything about one customer at one moment.

    Attributes:
        customer_id: the customer.
        at_ms: the moment.
        is_ahead: the moment is in the future; everything is explained for the case that nothing happens until then.
        known_since_ms: the customer's first event.
        latest_event_ms: the customer's latest event.
        rules: in the order of their ids.
        looks_again_ms: when Linger evaluates the customer next if nothing happens; None for never.
        looks_again_because: which rules change then, each with the condition that changes it.
        waits: types that must be seen further before a due time in the past can be decided.
        notes: on the customer as a whole.
    """

    customer_id: str
    at_ms: int
    is_ahead: bool
    known_since_ms: int
    latest_event_ms: int
    rules: tuple[RuleReport, ...]
    looks_again_ms: int | None
    looks_again_because: tuple[str, ...]
    waits: tuple[Gap, ...]
    notes: tuple[str, ...] = ()


def in_words(at_ms: int | None) -> str:
    """Return a moment for people: to the minute, or to the second or millisecond if it is not a full minute."""
    if at_ms is None:
        return "an unknown time"
    at = _moment(at_ms)
    if at_ms % 60_000 == 0:
        return f"{at:%Y-%m-%d %H:%M} UTC"
    return f"{at:%Y-%m-%d %H:%M:%S}{f'.{at_ms % 1000:03}' if at_ms % 1000 else ''} UTC"


def as_document(report: WhyReport) -> dict[str, Any]:
    """Return a report as a JSON document; moments are RFC 3339 texts in UTC."""
    return {
        "customer_id": report.customer_id,
        "at": _iso_text(report.at_ms),
        "is_ahead": report.is_ahead,
        "known_since": _iso_text(report.known_since_ms),
        "latest_event": _iso_text(report.latest_event_ms),
        "notes": list(report.notes),
        "rules": [_rule(rule) for rule in report.rules],
        "looks_again": _iso_text(report.looks_again_ms),
        "looks_again_because": list(report.looks_again_because),
        "waits_for": [_gap(gap) for gap in report.waits],
    }


def _rule(rule: RuleReport) -> dict[str, Any]:
    return {
        "rule": rule.id,
        "title": rule.title,
        "verdict": rule.verdict,
        "holds_since": _iso_text(rule.since_ms),
        "not_observable_because": [_gap(gap) for gap in rule.gaps],
        "changes_by_itself": _change(rule.change),
        "states": [
            {
                "state": state.kind,
                "at": _iso_text(state.at_ms),
                "until": _iso_text(state.until_ms),
                "text": state.text,
            }
            for state in rule.states
        ],
        "condition": _condition(rule.condition),
    }


def _condition(condition: ConditionReport) -> dict[str, Any]:
    if condition.kind != "condition":
        return {
            "kind": condition.kind,
            "verdict": condition.verdict,
            "parts": [_condition(part) for part in condition.parts],
        }
    return {
        "kind": condition.kind,
        "verdict": condition.verdict,
        "condition": condition.phrase,
        "observed": condition.observed,
        "bound": condition.bound,
        "window": condition.window,
        "not_observable_because": [_gap(gap) for gap in condition.gaps],
        "changes_by_itself": _change(condition.change),
        "events_that_change_it": list(condition.events),
        "changes_by_events": condition.by_events,
        "nearly": condition.nearly,
    }


def _gap(gap: Gap) -> dict[str, Any]:
    return {"reason": gap.kind, "type": gap.type, "since": _iso_text(gap.since_ms or None), "text": gap.text}


def _change(change: Change | None) -> dict[str, Any] | None:
    return None if change is None else {"at": _iso_text(change.at_ms), "becomes": change.becomes}


def _iso_text(at_ms: int | None) -> str | None:
    return None if at_ms is None else _moment(at_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _moment(at_ms: int) -> datetime:
    # Not at_ms / 1000: a float would sometimes lose the last millisecond.
    return datetime.fromtimestamp(at_ms // 1000, UTC).replace(microsecond=at_ms % 1000 * 1000)
