"""Binding: what a kind of condition needs to be compiled for the customer of a rule set."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from workers.core.conditions.condition import Basis
from workers.core.customer.customer import Customer
from workers.core.customer.series import Series
from workers.core.customer.specs import PairSpec, Specs
from workers.core.phrases import Said
from workers.core.rules.personal import masked, observes
from workers.core.text import inside_quotes, quoted

_ANY_SERIES: Final = Series("", "", False, 0)
"""Stands for every series while nothing but the need of it matters."""


class Binding:
    """Hands out the series of a customer, and the places of the conditions of one rule.

    Attributes:
        customer: whose objects the conditions read.
        specs: everything that the rule set keeps.
        negations: inside how many `not` the condition is that is compiled.
        ladder: on which the customer stands (`rules.ladder.ActiveLadder`); None if there is none.
    """

    def __init__(self, customer: Customer, specs: Specs, *, collects: bool = False, ladder: Any = None) -> None:
        """Begin with the first condition of a rule.

        Args:
            customer: has every series of `specs`.
            specs: everything that the rule set keeps.
            collects: whether conditions are compiled only so that `specs` holds what they read: then the customer
                need not have it, and what is compiled is of no use.
            ladder: the live ladder, bound to the customer.
        """
        self.customer = customer
        self.specs = specs
        self.negations = 0
        self.ladder = ladder
        self._places = 0
        self._collects = collects

    @property
    def places(self) -> int:
        """How many elementary conditions were compiled so far."""
        return self._places

    def series(self, name: str, where: Mapping[str, Any] | None, adds: str | None = None, days: int = 0) -> Series:
        """Return the series of some events of a type; arguments as for `Specs.require`."""
        return self._found(self.specs.require(name, where, adds, days))

    def mean_series(self, name: str, where: Mapping[str, Any] | None, attribute: str, days: int) -> Series:
        """Return the series of the events in which an attribute is a number; as for `Specs.require_mean`."""
        return self._found(self.specs.require_mean(name, where, attribute, days))

    def value_series(self, name: str, where: Mapping[str, Any] | None, attribute: str) -> Series:
        """Return the series with the distinct values of an attribute; as for `Specs.require_different`."""
        return self._found(self.specs.require_different(name, where, attribute))

    def seen_series(self, name: str, where: Mapping[str, Any] | None, attribute: str) -> Series:
        """Return the series with the latest values of an attribute; as for `Specs.require_seen`."""
        return self._found(self.specs.require_seen(name, where, attribute))

    def series_of(self, key: str) -> Series:
        """Return the series with a key that `specs` has."""
        return self._found(key)

    def given_series(self, reference: str) -> Series:
        """Return the series of the events in which an attribute has a value; as for `Specs.require_given`."""
        return self._found(self.specs.require_given(reference))

    def levels(self, reference: str, days: int) -> Series:
        """Return the series with the level of an attribute on each day; as for `Specs.require_levels`."""
        return self._found(self.specs.require_levels(reference, days))

    def pair(self, first: tuple[str, Any], then: tuple[str, Any]) -> tuple[PairSpec, Series, Series]:
        """Return a pair, and the series of both; as for `Specs.require_pair`."""
        pair = self.specs.require_pair(first, then)
        return pair, self._found(pair.first), self._found(pair.then)

    def shown(self, when: Any) -> Any:
        """Return a condition as its words may say it: without values of personal attributes."""
        return masked(when, self.specs.personal)

    def basis(
        self,
        when: Any,
        said: Callable[..., Said],
        bound: str,
        window: str | None = None,
        prevented: str | None = None,
    ) -> Basis:
        """Return what a condition is made with; call it once for each, in order.

        Args:
            when: the condition as written.
            said: words a condition of its kind, or with `holds=False` its opposite.
            bound: what is asked, such as `at least 3`; of values in it, those that `shown` leaves.
            window: the period that it covers; None for none.
            prevented: how the words of what would have prevented it begin; None for nothing.
        """
        place = self._places
        self._places += 1
        phrase = said(self.shown(when), holds=self.negations % 2 == 0).phrase
        tail = b',"bound":' + quoted("not " * self.negations + bound)
        if window is not None:
            tail += b',"window":' + quoted(window)
        before = b"" if self.negations or prevented is None else b',"prevented_by":"' + inside_quotes(prevented)
        head = b'{"condition":' + quoted(phrase) + b',"observed":'
        return Basis(self.customer, place, head, tail, before, observes(when, self.specs.personal))

    def _found(self, key: str) -> Series:
        if self._collects:
            return _ANY_SERIES
        return self.customer.by_key[key]
