"""Experiments for people: the document of `linger experiments`. Pure."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from schemas.durations import write_duration
from schemas.experiments import EVERY_RULE, UNITS, ExperimentEntry, SuccessEntry
from workers.clock import iso_text
from workers.experiments.figures import ArmFigures, ExperimentFigures
from workers.experiments.verdicts import Judged, judged
from workers.verdict.counts import Interval
from workers.verdict.judging import State

NOTHING_TO_COMPARE: Final = "no one is held out, so there is nothing to compare"
"""Said of an experiment without a hold-out."""
LOST: Final = "its figures were lost with Redis, so nothing can be said"
"""Said of an experiment whose figures cannot be counted again."""


def experiments_document(found: Iterable[ExperimentFigures], now_ms: int, *, ended: bool) -> list[dict[str, Any]]:
    """Return every experiment with its figures and its verdict: those that go on first, each by its name.

    Args:
        found: the experiments.
        now_ms: the moment up to which customers came.
        ended: also those that have ended.
    """
    wanted = [one for one in found if ended or one.entry.closed_at is None]
    wanted.sort(key=lambda one: (one.entry.closed_at is not None, one.entry.name, one.entry.begun_at, one.key))
    return [_document(one, judged(one, now_ms)) for one in wanted]


def success_in_words(success: SuccessEntry) -> str:
    """Return what counts as a success: `purchase within 30 days`."""
    only = "" if success.where is None else f" ({success.where})"
    return f"{success.event}{only} within {write_duration(timedelta(milliseconds=success.within_ms))}"


def _document(figures: ExperimentFigures, found: Judged | None) -> dict[str, Any]:
    entry = figures.entry
    # Figures of arms that do not fit cannot be believed, but how many are in each is needed to find out why.
    is_hidden = found is not None and found.verdict.state is State.UNHEALTHY
    return {
        "key": figures.key,
        "name": None if entry.name == EVERY_RULE else entry.name,
        "rules": list(entry.rules),
        "begun_at": _moment(entry.begun_at or None),
        "ended_at": _moment(entry.closed_at),
        "success": success_in_words(entry.success),
        "hold_out": _share(entry.hold_out / 100),
        "currency": entry.currency,
        "smallest_difference": _share(entry.smallest_difference / 100),
        "arms": [
            {"arm": name, **_arm(arm, has_money=entry.currency is not None, is_hidden=is_hidden)}
            for name, arm in figures.arms.items()
        ],
        "state": None if found is None else str(found.verdict.state),
        "verdict": _verdict(entry, found),
        "interval": None if found is None else _interval(found.verdict.interval),
        "days_left": None if found is None else found.verdict.days_left,
        "customers_left": None if found is None else found.verdict.customers_left,
        "customers_a_day": None if found is None or found.per_day is None else round(found.per_day, 2),
        "plan": None if found is None else found.design.plan,
        "by_variant": {} if found is None else {name: _interval(one) for name, one in found.by_variant.items()},
        "money": None if found is None else _interval(found.money, digits=2),
        "unhealthy_since": _moment(entry.unhealthy_since),
        "harmed_at": _moment(entry.harmed_at),
        "lost_at": _moment(entry.lost_at),
    }


def _verdict(entry: ExperimentEntry, found: Judged | None) -> str:
    if found is not None:
        return found.sentence
    return NOTHING_TO_COMPARE if entry.lost_at is None else LOST


def _arm(arm: ArmFigures, *, has_money: bool, is_hidden: bool) -> dict[str, Any]:
    is_known = arm.finished > 0 and not is_hidden
    return {
        "assigned": arm.assigned,
        "running": arm.running,
        "finished": arm.finished,
        "won": None if is_hidden else arm.won,
        "rate": _share(arm.won / arm.finished) if is_known else None,
        "amount": arm.amount_sum / UNITS if has_money and is_known else None,
        "later": arm.later,
    }


def _interval(interval: Interval | None, digits: int = 6) -> dict[str, float] | None:
    if interval is None:
        return None
    return {name: round(getattr(interval, name), digits) for name in ("low", "middle", "high")}


def _share(share: float) -> float:
    return round(share, 6)


def _moment(at_ms: int | None) -> str | None:
    return None if at_ms is None else iso_text(at_ms)
