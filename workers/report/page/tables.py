"""A table of a report → a table of the page. Pure."""

from collections.abc import Iterator
from typing import Final

from workers.report.document import Incomplete, Missing, Share, Table, Value
from workers.report.page.markup import Html, element, isolated, joined
from workers.report.page.values import number_of, plain
from workers.report.words.language import Language

_BROAD: Final = 9
"""From this number of columns on, a table has smaller letters."""
UNSAID: Final = "not_seen"
"""The reason of places that have no time yet: they stay empty."""


def table_of(table: Table, language: Language, *, is_under_its_chart: bool) -> Html:
    """Return a table as part of a page.

    Args:
        table: what it shows.
        language: in which its words are.
        is_under_its_chart: whether a chart with the same title and sentence stands above it.
    """
    title, sentence = (language.say(f"{table.id}.{part}", table.given) for part in ("title", "sentence"))
    about = (
        element("figcaption", None, isolated(title)),
        element("p", {"class": "soft"}, isolated(sentence), " · ", language.time(table.time)),
    )
    heading = joined(() if is_under_its_chart else about)
    if table.empty is not None:
        why = element("p", {"class": "missing"}, isolated(language.reason(table.empty)))
        return element("figure", {"class": "numbers"}, heading, why)
    are_numbers = [_is_column_of_numbers(table, place) for place in range(len(table.columns))]
    written = element(
        "table",
        {"class": "broad" if len(table.columns) >= _BROAD else None, "aria-label": title},
        element("thead", None, element("tr", None, *_heads(table, are_numbers, language))),
        element("tbody", None, *(_row(row, are_numbers, language) for row in table.rows)),
    )
    wrapped = element("div", {"class": "wrap", "tabindex": "0", "role": "region", "aria-label": title}, written)
    return element("figure", {"class": "numbers"}, heading, wrapped, _remarks(table, language))


def _heads(table: Table, are_numbers: list[bool], language: Language) -> Iterator[Html]:
    for name, is_number in zip(table.columns, are_numbers, strict=True):
        attributes = {"scope": "col", "class": "number" if is_number else None}
        yield element("th", attributes, language.say(f"column.{name}", table.given))


def _row(row: tuple[Value, ...], are_numbers: list[bool], language: Language) -> Html:
    cells = [
        element("td" if place else "th", _attributes(place, is_number), isolated(_cell(value, language, place)))
        for place, (value, is_number) in enumerate(zip(row, are_numbers, strict=True))
    ]
    return element("tr", None, *cells)


def _attributes(place: int, is_number: bool) -> dict[str, str | float | bool | None]:
    return {"scope": None if place else "row", "class": "number" if is_number else None}


def _cell(value: Value, language: Language, place: int) -> str:
    if isinstance(value, Missing) and value.reason == UNSAID:
        return ""
    if place == 0 and isinstance(value, Share):
        return language.short(value)
    return language.text(value)


def _is_column_of_numbers(table: Table, place: int) -> bool:
    values = [plain(row[place]) for row in table.rows]
    known = [value for value in values if not isinstance(value, Missing)]
    return place > 0 and all(number_of(value) is not None for value in known)


def _remarks(table: Table, language: Language) -> Html:
    """Return why cells are empty, and that some can still change."""
    values = [value for row in table.rows for value in row]
    reasons = dict.fromkeys(
        language.reason(one) for one in values if isinstance(one, Missing) and one.reason != UNSAID
    )
    remarks = [f"{language.text(Missing(''))} {reason}" for reason in reasons]
    if any(isinstance(one, Incomplete) for one in values):
        remarks.append(language.say("report.can_change"))
    return joined(element("p", {"class": "remark"}, remark) for remark in remarks)
