"""How many customers there are: new, buying for the first and the second time, back after a break. Pure."""

from typing import Final

from workers.report.document import Chart, ChartKind, Count, Figure, Missing, Month, Section, Series, Table, Word
from workers.report.figures.basis import Basis

_COLUMNS: Final = {"new": "arrived", "first": "first", "second": "second", "back": "back"}
"""Fields of the book, and the columns that show them."""


def customers(basis: Basis) -> Section:
    """Return the section."""
    known = Count(basis.ever["new"]) if basis.has("new") else Missing("no_customers")
    figures = (
        Figure(id="known_customers", value=basis.of_period(known), time=basis.period),
        Figure(id="new_customers", value=basis.counted("first", "no_purchases"), time=basis.period),
        Figure(id="second_purchases", value=basis.counted("second", "no_second_purchase"), time=basis.period),
        Figure(
            id="came_back",
            value=basis.counted("back", "no_one_back"),
            time=basis.period,
            given={"days": Count(basis.lapse_days)},
        ),
    )
    if not basis.trend:
        return Section(id="customers", figures=figures)
    rows = tuple(
        (
            Month(month),
            *(basis.of_month(month, Count(basis.by_month[month][name])) for name in _COLUMNS),
        )
        for month in basis.trend
    )
    table = Table(
        id="customers_by_month",
        columns=("month", *_COLUMNS.values()),
        rows=rows,
        time=basis.trend_time,
        given={"days": Count(basis.lapse_days)},
    )
    chart = Chart(
        id="customers_by_month",
        kind=ChartKind.LINES,
        x="month",
        y="customers",
        places=tuple(row[0] for row in rows),
        series=tuple(
            Series(Word(f"column.{name}"), tuple(row[place] for row in rows))
            for place, name in enumerate(_COLUMNS.values(), 1)
        ),
        table="customers_by_month",
        given={"days": Count(basis.lapse_days)},
    )
    return Section(id="customers", figures=figures, tables=(table,), charts=(chart,))
