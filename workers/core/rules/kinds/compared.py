"""`distinct: login.contact, less than: 30% of latest subscription.seats`: a bound that is another measurement."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Final

from schemas.conditions import Compared
from schemas.durations import DAY_MS, duration_ms, write_duration
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE, Basis, Elementary
from workers.core.conditions.measures import (
    AT_LEAST,
    KNOWN,
    NOTHING,
    UNKNOWN,
    DaysWith,
    DifferentValues,
    LatestNumber,
    MeanOf,
    Measure,
    OverDays,
    TotalOf,
)
from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import Evidence
from workers.core.events.decoding import UNIT
from workers.core.phrases import Said, a, attribute, filters, noun, plural, without_history
from workers.core.phrases import within as within_words
from workers.core.rules.binding import Binding
from workers.core.rules.kind import Kind, types_named
from workers.core.text import Text, inside_quotes

_PERCENT: Final = 10_000
"""A share is a whole number of hundredths of a percent."""
_LARGEST: Final = (1 << 63) - 1
"""The largest number that can be noted."""
_UPPER: Final = frozenset({"at most", "less than", "fewer than"})
_STRICT: Final = frozenset({"more than", "less than", "fewer than"})


class MeasuredAgainst(Elementary):
    """A measure against a share of another one; both may change with time.

    Attributes:
        measured, against: the two.
        share: of the second, in hundredths of a percent.
        is_upper: whether the share is an upper bound.
        is_strict: whether the share itself is outside.
        when: the condition as written, for words.
    """

    cost = 8

    def __init__(self, basis: Basis, when: Compared, measured: Measure, against: Measure) -> None:
        super().__init__(basis)
        word, to = when.bound
        self.measured, self.against = measured, against
        self.share = int(100 * to.share)
        self.is_upper, self.is_strict = word in _UPPER, word in _STRICT
        self.when = when

    def look(self, at_ms: int) -> int:
        """Follow both from one change to the next, until one changes the truth."""
        measured, against = self.measured, self.against
        self.flip_ms = FOREVER_MS
        measured.begin(at_ms)
        against.begin(at_ms)
        now = self.judge()
        while True:
            next_ms = min(measured.next_ms, against.next_ms)
            if next_ms == FOREVER_MS:
                return now
            measured.pass_to(next_ms)
            against.pass_to(next_ms)
            if self.judge() != now:
                self.flip_ms = next_ms
                return now

    def judge(self) -> int:
        """Compare both as they are; return the truth that no event that was not seen can change."""
        one, other = self.measured, self.against
        if one.certainty == NOTHING or other.certainty == NOTHING:
            return FALSE
        if one.certainty == UNKNOWN or other.certainty == UNKNOWN:
            return NOT_OBSERVABLE
        found, bound = one.value * other.parts * _PERCENT, other.value * self.share * one.parts
        low, high = (one, other) if self.is_upper else (other, one)
        below, beyond = (found, bound) if self.is_upper else (bound, found)
        holds = below < beyond if self.is_strict else below <= beyond
        # What may be larger can end what holds if it is the smaller side, and what does not hold if it is the other.
        doubted = low if holds else high
        return NOT_OBSERVABLE if doubted.certainty == AT_LEAST else TRUE if holds else FALSE

    def note(self, evidence: Evidence, at_ms: int) -> None:
        """Note both in ten-thousandths, the second as its share; and which of them there are."""
        self.measured.begin(at_ms)
        self.against.begin(at_ms)
        one, other = self.measured, self.against
        if one.certainty in (KNOWN, AT_LEAST):
            evidence.numbers[self.at] = _noted(one.value // one.parts)
            evidence.numbers[self.at + 2] = 1
        if other.certainty in (KNOWN, AT_LEAST):
            evidence.numbers[self.at + 1] = _noted(other.value * self.share // (_PERCENT * other.parts))
            evidence.numbers[self.at + 2] += 2

    def write_observed(self, text: Text, evidence: Evidence) -> None:
        """Write both, such as `"3 against 15"`; null if none is known."""
        known = evidence.numbers[self.at + 2]
        if not known:
            text.copy(b"null")
            return
        text.byte(34)
        for place, unknown in ((0, b"nothing"), (1, b" against an unknown number")):
            if not known & (place + 1):
                text.copy(unknown)
                continue
            text.copy(b" against " if place else b"")
            text.short_amount(evidence.numbers[self.at + place])
        text.byte(34)

    def write_prevented(self, text: Text, evidence: Evidence) -> None:
        """Write what would have prevented it: more of the first, or less of the second; not if it is personal."""
        if self.is_personal or evidence.numbers[self.at + 2] != 3:
            return
        one = Decimal(evidence.numbers[self.at]) / UNIT
        other = Decimal(evidence.numbers[self.at + 1]) / UNIT
        text.copy(self.prevented)
        text.copy(inside_quotes(_prevented(self.when, one, other)) + b'"')


def _noted(value: int) -> int:
    return max(-_LARGEST, min(_LARGEST, value))


def _prevented(when: Compared, one: Decimal, other: Decimal) -> str:
    """Word what would have ended that the first is below, or above, the second."""
    word, _ = when.bound
    kind, named = when.word, when.named
    left, right = _measure_in_words(kind, named, when.where, when.within), _bound_of(when)
    if word in _UPPER:
        if kind in ("count", "days with", "distinct"):
            more = _whole_steps(other - one, is_strict=word == "at most")
            left = _more_in_words(kind, named, more, when.within)
        else:
            left = f"a {left} of {'more than' if word == 'at most' else 'at least'} {_short(other)}"
    else:
        left = f"a {left} of {'less than' if word == 'at least' else 'at most'} {_short(other)}"
    least = "at most" if word in _UPPER else "at least"
    if word in ("at most", "at least"):
        least = "less than" if word in _UPPER else "more than"
    value = one * 100 / when.bound[1].share
    return f"{left}, or a {right} of {least} {_short(value)}"


def _whole_steps(gap: Decimal, *, is_strict: bool) -> int:
    """Return how many whole steps close a gap, or exceed it."""
    whole = int(gap.to_integral_value(ROUND_FLOOR))
    return max(1, whole + 1 if is_strict or whole != gap else whole)


def _more_in_words(kind: str, named: str, more: int, window: timedelta | None) -> str:
    span = "" if window is None else f" within {write_duration(window)}"
    if kind == "days with":
        return f"{more} more {'day' if more == 1 else 'days'} with {a(noun(named))}{span}"
    what = noun(named) if kind == "count" else attribute(named)
    different = "different " if kind == "distinct" else ""
    return f"{more} more {different}{what if more == 1 else plural(what)}{span}"


def _short(number: Decimal) -> str:
    text = f"{number:.4f}".rstrip("0").rstrip(".")
    return text or "0"


def _measure_in_words(kind: str, named: str, where: Mapping[str, Any] | None, window: timedelta | None) -> str:
    """Word a measurement, without an article."""
    if kind == "latest":
        return f"latest {attribute(named)}"
    span = within_words(window)
    which = filters(where)
    if kind == "count":
        return f"number of {plural(noun(named))}{which} {span}"
    if kind == "days with":
        return f"number of days with {a(noun(named))}{which} {span}"
    if kind == "distinct":
        return f"number of different {plural(attribute(named))}{which} {span}"
    return f"{'total' if kind == 'sum' else 'average'} {attribute(named)}{which} {span}"


def _bound_of(when: Compared) -> str:
    to = when.bound[1]
    return _measure_in_words(to.word, to.named, None, to.within)


def said(when: Compared, *, holds: bool) -> Said:
    """Word the condition, or its opposite."""
    word, to = when.bound
    measured = _measure_in_words(when.word, when.named, when.where, when.within)
    word = "less than" if word == "fewer than" else word
    share = "" if to.share == 100 else f"{to.share:f}% of "
    text = f"{measured} is {'' if holds else 'not '}{word} {share}the {_bound_of(when)}"
    return Said(f"the {text}", "", text)


def compile(when: Compared, binding: Binding) -> MeasuredAgainst:
    """Compile the condition for the customer of a rule set."""
    word, to = when.bound
    window = None if when.word == "latest" else "ever" if when.within is None else write_duration(when.within)
    basis = binding.basis(when, said, f"{word} {to}", window, "")
    measured = _measure(when.word, when.named, when.where, when.within, binding)
    return MeasuredAgainst(basis, when, measured, _measure(to.word, to.named, None, to.within, binding))


_OVER_DAYS: Final[Mapping[str, type[OverDays]]] = {
    "count": OverDays,
    "sum": TotalOf,
    "average": MeanOf,
    "distinct": DifferentValues,
    "days with": DaysWith,
}


def _measure(
    word: str, named: str, where: Mapping[str, Any] | None, within: timedelta | None, binding: Binding
) -> Measure:
    """Return what measures one side, and require what it reads."""
    if word == "latest":
        key = binding.specs.require_attribute(named)
        return LatestNumber(binding.customer, key, binding.specs.type_of(named))
    name, _, of = named.partition(".")
    days = 0 if within is None else duration_ms(within) // DAY_MS
    if word == "distinct":
        series = binding.value_series(name, where, of)
    elif word == "average":
        series = binding.mean_series(name, where, of, days)
    else:
        series = binding.series(name, where, of or None, days)
    return _OVER_DAYS[word](binding.customer, series, days)


def _windows(when: Compared) -> Iterator[tuple[str, str, timedelta | None]]:
    """Yield each side that is made from events: its word, the event type and the window."""
    to = when.bound[1]
    for word, named, window in ((when.word, when.named, when.within), (to.word, to.named, to.within)):
        if word != "latest":
            yield word, named.partition(".")[0], window


def times(when: Compared) -> Iterator[str]:
    """Yield when it is checked besides after events."""
    for _, name, window in _windows(when):
        if window is not None:
            yield f"when {a(noun(name))} leaves the last {write_duration(window)}"


def needs(when: Compared, holds: bool) -> Iterator[timedelta | str]:
    """Yield what must be known of both sides for it, or its opposite, to hold."""
    for word, named in when.sides:
        if word == "latest":
            yield f"customers without a known {attribute(named)}"
    for word, name, window in _windows(when):
        if window is None:
            yield without_history(name)
        elif word == "average":
            yield window
        else:
            yield (
                f"customers who may have had {a(noun(name))} before Linger knew them, until it has known them for "
                f"{write_duration(window)} (see complete_since in sources.yaml)"
            )


def changed_by(when: Compared, compared: Any, truth: int, observed: Any, events: str) -> str:
    """Word which of the two has to change, and to what."""
    one, against, other = str(observed).partition(" against ")
    if not against or truth == NOT_OBSERVABLE or not one[-1:].isdigit() or not other[-1:].isdigit():
        return f"can change with the next {events}"
    left = _measure_in_words(when.word, when.named, when.where, when.within)
    return f"changes when the {left} reaches {other}, or with another {_bound_of(when)}"


def untold(when: Compared, is_known: bool) -> tuple[str | None, str]:
    """Return the type of an attribute that no event had, and the words."""
    name, of = next(named for word, named in reversed(when.sides) if word == "latest").split(".", 1)
    return name, f"no '{name}' event had a number as its '{of}' yet"


KIND = Kind(
    word="compared",
    model=Compared,
    said=said,
    compile=compile,
    can_turn_false=types_named,
    can_turn_true=types_named,
    times=times,
    needs=needs,
    changed_by=changed_by,
    untold=untold,
)
