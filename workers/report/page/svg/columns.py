"""Columns from month to month or day to day, in one piece or of several parts. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from workers.report.page.markup import Html, joined
from workers.report.page.svg.axes import ABOVE, GAP, Bands, bands_for, grid_beside, height_below, names_below, upright
from workers.report.page.svg.drawing import Axis, Drawing, box, colour, letters, line
from workers.report.page.svg.lettering import BOLD, LINE, SIZE, cut_to, width_of
from workers.report.page.svg.names import Name, height_above, names_above
from workers.report.page.svg.scale import Scale

_HIGH: Final = 240.0
_WIDEST_COLUMN: Final = 64.0
_FILLED: Final = 0.86
_MOST_ROWS: Final = 16
"""With more, columns stay columns even if their values have no room."""
_THICK: Final = 15.0
_STEP: Final = 22.0


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of every column is.

    Attributes:
        name: of the part; empty if it is the only one and the title says it.
        values: one for each column, None where it is not known.
    """

    name: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class _Columns:
    """What is drawn, upright or lying.

    Attributes:
        names: of the columns; a second line is what it shares with its neighbours, such as a year.
        parts: of every column.
        axis: of the values.
        open_from: from which column on the time is not over.
    """

    names: Sequence[str]
    parts: Sequence[Part]
    axis: Axis
    open_from: int

    @property
    def sums(self) -> list[float]:
        """How high each column is."""
        return [sum(part.values[place] or 0 for part in self.parts) for place in range(len(self.names))]

    @property
    def said(self) -> list[str]:
        """The same as text; empty where nothing is known."""
        known = [any(part.values[place] is not None for part in self.parts) for place in range(len(self.names))]
        return [self.axis.of(value) if is_known else "" for value, is_known in zip(self.sums, known, strict=True)]

    def whole(self, place: int) -> str:
        """Return the name of a column on one line."""
        return self.names[place].replace("\n", " ")

    def named(self) -> list[Name]:
        """Return the names of the parts, with the values of the last column."""
        last = len(self.names) - 1
        return [
            Name(part.name, f"{self.whole(last)}: {self.axis.of(part.values[last] or 0)}", number)
            for number, part in enumerate(self.parts)
            if part.name
        ]

    def boxes(self, place: int) -> Iterator[tuple[float, float, str, str]]:
        """Yield each part of a column that has a value: beginning, end, class and title."""
        low = 0.0
        for number, part in enumerate(self.parts):
            if value := part.values[place]:
                kind = f"bar {colour(number)}{' open' if place >= self.open_from else ''}"
                title = ", ".join(filter(None, (self.whole(place), part.name))) + f": {self.axis.of(value)}"
                yield low, low + value, kind, title
                low += value


def columns(width: float, names: Sequence[str], parts: Sequence[Part], axis: Axis, open_from: int) -> Drawing:
    """Return columns beside each other; parts stand on each other, the first at the bottom.

    Where the values have no room above their columns, and there are few, the columns lie below each other.

    Args:
        width: of the drawing.
        names: of the columns; a second line is written only where it is another than before.
        parts: one or more, none of them negative if there are several.
        axis: of the values.
        open_from: from which column on the time of a column is not over; they are drawn lighter.
    """
    shown = _Columns(names, parts, axis, open_from)
    beside = upright(axis, shown.sums, 0.0, _HIGH)[1]
    bands = bands_for(names, beside + 2 * GAP, width, 0.0)
    are_said = max(map(_width_of_value, shown.said), default=0.0) <= bands.step
    if not are_said and len(names) <= _MOST_ROWS and min(shown.sums) >= 0:
        return _lying(shown, width)
    named = shown.named()[::-1]
    top = height_above(named, width) + ABOVE
    bottom = top + _HIGH
    scale, _ = upright(axis, shown.sums, top, bottom)
    content = joined(
        (
            *names_above(named, width),
            grid_beside(axis, scale, bands.start - GAP, bands.end),
            names_below(names, bands, bottom),
            *_upright(shown, scale, bands, are_said),
        )
    )
    return Drawing(width, bottom + height_below(names), content)


def _width_of_value(said: str) -> float:
    return width_of(said, BOLD) + 4


def _upright(shown: _Columns, scale: Scale, bands: Bands, are_said: bool) -> Iterator[Html]:
    wide = min(_WIDEST_COLUMN, bands.step * _FILLED)
    for place, said in enumerate(shown.said):
        middle = bands.middle(place)
        for low, high, kind, title in shown.boxes(place):
            start, end = scale.at(low), scale.at(high)
            yield box(middle - wide / 2, min(start, end), wide, abs(end - start), kind, title)
            text = shown.axis.of(high - low)
            if len(shown.parts) > 1 and width_of(text) + 2 <= wide and abs(end - start) >= LINE + 2:
                yield letters(text, middle, (start + end) / 2, anchor="middle", kind=_inside(kind))
        if are_said and said:
            y = scale.at(max(0.0, shown.sums[place])) - SIZE * 0.7
            yield letters(said, middle, y, anchor="middle", kind="value")


def _inside(kind: str) -> str:
    return "inside open" if kind.endswith("open") else "inside"


def _lying(shown: _Columns, width: float) -> Drawing:
    """Return the columns as bars below each other, each with the value of the whole."""
    named = shown.named()
    top = height_above(named, width) + 1.4 * LINE
    left = max((width_of(shown.whole(place)) for place in range(len(shown.names))), default=0.0) + GAP
    said = max(map(_width_of_value, shown.said)) + 2 * GAP
    unit = max(width - left - said, width * 0.2) / (max(shown.sums) or 1.0)
    bottom = top + len(shown.names) * _STEP
    parts: list[Html] = [
        *names_above(named, width),
        letters(cut_to(shown.axis.title, width), 0, top - LINE, kind="axis"),
        line(left, top, left, bottom, "start"),
    ]
    for place, said_of_it in enumerate(shown.said):
        middle = top + (place + 0.5) * _STEP
        parts.append(letters(shown.whole(place), 0, middle, kind="tick"))
        for low, high, kind, title in shown.boxes(place):
            wide = (high - low) * unit
            parts.append(box(left + low * unit, middle - _THICK / 2, wide, _THICK, kind, title))
            text = shown.axis.of(high - low)
            if len(shown.parts) > 1 and width_of(text) + 4 <= wide:
                x = left + (low + high) / 2 * unit
                parts.append(letters(text, x, middle, anchor="middle", kind=_inside(kind)))
        parts.append(letters(said_of_it, left + shown.sums[place] * unit + GAP, middle, kind="value"))
    return Drawing(width, bottom + GAP, joined(parts))
