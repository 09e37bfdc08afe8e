"""A triangle: what is left of each group after one step of time, two, three. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from workers.report.page.markup import Html, joined
from workers.report.page.svg.axes import GAP
from workers.report.page.svg.drawing import Drawing, box, letters
from workers.report.page.svg.lettering import LINE, every, width_of

SHADES: Final = 8
"""How many there are, from nothing to the greatest share; the style sheet has as many."""
_SIGN: Final = "*"
_HIGH: Final = 22.0
_WIDEST: Final = 46.0


@dataclass(frozen=True, slots=True)
class Group:
    """A row of a triangle.

    Attributes:
        name: of the group.
        shares: what is left after each step, from 0 to 1, as far as it has been seen; None where it is not known.
        open_from: from which share on the time of a share is not over.
    """

    name: str
    shares: Sequence[float | None]
    open_from: int


@dataclass(frozen=True, slots=True)
class Heads:
    """What stands above a triangle.

    Attributes:
        group: above the names.
        steps: above the shares, one for each step.
        above: what the steps are.
        shade: what a stronger colour means; said where numbers have no room.
    """

    group: str
    steps: Sequence[str]
    above: str
    shade: str


def triangle(width: float, groups: Sequence[Group], heads: Heads) -> Drawing:
    """Return a row for each group; the darker a field, the greater its share. Shares are whole percents."""
    steps, least = max(1, len(heads.steps)), width_of(f"88{_SIGN}") + 1
    first = max((width_of(group.name) for group in groups), default=0.0) + GAP
    head = width_of(heads.group) + GAP
    if (width - head) / steps >= least:
        first = max(first, head)
    wide = min(_WIDEST, (width - first) / steps)
    top = (2 if head <= first else 3) * LINE + GAP
    bottom, has_numbers = top + len(groups) * _HIGH, wide >= least
    is_narrow = width_of(heads.above) > width - first
    most = _greatest(groups)
    rows = (
        part
        for place, group in enumerate(groups)
        for part in _row(group, first, wide, top + place * _HIGH, most, has_numbers)
    )
    content = joined(
        (
            letters(heads.group, 0, top - (0.5 if head <= first else 1.5) * LINE, kind="axis"),
            letters(
                heads.above,
                width if is_narrow else first,
                LINE / 2,
                anchor="end" if is_narrow else "start",
                kind="axis",
            ),
            *_heads(heads.steps, first, wide, top),
            *rows,
            "" if has_numbers else letters(heads.shade, 0, bottom + LINE, kind="axis"),
        )
    )
    return Drawing(width, bottom + (GAP if has_numbers else 2 * LINE), content)


def _heads(steps: Sequence[str], left: float, wide: float, top: float) -> Iterator[Html]:
    for place in range(0, len(steps), every([width_of(step) for step in steps], wide)):
        yield letters(steps[place], left + (place + 0.5) * wide, top - LINE / 2, anchor="middle", kind="tick")


def _row(group: Group, left: float, wide: float, top: float, most: float, has_numbers: bool) -> Iterator[Html]:
    middle = top + _HIGH / 2
    yield letters(group.name, 0, middle, kind="label")
    for place, share in enumerate(group.shares):
        if share is None:
            continue
        shade = min(SHADES - 1, int(share / most * SHADES)) if most else 0
        said = f"{share * 100:.0f}{_SIGN if place >= group.open_from else ''}"
        x = left + place * wide
        yield box(x + 0.5, top + 0.5, wide - 1, _HIGH - 1, f"field s{shade}", f"{group.name}, {place + 1}: {said} %")
        if has_numbers:
            yield letters(said, x + wide / 2, middle, anchor="middle", kind=f"on s{shade}")


def _greatest(groups: Sequence[Group]) -> float:
    return max((share for group in groups for share in group.shares if share is not None), default=0.0)
