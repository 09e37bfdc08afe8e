"""One experiment's figures → a verdict, in a fixed order of states. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from math import ceil

from workers.verdict.counts import Counts, Design, Interval
from workers.verdict.interval import LEAST_EXPECTED, expected, interval
from workers.verdict.needed import USUAL_BASE_RATE, needed_for
from workers.verdict.sample_ratio import fits


class State(StrEnum):
    """What can be said, in the order in which it is asked."""

    UNHEALTHY = "unhealthy"
    """The arms do not have the sizes of the design: nothing else is shown."""
    NO_DATA = "no data"
    """No customer's time is over."""
    HELPS = "helps"
    HARMS = "harms"
    NO_DIFFERENCE = "no difference"
    """None as large as the smallest that matters, or larger."""
    RUNNING = "running"
    """Fewer customers than are needed: days are left."""
    NOT_DECIDED = "not decided"
    """As many customers as are needed, or no one comes any more."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What can be said of an experiment.

    Attributes:
        state: see `State`.
        interval: the difference, as a share; None without data and if the arms do not fit.
        customers_left: how many more finished customers are needed; None if that is not the question.
        days_left: in how many days they are there; None if that is not known.
    """

    state: State
    interval: Interval | None = None
    customers_left: int | None = None
    days_left: int | None = None


def verdict(counts: Counts, design: Design, per_day: float | None = None, *, is_unhealthy: bool = False) -> Verdict:
    """Judge an experiment; it may be asked as often as anyone likes, without an end.

    A verdict can leave again: what follows from it (a pause) is kept by who acts on it, not here.

    Args:
        counts: the two arms.
        design: what was settled before the first outcome.
        per_day: finished customers a day, of both arms; 0 if no one comes any more, None if it is not known.
        is_unhealthy: whether the arms once did not fit: that stays.
    """
    if is_unhealthy or not arms_fit(counts, design):
        return Verdict(State.UNHEALTHY)
    left = _left(counts, design)
    if counts.finished == 0:
        return Verdict(State.NO_DATA, None, left, _days(left, per_day, design.window_days))
    seen = interval(counts, design.plan)
    if expected(counts) >= LEAST_EXPECTED:
        if seen.is_above or seen.is_below:
            return Verdict(State.HELPS if seen.is_above else State.HARMS, seen)
        if -design.smallest < seen.low and seen.high < design.smallest:
            return Verdict(State.NO_DIFFERENCE, seen)
    if left > 0 and per_day != 0:
        return Verdict(State.RUNNING, seen, left, _days(left, per_day, 0))
    return Verdict(State.NOT_DECIDED, seen)


def arms_fit(counts: Counts, design: Design) -> bool:
    """Return whether both arms have the sizes of the design, of all customers and of those whose time is over."""
    treated, held = counts.treated, counts.held
    sizes = ((treated.finished, held.finished), (treated.assigned, held.assigned))
    return all(fits(*both, design.hold_out) for both in sizes)


def _left(counts: Counts, design: Design) -> int:
    """Return how many finished customers are still needed for the smallest difference that matters, 0 if none."""
    finished = counts.finished
    rate = design.base_rate if design.base_rate is not None else USUAL_BASE_RATE
    if finished:
        won = counts.treated.won + counts.held.won
        rate = (won + 1) / (finished + 2)
    goal = float(needed_for(rate, design.smallest, design.hold_out, plan=design.plan).both)
    so_far = expected(counts)
    if finished and so_far < LEAST_EXPECTED:
        goal = max(goal, finished * LEAST_EXPECTED / max(so_far, 0.5))
    return max(0, ceil(goal - finished))


def _days(customers: int, per_day: float | None, before: int) -> int | None:
    """Return in how many days this many customers are finished; `before` are added."""
    return max(1, ceil(customers / per_day)) + before if per_day else None
