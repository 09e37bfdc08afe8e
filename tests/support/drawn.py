"""What stands on a page and on its charts, and where; texts are as wide as the charts themselves take them to be."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from itertools import combinations
from xml.etree import ElementTree

from workers.report.page.markup import Html
from workers.report.page.svg.drawing import DOWN, Drawing
from workers.report.page.svg.lettering import BOLD, SIZE, width_of

_SVG = re.compile(r'<svg class="chart \w+" viewBox="0 0 (\d+) (\d+)".*?</desc>(.*?)</svg>', re.DOTALL)
_EMPTY = frozenset(("br", "meta"))
_PLACES = frozenset(("x", "y", "width", "height", "cx", "cy"))
ROUNDING = 0.2
"""Places are written in tenths."""


@dataclass(frozen=True)
class Box:
    """A text or a shape, and where it ends on each side."""

    name: str
    left: float
    top: float
    right: float
    bottom: float

    def touches(self, other: "Box") -> bool:
        """Whether they share more than an edge."""
        return (
            self.left + ROUNDING < other.right
            and other.left + ROUNDING < self.right
            and self.top + ROUNDING < other.bottom
            and other.top + ROUNDING < self.bottom
        )


def tree_of(drawing: Drawing) -> ElementTree.Element:
    return ElementTree.fromstring(f"<svg>{drawing.content}</svg>")


def texts(drawing: Drawing) -> Iterator[Box]:
    for node in tree_of(drawing).iter("text"):
        text, x, y = node.text or "", float(node.attrib["x"]), float(node.attrib["y"]) - DOWN
        is_bold = {"value", "name"} & set(node.get("class", "").split())
        wide = width_of(text, BOLD if is_bold else SIZE)
        left = {"start": x, "middle": x - wide / 2, "end": x - wide}[node.get("text-anchor", "start")]
        yield Box(text, left, y - SIZE / 2, left + wide, y + SIZE / 2)


def shapes(drawing: Drawing) -> Iterator[Box]:
    """Everything that stands for a value, each series' sign above a chart left out."""
    for node in tree_of(drawing).iter():
        at = {
            name: float(value)
            for name, value in node.attrib.items()
            if name in ["x", "y", "width", "height", "cx", "cy"]
        }
        kind = node.get("class", "")
        if node.tag == "rect" and kind.startswith(("bar", "field")) and node.find("title") is not None:
            yield Box(kind, at["x"], at["y"], at["x"] + at["width"], at["y"] + at["height"])
        elif node.tag == "circle":
            yield Box(kind, at["cx"], at["cy"], at["cx"], at["cy"])


def lines(drawing: Drawing) -> list[Box]:
    """The lines of the axes."""
    return [
        Box(node.attrib["class"], *(float(node.attrib[name]) for name in ("x1", "y1", "x2", "y2")))
        for node in tree_of(drawing).iter("line")
        if node.attrib["class"] in ("grid", "zero")
    ]


def faults(drawing: Drawing) -> list[str]:
    """Everything that could not be read well: texts over each other or over an end, and shapes beyond the axes."""
    found, written = [], list(texts(drawing))
    found += [f"{one.name!r} over {other.name!r}" for one, other in combinations(written, 2) if one.touches(other)]
    found += [
        f"{one.name!r} beyond an end"
        for one in written
        if one.left < -ROUNDING
        or one.right > drawing.width + ROUNDING
        or one.top < -ROUNDING
        or one.bottom > drawing.height + ROUNDING
    ]
    if axes := lines(drawing):
        left, right = min(one.left for one in axes), max(one.right for one in axes)
        top, bottom = min(one.top for one in axes), max(one.bottom for one in axes)
        found += [
            f"{one.name} beyond the axes"
            for one in shapes(drawing)
            if one.left < left - ROUNDING
            or one.right > right + ROUNDING
            or one.top < top - ROUNDING
            or one.bottom > bottom + ROUNDING
        ]
    return found


def drawings(text: str) -> Iterator[Drawing]:
    """Yield all charts of a page, each for every width."""
    for width, height, content in _SVG.findall(text):
        yield Drawing(float(width), float(height), Html(content))


class Balance(HTMLParser):
    """Reads a page as a browser does: which elements it has, with their attributes, and whether all of them end."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in _EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
