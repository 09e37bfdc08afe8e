"""A chart of a report → a picture of the page. Pure."""

from collections.abc import Callable, Sequence
from typing import Final

from workers.report.document import (
    AsOf,
    Chart,
    ChartKind,
    Count,
    Interval,
    Label,
    Missing,
    Moment,
    Series,
    Share,
    Value,
)
from workers.report.page.markup import Html
from workers.report.page.svg.bars import Bar, bars
from workers.report.page.svg.columns import Part, columns
from workers.report.page.svg.drawing import Axis, Drawing
from workers.report.page.svg.intervals import Interval as Row
from workers.report.page.svg.intervals import Sides, intervals
from workers.report.page.svg.lines import Below, Line, lines
from workers.report.page.svg.names import Name
from workers.report.page.svg.picture import picture
from workers.report.page.svg.triangle import Group, Heads, triangle
from workers.report.page.values import finest_of, is_time, number_of, open_from, plain, rounded_by, said_by
from workers.report.words.language import Language

Draw = Callable[[float], Drawing]

_OF_GROUPS: Final = (1, 5, 2)
"""The colours of groups, from the worst to the best."""
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
    return picture(name, title, sentence, _DRAWN_BY[chart.kind](chart, language), _about(chart, language))


def _about(chart: Chart, language: Language) -> str:
    """Return of when a chart is, and what must be known to read it."""
    if isinstance(chart.time, AsOf):
        time = language.say("chart.moment", {"moment": Moment(chart.time.at_ms)})
    else:
        time = language.say("chart.period", {"period": Label(language.time(chart.time))})
    return " ".join((time, *(language.say(f"note.{note.id}", note.given) for note in chart.notes)))


def _bars(chart: Chart, language: Language) -> Draw:
    if is_time(chart.places):
        return _stacked(chart, language)
    axis, labels = _axis(chart, language), language.say(f"axis.{chart.x}")
    names = [language.text(one.name) for one in chart.series]
    colours = _colours(chart)
    rows = [
        Bar(
            _together(language.text(place), name if len(names) > 1 else ""),
            number_of(value),
            _said(value, chart.whole, language),
            colours[number],
        )
        for number, place in enumerate(chart.places)
        for name, value in zip(names, (one.values[number] for one in chart.series), strict=True)
    ]
    groups = _groups(chart, colours, language)
    return lambda width: bars(width, rows, axis, labels, groups)


def _said(value: Value, whole: Count | None, language: Language) -> str:
    """Return a value as text, with its share of the whole."""
    known = plain(value)
    if isinstance(known, Missing):
        return language.reason(known)
    if whole is None or not whole.number or not isinstance(known, Count):
        return language.text(value)
    share = language.formats.share(known.number / whole.number, 0)
    return f"{language.text(value)} ({share})"


def _colours(chart: Chart) -> Sequence[int]:
    """Return which colour each place has: that of its group."""
    order = list(dict.fromkeys(map(repr, chart.groups)))
    return [_OF_GROUPS[order.index(repr(one)) % len(_OF_GROUPS)] for one in chart.groups] or [0] * len(chart.places)


def _groups(chart: Chart, colours: Sequence[int], language: Language) -> list[Name]:
    """Return the name of each group, with the sum of its values."""
    sums: dict[tuple[str, int], int] = {}
    for number, group in enumerate(chart.groups):
        value = plain(chart.series[0].values[number])
        key = (language.text(group), colours[number])
        sums[key] = sums.get(key, 0) + (value.number if isinstance(value, Count) else 0)
    return [
        Name(f"{text}: {_said(Count(number), chart.whole, language)}", "", colour)
        for (text, colour), number in sums.items()
    ]


def _stacked(chart: Chart, language: Language) -> Draw:
    axis = _axis(chart, language)
    places = [language.below(place) for place in chart.places]
    is_one = len(chart.series) == 1
    parts = [Part("" if is_one else language.text(one.name), _numbers(one)) for one in chart.series]
    first_open = min((open_from(one.values) for one in chart.series), default=len(places))
    return lambda width: columns(width, places, parts, axis, first_open)


def _lines(chart: Chart, language: Language) -> Draw:
    shown = _telling(chart)
    is_one = len(chart.series) == 1
    drawn = [
        Line("" if is_one else language.text(one.name), _numbers(one)[shown], open_from(one.values[shown]))
        for one in chart.series
    ]
    axis = _axis(chart, language, shown)
    details = chart.details
    below = Below(
        names=[language.below(place) for place in chart.places[shown]],
        title="" if is_time(chart.places) else language.say(f"axis.{chart.x}"),
        details=() if details is None else [language.text(one) for one in details.values[shown]],
        details_are="" if details is None else language.text(details.name),
    )
    return lambda width: lines(width, below, drawn, axis)


def _triangle(chart: Chart, language: Language) -> Draw:
    shown = _telling(chart)
    sizes = chart.details.values if chart.details is not None else (Label(""),) * len(chart.series)
    groups = [
        Group(language.short(one.name), language.text(size), _numbers(one)[shown], open_from(one.values[shown]))
        for one, size in zip(chart.series, sizes, strict=True)
    ]
    heads = Heads(
        group=language.say(f"axis.{chart.y}"),
        steps=[language.short(place) for place in chart.places[shown]],
        above=language.say(f"axis.{chart.x}"),
        key=language.say("triangle.key"),
        empty=language.say("triangle.empty"),
    )
    return lambda width: triangle(width, groups, heads)


def _intervals(chart: Chart, language: Language) -> Draw:
    smallest = chart.given.get(_SMALLEST)
    sides = Sides(
        none=language.say("effect.none"),
        worse=language.say("effect.worse"),
        better=language.say("effect.better"),
        smallest=None if smallest is None else number_of(smallest),
        strip="" if smallest is None else language.say("effect.smallest", chart.given),
        kinds=[(kind, language.say(f"effect.is_{kind}")) for kind in ("better", "worse", "open")],
    )
    values = chart.series[0].values if chart.series else ()
    details = chart.details.values if chart.details is not None else (Label(""),) * len(values)
    rows = [
        _row(language.text(place), value, language.text(detail), language)
        for place, value, detail in zip(chart.places, values, details, strict=True)
    ]
    axis = Axis(language.say(f"axis.{chart.x}"), lambda number: language.formats.signed(number, _places(number)))
    return lambda width: intervals(width, rows, axis, sides)


def _row(label: str, value: Value, details: str, language: Language) -> Row:
    known = plain(value)
    if not isinstance(known, Interval):
        return Row(label, None, None, None, language.say("effect.nothing"), "open", details)
    low, middle, high = (number_of(one) or 0.0 for one in (known.low, known.middle, known.high))
    kind = "better" if low > 0 else "worse" if high < 0 else "open"
    low_said, middle_said, high_said = (Label(language.formats.signed(one, 1)) for one in (low, middle, high))
    said = language.say("effect.said", {"middle": middle_said, "low": low_said, "high": high_said})
    return Row(label, low, high, middle, said, kind, details)


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
    title = language.say(f"axis.{chart.y}")
    return Axis(title, said_by(values, language), finest_of(values), rounded_by(values, language))


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
