"""Laws of verdicts over any counts."""

from hypothesis import assume, given
from hypothesis import strategies as st

from tests.support.simulated_experiments import SURE_TO_HOLD_0
from workers.verdict.counts import Amounts, Arm, Counts, Design
from workers.verdict.interval import LEAST_EXPECTED, expected, interval
from workers.verdict.judging import State, verdict
from workers.verdict.money import money
from workers.verdict.needed import needed, needed_for
from workers.verdict.sample_ratio import evidence
from workers.verdict.sentences import figures, sentence

SHARES = st.floats(0.01, 0.99)
PLANS = st.integers(1, 10**6)


@st.composite
def arms(draw: st.DrawFn, most: int = 10**6) -> Arm:
    finished = draw(st.integers(0, most))
    return Arm(finished, draw(st.integers(0, finished)), finished + draw(st.integers(0, most)))


COUNTS = st.builds(Counts, arms(), arms())


def swapped(counts: Counts) -> Counts:
    return Counts(counts.held, counts.treated)


def failures(arm: Arm) -> Arm:
    return Arm(arm.finished, arm.finished - arm.won, arm.assigned)


@given(COUNTS, PLANS)
def test_an_interval_holds_what_was_seen_and_stays_among_differences_of_shares(counts: Counts, plan: int) -> None:
    seen = interval(counts, plan)
    assert -1 - 1e-9 <= seen.low <= seen.middle <= seen.high <= 1 + 1e-9
    assert not (seen.is_above and seen.is_below)


@given(COUNTS, PLANS)
def test_who_is_called_treated_decides_the_sign_and_nothing_else(counts: Counts, plan: int) -> None:
    seen, other = interval(counts, plan), interval(swapped(counts), plan)
    assert abs(seen.low + other.high) < 1e-9
    assert abs(seen.high + other.low) < 1e-9


@given(COUNTS, PLANS)
def test_what_is_called_success_decides_the_sign_and_nothing_else(counts: Counts, plan: int) -> None:
    opposite = Counts(failures(counts.treated), failures(counts.held))
    seen, other = interval(counts, plan), interval(opposite, plan)
    assert abs(seen.low + other.high) < 1e-9
    assert abs(expected(counts) - expected(opposite)) < 1e-6 * max(1, expected(counts))


@given(arms(10**5), arms(10**5), PLANS)
def test_an_interval_that_leaves_0_is_two_pooled_standard_errors_away_at_least(
    treated: Arm, held: Arm, plan: int
) -> None:
    counts = Counts(treated, held)
    assume(expected(counts) >= LEAST_EXPECTED)
    won, all_customers = treated.won + held.won, counts.finished
    noise = treated.finished * held.finished * won * (all_customers - won)
    square = (treated.won * held.finished - held.won * treated.finished) ** 2 * all_customers
    seen = interval(counts, plan)
    assert square > SURE_TO_HOLD_0**2 * noise or not (seen.is_above or seen.is_below)


@given(
    COUNTS, st.builds(Design, SHARES, PLANS, st.floats(0.005, 0.5)), st.none() | st.floats(0, 10**6), st.booleans()
)
def test_any_counts_have_a_state_with_a_sentence(
    counts: Counts, design: Design, per_day: float | None, unhealthy: bool
) -> None:
    given_ = verdict(counts, design, per_day, is_unhealthy=unhealthy)
    assert sentence(given_, design)
    assert figures(counts, given_)
    assert (given_.interval is None) == (given_.state in (State.UNHEALTHY, State.NO_DATA))
    assert (given_.customers_left is None) == (given_.state not in (State.NO_DATA, State.RUNNING))
    if given_.state is State.HARMS:
        assert given_.interval is not None
        assert given_.interval.is_below


@given(SHARES, SHARES, st.floats(0.01, 0.3))
def test_a_larger_difference_needs_fewer_customers(base: float, hold_out: float, smallest: float) -> None:
    assume(base + smallest < 0.99)
    assert needed(base, smallest, hold_out).both >= needed(base, min(smallest * 1.5, 1 - base), hold_out).both
    assert needed_for(base, smallest, hold_out).both >= 2


@given(st.integers(0, 10**6), st.integers(0, 10**6), SHARES)
def test_arms_called_by_the_other_name_are_as_odd(treated: int, held: int, hold_out: float) -> None:
    found = evidence(treated, held, hold_out)
    assert abs(found - evidence(held, treated, 1 - hold_out)) < 1e-6 * max(1.0, abs(found))


@given(st.lists(st.floats(0, 1000), min_size=200, max_size=300), st.integers(100, 100_000))
def test_money_of_two_arms_alike_has_an_interval_with_0_in_it(paid: list[float], plan: int) -> None:
    one = Amounts(len(paid), sum(paid), sum(amount**2 for amount in paid), sum(amount > 0 for amount in paid))
    seen = money(one, one, plan)
    assert (seen is None) == (one.payers < 100)
    assert seen is None or seen.low <= 0 <= seen.high
