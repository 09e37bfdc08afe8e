"""Who buys again: the share that bought once, and how many of each month's first-time buyers buy later. Pure."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from workers.report.document import (
    AsOf,
    Chart,
    ChartKind,
    Count,
    Day,
    Figure,
    Incomplete,
    Missing,
    Month,
    Note,
    Part,
    Period,
    Section,
    Series,
    Share,
    Table,
    Value,
    Word,
)
from workers.report.figures.basis import TREND_MONTHS, Basis, share
from workers.report.figures.months import days_of, months_between
from workers.report.figures.remarks import of_last_month, of_no_new_customers, of_period
from workers.report.present_state import ONE_TIME_DAYS

_ONCE: Final = "bought_once"
_NAMING: Final = 2
"""Columns of the table of cohorts before those of months: when they first bought, and how many."""
_TWO: Final = 2
"""Months that it takes to come back."""


def one_time(basis: Basis) -> Section:
    """Return the section of those who bought once."""
    return Section(id="second_purchase", figures=tuple(_one_time(basis, days) for days in ONE_TIME_DAYS))


def _one_time(basis: Basis, days: int) -> Figure:
    present = basis.present
    given: dict[str, Value] = {"days": Count(days)}
    if present is None:
        return Figure(id=_ONCE, value=Missing("no_scan"), time=basis.period, given=given)
    time = AsOf(present.at_ms)
    if not present.buyers:
        return Figure(id=_ONCE, value=Missing("no_purchases"), time=time, given=given)
    if not present.one_time_is_known:
        return Figure(id=_ONCE, value=Missing("days_not_kept"), time=time, given=given)
    counts = present.one_time[days]
    if not counts.old_enough:
        missing = Missing("too_young", given)
        return Figure(id=_ONCE, value=missing, time=time, denominator=Count(0), given=given)
    parts = [Part("once", Count(counts.once))]
    if present.one_time_since:
        parts.append(Part("first_purchases_since", Day(present.one_time_since)))
    return Figure(
        id=_ONCE,
        value=Share(counts.once, counts.old_enough),
        time=time,
        denominator=Count(counts.old_enough),
        parts=tuple(parts),
        given=given,
    )


def retention(basis: Basis) -> Section:
    """Return the section of cohorts: by month of the first purchase, who buys in each month after it."""
    if not basis.has("first"):
        return Section(id="retention", figures=(_missing(basis, "no_purchases"),))
    sizes = {month: facts["first"] for month, facts in basis.by_month.items()}
    cohorts = [month for month in sizes if sizes[month]][-TREND_MONTHS:]
    last = list(sizes)[-1]
    rows = [
        (
            month,
            [_cell(basis, month, sizes[month], at) for at in months_between(month, last)[:TREND_MONTHS]],
        )
        for month in cohorts
    ]
    width = max(len(values) for _, values in rows)
    after = tuple(f"after_{number}" for number in range(width))
    curve = _curve(basis, cohorts, sizes, width)
    time = Period(days_of(cohorts[0]).first, basis.period.last)
    table = Table(
        id="retention",
        columns=("first_purchase", "customers", *after),
        rows=tuple(
            (Month(month), basis.of_month(month, Count(sizes[month])), *_padded(values, width))
            for month, values in rows
        ),
        time=time,
    )
    curve_table = Table(
        id="retention_curve",
        columns=("months_later", "share", "customers"),
        rows=tuple(
            (Count(number), value, Count(value.whole) if isinstance(value, Share) else Missing("not_seen"))
            for number, value in enumerate(curve)
        ),
        time=time,
    )
    return Section(
        id="retention",
        figures=(_next_month(curve, time),),
        tables=(table, curve_table),
        charts=(*_triangle(basis, table), *_curve_chart(basis, curve_table)),
        notes=of_period(basis),
    )


def _triangle(basis: Basis, table: Table) -> Iterator[Chart]:
    """Yield the picture of a table of cohorts, if anyone could have come back yet."""
    width = len(table.columns) - _NAMING
    if width < _TWO:
        return
    sizes = tuple(row[1] for row in table.rows)
    number = sum(value.number for size in sizes if isinstance(value := _plain(size), Count))
    yield Chart(
        id="retention_triangle",
        kind=ChartKind.TRIANGLE,
        x="months_later_shares",
        y="first_purchase",
        places=tuple(Count(number) for number in range(width)),
        series=tuple(Series(row[0], row[_NAMING:]) for row in table.rows),
        time=table.time,
        details=Series(Word("column.customers"), sizes),
        notes=(
            _of_star(basis),
            Note("of_first_buyers", {"n": Count(number)}),
            *of_no_new_customers(basis),
        ),
        table=table.id,
    )


def _of_star(basis: Basis) -> Note:
    last = of_last_month(basis)
    return last if basis.is_whole else Note("month_with_star", last.given)


def _curve_chart(basis: Basis, table: Table) -> Iterator[Chart]:
    """Yield the picture of the curve, as far as each month is over for at least half of those of the first one."""
    wholes = [value.whole if isinstance(value := row[1], Share) else 0 for row in table.rows]
    if len(wholes) < _TWO or not wholes[1]:
        return
    end = next((number for number in range(1, len(wholes)) if 2 * wholes[number] < wholes[1]), len(wholes))
    cut = [Note("curve_ends", {"n": Count(end)})] if end < len(wholes) and wholes[end] else []
    shown = table.rows[:end]
    yield Chart(
        id=table.id,
        kind=ChartKind.LINES,
        x="months_later",
        y="share_who_bought",
        places=tuple(row[0] for row in shown),
        series=(Series(Word("series.all"), tuple(row[1] for row in shown)),),
        time=table.time,
        details=Series(Word("axis.customers_counted"), tuple(row[2] for row in shown)),
        notes=(of_last_month(basis), *cut),
        table=table.id,
    )


def _plain(value: Value) -> Value:
    return value.value if isinstance(value, Incomplete) else value


def _missing(basis: Basis, reason: str) -> Figure:
    return Figure(id="retention_next_month", value=Missing(reason), time=basis.period)


def _next_month(curve: tuple[Value, ...], time: Period) -> Figure:
    """Return how many buy in the month after that of their first purchase."""
    value: Value = curve[1] if len(curve) > 1 else Missing("no_second_month")
    denominator = Count(value.whole) if isinstance(value, Share) else None
    return Figure(id="retention_next_month", value=value, time=time, denominator=denominator)


def _cell(basis: Basis, cohort: str, size: int, month: str) -> Value:
    value = Share(basis.by_month[month][f"buyers:{cohort}"], size)
    # The customers of a month that is not over are not all there yet, either.
    return value if basis.seen_until >= days_of(month).last else Incomplete(value)


def _padded(values: list[Value], width: int) -> tuple[Value, ...]:
    return (*values, *[Missing("not_seen")] * (width - len(values)))


def _curve(basis: Basis, cohorts: list[str], sizes: dict[str, int], width: int) -> tuple[Value, ...]:
    """Return, for each number of months, the share over all cohorts for which that month is over."""
    parts, wholes = Counter[int](), Counter[int]()
    last = list(basis.by_month)[-1]
    for cohort in cohorts:
        for number, month in enumerate(months_between(cohort, last)[:width]):
            if basis.seen_until >= days_of(month).last:
                parts[number] += basis.by_month[month][f"buyers:{cohort}"]
                wholes[number] += sizes[cohort]
    return tuple(share(parts[number], wholes[number], "not_seen") for number in range(width))
