"""What conditions in plain English are made of: bounds, times, filters, names of events and attributes.

Each kind of condition has one wording in two forms: a phrase ("at least 3 purchases within 365 days") and a
statement about the customer ("a customer has had at least 3 purchases within 365 days"). Each form also has an
opposite, for a condition that does not hold.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from schemas.conditions import Bounds, Different, EventFilter
from schemas.conditions.ages import Aged
from schemas.conditions.windows import Windowed
from schemas.durations import write_duration
from schemas.variables import (
    AverageOf,
    CountOf,
    DaysSince,
    FirstDay,
    LastDay,
    LastKnown,
    Measurement,
    MostSeen,
    OfLatestEvent,
    SumOf,
    window_of,
)

_HAS: Final = "has had"
_PLURAL: Final = {
    _HAS: "have had",
    "is": "are",
    "has been": "have been",
    "has": "have",
    "cancelled": "cancelled",
    "counts": "count",
    "does not count": "do not count",
}
_SPELLED: Final = frozenset("fhlmnrsx")
_VOWELS: Final = frozenset("aeiouy")
_HISSES: Final = ("ss", "x", "z", "ch", "sh")


@dataclass(frozen=True, slots=True)
class Said:
    """One elementary condition in words.

    Attributes:
        phrase: the condition alone, as in `why`.
        verb: the customer's verb, such as `has had`. Empty if `rest` is a clause about something that belongs to the
            customer ("latest nps score is at most 6").
        rest: the text after the verb or the possessive.
        before: the text before the possessive: "the end date of" (their latest cancellation …).
    """

    phrase: str
    verb: str
    rest: str
    before: str = ""

    def of(self, *, named: bool) -> str:
        """Return the statement about the customer: `a customer` if not yet `named`, else `they`."""
        if self.verb:
            verb = _PLURAL[self.verb] if named else self.verb
            return f"{'they' if named else 'a customer'} {verb} {self.rest}"
        whose = "their" if named else "a customer's"
        return f"{self.before}{whose} {self.rest}"


def counted(condition: Windowed, name: str, different: str, holds: bool) -> str:
    """Word bounds on how many events, or with `different` how many values, there are."""
    word = noun(name) if "." not in name else attribute(name)
    low, high = condition.limits()
    which, when = filters(condition.where), within(condition.within)
    if high is not None and high[0] - high[1] <= 0:
        return f"{'no' if holds else 'at least 1'} {word}{which} {when}"
    if high is None and low is not None and low[0] + low[1] == 1 and not holds:
        return f"no {word}{which} {when}"
    bounds = bounds_in_words(condition, holds=holds, few="fewer")
    one = bounds.rsplit(" ", 1)[-1] == "1"
    return f"{bounds} {different}{word if one else plural(word)}{which} {when}"


# -- bounds, times, filters ------------------------------------------------------------------------------------


def bounds_in_words(bounds: Bounds, *, holds: bool = True, few: str = "less") -> str:
    """Word bounds, or the values outside them.

    Args:
        bounds: with at least one bound.
        holds: false for the opposite.
        few: `fewer` for counts, `less` for measured values.
    """
    low, high = bounds.limits()
    if low is not None and high is not None and low[0] == high[0]:
        return f"{'exactly' if holds else f'{few} or more than'} {_number(low[0])}"
    if holds and bounds.between is not None:
        return bounds.words()
    parts = []
    if low is not None:
        word = ("more than" if low[1] else "at least") if holds else ("at most" if low[1] else f"{few} than")
        parts.append(f"{word} {_number(low[0])}")
    if high is not None:
        word = (f"{few} than" if high[1] else "at most") if holds else ("at least" if high[1] else "more than")
        parts.append(f"{word} {_number(high[0])}")
    return (" and " if holds else " or ").join(parts)


def _number(number: Decimal) -> str:
    return f"{number:f}"


def within(window: timedelta | None) -> str:
    """Word the window of a condition; None means ever."""
    return "ever" if window is None else f"within {write_duration(window)}"


def without_history(name: str) -> str:
    """Word for whom a condition on all events of a type that ever happened cannot be known."""
    return f"customers whose history may be missing {a(noun(name))} (see complete_since in sources.yaml)"


def ages_in_words(condition: Aged) -> str:
    """Word the bounds of an age, without `ago`."""
    low, high = condition.ages()
    if condition.between is not None:
        return f"between {write_duration(condition.between[0])} and {write_duration(condition.between[1])}"
    parts = [] if low is None else [f"at least {write_duration(low)}"]
    parts += [] if high is None else [f"at most {write_duration(high)}"]
    return " and ".join(parts)


def filters(where: Mapping[str, Any] | None) -> str:
    """Word which events count, with a leading space; empty if every event counts."""
    if not where:
        return ""
    return f" ({', '.join(f'{_spaced(name)} {filter_in_words(value)}' for name, value in where.items())})"


def filter_in_words(value: Any) -> str:
    """Word what a filter asks of a value."""
    match value:
        case Bounds():
            return bounds_in_words(value)
        case Different(other_than=other):
            return f"other than {values(other)}"
    return values(value)


def values(value: Any) -> str:
    """Word a value, or a list of them."""
    if isinstance(value, list):
        return listed([values(one) for one in value], "or")
    return str(value).lower() if isinstance(value, bool) else str(value)


def listed(texts: Sequence[str], word: str) -> str:
    """Join texts as a list: `a`, `a and b`, `a, b and c`."""
    if len(texts) < 2:
        return "".join(texts)
    return f"{', '.join(texts[:-1])} {word} {texts[-1]}"


# -- measurements ----------------------------------------------------------------------------------------------


def measurement_in_words(variable: Measurement) -> str:
    """Word a template variable that is a measurement: `the sum of purchase amount within 365 days`."""
    named = variable.named
    what = attribute(named) if "." in named else noun(named)
    which = filters(getattr(variable, "where", None))
    window = window_of(variable)
    words = _MEASURED[type(variable)].format(plural(what) if isinstance(variable, CountOf) else what)
    return f"{words}{which}{'' if window is None else f' {within(window)}'}"


_MEASURED: Final[Mapping[type[Measurement], str]] = {
    OfLatestEvent: "the latest {}",
    LastKnown: "the last known {}",
    SumOf: "the sum of {}",
    CountOf: "the number of {}",
    AverageOf: "the mean of {}",
    DaysSince: "days since the last {}",
    FirstDay: "the day of the first {}",
    LastDay: "the day of the last {}",
    MostSeen: "the most frequent {}",
}


# -- nouns -----------------------------------------------------------------------------------------------------


def noun(name: str) -> str:
    """Word one event of a type: `page_view` is a page view."""
    return _spaced(name)


def attribute(reference: str) -> str:
    """Word an attribute of an event type: `purchase.amount` is the purchase amount."""
    name, of = reference.split(".", 1)
    return f"{_spaced(name)} {_spaced(of)}"


def date_in_words(reference: str) -> str:
    """Word an attribute that is a date: `effective_at` is the effective-at date, `end_date` the end date."""
    words = reference.split(".", 1)[1].replace("_", " ").split()
    return " ".join(words) if words[-1:] == ["date"] else f"{'-'.join(words)} date"


def plural(word: str) -> str:
    """Return the plural: purchases, categories, boxes. A word that ends in a single `s` stays unchanged."""
    if word.endswith("s") and not word.endswith("ss"):
        return word
    if word.endswith(_HISSES):
        return f"{word}es"
    if word.endswith("y") and word[-2:-1] not in _VOWELS:
        return f"{word[:-1]}ies"
    return f"{word}s"


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def event_in_words(which: Any) -> str:
    """Word which events are meant: a type, or an event with its filter."""
    if isinstance(which, EventFilter):
        return f"{noun(which.event)}{filters(which.where)}"
    return noun(which)


def a(words: str) -> str:
    """Put `a` or `an` before words, by their sound: abbreviations are spelled out (`an nps`, an en-pee-ess)."""
    first = words.split(" ", 1)[0].lower()
    if not _VOWELS & set(first):
        return f"{'an' if first[:1] in _SPELLED else 'a'} {words}"
    heard_as_you = first.startswith(("uni", "use", "eu"))
    return f"{'an' if first[0] in 'aeiou' and not heard_as_you else 'a'} {words}"
