"""Truth values, and what a condition can do.

A condition is made once for a rule set, for the one `Customer` whose objects are filled for one customer after the
other. Truth values are ordered, so Kleene's logic is `min`, `max` and `2 - x`. A condition is true or false only if
no unseen event could change that; otherwise it is not observable.
"""

from typing import Final, NamedTuple

from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import NUMBERS_EACH, Evidence
from workers.core.customer.customer import Customer
from workers.core.customer.series import Series
from workers.core.text import Text, as_json

FALSE: Final = 0
NOT_OBSERVABLE: Final = 1
TRUE: Final = 2

PERSONAL: Final = "(personal)"
"""What stands in place of every value of a personal attribute."""
_MASK: Final = as_json(PERSONAL)


class Condition:
    """A condition of the customer who is looked at.

    Attributes:
        flip_ms: set by `look`: the first later moment at which time alone changes the truth, exactly; FOREVER_MS for
            never.
    """

    def __init__(self) -> None:
        self.flip_ms = FOREVER_MS

    @property
    def cost(self) -> int:
        """Return the relative cost of a look: combinations look at cheap parts first. A kind sets `cost = 2`."""
        return 1

    def look(self, at_ms: int) -> int:
        """Return FALSE, NOT_OBSERVABLE or TRUE at a moment, and set `flip_ms`.

        Args:
            at_ms: not before the customer's latest event.
        """
        raise NotImplementedError

    def note(self, evidence: Evidence, at_ms: int) -> None:
        """Note the numbers that `word` makes the words of the reasons from, as they are at a moment."""
        raise NotImplementedError

    def word(self, text: Text, evidence: Evidence) -> None:
        """Write the reasons as JSON objects (`schemas.actions.Reason`), in the rule's order, with commas between."""
        raise NotImplementedError


class Basis(NamedTuple):
    """What an elementary condition is made with.

    Attributes:
        customer: at whom it looks.
        place: its place among the elementary conditions of its rule, in the rule's order; that of its evidence.
        head: what its reason begins with: `{"condition":"...","observed":`.
        tail: what follows the observed value: `,"bound":"...","window":"..."`, without the closing brace.
        prevented: what begins the words of what would have prevented it, `,"prevented_by":"a purchase before `; empty
            inside `not`, where nothing is said of it.
        is_personal: whether what it observes comes from a personal attribute, and is not written.
    """

    customer: Customer
    place: int
    head: bytes
    tail: bytes
    prevented: bytes
    is_personal: bool = False


class Elementary(Condition):
    """A condition without parts; its attributes are those of its `Basis`.

    Attributes:
        at: the place of its first number in the evidence; it has `NUMBERS_EACH`.
    """

    def __init__(self, basis: Basis) -> None:
        super().__init__()
        self.customer, self.place, self.head, self.tail, self.prevented, self.is_personal = basis
        self.at = NUMBERS_EACH * self.place

    def word(self, text: Text, evidence: Evidence) -> None:
        """Write the reason: what is observed and, outside `not`, what would have prevented it."""
        text.copy(self.head)
        if self.is_personal:
            text.copy(_MASK)
        else:
            self.write_observed(text, evidence)
        text.copy(self.tail)
        if self.prevented:
            self.write_prevented(text, evidence)
        text.byte(125)

    def write_observed(self, text: Text, evidence: Evidence) -> None:
        """Write the observed value as JSON."""
        raise NotImplementedError

    def write_prevented(self, text: Text, evidence: Evidence) -> None:
        """Write what would have prevented it, with the comma before it; nothing if that is unknown."""

    def write_kept(self, text: Text, evidence: Evidence) -> None:
        """Write the value that was kept (`Evidence.keep`), null if the first number says that there is none."""
        text.copy(as_json(evidence.values[self.place] if evidence.numbers[self.at] and evidence.values else None))

    def write_since(self, text: Text, words: bytes, at_ms: int, otherwise: bytes) -> None:
        """Write words and a moment, such as `"last on 2026-11-30 14:05 UTC"`; other words if it is below zero."""
        if at_ms < 0:
            text.copy(otherwise)
        else:
            text.copy(words)
            text.moment(at_ms)
            text.byte(34)

    def write_before(self, text: Text, at_ms: int) -> None:
        """Write what would have prevented it, with a moment."""
        text.copy(self.prevented)
        text.moment(at_ms)
        text.byte(34)


class OfOneSeries(Elementary):
    """A condition on one series of a customer, `series`."""

    def __init__(self, basis: Basis, series: Series) -> None:
        super().__init__(basis)
        self.series = series


class OfTwoSeries(Elementary):
    """A condition on what followed an event.

    Attributes:
        first, then: the series of the event, and of what follows.
        least_ms: 1 if what follows must come later, not at the same moment; else 0. No event follows itself.
    """

    def __init__(self, basis: Basis, first: Series, then: Series) -> None:
        super().__init__(basis)
        self.first = first
        self.then = then
        self.least_ms = int(first.type == then.type)
