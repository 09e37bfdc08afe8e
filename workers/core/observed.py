"""What Linger has watched, and up to when: the part of the truth that is not in a customer's activity."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

FOREVER_MS: Final = 1 << 62

SETTLING_MS: Final = 180 * 86_400_000
"""Somebody first seen this long after watching began is taken as new when a topic's history is not whole."""


@dataclass(frozen=True, slots=True)
class Observed:
    """Since when and until when event types were watched, in epoch milliseconds.

    Attributes:
        since: by series key; a series that is missing is not watched at all.
        until: by event type; a type that is missing has been seen for ever (nothing feeds it but the log itself).
        whole: series whose history is complete from `since` on for every customer, because the operator says so.
    """

    since: Mapping[str, int]
    until: Mapping[str, int] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()

    def covers(self, types: frozenset[str], at_ms: int) -> bool:
        """Tell whether all of these types have been seen until `at_ms`."""
        return self.unseen(types, at_ms) is None

    def unseen(self, types: frozenset[str], at_ms: int) -> str | None:
        """Return the type among these that has been seen least, if not until `at_ms`; None if all have."""
        until = self.until
        worst, worst_ms = None, at_ms
        for name in sorted(types):
            seen_ms = until.get(name, FOREVER_MS)
            if seen_ms < worst_ms:
                worst, worst_ms = name, seen_ms
        return worst
