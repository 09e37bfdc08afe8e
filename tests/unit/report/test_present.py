"""The present state: what is summed up of customers, and what stays unknown where days are not kept."""

from schemas.durations import DAY_MS
from tests.support.books import day
from workers.report.document import Period
from workers.report.figures.months import days_of
from workers.report.present import Bought, Counting
from workers.report.present_state import PresentState

TODAY = "2026-03-31"


def state_of(*customers: Bought, period: Period | None = None, kept_days: int = 0) -> PresentState:
    counting = Counting((day(TODAY) + 1) * DAY_MS - 1, period or days_of("2026-03"), 90, kept_days)
    for customer in customers:
        counting.add(customer)
    return counting.finish()


def bought(*days: str, kept: int = 99, latest: str | None = None) -> Bought:
    """A customer who bought on these days; the last few of them are kept."""
    numbers = [day(one) for one in days]
    kept_days = numbers[-kept:]
    return Bought(
        latest=numbers[-1] if latest is None else day(latest), purchases=len(numbers), first=numbers[0],
        last=numbers[-1], days=kept_days, counts=[1] * len(kept_days),
        gone=numbers[-kept - 1] if len(numbers) > kept else 0,
    )  # fmt: skip


def test_who_is_quiet_for_90_days_is_quiet_for_7() -> None:
    quiet = state_of(
        bought("2025-12-31"), bought("2026-03-24"), bought("2026-03-25"), bought("2025-01-01", latest="2026-03-31")
    )
    assert quiet.quiet == {7: 2, 14: 1, 30: 1, 60: 1, 90: 1}


def test_once_is_counted_by_days_between_the_first_purchase_and_the_second() -> None:
    state = state_of(
        bought("2025-01-01"), bought("2025-01-01", "2025-01-31"), bought("2025-01-01", "2025-02-01", "2025-02-02"),
        bought("2026-03-30"),
    )  # fmt: skip
    assert (state.one_time[30].old_enough, state.one_time[30].once) == (3, 2)
    assert (state.one_time[90].old_enough, state.one_time[90].once) == (3, 1)
    assert state.buyers == 4


def test_a_first_purchase_is_old_enough_after_as_many_days() -> None:
    assert state_of(bought("2026-03-01")).one_time[30].old_enough == 1
    assert state_of(bought("2026-03-02")).one_time[30].old_enough == 0


def test_where_the_second_purchase_is_not_kept_only_first_purchases_of_the_kept_days_count() -> None:
    old = bought("2024-01-01", "2024-02-20", "2026-03-01", kept=1)
    state = state_of(old, bought("2026-01-01"), bought("2026-02-01", "2026-02-10", "2026-02-11"), kept_days=90)
    assert (state.one_time[30].old_enough, state.one_time[30].once) == (2, 1)
    assert state.one_time_since == day(TODAY) - 89
    assert state.one_time_is_known


def test_two_purchases_on_one_day_are_a_second_purchase() -> None:
    twice = bought("2025-01-01")
    twice.purchases, twice.counts = 2, [2]
    assert state_of(twice).one_time[30].once == 0


def test_who_lapses_had_bought_within_the_lapse_point_before_the_period_and_not_at_its_end() -> None:
    state = state_of(
        bought("2025-12-31"),  # 60 days before the period, 91 before its end
        bought("2026-01-01"),  # 90 days before the end of the last day: not longer ago
        bought("2025-11-01"),  # had lapsed before
        bought("2025-12-31", "2026-03-05"),  # is back
        bought("2026-03-02"),  # is new
    )
    assert (state.silent.active, state.silent.lapsed) == (3, 1)


def test_a_purchase_before_the_period_that_is_not_kept_makes_silence_unknown() -> None:
    assert state_of(bought("2025-01-01", "2026-02-20", "2026-03-05", kept=2)).purchases_are_known
    assert not state_of(bought("2025-01-01", "2026-02-20", "2026-03-05", kept=1)).purchases_are_known


def test_a_customer_who_brought_nothing_is_not_among_those_who_did() -> None:
    one, other = bought("2026-03-05"), bought("2026-03-05")
    one.so_far, one.year = {"EUR": 500}, {"EUR": 300}
    other.so_far, other.year = {"EUR": 0}, {"EUR": -20}
    worths = state_of(one, other).worths["EUR"]
    assert (worths.so_far, worths.customers, worths.year, list(worths.of_year)) == (500, 1, 280, [300])
