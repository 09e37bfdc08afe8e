"""`latest: profile.plan, is: gold`: the latest known value of an attribute, alone or beside an earlier one."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Final

from schemas.attribute_types import AttributeType
from schemas.conditions import Different, Latest
from schemas.conditions.latest import GIVEN, UNKNOWN
from schemas.durations import DAY_MS, duration_ms, write_duration
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE, Basis, Elementary
from workers.core.conditions.levels import ChangedFromDay, ChangedFromReport, Formerly, Share, WhetherKnown
from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import Evidence
from workers.core.customer.folding import LONGEST_TEXT
from workers.core.events.attribute_types import convert
from workers.core.events.filters import Test, value_test
from workers.core.phrases import Said, attribute, bounds_in_words, filter_in_words, values, without_history
from workers.core.rules.binding import Binding
from workers.core.rules.claims import Claim, Quantity, State, Value, measured, values_of
from workers.core.rules.kind import Kind, one_event, types_named, value_unknown
from workers.core.text import Text

_CASES: Final[tuple[Callable[[str], str], ...]] = (str.lower, str.upper, str.title, str.capitalize)
_NO_VALUE: Final = "\0"


class LatestValue(Elementary):
    """The latest known value of an attribute; not observable while none is known.

    A value stored before its attribute had a type, or stored as it came, counts as the type too.

    Attributes:
        attribute: `type.attribute`.
        passes: returns whether a value matches.
        kind: the type of the attribute; None if it has none.
        tested: the value that was looked at last, as it is kept: the same value need not be tested again.
        truth: what was found of it.
    """

    cost = 0

    def __init__(self, basis: Basis, attribute: str, passes: Test, kind: AttributeType | None) -> None:
        super().__init__(basis)
        self.attribute = attribute
        self.passes = passes
        self.kind = kind
        self.tested: Any = None
        self.truth = NOT_OBSERVABLE

    def look(self, at_ms: int) -> int:
        """Test the value; time alone never changes the result."""
        self.flip_ms = FOREVER_MS
        known = self.customer.attributes.get(self.attribute)
        if known is None:
            return NOT_OBSERVABLE
        kept = known[0]
        if kept is not self.tested:
            value = kept if self.kind is None else convert(kept, self.kind)
            self.tested = kept
            self.truth = NOT_OBSERVABLE if value is None else TRUE if self.passes(value) else FALSE
        return self.truth

    def note(self, evidence: Evidence, at_ms: int) -> None:
        """Note the value, and that there is one."""
        known, value = self.customer.attributes.get(self.attribute), None
        if known is not None:
            value = known[0] if self.kind is None else convert(known[0], self.kind)
        evidence.numbers[self.at] = 0 if value is None else 1
        if value is not None:
            evidence.keep(self.place, value)

    def write_observed(self, text: Text, evidence: Evidence) -> None:
        """Write the value."""
        self.write_kept(text, evidence)


def said(when: Latest, *, holds: bool) -> Said:
    """Word the condition, or its opposite."""
    name = attribute(when.latest)
    if when.asks_whether_known:
        text = f"{name} is {'unknown' if (when.is_ == UNKNOWN) == holds else 'given'}"
    elif when.changes:
        text = f"latest {name} is {'' if holds else 'not '}{_change_in_words(when)}"
    elif when.was is None:
        text = f"latest {name} {_test_in_words(when, holds=holds)}"
    elif not _tests_latest(when):
        text = f"{name} before the latest one was {'' if holds else 'not '}{filter_in_words(when.was)}"
    else:
        word, no = ("and", "") if holds else ("or", "not ")
        test = _test_in_words(when, holds=holds)
        text = f"latest {name} {test}, {word} the one before was {no}{filter_in_words(when.was)}"
    return Said(f"the {text}", "", text)


def _test_in_words(when: Latest, *, holds: bool) -> str:
    if when.is_ is not None:
        return f"is {'' if holds else 'not '}{values(when.is_)}"
    if when.is_not is not None:
        return f"is {'not ' if holds else ''}{values(when.is_not)}"
    return f"is {'' if holds else 'not '}{bounds_in_words(when)}"


def _change_in_words(when: Latest) -> str:
    way, share = ("down", when.down_by) if when.down_by is not None else ("up", when.up_by)
    earlier = "the one before" if when.compared_with is None else f"{write_duration(when.compared_with)} ago"
    least = "" if when.from_at_least is None else f" (which was at least {when.from_at_least:f})"
    return f"{way} by at least {share:f}% against {earlier}{least}"


def _tests_latest(when: Latest) -> bool:
    return when.is_ is not None or when.is_not is not None or when.limits() != (None, None)


def compile(when: Latest, binding: Binding) -> Elementary:
    """Compile the condition for the customer of a rule set."""
    specs, kind = binding.specs, binding.specs.type_of(when.latest)
    basis = binding.basis(when, said, _bound(binding.shown(when)), _days_in_words(when))
    if when.changes and when.compared_with is not None:
        days = duration_ms(when.compared_with) // DAY_MS
        return ChangedFromDay(basis, binding.levels(when.latest, days), _share(when), days)
    if when.asks_whether_known:
        key, given = specs.require_attribute(when.latest), binding.given_series(when.latest)
        return WhetherKnown(basis, given, key, asks_unknown=when.is_ == UNKNOWN)
    if not when.changes and when.was is None:
        return LatestValue(basis, specs.require_attribute(when.latest), value_test(_wanted(when)), kind)
    before, given = specs.require_before(when.latest), binding.given_series(when.latest)
    if when.changes:
        return ChangedFromReport(basis, given, when.latest, before, kind, _share(when))
    passes = value_test(_wanted(when)) if _tests_latest(when) else None
    return Formerly(basis, given, when.latest, before, kind, passes, value_test(_as_kept(when.was)))


def _share(when: Latest) -> Share:
    return Share(when.down_by, when.up_by, when.from_at_least)


def _days_in_words(when: Latest) -> str | None:
    return None if when.compared_with is None else write_duration(when.compared_with)


def _wanted(when: Latest) -> Any:
    """Return what the latest value must be, as filters have it."""
    if when.is_ is not None:
        return _as_kept(when.is_)
    return when if when.is_not is None else Different(other_than=_as_kept(when.is_not))


def _as_kept(wanted: Any) -> Any:
    if isinstance(wanted, Different):
        return Different(other_than=_as_kept(wanted.other_than))
    if isinstance(wanted, list):
        return [_as_kept(one) for one in wanted]
    return wanted[:LONGEST_TEXT] if isinstance(wanted, str) else wanted


def _bound(when: Latest) -> str:
    if when.changes:
        way, share = ("down", when.down_by) if when.down_by is not None else ("up", when.up_by)
        least = "" if when.from_at_least is None else f" from at least {when.from_at_least:f}"
        return f"{way} by {share:f}%{least}"
    parts = []
    if _tests_latest(when):
        parts.append(_bound_of_latest(when))
    if when.was is not None:
        parts.append(f"was {filter_in_words(when.was)}")
    return ", ".join(parts)


def _bound_of_latest(when: Latest) -> str:
    for word, wanted in (("is", when.is_), ("is not", when.is_not)):
        if wanted is not None:
            return f"{word} {' or '.join(map(str, wanted)) if isinstance(wanted, list) else wanted}"
    return when.words()


def least_events(when: Latest) -> dict[str, int]:
    """Return one event, or two for a comparison with an earlier one; none if no value must be known."""
    if when.asks_whether_known and when.is_ == UNKNOWN:
        return {}
    return dict.fromkeys(one_event(when), 2 if when.changes or when.was is not None else 1)


def can_turn_false(when: Latest) -> set[str]:
    """Return the type, except for what stays given."""
    return set() if when.asks_whether_known and when.is_ != UNKNOWN else types_named(when)


def can_turn_true(when: Latest) -> set[str]:
    """Return the type, except for what is not unknown again."""
    return set() if when.asks_whether_known and when.is_ == UNKNOWN else types_named(when)


def claims(when: Latest, holds: bool) -> Iterator[Claim]:
    """Yield its claims, or those of its opposite."""
    of = measured("latest", when.latest, None, None)
    if when.asks_whether_known:
        yield State(("known", when.latest), UNKNOWN if (when.is_ == UNKNOWN) == holds else GIVEN)
    elif when.changes:
        if holds:
            of = ("level", when.latest, when.compared_with)
            yield State(of, "down" if when.down_by is not None else "up")
    elif when.was is not None:
        if holds:
            yield from _claims_of_test(when, of, holds)
    else:
        yield from _claims_of_test(when, of, holds)


def _claims_of_test(when: Latest, of: tuple[Any, ...], holds: bool) -> Iterator[Claim]:
    if when.is_ is not None or when.is_not is not None:
        is_one = (when.is_ is not None) == holds
        yield Value(of, values_of(when.is_ if when.is_ is not None else when.is_not), is_one)
    elif holds and when.limits() != (None, None):
        yield Quantity(of, *when.limits())


def times(when: Latest) -> Iterator[str]:
    """Yield when it is checked besides after events."""
    if when.compared_with is not None:
        yield f"when the {attribute(when.latest)} of {write_duration(when.compared_with)} ago is another one"


def needs(when: Latest, holds: bool) -> Iterator[timedelta | str]:
    """Yield what must be known of a customer for it, or its opposite, to hold."""
    name = attribute(when.latest)
    if when.asks_whether_known:
        if (when.is_ == UNKNOWN) == holds:
            yield without_history(when.latest.split(".", 1)[0])
    elif when.compared_with is not None:
        yield f"customers without a known {name} of {write_duration(when.compared_with)} ago"
    elif when.changes or when.was is not None:
        yield f"customers of whom Linger has not seen two reports of the {name}"
    else:
        yield f"customers without a known {name}"


def looks_back(when: Latest) -> timedelta:
    """Return how many days ago the earlier level is."""
    return when.compared_with or timedelta(0)


def untold(when: Latest, is_known: bool) -> tuple[str | None, str]:
    """Return the type of the attribute, and which of its values is missing."""
    event_type, name = when.latest.split(".", 1)
    if when.compared_with is not None:
        ago = write_duration(when.compared_with)
        return event_type, f"no '{event_type}' event had a number as its '{name}' {ago} ago or before"
    if is_known and (when.changes or when.was is not None):
        return event_type, f"only one '{event_type}' event had the attribute '{name}' so far"
    return value_unknown(when, is_known)


def nearly(value: Elementary, observed: str) -> str | None:
    """Return that a text differs only in case or blanks, if it does."""
    if not isinstance(value, LatestValue):
        return None  # what is observed is not the value alone
    if value.passes(observed) or value.passes(_NO_VALUE):
        return None  # the second if it asks for any value except some
    words = " ".join(observed.split())
    if any(value.passes(form) for form in (words, *(change(words) for change in _CASES))):
        return "values are compared exactly: this one differs only in case or blanks"
    return None


KIND = Kind(
    word="latest",
    model=Latest,
    said=said,
    compile=compile,
    can_turn_false=can_turn_false,
    can_turn_true=can_turn_true,
    least_events=least_events,
    claims=claims,
    times=times,
    needs=needs,
    looks_back=looks_back,
    nearly=nearly,
    untold=untold,
)
