"""What conditions say of one another: which can never hold together, and which follow from others.

Conditions are taken apart into claims about events and values; claims are compared in pairs. What is found is
certain, but not everything is found: that is enough to warn people. Pure; what is here must know no files.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import product
from typing import Any, Final, NamedTuple

from schemas import conditions as model

MAX_ALTERNATIVES: Final = 64
_DAY: Final = timedelta(days=1)
_EVER: Final = timedelta.max


class Literal(NamedTuple):
    """An elementary condition, or the opposite of one; `origin` is whatever the caller wants to know it by."""

    condition: Any
    holds: bool
    origin: Any = None


Tree = tuple[str, "list[Tree]"] | Literal
"""`("all", parts)`, `("any", parts)` or a literal; negations are pushed down to the literals."""


def alternatives(tree: Tree) -> list[list[Literal]] | None:
    """Return the ways in which a tree can hold, each as literals that hold together; None if there are too many."""
    if isinstance(tree, Literal):
        return [[tree]]
    word, parts = tree
    inner = [alternatives(part) for part in parts]
    ways: list[list[Literal]] = [[]] if word == "all" else []
    for found in inner:
        if found is None:
            return None
        ways = [one + other for one, other in product(ways, found)] if word == "all" else ways + found
        if len(ways) > MAX_ALTERNATIVES:
            return None
    return ways


def conflict(literals: Sequence[Literal]) -> tuple[Literal, Literal] | None:
    """Return two literals of which one excludes the other; the later one of the earliest such pair comes last."""
    claims = [list(_claims(literal)) for literal in literals]
    for later, mine in enumerate(claims):
        for earlier in range(later):
            one, other = literals[earlier], literals[later]
            opposite = one.condition == other.condition and one.holds != other.holds
            if opposite or any(_excludes(a, b) or _excludes(b, a) for a in claims[earlier] for b in mine):
                return one, other
    return None


def follows(what: Sequence[Literal], given: Sequence[Literal]) -> bool:
    """Tell whether everything in `what` holds whenever all of `given` do, as far as that can be told."""
    known = [claim for literal in given for claim in _claims(literal)]
    for literal in what:
        if any(literal[:2] == other[:2] for other in given):
            continue
        claims = list(_claims(literal))
        if not (_is_said_by_claims(literal) and all(any(_implies(one, claim) for one in known) for claim in claims)):
            return False
    return True


# --- claims -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Events:
    """The events of a type of which all of some attributes match."""

    type: str
    where: frozenset[tuple[str, str]] = frozenset()

    def is_within(self, other: "_Events") -> bool:
        """Tell whether each of these events is one of the others."""
        return self.type == other.type and self.where >= other.where


class _AtLeast(NamedTuple):
    """So many events in the last so many days, today included."""

    events: _Events
    within: timedelta
    number: Decimal


class _AtMost(NamedTuple):
    events: _Events
    within: timedelta
    number: Decimal


class _Silence(NamedTuple):
    """No event for so long or longer."""

    events: _Events
    since: timedelta


class _Recent(NamedTuple):
    """An event so long ago at most; `strictly` less."""

    events: _Events
    since: timedelta
    strictly: bool


class _Quantity(NamedTuple):
    """A number between bounds, each with whether it is excluded itself; None for no bound."""

    of: tuple[Any, ...]
    low: tuple[Decimal, bool] | None
    high: tuple[Decimal, bool] | None


class _Value(NamedTuple):
    """One of some values, or none of them."""

    of: str
    values: frozenset[tuple[bool, Any]]
    is_one: bool


class _State(NamedTuple):
    """One of several things of which only one can be."""

    of: tuple[Any, ...]
    state: str


_Claim = _AtLeast | _AtMost | _Silence | _Recent | _Quantity | _Value | _State


def _events(name: str, where: Any) -> _Events:
    return _Events(name, frozenset((key, repr(value)) for key, value in (where or {}).items()))


def _which(which: Any) -> _Events:
    return _events(which, None) if isinstance(which, str) else _events(which.event, which.where)


def _claims(literal: Literal) -> Iterator[_Claim]:
    """Yield what a literal says; nothing for what is too intricate."""
    if literal.holds:
        yield from _positive(literal.condition)
    else:
        yield from _negative(literal.condition)


def _positive(condition: Any) -> Iterator[_Claim]:
    match condition:
        case model.Count():
            yield from _counted(condition, condition.limits())
        case model.Sum() | model.Average() | model.Distinct() | model.Latest() if condition.limits() != (None, None):
            yield _Quantity(_quantity(condition), *condition.limits())
        case model.Absent():
            yield _Silence(_events(condition.none, condition.where), condition.for_)
        case model.Last():
            low, high = condition.ages()
            events = _events(condition.last, condition.where)
            yield _AtLeast(events, _EVER, Decimal(1))
            if low is not None:
                yield _Silence(events, low)
            if high is not None:
                yield _Recent(events, high, False)
        case model.First():
            events, (_, high) = _events(condition.first, condition.where), condition.ages()
            yield _AtLeast(events, _EVER, Decimal(1))
            if high is not None:
                yield _Recent(events, high, False)
        case model.Overdue():
            events = _events(condition.overdue, condition.where)
            yield _AtLeast(events, _EVER, Decimal(1))
            yield _Silence(events, condition.at_least)
        case model.Followed():
            yield _State(("after", _which(condition.after), _which(condition.then)), "then")
            yield _AtLeast(_which(condition.then), _EVER, Decimal(1))
        case model.Unfollowed():
            yield _State(("after", _which(condition.after), _which(condition.without)), "without")
            yield _Silence(_which(condition.without), condition.for_)
            yield _AtLeast(_which(condition.after), _EVER, Decimal(1))
        case model.Latest():
            is_one = condition.is_ is not None
            yield _Value(condition.latest, _values(condition.is_ if is_one else condition.is_not), is_one)
        case model.Status():
            yield _State(("status",), condition.status)
            if condition.status == "cancelled":
                yield _AtLeast(_Events("cancellation"), _EVER, Decimal(1))
        case model.Date():
            yield _State(("date", condition.date), "ahead" if condition.in_the_next is not None else "over")
        case model.Change():
            of = ("change", _events(condition.change, condition.where), condition.within)
            yield _State(of, "down" if condition.down_by is not None else "up")


def _negative(condition: Any) -> Iterator[_Claim]:
    match condition:
        case model.Count():
            low, high = condition.limits()
            if high is None and low is not None:
                yield from _counted(condition, (None, (low[0], not low[1])))
            elif low is None and high is not None:
                yield from _counted(condition, ((high[0], not high[1]), None))
        case model.Absent():
            yield _Recent(_events(condition.none, condition.where), condition.for_, True)
        case model.Status(for_=None):
            yield _State(("status",), "cancelled" if condition.status == "active" else "active")
        case model.Latest() if condition.is_ is not None or condition.is_not is not None:
            is_one = condition.is_ is None
            yield _Value(condition.latest, _values(condition.is_not if is_one else condition.is_), is_one)


def _counted(condition: Any, limits: Any) -> Iterator[_Claim]:
    events, within = _events(condition.count, condition.where), condition.within or _EVER
    low, high = limits
    if low is not None and low[0] + low[1] > 0:
        yield _AtLeast(events, within, low[0] + low[1])
    if high is not None:
        yield _AtMost(events, within, high[0] - high[1])


def _quantity(condition: Any) -> tuple[Any, ...]:
    where, within = getattr(condition, "where", None), getattr(condition, "within", None)
    kind = type(condition).__name__.lower()
    return kind, getattr(condition, kind), _events("", where), within


def _values(values: Any) -> frozenset[tuple[bool, Any]]:
    """Return values that can be told apart as events are: true is not 1."""
    return frozenset((isinstance(one, bool), one) for one in (values if isinstance(values, list) else [values]))


def _is_said_by_claims(literal: Literal) -> bool:
    """Tell whether a literal says no more than its claims do."""
    if isinstance(literal.condition, model.Count) and not literal.holds:
        return None in literal.condition.limits()  # the opposite of two bounds is either of two things
    if isinstance(literal.condition, model.Count | model.Absent):
        return True
    return literal.holds and isinstance(literal.condition, model.Sum | model.Average | model.Distinct)


# --- pairs of claims --------------------------------------------------------------------------------------------


def _excludes(one: _Claim, other: _Claim) -> bool:
    match one, other:
        case _AtLeast(), _AtMost():
            covered = one.events.is_within(other.events) and one.within <= other.within
            return covered and one.number > other.number
        case _AtLeast(), _Silence():
            # A window of N days is never longer than N times 24 hours.
            return one.events.is_within(other.events) and one.within <= other.since
        case _Recent(), _Silence():
            too_recent = one.since <= other.since if one.strictly else one.since < other.since
            return one.events.is_within(other.events) and too_recent
        case _Recent(), _AtMost():
            # A window of N days reaches back N - 1 days at least; the rest is what is over of today.
            covered = other.within == _EVER or one.since <= other.within - _DAY
            return one.events.is_within(other.events) and other.number < 1 and covered
        case _Quantity(), _Quantity():
            return one.of == other.of and _is_above(one.low, other.high)
        case _Value(is_one=True), _Value(is_one=True):
            return one.of == other.of and not one.values & other.values
        case _Value(is_one=True), _Value(is_one=False):
            return one.of == other.of and one.values <= other.values
        case _Value(is_one=True), _Quantity():
            return other.of[:2] == ("latest", one.of) and not any(_fits(value, other) for _, value in one.values)
        case _State(), _State():
            return one.of == other.of and one.state != other.state
    return False


def _is_above(low: tuple[Decimal, bool] | None, high: tuple[Decimal, bool] | None) -> bool:
    if low is None or high is None:
        return False
    return low[0] > high[0] or (low[0] == high[0] and (low[1] or high[1]))


def _fits(value: Any, bounds: _Quantity) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    exact = (Decimal(str(value)), False)
    return not _is_above(bounds.low, exact) and not _is_above(exact, bounds.high)


def _implies(one: _Claim, other: _Claim) -> bool:
    # Named tuples of different kinds may be equal, as tuples are.
    if type(one) is type(other) and one == other:
        return True
    match one, other:
        case _AtLeast(), _AtLeast():
            covered = one.events.is_within(other.events) and one.within <= other.within
            return covered and one.number >= other.number
        case _AtMost(), _AtMost():
            covered = other.events.is_within(one.events) and other.within <= one.within
            return covered and one.number <= other.number
        case _Silence(), _Silence():
            return other.events.is_within(one.events) and one.since >= other.since
        case _Recent(), _Recent():
            covered = one.events.is_within(other.events)
            return covered and (one.since < other.since or (one.since == other.since and one.strictly))
        case _Quantity(), _Quantity():
            return one.of == other.of and _is_tighter(one, other)
    return False


def _is_tighter(one: _Quantity, other: _Quantity) -> bool:
    low = other.low is None or (one.low is not None and (one.low[0], one.low[1]) >= (other.low[0], other.low[1]))
    high = other.high is None or (
        one.high is not None and (-one.high[0], one.high[1]) >= (-other.high[0], other.high[1])
    )
    return low and high
