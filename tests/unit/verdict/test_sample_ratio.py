"""Laws of arms that do not have the sizes of the design."""

import random

import pytest

from workers.verdict.sample_ratio import evidence, fits


def test_nobody_yet_fits_any_design() -> None:
    assert fits(0, 0, 0.1)
    assert evidence(0, 0, 0.1) == 0


@pytest.mark.parametrize(
    ("true", "design", "median"), [(0.07, 0.10, 1_622), (0.45, 0.50, 1_802), (0.09, 0.10, 15_004)]
)
def test_arms_of_other_sizes_are_noticed(true: float, design: float, median: int) -> None:
    assert fits(round(median / 10 * (1 - true)), round(median / 10 * true), design)
    assert not fits(round(3 * median * (1 - true)), round(3 * median * true), design)


def test_a_design_that_is_kept_is_hardly_ever_called_wrong_however_often_it_is_asked() -> None:
    chance = random.Random(11)
    alarms = 0
    for _ in range(400):
        arms = [0, 0]
        for _ in range(60):
            held = sum(chance.random() < 0.1 for _ in range(40))
            arms = [arms[0] + 40 - held, arms[1] + held]
            if not fits(arms[0], arms[1], 0.1):
                alarms += 1
                break
    assert alarms <= 1
