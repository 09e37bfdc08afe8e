"""How numbers, dates and amounts are written in a language. Pure."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

MINUS: Final = "\N{MINUS SIGN}"
FIXED: Final = "\N{NO-BREAK SPACE}"
_SYMBOLS: Final = {"EUR": "€", "USD": "$", "GBP": "£"}
_WITHOUT: Final = "-"
"""The currency of events that name none."""
_IN_FULL_BELOW: Final = 1_000
"""Amounts below this are written with their hundredths, if they have some."""
_UNIT: Final = 10_000
_FIRST_DAY: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Formats:
    """How a language writes what is no word.

    Attributes:
        thousands: between three digits and the next.
        decimal: before the decimals.
        after_symbol: between the sign of a currency and the amount.
        months: their names, January first.
        short_months: the same for narrow places.
    """

    thousands: str
    decimal: str
    after_symbol: str
    months: tuple[str, ...]
    short_months: tuple[str, ...]

    def number(self, value: float, places: int = 0) -> str:
        """Return a number with this many decimals."""
        text = f"{abs(value):,.{places}f}"
        sign = MINUS if value < 0 and text.strip("0.,") else ""
        return sign + text.replace(",", "\0").replace(".", self.decimal).replace("\0", self.thousands)

    def signed(self, value: float, places: int = 0) -> str:
        """Return a difference: what is above zero has a sign, too."""
        text = self.number(value, places)
        return f"+{text}" if value > 0 and text != self.number(0, places) else text

    def share(self, ratio: float, places: int = 1) -> str:
        """Return a share in percent."""
        return f"{self.number(ratio * 100, places)}%"

    def money(self, amount: float, currency: str) -> str:
        """Return an amount that is given in ten-thousandths; from a thousand on it is rounded to whole ones."""
        whole = abs(amount) >= _IN_FULL_BELOW * _UNIT or round(amount / _UNIT, 2).is_integer()
        return self._with_currency(self.number(amount / _UNIT, 0 if whole else 2), currency)

    def round_money(self, units: float, currency: str) -> str:
        """Return an amount for an axis: as short as it can be."""
        return self._with_currency(self.number(units, 0 if float(units).is_integer() else 2), currency)

    def day(self, number: int) -> str:
        """Return a day that is given as days since 1970."""
        day = _FIRST_DAY + timedelta(days=number)
        return f"{day.day} {self.months[day.month - 1]} {day.year}"

    def short_day(self, number: int) -> str:
        """Return a day without its year, for a narrow place."""
        day = _FIRST_DAY + timedelta(days=number)
        return f"{day.day} {self.short_months[day.month - 1]}"

    def days(self, first: int, last: int) -> str:
        """Return the days from one to another; a whole month by its name."""
        start, end = _FIRST_DAY + timedelta(days=first), _FIRST_DAY + timedelta(days=last)
        after = end + timedelta(days=1)
        if start.day == 1 and after.day == 1 and (start.year, start.month) == (end.year, end.month):
            return f"{self.months[start.month - 1]} {start.year}"
        if first == last:
            return self.day(first)
        if start.year != end.year:
            return f"{self.day(first)} – {self.day(last)}"
        if start.month != end.month:
            return f"{start.day} {self.months[start.month - 1]} – {self.day(last)}"
        return f"{start.day}–{self.day(last)}"

    def month(self, text: str) -> str:
        """Return a month that is given as `2026-11`."""
        year, month = text.split("-")
        return f"{self.months[int(month) - 1]} {year}"

    def short_month(self, text: str) -> str:
        """Return a month for a narrow place."""
        year, month = text.split("-")
        return f"{self.short_months[int(month) - 1]} {year}"

    def moment(self, at_ms: int) -> str:
        """Return a moment in UTC, to the minute."""
        at = datetime.fromtimestamp(at_ms // 1_000, UTC)
        return f"{self.day((at.date() - _FIRST_DAY).days)}, {at:%H:%M} UTC"

    def _with_currency(self, text: str, currency: str) -> str:
        if currency == _WITHOUT:
            return text
        sign, digits = (MINUS, text[1:]) if text.startswith(MINUS) else ("", text)
        symbol = _SYMBOLS.get(currency)
        if symbol is None:
            return f"{currency}{FIXED}{sign}{digits}"
        return f"{symbol}{self.after_symbol}{sign}{digits}" if self.after_symbol else f"{sign}{symbol}{digits}"
