"""What customers say: why they cancel, what they complain about, and whether they recommend. Pure."""

from collections import Counter
from dataclasses import dataclass
from math import sqrt
from typing import Final

from workers.report.document import (
    Chart,
    ChartKind,
    Count,
    Figure,
    Interval,
    Label,
    Missing,
    Money,
    Note,
    Number,
    Part,
    Section,
    Series,
    Table,
    Value,
    Word,
)
from workers.report.figures.basis import Basis, labelled
from workers.report.figures.remarks import of_period

WIDTH: Final = 1.96
"""Standard errors on each side: 95 of 100 such intervals have the true score inside."""
_FEWEST: Final = 2
"""Answers that an interval needs."""
_PROMOTES: Final = 9
_DETRACTS: Final = 6
_NO_LABEL: Final = "-"
_OTHER: Final = "other"


def reasons(basis: Basis) -> Section:
    """Return the section of reasons of cancellations and subjects of complaints, those with the most value first."""
    cancelled = _by_label(basis, _CANCELLATIONS)
    complained = _by_label(basis, _COMPLAINTS)
    complaints = Figure(id="complaints", value=basis.counted_any("complaint", "no_complaints"), time=basis.period)
    return Section(
        id="reasons",
        figures=(complaints,),
        tables=(cancelled[0], complained[0]),
        charts=(*cancelled[1], *complained[1]),
    )


@dataclass(frozen=True, slots=True)
class _Voice:
    """What customers say with a label.

    Attributes:
        field: of the book.
        table: the id of its table and its chart.
        columns: of the labels, and of how often each was named.
        worth: the axis of what those customers had brought.
    """

    field: str
    table: str
    columns: tuple[str, str]
    worth: str


_CANCELLATIONS: Final = _Voice("reason", "cancellation_reasons", ("reason", "cancellations"), "value")
_COMPLAINTS: Final = _Voice("complaint", "complaint_subjects", ("subject", "complaints"), "value_of_complainers")


def _by_label(basis: Basis, voice: _Voice) -> tuple[Table, tuple[Chart, ...]]:
    """Return labels with how often each was named and the value of who did, and a chart of it."""
    numbers = dict(labelled(basis.facts, voice.field))
    worths: dict[str, Counter[str]] = {}
    for labels, amount in labelled(basis.facts, f"{voice.field}_value"):
        label, _, currency = labels.rpartition(":")
        worths.setdefault(currency, Counter())[label] += amount
    currencies = sorted(worths, key=lambda one: (-worths[one].total(), one))
    # Without amounts, it is counted how often each was named.
    axis = voice.worth if currencies else voice.columns[1]
    given = {"counted": Word(f"counted.{axis}")}
    if not numbers:
        empty = Missing(_why_none(basis, voice))
        return Table(id=voice.table, columns=voice.columns, rows=(), time=basis.period, given=given, empty=empty), ()

    def rank(label: str) -> tuple[bool, list[int], int, str]:
        amounts = [-worths[currency][label] for currency in currencies]
        return label in (_OTHER, _NO_LABEL), amounts, -numbers[label], label

    rows = tuple(
        (
            _named(label),
            Count(numbers[label]),
            *(Money(worths[currency][label], currency) for currency in currencies),
        )
        for label in sorted(numbers, key=rank)
    )
    columns = (*voice.columns, *(["value"] * len(currencies)))
    table = Table(id=voice.table, columns=columns, rows=rows, time=basis.period, given=given)
    shown = len(voice.columns) if currencies else 1
    number = Count(sum(numbers.values()))
    chart = Chart(
        id=voice.table,
        kind=ChartKind.BARS,
        x=voice.columns[0],
        y=axis,
        places=tuple(row[0] for row in rows),
        series=(Series(Word(f"column.{columns[shown]}"), tuple(row[shown] for row in rows)),),
        time=basis.period,
        whole=None if currencies else number,
        notes=(Note(f"of_{voice.columns[1]}", {"n": number}), *of_period(basis)),
        table=voice.table,
        given=given,
    )
    return table, (chart,)


def _why_none(basis: Basis, voice: _Voice) -> str:
    if voice is _COMPLAINTS:
        return "no_complaints"
    return "nobody_left" if basis.has("cancelled") else "no_cancellations"


def _named(label: str) -> Value:
    if label == _NO_LABEL:
        return Word("label.none")
    return Word("label.other") if label == _OTHER else Label(label)


def nps(basis: Basis) -> Section:
    """Return the section of how many recommend: the latest answer of each customer in the period."""
    scores: Counter[int] = Counter()
    for label, number in labelled(basis.facts, "nps"):
        scores[int(label)] += number
    for label, number in labelled(basis.facts, "nps_again"):
        scores[int(label)] -= number
    number = scores.total()
    if not number:
        reason = "no_answers" if basis.has("nps") else "no_nps"
        return Section(id="nps", figures=(Figure(id="nps", value=Missing(reason), time=basis.period),))
    promoters = sum(count for score, count in scores.items() if score >= _PROMOTES)
    detractors = sum(count for score, count in scores.items() if score <= _DETRACTS)
    passives = number - promoters - detractors
    score = 100 * (promoters - detractors) / number
    figure = Figure(
        id="nps",
        value=basis.of_period(Number(score)),
        time=basis.period,
        denominator=Count(number),
        parts=(
            Part("promoters", Count(promoters)),
            Part("passives", Count(passives)),
            Part("detractors", Count(detractors)),
            Part("interval", _interval(score, promoters, passives, detractors)),
        ),
    )
    rows = tuple((Count(score), Count(scores[score])) for score in range(11))
    table = Table(id="nps_answers", columns=("answer", "answers"), rows=rows, time=basis.period)
    chart = Chart(
        id="nps_answers",
        kind=ChartKind.BARS,
        x="answer",
        y="answers",
        places=tuple(row[0] for row in rows),
        series=(Series(Word("column.answers"), tuple(row[1] for row in rows)),),
        time=basis.period,
        whole=Count(number),
        groups=tuple(map(_group_of, range(11))),
        notes=(Note("of_answers", {"n": Count(number), "score": Number(score)}), *of_period(basis)),
        table="nps_answers",
    )
    return Section(id="nps", figures=(figure,), tables=(table,), charts=(chart,))


def _group_of(score: int) -> Value:
    """Return what customers are called who give an answer."""
    name = "promoters" if score >= _PROMOTES else "detractors" if score <= _DETRACTS else "passives"
    return Word(f"group.{name}")


def _interval(score: float, promoters: int, passives: int, detractors: int) -> Value:
    """Return where the true score lies: by the spread of the answers, which count as 100, 0 or -100 each."""
    number = promoters + passives + detractors
    if number < _FEWEST:
        return Missing("too_few")
    square = (promoters * (100 - score) ** 2 + passives * score**2 + detractors * (100 + score) ** 2) / number
    half = WIDTH * sqrt(square / number)
    return Interval(Number(max(-100.0, score - half)), Number(min(100.0, score + half)), Number(score))
