"""What each rule did, and whether it helps. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from schemas.durations import DAY_MS, HOUR_MS
from workers.report.document import (
    AsOf,
    Chart,
    ChartKind,
    Count,
    Day,
    Interval,
    Label,
    Missing,
    Money,
    Note,
    Number,
    Section,
    Series,
    Table,
    Value,
    Word,
)
from workers.report.figures.basis import Basis, share

_DOINGS: Final = ("acted", "shadow", "held", "held_out", "retracted", "refused")
_COMPARED: Final = ("rule", "treated", "held_out", "difference", "verdict")
NO_CAP: Final = "no_cap"
"""Why money is not compared: no cap is set."""
TOO_FEW_PAYERS: Final = "too_few_payers"
"""The same: too few customers have paid."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An experiment with what can be said of it.

    Attributes:
        name: of the experiment.
        rules: the ids of its rules.
        verdict: the id of what can be said, as `helps`; a phrase `verdict.ID`.
        treated, held_out: customers whose time is over, and how many of them reached the goal.
        low, middle, high: the difference in points of 100; None if nothing can be said of it.
        given: what stands in the gaps of the verdict's phrase.
        brings: how much more a treated customer brings: lower end, middle and upper end in ten-thousandths, and the
            currency; None if that cannot be said.
        no_money: the id of the reason why it cannot.
        later: later episodes of its customers, which are not compared.
        goal: the events that count as a success, and within how many milliseconds; None if it is not said.
        since_ms: when it began, in milliseconds since 1970.
        smallest: the smallest difference that matters, in points of 100; None if it is not said.
    """

    name: str
    verdict: str
    treated: tuple[int, int] = (0, 0)
    held_out: tuple[int, int] = (0, 0)
    low: float | None = None
    middle: float | None = None
    high: float | None = None
    given: Mapping[str, Value] | None = None
    brings: tuple[int, int, int, str] | None = None
    no_money: str = NO_CAP
    later: int = 0
    rules: tuple[str, ...] = ()
    goal: tuple[str, int] | None = None
    since_ms: int = 0
    smallest: float | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """An experiment that has ended.

    Attributes:
        day: of its end, in days since 1970.
        last: what could be said of it at last.
    """

    day: int
    last: Judged


def rules(
    basis: Basis, judged: Sequence[Judged] | None, uncompared: Sequence[str] = (), ended: Sequence[Ended] = ()
) -> Section:
    """Return the section.

    Args:
        basis: what the report is made from.
        judged: every experiment that goes on; None where no one is held out for real, as in a history.
        uncompared: rules that hold no customer out.
        ended: the experiments that have ended.
    """
    time = AsOf(basis.at_ms)
    empty = None
    if judged is None:
        empty = Missing("not_in_history")
    elif not judged and not uncompared:
        empty = Missing("no_rules")
    has_money = any(one.brings is not None for one in judged or ())
    columns = (*_COMPARED, "brings_more") if has_money else _COMPARED
    compared = [_compared(one)[: len(columns)] for one in judged or ()]
    nothing = Missing("nobody_held_out")
    compared += [(Label(name), *([nothing] * (len(columns) - 1))) for name in (() if judged is None else uncompared)]
    verdicts = Table(id="rule_verdicts", columns=columns, rows=tuple(compared), time=time, empty=empty)
    measured = [one for one in judged or () if one.middle is not None]
    charts = () if not measured else (_effects(basis, measured),)
    notes = [Note("capped_money")] if has_money else _without_money(judged or ())
    if any(one.later for one in judged or ()):
        notes.append(Note("later_episodes"))
    return Section(
        id="rules",
        tables=(
            verdicts,
            *_ended(ended, time),
            _doings(basis, "not_in_history" if judged is None else "nothing_done"),
        ),
        charts=charts,
        notes=tuple(notes),
    )


def _without_money(judged: Sequence[Judged]) -> list[Note]:
    """Return what money lacks, where no experiment has any and so no column shows it."""
    reasons = {one.no_money for one in judged}
    return [Note(reason) for reason in (NO_CAP, TOO_FEW_PAYERS) if reason in reasons]


def _compared(one: Judged) -> tuple[Value, ...]:
    difference = _interval(one)
    verdict = Word(f"verdict.{one.verdict}", one.given or {})
    return (Label(one.name), _rate(one.treated), _rate(one.held_out), difference, verdict, _brings(one))


def _ended(ended: Sequence[Ended], time: AsOf) -> tuple[Table, ...]:
    """Return the table of the experiments that have ended, none if there are none."""
    columns = ("rule", "ended", *_COMPARED[1:])
    rows = []
    for one in ended:
        name, *values, _ = _compared(one.last)
        rows.append((name, Day(one.day), *values))
    return (Table(id="rule_ended", columns=columns, rows=tuple(rows), time=time),) if rows else ()


def _rate(finished_and_won: tuple[int, int]) -> Value:
    finished, won = finished_and_won
    return share(won, finished, "no_one_finished")


def _interval(one: Judged) -> Value:
    if one.low is None or one.middle is None or one.high is None:
        return Missing("no_verdict")
    return Interval(Number(one.low), Number(one.high), Number(one.middle))


def _brings(one: Judged) -> Value:
    if one.brings is None:
        return Missing(one.no_money)
    *ends, currency = one.brings
    low, middle, high = (Money(end, currency) for end in ends)
    return Interval(low, high, middle)


def _effects(basis: Basis, measured: Sequence[Judged]) -> Chart:
    smallest = {one.smallest for one in measured}
    given: dict[str, Value] = {}
    if len(smallest) == 1 and (least := smallest.pop()) is not None:
        given["smallest"] = Number(least, 0 if float(least).is_integer() else 1)
    return Chart(
        id="rule_effects",
        kind=ChartKind.INTERVAL,
        x="points",
        y="rule",
        places=tuple(_title(basis, one) for one in measured),
        series=(Series(Word("column.difference"), tuple(_interval(one) for one in measured)),),
        time=AsOf(basis.at_ms),
        details=Series(Word("column.customers"), tuple(map(_details, measured))),
        table="rule_verdicts",
        given=given,
    )


def _title(basis: Basis, one: Judged) -> Label:
    """Return the title of the rule of an experiment, or the experiment's name if it has several."""
    return Label(basis.titles.get(one.rules[0], one.name) if len(one.rules) == 1 else one.name)


