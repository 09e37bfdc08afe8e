"""A report for machines: the same figures as plain values, for JSON, and as rows, for CSV.

Ids, numbers, days and codes are the same in every language; titles and definitions are words.
"""

import csv
from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Any, Final

from workers.clock import iso_text
from workers.core.events.decoding import UNIT
from workers.report.document import (
    AsOf,
    Chart,
    Count,
    Day,
    Figure,
    Incomplete,
    Interval,
    Label,
    Missing,
    Moment,
    Money,
    Month,
    Note,
    Number,
    Report,
    Section,
    Share,
    Table,
    Time,
    Value,
    Word,
)
from workers.report.figures.months import date_of
from workers.report.words.language import Language

HEADS: Final = (
    "section", "id", "row", "column", "value", "kind", "currency", "part", "whole", "low", "high", "from", "to",
    "incomplete", "missing", "definition",
)  # fmt: skip
"""The columns of the CSV."""
_DIGITS: Final = 6


def plain_report(report: Report, language: Language) -> dict[str, Any]:
    """Return a report as plain values."""
    return {
        "period": _time(report.period),
        "zone": report.zone,
        "source": language.text(report.source),
        "made_at": iso_text(report.at_ms),
        "notes": _notes(report.notes, language),
        "sections": [_section(section, language) for section in report.sections],
    }


def _section(section: Section, language: Language) -> dict[str, Any]:
    return {
        "id": section.id,
        "title": language.say(f"section.{section.id}.title"),
        "notes": _notes(section.notes, language),
        "figures": [_figure(figure, language) for figure in section.figures],
        "tables": [_table(table, language) for table in section.tables],
        "charts": [_chart(chart, language) for chart in section.charts],
    }


def _figure(figure: Figure, language: Language) -> dict[str, Any]:
    return {
        "id": figure.id,
        "title": language.say(f"{figure.id}.title", figure.given),
        "definition": language.say(f"{figure.id}.sentence", figure.given),
        **plain_value(figure.value),
        **_because(figure.value, language),
        "of": None if figure.denominator is None else plain_value(figure.denominator),
        "time": _time(figure.time),
        "parts": {part.id: plain_value(part.value) for part in figure.parts},
        "given": _given(figure.given),
    }


def _table(table: Table, language: Language) -> dict[str, Any]:
    return {
        "id": table.id,
        "title": language.say(f"{table.id}.title", table.given),
        "definition": language.say(f"{table.id}.sentence", table.given),
        "time": _time(table.time),
        "columns": list(table.columns),
        "rows": [[plain_value(value) for value in row] for row in table.rows],
        "given": _given(table.given),
        **({} if table.empty is None else {"missing": table.empty.reason, "because": language.reason(table.empty)}),
    }


def _chart(chart: Chart, language: Language) -> dict[str, Any]:
    return {
        "id": chart.id,
        "kind": str(chart.kind),
        "table": chart.table,
        "time": _time(chart.time),
        "notes": _notes(chart.notes, language),
        "of": None if chart.whole is None else plain_value(chart.whole),
        "places": [plain_value(place) for place in chart.places],
        "series": [
            {"name": plain_value(series.name), "values": [plain_value(value) for value in series.values]}
            for series in chart.series
        ],
        "details": None if chart.details is None else [plain_value(value) for value in chart.details.values],
    }


def _notes(notes: tuple[Note, ...], language: Language) -> list[dict[str, Any]]:
    return [{"id": note.id, "text": language.say(f"note.{note.id}", note.given)} for note in notes]


def _given(given: Mapping[str, Value]) -> dict[str, Any]:
    return {name: plain_value(value) for name, value in given.items()}


def _because(value: Value, language: Language) -> dict[str, Any]:
    return {"because": language.reason(value)} if isinstance(value, Missing) else {}


def _time(time: Time) -> dict[str, Any]:
    if isinstance(time, AsOf):
        return {"at": iso_text(time.at_ms)}
    return {"from": date_of(time.first).isoformat(), "to": date_of(time.last).isoformat()}


def plain_value(value: Value) -> dict[str, Any]:
    """Return a value as plain values; amounts are whole currencies, as numbers."""
    match value:
        case Incomplete(inner):
            return {**plain_value(inner), "incomplete": True}
        case Count(number):
            return {"kind": "count", "value": number}
        case Number(number):
            return {"kind": "number", "value": round(number, _DIGITS)}
        case Share(part, whole):
            return {"kind": "share", "value": round(value.ratio, _DIGITS), "part": part, "whole": whole}
        case Money(amount, currency):
            return {"kind": "money", "value": _units(amount), "currency": None if currency == "-" else currency}
        case Interval(low, high, middle):
            return {
                "kind": "interval",
                "value": plain_value(middle)["value"],
                "low": plain_value(low)["value"],
                "high": plain_value(high)["value"],
            }
        case Day(number):
            return {"kind": "day", "value": date_of(number).isoformat()}
        case Month(text):
            return {"kind": "month", "value": text}
        case Moment(at_ms):
            return {"kind": "moment", "value": iso_text(at_ms)}
        case Word(name, given):
            return {"kind": "word", "value": name, **({"given": _given(given)} if given else {})}
        case Label(text):
            return {"kind": "label", "value": text}
        case Missing(reason):
            return {"kind": "missing", "value": None, "missing": reason}


def _units(amount: int) -> int | float:
    return amount // UNIT if amount % UNIT == 0 else amount / UNIT


def csv_of(report: Report, language: Language) -> str:
    """Return a report as CSV: a line for each figure, each part of one, and each cell of a table."""
    text = StringIO()
    writer = csv.DictWriter(text, HEADS, lineterminator="\n")
    writer.writeheader()
    for section in report.sections:
        for row in _rows(section, language):
            writer.writerow(row)
    return text.getvalue()


def _rows(section: Section, language: Language) -> Iterator[dict[str, Any]]:
    for figure in section.figures:
        about = {"section": section.id, "id": figure.id, **_time_of_row(figure.time)}
        yield (
            about
            | _of_row(figure.value)
            | {
                "definition": language.say(f"{figure.id}.sentence", figure.given),
                "row": _given_of_row(figure.given),
            }
        )
        for part in figure.parts:
            yield about | _of_row(part.value) | {"column": part.id, "row": _given_of_row(figure.given)}
    for table in section.tables:
        about = {"section": section.id, "id": table.id, **_time_of_row(table.time)}
        if table.empty is not None:
            yield about | {"missing": table.empty.reason}
        for first, *rest in table.rows:
            for name, value in zip(table.columns[1:], rest, strict=True):
                yield about | _of_row(value) | {"row": _text(first), "column": name}


def _of_row(value: Value) -> dict[str, Any]:
    plain = plain_value(value)
    return {name: one for name, one in plain.items() if name in HEADS and one is not None and name != "given"}


def _given_of_row(given: Mapping[str, Value]) -> str:
    return " ".join(_text(value) for value in given.values())


def _text(value: Value) -> str:
    plain = plain_value(value)
    given = plain.get("given", {})
    return " ".join(str(one) for one in (plain["value"], *(inner["value"] for inner in given.values())))


def _time_of_row(time: Time) -> dict[str, Any]:
    plain = _time(time)
    return {"from": plain.get("from", plain.get("at")), "to": plain.get("to", plain.get("at"))}
