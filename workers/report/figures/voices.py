"""What customers say: why they cancel, what they complain about, and whether they recommend. Pure."""

from collections import Counter
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
    Number,
    Part,
    Section,
    Series,
    Table,
    Value,
    Word,
)
from workers.report.figures.basis import Basis, labelled

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
    cancelled = _by_value(basis, "reason", "cancellation_reasons", ("reason", "cancellations"), "value")
    complained = _by_value(
        basis, "complaint", "complaint_subjects", ("subject", "complaints"), "value_of_complainers"
    )
    complaints = Figure(id="complaints", value=basis.counted_any("complaint", "no_complaints"), time=basis.period)
    return Section(
        id="reasons",
        figures=(complaints,),
        tables=(cancelled[0], complained[0]),
        charts=(*cancelled[1], *complained[1]),
    )


def _by_value(
    basis: Basis, name: str, table_id: str, columns: tuple[str, str], axis: str
) -> tuple[Table, tuple[Chart, ...]]:
    """Return labels with how many named them and the value of these, and a chart of it."""
    numbers = dict(labelled(basis.facts, name))
    if not numbers:
        reason = (
            "no_complaints"
            if name == "complaint"
            else "nobody_left"
            if basis.has("cancelled")
            else "no_cancellations"
        )
        return Table(id=table_id, columns=columns, rows=(), time=basis.period, empty=Missing(reason)), ()
    worths: dict[str, Counter[str]] = {}
    for labels, amount in labelled(basis.facts, f"{name}_value"):
        label, _, currency = labels.rpartition(":")
        worths.setdefault(currency, Counter())[label] += amount
    currencies = sorted(worths, key=lambda one: (-worths[one].total(), one))
    ordered = sorted(
        numbers, key=lambda label: (*(-worths[currency][label] for currency in currencies), -numbers[label], label)
    )
    rows = tuple(
        (
            _named(label),
            Count(numbers[label]),
            *(Money(worths[currency][label], currency) for currency in currencies),
        )
        for label in ordered
    )
    table = Table(id=table_id, columns=(*columns, *(["value"] * len(currencies))), rows=rows, time=basis.period)
    # Without amounts, the number of customers is drawn.
    shown = len(columns) if currencies else 1
    chart = Chart(
        id=table_id,
        kind=ChartKind.BARS,
        x=columns[0],
        y=axis if currencies else "customers",
        places=tuple(row[0] for row in rows),
        series=(Series(Word(f"column.{table.columns[shown]}"), tuple(row[shown] for row in rows)),),
        table=table_id,
    )
    return table, (chart,)


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
        table="nps_answers",
    )
    return Section(id="nps", figures=(figure,), tables=(table,), charts=(chart,))


def _interval(score: float, promoters: int, passives: int, detractors: int) -> Value:
    """Return where the true score lies: by the spread of the answers, which count as 100, 0 or -100 each."""
    number = promoters + passives + detractors
    if number < _FEWEST:
        return Missing("too_few")
    square = (promoters * (100 - score) ** 2 + passives * score**2 + detractors * (100 + score) ** 2) / number
    half = WIDTH * sqrt(square / number)
    return Interval(Number(max(-100.0, score - half)), Number(min(100.0, score + half)), Number(score))
