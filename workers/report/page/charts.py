"""A chart of a report → a picture of the page. Pure."""

from collections.abc import Callable, Sequence
from typing import Final

from workers.report.document import Chart, ChartKind, Incomplete, Interval, Label, Missing, Series, Share, Value
from workers.report.page.blocks import remark
from workers.report.page.markup import Html, joined
from workers.report.page.svg.bars import Bar, bars
from workers.report.page.svg.columns import Part, columns
from workers.report.page.svg.drawing import Axis, Drawing
from workers.report.page.svg.intervals import Interval as Row
from workers.report.page.svg.intervals import Sides, intervals
from workers.report.page.svg.lines import Line, lines
from workers.report.page.svg.picture import picture
from workers.report.page.svg.triangle import Group, Heads, triangle
from workers.report.page.values import finest_of, is_time, number_of, open_from, plain, said_by
from workers.report.words.language import Language

Draw = Callable[[float], Drawing]

_OPEN: Final = "report.open"
_SMALLEST: Final = "smallest"
"""What a chart of intervals is given: the smallest difference that matters."""


def chart_of(chart: Chart, name: str, language: Language) -> Html:
    """Return a chart as part of a page.

    Args:
        chart: what it shows.
        name: no other picture of the page has it.
        language: in which its words are.
    """
    title, sentence = (language.say(f"{chart.id}.{part}", chart.given) for part in ("title", "sentence"))
    drawn = picture(name, title, sentence, _DRAWN_BY[chart.kind](chart, language))
    return joined((drawn, remark(language.say(_OPEN)))) if _has_open_parts(chart) else drawn


def _has_open_parts(chart: Chart) -> bool:
    """Return whether a part of a chart is drawn as one whose time is not over."""
    is_drawn = chart.kind in (ChartKind.STACKED, ChartKind.LINES) or is_time(chart.places)
    return is_drawn and any(isinstance(value, Incomplete) for one in chart.series for value in one.values)


def _bars(chart: Chart, language: Language) -> Draw:
    if is_time(chart.places):
        return _stacked(chart, language)
    axis = _axis(chart, language)
    names = [language.text(one.name) for one in chart.series]
    rows = [
        Bar(
            _together(language.text(place), name if len(names) > 1 else ""),
            number_of(value),
            language.reason(value) if isinstance(value, Missing) else language.text(value),
        )
        for number, place in enumerate(chart.places)
        for name, value in zip(names, (one.values[number] for one in chart.series), strict=True)
    ]
    return lambda width: bars(width, rows, axis)


def _stacked(chart: Chart, language: Language) -> Draw:
    axis = _axis(chart, language)
    places = [language.short(place) for place in chart.places]
    is_one = len(chart.series) == 1
    parts = [Part("" if is_one else language.text(one.name), _numbers(one)) for one in chart.series]
    first_open = min((open_from(one.values) for one in chart.series), default=len(places))
    return lambda width: columns(width, places, parts, axis, first_open)


def _lines(chart: Chart, language: Language) -> Draw:
    shown = _telling(chart)
    places = [language.short(place) for place in chart.places[shown]]
    is_one = len(chart.series) == 1
    drawn = [
        Line("" if is_one else language.text(one.name), _numbers(one)[shown], open_from(one.values[shown]))
        for one in chart.series
    ]
    axis = _axis(chart, language, shown)
    below = "" if is_time(chart.places) else language.say(f"axis.{chart.x}")
    return lambda width: lines(width, places, drawn, axis, below)


def _triangle(chart: Chart, language: Language) -> Draw:
    shown = _telling(chart)
    groups = [
        Group(language.short(one.name), _numbers(one)[shown], open_from(one.values[shown])) for one in chart.series
    ]
    steps = [language.short(place) for place in chart.places[shown]]
    heads = Heads(
        language.say(f"axis.{chart.y}"), steps, language.say(f"axis.{chart.x}"), language.say("triangle.shade")
    )
    return lambda width: triangle(width, groups, heads)


def _intervals(chart: Chart, language: Language) -> Draw:
    smallest = chart.given.get(_SMALLEST)
    none, worse, better = (language.say(f"effect.{side}") for side in ("none", "worse", "better"))
    strip = "" if smallest is None else language.say("effect.smallest", chart.given)
    sides = Sides(none, worse, better, None if smallest is None else number_of(smallest), strip)
    values = chart.series[0].values if chart.series else ()
    rows = [_row(language.text(place), value, language) for place, value in zip(chart.places, values, strict=True)]
    axis = Axis(language.say(f"axis.{chart.x}"), lambda number: language.formats.signed(number, _places(number)))
    return lambda width: intervals(width, rows, axis, sides)


def _row(label: str, value: Value, language: Language) -> Row:
    known = plain(value)
    if not isinstance(known, Interval):
        return Row(label, None, None, None, language.say("effect.nothing"), "open")
    low, middle, high = (number_of(one) or 0.0 for one in (known.low, known.middle, known.high))
    kind = "better" if low > 0 else "worse" if high < 0 else "open"
    low_said, middle_said, high_said = (Label(language.formats.signed(one, 1)) for one in (low, middle, high))
    said = language.say("interval", {"middle": middle_said, "low": low_said, "high": high_said})
    return Row(label, low, high, middle, said, kind)


def _telling(chart: Chart) -> slice:
    """Return the places that say anything: not a first one with all of everything, nor last ones with nothing."""
    columns = [[number_of(one.values[place]) for one in chart.series] for place in range(len(chart.places))]
    known = [place for place, values in enumerate(columns) if any(value is not None for value in values)]
    end = known[-1] + 1 if known else len(columns)
    is_share = any(isinstance(plain(value), Share) for one in chart.series for value in one.values)
    is_all = is_share and end > 1 and set(columns[0]) <= {1.0, None}
    return slice(int(is_all), end)


def _axis(chart: Chart, language: Language, shown: slice = slice(None)) -> Axis:
    values = [value for one in chart.series for value in one.values[shown]]
    return Axis(language.say(f"axis.{chart.y}"), said_by(values, language), finest_of(values))


def _numbers(one: Series) -> Sequence[float | None]:
    return [number_of(value) for value in one.values]


def _together(place: str, name: str) -> str:
    return ", ".join(filter(None, (place, name)))


def _places(number: float) -> int:
    return 0 if float(number).is_integer() else 1


_DRAWN_BY: Final[dict[ChartKind, Callable[[Chart, Language], Draw]]] = {
    ChartKind.BARS: _bars,
    ChartKind.LINES: _lines,
    ChartKind.STACKED: _stacked,
    ChartKind.TRIANGLE: _triangle,
    ChartKind.INTERVAL: _intervals,
}
