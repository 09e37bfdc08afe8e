"""Axes with round values: beside a chart, and below it. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from workers.report.page.markup import Html, joined
from workers.report.page.svg.drawing import Axis, letters, line
from workers.report.page.svg.lettering import LINE, every, width_of
from workers.report.page.svg.scale import Scale, round_ticks

GAP: Final = 6.0
_APART: Final = 30.0
"""From one tick to the next, at least."""
_MOST: Final = 8
"""Ticks of an axis at the side."""
ABOVE: Final = 2.4 * LINE
"""Above a chart with an axis at its side: for the title of the axis, and for a value over the highest point."""


@dataclass(frozen=True, slots=True)
class Bands:
    """A row of equal bands, one for each thing that is shown side by side.

    Attributes:
        start, end: where the first begins and the last ends.
        count: how many there are, at least one.
    """

    start: float
    end: float
    count: int

    @property
    def step(self) -> float:
        """From one band to the next."""
        return (self.end - self.start) / self.count

    def middle(self, place: int) -> float:
        """Return the middle of a band, counted from 0."""
        return self.start + (place + 0.5) * self.step


def upright(axis: Axis, values: Sequence[float], top: float, bottom: float) -> tuple[Scale, float]:
    """Return the scale of an axis that stands at the left of a chart, and how wide its texts are.

    Args:
        axis: the axis.
        values: everything that is shown; zero is always on the axis.
        top: the upper end of the chart.
        bottom: the lower end.
    """
    most = max(3, min(_MOST, int((bottom - top) / _APART) + 1))
    ticks = round_ticks(min(0.0, *values, 0.0), max(0.0, *values, 0.0), most=most, finest=axis.finest)
    return Scale(ticks, bottom, top), max(width_of(axis.said(tick)) for tick in ticks)


def grid_beside(axis: Axis, scale: Scale, left: float, right: float) -> Html:
    """Return the lines and texts of an upright axis, and its title above it."""
    return joined(_beside(axis, scale, left, right))


def bands_for(names: Sequence[str], left: float, width: float, room: float) -> Bands:
    """Return a band for each name, so that the last name ends within the drawing.

    Args:
        names: below the bands.
        left: where the first begins.
        width: of the drawing.
        room: how much is left free at the right, at least.
    """
    count = max(1, len(names))
    half = widest_line(names[-1]) / 2 if names else 0.0
    # The last name is in the middle of the last band, which is narrower the sooner the bands end.
    end = (width - half - left / (2 * count)) / (1 - 1 / (2 * count))
    return Bands(left, min(width - room, end), count)


def names_below(names: Sequence[str], bands: Bands, bottom: float) -> Html:
    """Return the names of bands, or as many at equal distances as have room, the last always among them.

    The second line of a name, such as a year, is written only where it is another than before.
    """
    return joined(_names_below(names, bands, bottom))


def height_below(names: Sequence[str]) -> float:
    """Return how much room names take below a chart."""
    return (2.6 if any("\n" in name for name in names) else 1.6) * LINE


def widest_line(name: str) -> float:
    """Return how wide a name is that may have several lines."""
    return max(map(width_of, name.split("\n")))


def _beside(axis: Axis, scale: Scale, left: float, right: float) -> Iterator[Html]:
    for tick in scale.ticks:
        y = scale.at(tick)
        yield line(left, y, right, y, "zero" if tick == 0 else "grid")
        yield letters(axis.said(tick), left - GAP, y, anchor="end", kind="tick")
    yield letters(axis.title, 0, scale.at(scale.high) - ABOVE + LINE / 2, kind="axis")


def _names_below(names: Sequence[str], bands: Bands, bottom: float) -> Iterator[Html]:
    step = every([widest_line(name) for name in names], bands.step)
    before = ""
    for place in reversed(range(len(names) - 1, -1, -step)):
        first, _, second = names[place].partition("\n")
        yield letters(first, bands.middle(place), bottom + LINE, anchor="middle", kind="tick")
        if second and second != before:
            yield letters(second, bands.middle(place), bottom + 2 * LINE, anchor="middle", kind="tick")
        before = second
