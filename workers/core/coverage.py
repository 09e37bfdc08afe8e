"""What Linger has watched, and up to when: the part of the truth that is not in a customer's activity."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

FOREVER_MS: Final = 1 << 62

SERIES_OF_SOME: Final = "?"
"""In the key of a series that holds only some events of a type, behind the type."""

SETTLING_MS: Final = 180 * 86_400_000
"""Somebody first seen this long after watching began is taken as new when a topic's history is not whole."""


def type_of(series: str) -> str:
    """Return the event type of a series."""
    return series.partition(SERIES_OF_SOME)[0]


def complete_series(since: Mapping[str, int], complete_types: Collection[str]) -> frozenset[str]:
    """Return the series whose history is complete, of types whose sources have a complete one.

    A series of some events that began later than that of all has none, whatever the sources have.
    """
    return frozenset(
        key
        for key, since_ms in since.items()
        if type_of(key) in complete_types and since_ms <= since.get(type_of(key), since_ms)
    )


@dataclass
class Coverage:
    """Since when and until when event types were watched, in epoch milliseconds; never changed.

    Attributes:
        since: by series key; a series that is missing is not watched at all.
        until: by event type; a type that is missing has been seen for ever (nothing feeds it but the log itself).
        complete: series whose history is complete from `since` on for every customer, because the operator says so.
        settled_ms: whoever is first seen then or later is new: everything they ever did is known. FOREVER_MS if
            nothing is watched.
    """

    since: Mapping[str, int]
    until: Mapping[str, int] = field(default_factory=dict)
    complete: frozenset[str] = frozenset()
    settled_ms: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        plain = [key for key in self.since if key == type_of(key)]
        settled = [self.since[name] + SETTLING_MS for name in plain if name not in self.complete]
        self.settled_ms = max(settled, default=0) if plain else FOREVER_MS

    def since_ms(self, series: str) -> int:
        """Return since when a series is watched, FOREVER_MS if it is not."""
        since_ms = self.since.get(series)
        return FOREVER_MS if since_ms is None else since_ms

    def covers(self, types: frozenset[str], at_ms: int) -> bool:
        """Tell whether all of these types have been seen until `at_ms`."""
        return self.unseen(types, at_ms) is None

    def unseen(self, types: frozenset[str], at_ms: int) -> str | None:
        """Return the type among these that has been seen least, if not until `at_ms`; None if all have."""
        until = self.until
        worst, worst_ms = None, at_ms
        for name in types:
            watermark_ms = until.get(name, FOREVER_MS)
            if watermark_ms < worst_ms or (watermark_ms == worst_ms and worst is not None and name < worst):
                worst, worst_ms = name, watermark_ms
        return worst
