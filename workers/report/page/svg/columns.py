"""Columns from month to month or day to day, in one piece or of several parts. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from workers.report.page.markup import Html, joined
from workers.report.page.svg.axes import GAP, Bands, bands_for, grid_beside, names_below, upright
from workers.report.page.svg.drawing import Axis, Drawing, box, colour, letters
from workers.report.page.svg.lettering import BOLD, LINE, SIZE, width_of
from workers.report.page.svg.names import height_above, names_above, names_beside, room_beside
from workers.report.page.svg.scale import Scale

_HIGH: Final = 200.0
_WIDEST_COLUMN: Final = 56.0
_FILLED: Final = 0.7


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of every column is.

    Attributes:
        name: of the part; empty if it is the only one and the title says it.
        values: one for each column, None where it is not known.
    """

    name: str
    values: Sequence[float | None]


def columns(width: float, names: Sequence[str], parts: Sequence[Part], axis: Axis, open_from: int) -> Drawing:
    """Return columns beside each other; parts stand on each other, the first at the bottom.

    Args:
        width: of the drawing.
        names: of the columns.
        parts: one or more, none of them negative if there are several.
        axis: of the values.
        open_from: from which column on the time of a column is not over; they are drawn lighter.
    """
    named = [_name(part, axis) for part in parts if part.name]
    top = height_above(named, width) + 2 * LINE + GAP
    bottom = top + _HIGH
    sums = [sum(part.values[place] or 0 for part in parts) for place in range(len(names))]
    scale, beside = upright(axis, sums, top, bottom)
    room = room_beside(named, width)
    bands = bands_for(names, beside + 2 * GAP, width, room)
    content = joined(
        (
            grid_beside(axis, scale, bands.start - GAP, bands.end),
            names_below(names, bands, bottom),
            *_columns(names, parts, axis, scale, bands, open_from),
            *(
                names_beside(named, bands.end, _middles(parts, scale), top, bottom)
                if room
                else names_above(named, width, last_first=True)
            ),
        )
    )
    return Drawing(width, bottom + 2 * LINE, content)


def _name(part: Part, axis: Axis) -> str:
    """Return the name of a part; of one that has no height anywhere, with its value."""
    return part.name if any(part.values) else f"{part.name} {axis.said(0)}"


def _columns(
    names: Sequence[str], parts: Sequence[Part], axis: Axis, scale: Scale, bands: Bands, open_from: int
) -> Iterator[Html]:
    wide = min(_WIDEST_COLUMN, bands.step * _FILLED)
    sums = [sum(part.values[place] or 0 for part in parts) for place in range(len(names))]
    are_said = max(width_of(axis.said(value), BOLD) for value in sums) + 4 <= bands.step if sums else False
    for place, name in enumerate(names):
        low = 0.0
        for number, part in enumerate(parts):
            value = part.values[place]
            if value:
                start, end = scale.at(low), scale.at(low + value)
                kind = f"bar {colour(number)}{' open' if place >= open_from else ''}"
                title = ", ".join(filter(None, (name, part.name))) + f": {axis.said(value)}"
                yield box(bands.middle(place) - wide / 2, min(start, end), wide, abs(end - start), kind, title)
                low += value
        if are_said and any(part.values[place] is not None for part in parts):
            y = scale.at(max(0.0, sums[place])) - SIZE * 0.7
            yield letters(axis.said(sums[place]), bands.middle(place), y, anchor="middle", kind="value")


def _middles(parts: Sequence[Part], scale: Scale) -> list[float]:
    """Return how high the parts of the last column are."""
    middles, low = [], 0.0
    for part in parts:
        value = part.values[-1] or 0
        middles.append(scale.at(low + value / 2))
        low += value
    return middles
