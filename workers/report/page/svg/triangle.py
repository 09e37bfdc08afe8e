"""A triangle: what is left of each group after one step of time, two, three. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from workers.report.page.markup import Html, joined
from workers.report.page.svg.axes import GAP
from workers.report.page.svg.drawing import Drawing, box, letters
from workers.report.page.svg.lettering import LINE, cut_to, every, width_of, wrapped

SHADES: Final = 8
"""How many there are, from nothing to the greatest share; the style sheet has as many."""
_SIGN: Final = "*"
_HIGH: Final = 24.0
_WIDEST: Final = 64.0
_SMALL: Final = 10.0
"""The height of numbers in narrow fields."""
_SWATCH: Final = 16.0


@dataclass(frozen=True, slots=True)
class Group:
    """A row of a triangle.

    Attributes:
        name: of the group.
        size: how many there are in it, as text; empty if that is not said.
        shares: what is left after each step, from 0 to 1, as far as it has been seen; None where it is not known.
        open_from: from which share on the time of a share is not over.
    """

    name: str
    size: str
    shares: Sequence[float | None]
    open_from: int


@dataclass(frozen=True, slots=True)
class Heads:
    """What stands around a triangle.

    Attributes:
        group: above the names and the sizes.
        steps: above the shares, one for each step.
        above: what the steps are.
        key: what the colours mean.
        empty: said in a row that has no share.
    """

    group: str
    steps: Sequence[str]
    above: str
    key: str
    empty: str


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where everything stands.

    Attributes:
        width: of the drawing.
        left: where the first field begins.
        wide: a field.
        top: where the first row begins.
        most: the greatest share, in whole percents.
        has_numbers: whether fields have room for their numbers.
        is_small: whether the numbers are small.
    """

    width: float
    left: float
    wide: float
    top: float
    most: int
    has_numbers: bool
    is_small: bool


def triangle(width: float, groups: Sequence[Group], heads: Heads) -> Drawing:
    """Return a row for each group; the same number, in whole percents, has the same colour everywhere."""
    steps = max(1, len(heads.steps))
    left = max((width_of(group.name) + width_of(group.size) for group in groups), default=0.0) + 4 * GAP
    head = width_of(heads.group) + GAP
    if (width - head) / steps >= _least():
        left = max(left, head)
    wide = min(_WIDEST, (width - left) / steps)
    is_over_fields = width_of(heads.above) <= width - left
    above = [heads.above] if is_over_fields else wrapped(heads.above, width)
    frame = _Frame(
        width=width,
        left=left,
        wide=wide,
        top=(len(above) + (1 if head <= left else 2)) * LINE + GAP,
        most=max((_percent(share) for group in groups for share in group.shares if share is not None), default=0),
        has_numbers=wide >= _least(_SMALL),
        is_small=wide < _least(),
    )
    bottom = frame.top + len(groups) * _HIGH
    key, below = _key(heads.key, frame, bottom + LINE)
    content = joined(
        (
            letters(heads.group, 0, frame.top - (0.5 if head <= left else 1.5) * LINE, kind="axis"),
            *(
                letters(text, left if is_over_fields else 0, (number + 0.5) * LINE, kind="axis")
                for number, text in enumerate(above)
            ),
            *_heads(heads.steps, frame),
            *(part for place, group in enumerate(groups) for part in _row(group, frame, place, heads.empty)),
            *key,
        )
    )
    return Drawing(width, below, content)


def _least(size: float = 12.0) -> float:
    """Return the least width of a field with a number."""
    return width_of(f"88{_SIGN}", size) + 1


def _percent(share: float) -> int:
    return int(f"{share * 100:.0f}")


def _heads(steps: Sequence[str], frame: _Frame) -> Iterator[Html]:
    for place in range(0, len(steps), every([width_of(step) for step in steps], frame.wide)):
        x = frame.left + (place + 0.5) * frame.wide
        yield letters(steps[place], x, frame.top - LINE / 2, anchor="middle", kind="tick")


def _row(group: Group, frame: _Frame, row: int, empty: str) -> Iterator[Html]:
    top = frame.top + row * _HIGH
    middle = top + _HIGH / 2
    yield letters(group.name, 0, middle, kind="label")
    if group.size:
        yield letters(group.size, frame.left - 2 * GAP, middle, anchor="end", kind="tick")
    if all(share is None for share in group.shares):
        yield letters(cut_to(empty, frame.width - frame.left), frame.left, middle, kind="axis")
    for place, share in enumerate(group.shares):
        if share is None:
            continue
        said = f"{_percent(share)}{_SIGN if place >= group.open_from else ''}"
        shade = _shade(_percent(share), frame.most)
        x = frame.left + place * frame.wide
        title = f"{group.name}, {place + 1}: {said} %"
        yield box(x + 0.5, top + 0.5, frame.wide - 1, _HIGH - 1, f"field s{shade}", title)
        if frame.has_numbers:
            kind = f"on s{shade}{' small' if frame.is_small else ''}"
            yield letters(said, x + frame.wide / 2, middle, anchor="middle", kind=kind)


def _shade(percent: int, most: int) -> int:
    return min(SHADES - 1, percent * SHADES // most) if most else 0


def _key(text: str, frame: _Frame, top: float) -> tuple[list[Html], float]:
    """Return what the colours mean, from the least to the greatest number, and where it ends."""
    x, parts = 0.0, []
    for said, is_last in (("0%", False), (f"{frame.most}%", True)):
        if is_last:
            for shade in range(SHADES):
                parts.append(box(x, top, _SWATCH, _SWATCH, f"field s{shade}"))
                x += _SWATCH
            x += GAP
        parts.append(letters(said, x, top + _SWATCH / 2, kind="tick"))
        x += width_of(said) + GAP
    y = top + _SWATCH / 2
    if x + width_of(text) > frame.width:
        x, y = 0.0, y + _SWATCH
    for number, written in enumerate(wrapped(text, frame.width - x)):
        parts.append(letters(written, x, y + number * LINE, kind="axis"))
        last = y + number * LINE
    return parts, last + LINE
