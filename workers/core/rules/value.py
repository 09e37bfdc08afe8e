"""Value: what a customer is worth, from the series of everything that adds up to it.

Each currency of each attribute has a series of its own. The amounts of a window are added up, converted by the fixed
rate, rounded down to whole ten-thousandths, and added up or subtracted. Sums may take more than 64 bits, so they are
Python's integers.
"""

from collections.abc import Iterable
from typing import Final

from schemas.conditions import Measured
from schemas.conditions.value import RATE_DIGITS
from schemas.durations import DAY_MS, duration_ms
from workers.core.conditions.history import counted_from, knows_ever
from workers.core.coverage import FOREVER_MS
from workers.core.customer.customer import Customer
from workers.core.customer.series import Series
from workers.core.customer.specs import Specs

_ONE: Final = 10**RATE_DIGITS
"""A rate of one: rates are whole millionths."""


class PartOfValue:
    """The events of one attribute in one currency, as a part of the value; followed without checks of types.

    Attributes:
        series: the customer's.
        rate: what one unit of its currency is worth, in millionths.
        is_less: whether it lowers the value.
        total: what is in the window that `Worth` follows, before the rate.
        place: the first day in that window.
        known_ms: from when on nothing of it can be missing.
        following: the next part, None at the end.
    """

    __slots__ = ("following", "is_less", "known_ms", "place", "rate", "series", "total")

    def __init__(self, series: Series, rate: int, is_less: bool) -> None:
        self.series = series
        self.rate = rate
        self.is_less = is_less
        self.total = 0
        self.place = 0
        self.known_ms = 0
        self.following: PartOfValue | None = None

    def worth(self, total: int) -> int:
        """Return what a sum of its amounts adds to the value."""
        converted = total if self.rate == _ONE else total * self.rate // _ONE
        return -converted if self.is_less else converted


class Worth:
    """What the customer who is looked at is worth, in ten-thousandths, and how it changes as days leave the window.

    Attributes:
        customer: the customer.
        days: length of the window in UTC days, today included; 0 for the whole lifetime.
        first: the first part; the others follow.
        is_revenue_known, is_less_known: after `begin` and `move`, whether nothing can be missing of what raises the
            value, and of what lowers it.
    """

    __slots__ = ("at_ms", "customer", "days", "first", "is_less_known", "is_revenue_known")

    def __init__(self, customer: Customer, parts: Iterable[PartOfValue], days: int) -> None:
        self.customer = customer
        self.days = days
        self.first: PartOfValue | None = None
        for part in reversed(list(parts)):
            part.following = self.first
            self.first = part
        self.is_revenue_known = self.is_less_known = False
        self.at_ms = 0

    def begin(self, at_ms: int) -> None:
        """Begin to follow the value from a moment on; not before the customer's latest event."""
        part = self.first
        while part is not None:
            series = part.series
            part.place = 0
            part.total = 0
            if not self.days:
                if series.is_present:
                    part.total = series.total_sum
                part.known_ms = 0 if knows_ever(self.customer, series) else FOREVER_MS
            else:
                part.known_ms = counted_from(self.customer, series, self.days)
                if series.is_present:
                    days = series.days
                    part.place = days.first_from(at_ms // DAY_MS - self.days + 1)
                    part.total = days.sum_from(part.place)
            part = part.following
        self.note_known(at_ms)

    def note_known(self, at_ms: int) -> None:
        """Note what is known at a moment."""
        self.at_ms = at_ms
        self.is_revenue_known = self.is_less_known = True
        part = self.first
        while part is not None:
            if at_ms < part.known_ms:
                if part.is_less:
                    self.is_less_known = False
                else:
                    self.is_revenue_known = False
            part = part.following

    def next_ms(self) -> int:
        """Return when time alone next changes the value, or what is known of it; FOREVER_MS for never."""
        next_ms = FOREVER_MS
        part = self.first
        while part is not None:
            if self.at_ms < part.known_ms < next_ms:
                next_ms = part.known_ms
            if self.days and part.series.is_present and part.place < part.series.days.number:
                leaves_ms = (part.series.days.day[part.place] + self.days) * DAY_MS
                if leaves_ms < next_ms:
                    next_ms = leaves_ms
            part = part.following
        return next_ms

    def move(self, at_ms: int) -> None:
        """Follow the value up to the moment that `next_ms` has returned."""
        part = self.first
        while part is not None:
            if self.days and part.series.is_present:
                days = part.series.days
                while part.place < days.number and (days.day[part.place] + self.days) * DAY_MS <= at_ms:
                    part.total -= days.sum[part.place]
                    part.place += 1
            part = part.following
        self.note_known(at_ms)

    def amount_at(self, at_ms: int) -> int:
        """Return the value at a moment, as far as it is seen, without following it; the moment is as of `begin`."""
        amount, first_day = 0, at_ms // DAY_MS - self.days + 1
        part = self.first
        while part is not None:
            series = part.series
            if series.is_present:
                days = series.days
                amount += part.worth(days.sum_from(days.first_from(first_day)) if self.days else series.total_sum)
            part = part.following
        return amount

    def amount(self) -> int:
        """Return the value at the moment that is followed, as far as it is seen."""
        amount = 0
        part = self.first
        while part is not None:
            amount += part.worth(part.total)
            part = part.following
        return amount

    def of_lifetime(self) -> int:
        """Return what the customer has ever brought, as far as it is seen, no matter how long the window is."""
        amount = 0
        part = self.first
        while part is not None:
            if part.series.is_present:
                amount += part.worth(part.series.total_sum)
            part = part.following
        return amount


def require_value(measured: Measured, specs: Specs) -> list[str]:
    """Require the series of everything that adds up to the value; return their keys, in the order of the parts."""
    days = days_of(measured)
    keys = []
    for part in measured.parts():
        name, adds = part.reference.split(".", 1)
        keys.append(specs.require(name, part.where, adds, days))
    return keys


def worth_of(measured: Measured, customer: Customer, series: Iterable[Series]) -> Worth:
    """Return what a customer is worth; the series are those of `require_value`, in their order."""
    parts = [
        PartOfValue(one, int(part.rate * _ONE), part.is_less)
        for part, one in zip(measured.parts(), series, strict=True)
    ]
    return Worth(customer, parts, days_of(measured))


def days_of(measured: Measured) -> int:
    """Return the length of the window in UTC days, today included; 0 for the whole lifetime."""
    return 0 if measured.within is None else duration_ms(measured.within) // DAY_MS
