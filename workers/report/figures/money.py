"""Money: revenue of new and of existing customers, what a customer is worth, and what left.

Two currencies are never added up. Pure.
"""

from typing import Final

from workers.report.document import (
    AsOf,
    Chart,
    ChartKind,
    Count,
    Figure,
    Label,
    Missing,
    Money,
    Month,
    Note,
    Part,
    Section,
    Series,
    Table,
    Value,
    Word,
)
from workers.report.figures.basis import Basis, labelled, share
from workers.report.figures.remarks import of_last_month, of_new_customers
from workers.report.present_state import Worths

_MONTHS_OF_YEAR: Final = 12
_NOT_SAID: Final = "-"
_KINDS: Final = ("value_so_far", "value_last_year")


def revenue(basis: Basis) -> Section:
    """Return the section of revenue: for each currency of its own."""
    currencies = basis.currencies()
    if not currencies:
        given = {"currency": currency_word(_NOT_SAID)}
        missing = Figure(id="revenue", value=Missing("no_revenue"), time=basis.period, given=given)
        return Section(id="revenue", figures=(missing,))
    figures: list[Figure] = []
    tables, charts = [], []
    for currency in currencies:
        figures += _revenue(basis, currency)
        table = _months(basis, currency)
        tables.append(table)
        charts.append(
            Chart(
                id="revenue_by_month",
                kind=ChartKind.STACKED,
                x="month",
                y="revenue",
                places=tuple(row[0] for row in table.rows),
                series=(
                    Series(Word("series.existing"), tuple(row[2] for row in table.rows)),
                    Series(Word("series.new"), tuple(row[1] for row in table.rows)),
                ),
                time=table.time,
                notes=(
                    of_last_month(basis),
                    Note("of_revenue", {"amount": Money(_together(basis, currency), currency)}),
                    *of_new_customers(basis),
                ),
                table="revenue_by_month",
                given=table.given,
            )
        )
    return Section(
        id="revenue",
        figures=tuple(figures),
        tables=tuple(tables),
        charts=tuple(charts),
    )


def _together(basis: Basis, currency: str) -> int:
    """Return the revenue of all months that are shown."""
    return sum(basis.by_month[month][f"revenue:{currency}"] for month in basis.trend)


def _revenue(basis: Basis, currency: str) -> list[Figure]:
    """Return the revenue of a currency less refunds, and how much of it before refunds is by new customers."""
    whole, new = basis.facts[f"revenue:{currency}"], basis.facts[f"revenue_new:{currency}"]
    refunds = basis.facts[f"refunds:{currency}"]
    given = {"currency": currency_word(currency)}
    figures = [
        Figure(
            id="revenue",
            value=basis.of_period(Money(whole - refunds, currency)),
            time=basis.period,
            parts=_with_refunds(basis, whole, refunds, currency),
            given=given,
        )
    ]
    for name, part in (("revenue_new", new), ("revenue_existing", whole - new)):
        figures.append(
            Figure(
                id=name,
                value=basis.of_period(Money(part, currency)),
                time=basis.period,
                denominator=Money(whole, currency),
                parts=(Part("share", share(part, whole, "no_revenue_in_period")),),
                given=given,
            )
        )
    return figures


def _with_refunds(basis: Basis, whole: int, refunds: int, currency: str) -> tuple[Part, ...]:
    """Return revenue before refunds, and refunds; nothing where a refund has never arrived."""
    if not basis.has("refunds"):
        return ()
    return Part("gross", Money(whole, currency)), Part("refunds", Money(refunds, currency))


def currency_word(currency: str) -> Value:
    """Return the name of a currency."""
    return Word("no_currency") if currency == _NOT_SAID else Label(currency)


def _months(basis: Basis, currency: str) -> Table:
    has_refunds = basis.has("refunds")
    rows = []
    for month in basis.trend:
        facts = basis.by_month[month]
        whole, new = facts[f"revenue:{currency}"], facts[f"revenue_new:{currency}"]
        amounts = [new, whole - new, whole, *([facts[f"refunds:{currency}"]] if has_refunds else [])]
        rows.append((Month(month), *(basis.of_month(month, Money(one, currency)) for one in amounts)))
    return Table(
        id="revenue_by_month",
        columns=("month", "new", "existing", "together", *(["refunds"] if has_refunds else [])),
        rows=tuple(rows),
        time=basis.trend_time,
        given={"currency": currency_word(currency)},
    )


def value(basis: Basis) -> Section:
    """Return the section of what a customer is worth."""
    figures: list[Figure] = []
    present = basis.present
    currencies = basis.currencies()
    if present is None:
        figures += [Figure(id=name, value=Missing("no_scan"), time=basis.period) for name in _KINDS]
    elif not present.worths:
        time = AsOf(present.at_ms)
        figures += [Figure(id=name, value=Missing("no_value"), time=time) for name in _KINDS]
    else:
        for currency, worths in sorted(present.worths.items(), key=lambda one: -one[1].so_far):
            figures += _of_customers(worths, currency, AsOf(present.at_ms), year_is_known=present.year_is_known)
    figures += _of_month(basis, currencies)
    return Section(id="value", figures=tuple(figures))


