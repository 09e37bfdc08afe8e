"""Bars from left to right: one value for each of several things that have names. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from workers.report.page.markup import Html, joined
from workers.report.page.svg.axes import GAP
from workers.report.page.svg.drawing import Axis, Drawing, box, colour, letters, line
from workers.report.page.svg.lettering import BOLD, LINE, cut_to, width_of
from workers.report.page.svg.names import Name, height_above, names_above

_THICK: Final = 16.0
_LEAST: Final = 180.0
"""For the bars themselves. With less, all labels stand above their bars."""


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


@dataclass(frozen=True, slots=True)
class Place:
    """From where to where bars reach.

    Attributes:
        zero: where they begin.
        unit: how far a bar of the value 1 reaches.
    """

    zero: float
    unit: float

    def at(self, value: float) -> float:
        """Return where a bar ends."""
        return self.zero + value * self.unit


def bars(width: float, rows: Sequence[Bar], axis: Axis, labels: str = "", groups: Sequence[Name] = ()) -> Drawing:
    """Return bars below each other, in the order given, each with its value: so there is no axis.

    Args:
        width: of the drawing.
        rows: the bars.
        axis: what the values are; its title stands above the bars.
        labels: what the labels are; it stands above them.
        groups: what the colours are, if they are of groups.
    """
    has_signs = any(row.value is not None and row.value < 0 for row in rows)
    widest = max((width_of(text) for text in (labels, *(row.label for row in rows))), default=0.0)
    said = max((width_of(row.said, BOLD) for row in rows), default=0.0) + 2 * GAP
    is_above = has_signs or width - widest - said - 2 * GAP < _LEAST
    left = 0.0 if is_above else widest + 2 * GAP
    right = width if has_signs else max(width - said, left + width * 0.3)
    place = _place([row.value for row in rows if row.value is not None], left, right)
    top = height_above(groups, width) + 1.4 * LINE
    step = _THICK + (LINE + GAP if is_above else 0) + 10
    bottom = top + len(rows) * step
    content = joined(
        (
            *names_above(groups, width),
            *_heads(axis.title, labels, left, top - LINE, width, is_above),
            line(place.zero, top, place.zero, bottom, "start"),
            *(
                part
                for number, row in enumerate(rows)
                for part in _row(row, place, width, top + number * step, is_above, has_signs)
            ),
        )
    )
    return Drawing(width, bottom + GAP, content)


def _place(values: Sequence[float], left: float, right: float) -> Place:
    low, high = min(0.0, *values, 0.0), max(0.0, *values, 0.0)
    unit = (right - left) / ((high - low) or 1.0)
    return Place(left - low * unit, unit)


def _heads(title: str, labels: str, left: float, y: float, width: float, is_above: bool) -> Iterator[Html]:
    """Yield what the labels and the values are."""
    if labels and not is_above:
        yield letters(labels, left - 2 * GAP, y, anchor="end", kind="axis")
    yield letters(cut_to(title, width - left), left, y, kind="axis")


def _row(row: Bar, place: Place, width: float, top: float, is_above: bool, has_signs: bool) -> Iterator[Html]:
    if is_above:
        said = width_of(row.said, BOLD) if has_signs else 0
        label = cut_to(row.label, width - said - 2 * GAP)
        yield letters(label, 0 if has_signs else GAP, top + LINE / 2 + 3, kind="label ground")
        top += LINE + 3
    else:
        yield letters(row.label, place.zero - 2 * GAP, top + 5 + _THICK / 2, anchor="end", kind="label")
    middle = top + 5 + _THICK / 2
    end = place.zero if row.value is None else place.at(row.value)
    if row.value:
        start = min(place.zero, end)
        kind = f"bar {colour(row.series)}"
        yield box(start, middle - _THICK / 2, abs(end - place.zero), _THICK, kind, f"{row.label}: {row.said}")
    if has_signs:
        yield letters(row.said, width, top - LINE / 2, anchor="end", kind="value ground")
    else:
        yield letters(row.said, max(place.zero, end) + GAP, middle, kind="value ground")
