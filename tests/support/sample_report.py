"""A report with every kind of figure, table and chart, as a shop might see it."""

from typing import Final

from workers.report.document import (
    AsOf,
    Chart,
    ChartKind,
    Count,
    Day,
    Figure,
    Incomplete,
    Interval,
    Label,
    Missing,
    Money,
    Month,
    Note,
    Number,
    Part,
    Period,
    Report,
    Section,
    Series,
    Share,
    Table,
    Value,
    Word,
)

NOVEMBER: Final = Period(20_758, 20_787)
YEAR: Final = Period(20_423, 20_787)
AT_MS: Final = 1_796_131_543_000
NOW: Final = AsOf(AT_MS)
MONTHS: Final = (Month("2025-12"), *(Month(f"2026-{number:02}") for number in range(1, 12)))
EUROS: Final = {"currency": Label("EUR")}
BY_VALUE: Final = {"counted": Word("counted.value")}
LAPSE: Final = {"lapse": Count(90)}


def euros(units: float) -> Money:
    return Money(round(units * 10_000), "EUR")


def churn() -> Section:
    return Section(
        id="churn",
        figures=(
            Figure(
                id="churn_voluntary_of_contracts",
                value=Incomplete(Share(41, 1_482)),
                time=NOVEMBER,
                denominator=Count(1_482),
                parts=(Part("cancelled", Count(41)),),
            ),
            Figure(
                id="churn_involuntary_of_contracts",
                value=Missing("no_failed_renewals"),
                time=NOVEMBER,
                denominator=Count(1_482),
            ),
            Figure(
                id="churn_silent",
                value=Share(612, 4_120),
                time=NOVEMBER,
                denominator=Count(4_120),
                parts=(Part("lapsed", Count(612)),),
                given=LAPSE,
            ),
        ),
    )


def second_purchase() -> Section:
    figures = [
        Figure(
            id="bought_once",
            value=Share(once, whole) if whole else Missing("too_young", {"days": Count(days)}),
            time=NOW,
            denominator=Count(whole),
            parts=(Part("once", Count(once)),),
            given={"days": Count(days)},
        )
        for days, once, whole in ((30, 9_811, 12_020), (90, 8_120, 11_022), (180, 0, 0))
    ]
    return Section(id="second_purchase", figures=tuple(figures))


def retention() -> Section:
    shares = [[1.0] + [0.34 - 0.013 * step - 0.004 * row for step in range(11 - row)] for row in range(12)]
    rows: list[tuple[Value, ...]] = [
        tuple(
            _last_open(Share(round(share * 1_000), 1_000), step == 11 - row)
            if step < len(shares[row])
            else Missing("not_seen")
            for step, share in enumerate([*shares[row], *[0.0] * row])
        )
        for row in range(12)
    ]
    curve: tuple[Value, ...] = (
        Share(1, 1),
        *(Share(330 - 14 * step, 1_000) for step in range(10)),
        Missing("not_seen"),
    )
    steps = tuple(Count(step) for step in range(12))
    return Section(
        id="retention",
        charts=(
            Chart(
                id="retention_curve",
                kind=ChartKind.LINES,
                x="months_later",
                y="share_who_bought",
                places=steps,
                series=(Series(Word("series.all"), curve),),
                time=YEAR,
                details=Series(
                    Word("axis.customers_counted"),
                    (*(Count(10_400 - 870 * step) for step in range(11)), Missing("not_seen")),
                ),
                notes=(Note("curve_ends", {"n": Count(11)}),),
                table="retention_curve",
            ),
            Chart(
                id="retention_triangle",
                kind=ChartKind.TRIANGLE,
                x="months_later_shares",
                y="first_purchase",
                places=steps,
                series=tuple(Series(month, row) for month, row in zip(MONTHS, rows, strict=True)),
                time=YEAR,
                details=Series(Word("column.customers"), tuple(Count(800 + 13 * place) for place in range(12))),
                notes=(Note("month_with_star", {"month": MONTHS[-1]}), Note("of_first_buyers", {"n": Count(10_458)})),
                table="retention",
            ),
        ),
        tables=(
            Table(
                id="retention",
                columns=("first_purchase", "customers", *(f"after_{step}" for step in range(12))),
                rows=tuple(
                    (month, Count(800 + 13 * place), *row)
                    for place, (month, row) in enumerate(zip(MONTHS, rows, strict=True))
                ),
                time=YEAR,
            ),
        ),
        notes=(Note("incomplete"),),
    )


