"""What all charts are made of: a drawing, its axis, and letters on it. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from workers.report.page.markup import Attribute, Html, element
from workers.report.page.svg.lettering import SIZE

COLOURS: Final = 6
"""How many series have a colour of their own; the style sheet has as many."""
DOWN: Final = SIZE * 0.35
"""From the middle of a line of text down to where its letters stand."""

Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis of values.

    Attributes:
        title: what the values are, with their unit.
        said: a value as text.
        finest: what no two ticks are nearer than: 1 for what is counted, 0.01 for money.
        rounded: a value that is no tick as text, where that is shorter.
    """

    title: str
    said: Callable[[float], str]
    finest: float = 0.0
    rounded: Callable[[float], str] | None = None

    def of(self, value: float) -> str:
        """Return a value that is no tick as text."""
        return (self.rounded or self.said)(value)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart, drawn for one width.

    Attributes:
        width, height: its size.
        content: what stands in it, as SVG.
    """

    width: float
    height: float
    content: Html


def letters(text: str, x: float, y: float, *, anchor: Anchor = "start", kind: str | None = None) -> Html:
    """Return a line of text whose middle is at the height `y`."""
    attributes: dict[str, Attribute] = {"x": x, "y": y + DOWN, "class": kind}
    if anchor != "start":
        attributes["text-anchor"] = anchor
    return element("text", attributes, text)


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Html:
    """Return a straight line."""
    return element("line", {"class": kind, "x1": x1, "y1": y1, "x2": x2, "y2": y2})


def box(x: float, y: float, width: float, height: float, kind: str, title: str = "") -> Html:
    """Return a filled rectangle; who points at it is shown the title."""
    attributes: dict[str, Attribute] = {"class": kind, "x": x, "y": y, "width": width, "height": height}
    return element("rect", attributes, *([element("title", None, title)] if title else ()))


def colour(place: int) -> str:
    """Return the class of the colour of a series."""
    return f"c{place % COLOURS}"
