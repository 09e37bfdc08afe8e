"""Counts the present state: one customer after the other, in one pass.

Memory holds one of them, the sums, and a number for each who bought in the last 365 days. All of it is counted in UTC
days. What is not certain, because days are not kept for long enough, is never guessed. Pure.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from schemas.durations import DAY_MS
from workers.report.document import Period
from workers.report.present_state import QUIET_DAYS, OneTime, PresentState, Worths

YEAR_DAYS: Final = 365
"""The last 365 days, today included."""
_TWICE: Final = 2
_MOST: Final = (1 << 63) - 1


@dataclass(slots=True)
class Bought:
    """What is known of a customer; one object may be filled for one after the other.

    Attributes:
        latest: the day of the latest event of any type.
        purchases: how many, ever.
        first, last: days of the first and of the latest purchase; they mean nothing without one.
        days, counts: days with purchases that are kept, ascending, and how many on each.
        gone: days up to and including this one may be missing there; 0 if none is.
        so_far, year: what the customer brought, ever and in the last 365 days: by currency, in ten-thousandths.
    """

    latest: int = 0
    purchases: int = 0
    first: int = 0
    last: int = 0
    days: Sequence[int] = ()
    counts: Sequence[int] = ()
    gone: int = 0
    so_far: Mapping[str, int] = field(default_factory=dict)
    year: Mapping[str, int] = field(default_factory=dict)


class Counting:
    """Sums customers up.

    Attributes:
        state: the sums so far.
    """

    def __init__(self, at_ms: int, period: Period, lapse_days: int, kept_days: int = 0) -> None:
        """Begin.

        Args:
            at_ms: the moment.
            period: in which customers lapse.
            lapse_days: without a purchase for longer than this, a customer has gone.
            kept_days: for how long days with purchases are kept; 0 for always.
        """
        self.state = PresentState(at_ms)
        self._today = at_ms // DAY_MS
        self._start = period.first
        self._end = min(period.last, self._today) + 1
        self._lapse = lapse_days
        # Purchases from this day on are all kept, of every customer.
        self._since = self._today - kept_days + 1 if kept_days else 0
        self._recent = {days: OneTime() for days in self.state.one_time}
        # By how many of the numbers of days a customer has been quiet.
        self._quiet = [0] * (len(QUIET_DAYS) + 1)
        self._worth_of_quiet: list[dict[str, int]] = [{} for _ in self._quiet]
        self._is_uncertain = self._is_recent_uncertain = False

    def add(self, customer: Bought) -> None:
        """Count a customer."""
        state = self.state
        state.customers += 1
        quiet = bisect_right(QUIET_DAYS, self._today - customer.latest)
        self._quiet[quiet] += 1
        for currency, amount in customer.so_far.items():
            worths = self._worths(currency)
            worths.so_far += amount
            worths.customers += amount > 0
        for currency, amount in customer.year.items():
            worths = self._worths(currency)
            if amount:
                worths.year += amount
                worth_of_quiet = self._worth_of_quiet[quiet]
                worth_of_quiet[currency] = worth_of_quiet.get(currency, 0) + amount
                if amount > 0:
                    worths.of_year.append(min(amount, _MOST))
        if customer.purchases:
            state.buyers += 1
            self._count_one_time(customer)
            self._count_silent(customer)

    def finish(self) -> PresentState:
        """Return the sums, when all customers are counted."""
        for reached, number in enumerate(self._quiet):
            for days in QUIET_DAYS[:reached]:
                self.state.quiet[days] += number
                for currency, amount in self._worth_of_quiet[reached].items():
                    self.state.quiet_worth[days, currency] += amount
        if self._is_uncertain:
            self.state.one_time = self._recent
            self.state.one_time_since = self._since
        self.state.one_time_is_known = not self._is_recent_uncertain
        return self.state

    def _worths(self, currency: str) -> Worths:
        worths = self.state.worths.get(currency)
        if worths is None:
            worths = self.state.worths[currency] = Worths()
        return worths

    def _count_one_time(self, customer: Bought) -> None:
        second = _second(customer)
        is_recent = customer.first >= self._since
        if second is None:
            self._is_uncertain = True
            self._is_recent_uncertain |= is_recent
            return
        age = self._today - customer.first
        for days, counts in self.state.one_time.items():
            if age < days:
                return
            once = second < 0 or second - customer.first > days
            counts.old_enough += 1
            counts.once += once
            if is_recent:
                self._recent[days].old_enough += 1
                self._recent[days].once += once

    def _count_silent(self, customer: Bought) -> None:
        if customer.first >= self._start:
            return
        silent = self.state.silent
        before = _latest_before(customer, self._start, self._start - self._lapse)
        if before is None:
            self.state.purchases_are_known = False
            return
        if before < self._start - self._lapse:
            return
        silent.active += 1
        until = _latest_before(customer, self._end, self._end - self._lapse)
        if until is None:
            self.state.purchases_are_known = False
        elif until < self._end - self._lapse:
            silent.lapsed += 1
            for currency, amount in customer.so_far.items():
                silent.worth[currency] += amount


def _second(customer: Bought) -> int | None:
    """Return the day of the second purchase, below 0 if there is none; None if it is not kept."""
    if customer.purchases < _TWICE:
        return -1
    if customer.purchases == _TWICE or customer.last == customer.first:
        return customer.last
    if customer.first <= customer.gone or not customer.days or customer.days[0] != customer.first:
        return None
    return customer.first if customer.counts[0] > 1 else customer.days[1]


def _latest_before(customer: Bought, day: int, limit: int) -> int | None:
    """Return the day of the latest purchase before a day, which is after the first one; None if it is not kept.

    Args:
        customer: who bought.
        day: the day.
        limit: of a purchase before this day it does not matter when it was: any day before it is returned.
    """
    if customer.last < day:
        return customer.last
    if customer.purchases <= _TWICE:
        return customer.first
    for kept in reversed(customer.days):
        if kept < day:
            return kept if kept > customer.gone else None
    return customer.gone if customer.gone < limit else None
