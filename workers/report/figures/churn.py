"""Churn in three numbers that are never added up: who cancels, whose payment fails, and who goes without a word.

A contract that began and ended in the same month is left out of the churn of contracts, and so is one that ended and
began again in it. Pure.
"""

from collections import Counter

from workers.report.document import Count, Figure, Missing, Month, Part, Section, Share, Table, Value
from workers.report.figures.basis import Basis, share
from workers.report.figures.months import days_of


def churn(basis: Basis) -> Section:
    """Return the section."""
    has_contracts = basis.has("contract_begun") or basis.has("contract_ended")
    figures = [
        _cancelled(basis, "voluntary", "no_cancellations", has_contracts),
        _cancelled(basis, "involuntary", "no_failed_renewals", has_contracts),
        _silent(basis),
    ]
    if not has_contracts:
        missing = Missing("no_contracts")
        figures.append(Figure(id="churn_contract", value=missing, time=basis.period))
        figures.append(Figure(id="churn_daily", value=missing, time=basis.period))
        return Section(id="churn", figures=tuple(figures))
    figures += [_contract(basis), _daily(basis)]
    return Section(id="churn", figures=tuple(figures), tables=(_months(basis),))


def _cancelled(basis: Basis, kind: str, reason: str, has_contracts: bool) -> Figure:
    """Return the share who left in one way: of contracts if there are any, else of all who were known."""
    number = basis.facts[f"cancelled:{kind}"]
    whole = _contracts_at(basis.before) if has_contracts else basis.before["new"]
    value = share(number, whole, "nobody_at_start") if basis.has(f"cancelled:{kind}") else Missing(reason)
    return Figure(
        id=f"churn_{kind}_of_contracts" if has_contracts else f"churn_{kind}",
        value=basis.of_period(value),
        time=basis.period,
        denominator=Count(whole),
        parts=(Part("cancelled" if kind == "voluntary" else "failed", Count(number)),)
        if basis.has(f"cancelled:{kind}")
        else (),
    )


def _silent(basis: Basis) -> Figure:
    given = {"lapse": Count(basis.lapse_days)}
    present = basis.present
    if present is None:
        return Figure(id="churn_silent", value=Missing("no_scan"), time=basis.period, given=given)
    if not present.buyers:
        return Figure(id="churn_silent", value=Missing("no_purchases"), time=basis.period, given=given)
    if not present.purchases_are_known:
        return Figure(id="churn_silent", value=Missing("days_not_kept"), time=basis.period, given=given)
    silent = present.silent
    return Figure(
        id="churn_silent",
        value=basis.of_period(share(silent.lapsed, silent.active, "nobody_active")),
        time=basis.period,
        denominator=Count(silent.active),
        parts=(Part("lapsed", Count(silent.lapsed)),),
        given=given,
    )


def _contract(basis: Basis) -> Figure:
    whole, left = _contracts_at(basis.before), _left(basis.facts)
    return Figure(
        id="churn_contract",
        value=basis.of_period(share(left, whole, "nobody_at_start")),
        time=basis.period,
        denominator=Count(whole),
        parts=(
            Part("contract_ended", Count(basis.facts["contract_ended"])),
            Part("contract_ended_young", Count(basis.facts["contract_ended_young"])),
            Part("contract_back_young", Count(basis.facts["contract_back_young"])),
        ),
    )


def _daily(basis: Basis) -> Figure:
    """Return the sum over days of the day's loss by those who were there when it began."""
    running, rate, has_any = _contracts_at(basis.before), 0.0, False
    for day in range(basis.period.first, min(basis.period.last, basis.seen_until) + 1):
        facts = basis.book.facts.get(day, Counter())
        if running > 0:
            has_any = True
            rate += facts["contract_ended"] / running
        running += facts["contract_begun"] - facts["contract_ended"]
    # A sum of shares is no share of one number, so it is given to a millionth.
    value: Value = Share(round(rate * 1_000_000), 1_000_000) if has_any else Missing("nobody_at_start")
    return Figure(
        id="churn_daily",
        value=basis.of_period(value),
        time=basis.period,
        denominator=Count(_contracts_at(basis.before)),
    )


def _months(basis: Basis) -> Table:
    rows = []
    for month in basis.trend:
        before, facts = basis.book.between(0, days_of(month).first - 1), basis.by_month[month]
        whole = _contracts_at(before)
        numbers = (
            Count(whole),
            Count(facts["contract_begun"]),
            Count(_left(facts)),
            share(_left(facts), whole, "nobody_at_start"),
            Count(facts["cancelled:voluntary"]),
            Count(facts["cancelled:involuntary"]),
        )
        rows.append((Month(month), *(basis.of_month(month, one) for one in numbers)))
    return Table(
        id="churn_by_month",
        columns=("month", "contracts_at_start", "contract_begun", "left", "share", "voluntary", "involuntary"),
        rows=tuple(rows),
        time=basis.trend_time,
    )


def _contracts_at(before: Counter[str]) -> int:
    """Return how many contracts run, by everything that happened before."""
    return before["contract_begun"] - before["contract_ended"]


def _left(facts: Counter[str]) -> int:
    return facts["contract_ended"] - facts["contract_ended_young"] - facts["contract_back_young"]
