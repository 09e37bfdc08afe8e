"""Laws of the width of an interval that may be looked at every day."""

from math import log, log1p

import pytest

from workers.verdict.width import ERROR, TUNING, standard_errors


def test_the_tuning_solves_its_equation() -> None:
    assert TUNING - log1p(TUNING) == pytest.approx(2 * log(1 / ERROR), abs=1e-12)
    assert pytest.approx(8.212, abs=0.0005) == TUNING


@pytest.mark.parametrize(
    ("of_plan", "width"),
    [(0.01, 8.94), (0.1, 3.82), (0.3, 3.19), (0.5, 3.08), (1, 3.035), (2, 3.06), (10, 3.25), (100, 3.57)],
)
def test_the_width_is_least_at_the_plan_and_never_a_plain_one(of_plan: float, width: float) -> None:
    assert standard_errors(10_000 * of_plan, 10_000) == pytest.approx(width, abs=0.005)
