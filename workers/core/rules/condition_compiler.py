"""Written conditions -> conditions that can be evaluated, and the specs of what they read.

Every `meets` has already been replaced by the condition that it names. Compiling is pure, once per load.
"""

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import chain
from typing import Any, Final

from schemas import conditions as model
from schemas.durations import DAY_MS, duration_ms, write_duration
from workers.core.customer.specs import CANCELLATION, PURCHASE, Specs
from workers.core.events.decoding import UNIT
from workers.core.events.filters import value_test
from workers.core.objects import conditions
from workers.core.objects.conditions import Condition
from workers.core.objects.customer.activity import LONGEST_TEXT
from workers.core.rules import wording

Phrase = Callable[[Any], str]

_LARGEST: Final = Decimal(10) ** 20
"""More than any stored number; larger bounds are cut to it."""
_LEAST: Final = Decimal(10) ** -20
"""Finer than any stored number; smaller bounds become it."""


def compile_condition(when: Any, specs: Specs, phrase: Phrase = wording.phrase) -> Condition:
    """Compile a condition.

    Args:
        when: as in `schemas.conditions`, without `meets`.
        specs: collects what must be kept.
        phrase: words an elementary condition, or its opposite inside `not`.
    """
    match when:
        case model.All() | model.Any_():
            parts = tuple(compile_condition(part, specs, phrase) for part in model.parts_of(when))
            return conditions.Several(parts, conditions.FALSE if isinstance(when, model.All) else conditions.TRUE)
        case model.Not():
            opposite = wording.negated if phrase is wording.phrase else wording.phrase
            return conditions.Negation(compile_condition(when.not_, specs, opposite))
    return _elementary(when, specs, phrase(when))


def _elementary(when: Any, specs: Specs, phrase: str) -> Condition:
    match when:
        case model.Count() | model.Sum():
            return _volume(when, specs, phrase)
        case model.Average():
            return _average(when, specs, phrase)
        case model.Distinct():
            return _distinct(when, specs, phrase)
        case model.Absent():
            return conditions.Absence(
                series=specs.require(when.none, when.where),
                type=when.none,
                phrase=phrase,
                for_ms=duration_ms(when.for_),
                span=write_duration(when.for_),
            )
        case model.Last() | model.First():
            return _aged(when, specs, phrase)
        case model.Known():
            return conditions.Tenure(
                for_ms=duration_ms(when.known_for),
                span=write_duration(when.known_for),
                phrase=phrase,
            )
        case model.Change():
            return _shift(when, specs, phrase)
        case model.Overdue():
            return _overdue(when, specs, phrase)
        case model.Followed() | model.Unfollowed():
            return _after(when, specs, phrase)
        case model.Latest() | model.Date():
            return _told(when, specs, phrase)
        case model.Status():
            return _status(when, specs, phrase)
    raise TypeError(f"no such condition: {when!r}")


def types_of(when: Any) -> set[str]:
    """Return the event types that a written condition names."""
    match when:
        case model.Count(count=name) | model.Absent(none=name) | model.Last(last=name) | model.First(first=name):
            return {name}
        case model.Overdue(overdue=name):
            return {name}
        case model.Sum(sum=reference) | model.Average(average=reference) | model.Distinct(distinct=reference):
            return {_split(reference)[0]}
        case model.Change(change=reference) | model.Latest(latest=reference) | model.Date(date=reference):
            return {_split(reference)[0]}
        case model.Followed(after=first, then=then) | model.Unfollowed(after=first, without=then):
            return {_which(first)[0], _which(then)[0]}
        case model.Status():
            return {CANCELLATION, PURCHASE}
    return {name for part in model.parts_of(when) for name in types_of(part)}


def reads_tenure(when: Any) -> bool:
    """Return whether a written condition reads since when the customer is known."""
    return isinstance(when, model.Known) or any(map(reads_tenure, model.parts_of(when)))


def most_events(when: Any) -> dict[str, int]:
    """Return by event type the most seen events with which a written condition can be true."""
    match when:
        case model.Count(within=None, where=None):
            high = _inclusive(when, 1)[1]
            return {} if high is None else {when.count: max(0, high)}
        case model.All(all=parts):
            most = [most_events(part) for part in parts]
            return {name: min(one[name] for one in most if name in one) for name in {*chain(*most)}}
        case model.Any_(any=parts):
            most = [most_events(part) for part in parts]
            return {name: max(one[name] for one in most) for name in set(most[0]).intersection(*most[1:])}
    return {}


