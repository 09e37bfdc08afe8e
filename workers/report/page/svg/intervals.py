"""Intervals around an estimate, against a line of no difference. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from workers.report.page.markup import Html, element, joined
from workers.report.page.svg.axes import GAP
from workers.report.page.svg.drawing import Anchor, Axis, Drawing, box, letters, line
from workers.report.page.svg.lettering import BOLD, LINE, cut_to, every, width_of, wrapped
from workers.report.page.svg.scale import Scale, round_ticks

_TRACK: Final = 26.0
"""How high the strip is on which an interval lies."""
_REST: Final = 10.0
"""Between a row and the next."""
_SAMPLE: Final = 26.0
_STRIP: Final = "strip"


@dataclass(frozen=True, slots=True)
class Interval:
    """A row.

    Attributes:
        label: what it is of.
        low, high: the ends; None if there is no interval.
        estimate: what was found; None if nothing was.
        said: in words, what the picture shows.
        kind: `better`, `worse` or `open`, which chooses the colour.
        details: what else must be known to read it.
    """

    label: str
    low: float | None
    high: float | None
    estimate: float | None
    said: str
    kind: str
    details: str = ""


@dataclass(frozen=True, slots=True)
class Sides:
    """What the two sides of the line of no difference mean.

    Attributes:
        none: the name of the line.
        worse, better: at the left, and at the right.
        smallest: the smallest difference that matters; the strip within it is marked. None for no strip.
        strip: what the strip is.
        kinds: what each kind of row means, by its name.
    """

    none: str
    worse: str
    better: str
    smallest: float | None
    strip: str
    kinds: Sequence[tuple[str, str]] = ()


def intervals(width: float, rows: Sequence[Interval], axis: Axis, sides: Sides) -> Drawing:
    """Return a row for each interval: label, words and details above its line, so that no line crosses a text."""
    scale = _scale(rows, axis, sides, width)
    top = 3 * LINE
    parts: list[Html] = [
        letters(cut_to(f"← {sides.worse}", width / 2 - GAP), 0, LINE / 2, kind="worse"),
        letters(cut_to(f"{sides.better} →", width / 2 - GAP), width, LINE / 2, anchor="end", kind="better"),
        letters(sides.none, scale.at(0), 2 * LINE, anchor="middle", kind="axis"),
    ]
    for row in rows:
        written, top = _written(row, width, top)
        parts += written
        if row.low is not None and row.high is not None:
            parts += _track(row, row.low, row.high, scale, sides, top)
            top += _TRACK
        top += _REST
    parts += _ticks(axis, scale, top)
    top += 2 * LINE
    for text in wrapped(axis.title, width):
        parts.append(letters(text, 0, top, kind="axis"))
        top += LINE
    key, bottom = _key(sides, width, top + GAP)
    return Drawing(width, bottom, joined((*parts, *key)))


def _scale(rows: Sequence[Interval], axis: Axis, sides: Sides, width: float) -> Scale:
    ends = [abs(end) for row in rows for end in (row.low, row.high) if end is not None]
    reach = max((*ends, sides.smallest or 0.0)) if ends or sides.smallest else 1.0
    ticks = round_ticks(-(reach or 1.0), reach or 1.0, most=7, finest=axis.finest)
    half = max(width_of(axis.said(ticks[place])) for place in (0, -1)) / 2
    return Scale(ticks, half, width - half)


def _written(row: Interval, width: float, top: float) -> tuple[list[Html], float]:
    """Return the texts of a row, and where they end."""
    is_below = width_of(row.label, BOLD) + width_of(row.said, BOLD) + 3 * GAP > width
    parts = [letters(cut_to(row.label, width, BOLD), 0, top + LINE / 2, kind="name")]
    if is_below:
        top += LINE
    anchor: Anchor = "start" if is_below else "end"
    for number, text in enumerate(wrapped(row.said, width, BOLD)):
        top += LINE if number else 0
        x = 0 if is_below else width
        parts.append(letters(text, x, top + LINE / 2, anchor=anchor, kind=f"value {row.kind}"))
    top += LINE
    for text in wrapped(row.details, width) if row.details else ():
        parts.append(letters(text, 0, top + LINE / 2, kind="axis"))
        top += LINE
    return parts, top + GAP / 2


def _track(row: Interval, low: float, high: float, scale: Scale, sides: Sides, top: float) -> Iterator[Html]:
    """Yield the interval, with pieces of the lines of the axis."""
    y, bottom = top + _TRACK / 2, top + _TRACK
    if sides.smallest:
        start, end = scale.at(-sides.smallest), scale.at(sides.smallest)
        yield box(start, top, end - start, _TRACK, _STRIP)
    for tick in scale.ticks:
        x = scale.at(tick)
        yield line(x, top, x, bottom, "zero" if tick == 0 else "grid")
    start, end = scale.at(low), scale.at(high)
    for x1, y1, x2, y2 in ((start, y, end, y), (start, y - 5, start, y + 5), (end, y - 5, end, y + 5)):
        yield line(x1, y1, x2, y2, f"reach {row.kind}")
    if row.estimate is not None:
        yield element("circle", {"class": f"point {row.kind}", "cx": scale.at(row.estimate), "cy": y, "r": 4.5})


def _ticks(axis: Axis, scale: Scale, top: float) -> Iterator[Html]:
    """Yield a text for zero and for each n-th tick from it, as there is room."""
    texts = [axis.said(tick) for tick in scale.ticks]
    step = every([width_of(text) for text in texts], (scale.end - scale.start) / (len(texts) - 1))
    zero = scale.ticks.index(0) if 0 in scale.ticks else 0
    for place, (tick, text) in enumerate(zip(scale.ticks, texts, strict=True)):
        if (place - zero) % step == 0:
            yield letters(text, scale.at(tick), top, anchor="middle", kind="tick")


def _key(sides: Sides, width: float, top: float) -> tuple[list[Html], float]:
    """Return what the colours of lines and the strip mean, each after a sample of it, and where it ends."""
    parts: list[Html] = []
    strip = [(_STRIP, sides.strip)] if sides.smallest and sides.strip else []
    for kind, text in (*sides.kinds, *strip):
        y = top + LINE / 2
        if kind == _STRIP:
            parts.append(box(0, y - 6, _SAMPLE, 12, _STRIP))
        else:
            parts.append(line(0, y, _SAMPLE, y, f"reach {kind}"))
        for written in wrapped(text, width - _SAMPLE - GAP):
            parts.append(letters(written, _SAMPLE + GAP, top + LINE / 2, kind="axis"))
            top += LINE
        top += 2
    return parts, top + GAP
