"""Plain events of a history: where no one asks for values of a type, a few numbers are kept of each of its events."""

from collections.abc import Collection, Sequence
from typing import Final

from workers.core.events.scanner import Scanner
from workers.histories.by_customer import EventsByCustomer
from workers.histories.seen_values import SeenValues

NOT_PLAIN: Final = -1
_ALWAYS_THERE: Final = {"purchase": {"amount"}}
"""By event type, the attributes without which no event of it is accepted."""


def without_values(types: Collection[str], seen: SeenValues, compared: Collection[str]) -> list[str]:
    """Return the types without a value that must be counted: at most that there are amounts, as there always are.

    Args:
        types: event types.
        seen: what is asked for.
        compared: attributes that rules compare with values, as `type.attribute`.
    """
    return [
        name
        for name in types
        if all(
            asked in _ALWAYS_THERE.get(name, ()) and f"{name}.{asked}" not in compared
            for asked in seen.asked_for(name)
        )
    ]


class PlainReader:
    """Reads canonical events into a store, without making an object of each.

    It takes nothing that the strict reader refuses; what it leaves, the strict reader must read.
    """

    def __init__(
        self, types: Sequence[str], plain: Collection[str], seen: SeenValues, store: EventsByCustomer
    ) -> None:
        """Prepare to read.

        Args:
            types: all event types; the events in the store have their places.
            plain: the types whose events are taken: those `without_values`.
            seen: counts the events.
            store: takes the events.
        """
        self._types = types
        self._scanner = Scanner(types, plain)
        self._seen = seen
        self._store = store

    def take(self, raw: bytes, latest_ms: int) -> int:
        """Count and keep an event, if it is a plain one that happened before a moment, and no part of a history.

        Returns:
            When it happened, in epoch milliseconds; `NOT_PLAIN` if it is not taken.
        """
        scanner = self._scanner
        if not scanner.scan(raw, latest_ms) or scanner.history_ms:
            return NOT_PLAIN
        at_ms, place, begin = scanner.at_ms, scanner.type_place, scanner.customer_at
        customer = scanner.raw[begin : begin + scanner.customer_size]
        amount = scanner.amount
        self._store.add_plain(customer, at_ms, amount, scanner.fingerprint(), place)
        self._seen.count(self._types[place], amount)
        return at_ms
