"""Names of series: beside their ends, or above the chart where there is no room for that. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from workers.report.page.markup import Html
from workers.report.page.svg.axes import GAP
from workers.report.page.svg.drawing import box, colour, letters, line
from workers.report.page.svg.lettering import BOLD, LINE, spread, width_of, wrapped

_MOST: Final = 0.3
"""Of the width of a drawing, for names beside it."""
_SIGN: Final = 10.0
_LEADER: Final = 22.0
"""From the end of a series to its name: a line leads there."""


@dataclass(frozen=True, slots=True)
class Name:
    """What a series is.

    Attributes:
        text: of what it is.
        last: where it ends and at which value, such as `Jan 2025: 46`; empty for nothing.
        series: which colour it has.
    """

    text: str
    last: str
    series: int

    @property
    def whole(self) -> str:
        """Both on one line."""
        return ", ".join(filter(None, (self.text, self.last)))


def room_beside(names: Sequence[Name], width: float) -> float:
    """Return how much room names take beside a chart; 0 if they stand above it, or there are none."""
    widest = max((width_of(text, BOLD) for name in names for text in (name.text, name.last)), default=0.0)
    room = widest + _LEADER + 2 * GAP
    return room if widest and room <= width * _MOST else 0.0


def height_above(names: Sequence[Name], width: float) -> float:
    """Return how much room names take above a chart; 0 if there are none."""
    return sum(len(_lines(name, width)) for name in names) * LINE + GAP if names else 0.0


def names_beside(
    names: Sequence[Name], ends: Sequence[tuple[float, float]], left: float, low: float, high: float
) -> Iterator[Html]:
    """Yield each name as high as its series ends, or as near as the others let it, with a line that leads there.

    Args:
        names: of the series.
        ends: where each series ends, from the left and from the top.
        left: where the chart ends.
        low: the upper end of the chart.
        high: its lower end.
    """
    heights = spread([y for _, y in ends], 2.2 * LINE, low, high)
    for name, (x, end), y in zip(names, ends, heights, strict=True):
        kind = colour(name.series)
        yield line(x + GAP, end, left + _LEADER - 3, y, f"leader {kind}")
        if name.last:
            yield letters(name.text, left + _LEADER, y - LINE / 2, kind=f"name {kind}")
            yield letters(name.last, left + _LEADER, y + LINE / 2, kind=f"name {kind}")
        else:
            yield letters(name.text, left + _LEADER, y, kind=f"name {kind}")


def names_above(names: Sequence[Name], width: float) -> Iterator[Html]:
    """Yield the names below each other at the top, each with a sign of its colour."""
    y = LINE / 2
    for name in names:
        kind = colour(name.series)
        yield box(0, y - _SIGN / 2, _SIGN, _SIGN, f"bar {kind}")
        for text in _lines(name, width):
            yield letters(text, _SIGN + GAP, y, kind=f"name {kind}")
            y += LINE


def _lines(name: Name, width: float) -> list[str]:
    return wrapped(name.whole, width - _SIGN - GAP, BOLD)
