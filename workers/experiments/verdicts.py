"""What can be said of experiments: their figures, judged. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final

from msgspec import structs

from schemas.durations import DAY_MS
from schemas.experiments import AS_BEFORE, HELD_OUT, UNITS, ExperimentEntry
from workers.experiments.figures import DAYS_KEPT, ArmFigures, ExperimentFigures
from workers.verdict.counts import Amounts, Arm, Counts, Design, Interval
from workers.verdict.interval import interval
from workers.verdict.judging import State, Verdict, arms_fit, verdict
from workers.verdict.money import money
from workers.verdict.needed import USUAL_BASE_RATE, needed_for
from workers.verdict.sentences import sentence

_WHOLE: Final = 100
_MEAN_DAYS: Final = 28
_ENOUGH: Final = 100
"""Finished customers who were held out, for a rate that can be planned with."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An experiment and its verdict.

    Attributes:
        figures: of the experiment.
        design: what was settled before the first outcome.
        counts: treated customers of all variants, beside those held out.
        verdict: what can be said.
        per_day: customers who came each day of late; None if that cannot be said yet.
        by_variant: the interval of each variant beside the held-out customers, if there are variants.
        money: what a treated customer brings more, in a currency; None without a cap, or with too few payers.
    """

    figures: ExperimentFigures
    design: Design
    counts: Counts
    verdict: Verdict
    per_day: float | None
    by_variant: Mapping[str, Interval]
    money: Interval | None

    @property
    def name(self) -> str:
        """Return what the experiment is called for people."""
        return self.figures.entry.called

    @property
    def sentence(self) -> str:
        """Return the verdict in words."""
        return sentence(self.verdict, self.design)


def judged(figures: ExperimentFigures, now_ms: int) -> Judged | None:
    """Judge an experiment; None if no one is held out or its figures are lost, so that there is nothing to compare.

    Args:
        figures: of the experiment.
        now_ms: the moment up to which customers came.
    """
    design = design_of(figures.entry)
    if design is None or figures.entry.lost_at is not None:
        return None
    arms = figures.arms
    treated = _together([arms[name] for name in figures.entry.treated if name in arms])
    held = arms.get(HELD_OUT, ArmFigures())
    counts = Counts(_arm(treated), _arm(held))
    a_day = per_day(figures, now_ms)
    is_unhealthy = figures.entry.unhealthy_since is not None
    found = verdict(counts, design, a_day, is_unhealthy=is_unhealthy)
    is_shown = found.interval is not None
    variants = figures.entry.variants if is_shown else {}
    by_variant = {
        name: interval(Counts(_arm(arms.get(name, ArmFigures())), counts.held), design.plan) for name in variants
    }
    amount = _money(treated, held, design.plan) if is_shown and figures.entry.cap is not None else None
    return Judged(figures, design, counts, found, a_day, by_variant, amount)


def design_of(entry: ExperimentEntry) -> Design | None:
    """Return what was settled before the first outcome; None if no one is held out.

    Customers for whom an old campaign goes on are in neither of the two arms, so the share held out is that of the
    others.
    """
    if not 0 < entry.hold_out < _WHOLE - entry.as_before:
        return None
    return Design(
        hold_out=entry.hold_out / (_WHOLE - entry.as_before),
        plan=entry.plan or plan_of(entry),
        smallest=entry.smallest_difference / _WHOLE,
        window_days=max(1, round(entry.success.within_ms / DAY_MS)),
        base_rate=entry.base_rate,
    )


def plan_of(entry: ExperimentEntry) -> int:
    """Return for how many customers the verdict is tuned: as many as the smallest difference that matters needs."""
    rate = USUAL_BASE_RATE if entry.base_rate is None else entry.base_rate
    share = entry.hold_out / (_WHOLE - entry.as_before)
    return needed_for(rate, entry.smallest_difference / _WHOLE, share).both


def per_day(figures: ExperimentFigures, now_ms: int) -> float | None:
    """Return how many customers came into both arms each day, over the last 28 whole days or fewer.

    None while it goes on for less than a day; 0 once it is closed, since no one comes any more.
    """
    entry = figures.entry
    if entry.closed_at is not None:
        return 0.0
    today, window = now_ms // DAY_MS, entry.success.within_ms // DAY_MS
    # What was finished long ago is no longer known by day.
    first = max(today - min(_MEAN_DAYS, window + DAYS_KEPT), entry.begun_at // DAY_MS)
    if first >= today:
        return None
    came = sum(
        number
        for day, by_arm in figures.by_day.items()
        if first <= day < today
        for arm, number in by_arm.items()
        if arm != AS_BEFORE
    )
    return came / (today - first)


def latched(entry: ExperimentEntry, found: Judged, base_rate: float | None, now_ms: int) -> ExperimentEntry:
    """Return what is kept of an experiment after it was judged.

    The plan is fixed the first time. That the arms do not fit, and that it harms, stays.

    Args:
        entry: as it is kept now; it may be newer than the one that was judged.
        found: the verdict.
        base_rate: the rate of success that a new plan assumes; None for the usual one.
        now_ms: the present moment.
    """
    if entry.plan is None:
        entry = structs.replace(entry, base_rate=base_rate)
        entry = structs.replace(entry, plan=plan_of(entry))
    if entry.unhealthy_since is None and not arms_fit(found.counts, found.design):
        entry = structs.replace(entry, unhealthy_since=now_ms)
    if entry.harmed_at is None and found.verdict.state is State.HARMS:
        entry = structs.replace(entry, harmed_at=now_ms)
    return entry


def rate_before(entry: ExperimentEntry, others: Iterable[ExperimentFigures]) -> float | None:
    """Return the rate of success of those held out by the latest closed experiment of the same name and success.

    None if there is none with enough customers. The experiment's own customers are not asked: the plan must not
    depend on them.

    Args:
        entry: of a new experiment.
        others: every experiment.
    """
    found = [
        (one.entry.closed_at, arm.won / arm.finished)
        for one in others
        if one.entry.closed_at is not None
        and (one.entry.name, one.entry.success) == (entry.name, entry.success)
        and (arm := one.arms.get(HELD_OUT, ArmFigures())).finished >= _ENOUGH
    ]
    return max(found)[1] if found else None


def _arm(arm: ArmFigures) -> Arm:
    return Arm(arm.finished, arm.won, arm.assigned)


def _together(arms: Sequence[ArmFigures]) -> ArmFigures:
    whole = ArmFigures()
    for arm in arms:
        for each in fields(arm):
            setattr(whole, each.name, getattr(whole, each.name) + getattr(arm, each.name))
    return whole


def _money(treated: ArmFigures, held: ArmFigures, plan: int) -> Interval | None:
    both = [
        Amounts(arm.finished, arm.amount_sum / UNITS, arm.amount_square / UNITS**2, arm.payers)
        for arm in (treated, held)
    ]
    return money(both[0], both[1], plan)
