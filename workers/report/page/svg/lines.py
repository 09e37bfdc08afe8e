"""Lines: how something goes on over time, for one or several groups. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from workers.report.page.markup import Html, element, joined
from workers.report.page.svg.axes import (
    ABOVE,
    GAP,
    Bands,
    bands_for,
    grid_beside,
    height_below,
    names_below,
    upright,
    widest_line,
)
from workers.report.page.svg.drawing import Axis, Drawing, colour, letters
from workers.report.page.svg.lettering import BOLD, LINE, every, width_of, wrapped
from workers.report.page.svg.names import Name, height_above, names_above, names_beside, room_beside
from workers.report.page.svg.scale import Scale

_HIGH: Final = 240.0


@dataclass(frozen=True, slots=True)
class Line:
    """A line.

    Attributes:
        name: of what it is; empty if it is the only one.
        values: one for each point of the axis below; None where it is not known, which parts the line.
        open_from: from which point on the time of a point is not over.
    """

    name: str
    values: Sequence[float | None]
    open_from: int


@dataclass(frozen=True, slots=True)
class Below:
    """What stands below the points of lines.

    Attributes:
        names: of the points, from left to right; a second line is written only where it is another than before.
        title: what the points are; empty if their names say it.
        details: what else is said of each point, in a row of its own; empty for nothing.
        details_are: what that is.
    """

    names: Sequence[str]
    title: str = ""
    details: Sequence[str] = ()
    details_are: str = ""

    @property
    def widest(self) -> Sequence[str]:
        """The names, or the details, whichever of them ends further to the right."""
        rows = [row for row in (self.names, self.details) if row]
        return max(rows, key=lambda row: widest_line(row[-1]), default=())

    def height(self, width: float) -> float:
        """Return how much room it takes in a drawing of a width."""
        titles = len(wrapped(self.title, width)) + 0.5 if self.title else 0.0
        details = len(wrapped(self.details_are, width)) + 1.0 if self.details else 0.0
        return height_below(self.names) + LINE * (titles + details)


def lines(width: float, below: Below, drawn: Sequence[Line], axis: Axis) -> Drawing:
    """Return lines over the same points. The values of the uppermost one stand above its points, where they fit.

    Args:
        width: of the drawing.
        below: the points.
        drawn: the lines, one or more, each named at its end.
        axis: of the values.
    """
    # Names at one and the same point would not say which line is which.
    is_one_end = len(drawn) > 1 and len(set(map(_last, drawn))) == 1
    named = [
        Name(one.name, "" if is_one_end else _last_value(one, below, axis), number)
        for number, one in enumerate(drawn)
        if one.name
    ]
    room = 0.0 if is_one_end else room_beside(named, width)
    top = ABOVE + (0.0 if room else height_above(named, width))
    bottom = top + _HIGH
    known = [value for one in drawn for value in one.values if value is not None]
    scale, beside = upright(axis, known, top, bottom)
    bands = bands_for(below.widest, beside + 2 * GAP, width, room)
    ends = [(bands.middle(place), scale.at(value)) for place, value in map(_last, drawn)]
    content = joined(
        (
            grid_beside(axis, scale, bands.start - GAP, bands.end),
            *_below(below, bands, bottom, width),
            *(part for number, one in enumerate(drawn) for part in _line(one, colour(number), scale, bands)),
            *_values(_uppermost(drawn), axis, scale, bands),
            *(names_beside(named, ends, bands.end, top, bottom) if room else names_above(named, width)),
        )
    )
    return Drawing(width, bottom + below.height(width), content)


def _last_value(one: Line, below: Below, axis: Axis) -> str:
    """Return where a line ends, and at which value."""
    place, value = _last(one)
    name = below.names[place].replace("\n", " ")
    return f"{name}: {axis.of(value)}"


def _last(one: Line) -> tuple[int, float]:
    return next(
        ((place, value) for place, value in reversed(list(enumerate(one.values))) if value is not None), (0, 0.0)
    )


def _uppermost(drawn: Sequence[Line]) -> Sequence[float | None]:
    """Return the values of the line that has no other above it anywhere; nothing if there is none."""
    highest = [
        max((value for value in values if value is not None), default=None)
        for values in zip(*(one.values for one in drawn), strict=True)
    ]
    return next((one.values for one in drawn if list(one.values) == highest), ())


def _values(values: Sequence[float | None], axis: Axis, scale: Scale, bands: Bands) -> Iterator[Html]:
    """Yield the values above the points of a line, or as many at equal distances as have room."""
    texts = ["" if value is None else axis.of(value) for value in values]
    widths = [width_of(text, BOLD) for text in texts]
    for place in range(0, len(texts), every(widths, bands.step)):
        value, middle, half = values[place], bands.middle(place), widths[place] / 2
        if value is not None and middle - half >= bands.start - GAP and middle + half <= bands.end:
            y = scale.at(value) - 0.8 * LINE
            yield letters(texts[place], middle, y, anchor="middle", kind="value ground")


def _below(below: Below, bands: Bands, bottom: float, width: float) -> Iterator[Html]:
    yield names_below(below.names, bands, bottom)
    y = bottom + height_below(below.names) + 0.4 * LINE
    if below.title:
        for text in wrapped(below.title, width):
            yield letters(text, 0, y, kind="axis")
            y += LINE
        y += 0.5 * LINE
    if below.details:
        yield names_below(below.details, bands, y - LINE)
        for text in wrapped(below.details_are, width):
            y += LINE
            yield letters(text, 0, y, kind="axis")


def _line(one: Line, kind: str, scale: Scale, bands: Bands) -> Iterator[Html]:
    for is_open in (False, True):
        points = [
            (place, value)
            for place, value in enumerate(one.values)
            if value is not None and (place >= one.open_from - 1 if is_open else place < one.open_from)
        ]
        for stretch in _stretches(points):
            if len(stretch) > 1:
                way = " ".join(f"{bands.middle(place):.1f},{scale.at(value):.1f}" for place, value in stretch)
                yield element("polyline", {"class": f"line {kind}{' open' if is_open else ''}", "points": way})
    for place, value in enumerate(one.values):
        if value is not None:
            open_ = " open" if place >= one.open_from else ""
            yield element(
                "circle", {"class": f"dot {kind}{open_}", "cx": bands.middle(place), "cy": scale.at(value), "r": 3}
            )


def _stretches(points: Sequence[tuple[int, float]]) -> Iterator[list[tuple[int, float]]]:
    """Yield the points that follow each other without a gap, together."""
    stretch: list[tuple[int, float]] = []
    for point in points:
        if stretch and point[0] != stretch[-1][0] + 1:
            yield stretch
            stretch = []
        stretch.append(point)
    if stretch:
        yield stretch
