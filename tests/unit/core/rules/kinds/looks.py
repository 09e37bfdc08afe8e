"""A condition as a rule file has it, and a customer of plain numbers whom it looks at."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from pydantic import TypeAdapter

from schemas import conditions as model
from schemas.attribute_types import AttributeType
from tests.support.both_cores import Looked
from tests.support.builders import DAY
from workers.core.coverage import FOREVER_MS, SETTLING_MS, Coverage
from workers.core.customer.series import Series
from workers.core.customer.specs import Specs
from workers.core.rules.condition_compiler import compile_condition

READ: Final = TypeAdapter[Any](model.Condition).validate_python
TODAY: Final = 20_000
NOW: Final = TODAY * DAY + 13 * 3_600_000
"""Early in the afternoon of day 20,000."""
NEVER: Final = FOREVER_MS


def looked(when: dict[str, Any], types: dict[str, AttributeType] | None = None) -> Looked:
    """Compile a condition; its customer is known since long, and everything about them is."""
    specs, read = Specs(("login", "purchase", "nps"), types), READ(when)
    compile_condition(read, specs)  # collects what must be kept
    found = Looked(read, specs)
    found.customer.is_known = True
    found.customer.first_ms = NOW - 1000 * DAY
    since = {one.key: found.customer.first_ms - SETTLING_MS for one in found.customer.series}
    found.customer.observe(Coverage(since=since))
    return found


def series_of(found: Looked) -> Series:
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


def unwatched(found: Looked) -> None:
    """Watch the series from now on, and do not know what happened before."""
    series_of(found).since_ms = NOW


def reason(found: Looked, at_ms: int = NOW) -> dict[str, Any]:
    """Return the reason, read from its JSON."""
    read: dict[str, Any] = msgspec.json.decode(found.reason(at_ms))
    return read


def leaves(ago: int, window: int) -> int:
    """Return when a day before today leaves a window of days."""
    return (TODAY - ago + window) * DAY
