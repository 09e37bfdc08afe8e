"""Where customers stand: on which stage, who moved, and who has gone quiet. Pure."""

from workers.report.document import (
    AsOf,
    Chart,
    ChartKind,
    Count,
    Figure,
    Label,
    Missing,
    Money,
    Note,
    Section,
    Series,
    Table,
    Value,
    Word,
)
from workers.report.figures.basis import Basis, labelled, share
from workers.report.present_state import QUIET_DAYS


def stages(basis: Basis) -> Section:
    """Return the section of the stages of the live ladder, and of the moves between them."""
    present = basis.present
    tables: list[Table] = []
    charts: list[Chart] = []
    if present is not None and present.stages:
        time = AsOf(present.at_ms)
        known = present.customers
        rows: list[tuple[Value, ...]] = [
            (
                Label(one.name),
                Count(one.customers),
                share(one.customers, known, "no_customers"),
                _worth(one.worth, present.currency_of_worth),
            )
            for one in present.stages
        ]
        if present.unknown_stage:
            rows.append(
                (
                    Word("stage.unknown"),
                    Count(present.unknown_stage),
                    share(present.unknown_stage, known, "no_customers"),
                    Missing("unknown_stage"),
                )
            )
        tables.append(
            Table(id="stages_now", columns=("stage", "customers", "share", "worth"), rows=tuple(rows), time=time)
        )
        charts.append(
            Chart(
                id="stages_now",
                kind=ChartKind.BARS,
                x="stage",
                y="customers",
                places=tuple(row[0] for row in rows),
                series=(Series(Word("column.customers"), tuple(row[1] for row in rows)),),
                time=time,
                whole=Count(known),
                notes=(Note("of_customers", {"n": Count(known)}),),
                table="stages_now",
            )
        )
    else:
        reason = "no_scan" if present is None else "no_ladder"
        columns = ("stage", "customers", "share", "worth")
        tables.append(Table(id="stages_now", columns=columns, rows=(), time=basis.period, empty=Missing(reason)))
    tables.append(_moves(basis))
    return Section(id="stages", tables=tuple(tables), charts=tuple(charts))


def _worth(amount: int, currency: str | None) -> Value:
    return Missing("no_value") if currency is None else Money(amount, currency)


def _moves(basis: Basis) -> Table:
    moves = sorted(labelled(basis.facts, "move"), key=lambda one: (-one[1], one[0]))
    rows = []
    for labels, number in moves:
        came_from, _, to = labels.partition(":")
        rows.append((Label(came_from), Label(to), Count(number)))
    empty = None if rows else Missing("no_moves")
    return Table(id="moves", columns=("from", "to", "moves"), rows=tuple(rows), time=basis.period, empty=empty)


def slipping(basis: Basis) -> Section:
    """Return the section of customers who have been quiet for 7 days and more."""
    present = basis.present
    columns = ("silent_for", "customers", "share")
    if present is None or not present.customers:
        empty = Missing("no_scan" if present is None else "no_customers")
        table = Table(id="slipping_away", columns=columns, rows=(), time=basis.period, empty=empty)
        return Section(id="slipping", tables=(table,))
    has_year = present.year_is_known
    currencies = sorted(present.worths, key=lambda one: -present.worths[one].year) if has_year else []
    rows = tuple(
        (
            Word("silent_for", {"days": Count(days)}),
            Count(present.quiet[days]),
            share(present.quiet[days], present.customers, "no_customers"),
            *(Money(present.quiet_worth[days, currency], currency) for currency in currencies),
        )
        for days in QUIET_DAYS
    )
    table = Table(
        id="slipping_away",
        columns=(*columns, *(["at_stake"] * len(currencies))),
        rows=rows,
        time=AsOf(present.at_ms),
    )
    chart = Chart(
        id="slipping_away",
        kind=ChartKind.BARS,
        x="silent_for",
        y="customers",
        places=tuple(row[0] for row in rows),
        series=(Series(Word("column.customers"), tuple(row[1] for row in rows)),),
        time=AsOf(present.at_ms),
        whole=Count(present.customers),
        notes=(Note("of_customers", {"n": Count(present.customers)}),),
        table="slipping_away",
    )
    figure = Figure(
        id="customers_now",
        value=Count(present.customers),
        time=AsOf(present.at_ms),
    )
    return Section(id="slipping", figures=(figure,), tables=(table,), charts=(chart,))
