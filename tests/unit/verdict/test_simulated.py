"""Looked at every day for a year, a verdict is seldom wrong, and harm is found."""

import pytest

from tests.support.simulated_experiments import CELLS, FINISHED, HARM, Cell, Outcome, simulate, wrong_verdicts

# Few customers, few held out and low rates err most.
SOME = (CELLS[5], CELLS[30], CELLS[57], CELLS[73], CELLS[109])


@pytest.mark.parametrize("cell", SOME, ids=str)
def test_arms_that_are_alike_are_seldom_told_apart(cell: Cell) -> None:
    assert simulate(cell, seed=5, experiments=400).decided <= 0.06


def test_three_points_of_harm_are_found_among_ten_thousand_customers_of_whom_half_are_held_out() -> None:
    found = simulate(HARM, seed=6, experiments=400, customers=FINISHED)
    assert (found.harmed >= 0.8, found.helped) == (True, 0)


@pytest.mark.long
def test_two_thousand_experiments_of_each_of_120_kinds_are_wrong_in_3_of_100_on_average_and_4_5_at_worst() -> None:
    measured: dict[Cell, Outcome] = dict(wrong_verdicts())
    wrong = {str(cell): outcome.decided for cell, outcome in measured.items()}
    assert len(wrong) == 120
    assert {cell: share for cell, share in wrong.items() if share > 0.045} == {}
    assert sum(wrong.values()) / len(wrong) <= 0.03


@pytest.mark.long
def test_two_thousand_experiments_with_harm_are_found_in_four_of_five() -> None:
    found = simulate(HARM, seed=7, customers=FINISHED)
    assert found.harmed >= 0.8
    assert found.helped <= 0.001
