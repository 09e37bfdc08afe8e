"""What becomes due if no customer does anything from now on. Pure."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from workers.core.events.decoding import UNIT
from workers.report.document import (
    AsOf,
    Chart,
    ChartKind,
    Count,
    Day,
    Label,
    Missing,
    Money,
    Section,
    Series,
    Table,
    Value,
    Word,
)
from workers.report.figures.months import day_of

_COLUMNS = ("rule", "due", "customers", "worth")


def forecast(document: Mapping[str, Any] | None, at_ms: int, reason: str = "no_scan") -> Section:
    """Return the section.

    Args:
        document: as `linger forecast --json` has it; None if there is none.
        at_ms: its moment.
        reason: why there is none.
    """
    time = AsOf(at_ms)
    due = [] if document is None else [rule for rule in document["rules"] if rule["sent"]]
    if document is None or not due:
        empty = Missing(reason if document is None else "nothing_due")
        table = Table(id="forecast_rules", columns=_COLUMNS, rows=(), time=time, empty=empty)
        return Section(id="forecast", tables=(table,))
    currency = document["currency"] or "-"
    rows = tuple(
        (Label(rule["id"]), Count(rule["sent"]), Count(rule["customers"]), _worth(rule["worth"], currency))
        for rule in due
    )
    table = Table(id="forecast_rules", columns=_COLUMNS, rows=rows, time=time)
    days = document["any_rule"]["days"]
    chart = Chart(
        id="forecast_days",
        kind=ChartKind.BARS,
        x="day",
        y="messages",
        places=tuple(Day(day_of(date.fromisoformat(one["day"]))) for one in days),
        series=(Series(Word("column.due"), tuple(Count(one["sent"]) for one in days)),),
        time=time,
    )
    return Section(id="forecast", tables=(table,), charts=(chart,))


def _worth(amount: float | None, currency: str) -> Value:
    return Missing("no_value") if amount is None else Money(round(amount * UNIT), currency)