def _of_customers(worths: Worths, currency: str, time: AsOf, *, year_is_known: bool) -> list[Figure]:
    buyers = len(worths.of_year)
    year: Value = Missing("year_not_kept")
    if year_is_known:
        year = Money(worths.year // buyers, currency) if buyers else Missing("no_buyer_in_year")
    return [
        Figure(
            id="value_so_far",
            value=Money(worths.so_far // worths.customers, currency) if worths.customers else Missing("no_revenue"),
            time=time,
            denominator=Count(worths.customers),
            parts=(Part("together", Money(worths.so_far, currency)),),
        ),
        Figure(
            id="value_last_year",
            value=year,
            time=time,
            denominator=Count(buyers) if year_is_known else None,
            parts=(Part("together", Money(worths.year, currency)),) if year_is_known else (),
        ),
    ]


def _of_month(basis: Basis, currencies: list[str]) -> list[Figure]:
    """Return what a customer who buys brings in the period, and twelve times that."""
    buyers = sum(number for _, number in labelled(basis.facts, "buyers"))
    reason = "no_revenue" if not currencies else "several_currencies" if len(currencies) > 1 else None
    if reason is None and not buyers:
        reason = "no_purchases"
    if reason is not None:
        return [
            Figure(id=name, value=Missing(reason), time=basis.period)
            for name in ("value_month", "value_twelve_months")
        ]
    (currency,) = currencies
    whole = basis.facts[f"revenue:{currency}"] - basis.facts[f"refunds:{currency}"]
    return [
        Figure(
            id="value_month",
            value=basis.of_period(Money(whole // buyers, currency)),
            time=basis.period,
            denominator=Count(buyers),
            parts=(Part("together", Money(whole, currency)),),
        ),
        Figure(
            id="value_twelve_months",
            value=basis.of_period(Money(_MONTHS_OF_YEAR * whole // buyers, currency)),
            time=basis.period,
            denominator=Count(buyers),
        ),
    ]


def lost(basis: Basis) -> Section:
    """Return the section of the value that left, and of what it costs to replace it."""
    left = _by_currency(basis)
    figures: list[Figure] = []
    cancelled = basis.facts["cancelled:voluntary"] + basis.facts["cancelled:involuntary"]
    if not basis.has("cancelled"):
        figures.append(Figure(id="value_lost", value=Missing("no_cancellations"), time=basis.period))
    elif not left:
        reason = "no_value_left" if cancelled else "nobody_left"
        figures.append(Figure(id="value_lost", value=Missing(reason), time=basis.period))
    for currency, amount in left.items():
        figures.append(
            Figure(
                id="value_lost",
                value=basis.of_period(Money(amount, currency)),
                time=basis.period,
                denominator=Count(cancelled),
            )
        )
    figures += _silent(basis)
    lapsed = None if basis.present is None else basis.present.silent.lapsed
    cost = basis.cost_of_winning
    gone = cancelled + (lapsed or 0)
    replacing: Value = Missing("nobody_left")
    if cost is None:
        replacing = Missing("no_cost")
    elif gone:
        replacing = basis.of_period(Money(gone * cost.amount, cost.currency))
    parts = [Part("cancelled", Count(cancelled))]
    if lapsed is not None:
        parts.append(Part("lapsed", Count(lapsed)))
    if cost is not None:
        parts.append(Part("cost_each", cost))
    figures.append(
        Figure(
            id="replacing_cost",
            value=replacing,
            time=basis.period,
            denominator=Count(gone),
            parts=tuple(parts),
        )
    )
    return Section(id="lost", figures=tuple(figures))


def _by_currency(basis: Basis) -> dict[str, int]:
    amounts: dict[str, int] = {}
    for labels, amount in labelled(basis.facts, "reason_value"):
        currency = labels.rpartition(":")[2]
        amounts[currency] = amounts.get(currency, 0) + amount
    return dict(sorted(amounts.items(), key=lambda one: (-one[1], one[0])))


def _silent(basis: Basis) -> list[Figure]:
    present = basis.present
    given: dict[str, Value] = {"lapse": Count(basis.lapse_days)}
    reason = "no_scan" if present is None else None
    if present is not None and not present.worths:
        reason = "no_value"
    elif present is not None and not present.purchases_are_known:
        reason = "days_not_kept"
    elif present is not None and not present.silent.lapsed:
        reason = "nobody_lapsed"
    if present is None or reason is not None:
        return [Figure(id="value_lost_silently", value=Missing(reason or "no_scan"), time=basis.period, given=given)]
    return [
        Figure(
            id="value_lost_silently",
            value=basis.of_period(Money(amount, currency)),
            time=basis.period,
            denominator=Count(present.silent.lapsed),
            given=given,
        )
        for currency, amount in sorted(present.silent.worth.items(), key=lambda one: -one[1])
    ]
