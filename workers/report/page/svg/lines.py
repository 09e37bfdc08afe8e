"""Lines: how something goes on over time, for one or several groups. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from workers.report.page.markup import Html, element, joined
from workers.report.page.svg.axes import GAP, Bands, bands_for, grid_beside, names_below, upright
from workers.report.page.svg.drawing import Axis, Drawing, colour, letters
from workers.report.page.svg.lettering import LINE
from workers.report.page.svg.names import height_above, names_above, names_beside, room_beside
from workers.report.page.svg.scale import Scale

_HIGH: Final = 220.0


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


def lines(width: float, names: Sequence[str], drawn: Sequence[Line], axis: Axis, below: str) -> Drawing:
    """Return lines over the same points.

    Args:
        width: of the drawing.
        names: of the points, from left to right.
        drawn: the lines, one or more, each named at its end.
        axis: of the values.
        below: what the points are; empty if their names say it.
    """
    ends = _ends(drawn, axis)
    top = height_above(ends, width) + 2 * LINE + GAP
    bottom = top + _HIGH
    known = [value for one in drawn for value in one.values if value is not None]
    scale, beside = upright(axis, known, top, bottom)
    room = room_beside(ends, width)
    bands = bands_for(names, beside + 2 * GAP, width, room)
    placed = [scale.at(_last(one)[1]) for one in drawn]
    content = joined(
        (
            grid_beside(axis, scale, bands.start - GAP, bands.end),
            names_below(names, bands, bottom),
            letters(below, bands.end, bottom + 2 * LINE + GAP / 2, anchor="end", kind="axis") if below else "",
            *(part for number, one in enumerate(drawn) for part in _line(one, colour(number), scale, bands)),
            *(
                names_beside(ends, bands.end, placed, top, bottom)
                if room
                else names_above(ends, width, last_first=False)
            ),
        )
    )
    return Drawing(width, bottom + (3 if below else 2) * LINE, content)


def _ends(drawn: Sequence[Line], axis: Axis) -> list[str]:
    """Return the name of each line with its last value, unless all have the same."""
    last = [axis.said(_last(one)[1]) for one in drawn]
    if len(drawn) > 1 and len(set(last)) == 1:
        return [one.name for one in drawn]
    return [f"{one.name} {value}".strip() for one, value in zip(drawn, last, strict=True)]


def _last(one: Line) -> tuple[int, float]:
    return next(
        ((place, value) for place, value in reversed(list(enumerate(one.values))) if value is not None), (0, 0.0)
    )


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
