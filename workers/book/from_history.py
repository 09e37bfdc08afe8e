"""The book of a history: its facts, counted by the core as workers count them. Pure."""

from collections.abc import Sequence
from typing import Final

from workers.book.book import Book
from workers.core.coverage import Coverage
from workers.core.decisions.decide import decider_of
from workers.core.decisions.replay import Events, Replay
from workers.core.rules.rule_set import RuleSet

_TAKEN_EVERY: Final = 1_000
"""Customers after which what the core has counted is taken over."""


class HistoryBook:
    """Decides one customer after the other, and keeps the facts.

    Attributes:
        replay: of the customer who was decided last.
        book: the facts of all customers, once `finish` was called.
    """

    def __init__(self, rules: RuleSet, types: Sequence[str], observed: Coverage) -> None:
        """Begin with an empty book.

        Args:
            rules: the rule set; nothing else may decide by it meanwhile.
            types: the names of all event types.
            observed: since when each series is covered.
        """
        self.replay = Replay(rules, types, observed)
        self.book = Book()
        self._decider = decider_of(rules)
        self._counted = 0

    def count(self, customer_id: str, events: Events, upto_ms: int) -> None:
        """Count all events of a customer, at least one; none is later than a moment, in epoch milliseconds."""
        self.replay.decide(customer_id, events, upto_ms)
        self.replay.turn.keep_facts()
        self._counted += 1
        if self._counted % _TAKEN_EVERY == 0:
            self.book.add_all(self._decider.take_facts())

    def finish(self) -> Book:
        """Return the book, when all customers are counted."""
        self.book.add_all(self._decider.take_facts())
        return self.book
