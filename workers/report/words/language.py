"""A language: from the ids and values of a report to text. Pure.

A phrase has gaps: `{days}` is a value as text, and `{days|day|days}` is a number followed by the word that goes with it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from workers.report.document import (
    AsOf,
    Count,
    Day,
    Incomplete,
    Interval,
    Label,
    Missing,
    Moment,
    Money,
    Month,
    Number,
    Share,
    Time,
    Value,
    Word,
)
from workers.report.words import en, nl
from workers.report.words.formats import Formats

CAN_CHANGE: Final = "*"
"""Behind a value that can still change; the page says so."""
_GAP: Final = re.compile(r"\{(\w+)(?:\|([^|}]*)\|([^|}]*))?\}")
_NOTHING: Final = "–"
_SMALL: Final = 0.01
"""Shares below this have a decimal more."""


@dataclass(frozen=True, slots=True)
class Language:
    """A language.

    Attributes:
        code: of it, as pages name it.
        words: its phrases by key.
        formats: how it writes what is no word.
    """

    code: str
    words: Mapping[str, str]
    formats: Formats

    def say(self, key: str, given: Mapping[str, Value] | None = None) -> str:
        """Return a phrase with its gaps filled.

        Raises:
            KeyError: if there is no such phrase, or nothing is given for a gap.
        """
        values = given or {}

        def fill(gap: re.Match[str]) -> str:
            value = values[gap[1]]
            text = self.short(value) if isinstance(value, Share) else self.text(value)
            if gap[2] is None:
                return text
            return f"{text} {gap[2] if _is_one(value) else gap[3]}"

        return _GAP.sub(fill, self.words[key])

    def text(self, value: Value) -> str:
        """Return a value as text; of a missing one only a sign, because `reason` says why."""
        match value:
            case Count(number):
                return self.formats.number(number)
            case Number(number, places):
                return self.formats.number(number, places)
            case Share():
                return self.formats.share(value.ratio, 2 if 0 < abs(value.ratio) < _SMALL else 1)
            case Money(amount, currency):
                return self.formats.money(amount, currency)
            case Interval(low, high, middle):
                return self.say("interval", {"middle": middle, "low": low, "high": high})
            case Day(number):
                return self.formats.day(number)
            case Month(text):
                return self.formats.month(text)
            case Moment(at_ms):
                return self.formats.moment(at_ms)
            case Word(key, given):
                return self.say(key, given)
            case Label(text):
                return text
            case Missing():
                return _NOTHING
            case Incomplete(inner):
                return f"{self.text(inner)}{CAN_CHANGE}"

    def short(self, value: Value) -> str:
        """Return a value as text for a narrow place, such as below a chart."""
        match value:
            case Day(number):
                return self.formats.short_day(number)
            case Month(text):
                return self.formats.short_month(text)
            case Share():
                return self.formats.share(value.ratio, 0 if (value.ratio * 100).is_integer() else 1)
            case Incomplete(inner):
                return self.short(inner)
        return self.text(value)

    def below(self, value: Value) -> str:
        """Return a value as text for below a chart: the year of a month stands on a second line."""
        inner = value.value if isinstance(value, Incomplete) else value
        return self.short(inner).replace(" ", "\n") if isinstance(inner, Month) else self.short(inner)

    def reason(self, missing: Missing) -> str:
        """Return why there is no value."""
        return self.say(f"reason.{missing.reason}", missing.given)

    def time(self, time: Time) -> str:
        """Return of when something is."""
        if isinstance(time, AsOf):
            return self.say("as_of", {"moment": Moment(time.at_ms)})
        return self.formats.days(time.first, time.last)


def _is_one(value: Value) -> bool:
    return isinstance(value, Count | Number) and value.number == 1


LANGUAGES: Final = {
    "en": Language("en", en.WORDS, en.FORMATS),
    "nl": Language("nl", nl.WORDS, nl.FORMATS),
}
"""All of them, by their codes."""
