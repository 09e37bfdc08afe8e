"""`value: at least 480`: what a customer is worth, against bounds."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from schemas.conditions import COST_OF_WINNING, Bounds, MeasuredAs, Value
from schemas.durations import write_duration
from workers.core.conditions.amounts import inclusive
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE, Basis, Elementary
from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import Evidence
from workers.core.events.decoding import UNIT
from workers.core.phrases import Said, a, bounds_in_words, listed, noun, within, without_history
from workers.core.rules.binding import Binding
from workers.core.rules.claims import Claim, Quantity
from workers.core.rules.kind import Kind
from workers.core.rules.value import Worth, require_value, worth_of
from workers.core.text import Text

_BEYOND: Final = 10**40
"""More than any value."""
_LARGEST: Final = (1 << 63) - 1
"""The largest number that can be noted."""


class Valued(Elementary):
    """What a customer is worth, in ten-thousandths.

    Unseen amounts are assumed not to be negative: what is missing of the revenue can only raise the value, and what
    is missing of the rest can only lower it.

    Attributes:
        worth: the value of the customer.
        has_low, has_high: whether there is a lower, and an upper bound.
        least, most: the bounds, both included; beyond all values where there is none.
    """

    cost = 7

    def __init__(self, basis: Basis, worth: Worth, bounds: Bounds) -> None:
        super().__init__(basis)
        self.worth = worth
        low, high = inclusive(bounds, UNIT)
        self.has_low, self.has_high = low is not None, high is not None
        self.least = -_BEYOND if low is None else low
        self.most = _BEYOND if high is None else high

    def look(self, at_ms: int) -> int:
        """Follow the value as days leave the window, and as more becomes known, until the truth changes."""
        worth = self.worth
        worth.begin(at_ms)
        truth = self.judge()
        self.flip_ms = FOREVER_MS
        while True:
            next_ms = worth.next_ms()
            if next_ms >= FOREVER_MS:
                return truth
            worth.move(next_ms)
            if self.judge() != truth:
                self.flip_ms = next_ms
                return truth

    def judge(self) -> int:
        """Compare the value that is followed with the bounds; return the truth."""
        worth = self.worth
        value = worth.amount()
        if value < self.least:
            return FALSE if worth.is_revenue_known else NOT_OBSERVABLE
        if value > self.most:
            return FALSE if worth.is_less_known else NOT_OBSERVABLE
        if (self.has_low and not worth.is_less_known) or (self.has_high and not worth.is_revenue_known):
            return NOT_OBSERVABLE
        return TRUE

    def note(self, evidence: Evidence, at_ms: int) -> None:
        """Note the value; what is beyond 64 bits is cut."""
        self.worth.begin(at_ms)
        evidence.numbers[self.at] = max(-_LARGEST, min(_LARGEST, self.worth.amount()))

    def write_observed(self, text: Text, evidence: Evidence) -> None:
        """Write the value."""
        text.amount(evidence.numbers[self.at])


def said(when: Value, *, holds: bool) -> Said:
    """Word the condition, or its opposite."""
    rest = _bounds_said(when, holds)
    if when.measured is not None:
        rest += f" {within(when.measured.within)}"
    return Said(f"value {rest}", "", f"value is {rest}")


def _bounds_said(when: Value, holds: bool) -> str:
    bounds = when.bounds()
    if bounds is None:
        return f"{'' if holds else 'not '}{when.value.words()}"
    words = bounds_in_words(bounds, holds=holds)
    if when.measured is not None and when.measured.currency is not None:
        words += f" {when.measured.currency}"
    if COST_OF_WINNING in when.value.names():
        return f"{words} (the cost of winning them)"
    return words if when.value.top is None else f"{'' if holds else 'not '}among the {when.value.words()} ({words})"


def compile(when: Value, binding: Binding) -> Valued:
    """Compile the condition for the customer of a rule set.

    Raises:
        ValueError: no file says what a customer is worth, or not enough of it.
    """
    bounds = when.bounds()
    if when.measured is None or bounds is None:
        raise ValueError(f"'value: {when.value.words()}' cannot be measured")
    span = "ever" if when.measured.within is None else write_duration(when.measured.within)
    basis = binding.basis(when, said, when.value.words(), span)
    series = [binding.series_of(key) for key in require_value(when.measured, binding.specs)]
    return Valued(basis, worth_of(when.measured, binding.customer, series), bounds)


def _types(when: Value, *, is_less: bool) -> set[str]:
    return set() if when.measured is None else set(when.measured.types(is_less=is_less))


def _limited(when: Value) -> tuple[bool, bool]:
    """Return whether there is a lower bound, and an upper one."""
    bounds = when.bounds()
    low, high = (None, None) if bounds is None else bounds.limits()
    return low is not None, high is not None


def can_turn_false(when: Value) -> set[str]:
    """Return what lowers the value if there is a lower bound, and what raises it if there is an upper one."""
    has_low, has_high = _limited(when)
    lowering = _types(when, is_less=True) if has_low else set[str]()
    return lowering | (_types(when, is_less=False) if has_high else set())


def can_turn_true(when: Value) -> set[str]:
    """Return what raises the value if there is a lower bound, and what lowers it if there is an upper one."""
    has_low, has_high = _limited(when)
    raising = _types(when, is_less=False) if has_low else set[str]()
    return raising | (_types(when, is_less=True) if has_high else set())


def least_events(when: Value) -> dict[str, int]:
    """Return one event if nothing at all does not reach the lower bound, and only one type raises the value."""
    bounds = when.bounds()
    lower = None if bounds is None else bounds.limits()[0]
    if when.measured is None or when.measured.less or lower is None or lower[0] + lower[1] <= 0:
        return {}
    types = when.measured.types()
    return dict.fromkeys(types, 1) if len(types) == 1 else {}


def claims(when: Value, holds: bool) -> Iterator[Claim]:
    """Yield that the value is between bounds; nothing of the opposite."""
    bounds = when.bounds()
    if holds and bounds is not None:
        yield Quantity(("value",), *bounds.limits())


def says_only_its_claims(when: Value, holds: bool) -> bool:
    """Return whether it holds: nothing is said of the opposite."""
    return holds and when.bounds() is not None


def times(when: Value) -> Iterator[str]:
    """Yield when an event leaves the window."""
    if when.measured is not None and when.measured.within is not None:
        words = listed([noun(name) for name in when.measured.types()], "or")
        yield f"when {a(words)} leaves the last {write_duration(when.measured.within)}"


def needs(when: Value, holds: bool) -> Iterator[str]:
    """Yield what must be known for it, or its opposite, to hold."""
    measured: MeasuredAs | None = when.measured
    if measured is None:
        return
    for name in sorted(can_turn_false(when) if holds else can_turn_true(when)):
        if measured.within is None:
            yield without_history(name)
        else:
            yield (
                f"customers who may have had {a(noun(name))} before Linger knew them, until it has known them for "
                f"{write_duration(measured.within)} (see complete_since in sources.yaml)"
            )


def looks_back(when: Value) -> timedelta:
    """Return the window."""
    return timedelta() if when.measured is None or when.measured.within is None else when.measured.within


def changed_by(when: Value, valued: Valued, truth: int, observed: float, events: str) -> str | None:
    """Return by how much the value must rise or fall."""
    if truth == NOT_OBSERVABLE:
        return f"can change with the next {events}"
    ways = []
    if truth == FALSE:
        if valued.has_low and observed < valued.least / UNIT:
            ways.append(f"grows by {valued.least / UNIT - observed:.10g}")
        elif _types(when, is_less=True):
            ways.append(f"falls by {observed - valued.most / UNIT:.10g}")
    else:
        if valued.has_high:
            ways.append(f"grows by more than {valued.most / UNIT - observed:.10g}")
        if valued.has_low and _types(when, is_less=True):
            ways.append(f"falls by more than {observed - valued.least / UNIT:.10g}")
    return f"changes when the value {' or '.join(ways)}" if ways else None


KIND = Kind(
    word="value",
    model=Value,
    said=said,
    compile=compile,
    can_turn_false=can_turn_false,
    can_turn_true=can_turn_true,
    least_events=least_events,
    claims=claims,
    says_only_its_claims=says_only_its_claims,
    times=times,
    needs=needs,
    looks_back=looks_back,
    changed_by=changed_by,
)
