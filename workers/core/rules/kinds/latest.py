"""`latest: profile.plan, is: gold`: the latest known value of an attribute."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Final

from schemas.attribute_types import AttributeType
from schemas.conditions import Different, Latest
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE, Basis, Elementary
from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import Evidence
from workers.core.customer.folding import LONGEST_TEXT
from workers.core.events.attribute_types import convert
from workers.core.events.filters import Test, value_test
from workers.core.phrases import Said, attribute, bounds_in_words, values
from workers.core.rules.binding import Binding
from workers.core.rules.claims import Claim, Quantity, Value, measured, values_of
from workers.core.rules.kind import Kind, one_event, value_unknown
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
    if when.is_ is not None:
        test = f"is {'' if holds else 'not '}{values(when.is_)}"
    elif when.is_not is not None:
        test = f"is {'not ' if holds else ''}{values(when.is_not)}"
    else:
        test = f"is {'' if holds else 'not '}{bounds_in_words(when)}"
    text = f"latest {attribute(when.latest)} {test}"
    return Said(f"the {text}", "", text)


def compile(when: Latest, binding: Binding) -> LatestValue:
    """Compile the condition for the customer of a rule set."""
    wanted: Any = when
    if when.is_ is not None:
        wanted = _as_kept(when.is_)
    elif when.is_not is not None:
        wanted = Different(other_than=_as_kept(when.is_not))
    return LatestValue(
        binding.basis(when, said, _bound(binding.shown(when))),
        binding.specs.require_attribute(when.latest),
        value_test(wanted),
        binding.specs.type_of(when.latest),
    )


def _as_kept(wanted: Any) -> Any:
    if isinstance(wanted, list):
        return [_as_kept(one) for one in wanted]
    return wanted[:LONGEST_TEXT] if isinstance(wanted, str) else wanted


def _bound(when: Latest) -> str:
    for word, wanted in (("is", when.is_), ("is not", when.is_not)):
        if wanted is not None:
            return f"{word} {' or '.join(map(str, wanted)) if isinstance(wanted, list) else wanted}"
    return when.words()


def claims(when: Latest, holds: bool) -> Iterator[Claim]:
    """Yield its claims, or those of its opposite."""
    of = measured("latest", when.latest, None, None)
    if when.limits() == (None, None):
        is_one = (when.is_ is not None) == holds
        yield Value(of, values_of(when.is_ if when.is_ is not None else when.is_not), is_one)
    elif holds:
        yield Quantity(of, *when.limits())


def needs(when: Latest, holds: bool) -> Iterator[timedelta | str]:
    """Yield what must be known of a customer for it, or its opposite, to hold."""
    yield f"customers without a known {attribute(when.latest)}"


def nearly(value: LatestValue, observed: str) -> str | None:
    """Return that a text differs only in case or blanks, if it does."""
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
    least_events=one_event,
    claims=claims,
    needs=needs,
    nearly=nearly,
    untold=value_unknown,
)
