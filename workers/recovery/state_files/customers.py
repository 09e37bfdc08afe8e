"""Stored customers as facts, and facts as stored customers."""

from workers.core.customer.stored import OtherLayout, UnknownLayout
from workers.core.decisions.decide import decider_of
from workers.core.rules.rule_set import RuleSet
from workers.customer_facts.facts import CustomerFacts
from workers.customer_facts.facts_of import facts_of, take_facts
from workers.customer_facts.texts import UnreadableFacts
from workers.errors import LingerError


class UnreadableCustomer(Exception):
    """A stored customer that is damaged."""


class StoredCustomers:
    """The customers of a rule set, one after the other.

    Attributes:
        layout: in which they are written.
    """

    def __init__(self, rules: RuleSet, layout: int) -> None:
        self.layout = layout
        self._decider = decider_of(rules)

    def facts(self, raw: bytes) -> CustomerFacts:
        """Return the facts of a stored customer.

        Raises:
            LingerError: if another release wrote it, so this one can read none.
            UnreadableCustomer: if it is damaged.
        """
        try:
            self._decider.read(raw)
        except OtherLayout as error:
            raise LingerError(str(error)) from error
        except UnknownLayout as error:
            raise UnreadableCustomer from error
        return facts_of(self._decider.names)

    def stored(self, facts: CustomerFacts) -> bytes:
        """Return what is stored of a customer with these facts.

        Raises:
            UnreadableFacts: if no customer can have them.
        """
        decider = self._decider
        decider.program.begin()
        take_facts(decider.names, facts)
        try:
            return decider.stored.write(self.layout)
        except ValueError as error:
            raise UnreadableFacts(str(error)) from error