def required_events(when: Any) -> dict[str, int]:
    """Return by event type the fewest seen events with which a written condition can be true."""
    match when:
        case model.Count() | model.Distinct():
            low = _inclusive(when, 1)[0]
            return dict.fromkeys(types_of(when), low) if low is not None and low > 0 else {}
        case model.Sum():
            lower = when.limits()[0]
            return dict.fromkeys(types_of(when), 1) if lower is not None and lower[0] + lower[1] > 0 else {}
        case model.Change():
            return dict.fromkeys(types_of(when), _events_to_compare(when))
        case model.Last() | model.First() | model.Overdue() | model.Average() | model.Latest() | model.Date():
            return dict.fromkeys(types_of(when), 1)
        case model.Followed(after=first) | model.Unfollowed(after=first):
            return {_which(first)[0]: 1}
        case model.Status(status="cancelled"):
            return {CANCELLATION: 1}
        case model.All(all=parts):
            required = [required_events(part) for part in parts]
            return {name: max(one.get(name, 0) for one in required) for name in {*chain(*required)}}
        case model.Any_(any=parts):
            required = [required_events(part) for part in parts]
            return {name: min(one[name] for one in required) for name in set(required[0]).intersection(*required[1:])}
    return {}


def _events_to_compare(when: model.Change) -> int:
    is_count = not _split(when.change)[1]
    return max(1, int(_bounded(when.from_at_least).to_integral_value(ROUND_CEILING))) if is_count else 1


def _split(reference: str) -> tuple[str, str]:
    """Return the event type and the attribute of a reference; empty without an attribute."""
    name, _, attribute = reference.partition(".")
    return name, attribute


def _which(event: Any) -> tuple[str, Any]:
    return (event.event, event.where) if isinstance(event, model.EventFilter) else (event, None)


def _window_days(when: Any) -> int | None:
    return None if when.within is None else duration_ms(when.within) // DAY_MS


def _inclusive(when: model.Bounds, unit: int) -> tuple[int | None, int | None]:
    """Return inclusive bounds, as whole multiples of `1 / unit`."""
    lower, upper = when.limits()
    low = high = None
    if lower is not None:
        whole = (_bounded(lower[0]) * unit).to_integral_value(ROUND_CEILING)
        low = int(whole) + (lower[1] and whole == _bounded(lower[0]) * unit)
    if upper is not None:
        whole = (_bounded(upper[0]) * unit).to_integral_value(ROUND_FLOOR)
        high = int(whole) - (upper[1] and whole == _bounded(upper[0]) * unit)
    return low, high


def _bounded(bound: Decimal) -> Decimal:
    """Return an equivalent bound of limited size and precision."""
    if 0 < abs(bound) < _LEAST:
        return _LEAST.copy_sign(bound)
    return max(-_LARGEST, min(_LARGEST, bound))


def _volume(when: model.Count | model.Sum, specs: Specs, phrase: str) -> Condition:
    name, attribute = (when.count, "") if isinstance(when, model.Count) else _split(when.sum)
    adds, days = attribute or None, _window_days(when)
    low, high = _inclusive(when, UNIT if adds else 1)
    return conditions.Volume(
        series=specs.require(name, when.where, adds, days or 0),
        type=name,
        phrase=phrase,
        adds=adds,
        low=low,
        high=high,
        days=days,
        bound=when.words(),
    )


def _average(when: model.Average, specs: Specs, phrase: str) -> Condition:
    name, attribute = _split(when.average)
    days = _window_days(when)
    lower, upper = when.limits()
    return conditions.Average(
        series=specs.require_mean(name, when.where, attribute, days or 0),
        type=name,
        phrase=phrase,
        low=None if lower is None else _fraction(*lower),
        high=None if upper is None else _fraction(*upper),
        days=days,
        bound=when.words(),
    )


def _fraction(bound: Decimal, excluded: bool) -> conditions.Fraction:
    numerator, denominator = _bounded(bound).as_integer_ratio()
    return conditions.Fraction(numerator * UNIT, denominator, excluded)


def _distinct(when: model.Distinct, specs: Specs, phrase: str) -> Condition:
    name, attribute = _split(when.distinct)
    low, high = _inclusive(when, 1)
    return conditions.Distinct(
        series=specs.require_different(name, when.where, attribute),
        type=name,
        phrase=phrase,
        low=low,
        high=high,
        days=_window_days(when),
        bound=when.words(),
    )


