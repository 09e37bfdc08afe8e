"""Claims: the content of an elementary condition as comparable statements about events and values.

Each kind of condition says which claims it makes (`Kind.claims`); `workers.rule_lint.logic` compares them in pairs.
Each result is certain, but some contradictions are missed, which is acceptable for warnings.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

EVER: Final = timedelta.max
ONE: Final = Decimal(1)
_DAY: Final = timedelta(days=1)

Limit = tuple[Decimal, bool]
"""A bound, and whether the bound itself is excluded."""


@dataclass(frozen=True, slots=True)
class Events:
    """The events of a type whose attributes have some values.

    Attributes:
        type: the event type.
        where: the attributes with their values; all of them must match.
    """

    type: str
    where: frozenset[tuple[str, str]] = frozenset()

    def is_within(self, other: "Events") -> bool:
        """Return whether each of these events is also one of the others."""
        return self.type == other.type and self.where >= other.where


class _Statement:
    """What a condition says. Of a pair that exclude each other, one of the two knows it."""

    __slots__ = ()

    def _excludes(self, other: "Claim") -> bool:
        """Return whether both can certainly never be true together; False if only the other one knows."""
        return False

    def _implies(self, other: "Claim") -> bool:
        """Return whether the other claim, which is not the same, is certainly true whenever this one is."""
        return False


@dataclass(frozen=True, slots=True)
class AtLeast(_Statement):
    """Some events or more in a window.

    Attributes:
        events: the events that count.
        within: the window in whole days, including today.
        count: the lowest number.
    """

    events: Events
    within: timedelta
    count: Decimal

    def _excludes(self, other: "Claim") -> bool:
        match other:
            case AtMost():
                is_covered = self.events.is_within(other.events) and self.within <= other.within
                return is_covered and self.count > other.count
            case Silence():
                # A window of N days is never longer than N times 24 hours.
                return self.events.is_within(other.events) and self.within <= other.duration
        return False

    def _implies(self, other: "Claim") -> bool:
        if not isinstance(other, AtLeast):
            return False
        is_covered = self.events.is_within(other.events) and self.within <= other.within
        return is_covered and self.count >= other.count


@dataclass(frozen=True, slots=True)
class AtMost(_Statement):
    """Some events or fewer in a window.

    Attributes:
        events: the events that count.
        within: the window in whole days, including today.
        count: the highest number.
    """

    events: Events
    within: timedelta
    count: Decimal

    def _implies(self, other: "Claim") -> bool:
        if not isinstance(other, AtMost):
            return False
        is_covered = other.events.is_within(self.events) and other.within <= self.within
        return is_covered and self.count <= other.count


@dataclass(frozen=True, slots=True)
class Silence(_Statement):
    """No event for some time or longer.

    Attributes:
        events: the events that did not happen.
        duration: the shortest time without them.
    """

    events: Events
    duration: timedelta

    def _implies(self, other: "Claim") -> bool:
        if not isinstance(other, Silence):
            return False
        return other.events.is_within(self.events) and self.duration >= other.duration


@dataclass(frozen=True, slots=True)
class Recent(_Statement):
    """An event some time ago at most.

    Attributes:
        events: at least one of these events happened.
        age: the highest age.
        is_strict: an event of exactly this age does not count.
    """

    events: Events
    age: timedelta
    is_strict: bool

    def _excludes(self, other: "Claim") -> bool:
        match other:
            case Silence():
                is_too_recent = self.age <= other.duration if self.is_strict else self.age < other.duration
                return self.events.is_within(other.events) and is_too_recent
            case AtMost():
                # A window of N days reaches back N - 1 days at least; the rest is the elapsed part of today.
                is_covered = other.within == EVER or self.age <= other.within - _DAY
                return self.events.is_within(other.events) and other.count < 1 and is_covered
        return False

    def _implies(self, other: "Claim") -> bool:
        if not isinstance(other, Recent) or not self.events.is_within(other.events):
            return False
        return self.age < other.age or (self.age == other.age and self.is_strict)


@dataclass(frozen=True, slots=True)
class Quantity(_Statement):
    """A number between bounds.

    Attributes:
        of: what the number measures.
        low: the lower bound; None if there is none.
        high: the upper bound; None if there is none.
    """

    of: tuple[Any, ...]
    low: Limit | None
    high: Limit | None

    def _excludes(self, other: "Claim") -> bool:
        return isinstance(other, Quantity) and self.of == other.of and _is_above(self.low, other.high)

    def _implies(self, other: "Claim") -> bool:
        return isinstance(other, Quantity) and self.of == other.of and _is_tighter(self, other)

    def contains(self, value: Any) -> bool:
        """Return whether a value of an event is a number between the bounds."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        exact = (Decimal(str(value)), False)
        return not _is_above(self.low, exact) and not _is_above(exact, self.high)


