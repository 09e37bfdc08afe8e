"""`change: login, down by: 50%, within: 30 days, from at least: 6`: a window beside the one before it."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Final

from schemas.conditions import Change
from schemas.durations import DAY_MS, duration_ms, write_duration
from workers.core.conditions.amounts import bounded
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE, Basis, OfOneSeries
from workers.core.conditions.history import watched_from
from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import Evidence
from workers.core.customer.series import Series
from workers.core.events.decoding import UNIT
from workers.core.phrases import Said, a, attribute, filters, noun, plural
from workers.core.rules.binding import Binding
from workers.core.rules.claims import Claim, State, events_of
from workers.core.rules.kind import Kind, types_named
from workers.core.text import Text

_PERCENT: Final = 10_000
"""A share is a whole number of hundredths of a percent."""
_LARGEST: Final = (1 << 63) - 1
"""The largest number that can be noted."""


class Changed(OfOneSeries):
    """A comparison of the last days with the same number of days before; both windows must be watched.

    Sums and their products with a share may take more than 64 bits, so they are compared in Python's integers.

    Attributes:
        is_sum: whether an attribute is added up; otherwise events are counted.
        is_rise: whether the amount must have risen; otherwise it must have fallen.
        share: the most that may remain after a fall, or the least to reach after a rise, in hundredths of a percent:
            100% is 10,000.
        least: the least amount in the earlier window; sums in ten-thousandths.
        days: length of each window in UTC days; the later one includes today.
    """

    cost = 7

    def __init__(self, basis: Basis, series: Series, when: Change) -> None:
        super().__init__(basis, series)
        self.is_sum, self.is_rise = "." in when.change, when.up_by is not None
        self.share = int(100 * (100 + _percent(when)))
        self.least = _least(when, UNIT if self.is_sum else 1)
        self.days = _days(when)

    def look(self, at_ms: int) -> int:
        """Walk the days through both windows, once they are watched."""
        series, window = self.series, self.days
        self.flip_ms = FOREVER_MS
        watched_ms = watched_from(self.customer, series, 2 * window)
        if at_ms < watched_ms:
            self.flip_ms = watched_ms
            return NOT_OBSERVABLE
        if not series.is_present:
            return FALSE
        days = series.days
        day, amounts, end = days.day, days.sum if self.is_sum else days.count, days.number
        # The first day in the earlier window, and the first one in the later window.
        leaves = days.first_from(at_ms // DAY_MS - 2 * window + 1)
        passes = days.first_from(at_ms // DAY_MS - window + 1)
        before = latest = 0
        for place in range(leaves, passes):
            before += amounts[place]
        for place in range(passes, end):
            latest += amounts[place]
        now = self.judge(before, latest)
        if not self.is_sum and before + latest < self.least:
            return now  # time alone never makes the earlier amount large enough
        while leaves < end:
            next_day = day[leaves] + 2 * window
            if passes < end and day[passes] + window <= next_day:
                next_day = day[passes] + window
                before, latest = before + amounts[passes], latest - amounts[passes]
                passes += 1
            if day[leaves] + 2 * window == next_day:
                before -= amounts[leaves]
                leaves += 1
            if self.judge(before, latest) != now:
                self.flip_ms = next_day * DAY_MS
                return now
        return now

    def judge(self, before: int, latest: int) -> int:
        """Compare the amounts of both windows; return the truth. Any size of numbers."""
        if before < self.least:
            return FALSE
        found, asked = latest * _PERCENT, before * self.share
        return TRUE if (found >= asked if self.is_rise else found <= asked) else FALSE

    def note(self, evidence: Evidence, at_ms: int) -> None:
        """Note the amounts of both windows; what is beyond 64 bits is cut."""
        series = self.series
        before = latest = 0
        if series.is_present:
            days = series.days
            amounts = days.sum if self.is_sum else days.count
            leaves = days.first_from(at_ms // DAY_MS - 2 * self.days + 1)
            passes = days.first_from(at_ms // DAY_MS - self.days + 1)
            for place in range(leaves, passes):
                before += amounts[place]
            for place in range(passes, days.number):
                latest += amounts[place]
        evidence.numbers[self.at] = max(-_LARGEST, min(_LARGEST, latest))
        evidence.numbers[self.at + 1] = max(-_LARGEST, min(_LARGEST, before))

    def write_observed(self, text: Text, evidence: Evidence) -> None:
        """Write the amounts of both windows."""
        text.byte(34)
        self._write_amount(text, evidence.numbers[self.at])
        text.copy(b" after ")
        self._write_amount(text, evidence.numbers[self.at + 1])
        text.byte(34)

    def _write_amount(self, text: Text, amount: int) -> None:
        if self.is_sum:
            text.short_amount(amount)
        else:
            text.short_number(amount)


def said(when: Change, *, holds: bool) -> Said:
    """Word the condition, or its opposite."""
    is_sum = "." in when.change
    what = attribute(when.change) if is_sum else plural(noun(when.change))
    what += filters(when.where)
    way, share = ("down", when.down_by) if when.down_by is not None else ("up", when.up_by)
    span = write_duration(when.within)
    rest = (
        f"{'' if holds else 'not '}{way} by at least {share:f}% in the last {span} against the {span} before "
        f"(which had at least {when.from_at_least:f})"
    )
    return Said(f"{what} {rest}", "", f"{what} {'is' if is_sum else 'are'} {rest}")


def compile(when: Change, binding: Binding) -> Changed:
    """Compile the condition for the customer of a rule set."""
    name, _, adds = when.change.partition(".")
    percent = _percent(when)
    bound = f"{'down' if percent < 0 else 'up'} by {abs(percent):f}% from at least {when.from_at_least:f}"
    return Changed(
        binding.basis(when, said, bound, write_duration(when.within)),
        binding.series(name, when.where, adds or None, 2 * _days(when)),
        when,
    )


def _percent(when: Change) -> Decimal:
    """Return the least change; below zero for a fall."""
    return when.up_by if when.up_by is not None else -(when.down_by or Decimal(0))


def _days(when: Change) -> int:
    return duration_ms(when.within) // DAY_MS


def _least(when: Change, unit: int) -> int:
    """Return the least amount in the earlier window, in whole multiples of `1 / unit`."""
    return int((bounded(when.from_at_least) * unit).to_integral_value(ROUND_CEILING))


def least_events(when: Change) -> dict[str, int]:
    """Return how many events the earlier window needs; one if an attribute is added up."""
    return dict.fromkeys(types_named(when), 1 if "." in when.change else max(1, _least(when, 1)))


def changes_at_once(when: Change, was_cancelled: bool, raises: bool) -> set[str]:
    """Return the type, but not of events that support what holds until they move to the earlier window."""
    is_support = raises != (when.up_by is not None) and duration_ms(when.within) > DAY_MS
    return set() if is_support else types_named(when)


def claims(when: Change, holds: bool) -> Iterator[Claim]:
    """Yield its claims, or those of its opposite."""
    if holds:
        of = ("change", events_of(when.change, when.where), when.within)
        yield State(of, "down" if when.down_by is not None else "up")


def times(when: Change) -> Iterator[str]:
    """Yield when it is checked besides after events."""
    span, name = write_duration(when.within), when.change.partition(".")[0]
    yield f"when {a(noun(name))} leaves the last {span}, or the {span} before"


def needs(when: Change, holds: bool) -> Iterator[timedelta | str]:
    """Yield what must be known of a customer for it, or its opposite, to hold."""
    yield 2 * when.within


def looks_back(when: Change) -> timedelta:
    """Return the length of both windows."""
    return 2 * when.within


KIND = Kind(
    word="change",
    model=Change,
    said=said,
    compile=compile,
    least_events=least_events,
    changes_at_once=changes_at_once,
    claims=claims,
    times=times,
    needs=needs,
    looks_back=looks_back,
    windows=2,
)
