"""Figures of purchases, counted again from original files. It knows nothing of Linger and shares no code with it."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

LAPSE: Final = timedelta(days=90)


@dataclass
class Buyer:
    """A customer: moments of purchases with what was paid, in cents, by time."""

    bought: list[tuple[datetime, int]] = field(default_factory=list)

    @property
    def days(self) -> list[date]:
        return [moment.date() for moment, _ in self.bought]


def buyers_of(purchases: Iterable[tuple[str, int, int]]) -> dict[str, Buyer]:
    """Return the customers of purchases, given as customer, milliseconds since 1970 and cents."""
    buyers: dict[str, Buyer] = defaultdict(Buyer)
    for customer, at_ms, cents in sorted(purchases, key=lambda one: one[1]):
        moment = datetime.fromtimestamp(at_ms // 1000, UTC) + timedelta(milliseconds=at_ms % 1000)
        buyers[customer].bought.append((moment, cents))
    return buyers


def month_days(month: str) -> tuple[date, date]:
    """Return the first day of a month, and the last one."""
    first = date.fromisoformat(f"{month}-01")
    return first, (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def is_in(day: date, month: str) -> bool:
    return f"{day:%Y-%m}" == month


def figures(everyone: dict[str, Buyer], month: str) -> dict[str, Any]:
    """Return the figures of a month, as of its end; amounts are cents."""
    first, last = month_days(month)
    buyers = []
    for one in everyone.values():
        if bought := [purchase for purchase in one.bought if purchase[0].date() <= last]:
            buyers.append(Buyer(bought))
    in_month = [
        (one, place, moment, cents)
        for one in buyers
        for place, (moment, cents) in enumerate(one.bought)
        if is_in(moment.date(), month)
    ]
    return {
        "known": len(buyers),
        "first": sum(place == 0 for _, place, _, _ in in_month),
        "second": sum(place == 1 for _, place, _, _ in in_month),
        "back": sum(place > 0 and moment - one.bought[place - 1][0] >= LAPSE for one, place, moment, _ in in_month),
        "revenue": sum(cents for *_, cents in in_month),
        "revenue of new": sum(cents for one, *_, cents in in_month if is_in(one.days[0], month)),
        "buyers": len({id(one) for one, *_ in in_month}),
        "once": {days: once(buyers, last, days) for days in (30, 90, 180)},
        "retention": retention(buyers, month),
        "so far": sum(cents for one in buyers for _, cents in one.bought),
        "who paid": sum(sum(cents for _, cents in one.bought) > 0 for one in buyers),
        **last_year(buyers, last),
        "silent": silent(buyers, first, last),
        "quiet": {days: sum((last - one.days[-1]).days >= days for one in buyers) for days in (7, 14, 30, 60, 90)},
    }


def once(buyers: list[Buyer], today: date, days: int) -> tuple[int, int]:
    """Return who has not bought a second time within some days, and whose first purchase is as old."""
    old = [one.days for one in buyers if (today - one.days[0]).days >= days]
    return sum(len(bought) < 2 or (bought[1] - bought[0]).days > days for bought in old), len(old)


def retention(buyers: list[Buyer], month: str) -> dict[tuple[str, int], tuple[int, int]]:
    """Return, by month of the first purchase and months after it, who bought in that month, and how many began."""
    began = Counter(f"{one.days[0]:%Y-%m}" for one in buyers)
    active: Counter[tuple[str, int]] = Counter()
    for one in buyers:
        born = one.days[0]
        for age in {12 * (day.year - born.year) + day.month - born.month for day in one.days}:
            active[f"{born:%Y-%m}", age] += 1
    year, number = map(int, month.split("-"))
    return {
        (cohort, age): (active[cohort, age], size)
        for cohort, size in began.items()
        for age in range(12 * (year - int(cohort[:4])) + number - int(cohort[5:]) + 1)
        if age <= 12
    }


def last_year(buyers: list[Buyer], today: date) -> dict[str, Any]:
    """Return what the last 365 days brought, and which part of it the top fifth did."""
    since = today - timedelta(days=365)
    paid = [sum(cents for moment, cents in one.bought if moment.date() > since) for one in buyers]
    ordered = sorted((cents for cents in paid if cents > 0), reverse=True)
    return {"year": sum(paid), "who paid in it": len(ordered), "top fifth": sum(ordered[: len(ordered) // 5])}


def silent(buyers: list[Buyer], first: date, last: date) -> tuple[int, int]:
    """Return who had bought within the lapse point before the month and not at its end, and how many had bought."""
    active = [
        one for one in buyers
        if any(first - LAPSE <= day < first for day in one.days)
    ]  # fmt: skip
    end = last + timedelta(days=1)
    return sum(not any(day >= end - LAPSE for day in one.days) for one in active), len(active)