@dataclass(frozen=True, slots=True)
class Value(_Statement):
    """One of some values of an attribute, or none of them.

    Attributes:
        of: what has the value; a `Quantity` of the same is its number.
        values: the values, each with whether it is a truth: true is not 1.
        is_one: the attribute has one of them; otherwise it has none of them.
    """

    of: tuple[Any, ...]
    values: frozenset[tuple[bool, Any]]
    is_one: bool

    def _excludes(self, other: "Claim") -> bool:
        if not self.is_one:
            return False
        match other:
            case Value(is_one=True):
                return self.of == other.of and not self.values & other.values
            case Value():
                return self.of == other.of and self.values <= other.values
            case Quantity():
                return other.of == self.of and not any(other.contains(value) for _, value in self.values)
        return False


@dataclass(frozen=True, slots=True)
class State(_Statement):
    """One of several states that exclude each other.

    Attributes:
        of: what has the state.
        state: the state.
    """

    of: tuple[Any, ...]
    state: str

    def _excludes(self, other: "Claim") -> bool:
        return isinstance(other, State) and self.of == other.of and self.state != other.state


Claim = AtLeast | AtMost | Silence | Recent | Quantity | Value | State


def exclude_each_other(claim: Claim, other: Claim) -> bool:
    """Return whether two claims can certainly never be true together."""
    return claim._excludes(other) or other._excludes(claim)


def follows_from(claim: Claim, given: Claim) -> bool:
    """Return whether a claim is certainly true whenever another one is."""
    return claim == given or given._implies(claim)


def _is_above(low: Limit | None, high: Limit | None) -> bool:
    if low is None or high is None:
        return False
    return low[0] > high[0] or (low[0] == high[0] and (low[1] or high[1]))


def _is_tighter(quantity: Quantity, other: Quantity) -> bool:
    return _is_tighter_below(quantity.low, other.low) and _is_tighter_above(quantity.high, other.high)


def _is_tighter_below(low: Limit | None, other: Limit | None) -> bool:
    return other is None or (low is not None and low >= other)


def _is_tighter_above(high: Limit | None, other: Limit | None) -> bool:
    return other is None or (high is not None and (-high[0], high[1]) >= (-other[0], other[1]))


def events_of(event_type: str, where: Mapping[str, Any] | None) -> Events:
    """Return the events of a type that pass a filter."""
    return Events(event_type, frozenset((key, repr(value)) for key, value in (where or {}).items()))


def measured(word: str, reference: str, where: Mapping[str, Any] | None, within: timedelta | None) -> tuple[Any, ...]:
    """Return what a `Quantity` is of: the kind of condition, the attribute, the filter and the window."""
    return word, reference, events_of("", where), within


def values_of(values: Any) -> frozenset[tuple[bool, Any]]:
    """Return values so that they differ as they do in events: true is not 1."""
    return frozenset((isinstance(value, bool), value) for value in (values if isinstance(values, list) else [values]))


def numbers_of(
    events: Events, within: timedelta | None, limits: tuple[Limit | None, Limit | None]
) -> Iterator[AtLeast | AtMost]:
    """Yield the claims that a number of events is within limits."""
    low, high = limits
    if low is not None and low[0] + low[1] > 0:
        yield AtLeast(events, within or EVER, low[0] + low[1])
    if high is not None:
        yield AtMost(events, within or EVER, high[0] - high[1])
