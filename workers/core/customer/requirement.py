"""Requirement: how many events of some types a customer must have."""

from collections.abc import Iterable

from workers.core.customer.customer import Customer
from workers.core.customer.series import Series
from workers.core.memory import Numbers


class Requirement:
    """Bounds of the numbers of a customer's events, over the lifetime."""

    __slots__ = ("_memory", "_series", "bounds", "number")

    def __init__(self, customer: Customer, required: Iterable[tuple[str, int, int]]) -> None:
        """Bind bounds to a customer; each is an event type, at least and at most."""
        known = list(required)
        self.number = len(known)
        self._series: list[Series | None] = []
        memory = Numbers(2 * self.number)
        self._memory = memory
        self.bounds = memory.numbers()
        for place, (name, least, most) in enumerate(known):
            self._series.append(customer.by_key.get(name))
            self.bounds[2 * place], self.bounds[2 * place + 1] = least, most

    def is_met(self) -> bool:
        """Return whether every number is within its bounds."""
        for place in range(self.number):
            series = self._series[place]
            total = 0
            if series is not None and series.is_present:
                total = series.total
            if total < self.bounds[2 * place] or total > self.bounds[2 * place + 1]:
                return False
        return True
