"""Levels: the latest value of an attribute beside an earlier one, and whether any is known.

The value before the latest one is certain if no report between the two can be missing: reports have been kept since
before it, or the whole history is known. So is the level at the end of a day, if none can be missing from its report
on.
"""

from decimal import ROUND_CEILING, Decimal
from typing import Any, Final

from schemas.attribute_types import AttributeType
from schemas.durations import DAY_MS
from workers.core.conditions.amounts import bounded
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE, Basis, OfOneSeries
from workers.core.conditions.history import knows_ever
from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import Evidence
from workers.core.customer.series import Series
from workers.core.events.attribute_types import convert
from workers.core.events.decoding import UNIT
from workers.core.events.filters import Test, scaled_number
from workers.core.phrases import values
from workers.core.text import Text

_PERCENT: Final = 10_000
"""A share is a whole number of hundredths of a percent."""


class WhetherKnown(OfOneSeries):
    """Whether any value of an attribute is known; it is certainly unknown only if every event was seen.

    Attributes:
        attribute: `type.attribute`.
        if_known, if_unknown: the truth in each case.
    """

    cost = 1

    def __init__(self, basis: Basis, series: Series, attribute: str, *, asks_unknown: bool) -> None:
        super().__init__(basis, series)
        self.attribute = attribute
        self.if_known, self.if_unknown = (FALSE, TRUE) if asks_unknown else (TRUE, FALSE)

    def look(self, at_ms: int) -> int:
        """Time alone never changes it."""
        self.flip_ms = FOREVER_MS
        if self.is_known():
            return self.if_known
        return self.if_unknown if knows_ever(self.customer, self.series) else NOT_OBSERVABLE

    def is_known(self) -> bool:
        """Return whether any event had a value."""
        return self.series.is_present or self.attribute in self.customer.attributes

    def note(self, evidence: Evidence, at_ms: int) -> None:
        """Note whether one is known."""
        evidence.numbers[self.at] = int(self.is_known())

    def write_observed(self, text: Text, evidence: Evidence) -> None:
        """Write it as a word."""
        text.copy(b'"given"' if evidence.numbers[self.at] else b'"unknown"')


class TwoReports(OfOneSeries):
    """The two latest values that were reported of an attribute; its series is that of all reports.

    Attributes:
        attribute, before: the names of the latest value and of the one before it.
        kind: the type of the attribute; None if it has none.
    """

    def __init__(self, basis: Basis, series: Series, attribute: str, before: str, kind: AttributeType | None) -> None:
        super().__init__(basis, series)
        self.attribute = attribute
        self.before = before
        self.kind = kind

    def value_of(self, name: str) -> Any:
        """Return a kept value as the type of the attribute; None if there is none."""
        known = self.customer.attributes.get(name)
        if known is None or self.kind is None:
            return None if known is None else known[0]
        return convert(known[0], self.kind)

    def is_certain(self) -> bool:
        """Return whether the value before the latest one is known, and no report between the two can be missing."""
        known = self.customer.attributes.get(self.before)
        if known is None:
            return False
        return known[1] >= self.series.since_ms or knows_ever(self.customer, self.series)


class Formerly(TwoReports):
    """A test of the value before the latest one, and perhaps one of the latest value.

    Attributes:
        passes: returns whether the latest value matches; None for any.
        passed: returns whether the one before does.
    """

    cost = 2

    def __init__(
        self,
        basis: Basis,
        series: Series,
        attribute: str,
        before: str,
        kind: AttributeType | None,
        passes: Test | None,
        passed: Test,
    ) -> None:
        super().__init__(basis, series, attribute, before, kind)
        self.passes = passes
        self.passed = passed

    def look(self, at_ms: int) -> int:
        """Test both; time alone never changes the result."""
        self.flip_ms = FOREVER_MS
        truth = TRUE
        if self.passes is not None:
            latest = self.value_of(self.attribute)
            if latest is None:
                truth = NOT_OBSERVABLE
            elif not self.passes(latest):
                return FALSE
        value = self.value_of(self.before) if self.is_certain() else None
        if value is None:
            return NOT_OBSERVABLE
        return truth if self.passed(value) else FALSE

    def note(self, evidence: Evidence, at_ms: int) -> None:
        """Note both values, the latest alone if it is the only one."""
        latest, before = self.value_of(self.attribute), self.value_of(self.before)
        evidence.numbers[self.at] = 0 if latest is None else 1
        if latest is not None:
            evidence.keep(self.place, latest if before is None else f"{values(latest)} after {values(before)}")

    def write_observed(self, text: Text, evidence: Evidence) -> None:
        """Write them."""
        self.write_kept(text, evidence)


