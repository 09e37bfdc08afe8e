"""Names of series: beside their ends, or above the chart where there is no room for that. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from workers.report.page.markup import Html
from workers.report.page.svg.axes import GAP
from workers.report.page.svg.drawing import box, colour, letters
from workers.report.page.svg.lettering import BOLD, LINE, cut_to, spread, width_of

_MOST: Final = 0.3
"""Of the width of a drawing, for names beside it."""
_SIGN: Final = 10.0


def room_beside(names: Sequence[str], width: float) -> float:
    """Return how much room names take beside a chart; 0 if they stand above it, or there are none."""
    widest = max((width_of(name, BOLD) for name in names), default=0.0)
    return widest + 2 * GAP if 0 < widest <= width * _MOST else 0.0


def height_above(names: Sequence[str], width: float) -> float:
    """Return how much room names take above a chart; 0 if they stand beside it, or there are none."""
    return 0.0 if room_beside(names, width) or not any(names) else len(names) * LINE + GAP


def names_beside(
    names: Sequence[str], left: float, heights: Sequence[float], low: float, high: float
) -> Iterator[Html]:
    """Yield each name as high as its series ends, or as near to that as the others let it.

    Args:
        names: of the series.
        left: where the chart ends.
        heights: of the ends of the series.
        low: the upper end of the chart.
        high: its lower end.
    """
    for number, (name, y) in enumerate(zip(names, spread(heights, LINE, low, high), strict=True)):
        yield letters(name, left + GAP, y, kind=f"name {colour(number)}")


def names_above(names: Sequence[str], width: float, *, last_first: bool) -> Iterator[Html]:
    """Yield the names below each other at the top, each with a sign of its colour.

    Args:
        names: of the series.
        width: of the drawing.
        last_first: whether the last name is the uppermost.
    """
    order = list(enumerate(names))
    for place, (number, name) in enumerate(reversed(order) if last_first else order):
        y = place * LINE + LINE / 2
        yield box(0, y - _SIGN / 2, _SIGN, _SIGN, f"bar {colour(number)}")
        yield letters(cut_to(name, width - _SIGN - GAP, BOLD), _SIGN + GAP, y, kind=f"name {colour(number)}")
