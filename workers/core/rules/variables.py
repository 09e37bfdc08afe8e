"""Template variables, compiled: what is known of a customer when a rule asks for an action.

A measurement is read and never waited for: it adds no event type to those that a rule needs. What is not known is
null, or what the rule says to take then.
"""

from collections.abc import Mapping
from typing import Any, Final

from schemas import variables as written
from schemas.actions import Number, moment
from schemas.durations import DAY_MS, duration_ms
from workers.core.conditions.history import counted_from, knows_ever
from workers.core.customer.customer import Customer
from workers.core.customer.seen import most_seen
from workers.core.customer.series import Series
from workers.core.customer.specs import Specs
from workers.core.events.decoding import UNIT
from workers.core.rules.binding import Binding

_NOBODY: Final = Customer([], 0, 0, 0)
"""Nothing of this customer is read while it is collected what variables need."""


class Variable:
    """One variable of a rule, bound to a customer.

    Attributes:
        name: in the template.
        otherwise: its value if it is not known.
    """

    __slots__ = ("name", "otherwise")

    def __init__(self, name: str, otherwise: Number) -> None:
        self.name = name
        self.otherwise = otherwise

    def value(self, at_ms: int) -> Any:
        """Return its value at a moment."""
        found = self.read(at_ms)
        return self.otherwise if found is None else found

    def read(self, at_ms: int) -> Any:
        """Return what is known at a moment; None for nothing."""
        raise NotImplementedError


class OfLatestEvent(Variable):
    """An attribute of the latest event of its type."""

    __slots__ = ("customer", "reference")

    def __init__(self, name: str, otherwise: Number, customer: Customer, reference: str) -> None:
        super().__init__(name, otherwise)
        self.customer = customer
        self.reference = reference

    def read(self, at_ms: int) -> Any:
        """Return the value; None also if that event had none."""
        return self.customer.latest.get(self.reference)


class LastKnown(Variable):
    """An attribute of the latest event that had it."""

    __slots__ = ("customer", "reference")

    def __init__(self, name: str, otherwise: Number, customer: Customer, reference: str) -> None:
        super().__init__(name, otherwise)
        self.customer = customer
        self.reference = reference

    def read(self, at_ms: int) -> Any:
        """Return the value."""
        known = self.customer.attributes.get(self.reference)
        return None if known is None else known[0]


class OfSeries(Variable):
    """What is measured of a series, within the last days or ever.

    Attributes:
        customer, series: whose events are measured.
        days: the length of the window in UTC days, today included; 0 without one.
    """

    __slots__ = ("customer", "days", "series")

    def __init__(self, name: str, otherwise: Number, customer: Customer, series: Series, days: int) -> None:
        super().__init__(name, otherwise)
        self.customer = customer
        self.series = series
        self.days = days

    def is_known(self, at_ms: int) -> bool:
        """Return whether no event of the window, or of the whole history, can be missing."""
        if self.days:
            return at_ms >= counted_from(self.customer, self.series, self.days)
        return knows_ever(self.customer, self.series)


class Summed(OfSeries):
    """The sum of an attribute, or its mean.

    Attributes:
        is_mean: whether it is the mean; without events there is none.
    """

    __slots__ = ("is_mean",)

    def __init__(
        self, name: str, otherwise: Number, customer: Customer, series: Series, days: int, is_mean: bool
    ) -> None:
        super().__init__(name, otherwise, customer, series, days)
        self.is_mean = is_mean

    def read(self, at_ms: int) -> Any:
        """Return the sum, or the mean to four decimals."""
        if not self.is_known(at_ms):
            return None
        series, total, number = self.series, 0, 0
        if series.is_present:
            if self.days:
                days = series.days
                for place in range(days.first_from(at_ms // DAY_MS - self.days + 1), days.number):
                    total += days.sum[place]
                    number += days.count[place]
            else:
                total, number = series.total_sum, series.total
        if not self.is_mean:
            return plain(total / UNIT)
        return plain(round(total / number / UNIT, 4)) if number else None


class Counted(OfSeries):
    """The number of events."""

    __slots__ = ()

    def read(self, at_ms: int) -> Any:
        """Return the number."""
        if not self.is_known(at_ms):
            return None
        series, number = self.series, 0
        if series.is_present:
            number = series.total
            if self.days:
                days, number = series.days, 0
                for place in range(days.first_from(at_ms // DAY_MS - self.days + 1), days.number):
                    number += days.count[place]
        return number


class DaysSince(OfSeries):
    """The whole days since the latest event; unknown if none was seen."""

    __slots__ = ()

    def read(self, at_ms: int) -> Any:
        """Return the number of days."""
        return (at_ms - self.series.last_ms) // DAY_MS if self.series.is_present else None


class FirstDay(OfSeries):
    """The UTC day of the first event; unknown if an earlier one can be missing."""

    __slots__ = ()

    def read(self, at_ms: int) -> Any:
        """Return the day as text."""
        return day_text(self.series.first_ms) if self.series.is_present and self.is_known(at_ms) else None


class LastDay(OfSeries):
    """The UTC day of the latest event."""

    __slots__ = ()

    def read(self, at_ms: int) -> Any:
        """Return the day as text."""
        return day_text(self.series.last_ms) if self.series.is_present else None


class MostSeen(OfSeries):
    """The value that the latest events had most often."""

    __slots__ = ()

    def read(self, at_ms: int) -> Any:
        """Return the value."""
        if not self.series.is_present or not self.is_known(at_ms):
            return None
        return most_seen(self.series.seen, at_ms // DAY_MS - self.days + 1 if self.days else 0)


def plain(number: float) -> Number:
    """Return a number without a fraction that is zero."""
    return int(number) if number == int(number) else number


def day_text(at_ms: int) -> str:
    """Return the UTC day of a moment, such as `2025-01-31`."""
    return moment(at_ms).date().isoformat()


def compile_variables(variables: Mapping[str, Any], binding: Binding) -> list[Variable]:
    """Compile the variables of a rule for the customer of a rule set, in their order.

    Args:
        variables: by name, as in `schemas.variables`.
        binding: of the rule.
    """
    return [_compiled(name, written.measurement_of(variable), binding) for name, variable in variables.items()]


def collect_variables(variables: Mapping[str, Any], specs: Specs) -> None:
    """Require everything that the variables of a rule read, so that a customer with room for it can be made."""
    compile_variables(variables, Binding(_NOBODY, specs, collects=True))


def _compiled(name: str, variable: written.Measurement, binding: Binding) -> Variable:
    otherwise, customer = variable.otherwise, binding.customer
    event_type, _, attribute = variable.named.partition(".")
    where, window = getattr(variable, "where", None), written.window_of(variable)
    days = 0 if window is None else duration_ms(window) // DAY_MS
    match variable:
        case written.OfLatestEvent():
            return OfLatestEvent(name, otherwise, customer, variable.latest_event)
        case written.LastKnown():
            return LastKnown(name, otherwise, customer, binding.specs.require_attribute(variable.last_known))
        case written.SumOf():
            series = binding.series(event_type, where, attribute, days)
            return Summed(name, otherwise, customer, series, days, False)
        case written.AverageOf():
            series = binding.mean_series(event_type, where, attribute, days)
            return Summed(name, otherwise, customer, series, days, True)
        case written.MostSeen():
            return MostSeen(name, otherwise, customer, binding.seen_series(event_type, where, attribute), days)
    series = binding.series(event_type, where, days=days)
    kinds = {written.CountOf: Counted, written.DaysSince: DaysSince, written.FirstDay: FirstDay}
    return kinds.get(type(variable), LastDay)(name, otherwise, customer, series, days)
