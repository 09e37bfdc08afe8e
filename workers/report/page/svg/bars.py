"""Bars from left to right: one value for each of several things that have names. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from workers.report.page.markup import Html, joined
from workers.report.page.svg.axes import GAP, grid_below, lying
from workers.report.page.svg.drawing import Axis, Drawing, box, colour, letters
from workers.report.page.svg.lettering import BOLD, LINE, cut_to, width_of
from workers.report.page.svg.scale import Scale

_THICK: Final = 16.0
_WIDEST_LABEL: Final = 0.38
"""Of the width. With a longer one, all labels stand above their bars."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar.

    Attributes:
        label: what it is of.
        value: how long it is; None if it is not known.
        said: the value as text, with what else is worth saying.
        series: which of several colours it has.
    """

    label: str
    value: float | None
    said: str
    series: int = 0


def bars(width: float, rows: Sequence[Bar], axis: Axis) -> Drawing:
    """Return bars below each other, in the order given."""
    widest = max((width_of(row.label) for row in rows), default=0.0)
    is_above = widest > width * _WIDEST_LABEL
    left = 0.0 if is_above else widest + 3 * GAP
    values = [row.value for row in rows if row.value is not None]
    right = width - max((width_of(row.said, BOLD) for row in rows), default=0.0) - 2 * GAP
    if min(values, default=0) < 0:
        right = width  # what is said stands above
        is_above = True
    right = max(right, left + width * 0.3)
    step = _THICK + (LINE + GAP if is_above else 0) + 10
    bottom = len(rows) * step + GAP
    scale = lying(axis, values, left, right, width)
    content = joined(
        (
            grid_below(axis, scale, GAP, bottom),
            *(
                part
                for place, row in enumerate(rows)
                for part in _row(row, scale, width, place * step + GAP, is_above)
            ),
        )
    )
    return Drawing(width, bottom + 2.6 * LINE, content)


def _row(row: Bar, scale: Scale, width: float, top: float, is_above: bool) -> Iterator[Html]:
    has_signs = scale.low < 0
    if is_above:
        said = width_of(row.said, BOLD) if has_signs else 0
        left = 0 if has_signs else scale.start + GAP
        label = cut_to(row.label, width - left - said - 2 * GAP)
        yield letters(label, left, top + LINE / 2 + 3, kind="label ground")
        top += LINE + 3
    else:
        yield letters(row.label, scale.start - 2 * GAP, top + 5 + _THICK / 2, anchor="end", kind="label")
    middle = top + 5 + _THICK / 2
    zero = scale.at(0)
    end = zero if row.value is None else scale.at(row.value)
    if row.value:
        yield box(
            min(zero, end),
            middle - _THICK / 2,
            abs(end - zero),
            _THICK,
            f"bar {colour(row.series)}",
            f"{row.label}: {row.said}",
        )
    if has_signs:
        yield letters(row.said, width, top - LINE / 2, anchor="end", kind="value ground")
    else:
        yield letters(row.said, max(zero, end) + GAP, middle, kind="value ground")
