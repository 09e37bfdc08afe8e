"""Figures of experiments, summed over the partitions for everyone who reads them. Pure.

Each partition counts in a hash of its own: `KEY|ARM|DAY|WHAT`, by the day on which customers started, and
`KEY|ARM|later`. The day is `ALL` for days that were finished long ago. A day is finished once the type of the success
has been seen up to its end and the time for a success after it; until then its customers are `running`. A day after
an experiment has ended, its figures are kept in its entry, and no partition's count any more.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from msgspec import structs

from schemas.durations import DAY_MS
from schemas.experiments import (
    AMOUNT,
    ASSIGNED,
    LATER,
    PAYERS,
    SQUARE,
    SQUARE_HIGH,
    SQUARES_LOW,
    WON,
    EndedArm,
    ExperimentEntry,
)

ALL: Final = "all"
"""Stands for the days whose figures are kept together."""


DAYS_KEPT: Final = 7
"""For this many days after they are finished, days are counted one by one."""


@dataclass(slots=True)
class ArmFigures:
    """The results of the customers of one arm. Amounts are hundredths; only finished customers have any.

    Attributes:
        assigned: customers who entered the experiment in this arm.
        running: those among them who may still succeed.
        finished: the others.
        won: finished customers who succeeded.
        amount_sum: what the finished customers brought, each of them capped.
        amount_square: the sum of the squares of that.
        payers: finished customers who brought anything.
        later: later episodes of customers who were in the experiment already.
    """

    assigned: int = 0
    running: int = 0
    finished: int = 0
    won: int = 0
    amount_sum: int = 0
    amount_square: int = 0
    payers: int = 0
    later: int = 0


@dataclass(slots=True)
class ExperimentFigures:
    """The figures of one experiment.

    Attributes:
        key: of the experiment.
        entry: what is kept of it.
        arms: by name; every arm of the design is there.
        by_day: customers that entered, by day (since 1970) and arm; of days that are kept together, none.
    """

    key: str
    entry: ExperimentEntry
    arms: dict[str, ArmFigures]
    by_day: dict[int, dict[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Counted:
    """What one partition has counted.

    Attributes:
        fields: of its hash of experiments.
        until: by event type, up to when it has been seen there.
    """

    fields: Mapping[str, int]
    until: Mapping[str, int]


def figures(registry: Mapping[str, ExperimentEntry], partitions: Iterable[Counted]) -> dict[str, ExperimentFigures]:
    """Return the figures of every experiment, by its key.

    Args:
        registry: by key, what is kept of each experiment.
        partitions: what each partition has counted; nothing is summed of experiments that are not in the registry,
            nor of those whose figures it keeps, or says to be lost.
    """
    found = {key: ExperimentFigures(key, entry, _arms(entry)) for key, entry in registry.items()}
    counting = {key for key, entry in registry.items() if not entry.ended and entry.lost_at is None}
    for counted in partitions:
        for name, number in counted.fields.items():
            key, arm, *rest = name.split("|")
            if key in counting:
                _add(found[key], arm, rest, number, counted.until)
    return found


def kept_at_the_end(figures: ExperimentFigures) -> ExperimentEntry:
    """Return what is kept of an experiment that has ended, with its figures as they stay."""
    arms = {
        name: EndedArm(**{one: getattr(arm, one) for one in EndedArm.__struct_fields__})
        for name, arm in figures.arms.items()
    }
    return structs.replace(figures.entry, ended=arms)


def _arms(entry: ExperimentEntry) -> dict[str, ArmFigures]:
    kept = {
        name: ArmFigures(running=arm.assigned - arm.finished, **structs.asdict(arm))
        for name, arm in entry.ended.items()
    }
    return kept or {arm: ArmFigures() for arm in entry.arms}


def finished_until(entry: ExperimentEntry, until: Mapping[str, int]) -> int:
    """Return the first day whose customers are still running in a partition.

    Args:
        entry: of the experiment.
        until: by event type, up to when it has been seen there. What came after the end does not count.
    """
    seen_ms = until.get(entry.success.event, 0)
    if entry.closed_at is not None:
        seen_ms = min(seen_ms, entry.closed_at)
    return (seen_ms - entry.success.within_ms) // DAY_MS


def long_finished(
    registry: Mapping[str, ExperimentEntry], counted: Counted, most: int
) -> tuple[dict[str, int], list[str]]:
    """Return what is added to the figures that are kept together, and the names of those that go in return.

    Args:
        registry: by key, what is kept of each experiment.
        counted: by one partition. A day stays for a week after it is finished, because most late events come until
            then; what comes later makes the day again, and is added the next time. What the registry keeps of one
            that has ended goes, and is not added.
        most: how many figures may go.
    """
    added: dict[str, int] = {}
    gone: list[str] = []
    for name, number in counted.fields.items():
        key, arm, *rest = name.split("|")
        if key not in registry or len(gone) >= most:
            continue
        if registry[key].ended:
            gone.append(name)
            continue
        if len(rest) != 2 or rest[0] == ALL:
            continue
        if int(rest[0]) < finished_until(registry[key], counted.until) - DAYS_KEPT:
            together = f"{key}|{arm}|{ALL}|{rest[1]}"
            added[together] = added.get(together, 0) + number
            gone.append(name)
    return added, gone


def entered(added: Mapping[str, int]) -> dict[tuple[str, str], int]:
    """Return by key and arm how many customers have entered experiments.

    Args:
        added: what a step adds to figures, by their names.
    """
    numbers: dict[tuple[str, str], int] = {}
    for name, number in added.items():
        key, arm, *rest = name.split("|")
        if len(rest) == 2 and rest[0] != ALL and rest[1] == ASSIGNED:
            numbers[key, arm] = numbers.get((key, arm), 0) + number
    return numbers


def _add(to: ExperimentFigures, arm_name: str, rest: list[str], number: int, until: Mapping[str, int]) -> None:
    arm = to.arms.setdefault(arm_name, ArmFigures())
    if rest == [LATER]:
        arm.later += number
        return
    day, what = rest
    is_finished = day == ALL or int(day) < finished_until(to.entry, until)
    if what == ASSIGNED:
        arm.assigned += number
        if is_finished:
            arm.finished += number
        else:
            arm.running += number
        if day != ALL:
            of_day = to.by_day.setdefault(int(day), {})
            of_day[arm_name] = of_day.get(arm_name, 0) + number
    elif is_finished:
        if what == WON:
            arm.won += number
        elif what == AMOUNT:
            arm.amount_sum += number
        elif what == SQUARE:
            arm.amount_square += number
        elif what == SQUARE_HIGH:
            arm.amount_square += number * SQUARES_LOW
        elif what == PAYERS:
            arm.payers += number