def revenue() -> Section:
    rows = [
        (
            month,
            *(_last_open(euros(value), place == 11) for value in (12_400 - 430 * place, 30_000 + 1_530.5 * place)),
        )
        for place, month in enumerate(MONTHS)
    ]
    return Section(
        id="revenue",
        figures=(
            Figure(
                id="revenue",
                value=Incomplete(euros(54_500.5)),
                time=NOVEMBER,
                parts=(Part("gross", euros(56_000)), Part("refunds", euros(1_499.5))),
                given=EUROS,
            ),
        ),
        charts=(
            Chart(
                id="revenue_by_month",
                kind=ChartKind.STACKED,
                x="month",
                y="revenue",
                places=MONTHS,
                series=(
                    Series(Word("series.existing"), tuple(row[2] for row in rows)),
                    Series(Word("series.new"), tuple(row[1] for row in rows)),
                ),
                time=YEAR,
                notes=(Note("month_open", {"month": MONTHS[-1]}), Note("of_revenue", {"amount": euros(581_633)})),
                table="revenue_by_month",
                given=EUROS,
            ),
        ),
        tables=(
            Table(
                id="revenue_by_month",
                columns=("month", "new", "existing"),
                rows=tuple(rows),
                time=YEAR,
                given=EUROS,
            ),
        ),
    )


def reasons() -> Section:
    rows = (
        (Label("too expensive"), Count(19), euros(8_420)),
        (Label("moved to <b>another</b> shop & never came back"), Count(11), euros(3_100.5)),
        (Word("label.other"), Count(9), euros(901)),
        (Word("label.none"), Count(2), euros(0)),
    )
    return Section(
        id="reasons",
        charts=(
            Chart(
                id="cancellation_reasons",
                kind=ChartKind.BARS,
                x="reason",
                y="value",
                places=tuple(row[0] for row in rows),
                series=(Series(Word("column.value"), tuple(row[2] for row in rows)),),
                time=NOVEMBER,
                notes=(Note("of_cancellations", {"n": Count(41)}),),
                table="cancellation_reasons",
                given=BY_VALUE,
            ),
        ),
        tables=(
            Table(
                id="cancellation_reasons",
                columns=("reason", "cancellations", "value"),
                rows=rows,
                time=NOVEMBER,
                given=BY_VALUE,
            ),
            Table(
                id="complaint_subjects",
                columns=("subject", "complaints"),
                rows=(),
                time=NOVEMBER,
                given={"counted": Word("counted.complaints")},
                empty=Missing("no_complaints"),
            ),
        ),
    )


def nps() -> Section:
    answers = (12, 3, 5, 7, 9, 22, 31, 80, 122, 160, 211)
    rows = tuple((Count(score), Count(number)) for score, number in enumerate(answers))
    return Section(
        id="nps",
        figures=(
            Figure(
                id="nps",
                value=Interval(Number(36.4), Number(46.8), Number(42.6)),
                time=NOVEMBER,
                denominator=Count(sum(answers)),
                parts=(
                    Part("promoters", Count(371)),
                    Part("passives", Count(202)),
                    Part("detractors", Count(89)),
                ),
            ),
        ),
        charts=(
            Chart(
                id="nps_answers",
                kind=ChartKind.BARS,
                x="answer",
                y="answers",
                places=tuple(row[0] for row in rows),
                series=(Series(Word("column.answers"), tuple(row[1] for row in rows)),),
                time=NOVEMBER,
                whole=Count(sum(answers)),
                groups=tuple(
                    Word(f"group.{'detractors' if score < 7 else 'passives' if score < 9 else 'promoters'}")
                    for score in range(11)
                ),
                notes=(Note("of_answers", {"n": Count(sum(answers)), "score": Number(42.6)}),),
                table="nps_answers",
            ),
        ),
        tables=(Table(id="nps_answers", columns=("answer", "answers"), rows=rows, time=NOVEMBER),),
    )