class Share:
    """How much a level must have fallen or risen.

    Levels and their products with a share may take more than 64 bits, so they are compared in Python's integers. A
    level that was not above zero has no share.

    Attributes:
        is_rise: whether it must have risen.
        share: the most that may remain after a fall, or the least to reach after a rise, in hundredths of a percent.
        least: the least that the earlier level must have been, in ten-thousandths.
    """

    def __init__(self, down_by: Decimal | None, up_by: Decimal | None, least: Decimal | None) -> None:
        self.is_rise = up_by is not None
        self.share = int(100 * (100 + (up_by if up_by is not None else -(down_by or Decimal(0)))))
        self.least = 0 if least is None else int((bounded(least) * UNIT).to_integral_value(ROUND_CEILING))

    def judge(self, before: int, latest: int) -> int:
        """Compare two levels in ten-thousandths; return the truth."""
        if before <= 0 or before < self.least:
            return FALSE
        found, asked = latest * _PERCENT, before * self.share
        return TRUE if (found >= asked if self.is_rise else found <= asked) else FALSE


class ChangedFromReport(TwoReports):
    """The latest value beside the one before it, as numbers.

    Attributes:
        share: how much it must have changed.
    """

    cost = 2

    def __init__(
        self, basis: Basis, series: Series, attribute: str, before: str, kind: AttributeType | None, share: Share
    ) -> None:
        super().__init__(basis, series, attribute, before, kind)
        self.share = share

    def look(self, at_ms: int) -> int:
        """Compare both; time alone never changes the result."""
        self.flip_ms = FOREVER_MS
        if not self.is_certain():
            return NOT_OBSERVABLE
        before, latest = scaled_number(self.value_of(self.before)), scaled_number(self.value_of(self.attribute))
        if before is None or latest is None:
            return NOT_OBSERVABLE
        return self.share.judge(before, latest)

    def note(self, evidence: Evidence, at_ms: int) -> None:
        """Note both levels, and whether they are known."""
        before, latest = scaled_number(self.value_of(self.before)), scaled_number(self.value_of(self.attribute))
        if before is not None and latest is not None:
            note_levels(evidence, self.at, latest, before)

    def write_observed(self, text: Text, evidence: Evidence) -> None:
        """Write both levels."""
        write_levels(text, evidence, self.at)


class ChangedFromDay(OfOneSeries):
    """The latest level beside that at the end of an earlier UTC day, which is another one as time passes.

    Attributes:
        share: how much it must have changed.
        days: how many days ago that day is.
    """

    cost = 3

    def __init__(self, basis: Basis, series: Series, share: Share, days: int) -> None:
        super().__init__(basis, series)
        self.share = share
        self.days = days

    def look(self, at_ms: int) -> int:
        """Follow the days with a report, as one after the other becomes that of the earlier level."""
        series, days = self.series, self.series.days
        self.flip_ms = FOREVER_MS
        number = days.number if series.is_present else 0
        if not number:
            return NOT_OBSERVABLE
        is_whole = knows_ever(self.customer, series)
        place = self.place_at(at_ms)
        now = self.judge(place, is_whole)
        while place + 1 < number:
            place += 1
            if self.judge(place, is_whole) != now:
                self.flip_ms = (days.day[place] + self.days) * DAY_MS
                return now
        return now

    def place_at(self, at_ms: int) -> int:
        """Return the place of the last day with a report that is not after the earlier one; -1 if there is none."""
        return self.series.days.first_from(at_ms // DAY_MS - self.days + 1) - 1

    def judge(self, place: int, is_whole: bool) -> int:
        """Compare the latest level with that of the day at a place."""
        days = self.series.days
        if place < 0:
            return NOT_OBSERVABLE
        if not is_whole and days.day[place] * DAY_MS + days.count[place] - 1 < self.series.since_ms:
            return NOT_OBSERVABLE
        return self.share.judge(days.sum[place], days.sum[days.number - 1])

    def note(self, evidence: Evidence, at_ms: int) -> None:
        """Note both levels, and whether they are known."""
        days = self.series.days
        if self.series.is_present and (place := self.place_at(at_ms)) >= 0:
            note_levels(evidence, self.at, days.sum[days.number - 1], days.sum[place])

    def write_observed(self, text: Text, evidence: Evidence) -> None:
        """Write both levels."""
        write_levels(text, evidence, self.at)


def note_levels(evidence: Evidence, at: int, latest: int, before: int) -> None:
    """Note two levels in ten-thousandths, and that they are known."""
    evidence.numbers[at], evidence.numbers[at + 1], evidence.numbers[at + 2] = latest, before, 1


def write_levels(text: Text, evidence: Evidence, at: int) -> None:
    """Write two noted levels, such as `"6 after 9"`; null if they are not known."""
    if not evidence.numbers[at + 2]:
        text.copy(b"null")
        return
    text.byte(34)
    text.short_amount(evidence.numbers[at])
    text.copy(b" after ")
    text.short_amount(evidence.numbers[at + 1])
    text.byte(34)
