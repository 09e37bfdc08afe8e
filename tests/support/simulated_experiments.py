"""Experiments of invented customers, judged every day: how often a verdict is wrong, and how often harm is found.

`python -m tests.support.simulated_experiments` prints what docs/does-it-help.md says: 120 cells in which both arms
are alike, and harm of 3 points with half of the customers held out. It takes some minutes of each of the machine's
processors."""

import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from math import exp, sqrt
from typing import Final

from workers.verdict.counts import Arm, Counts
from workers.verdict.interval import LEAST_EXPECTED, expected, interval

DAYS: Final = 365
EXPERIMENTS: Final = 2_000
WEEK: Final = (1.4, 1.2, 1.0, 1.0, 0.9, 0.3, 0.2)
"""How busy each day of a week is."""
DEAD: Final = 0.05
"""The share of days on which no one finishes."""
SURE_TO_HOLD_0: Final = 2.0
"""Pooled standard errors below which the interval holds 0 in any case: `test_verdict_properties.py` keeps that."""
_NOISES: Final = 4096
_COUNTED: Final = 12.0


@dataclass(frozen=True, slots=True)
class Cell:
    """One kind of experiment.

    Attributes:
        plan: the planned number of finished customers.
        per_day: finished customers a day, on average.
        base: the rate of the held-out customers.
        hold_out: the share held out.
        change: how much the rate of the treated differs.
    """

    plan: int
    per_day: int
    base: float
    hold_out: float
    change: float = 0.0

    def __str__(self) -> str:
        """Return the cell in a row of a table."""
        return (
            f"plan {self.plan:>6,}  {self.per_day:>5,} a day  base {self.base:>4.0%}  held out {self.hold_out:>4.0%}"
        )


CELLS: Final = tuple(
    Cell(plan, per_day, base, hold_out)
    for plan, per_day in ((500, 5), (2_000, 20), (10_000, 20), (10_000, 200), (10_000, 2_000))
    for base in (0.01, 0.05, 0.1, 0.2, 0.3, 0.5)
    for hold_out in (0.05, 0.1, 0.2, 0.5)
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdicts of the experiments of a cell, as shares of them.

    Attributes:
        helped: the interval was ever wholly above 0.
        harmed: it was ever wholly below 0, and not above it before.
    """

    helped: float
    harmed: float

    @property
    def decided(self) -> float:
        """Return the share in which a verdict was ever given."""
        return self.helped + self.harmed


def simulate(cell: Cell, seed: int, experiments: int = EXPERIMENTS, customers: int | None = None) -> Outcome:
    """Run the experiments of a cell; each is judged at the end of every day, and its first verdict counts.

    Args:
        cell: the kind of experiment.
        seed: decides all chance.
        experiments: how many are run.
        customers: an experiment ends before more of them are finished; None for one that ends after a year.
    """
    chance = random.Random(f"{seed} {cell}")
    first = [_first_verdict(cell, chance, customers or cell.per_day * DAYS * 2) for _ in range(experiments)]
    return Outcome(first.count(1) / experiments, first.count(-1) / experiments)


def _first_verdict(cell: Cell, chance: random.Random, customers: int) -> int:
    """Return 1 for help, -1 for harm, 0 if no day brings a verdict."""
    noises, draw = _day_noises(), chance.random
    held, treated = cell.hold_out, 1 - cell.hold_out
    better = cell.base + cell.change
    shares = (treated * better, treated * (1 - better), held * cell.base, held * (1 - cell.base))
    won, lost, won_held, lost_held = 0, 0, 0, 0
    for day in range(DAYS):
        if draw() < DEAD:
            continue
        average = cell.per_day * WEEK[day % 7] * noises[int(draw() * _NOISES)]
        won += _poisson(average * shares[0], chance)
        lost += _poisson(average * shares[1], chance)
        won_held += _poisson(average * shares[2], chance)
        lost_held += _poisson(average * shares[3], chance)
        if won + lost + won_held + lost_held > customers:
            break
        if _is_near_0(won, lost, won_held, lost_held):
            continue
        counts = Counts(Arm(won + lost, won), Arm(won_held + lost_held, won_held))
        if expected(counts) >= LEAST_EXPECTED:
            seen = interval(counts, cell.plan)
            if seen.is_above or seen.is_below:
                return 1 if seen.is_above else -1
    return 0


def _is_near_0(won: int, lost: int, won_held: int, lost_held: int) -> bool:
    """Return whether the difference is less than `SURE_TO_HOLD_0` pooled standard errors: saves most of the time."""
    treated, held, all_won = won + lost, won_held + lost_held, won + won_held
    both = treated + held
    noise = treated * held * all_won * (both - all_won)
    return (won * held - won_held * treated) ** 2 * both <= SURE_TO_HOLD_0**2 * noise


@cache
def _day_noises() -> tuple[float, ...]:
    chance = random.Random(3)
    return tuple(chance.gammavariate(2, 0.5) for _ in range(_NOISES))


def _poisson(average: float, chance: random.Random) -> int:
    """Return a number of customers; above a dozen on average, as the normal distribution has it."""
    if average > _COUNTED:
        return max(0, int(chance.gauss(average, sqrt(average)) + 0.5))
    number, left, floor = 0, chance.random(), exp(-average)
    while left > floor:
        left *= chance.random()
        number += 1
    return number


def _wrong(cell: Cell) -> Outcome:
    return simulate(cell, seed=20261129)


def wrong_verdicts() -> Iterator[tuple[Cell, Outcome]]:
    """Yield each of the 120 cells in which both arms are alike, and how often a verdict was given: each is wrong."""
    with ProcessPoolExecutor() as pool:
        yield from zip(CELLS, pool.map(_wrong, CELLS), strict=True)


HARM: Final = Cell(plan=10_000, per_day=100, base=0.2, hold_out=0.5, change=-0.03)
"""20 % become 17 %, half held out."""
FINISHED: Final = 10_000
"""After this many finished customers the harm is to be found."""


def main() -> None:
    """Print what is measured."""
    outcomes = []
    for cell, outcome in wrong_verdicts():
        outcomes.append(outcome.decided)
        print(f"{cell}  wrong {outcome.decided:6.2%}  harm alone {outcome.harmed:6.2%}", flush=True)
    print(f"{len(outcomes)} cells: mean {sum(outcomes) / len(outcomes):.2%}, worst {max(outcomes):.2%}")
    for hold_out in (0.5, 0.2, 0.1):
        cell = Cell(HARM.plan, HARM.per_day, HARM.base, hold_out, HARM.change)
        outcome = simulate(cell, seed=20261129, customers=FINISHED)
        print(f"{cell}  harm of 3 points found in {outcome.harmed:.1%}, called help in {outcome.helped:.2%}")


if __name__ == "__main__":
    main()
