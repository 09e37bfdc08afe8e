"""`distinct: purchase.category, at least: 3`: how many different values an attribute had."""

from collections.abc import Iterator

from schemas.conditions import Distinct
from schemas.durations import DAY_MS
from workers.core.conditions.amounts import Amount
from workers.core.conditions.history import counted_from, knows_ever, staged
from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import NUMBERS_EACH, Evidence
from workers.core.phrases import Said, counted
from workers.core.rules.binding import Binding
from workers.core.rules.bounds import (
    inclusive,
    where_bounded_above,
    where_bounded_below,
    window_days,
    window_in_words,
)
from workers.core.rules.claims import Claim, Quantity, measured
from workers.core.rules.kind import Kind
from workers.core.rules.knowledge import needs_of_volume, time_of_leaving
from workers.core.text import Text


class Different(Amount):
    """The number of distinct values of an attribute, within the last days or ever.

    A value counts on the last day on which it was seen. Exact up to `MAX_DISTINCT` + 1 values; of more, the latest
    are kept.
    """

    cost = 3

    def look(self, at_ms: int) -> int:
        """Find the values whose departure makes the number fall to its bounds."""
        series, window = self.series, self.days
        number = series.values.number if series.is_present else 0
        is_enough = self.has_low and number >= self.low
        is_too_many = self.has_high and number > self.high
        enough_until_ms = FOREVER_MS if not self.has_low or self.low <= 0 else 0
        too_many_until_ms = watched_ms = 0
        if window:
            day = series.values.day
            # Those that left the window already are in the past, where they change nothing.
            if is_enough and not enough_until_ms:
                enough_until_ms = (day[number - self.low] + window) * DAY_MS
            if is_too_many:
                too_many_until_ms = (day[number - self.high - 1] + window) * DAY_MS
            watched_ms = counted_from(self.customer, series, window)
        else:
            if is_enough:
                enough_until_ms = FOREVER_MS
            if is_too_many:
                too_many_until_ms = FOREVER_MS
            if not knows_ever(self.customer, series) or (series.is_present and series.gone_day):
                watched_ms = FOREVER_MS
        return staged(self, at_ms, too_many_until_ms, enough_until_ms, watched_ms, self.has_high)

    def note(self, evidence: Evidence, at_ms: int) -> None:
        """Note the number of distinct values."""
        series, number = self.series, 0
        if series.is_present:
            number = series.values.number
            if self.days:
                number -= series.values.first_from(at_ms // DAY_MS - self.days + 1)
        evidence.numbers[NUMBERS_EACH * self.place] = number

    def word(self, text: Text, evidence: Evidence) -> None:
        """Write the number."""
        text.copy(self.head)
        text.decimal(evidence.numbers[NUMBERS_EACH * self.place])
        text.copy(self.tail)
        text.byte(125)


def said(when: Distinct, *, holds: bool) -> Said:
    """Word the condition, or its opposite."""
    text = counted(when, when.distinct, "different ", holds)
    return Said(text, "has had", text)


def compile(when: Distinct, binding: Binding) -> Different:
    """Compile the condition for the customer of a rule set."""
    name, attribute = when.distinct.split(".", 1)
    low, high = inclusive(when, 1)
    return Different(
        binding.words(when, said, when.words(), window_in_words(when), None),
        binding.customer,
        binding.value_series(name, when.where, attribute),
        low,
        high,
        window_days(when),
    )


def types(when: Distinct) -> set[str]:
    """Return the event types that it reads."""
    return {when.distinct.split(".", 1)[0]}


def least_events(when: Distinct) -> dict[str, int]:
    """Return the fewest events with which it can be true: each brings one value at most."""
    low = inclusive(when, 1)[0]
    return dict.fromkeys(types(when), low) if low is not None and low > 0 else {}


def claims(when: Distinct, holds: bool) -> Iterator[Claim]:
    """Yield its claims, or those of its opposite."""
    if holds:
        yield Quantity(measured("distinct", when.distinct, when.where, when.within), *when.limits())


def says_only_its_claims(when: Distinct, holds: bool) -> bool:
    """Return whether it holds: nothing is said of the opposite."""
    return holds


def times(when: Distinct) -> Iterator[str]:
    """Yield when it is checked besides after events."""
    return time_of_leaving(when, when.distinct.split(".", 1)[0])


def needs(when: Distinct, holds: bool) -> Iterator[str]:
    """Yield what must be known of a customer for it, or its opposite, to hold."""
    return needs_of_volume(when, when.distinct.split(".", 1)[0], holds)


KIND = Kind(
    word="distinct",
    model=Distinct,
    said=said,
    compile=compile,
    types=types,
    can_turn_false=where_bounded_above(types),
    can_turn_true=where_bounded_below(types),
    least_events=least_events,
    claims=claims,
    says_only_its_claims=says_only_its_claims,
    times=times,
    needs=needs,
)
