"""Stored customers as facts, and facts as stored customers: no other module here knows that there are layouts."""

from typing import Final

from workers.core.customer.customer import Customer
from workers.core.customer.fact_texts import UnreadableFacts
from workers.core.customer.facts import CustomerFacts
from workers.core.customer.facts_of import facts_of, take_facts
from workers.core.customer.names import NamedRule, Names
from workers.core.customer.stored import OtherLayout, Stored, UnknownLayout
from workers.core.rules.rule_set import RuleSet
from workers.errors import LingerError

_LAYOUT: Final = 3
"""Of what is loaded: every worker reads it, and stores in its own layout what it decides next."""


class UnreadableCustomer(Exception):
    """A stored customer that is damaged."""


class StoredCustomers:
    """The customers of a rule set, one after the other."""

    def __init__(self, rules: RuleSet) -> None:
        self._names = names_of(rules)
        self._stored = Stored(self._names)

    def facts(self, raw: bytes) -> CustomerFacts:
        """Return the facts of a stored customer.

        Raises:
            LingerError: if another release wrote it, so this one can read none.
            UnreadableCustomer: if it is damaged.
        """
        try:
            self._stored.read(raw)
        except OtherLayout as error:
            raise LingerError(str(error)) from error
        except UnknownLayout as error:
            raise UnreadableCustomer from error
        return facts_of(self._names)

    def stored(self, facts: CustomerFacts) -> bytes:
        """Return what is stored of a customer with these facts.

        Raises:
            UnreadableFacts: if no customer can have them.
        """
        take_facts(self._names, facts)
        try:
            return self._stored.write(_LAYOUT)
        except ValueError as error:
            raise UnreadableFacts(str(error)) from error


def names_of(rules: RuleSet) -> Names:
    """Return the names of a rule set, with a customer of its own."""
    series = sorted(rules.specs(), key=lambda spec: spec.key)
    customer = Customer(series, len(rules.rules), 1, 1)
    return Names(customer, rules.generation, [NamedRule(rule.id, rule.version, 0) for rule in rules.rules])
