"""Intervals around an estimate, against a line of no difference. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from workers.report.page.markup import Html, element, joined
from workers.report.page.svg.axes import GAP, grid_below, lying
from workers.report.page.svg.drawing import Axis, Drawing, box, letters, line
from workers.report.page.svg.lettering import BOLD, LINE, cut_to, width_of
from workers.report.page.svg.scale import Scale

_STEP: Final = 3 * LINE


@dataclass(frozen=True, slots=True)
class Interval:
    """A row.

    Attributes:
        label: what it is of.
        low, high: the ends; None if there is no interval.
        estimate: what was found; None if nothing was.
        said: in words, what the picture shows.
        kind: `better`, `worse` or `open`, which chooses the colour.
    """

    label: str
    low: float | None
    high: float | None
    estimate: float | None
    said: str
    kind: str


@dataclass(frozen=True, slots=True)
class Sides:
    """What the two sides of the line of no difference mean.

    Attributes:
        none: the name of the line.
        worse, better: at the left, and at the right.
        smallest: the smallest difference that matters; the strip within it is marked. None for no strip.
        strip: what the strip is.
    """

    none: str
    worse: str
    better: str
    smallest: float | None
    strip: str


def intervals(width: float, rows: Sequence[Interval], axis: Axis, sides: Sides) -> Drawing:
    """Return a row for each interval, label and words above its line."""
    ends = [end for row in rows for end in (row.low, row.high) if end is not None]
    reach = max((abs(end) for end in ends), default=0.0) or 1.0
    if sides.smallest is not None:
        reach = max(reach, sides.smallest)
    scale = lying(axis, (-reach, reach), 0.0, width, width)
    top = 3 * LINE
    are_below = any(width_of(row.label) + width_of(row.said, BOLD) + 3 * GAP > width for row in rows)
    step = _STEP + (LINE if are_below else 0)
    bottom = top + len(rows) * step + GAP
    parts: list[Html] = []
    if sides.smallest is not None:
        start, end = scale.at(-sides.smallest), scale.at(sides.smallest)
        parts.append(box(start, top, end - start, bottom - top, "strip"))
        parts.append(letters(sides.strip, 0, bottom + 2 * LINE, kind="axis"))
    parts += [
        grid_below(axis, scale, top, bottom),
        letters(f"← {sides.worse}", 0, LINE / 2, kind="worse"),
        letters(f"{sides.better} →", width, LINE / 2, anchor="end", kind="better"),
        letters(sides.none, scale.at(0), 2 * LINE, anchor="middle", kind="axis"),
    ]
    for place, row in enumerate(rows):
        parts += _row(row, scale, width, top + place * step, are_below)
    return Drawing(width, bottom + 2.6 * LINE, joined(parts))


def _row(row: Interval, scale: Scale, width: float, top: float, is_below: bool) -> Iterator[Html]:
    room = width if is_below else width - width_of(row.said, BOLD) - 2 * GAP
    yield letters(cut_to(row.label, room), 0, top + LINE, kind="label ground")
    if is_below:
        top += LINE
        yield letters(row.said, 0, top + LINE, kind="value ground")
    else:
        yield letters(row.said, width, top + LINE, anchor="end", kind="value ground")
    y = top + 2.2 * LINE
    if row.low is not None and row.high is not None:
        low, high = scale.at(row.low), scale.at(row.high)
        yield line(low, y, high, y, f"reach {row.kind}")
        yield line(low, y - 5, low, y + 5, f"reach {row.kind}")
        yield line(high, y - 5, high, y + 5, f"reach {row.kind}")
    if row.estimate is not None:
        yield element("circle", {"class": f"point {row.kind}", "cx": scale.at(row.estimate), "cy": y, "r": 4.5})