def _aged(when: model.Last | model.First, specs: Specs, phrase: str) -> Condition:
    least, most = when.ages()
    name = when.last if isinstance(when, model.Last) else when.first
    kind = conditions.Recency if isinstance(when, model.Last) else conditions.Beginning
    ages = [
        f"{word} {write_duration(age)} ago"
        for word, age in (("at least", least), ("at most", most))
        if age is not None
    ]
    return kind(
        series=specs.require(name, when.where),
        type=name,
        phrase=phrase,
        least_ms=None if least is None else duration_ms(least),
        most_ms=None if most is None else duration_ms(most),
        bound=" and ".join(ages),
    )


def _shift(when: model.Change, specs: Specs, phrase: str) -> Condition:
    name, attribute = _split(when.change)
    adds, days = attribute or None, duration_ms(when.within) // DAY_MS
    percent = when.up_by if when.up_by is not None else -(when.down_by or Decimal(0))
    least = (_bounded(when.from_at_least) * (UNIT if adds else 1)).to_integral_value(ROUND_CEILING)
    word = "up by" if when.up_by is not None else "down by"
    return conditions.Shift(
        series=specs.require(name, when.where, adds, 2 * days),
        type=name,
        phrase=phrase,
        adds=adds,
        is_rise=when.up_by is not None,
        share=int(100 * (100 + percent)),
        least=int(least),
        days=days,
        bound=f"{word} {abs(percent):f}% from at least {when.from_at_least:f}",
    )


def _overdue(when: model.Overdue, specs: Specs, phrase: str) -> Condition:
    return conditions.Overdue(
        # Buckets keep the days of late events apart.
        series=specs.require(when.overdue, when.where, None, 1),
        type=when.overdue,
        phrase=phrase,
        times=int(when.by * 100),
        usual_gap_ms=duration_ms(when.usual_gap),
        least_ms=duration_ms(when.at_least),
        bound=f"{when.by:f} times the usual gap, at least {write_duration(when.at_least)}",
    )


def _after(when: model.Followed | model.Unfollowed, specs: Specs, phrase: str) -> Condition:
    first = _which(when.after)
    if isinstance(when, model.Unfollowed):
        then = _which(when.without)
        return conditions.Unanswered(
            first=specs.require(*first),
            then=specs.require(*then),
            first_type=first[0],
            then_type=then[0],
            later=first[0] == then[0],
            phrase=phrase,
            for_ms=duration_ms(when.for_),
            span=write_duration(when.for_),
        )
    pair = specs.require_pair(first, _which(when.then))
    return conditions.Answered(
        first=pair.first,
        then=pair.then,
        first_type=pair.first_type,
        then_type=pair.then_type,
        later=pair.later,
        phrase=phrase,
        pair=pair.key,
        within_ms=duration_ms(when.within),
        span=write_duration(when.within),
    )


def _told(when: model.Latest | model.Date, specs: Specs, phrase: str) -> Condition:
    if isinstance(when, model.Date):
        ahead = when.in_the_next
        bound = f"in the next {write_duration(ahead)}" if ahead is not None else ""
        if when.passed_for is not None:
            bound = f"passed for {write_duration(when.passed_for)}"
        return conditions.Deadline(
            attribute=specs.require_attribute(when.date),
            type=_split(when.date)[0],
            phrase=phrase,
            ahead_ms=None if ahead is None else duration_ms(ahead),
            over_ms=0 if when.passed_for is None else duration_ms(when.passed_for),
            bound=bound,
        )
    wanted: Any = when
    if when.is_ is not None:
        wanted = _as_kept(when.is_)
    elif when.is_not is not None:
        wanted = model.Different(other_than=_as_kept(when.is_not))
    return conditions.Attribute(
        attribute=specs.require_attribute(when.latest),
        type=_split(when.latest)[0],
        phrase=phrase,
        passes=value_test(wanted),
        bound=_told_bound(when),
        kind=specs.type_of(when.latest),
    )


def _as_kept(wanted: Any) -> Any:
    if isinstance(wanted, list):
        return [_as_kept(one) for one in wanted]
    return wanted[:LONGEST_TEXT] if isinstance(wanted, str) else wanted


def _told_bound(when: model.Latest) -> str:
    for word, wanted in (("is", when.is_), ("is not", when.is_not)):
        if wanted is not None:
            return f"{word} {' or '.join(map(str, wanted)) if isinstance(wanted, list) else wanted}"
    return when.words()


def _status(when: model.Status, specs: Specs, phrase: str) -> Condition:
    for name in (CANCELLATION, *specs.returns):
        specs.require(name, None)
    return conditions.Cancelled(
        wanted=when.status == "cancelled",
        for_ms=0 if when.for_ is None else duration_ms(when.for_),
        returns=specs.returns,
        bound=when.status if when.for_ is None else f"{when.status} for {write_duration(when.for_)}",
        phrase=phrase,
    )
