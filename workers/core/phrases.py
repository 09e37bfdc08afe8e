"""Conditions in plain English: the wording in `why`, in `linger rules explain` and in rules/README.md.

Each kind of condition has one wording in two forms: a phrase ("at least 3 purchases within 365 days") and a
statement about the customer ("a customer has had at least 3 purchases within 365 days"). Each form also has an
opposite, for a condition that does not hold. `sentences` words whole rules.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from schemas import conditions as model
from schemas.durations import write_duration

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


def phrase(condition: Any) -> str:
    """Word a condition as in `why`."""
    return _phrase(condition, holds=True)


def negated(condition: Any) -> str:
    """Word the opposite of a condition."""
    return _phrase(condition, holds=False)


def said(condition: Any, *, holds: bool = True) -> Said:
    """Word one elementary condition, or with `holds` false its opposite.

    Raises:
        TypeError: for a combination (`all`, `any`, `not`), and for a value that is not a condition.
    """
    match condition:
        case model.Count(count=name):
            return _owned(counted(condition, name, "", holds))
        case model.Distinct(distinct=reference):
            return _owned(counted(condition, reference, "different ", holds))
        case model.Sum():
            return _summed(condition, holds)
        case model.Average(average=reference):
            bounds = bounds_in_words(condition) if holds else f"not {bounds_in_words(condition)}"
            return _own_clause(
                f"average {attribute(reference)}{filters(condition.where)} is {bounds} {within(condition.within)}"
            )
        case model.Absent():
            return _absent(condition, holds)
        case model.Last(last=name) | model.First(first=name):
            which = "last" if isinstance(condition, model.Last) else "first"
            was = "was" if holds else "was not"
            return _own_clause(f"{which} {noun(name)}{filters(condition.where)} {was} {ages_in_words(condition)} ago")
        case model.Known(known_for=span):
            text = f"known for {'at least' if holds else 'less than'} {write_duration(span)}"
            return Said(text, "has been", text)
        case model.Change():
            return _changed(condition, holds)
        case model.Overdue():
            return _overdue(condition, holds)
        case model.Followed():
            first = f"{_article(condition.after)} followed by {_article(condition.then)}"
            sequence = f"{first} within {write_duration(condition.within)}"
            return _owned(sequence if holds else f"no {sequence.split(' ', 1)[1]}")
        case model.Unfollowed():
            return _unfollowed(condition, holds)
        case model.Latest():
            return _own_clause(f"latest {attribute(condition.latest)} {_latest_test(condition, holds)}")
        case model.Date():
            return _dated(condition, holds)
        case model.Status():
            return _status(condition, holds)
        case model.Meets(meets=name):
            rest = f'as "{name}"'
            verb = "counts" if holds else "does not count"
            return Said(f"{verb} {rest}", verb, rest)
    raise TypeError(f"no elementary condition: {condition!r}")


# -- each kind of condition ------------------------------------------------------------------------------------


def _phrase(condition: Any, *, holds: bool) -> str:
    match condition:
        case model.Not(not_=part):
            return _phrase(part, holds=not holds)
        case model.All(all=parts):
            return _joined(parts, "and" if holds else "or", holds)
        case model.Any_(any=parts):
            return _joined(parts, "or" if holds else "and", holds)
    return said(condition, holds=holds).phrase


def _joined(parts: Sequence[Any], word: str, holds: bool) -> str:
    texts = []
    for part in parts:
        text = _phrase(part, holds=holds)
        texts.append(f"({text})" if len(parts) > 1 and _parts_in(part) > 1 else text)
    return listed(texts, word)


def _parts_in(condition: Any) -> int:
    """Return the number of parts of a combination, ignoring levels with one part; 1 if elementary."""
    parts = model.parts_of(condition)
    return _parts_in(parts[0]) if len(parts) == 1 else len(parts) or 1


def _owned(text: str) -> Said:
    return Said(text, _HAS, text)


def _own_clause(text: str) -> Said:
    return Said(f"the {text}", "", text)


def counted(condition: "model.Count | model.Distinct", name: str, different: str, holds: bool) -> str:
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


def _summed(condition: "model.Sum", holds: bool) -> Said:
    what = f"{attribute(condition.sum)}{filters(condition.where)}"
    rest = f"up to {bounds_in_words(condition, holds=holds)} {within(condition.within)}"
    return Said(f"{what} adding {rest}", "", f"{what} adds {rest}")


def _absent(condition: "model.Absent", holds: bool) -> Said:
    what, span = f"{noun(condition.none)}{filters(condition.where)}", write_duration(condition.for_)
    return _owned(f"no {what} for {span}" if holds else f"{a(what)} in the last {span}")


def _changed(condition: "model.Change", holds: bool) -> Said:
    is_sum = "." in condition.change
    what = attribute(condition.change) if is_sum else plural(noun(condition.change))
    what += filters(condition.where)
    way, share = ("down", condition.down_by) if condition.down_by is not None else ("up", condition.up_by)
    span = write_duration(condition.within)
    rest = (
        f"{'' if holds else 'not '}{way} by at least {share:f}% in the last {span} against the {span} before "
        f"(which had at least {condition.from_at_least:f})"
    )
    return Said(f"{what} {rest}", "", f"{what} {'is' if is_sum else 'are'} {rest}")


def _overdue(condition: "model.Overdue", holds: bool) -> Said:
    rest = (
        f"last {noun(condition.overdue)}{filters(condition.where)} is {'' if holds else 'not '}more than "
        f"{condition.by:f} times their usual gap ago (and at least {write_duration(condition.at_least)})"
    )
    return Said(f"their {rest}", "", rest)


def _unfollowed(condition: "model.Unfollowed", holds: bool) -> Said:
    then, span = _article(condition.without), write_duration(condition.for_)
    if holds:
        return _owned(f"{_article(condition.after)} not followed by {then} within {span}")
    return _owned(f"no {event_in_words(condition.after)} without {then} within {span}")


def _latest_test(condition: "model.Latest", holds: bool) -> str:
    if condition.is_ is not None:
        return f"is {'' if holds else 'not '}{values(condition.is_)}"
    if condition.is_not is not None:
        return f"is {'not ' if holds else ''}{values(condition.is_not)}"
    return f"is {'' if holds else 'not '}{bounds_in_words(condition)}"


def _dated(condition: "model.Date", holds: bool) -> Said:
    if condition.in_the_next is not None:
        when = f"is {'' if holds else 'not '}in the next {write_duration(condition.in_the_next)}"
    else:
        assert condition.passed_for is not None
        when = f"{'passed' if holds else 'did not pass'} at least {write_duration(condition.passed_for)} ago"
    what, name = date_in_words(condition.date), noun(condition.date.split(".", 1)[0])
    of, rest = f"the {what} of ", f"latest {name} {when}"
    return Said(f"{of}the {rest}", "", rest, of)


def _status(condition: "model.Status", holds: bool) -> Said:
    if condition.for_ is not None:
        span = write_duration(condition.for_)
        if holds:
            rest = f"at least {span} ago and did not come back"
            return Said(f"the customer cancelled {rest}", "cancelled", rest)
        text = f"active or cancelled less than {span} ago"
        return Said(f"the customer is {text}", "is", text)
    if (condition.status == "active") == holds:
        return Said("the customer is active", "is", "active")
    return Said("the customer has cancelled", "has", "cancelled")


# -- bounds, times, filters ------------------------------------------------------------------------------------


def bounds_in_words(bounds: model.Bounds, *, holds: bool = True, few: str = "less") -> str:
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


def ages_in_words(condition: "model.Last | model.First") -> str:
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
    return f" ({', '.join(f'{_spaced(name)} {_filter(value)}' for name, value in where.items())})"


def _filter(value: Any) -> str:
    match value:
        case model.Bounds():
            return bounds_in_words(value)
        case model.Different(other_than=other):
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
    if isinstance(which, model.EventFilter):
        return f"{noun(which.event)}{filters(which.where)}"
    return noun(which)


def _article(which: Any) -> str:
    return a(event_in_words(which))


def a(words: str) -> str:
    """Put `a` or `an` before words, by their sound: abbreviations are spelled out (`an nps`, an en-pee-ess)."""
    first = words.split(" ", 1)[0].lower()
    if not _VOWELS & set(first):
        return f"{'an' if first[:1] in _SPELLED else 'a'} {words}"
    heard_as_you = first.startswith(("uni", "use", "eu"))
    return f"{'an' if first[0] in 'aeiou' and not heard_as_you else 'a'} {words}"
