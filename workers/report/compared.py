"""Experiments that were judged, as a report shows them. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final

from schemas.durations import DAY_MS
from schemas.experiments import SuccessEntry
from workers.core.book.fields import NO_CURRENCY
from workers.core.events.decoding import UNIT
from workers.experiments.figures import ExperimentFigures
from workers.experiments.verdicts import Judged as Found
from workers.experiments.verdicts import judged
from workers.report.document import Count, Number, Value
from workers.report.figures.rules import NO_CAP, TOO_FEW_PAYERS, Ended, Judged
from workers.verdict.counts import Arm, Interval
from workers.verdict.judging import State, Verdict

_WHOLE: Final = 100


def compared(experiments: Iterable[ExperimentFigures], now_ms: int) -> list[Judged]:
    """Return what can be said of every experiment that goes on and holds customers out, by name.

    Args:
        experiments: with their figures.
        now_ms: the moment up to which customers came.
    """
    going_on = [one for one in experiments if one.entry.closed_at is None]
    rows = [_row(found) for one in going_on if (found := judged(one, now_ms)) is not None]
    return sorted(rows, key=lambda row: row.name)


def ended(experiments: Iterable[ExperimentFigures], now_ms: int) -> list[Ended]:
    """Return what could be said at last of every experiment that has ended and held customers out, the latest first.

    Args:
        experiments: with their figures.
        now_ms: the present moment.
    """
    rows = []
    for one in experiments:
        closed_at, found = one.entry.closed_at, judged(one, now_ms)
        if closed_at is None:
            continue
        if found is not None:
            rows.append(Ended(closed_at // DAY_MS, _row(found)))
        elif one.entry.lost_at is not None:
            rows.append(Ended(closed_at // DAY_MS, Judged(one.entry.called, "lost", rules=one.entry.rules)))
    return sorted(rows, key=lambda row: (-row.day, row.last.name))


def _row(found: Found) -> Judged:
    seen, figures = found.verdict.interval, found.figures
    success = figures.entry.success
    return Judged(
        name=found.name,
        rules=figures.entry.rules,
        verdict=_phrase(found.verdict),
        treated=_finished_and_won(found.counts.treated) if seen is not None else (0, 0),
        held_out=_finished_and_won(found.counts.held) if seen is not None else (0, 0),
        low=None if seen is None else seen.low * _WHOLE,
        middle=None if seen is None else seen.middle * _WHOLE,
        high=None if seen is None else seen.high * _WHOLE,
        given=_given(found.verdict, found.design.smallest, seen),
        brings=_brings(found.money, figures.entry.currency or NO_CURRENCY),
        no_money=NO_CAP if figures.entry.cap is None else "no_verdict" if seen is None else TOO_FEW_PAYERS,
        goal=(_goal(success), success.within_ms),
        since_ms=figures.entry.begun_at,
        smallest=found.design.smallest * _WHOLE,
        later=sum(arm.later for arm in figures.arms.values()),
    )


def _goal(success: SuccessEntry) -> str:
    return success.event if success.where is None else f"{success.event} ({success.where})"


def _brings(money: Interval | None, currency: str) -> tuple[int, int, int, str] | None:
    if money is None:
        return None
    low, middle, high = (round(one * UNIT) for one in (money.low, money.middle, money.high))
    return low, middle, high, currency


def _finished_and_won(arm: Arm) -> tuple[int, int]:
    return arm.finished, arm.won


def _phrase(verdict: Verdict) -> str:
    """Return the id of the phrase: that of the state, and of a running one by what is known."""
    if verdict.state is State.RUNNING and verdict.days_left is None:
        return "running_customers"
    return verdict.state.value.replace(" ", "_")


def _given(verdict: Verdict, smallest: float, seen: Interval | None) -> Mapping[str, Value]:
    """Return what stands in the gaps of the phrase; of harm, the points that fewer reach the goal."""
    given: dict[str, Value] = {"smallest": Number(smallest * _WHOLE)}
    if verdict.days_left is not None:
        given["days"] = Count(verdict.days_left)
    if verdict.customers_left is not None:
        given["customers"] = Count(verdict.customers_left)
    if seen is not None:
        low, high = seen.low * _WHOLE, seen.high * _WHOLE
        if verdict.state is State.HARMS:
            low, high = -high, -low
        given |= {"low": Number(low), "high": Number(high)}
    return given
