"""A table of a report → a table of the page. Pure."""

from collections.abc import Iterator
from typing import Final

from workers.report.document import Incomplete, Missing, Share, Table, Value
from workers.report.page.blocks import Grid, heading, missing, numbers, remark, table
from workers.report.page.markup import Html
from workers.report.page.values import number_of, plain
from workers.report.words.language import Language

UNSAID: Final = "not_seen"
"""The reason of places that have no time yet: they stay empty."""


def table_of(shown: Table, language: Language, *, is_under_its_chart: bool) -> Html:
    """Return a table as part of a page.

    Args:
        shown: what it shows.
        language: in which its words are.
        is_under_its_chart: whether a chart with the same title and sentence stands above it.
    """
    title, sentence = (language.say(f"{shown.id}.{part}", shown.given) for part in ("title", "sentence"))
    above = [] if is_under_its_chart else [heading(title, sentence, language.time(shown.time))]
    if shown.empty is not None:
        return numbers([*above, missing(language.reason(shown.empty))])
    grid = Grid(
        title,
        [language.say(f"column.{name}", shown.given) for name in shown.columns],
        [[_cell(value, language, place) for place, value in enumerate(row)] for row in shown.rows],
        [_is_column_of_numbers(shown, place) for place in range(len(shown.columns))],
    )
    return numbers([*above, table(grid), *_remarks(shown, language)])


def _cell(value: Value, language: Language, place: int) -> str:
    if isinstance(value, Missing) and value.reason == UNSAID:
        return ""
    if place == 0 and isinstance(value, Share):
        return language.short(value)
    return language.text(value)


def _is_column_of_numbers(shown: Table, place: int) -> bool:
    known = [value for row in shown.rows if not isinstance(value := plain(row[place]), Missing)]
    return place > 0 and all(number_of(value) is not None for value in known)


def _remarks(shown: Table, language: Language) -> Iterator[Html]:
    """Yield why cells are empty, and that some can still change."""
    values = [value for row in shown.rows for value in row]
    reasons = dict.fromkeys(
        language.reason(one) for one in values if isinstance(one, Missing) and one.reason != UNSAID
    )
    for reason in reasons:
        yield remark(f"{language.text(Missing(''))} {reason}")
    if any(isinstance(one, Incomplete) for one in values):
        yield remark(language.say("report.can_change"))
