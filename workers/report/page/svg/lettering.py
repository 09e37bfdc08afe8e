"""How much room a text takes on a chart, about, and what to do if it is too long. Pure.

A page does not say which font it will be shown in, so a text is taken to be as wide as in a wide one.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final
from unicodedata import east_asian_width

SIZE: Final = 12.0
"""The height of the text on charts, in their units."""
BOLD: Final = SIZE * 1.1
"""The height at which other text would be as wide as bold text is."""
LINE: Final = 15.0
"""From one line of text to the next."""
_NARROW: Final = frozenset(" !'()*,-./:;I[]fijlrt|·")
_WIDE: Final = frozenset("%+@MWmw\N{MINUS SIGN}—…←→")
_OF_NARROW, _OF_MOST, _OF_CAPITALS, _OF_WIDE = 0.4, 0.63, 0.73, 1.0


def width_of(text: str, size: float = SIZE) -> float:
    """Return the greatest width that a text is likely to have."""
    return size * sum(map(_em, text))


def cut_to(text: str, room: float, size: float = SIZE) -> str:
    """Return a text, or as much of it as fits, with a sign that something is missing."""
    if width_of(text, size) <= room:
        return text
    kept = len(text)
    while kept > 1 and width_of(f"{text[:kept].rstrip()}…", size) > room:
        kept -= 1
    return f"{text[:kept].rstrip()}…"


def spread(places: Sequence[float], least: float, low: float, high: float) -> list[float]:
    """Return places near the given ones, in the same order, so that no two are nearer than `least`.

    Args:
        places: the ones that are wanted, in any order.
        least: the distance that two must have.
        low: the lower end.
        high: the upper end; what does not fit between both stands beyond it.
    """
    order = sorted(range(len(places)), key=lambda one: places[one])
    found = [max(low, min(high, places[one])) for one in order]
    for left, right in pairwise(range(len(found))):
        found[right] = max(found[right], found[left] + least)
    if found and found[-1] > high:
        found[-1] = max(high, low + least * (len(found) - 1))
        for left, right in reversed(list(pairwise(range(len(found))))):
            found[left] = min(found[left], found[right] - least)
    moved = [0.0] * len(places)
    for one, place in zip(order, found, strict=True):
        moved[one] = place
    return moved


def every(widths: Sequence[float], step: float) -> int:
    """Return n so that each n-th of some texts, with their middles `step` apart, does not touch the next shown."""
    for number in range(1, len(widths)):
        pairs = zip(widths, widths[number:], strict=False)
        if all((one + other + SIZE) / 2 <= number * step for one, other in pairs):
            return number
    return max(1, len(widths))


def wrapped(text: str, room: float, size: float = SIZE) -> list[str]:
    """Return a text as lines that are no wider than the room, as far as its words let it."""
    found: list[str] = []
    for word in text.split(" "):
        if found and width_of(f"{found[-1]} {word}", size) <= room:
            found[-1] += f" {word}"
        else:
            found.append(word)
    return [cut_to(one, room, size) for one in found]


def _em(letter: str) -> float:
    if letter in _NARROW:
        return _OF_NARROW
    if letter in _WIDE or east_asian_width(letter) in "WF":
        return _OF_WIDE
    return _OF_CAPITALS if letter.isupper() else _OF_MOST
