"""Logic of conditions: which can never be true together, and which follow from others.

Conditions are divided into claims, and claims are compared in pairs. Each result is certain, but some contradictions
are missed, which is acceptable for warnings. Pure: this module must never know files.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import product
from typing import Any, Final, NamedTuple

from schemas import conditions as model
from workers.rule_lint.claims import (
    EVER,
    AtLeast,
    AtMost,
    Claim,
    Events,
    Quantity,
    Recent,
    Silence,
    State,
    Value,
    exclude_each_other,
    follows_from,
)

MAX_ALTERNATIVES: Final = 64
_ONE: Final = Decimal(1)


class Literal(NamedTuple):
    """An elementary condition, or the opposite of one.

    Attributes:
        condition: the condition.
        holds: False for the opposite.
        origin: where it comes from; only the caller uses it.
    """

    condition: Any
    holds: bool
    origin: Any = None


Tree = tuple[str, "list[Tree]"] | Literal
"""`("all", parts)`, `("any", parts)` or a literal; negations are moved down to the literals."""


def alternatives(tree: Tree) -> list[list[Literal]] | None:
    """Return the alternatives in which a tree is true, each as literals that are true together.

    None if there are more than `MAX_ALTERNATIVES`.
    """
    if isinstance(tree, Literal):
        return [[tree]]
    word, parts = tree
    combined: list[list[Literal]] = [[]] if word == "all" else []
    for of_part in [alternatives(part) for part in parts]:
        if of_part is None:
            return None
        if word == "all":
            combined = [literals + more for literals, more in product(combined, of_part)]
        else:
            combined += of_part
        if len(combined) > MAX_ALTERNATIVES:
            return None
    return combined


def conflict(literals: Sequence[Literal]) -> tuple[Literal, Literal] | None:
    """Return the first two literals that exclude each other, in their order, or None."""
    claims = [list(_claims(literal)) for literal in literals]
    for later, literal in enumerate(literals):
        for earlier in range(later):
            other = literals[earlier]
            is_opposite = other.condition == literal.condition and other.holds != literal.holds
            if is_opposite or any(exclude_each_other(*pair) for pair in product(claims[earlier], claims[later])):
                return other, literal
    return None


def follows(conclusion: Sequence[Literal], given: Sequence[Literal]) -> bool:
    """Return whether all of `conclusion` is certainly true whenever all of `given` is."""
    premises = [claim for literal in given for claim in _claims(literal)]
    for literal in conclusion:
        if any(literal[:2] == other[:2] for other in given):
            continue
        if not _says_only_its_claims(literal):
            return False
        if not all(any(follows_from(claim, other) for other in premises) for claim in _claims(literal)):
            return False
    return True


# --- conditions -> claims ---------------------------------------------------------------------------------------


def _claims(literal: Literal) -> Iterator[Claim]:
    """Yield the claims of a literal; nothing for a condition that is too complex."""
    if literal.holds:
        yield from _positive(literal.condition)
    else:
        yield from _negative(literal.condition)


def _positive(condition: Any) -> Iterator[Claim]:
    match condition:
        case model.Count():
            yield from _counted(condition, condition.limits())
        case model.Sum() | model.Average() | model.Distinct() | model.Latest() if condition.limits() != (None, None):
            yield Quantity(_measured(condition), *condition.limits())
        case model.Absent():
            yield Silence(_events(condition.none, condition.where), condition.for_)
        case model.Last():
            yield from _last(condition)
        case model.First():
            events, (_, high) = _events(condition.first, condition.where), condition.ages()
            yield AtLeast(events, EVER, _ONE)
            if high is not None:
                yield Recent(events, high, False)
        case model.Overdue():
            events = _events(condition.overdue, condition.where)
            yield AtLeast(events, EVER, _ONE)
            yield Silence(events, condition.at_least)
        case model.Followed():
            then = _step(condition.then)
            yield State(("after", _step(condition.after), then), "then")
            yield AtLeast(then, EVER, _ONE)
        case model.Unfollowed():
            after, without = _step(condition.after), _step(condition.without)
            yield State(("after", after, without), "without")
            yield Silence(without, condition.for_)
            yield AtLeast(after, EVER, _ONE)
        case model.Latest():
            is_one = condition.is_ is not None
            yield Value(condition.latest, _values(condition.is_ if is_one else condition.is_not), is_one)
        case model.Status():
            yield State(("status",), condition.status)
            if condition.status == "cancelled":
                yield AtLeast(Events("cancellation"), EVER, _ONE)
        case model.Date():
            yield State(("date", condition.date), "ahead" if condition.in_the_next is not None else "over")
        case model.Change():
            of = ("change", _events(condition.change, condition.where), condition.within)
            yield State(of, "down" if condition.down_by is not None else "up")


def _last(condition: model.Last) -> Iterator[Claim]:
    low, high = condition.ages()
    events = _events(condition.last, condition.where)
    yield AtLeast(events, EVER, _ONE)
    if low is not None:
        yield Silence(events, low)
    if high is not None:
        yield Recent(events, high, False)


def _negative(condition: Any) -> Iterator[Claim]:
    match condition:
        case model.Count():
            low, high = condition.limits()
            if high is None and low is not None:
                yield from _counted(condition, (None, (low[0], not low[1])))
            elif low is None and high is not None:
                yield from _counted(condition, ((high[0], not high[1]), None))
        case model.Absent():
            yield Recent(_events(condition.none, condition.where), condition.for_, True)
        case model.Status(for_=None):
            yield State(("status",), "cancelled" if condition.status == "active" else "active")
        case model.Latest() if condition.is_ is not None or condition.is_not is not None:
            is_one = condition.is_ is None
            yield Value(condition.latest, _values(condition.is_not if is_one else condition.is_), is_one)


def _counted(condition: Any, limits: Any) -> Iterator[Claim]:
    events, within = _events(condition.count, condition.where), condition.within or EVER
    low, high = limits
    if low is not None and low[0] + low[1] > 0:
        yield AtLeast(events, within, low[0] + low[1])
    if high is not None:
        yield AtMost(events, within, high[0] - high[1])


def _events(event_type: str, where: Any) -> Events:
    return Events(event_type, frozenset((key, repr(value)) for key, value in (where or {}).items()))


def _step(step: Any) -> Events:
    return _events(step, None) if isinstance(step, str) else _events(step.event, step.where)


def _measured(condition: Any) -> tuple[Any, ...]:
    """Return the measured quantity of a condition: its kind, attribute, filter and window."""
    where, within = getattr(condition, "where", None), getattr(condition, "within", None)
    kind = type(condition).__name__.lower()
    return kind, getattr(condition, kind), _events("", where), within


def _values(values: Any) -> frozenset[tuple[bool, Any]]:
    """Return values so that they differ as they do in events: true is not 1."""
    return frozenset((isinstance(value, bool), value) for value in (values if isinstance(values, list) else [values]))


def _says_only_its_claims(literal: Literal) -> bool:
    """Return whether the claims of a literal cover its whole meaning."""
    if isinstance(literal.condition, model.Count) and not literal.holds:
        return None in literal.condition.limits()  # the opposite of two bounds is either of two things
    if isinstance(literal.condition, model.Count | model.Absent):
        return True
    return literal.holds and isinstance(literal.condition, model.Sum | model.Average | model.Distinct)
