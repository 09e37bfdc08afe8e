"""Which part of the revenue how few customers bring: measured, never assumed. Pure."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from workers.report.document import (
    AsOf,
    Chart,
    ChartKind,
    Count,
    Figure,
    Missing,
    Money,
    Note,
    Part,
    Section,
    Series,
    Share,
    Table,
    Word,
)
from workers.report.figures.basis import Basis
from workers.report.figures.money import currency_word
from workers.report.present_state import Worths

TOP: Final = 20
"""Percent of the customers whose share is the figure."""
_TOPS: Final = (1, 5, 10, TOP, 50)
_POINTS: Final = tuple(range(0, 101, 10))
_FEWEST: Final = 100 // TOP


def pareto(basis: Basis) -> Section:
    """Return the section."""
    given = {"share": Share(TOP, 100)}
    present = basis.present
    reason = None
    if present is None:
        reason = "no_scan"
    elif not present.worths:
        reason = "no_value"
    elif not present.year_is_known:
        reason = "year_not_kept"
    if present is None or reason is not None:
        missing = Figure(id="pareto", value=Missing(reason or "no_scan"), time=basis.period, given=given)
        return Section(id="pareto", figures=(missing,))
    time = AsOf(present.at_ms)
    figures: list[Figure] = []
    tables: list[Table] = []
    charts: list[Chart] = []
    for currency, worths in sorted(present.worths.items(), key=lambda one: -one[1].year):
        _add(currency, worths, time, (figures, tables, charts))
    return Section(id="pareto", figures=tuple(figures), tables=tuple(tables), charts=tuple(charts))


def _add(currency: str, worths: Worths, time: AsOf, to: tuple[list[Figure], list[Table], list[Chart]]) -> None:
    figures, tables, charts = to
    number = len(worths.of_year)
    given = {"share": Share(TOP, 100), "currency": currency_word(currency)}
    if number < _FEWEST:
        missing = Missing("too_few_buyers", {"least": Count(_FEWEST), "found": Count(number)})
        figures.append(Figure(id="pareto", value=missing, time=time, denominator=Count(number), given=given))
        return
    # What the first 0, 1, 2 … of them bring together; who brought most comes first.
    together = [0, *accumulate(sorted(worths.of_year, reverse=True))]
    figures.append(
        Figure(
            id="pareto",
            value=Share(together[_part(number, TOP)], together[-1]),
            time=time,
            denominator=Count(number),
            parts=(Part("customers", Count(_part(number, TOP))), Part("together", Money(together[-1], currency))),
            given=given,
        )
    )
    tables.append(
        Table(
            id="pareto_tops",
            columns=("top", "customers", "together", "share"),
            rows=tuple(
                (
                    Share(top, 100),
                    Count(_part(number, top)),
                    Money(together[_part(number, top)], currency),
                    Share(together[_part(number, top)], together[-1]),
                )
                for top in _TOPS
                if _part(number, top)
            ),
            time=time,
            given=given,
        )
    )
    charts.append(_curve(together, number, time, currency))


def _curve(together: Sequence[int], number: int, time: AsOf, currency: str) -> Chart:
    measured = tuple(Share(together[_part(number, point)], together[-1]) for point in _POINTS)
    equal = tuple(Share(point, 100) for point in _POINTS)
    return Chart(
        id="pareto_curve",
        kind=ChartKind.LINES,
        x="customers_by_payment",
        y="share_of_revenue",
        places=tuple(Count(point) for point in _POINTS),
        series=(Series(Word("series.measured"), measured), Series(Word("series.equal"), equal)),
        time=time,
        notes=(Note("of_buyers_and_revenue", {"n": Count(number), "amount": Money(together[-1], currency)}),),
        table="pareto_tops",
        given={
            "share": Share(TOP, 100),
            "found": Share(together[_part(number, TOP)], together[-1]),
            "currency": currency_word(currency),
        },
    )


def _part(number: int, percent: int) -> int:
    """Return how many customers a percentage of them is, rounded down."""
    return number * percent // 100