def slipping() -> Section:
    rows = tuple(
        (Word("silent_for", {"days": Count(days)}), Count(number), Share(number, 17_020))
        for days, number in ((7, 12_320), (14, 10_040), (30, 7_920), (60, 5_101), (90, 3_870))
    )
    return Section(
        id="slipping",
        charts=(
            Chart(
                id="slipping_away",
                kind=ChartKind.BARS,
                x="silent_for",
                y="customers",
                places=tuple(row[0] for row in rows),
                series=(Series(Word("column.customers"), tuple(row[1] for row in rows)),),
                time=NOW,
                whole=Count(17_020),
                notes=(Note("of_customers", {"n": Count(17_020)}),),
                table="slipping_away",
            ),
        ),
        tables=(Table(id="slipping_away", columns=("silent_for", "customers", "share"), rows=rows, time=NOW),),
    )


def rules() -> Section:
    effects: tuple[tuple[str, Value, Value], ...] = (
        (
            "First-time buyer without a second order",
            _points(0.4, 3.3, 6.2),
            Word("verdict.helps", {"low": Number(0.4), "high": Number(6.2)}),
        ),
        (
            "Regular customer gone quiet",
            _points(-6.1, -3.6, -1.1),
            Word("verdict.harms", {"low": Number(1.1), "high": Number(6.1)}),
        ),
        ("Complaint not answered", _points(-9.0, -1.0, 7.0), Word("verdict.running", {"days": Count(41)})),
        ("Worth winning back", Missing("nobody_held_out"), Missing("nobody_held_out")),
    )
    return Section(
        id="rules",
        charts=(
            Chart(
                id="rule_effects",
                kind=ChartKind.INTERVAL,
                x="points",
                y="rule",
                places=tuple(Label(name) for name, _, _ in effects),
                series=(Series(Word("column.difference"), tuple(value for _, value, _ in effects)),),
                time=NOW,
                details=Series(
                    Word("column.customers"),
                    (*(_compared(9_400 - 100 * place, 1_042 - 10 * place) for place in range(3)), Label("")),
                ),
                table="rule_verdicts",
                given={"smallest": Number(3, 0)},
            ),
        ),
        tables=(
            Table(
                id="rule_verdicts",
                columns=("rule", "verdict", "treated", "held_out", "difference"),
                rows=tuple(
                    (Label(name), verdict, Count(9_400 - 100 * place), Count(1_042 - 10 * place), value)
                    for place, (name, value, verdict) in enumerate(effects)
                ),
                time=NOW,
            ),
        ),
    )


def sample() -> Report:
    """Return the report."""
    return Report(
        period=NOVEMBER,
        source=Word("source.live"),
        at_ms=AT_MS,
        sections=(
            churn(),
            second_purchase(),
            retention(),
            revenue(),
            reasons(),
            nps(),
            slipping(),
            rules(),
        ),
        notes=(Note("incomplete"),),
    )


def _last_open(value: Value, is_open: bool) -> Value:
    return Incomplete(value) if is_open else value


def _compared(treated: int, held_out: int) -> Word:
    given: dict[str, Value] = {
        "event": Label("purchase"),
        "within": Word("within.days", {"n": Count(30)}),
        "treated": Count(treated),
        "held_out": Count(held_out),
        "day": Day(20_500),
    }
    return Word("effect.details_and_goal", given)


def _points(low: float, middle: float, high: float) -> Interval:
    return Interval(Number(low), Number(high), Number(middle))
