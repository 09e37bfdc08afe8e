"""A condition as a rule file has it, and a customer of plain numbers whom it looks at."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from schemas.attribute_types import AttributeType
from tests.support.builders import DAY
from tests.support.looked_at import LookedAt
from workers.core.coverage import FOREVER_MS, SETTLING_MS
from workers.core.customer.series import Series

TODAY: Final = 20_000
NOW: Final = TODAY * DAY + 13 * 3_600_000
"""Early in the afternoon of day 20,000."""
NEVER: Final = FOREVER_MS


def looked(when: dict[str, Any], types: dict[str, AttributeType] | None = None) -> LookedAt:
    """Compile a condition; its customer is known since long, and everything about them is."""
    found = LookedAt(when, ("login", "purchase", "nps"), types)
    found.customer.first_ms = NOW - 1000 * DAY
    for series in found.customer.series:
        series.since_ms, series.is_complete = found.customer.first_ms - SETTLING_MS, False
    return found


def series_of(found: LookedAt) -> Series:
    """Return the series that the condition reads."""
    series: Series = found.condition.series  # type: ignore[attr-defined]
    return series


def happened(series: Series, days: Sequence[tuple[int, int, int]]) -> None:
    """Let events happen: days before today, how many, and their sum in ten-thousandths."""
    series.is_present = True
    series.first_ms = series.last_ms = NOW
    for place, (ago, count, amount) in enumerate(sorted(days, reverse=True)):
        series.days.insert(place, TODAY - ago, count, amount)
        series.total += count
        series.total_sum += amount
    series.active_days = len(days)


def unwatched(found: LookedAt) -> None:
    """Watch the series from now on, and do not know what happened before."""
    series_of(found).since_ms = NOW


def reason(found: LookedAt, at_ms: int = NOW) -> dict[str, Any]:
    """Return the reason, read from its JSON."""
    (read,) = msgspec.json.decode(found.written(at_ms), type=list[dict[str, Any]])
    return read


def leaves(ago: int, window: int) -> int:
    """Return when a day before today leaves a window of days."""
    return (TODAY - ago + window) * DAY
