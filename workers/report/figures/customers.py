"""How many customers there are: new, buying for the first and the second time, back after a break. Pure."""

from typing import Final

from workers.report.document import (
    Chart,
    ChartKind,
    Count,
    Figure,
    Missing,
    Month,
    Note,
    Section,
    Series,
    Table,
    Word,
)
from workers.report.figures.basis import Basis
from workers.report.figures.remarks import of_last_month, of_new_customers

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
    return Section(id="customers", figures=figures, tables=(table,), charts=(_chart(basis, table),))


def _chart(basis: Basis, table: Table) -> Chart:
    """Return its chart, without customers seen for the first time where all of them bought at once."""
    series = {name: tuple(row[place] for row in table.rows) for place, name in enumerate(table.columns) if place > 0}
    if series["arrived"] == series["first"]:
        del series["arrived"]
    bought = sum(basis.by_month[month]["first"] for month in basis.trend)
    return Chart(
        id=table.id,
        kind=ChartKind.LINES,
        x="month",
        y="customers_a_month",
        places=tuple(row[0] for row in table.rows),
        series=tuple(Series(Word(f"column.{name}"), values) for name, values in series.items()),
        time=table.time,
        notes=(
            of_last_month(basis),
            *([Note("of_first_buyers", {"n": Count(bought)})] if bought else []),
            *of_new_customers(basis),
        ),
        table=table.id,
        given=table.given,
    )
