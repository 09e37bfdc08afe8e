"""Laws of how many customers a comparison needs."""

import pytest

from workers.verdict.needed import needed, needed_for, power

# treated and held out, 3 points of harm found in 80 of 100: docs/does-it-help.md shows them.
TABLE = {
    (5, 5): (13_214, 696),
    (5, 10): (25_444, 1_340),
    (5, 20): (45_604, 2_401),
    (5, 30): (60_007, 3_159),
    (5, 50): (71_662, 3_772),
    (10, 5): (6_409, 713),
    (10, 10): (12_545, 1_394),
    (10, 20): (22_666, 2_519),
    (10, 30): (29_913, 3_324),
    (10, 50): (35_813, 3_980),
    (20, 5): (3_004, 751),
    (20, 10): (6_092, 1_523),
    (20, 20): (11_194, 2_799),
    (20, 30): (14_866, 3_717),
    (20, 50): (17_904, 4_476),
    (50, 5): (962, 962),
    (50, 10): (2_224, 2_224),
    (50, 20): (4_316, 4_316),
    (50, 30): (5_836, 5_836),
    (50, 50): (7_154, 7_154),
}


@pytest.mark.parametrize(("hold_out", "base"), TABLE)
def test_three_points_of_harm_need_so_many_customers(hold_out: int, base: int) -> None:
    found = needed(base / 100, -0.03, hold_out / 100)
    assert (found.treated, found.held) == pytest.approx(TABLE[hold_out, base], abs=2)
    assert found.both == found.treated + found.held


def test_the_median_needs_fewer_and_a_plan_that_is_too_small_costs_little() -> None:
    assert needed(0.2, -0.03, 0.5, chance=0.5).both < needed(0.2, -0.03, 0.5).both
    assert needed(0.2, -0.03, 0.5, plan=5_000).both == pytest.approx(8_726, rel=0.02)
    assert needed(0.2, -0.03, 0.5, plan=86_000).both == pytest.approx(11_922, rel=0.02)


@pytest.mark.parametrize("base", [0, 0.001, 0.02, 0.03, 0.5, 1])
def test_any_base_rate_has_an_answer(base: float) -> None:
    assert 100 < needed_for(base, 0.03, 0.1).both < 100_000


def test_ten_thousand_customers_find_three_points_more_often_than_not_only_with_a_large_hold_out() -> None:
    assert power(10_000, 0.2, -0.03, 0.5, 10_000) > 0.84
    assert 0.3 < power(10_000, 0.2, -0.03, 0.1, 10_000) < 0.4
