"""`distinct: purchase.category, at least: 3`: how many different values an attribute had."""

from schemas.conditions import Distinct
from schemas.durations import DAY_MS
from workers.core.conditions.amounts import Amount, inclusive
from workers.core.conditions.history import counted_from, knows_ever, staged
from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import Evidence
from workers.core.phrases import Said, counted
from workers.core.rules.binding import Binding
from workers.core.rules.kind import Kind, types_named
from workers.core.rules.windows import (
    broken_by,
    claims,
    needs,
    reached_by,
    says_only_its_claims,
    times,
    window_in_words,
)
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
        evidence.numbers[self.at] = number

    def write_observed(self, text: Text, evidence: Evidence) -> None:
        """Write the number."""
        text.decimal(evidence.numbers[self.at])


def said(when: Distinct, *, holds: bool) -> Said:
    """Word the condition, or its opposite."""
    text = counted(when, when.distinct, "different ", holds)
    return Said(text, "has had", text)


def compile(when: Distinct, binding: Binding) -> Different:
    """Compile the condition for the customer of a rule set."""
    name, attribute = when.distinct.split(".", 1)
    basis = binding.basis(when, said, when.words(), window_in_words(when))
    return Different(basis, binding.value_series(name, when.where, attribute), when, 1)


def least_events(when: Distinct) -> dict[str, int]:
    """Return the fewest events with which it can be true: each brings one value at most."""
    low = inclusive(when, 1)[0]
    return dict.fromkeys(types_named(when), low) if low is not None and low > 0 else {}


KIND = Kind(
    word="distinct",
    model=Distinct,
    said=said,
    compile=compile,
    can_turn_false=broken_by,
    can_turn_true=reached_by,
    least_events=least_events,
    claims=claims,
    says_only_its_claims=says_only_its_claims,
    times=times,
    needs=needs,
)
