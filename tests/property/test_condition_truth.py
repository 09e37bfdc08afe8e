"""Laws of conditions: what they say of rolling totals is what the whole history says, to the millisecond.

A second implementation judges the history as plainly as possible: from the list of all events, for one moment. It
remembers nothing and calculates nothing ahead.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import conditions as model
from schemas.actions import Reason
from tests.support.builders import DAY, START
from tests.support.decided import LAYOUTS
from tests.support.examples import examples
from tests.support.looked_at import READ, LookedAt
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE
from workers.core.coverage import FOREVER_MS, Coverage
from workers.core.customer.folding import TypeFolding
from workers.core.customer.names import Names
from workers.core.customer.stored import Stored
from workers.core.events.decoding import DecodedEvent

HOUR: Final = DAY // 24
TYPES: Final = ("purchase", "login", "cancellation", "reactivation", "nps")
NEVER: Final = 1 << 60
CHECKED_MS: Final = 70 * DAY


# --- a customer, as the core knows one and as the list of all events ------------------------------------------------


@dataclass(frozen=True)
class Life:
    """All events of one customer, in the order of the log, and since when each type is watched."""

    events: list[DecodedEvent]
    since: dict[str, int]
    whole: frozenset[str]

    @property
    def first_ms(self) -> int:
        return self.events[0].at_ms

    @property
    def last_ms(self) -> int:
        return max(event.at_ms for event in self.events)

    def knows_ever(self, name: str) -> bool:
        if name not in self.since:
            return False
        return name in self.whole or self.first_ms >= self.since[name] + 180 * DAY

    def watched_from(self, name: str) -> int:
        return max(self.since.get(name, NEVER), self.first_ms)

    def of(self, name: str, where: Any) -> list[DecodedEvent]:
        return [event for event in self.events if event.type == name and is_meant(event, where)]


class Known:
    """The same customer as rolling totals, stored and read again after each event, and a condition to evaluate.

    Attributes:
        life, when: the customer's, and the condition as written.
        looked: the condition, and the customer as numbers.
        moments: when each event had arrived, and the verdict at that moment.
    """

    def __init__(self, life: Life, when: Any) -> None:
        self.life, self.when = life, when
        self.looked = LookedAt(when, TYPES)
        customer, specs_by_type = self.looked.customer, self.looked.specs.facts_by_type()
        keys = {series.key: name for name, spec in specs_by_type.items() for series in spec.series}
        customer.clear()
        customer.observe(
            Coverage(
                since={key: life.since[name] for key, name in keys.items() if name in life.since},
                complete=frozenset(key for key, name in keys.items() if name in life.whole),
            )
        )
        customer.is_known, customer.first_ms = True, life.first_ms
        foldings = {name: TypeFolding(customer, spec) for name, spec in specs_by_type.items()}
        self.stored = Stored(Names(customer, 0, []))
        self.moments: list[tuple[int, int]] = []
        for number, event in enumerate(life.events):
            customer.at_ms = max(customer.at_ms, event.at_ms)
            foldings[event.type].fold(event)
            self.stored.read(self.stored.write(LAYOUTS[number % 2]))
            self.moments.append((customer.at_ms, self.evaluate(customer.at_ms)[0]))

    def __repr__(self) -> str:
        return f"{self.when!r} of {self.life!r}"

    @property
    def at_ms(self) -> int:
        """The latest event."""
        return self.life.last_ms

    def evaluate(self, at_ms: int) -> tuple[int, int]:
        return self.looked.evaluate(at_ms)


# --- the naive truth ------------------------------------------------------------------------------------------------


def ms(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)


def number(value: Any) -> Fraction | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    return Fraction(str(value))


def is_same(actual: Any, wanted: Any) -> bool:
    if isinstance(actual, bool) or isinstance(wanted, bool):
        return actual is wanted
    if isinstance(actual, str) or isinstance(wanted, str):
        return bool(actual == wanted)
    return actual is not None and number(actual) == number(wanted)


def is_within(value: Fraction | int, bounds: model.Bounds) -> bool:
    low, high = bounds.limits()
    if low is not None and (value < Fraction(low[0]) or (low[1] and value == Fraction(low[0]))):
        return False
    return high is None or not (value > Fraction(high[0]) or (high[1] and value == Fraction(high[0])))


def passes(actual: Any, wanted: Any) -> bool:
    if isinstance(wanted, model.Bounds):
        value = number(actual)
        return value is not None and is_within(value, wanted)
    if isinstance(wanted, model.Different):
        return actual is not None and not passes(actual, wanted.other_than)
    if isinstance(wanted, list):
        return any(is_same(actual, option) for option in wanted)
    return is_same(actual, wanted)


def is_meant(event: DecodedEvent, where: Any) -> bool:
    return all(passes(event.attributes.get(name), wanted) for name, wanted in (where or {}).items())


def certain(truths: list[bool]) -> int:
    """Return the truth that holds in every possible world, or not observable."""
    if all(truths):
        return TRUE
    return NOT_OBSERVABLE if any(truths) else FALSE


def is_in_window(event: DecodedEvent, within: timedelta | None, at_ms: int, back: int = 0) -> bool:
    """Whether an event lies in the last N UTC days, or in the N days `back` times before."""
    if within is None:
        return True
    age = at_ms // DAY - event.at_ms // DAY - back * within.days
    return 0 <= age < within.days


def is_count_known(life: Life, name: str, days: int | None, at_ms: int) -> bool:
    """Whether nothing can be missing of what is counted: of a new customer, nothing before the first event."""
    return life.knows_ever(name) or (days is not None and is_window_known(life, name, days, at_ms))


def is_window_known(life: Life, name: str, days: int | None, at_ms: int) -> bool:
    """Whether the customer was known, and the type watched, all the time."""
    if days is None:
        return life.knows_ever(name)
    return (at_ms // DAY - days + 1) * DAY >= life.watched_from(name)


def window_days(when: Any) -> int | None:
    return None if when.within is None else when.within.days


def count(when: model.Count, life: Life, at_ms: int) -> int:
    seen = sum(is_in_window(event, when.within, at_ms) for event in life.of(when.count, when.where))
    more = [0] if is_count_known(life, when.count, window_days(when), at_ms) else range(12)
    return certain([is_within(seen + unseen, when) for unseen in more])


def sum_(when: model.Sum, life: Life, at_ms: int) -> int:
    name, attribute = when.sum.split(".")
    amounts = [
        number(event.attributes.get(attribute)) or Fraction(0)
        for event in life.of(name, when.where)
        if is_in_window(event, when.within, at_ms)
    ]
    seen = sum(amounts, Fraction(0))
    more = [Fraction(0)]
    if not is_count_known(life, name, window_days(when), at_ms):
        gaps = [Fraction(limit[0]) - seen for limit in when.limits() if limit is not None]
        more += [gap + step for gap in gaps for step in (0, Fraction(1, 10_000), 1) if gap + step > 0]
        more.append(Fraction(10**9))
    return certain([is_within(seen + unseen, when) for unseen in more])


def value(when: model.Value, life: Life, at_ms: int) -> int:
    """What is not known of the revenue may raise it, and what is not known of the rest may lower it."""
    measured, bounds = when.measured, when.bounds()
    assert measured is not None
    assert bounds is not None
    seen, is_known = Fraction(0), {False: True, True: True}
    for part in measured.parts():
        name, attribute = part.reference.split(".")
        amounts = [
            number(event.attributes.get(attribute)) or Fraction(0)
            for event in life.of(name, part.where)
            if is_in_window(event, measured.within, at_ms)
        ]
        converted = Fraction(floor(sum(amounts, Fraction(0)) * 10_000 * Fraction(part.rate)), 10_000)
        seen += -converted if part.is_less else converted
        is_known[part.is_less] &= is_count_known(life, name, window_days(measured), at_ms)
    gaps = [Fraction(limit[0]) - seen for limit in bounds.limits() if limit is not None]
    more = [Fraction(0)]
    for gap in gaps:
        for step in (-1, Fraction(-1, 10_000), 0, Fraction(1, 10_000), 1):
            if gap + step > 0 and not is_known[False]:
                more.append(gap + step)
            if gap + step < 0 and not is_known[True]:
                more.append(gap + step)
    more += [Fraction(10**9)] * (not is_known[False]) + [Fraction(-(10**9))] * (not is_known[True])
    return certain([is_within(seen + unseen, bounds) for unseen in more])


def average(when: model.Average, life: Life, at_ms: int) -> int:
    name, attribute = when.average.split(".")
    if not is_window_known(life, name, window_days(when), at_ms):
        return NOT_OBSERVABLE
    amounts = [
        amount
        for event in life.of(name, when.where)
        if is_in_window(event, when.within, at_ms) and (amount := number(event.attributes.get(attribute))) is not None
    ]
    return TRUE if amounts and is_within(Fraction(sum(amounts), len(amounts)), when) else FALSE


def distinct(when: model.Distinct, life: Life, at_ms: int) -> int:
    name, attribute = when.distinct.split(".")
    values: list[Any] = []
    for event in life.of(name, when.where):
        value = event.attributes.get(attribute)
        if value is None or not is_in_window(event, when.within, at_ms):
            continue
        if not any(is_same(value, other) for other in values):
            values.append(value)
    more = [0] if is_count_known(life, name, window_days(when), at_ms) else range(model.MAX_DISTINCT + 2)
    return certain([is_within(len(values) + unseen, when) for unseen in more])


def days_with(when: model.DaysWith, life: Life, at_ms: int) -> int:
    events = [event for event in life.of(when.days_with, when.where) if is_in_window(event, when.within, at_ms)]
    seen = len({event.at_ms // DAY for event in events})
    more = [0] if is_count_known(life, when.days_with, when.within.days, at_ms) else range(40)
    return certain([is_within(seen + unseen, when) for unseen in more])


def none(when: model.Absent, life: Life, at_ms: int) -> int:
    seen = [event.at_ms for event in life.of(when.none, when.where)]
    if seen and at_ms - max(seen) < ms(when.for_):
        return FALSE
    silent_since = max(life.since.get(when.none, NEVER), max(seen) if seen else life.first_ms)
    return TRUE if at_ms - silent_since >= ms(when.for_) else NOT_OBSERVABLE


def ages(when: Any, at_ms: int, worlds: list[int | None], ranges: list[tuple[int, int]]) -> int:
    """Judge the age of something that happened at one of some moments (None for never), or anywhere in a range."""
    least, most = when.ages()
    borders = [at_ms - ms(age) + step for age in (least, most) if age is not None for step in (-1, 0, 1)]
    for low, high in ranges:
        if low <= high:
            worlds = [*worlds, low, high, *(border for border in borders if low <= border <= high)]

    def holds(happened: int | None) -> bool:
        if happened is None:
            return False
        age = at_ms - happened
        return (least is None or age >= ms(least)) and (most is None or age <= ms(most))

    return certain([holds(happened) for happened in worlds])


def last(when: model.Last, life: Life, at_ms: int) -> int:
    seen = [event.at_ms for event in life.of(when.last, when.where)]
    if seen:
        return ages(when, at_ms, [max(seen)], [(max(seen), min(life.since.get(when.last, NEVER), at_ms))])
    if life.knows_ever(when.last):
        return FALSE
    return ages(when, at_ms, [None], [(-NEVER, min(life.watched_from(when.last), at_ms))])


def first(when: model.First, life: Life, at_ms: int) -> int:
    seen = [event.at_ms for event in life.of(when.first, when.where)]
    known = min(seen) if seen else None
    if life.knows_ever(when.first):
        return ages(when, at_ms, [known], [])
    unseen_until = min(at_ms, life.watched_from(when.first), *([] if known is None else [known]))
    return ages(when, at_ms, [known], [(-NEVER, unseen_until)])


def known_for(when: model.Known, life: Life, at_ms: int) -> int:
    if at_ms - life.first_ms >= ms(when.known_for):
        return TRUE
    return FALSE if life.since and all(life.knows_ever(name) for name in life.since) else NOT_OBSERVABLE


def change(when: model.Change, life: Life, at_ms: int) -> int:
    name, _, attribute = when.change.partition(".")
    if not is_window_known(life, name, 2 * when.within.days, at_ms):
        return NOT_OBSERVABLE
    before, now = (
        sum(
            (number(event.attributes.get(attribute)) or Fraction(0)) if attribute else Fraction(1)
            for event in life.of(name, when.where)
            if is_in_window(event, when.within, at_ms, back)
        )
        for back in (1, 0)
    )
    if before < Fraction(when.from_at_least):
        return FALSE
    if when.down_by is not None:
        return TRUE if now <= before * (1 - Fraction(when.down_by) / 100) else FALSE
    return TRUE if now >= before * (1 + Fraction(when.up_by or 0) / 100) else FALSE


def overdue(when: model.Overdue, life: Life, at_ms: int) -> int:
    seen = [event.at_ms for event in life.of(when.overdue, when.where)]
    if not seen:
        return FALSE if life.knows_ever(when.overdue) else NOT_OBSERVABLE
    gaps = len({at // DAY for at in seen}) - 1
    usual = Fraction(2 * ms(when.usual_gap) + max(seen) - min(seen), 2 + gaps)
    patience = max(ms(when.at_least), ceil(Fraction(when.by) * usual))
    if at_ms < max(seen) + patience:
        return FALSE
    watched = max(max(seen), life.since.get(when.overdue, NEVER))
    return TRUE if at_ms >= watched + patience else NOT_OBSERVABLE


def event_of(which: Any) -> tuple[str, Any]:
    return (which.event, which.where) if isinstance(which, model.EventFilter) else (which, None)


def follows(one: tuple[str, Any], other: tuple[str, Any], one_ms: int, other_ms: int) -> bool:
    """Whether the other came after the one; of one type, no event follows itself."""
    return other_ms > one_ms if one[0] == other[0] else other_ms >= one_ms


def followed(when: model.Followed, life: Life, at_ms: int) -> int:
    one, other = event_of(when.after), event_of(when.then)
    firsts = [event.at_ms for event in life.of(*one)]
    if not firsts:
        return FALSE if life.knows_ever(one[0]) else NOT_OBSERVABLE
    latest = max(firsts)
    if life.since.get(one[0], NEVER) > latest:
        return NOT_OBSERVABLE
    after = [event.at_ms for event in life.of(*other) if follows(one, other, latest, event.at_ms)]
    if after and min(after) - latest <= ms(when.within):
        return TRUE
    return NOT_OBSERVABLE if life.since.get(other[0], NEVER) > latest else FALSE


def unfollowed(when: model.Unfollowed, life: Life, at_ms: int) -> int:
    one, other = event_of(when.after), event_of(when.without)
    firsts = [event.at_ms for event in life.of(*one)]
    if not firsts:
        return FALSE if life.knows_ever(one[0]) else NOT_OBSERVABLE
    latest, watched = max(firsts), life.since.get(one[0], NEVER)
    if at_ms - latest < ms(when.for_):
        return FALSE
    after = [event.at_ms for event in life.of(*other) if follows(one, other, latest, event.at_ms)]
    if after:
        return FALSE if max(after) >= watched or latest >= watched else NOT_OBSERVABLE
    if life.since.get(other[0], NEVER) > latest:
        return NOT_OBSERVABLE
    return TRUE if at_ms - max(latest, watched) >= ms(when.for_) else NOT_OBSERVABLE


def reports(reference: str, life: Life) -> list[DecodedEvent]:
    """The events that have the attribute, in the order in which they happened."""
    name, attribute = reference.split(".")
    known = [event for event in life.of(name, None) if event.attributes.get(attribute) is not None]
    return sorted(known, key=lambda event: event.at_ms)


def attribute_value(reference: str, life: Life) -> Any:
    known = reports(reference, life)
    return known[-1].attributes[reference.split(".")[1]] if known else None


def is_report_certain(report: DecodedEvent, life: Life) -> bool:
    """Whether no report that came after this one can be missing."""
    return life.knows_ever(report.type) or report.at_ms >= life.since.get(report.type, NEVER)


def latest(when: model.Latest, life: Life, at_ms: int) -> int:
    known, name = reports(when.latest, life), when.latest.split(".")[0]
    if when.asks_whether_known:
        if known:
            return FALSE if when.is_ == "unknown" else TRUE
        if not life.knows_ever(name):
            return NOT_OBSERVABLE
        return TRUE if when.is_ == "unknown" else FALSE
    if when.changes:
        return level_change(when, life, at_ms)
    truths = []
    value = attribute_value(when.latest, life)
    if when.is_ is not None or when.is_not is not None or when.limits() != (None, None):
        truths.append(NOT_OBSERVABLE if value is None else judged_value(value, when))
    if when.was is not None:
        is_certain = len(known) > 1 and is_report_certain(known[-2], life)
        before = known[-2].attributes[when.latest.split(".")[1]] if is_certain else None
        truths.append(TRUE if passes(before, when.was) else FALSE if is_certain else NOT_OBSERVABLE)
    return min(truths)


def judged_value(value: Any, when: model.Latest) -> int:
    if when.is_ is not None:
        return TRUE if passes(value, when.is_) else FALSE
    if when.is_not is not None:
        return FALSE if passes(value, when.is_not) else TRUE
    return TRUE if number(value) is not None and is_within(number(value) or 0, when) else FALSE


def level_change(when: model.Latest, life: Life, at_ms: int) -> int:
    known, attribute = reports(when.latest, life), when.latest.split(".")[1]
    if when.compared_with is None:
        earlier = known[-2:-1]
    else:
        # Only numbers are levels; the level of a day is the last one that was reported up to its end.
        known = [report for report in known if number(report.attributes[attribute]) is not None]
        that_day = at_ms // DAY - when.compared_with.days
        earlier = [report for report in known if report.at_ms // DAY <= that_day][-1:]
    if not earlier or not is_report_certain(earlier[0], life):
        return NOT_OBSERVABLE
    before, now = (number(report.attributes[attribute]) for report in (earlier[0], known[-1]))
    if before is None or now is None:
        return NOT_OBSERVABLE
    if before <= 0 or before < Fraction(when.from_at_least or 0):
        return FALSE
    if when.down_by is not None:
        return TRUE if now <= before * (1 - Fraction(when.down_by) / 100) else FALSE
    return TRUE if now >= before * (1 + Fraction(when.up_by or 0) / 100) else FALSE


Side = tuple[Fraction | None, Fraction | None] | None
"""The least and the most that a measurement may be, None for no limit; None if there certainly is no such number."""


def measured(word: str, named: str, where: Any, within: timedelta | None, life: Life, at_ms: int) -> Side:
    name, _, attribute = named.partition(".")
    if word == "latest":
        value = number(attribute_value(named, life))
        return value, value
    days = None if within is None else within.days
    events = [event for event in life.of(name, where) if is_in_window(event, within, at_ms)]
    numbers = [amount for event in events if (amount := number(event.attributes.get(attribute))) is not None]
    if word == "average":
        if not is_window_known(life, name, days, at_ms):
            return None, None
        return (Fraction(sum(numbers), len(numbers)),) * 2 if numbers else None
    if word == "sum":
        least = sum(numbers, Fraction(0))
    elif word == "count":
        least = Fraction(len(events))
    elif word == "days with":
        least = Fraction(len({event.at_ms // DAY for event in events}))
    else:
        values: list[Any] = []
        for event in events:
            value = event.attributes.get(attribute)
            if value is not None and not any(is_same(value, other) for other in values):
                values.append(value)
        least = Fraction(len(values))
    return least, least if is_count_known(life, name, days, at_ms) else None


def compared(when: model.Compared, life: Life, at_ms: int) -> int:
    word, to = when.bound
    one = measured(when.word, when.named, when.where, when.within, life, at_ms)
    other = measured(to.word, to.named, None, to.within, life, at_ms)
    if one is None or other is None:
        return FALSE
    if one == (None, None) or other == (None, None):
        return NOT_OBSERVABLE
    share, far = Fraction(to.share) / 100, Fraction(10**9)
    worlds = [
        (left, share * right)
        for left in (one[0] or Fraction(0), far if one[1] is None else one[1])
        for right in (other[0] or Fraction(0), far**2 if other[1] is None else other[1])
    ]
    if one[1] is None and other[1] is None:
        worlds.append((far**3, far))
    holds: Callable[[Any, Any], bool] = {
        "at least": operator.ge,
        "at most": operator.le,
        "more than": operator.gt,
        "less than": operator.lt,
        "fewer than": operator.lt,
    }[word]
    return certain([holds(left, right) for left, right in worlds])


def date(when: model.Date, life: Life, at_ms: int) -> int:
    value = attribute_value(when.date, life)
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return NOT_OBSERVABLE
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        date_ms = ms(moment - datetime(1970, 1, 1, tzinfo=UTC))
    elif value is not None and not isinstance(value, bool) and value >= 10**11:  # fewer digits are no milliseconds
        date_ms = int(value)
    else:
        return NOT_OBSERVABLE
    if when.in_the_next is not None:
        return TRUE if 0 < date_ms - at_ms <= ms(when.in_the_next) else FALSE
    assert when.passed_for is not None
    return TRUE if at_ms - date_ms >= ms(when.passed_for) else FALSE


def status(when: model.Status, life: Life, at_ms: int) -> int:
    cancelled = [event.at_ms for event in life.of("cancellation", None)]
    back = [event.at_ms for name in ("purchase", "reactivation") for event in life.of(name, None)]
    is_cancelled = bool(cancelled) and not (back and max(back) > max(cancelled))
    if when.status == "active":
        return FALSE if is_cancelled else TRUE
    return TRUE if is_cancelled and at_ms - max(cancelled) >= (ms(when.for_) if when.for_ else 0) else FALSE


JUDGES: Final[dict[type, Callable[[Any, Life, int], int]]] = {
    model.Count: count,
    model.Sum: sum_,
    model.Value: value,
    model.Average: average,
    model.Distinct: distinct,
    model.DaysWith: days_with,
    model.Absent: none,
    model.Last: last,
    model.First: first,
    model.Known: known_for,
    model.Change: change,
    model.Overdue: overdue,
    model.Followed: followed,
    model.Unfollowed: unfollowed,
    model.Latest: latest,
    model.Compared: compared,
    model.Date: date,
    model.Status: status,
}


def truth(when: Any, life: Life, at_ms: int) -> int:
    """What the whole history says of a condition at a moment."""
    match when:
        case model.All(all=parts):
            return min(truth(part, life, at_ms) for part in parts)
        case model.Any_(any=parts):
            return max(truth(part, life, at_ms) for part in parts)
        case model.Not(not_=part):
            return TRUE - truth(part, life, at_ms)
    return JUDGES[type(when)](when, life, at_ms)


# --- what is tried --------------------------------------------------------------------------------------------------

WHERE: Final = st.sampled_from(
    [
        *(None,) * 5,
        {"plan": "gold"},
        {"plan": ["gold", 5, True]},
        {"plan": {"other than": "tin"}},
        {"score": {"at least": 5}},
        {"score": {"more than": 5}},
        {"score": {"less than": "9.5"}, "plan": ["gold", "tin"]},
    ]
)
WINDOW: Final = st.sampled_from([None, "1 day", "2 days", "5 days", "12 days", "12 days", "30 days", "30 days"])
SPAN: Final = st.sampled_from(
    ["1 second", "6 hours", "1 day", "36 hours", "5 days", "12 days", "40 days", "200 days"]
)
NAME: Final = st.sampled_from(["purchase", "login", "nps"])
NUMERIC: Final = st.sampled_from(["purchase.amount", "nps.score", "login.score"])
ANY_ATTRIBUTE: Final = st.sampled_from(["login.plan", "nps.score", "nps.plan", "purchase.currency"])


def bounded(bounds: list[Any]) -> st.SearchStrategy[dict[str, Any]]:
    number = st.sampled_from(bounds)
    return st.one_of(
        st.builds(
            lambda word, bound: {word: bound},
            st.sampled_from(["at least", "at most", "more than", "fewer than", "exactly"]),
            number,
        ),
        st.builds(lambda low, high: {"at least": min(low, high), "at most": max(low, high)}, number, number),
    )


def with_parts(*parts: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.tuples(*parts).map(
        lambda several: {name: value for part in several for name, value in part.items() if value is not None}
    )


def keyed(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({name.rstrip("_").replace("_", " "): part for name, part in parts.items()})


COUNTS: Final = [0, 1, 2, 3, 5]
AMOUNTS: Final = [Decimal(text) for text in ("0", "0.5", "5", "9.25", "20", "40", "40.0001", "-3")]
PLAIN: Final = st.sampled_from(["purchase", "login", "nps", "cancellation"])
WHICH: Final = st.one_of(
    PLAIN,
    PLAIN,
    st.builds(lambda name, where: {"event": name, "where": where}, NAME, WHERE.filter(bool)),
)
AGES: Final = st.one_of(
    SPAN.map(lambda span: {"at least": f"{span} ago"}),
    SPAN.map(lambda span: {"at most": f"{span} ago"}),
    st.sampled_from(
        ["1 day and 2 days ago", "36 hours and 12 days ago", "5 days and 40 days ago", "40 days and 200 days ago"]
    ).map(lambda between: {"between": between}),
)
WORTH: Final = st.one_of(
    st.sampled_from(["at least 20", "more than 9.25", "less than cost of winning", "at most 5", "top 20%"]),
    st.builds(
        lambda low, high: {"at least": str(min(low, high)), "less than": str(max(low, high) + 1)},
        st.sampled_from(AMOUNTS),
        st.sampled_from(AMOUNTS),
    ),
)
MEASURED: Final = st.one_of(
    st.fixed_dictionaries(
        {
            "revenue": st.sampled_from([["purchase.amount"], ["nps.score"], ["purchase.amount", "login.score"]]),
            "less": st.sampled_from([[], ["cancellation.score"], ["nps.plan", "cancellation.score"]]),
        },
        optional={"within": WINDOW.filter(bool)},
    ),
    st.fixed_dictionaries(
        {
            "revenue": st.just(["purchase.amount"]),
            "less": st.sampled_from([[], ["login.score"]]),
            "currency": st.just("EUR"),
            "rates": st.sampled_from([{}, {"DKK": "0.134"}, {"DKK": "7.461"}]),
        },
        optional={"within": WINDOW.filter(bool)},
    ),
).map(lambda how: how | {"amounts": {"top 20%": 20, "cost of winning": "20.5"}})
ELEMENTARY: Final[dict[str, st.SearchStrategy[dict[str, Any]]]] = {
    "count": with_parts(keyed(count=NAME, where=WHERE, within=WINDOW), bounded(COUNTS)),
    "sum": with_parts(keyed(sum=NUMERIC, where=WHERE, within=WINDOW), bounded(AMOUNTS)),
    "value": st.fixed_dictionaries({"value": WORTH, "(measured)": MEASURED}),
    "average": with_parts(keyed(average=NUMERIC, where=WHERE, within=WINDOW), bounded(AMOUNTS)),
    "distinct": with_parts(keyed(distinct=ANY_ATTRIBUTE, where=WHERE, within=WINDOW), bounded(COUNTS)),
    "days with": with_parts(keyed(days_with=NAME, where=WHERE, within=WINDOW.filter(bool)), bounded(COUNTS)),
    "none": keyed(none=NAME, for_=SPAN, where=WHERE),
    "last": with_parts(keyed(last=NAME, where=WHERE), AGES),
    "first": with_parts(keyed(first=NAME, where=WHERE), AGES),
    "known for": keyed(known_for=SPAN),
    "change": with_parts(
        keyed(
            change=st.one_of(NAME, NUMERIC),
            where=WHERE,
            within=WINDOW.filter(bool),
            from_at_least=st.sampled_from([1, 2, "4.5"]),
        ),
        st.one_of(
            keyed(down_by=st.sampled_from(["1%", "33.3%", "50%", "100%"])),
            keyed(up_by=st.sampled_from(["1%", "50%", "200%"])),
        ),
    ),
    "overdue": keyed(
        overdue=NAME,
        where=WHERE,
        by=st.sampled_from(["1 times", "1.37 times", "3 times"]),
        usual_gap=st.sampled_from(["1 second", "1 day", "7 days"]),
        at_least=st.sampled_from(["1 second", "36 hours", "12 days"]),
    ),
    "after then": keyed(after=WHICH, then=WHICH, within=SPAN),
    "after without": keyed(after=WHICH, without=WHICH, for_=SPAN),
    "latest": with_parts(
        keyed(latest=st.sampled_from(["nps.score", "login.plan", "login.score"])),
        st.one_of(
            bounded(AMOUNTS),
            keyed(is_=st.sampled_from(["gold", 5, True, ["tin", 9.5, False]])),
            keyed(is_not=st.sampled_from(["gold", 5, ["tin", True]])),
            keyed(is_=st.sampled_from(["unknown", "given"])),
        ),
    ),
    "latest was": with_parts(
        keyed(latest=st.sampled_from(["nps.score", "login.plan", "login.score"])),
        keyed(was=st.sampled_from(["gold", 5, True, ["tin", 9.5, False], {"at least": 9}, {"other than": "gold"}])),
        st.one_of(st.just({}), bounded(AMOUNTS), keyed(is_=st.sampled_from(["tin", 5]), is_not=st.just(None))),
    ),
    "latest change": with_parts(
        keyed(
            latest=st.sampled_from(["nps.score", "login.score"]),
            compared_with=st.sampled_from(
                [None, "1 day ago", "2 days ago", "5 days ago", "12 days ago", "30 days ago"]
            ),
            from_at_least=st.sampled_from([None, None, 1, "9.25"]),
        ),
        st.one_of(
            keyed(down_by=st.sampled_from(["1%", "33.3%", "50%", "100%"])),
            keyed(up_by=st.sampled_from(["1%", "50%", "200%"])),
        ),
    ),
    "compared": with_parts(
        st.one_of(
            keyed(count=NAME, where=WHERE, within=WINDOW),
            keyed(sum=NUMERIC, where=WHERE, within=WINDOW),
            keyed(average=NUMERIC, where=WHERE, within=WINDOW),
            keyed(distinct=ANY_ATTRIBUTE, where=WHERE, within=WINDOW),
            keyed(days_with=NAME, where=WHERE, within=WINDOW.filter(bool)),
            keyed(latest=st.sampled_from(["nps.score", "login.score"])),
        ),
        st.builds(
            lambda word, share, of: {word: f"{share}{of}"},
            st.sampled_from(["at least", "at most", "more than", "fewer than", "less than"]),
            st.sampled_from(["", "30% of ", "50% of ", "200% of "]),
            st.sampled_from(
                [
                    "latest nps.score",
                    "latest login.score",
                    "count login within 30 days",
                    "count of purchase",
                    "sum purchase.amount within 12 days",
                    "average nps.score within 30 days",
                    "average nps.score",
                    "distinct nps.plan within 30 days",
                    "days with nps within 5 days",
                ]
            ),
        ),
    ),
    "date": with_parts(
        keyed(date=st.sampled_from(["cancellation.ends", "login.ends"])),
        st.one_of(keyed(in_the_next=SPAN), keyed(passed_for=SPAN)),
    ),
    "status": st.one_of(
        keyed(status=st.sampled_from(["active", "cancelled"])), keyed(status=st.just("cancelled"), for_=SPAN)
    ),
}


def is_possible(when: dict[str, Any]) -> bool:
    """Whether a rule file could say this: some bounds contradict one another or the kind of number."""
    try:
        READ(when)
    except ValueError:
        return False
    return True


CONDITIONS: Final = {
    name: strategy.map(lambda when: {key: value for key, value in when.items() if value is not None}).filter(
        is_possible
    )
    for name, strategy in ELEMENTARY.items()
}

TREES: Final = st.recursive(
    st.one_of(*CONDITIONS.values()),
    lambda parts: st.one_of(
        st.lists(parts, min_size=1, max_size=4).map(lambda several: {"all": several}),
        st.lists(parts, min_size=1, max_size=4).map(lambda several: {"any": several}),
        parts.map(lambda part: {"not": part}),
    ),
    max_leaves=6,
)

GAPS: Final = st.one_of(
    st.sampled_from(
        [0, 0, 1, HOUR, 6 * HOUR, DAY - 1, DAY, DAY + 1, 36 * HOUR, 3 * DAY, 5 * DAY, 12 * DAY, 45 * DAY]
    ),
    st.integers(0, 20 * DAY),
)
ENDS: Final = [
    "2024-01-09",
    "2024-02-10T12:30:00+02:00",
    "2024-03-01T00:00:00.001",
    START + 20 * DAY,
    "soon",
    3.5,
    True,
]
ATTRIBUTES: Final = st.fixed_dictionaries(
    {"score": st.sampled_from([None, 0, 5, 9, 9.5, Decimal("9.50"), -3, 40, 40, "9", True])},
    optional={
        "plan": st.sampled_from(["gold", "gold", "tin", "zinc", 5, 5.0, True, False]),
        "ends": st.sampled_from(ENDS),
    },
)
MONEY: Final = st.sampled_from([Decimal("5.00"), Decimal("9.25"), Decimal("40.0001"), Decimal(0), 20])


def spans_of(when: Any) -> set[int]:
    """Every length of time in a condition, and twice each of them, in milliseconds."""
    parts = model.parts_of(when)
    if parts:
        return set[int]().union(*map(spans_of, parts))
    lengths: set[int] = set()
    if (within := getattr(getattr(when, "measured", None), "within", None)) is not None:
        lengths |= {ms(within), 2 * ms(within)}
    for _, value in when:
        for span in value if isinstance(value, tuple) else (value,):
            if isinstance(span, timedelta):
                lengths |= {ms(span), 2 * ms(span)}
    return lengths


@st.composite
def histories(draw: st.DrawFn, types: list[str], spans: set[int], late: bool) -> list[DecodedEvent]:
    """Events in the order of the log, often some span apart; if `late`, some older than those before them."""
    gaps = st.one_of(GAPS, st.sampled_from(sorted(spans))) if spans else GAPS
    lateness = st.one_of(st.just(0), st.just(0), gaps, st.integers(0, 40 * DAY))
    events, at_ms = [], START + draw(st.sampled_from([0, DAY - 1, 13 * HOUR]))
    for serial in range(draw(st.integers(1, 14))):
        at_ms += draw(gaps)
        name, attributes = draw(st.sampled_from(types)), dict(draw(ATTRIBUTES))
        if name == "purchase":
            attributes |= {"amount": draw(MONEY), "currency": draw(st.sampled_from(["EUR", "DKK"]))}
        shown_ms = at_ms - draw(lateness) if late else at_ms
        events.append(DecodedEvent(f"e{serial}", name, "ada", max(shown_ms, START), attributes))
    return events


@st.composite
def lives(draw: st.DrawFn, when: Any, late: bool = False) -> Life:
    """Lives that mostly contain event types of the condition."""
    types = [name for name in TYPES if name in str(when)] * 8 + list(TYPES)
    events = draw(histories(types, {span for span in spans_of(when) if span <= 60 * DAY}, late))
    starts = st.sampled_from([*(-400 * DAY,) * 4, -DAY, 1, 20 * DAY, 36 * HOUR, 90 * DAY])
    since = {name: START + draw(starts) for name in TYPES if draw(st.integers(0, 9))}
    return Life(events, since, frozenset(name for name in TYPES if draw(st.booleans())))


@st.composite
def known_customers(draw: st.DrawFn, conditions: st.SearchStrategy[dict[str, Any]], late: bool = False) -> Known:
    when = READ(draw(conditions))
    return Known(draw(lives(when, late)), when)


# --- the laws -------------------------------------------------------------------------------------------------------


def moments(known: Known, from_ms: int, until_ms: int) -> list[int]:
    """Moments around every border that could matter, and all midnights, within a stretch."""
    life, borders = known.life, set(range(from_ms - from_ms % DAY, min(until_ms, from_ms + CHECKED_MS) + DAY, DAY))
    starts = {event.at_ms for event in life.events} | set(life.since.values()) | {life.first_ms}
    for start_ms in starts:
        for span_ms in spans_of(known.when):
            border = start_ms + span_ms
            borders |= {border, border - border % DAY, border - border % DAY + DAY}
    near = {border + step for border in borders for step in (-1, 0, 1)}
    return sorted(at for at in near if from_ms <= at < until_ms)


def check(known: Known) -> None:
    """Follow the announced changes: the verdict is right, and changes exactly then."""
    for place, (at_ms, verdict) in enumerate(known.moments):
        so_far = Life(known.life.events[: place + 1], known.life.since, known.life.whole)
        assert verdict == truth(known.when, so_far, at_ms)
    at_ms = known.at_ms
    for _ in range(5):
        now, flip_ms = known.evaluate(at_ms)
        assert flip_ms > at_ms
        until_ms = min(flip_ms, at_ms + 900 * DAY)
        for moment_ms in {at_ms, *moments(known, at_ms, until_ms), until_ms - 1}:
            assert truth(known.when, known.life, moment_ms) == now, moment_ms - START
            assert known.evaluate(moment_ms) == (now, flip_ms), moment_ms - START
        if flip_ms == FOREVER_MS:
            return
        assert truth(known.when, known.life, flip_ms) != now
        at_ms = flip_ms


@pytest.mark.parametrize("kind", CONDITIONS)
@given(data=st.data())
@examples(200)
def test_a_condition_is_as_true_as_the_whole_history_says_and_changes_when_announced(
    kind: str, data: st.DataObject
) -> None:
    check(data.draw(known_customers(CONDITIONS[kind])))


@given(known_customers(TREES))
@examples(400)
def test_so_is_a_combination_of_conditions(known: Known) -> None:
    check(known)


@pytest.mark.parametrize("kind", [one for one in CONDITIONS if one != "after then"])
@given(data=st.data())
@examples(200)
def test_events_that_come_late_are_judged_as_if_they_had_come_in_time(kind: str, data: st.DataObject) -> None:
    check(data.draw(known_customers(CONDITIONS[kind], late=True)))


@given(known_customers(CONDITIONS["after then"], late=True))
@examples(300)
def test_what_followed_a_late_event_is_known_or_not_observable_and_never_wrong(known: Known) -> None:
    verdict, _ = known.evaluate(known.at_ms)
    assert verdict in (truth(known.when, known.life, known.at_ms), NOT_OBSERVABLE)


@given(
    st.lists(st.integers(0, 45), min_size=20, max_size=70),
    st.integers(28, 32),
    st.sampled_from(["at least", "at most", "more than", "exactly"]),
    st.sampled_from([None, "10 days", "20 days"]),
)
@examples(60)
def test_of_more_different_values_than_are_kept_no_bound_is_misjudged(
    values: list[int], bound: int, word: str, within: str | None
) -> None:
    events = [
        DecodedEvent(f"e{at}", "nps", "ada", START + at * 7 * HOUR, {"score": value})
        for at, value in enumerate(values)
    ]
    asked = {"distinct": "nps.score", word: bound} | ({} if within is None else {"within": within})
    known = Known(Life(events, {"nps": START - 400 * DAY}, frozenset({"nps"})), READ(asked))
    at_ms = known.at_ms
    for _ in range(3):
        now, flip_ms = known.evaluate(at_ms)
        assert truth(known.when, known.life, at_ms) == now
        if flip_ms == FOREVER_MS:
            return
        assert truth(known.when, known.life, flip_ms - 1) == now
        at_ms = flip_ms


# --- odd values in events -------------------------------------------------------------------------------------------

WEIRD: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**25), 10**25),
    st.sampled_from([10**5000, -(10**5000), 1 << 62, (1 << 64) - 1, -(1 << 63)]),
    st.floats(),
    st.decimals(),
    st.sampled_from([Decimal("sNaN"), Decimal("1e999999999"), Decimal("-1e999999999"), Decimal("1e-999999999")]),
    st.text(st.characters(), max_size=300),
    st.sampled_from(["\ud800", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2024-02-30", "x" * 2000]),
    st.binary(max_size=4),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)
NAMES: Final = ("score", "plan", "ends", "amount", "currency")


@given(
    st.sampled_from(sorted(CONDITIONS)).flatmap(CONDITIONS.__getitem__),
    st.lists(
        st.tuples(
            st.sampled_from(["login", "nps", "purchase", "cancellation"]),
            GAPS,
            st.dictionaries(st.sampled_from(NAMES), WEIRD, max_size=4),
        ),
        min_size=1,
        max_size=5,
    ),
)
@examples(1500)
def test_no_value_that_an_event_brings_stops_anybody(
    when: dict[str, Any], brought: list[tuple[str, int, dict[str, Any]]]
) -> None:
    events, at_ms = [], START
    for serial, (name, gap_ms, attributes) in enumerate(brought):
        at_ms += gap_ms
        events.append(DecodedEvent(f"e{serial}", name, "ada", at_ms, attributes))
    life = Life(events, dict.fromkeys(TYPES, START - 400 * DAY), frozenset(TYPES))
    known = Known(life, READ(when))
    verdict, flip_ms = known.evaluate(at_ms)
    assert verdict in (FALSE, NOT_OBSERVABLE, TRUE)
    assert at_ms < flip_ms <= FOREVER_MS
    assert msgspec.json.decode(known.looked.written(at_ms), type=list[Reason])
    for layout in LAYOUTS:
        raw = known.stored.write(layout)
        known.stored.read(raw)
        assert known.stored.write(layout) == raw
