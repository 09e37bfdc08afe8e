"""What `linger why` answers, as plain values: the same for people and for machines."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from schemas.actions import Number, Suppression

Verdict = Literal["true", "false", "not observable"]
GapKind = Literal["customer", "watched", "kept", "unwatched", "unseen", "untold"]
StateKind = (
    Suppression | Literal["paused", "met", "unconfirmed", "acted", "no_action", "left_alone", "waiting", "expected"]
)


@dataclass(frozen=True, slots=True)
class Gap:
    """One reason why something cannot be known.

    Attributes:
        kind: the customer is known, the type is watched, or its days are kept, for too short a time; no worker
            watches the type yet; it is not seen far enough; or an attribute was never told.
        type: the event type; None for the customer, and for what more than one type should have told.
        since_ms: since when known, watched or kept, or up to when seen; None where there is no such moment.
        detail: what is the matter with the type's source, as far as that is known; or what was not told.
    """

    kind: GapKind
    type: str | None = None
    since_ms: int | None = None
    detail: str | None = None

    @property
    def text(self) -> str:
        """Return the reason in words."""
        match self.kind:
            case "customer":
                return f"the customer is known only since {in_words(self.since_ms)}"
            case "watched":
                return f"'{self.type}' is watched only since {in_words(self.since_ms)}"
            case "kept":
                return f"the days of '{self.type}' are kept only since {in_words(self.since_ms)}"
            case "unwatched":
                return f"'{self.type}' is not watched for this rule yet: no worker has worked with it here"
            case "untold":
                return self.detail or "nothing has told it yet"
        seen = f"only until {in_words(self.since_ms)}" if self.since_ms else "not at all yet"
        return f"'{self.type}' has been seen {seen}" + (f" ({self.detail})" if self.detail else "")


@dataclass(frozen=True, slots=True)
class Change:
    """When time alone changes something, and what it is from then on."""

    at_ms: int
    becomes: Verdict


@dataclass(frozen=True, slots=True)
class ConditionReport:
    """One condition, or several of them under `all` or `any`; a `not` is in the phrases of the conditions inside.

    Attributes:
        phrase: the condition in words; empty for a combination.
        observed, bound, window: what was found and what was asked for; None for a combination.
        gaps: why it cannot be known.
        change: when it changes if nothing happens; None for never, and for a combination.
        events: the types of which an event can change it.
        by_events: the same in words; None if no event can.
        parts: of a combination.
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
    parts: "tuple[ConditionReport, ...]" = ()

    def leaves(self) -> "Iterator[ConditionReport]":
        """Iterate over the elementary conditions, in the order of the rule."""
        if self.kind == "condition":
            yield self
        for part in self.parts:
            yield from part.leaves()

    def open_gaps(self) -> Iterator[Gap]:
        """Iterate over what keeps it from being known."""
        if self.verdict == "not observable":
            yield from self.gaps
            for part in self.parts:
                yield from part.open_gaps()


@dataclass(frozen=True, slots=True)
class State:
    """Something that is so with a rule besides its truth.

    Attributes:
        kind: what: the decision that was taken, where it is one.
        text: in words.
        at_ms, until_ms: since when, or when, and until when; None where that means nothing.
    """

    kind: StateKind
    text: str
    at_ms: int | None = None
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class RuleReport:
    """How one rule stands.

    Attributes:
        verdict: true exactly while an episode of the rule goes on.
        since_ms: since when it holds; None if it does not.
        gaps: why it cannot be known.
        change: when time alone changes the rule as a whole; None for never.
        states: whatever else is to be said.
        condition: the inside.
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
        at_ms: the moment.
        is_ahead: it lies in the future; everything is said for the case that nothing happens until then.
        known_since_ms, latest_event_ms: the customer's first event that arrived, and the latest.
        rules: in the order of their ids.
        looks_again_ms: when Linger looks again if nothing happens; None for never.
        looks_again_because: which rules change then, and by what.
        waits: types that have to be seen before a due time in the past can be decided.
        notes: what is so with the customer as a whole.
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
    """Return a moment for people: to the minute, and to the second or millisecond where there are any."""
    if at_ms is None:
        return "an unknown time"
    at = _moment(at_ms)
    if at_ms % 60_000 == 0:
        return f"{at:%Y-%m-%d %H:%M} UTC"
    return f"{at:%Y-%m-%d %H:%M:%S}{f'.{at_ms % 1000:03}' if at_ms % 1000 else ''} UTC"


def as_document(report: WhyReport) -> dict[str, Any]:
    """Return a report as JSON can hold it; moments are RFC 3339 texts in UTC."""
    return {
        "customer_id": report.customer_id,
        "at": _text(report.at_ms),
        "is_ahead": report.is_ahead,
        "known_since": _text(report.known_since_ms),
        "latest_event": _text(report.latest_event_ms),
        "notes": list(report.notes),
        "rules": [_rule(rule) for rule in report.rules],
        "looks_again": _text(report.looks_again_ms),
        "looks_again_because": list(report.looks_again_because),
        "waits_for": [_gap(gap) for gap in report.waits],
    }


def _rule(rule: RuleReport) -> dict[str, Any]:
    return {
        "rule": rule.id,
        "title": rule.title,
        "verdict": rule.verdict,
        "holds_since": _text(rule.since_ms),
        "not_observable_because": [_gap(gap) for gap in rule.gaps],
        "changes_by_itself": _change(rule.change),
        "states": [
            {"state": state.kind, "at": _text(state.at_ms), "until": _text(state.until_ms), "text": state.text}
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
    }


def _gap(gap: Gap) -> dict[str, Any]:
    return {"reason": gap.kind, "type": gap.type, "since": _text(gap.since_ms or None), "text": gap.text}


def _change(change: Change | None) -> dict[str, Any] | None:
    return None if change is None else {"at": _text(change.at_ms), "becomes": change.becomes}


def _text(at_ms: int | None) -> str | None:
    return None if at_ms is None else _moment(at_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _moment(at_ms: int) -> datetime:
    # Not at_ms / 1000: a float would lose the last millisecond now and then.
    return datetime.fromtimestamp(at_ms // 1000, UTC).replace(microsecond=at_ms % 1000 * 1000)
