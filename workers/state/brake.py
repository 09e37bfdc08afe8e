"""The brake: how many actions of all rules together may be published in an hour, over all partitions.

The limit is written in the rule files, or follows from the past: ten times the greatest hour of the last 28 days,
and at least 500. An hour in which the brake held something does not count for that: otherwise one accident would
raise the limit for the next. As with rate limits, actions are counted before the atomic step that uses them: if a
worker dies in between, fewer are published, never more. This module knows no customer, and holds nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from workers.state.store import Store

HOUR_MS: Final = 3_600_000
LEAST_PER_HOUR: Final = 500
TIMES_GREATEST: Final = 10
DAYS: Final = 28
_HOURS: Final = DAYS * 24
_BRAKED: Final = "!"
"""Ends the name of the field of an hour in which the brake held something."""
_LIMIT: Final = "limit"


@dataclass(frozen=True, slots=True)
class BrakeState:
    """The brake in one hour.

    Attributes:
        hour: since 1970.
        passed: how many actions have passed in it.
        limit: how many may pass in it, as workers computed it last; None if none has yet.
        is_written: whether the limit is that of the rule files.
        has_braked: whether it held something in this hour.
    """

    hour: int
    passed: int
    limit: int | None
    is_written: bool
    has_braked: bool


class Brake:
    """Lets actions pass within the limit. Each worker has one; all share the counts in Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: tuple[int, int | None] | None = None
        self._limit = LEAST_PER_HOUR

    async def acquire(self, requested: int, written: int | None, now_ms: int, *, holds: bool = True) -> int:
        """Count some actions, and return how many of them may be published in this hour.

        Called again, it counts again.

        Args:
            requested: how many actions, at least one.
            written: the limit of the rule files, None without one.
            now_ms: the time, which selects the hour.
            holds: whether the brake holds the others. Otherwise they were held before, and wait.

        Raises:
            Transient: if Redis does not answer.
        """
        key, hour = self._store.keys.brake, now_ms // HOUR_MS
        if self._known != (hour, written):
            await self._begin(hour, written)
        total = await self._store.count_in(key, str(hour), requested)
        granted = max(0, min(requested, self._limit - (total - requested)))
        if granted < requested:
            await self._store.count_in(key, str(hour), granted - requested)
            if holds:
                await self._store.set_fields(key, {f"{hour}{_BRAKED}": "1"})
        return granted

    def limit(self) -> int:
        """Return the limit of the hour that was counted last."""
        return self._limit

    async def _begin(self, hour: int, written: int | None) -> None:
        """Find the limit of an hour, and forget the hours that are too old to count for it."""
        key = self._store.keys.brake
        fields = await self._store.fields(key)
        self._limit = default_limit(fields, hour) if written is None else written
        old = [name for name in fields if (of := _hour_of(name)) is not None and of < hour - _HOURS]
        if old:
            await self._store.remove_fields(key, old)
        text = f"{self._limit} {'default' if written is None else 'written'}"
        if fields.get(_LIMIT) != text:
            await self._store.set_fields(key, {_LIMIT: text})
        self._known = (hour, written)


def default_limit(fields: Mapping[str, str], hour: int) -> int:
    """Return the limit of an hour that follows from the hours before.

    Args:
        fields: of the hash of hours.
        hour: since 1970.
    """
    counts = [
        int(count)
        for name, count in fields.items()
        if name.isdigit() and hour - _HOURS <= int(name) < hour and f"{name}{_BRAKED}" not in fields
    ]
    return max(LEAST_PER_HOUR, TIMES_GREATEST * max(counts, default=0))


async def brake_state(store: Store, now_ms: int) -> BrakeState:
    """Return the brake of the present hour."""
    fields, hour = await store.fields(store.keys.brake), now_ms // HOUR_MS
    limit, _, kind = fields.get(_LIMIT, "").partition(" ")
    return BrakeState(
        hour=hour,
        passed=int(fields.get(str(hour), 0)),
        limit=int(limit) if limit else None,
        is_written=kind == "written",
        has_braked=f"{hour}{_BRAKED}" in fields,
    )


def _hour_of(name: str) -> int | None:
    digits = name.removesuffix(_BRAKED)
    return int(digits) if digits.isdigit() else None
