"""Axes with round values: beside a chart, and below it. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from workers.report.page.markup import Html, joined
from workers.report.page.svg.drawing import Axis, letters, line
from workers.report.page.svg.lettering import LINE, every, width_of
from workers.report.page.svg.scale import Scale, round_ticks

GAP: Final = 6.0
_APART: Final = 44.0
"""From one tick to the next, at least."""


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
    most = max(3, min(6, int((bottom - top) / _APART) + 1))
    ticks = round_ticks(min(0.0, *values, 0.0), max(0.0, *values, 0.0), most=most, finest=axis.finest)
    return Scale(ticks, bottom, top), max(width_of(axis.said(tick)) for tick in ticks)


def lying(axis: Axis, values: Sequence[float], left: float, right: float, width: float) -> Scale:
    """Return the scale of an axis that lies below a chart.

    Args:
        axis: the axis.
        values: everything that is shown; zero is always on the axis.
        left: where it begins; further right if its first text needs that.
        right: where it ends; further left if its last text needs that.
        width: of the drawing.
    """
    ticks = round_ticks(min(0.0, *values, 0.0), max(0.0, *values, 0.0), finest=axis.finest)
    first, last = (width_of(axis.said(tick)) / 2 for tick in (ticks[0], ticks[-1]))
    return Scale(ticks, max(left, first), min(right, width - last))


def grid_beside(axis: Axis, scale: Scale, left: float, right: float) -> Html:
    """Return the lines and texts of an upright axis, and its title above it."""
    return joined(_beside(axis, scale, left, right))


def grid_below(axis: Axis, scale: Scale, top: float, bottom: float) -> Html:
    """Return the lines and texts of a lying axis, and its title below it; it takes two lines below `bottom`."""
    return joined(_below(axis, scale, top, bottom))


def bands_for(names: Sequence[str], left: float, width: float, room: float) -> Bands:
    """Return a band for each name, so that the last name ends within the drawing.

    Args:
        names: below the bands.
        left: where the first begins.
        width: of the drawing.
        room: how much is left free at the right, at least.
    """
    count = max(1, len(names))
    half = width_of(names[-1]) / 2 if names else 0.0
    # The last name is in the middle of the last band, which is narrower the sooner the bands end.
    end = (width - half - left / (2 * count)) / (1 - 1 / (2 * count))
    return Bands(left, min(width - room, end), count)


def names_below(names: Sequence[str], bands: Bands, bottom: float) -> Html:
    """Return the names of bands, or as many at equal distances as have room, the last always among them."""
    step = every([width_of(name) for name in names], bands.step)
    shown = range(len(names) - 1, -1, -step)
    return joined(
        letters(names[place], bands.middle(place), bottom + LINE, anchor="middle", kind="tick")
        for place in reversed(shown)
    )


def _beside(axis: Axis, scale: Scale, left: float, right: float) -> Iterator[Html]:
    for tick in scale.ticks:
        y = scale.at(tick)
        yield line(left, y, right, y, "zero" if tick == 0 else "grid")
        yield letters(axis.said(tick), left - GAP, y, anchor="end", kind="tick")
    yield letters(axis.title, 0, scale.at(scale.high) - LINE - GAP / 2, kind="axis")


def _below(axis: Axis, scale: Scale, top: float, bottom: float) -> Iterator[Html]:
    """Yield a line for each tick, and a text for zero and for each n-th tick from it, as there is room."""
    texts = [axis.said(tick) for tick in scale.ticks]
    step = every([width_of(text) for text in texts], (scale.end - scale.start) / (len(texts) - 1))
    zero = scale.ticks.index(0) if 0 in scale.ticks else 0
    for place, (tick, text) in enumerate(zip(scale.ticks, texts, strict=True)):
        x = scale.at(tick)
        yield line(x, top, x, bottom, "zero" if tick == 0 else "grid")
        if (place - zero) % step == 0:
            yield letters(text, x, bottom + LINE - GAP / 2, anchor="middle", kind="tick")
    yield letters(axis.title, max(scale.end, width_of(axis.title)), bottom + 2 * LINE, anchor="end", kind="axis")
