"""A chart as part of a page: drawn for screens of three widths, with a title and its content in words. Pure."""

from collections.abc import Callable
from typing import Final

from workers.report.page.markup import Html, element, joined
from workers.report.page.svg.drawing import Drawing

WIDTHS: Final = {"narrow": 340.0, "medium": 720.0, "wide": 960.0}
"""Letters keep their size: the style sheet shows one of the drawings, whichever fits."""


def picture(name: str, title: str, description: str, draw: Callable[[float], Drawing], about: str = "") -> Html:
    """Return a chart with everything that it takes to read it.

    Args:
        name: no other picture of the page has it.
        title: what the chart shows.
        description: the same in a sentence or two.
        draw: draws it for a width.
        about: its days, of how many it is, and what must be known to read it.
    """
    drawings = joined(_svg(f"{name}-{kind}", kind, title, description, draw(wide)) for kind, wide in WIDTHS.items())
    said = [element("p", {"aria-hidden": "true"}, description)]
    if about:
        said.append(element("p", {"class": "about soft"}, about))
    return element("figure", {"class": "picture", "id": name}, element("figcaption", None, title), *said, drawings)


def _svg(name: str, kind: str, title: str, description: str, drawing: Drawing) -> Html:
    return element(
        "svg",
        {
            "class": f"chart {kind}",
            "viewBox": f"0 0 {drawing.width:.0f} {drawing.height:.0f}",
            "role": "img",
            "aria-labelledby": f"{name}-title {name}-text",
        },
        element("title", {"id": f"{name}-title"}, title),
        element("desc", {"id": f"{name}-text"}, description),
        drawing.content,
    )
