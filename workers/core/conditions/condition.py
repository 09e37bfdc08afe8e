"""Truth values, and what a condition can do.

A condition is made once for a rule set, for the one `Customer` whose objects are filled for one customer after the
other. Truth values are ordered, so Kleene's logic is `min`, `max` and `2 - x`. A condition is true or false only if
no unseen event could change that; otherwise it is not observable.
"""

from typing import Final, NamedTuple

from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import Evidence
from workers.core.customer.customer import Customer
from workers.core.customer.series import Series
from workers.core.text import Text

FALSE: Final = 0
NOT_OBSERVABLE: Final = 1
TRUE: Final = 2


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


class Words(NamedTuple):
    """What the reason of an elementary condition is written with.

    Attributes:
        place: its place among the elementary conditions of its rule, in the rule's order; that of its evidence.
        head: what its reason begins with: `{"condition":"...","observed":`.
        tail: what follows the observed value: `,"bound":"...","window":"..."`, without the closing brace.
        prevented: what begins the words of what would have prevented it, `,"prevented_by":"a purchase before `; empty
            inside `not`, where nothing is said of it.
    """

    place: int
    head: bytes
    tail: bytes
    prevented: bytes


class Elementary(Condition):
    """A condition without parts; its attributes are those of its `Words`."""

    def __init__(self, words: Words) -> None:
        super().__init__()
        self.place, self.head, self.tail, self.prevented = words

    def _write_last(self, text: Text, last_ms: int) -> None:
        """Write `"last on 2026-11-30 14:05 UTC`, or `"never` if the moment is below zero; without the last quote."""
        if last_ms < 0:
            text.copy(b'"never')
        else:
            text.copy(b'"last on ')
            text.moment(last_ms)

    def _write_prevented(self, text: Text, before_ms: int) -> None:
        """Write what would have prevented it, with a moment; nothing inside `not`, where nothing is said of it."""
        if self.prevented:
            text.copy(self.prevented)
            text.moment(before_ms)
            text.byte(34)


class OfOneSeries(Elementary):
    """A condition on one series of a customer.

    Attributes:
        customer, series: what it reads.
    """

    def __init__(self, words: Words, customer: Customer, series: Series) -> None:
        super().__init__(words)
        self.customer = customer
        self.series = series
