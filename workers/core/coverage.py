"""Coverage: since when and until when Linger has watched each event type. It is not part of a customer's activity.

Pure. Knows no source: since when a type is watched, and its watermark, are given (`workers.core.watermarks`).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

FOREVER_MS: Final = 1 << 62

SERIES_OF_SOME: Final = "?"
"""Separates the type from the rest, in the key of a series that holds only some events of the type."""

SETTLING_MS: Final = 180 * 86_400_000
"""A customer first seen this long after coverage began counts as new when a topic's history is not complete."""


def type_of(series: str) -> str:
    """Return the event type of a series."""
    return series.partition(SERIES_OF_SOME)[0]


def complete_series(since: Mapping[str, int], complete_types: Collection[str]) -> frozenset[str]:
    """Return the series whose history is complete.

    A series of only some events is not complete if it was first watched later than its type, even if the type is.

    Args:
        since: since when each series is watched, by its key.
        complete_types: types whose sources declare their history complete.
    """
    return frozenset(
        key
        for key, since_ms in since.items()
        if type_of(key) in complete_types and since_ms <= since.get(type_of(key), since_ms)
    )


@dataclass
class Coverage:
    """Since when and until when event types are watched, in epoch milliseconds; immutable.

    Attributes:
        since: by series key; a missing series is not watched.
        until: watermark by event type; a missing type has no limit, because only the activity topic itself feeds it.
        complete: series whose history the operator declares complete from `since` on, for every customer.
        meant: by event type, up to when it had been seen when the present meaning of rules began. What a rule would
            have begun up to then was decided by the meaning before. Empty if there was none.
        all_remembered: no customer was forgotten before, as in rule tests.
        settled_ms: a customer first seen at or after this moment is new, so all of their events are known. FOREVER_MS
            if nothing is watched.
        earliest_ms: since when any type is watched, so that a customer may have been known and forgotten since;
            FOREVER_MS if that cannot be.
    """

    since: Mapping[str, int]
    until: Mapping[str, int] = field(default_factory=dict)
    complete: frozenset[str] = frozenset()
    meant: Mapping[str, int] = field(default_factory=dict)
    all_remembered: bool = False
    settled_ms: int = field(init=False, repr=False, compare=False)
    earliest_ms: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        types = [key for key in self.since if key == type_of(key)]
        settled = [self.since[name] + SETTLING_MS for name in types if name not in self.complete]
        self.settled_ms = max(settled, default=0) if types else FOREVER_MS
        earliest_ms = min((self.since[name] for name in types), default=FOREVER_MS)
        self.earliest_ms = FOREVER_MS if self.all_remembered else earliest_ms

    def since_ms(self, series: str) -> int:
        """Return since when a series is watched, FOREVER_MS if it is not."""
        since_ms = self.since.get(series)
        return FOREVER_MS if since_ms is None else since_ms

    def was_decided(self, types: frozenset[str], at_ms: int) -> bool:
        """Return whether a rule that needs these types was decided at a moment by an earlier meaning."""
        meant = self.meant
        if not meant:
            return False
        for name in types:
            if meant.get(name, 0) < at_ms:
                return False
        return True

    def unseen(self, types: frozenset[str], at_ms: int) -> str | None:
        """Return the type among these with the lowest watermark, if that is before `at_ms`; else None.

        Of equal watermarks, the first type in alphabetical order counts.
        """
        until = self.until
        worst, worst_ms = None, at_ms
        for name in types:
            watermark_ms = until.get(name, FOREVER_MS)
            if watermark_ms < worst_ms or (watermark_ms == worst_ms and worst is not None and name < worst):
                worst, worst_ms = name, watermark_ms
        return worst