def _details(one: Judged) -> Value:
    """Return of how many customers a difference is, since when, and what is compared."""
    given: dict[str, Value] = {
        "treated": Count(one.treated[0]),
        "held_out": Count(one.held_out[0]),
        "day": Day(one.since_ms // DAY_MS),
    }
    if one.goal is None:
        return Word("effect.details", given)
    event, within_ms = one.goal
    return Word("effect.details_and_goal", {**given, "event": Label(event), "within": _within(within_ms)})


def _within(within_ms: int) -> Word:
    if within_ms % DAY_MS:
        return Word("within.hours", {"n": Count(within_ms // HOUR_MS)})
    return Word("within.days", {"n": Count(within_ms // DAY_MS)})


def _doings(basis: Basis, reason: str) -> Table:
    """Return what each rule did in the period; the reason is for why there is nothing."""
    counted = basis.book.doings_between(basis.period.first, basis.period.last)
    numbers: dict[str, dict[str, int]] = {}
    for name, number in counted.items():
        doing, rule, *_ = name.split(":")
        of_rule = numbers.setdefault(rule, {})
        of_rule[doing] = of_rule.get(doing, 0) + number
    rows = tuple(
        (
            Label(rule),
            *(basis.of_period(Count(numbers[rule].get(doing, 0))) for doing in _DOINGS),
        )
        for rule in sorted(numbers)
    )
    return Table(
        id="rule_doings",
        columns=("rule", *_DOINGS),
        rows=rows,
        time=basis.period,
        empty=None if rows else Missing(reason),
    )
