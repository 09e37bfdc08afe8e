"""Laws of the states of a verdict, and of their order."""

import pytest

from workers.verdict.counts import Arm, Counts, Design
from workers.verdict.judging import State, verdict

HALF = Design(hold_out=0.5, plan=10_000)


def counts(treated: tuple[int, int], held: tuple[int, int]) -> Counts:
    return Counts(Arm(*treated, treated[0]), Arm(*held, held[0]))


def test_before_anybody_is_finished_there_is_no_data_but_a_time_can_be_said() -> None:
    no_one = counts((0, 0), (0, 0))
    assert verdict(no_one, HALF).state is State.NO_DATA
    said = verdict(no_one, Design(0.5, 8_632, 0.03, 30, 0.2), per_day=100)
    assert (said.state, said.interval) == (State.NO_DATA, None)
    assert said.customers_left == pytest.approx(8_632, abs=3)
    assert said.days_left == 87 + 30


def test_arms_that_do_not_fit_hide_everything_else_and_stay_hidden() -> None:
    odd = verdict(counts((5000, 850), (4000, 1000)), HALF, 100)
    assert (odd.state, odd.interval, odd.days_left) == (State.UNHEALTHY, None, None)
    assert verdict(counts((5000, 850), (5000, 1000)), HALF, is_unhealthy=True).state is State.UNHEALTHY


def test_arms_that_do_not_fit_are_noticed_before_anybody_is_finished() -> None:
    assert verdict(Counts(Arm(0, 0, 5000), Arm(0, 0, 4000)), HALF).state is State.UNHEALTHY


def test_harm_and_help_are_said_when_the_interval_leaves_0() -> None:
    harm = verdict(counts((5000, 850), (5000, 1000)), HALF, 100)
    assert (harm.state, harm.days_left) == (State.HARMS, None)
    assert harm.interval is not None
    assert harm.interval.is_below
    assert verdict(counts((5000, 1000), (5000, 850)), HALF).state is State.HELPS


def test_a_few_successes_decide_nothing() -> None:
    assert verdict(counts((1000, 0), (1000, 4)), Design(0.5, 100), 10).state is State.RUNNING
    few = verdict(counts((20, 0), (4, 4)), Design(0.2, 100), 10)
    assert few.state is State.RUNNING


def test_a_small_real_effect_is_help_even_where_it_is_smaller_than_what_matters() -> None:
    wide = Design(0.5, 400_000, 0.2)
    assert verdict(counts((200_000, 42_000), (200_000, 40_000)), wide).state is State.HELPS


def test_no_difference_is_said_only_of_the_smallest_that_matters() -> None:
    same = counts((20_000, 4_000), (20_000, 4_000))
    assert verdict(same, HALF).state is State.NO_DIFFERENCE
    assert verdict(same, Design(0.5, 10_000, 0.01)).state is State.RUNNING


def test_days_are_left_while_fewer_are_finished_than_needed() -> None:
    half_way = counts((2000, 400), (2000, 400))
    said = verdict(half_way, HALF, 100)
    assert said.state is State.RUNNING
    assert said.customers_left == pytest.approx(8_650 - 4_000, abs=60)
    assert said.days_left == pytest.approx(47, abs=1)
    assert verdict(half_way, HALF).days_left is None
    assert verdict(half_way, HALF).state is State.RUNNING


def test_what_has_had_its_customers_or_gets_no_more_is_not_decided() -> None:
    assert verdict(counts((2000, 400), (2000, 400)), HALF, 0).state is State.NOT_DECIDED
    assert verdict(counts((9000, 1800), (9000, 1950)), HALF, 100).state is State.NOT_DECIDED


@pytest.mark.parametrize("design", [(0, 100), (1, 100), (0.1, 0), (0.1, 100, 0), (0.1, 100, 0.6)])
def test_a_design_that_compares_nothing_is_refused(design: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"is none|nothing to compare"):
        Design(*design)  # type: ignore[arg-type]  # the numbers are of all kinds
