"""What pages are made of, from texts: tables, cards with a number, remarks, and the document around all. Pure."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from workers.report.page.markup import Attribute, Html, element, isolated, joined
from workers.report.page.style import STYLE

_POLICY: Final = "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"
_BROAD: Final = 9
"""From this number of columns on, a table has smaller letters."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table as texts.

    Attributes:
        title: what it shows; said by those who read a page aloud, too.
        heads: one for each column.
        rows: a text for each column; the first names the row.
        are_numbers: for each column, whether it has numbers, which stand at the right.
    """

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    are_numbers: Sequence[bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A number with everything that it takes to read it.

    Attributes:
        title: what it is.
        value: the number; empty if there is none.
        missing: why there is none.
        of: of how many it is.
        parts: what it is made of, with the number of each.
        means: its definition.
        when: of when it is.
    """

    title: str
    value: str = ""
    missing: str = ""
    of: str = ""
    parts: Sequence[tuple[str, str]] = ()
    means: str = ""
    when: str = ""


def document(title: str, body: Html, code: str) -> str:
    """Return a whole document of HTML with the style of all pages.

    Args:
        title: of it, for the window that shows it.
        body: everything that is shown.
        code: of its language.
    """
    policy = _POLICY.format(hash=b64encode(sha256(STYLE.encode()).digest()).decode())
    head = element(
        "head",
        None,
        element("meta", {"charset": "utf-8"}),
        element("meta", {"http-equiv": "Content-Security-Policy", "content": policy}),
        element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        element("meta", {"name": "referrer", "content": "no-referrer"}),
        element("meta", {"name": "robots", "content": "noindex"}),
        element("title", None, title),
        element("style", None, Html(STYLE)),
    )
    return f"<!DOCTYPE html>\n{element('html', {'lang': code}, head, element('body', None, body))}\n"


def contents(name: str, sections: Sequence[tuple[str, str]]) -> Html:
    """Return links to sections, each given by its name and its title."""
    links = (element("a", {"href": f"#{section}"}, title) for section, title in sections)
    return element("nav", {"aria-label": name}, *links)


def section(name: str, title: str, about: str, parts: Sequence[Html]) -> Html:
    """Return a section with what it is about."""
    heads = (element("h2", None, title), element("p", {"class": "soft"}, about))
    return element("section", {"id": name}, joined((*heads, *parts), "\n"))


def note(text: str) -> Html:
    """Return a remark that must be seen."""
    return element("p", {"class": "notes"}, isolated(text))


def remark(text: str) -> Html:
    """Return a remark for those who look closer."""
    return element("p", {"class": "remark"}, isolated(text))


def heading(title: str, about: str, when: str = "") -> Html:
    """Return the title of a table, and a sentence that defines it."""
    said = (isolated(about), " · ", when) if when else (isolated(about),)
    return joined((element("figcaption", None, isolated(title)), element("p", {"class": "soft"}, *said)))


def numbers(parts: Sequence[Html]) -> Html:
    """Return what belongs to a table, together."""
    return element("figure", {"class": "numbers"}, *parts)


def missing(why: str) -> Html:
    """Return why there is nothing to show."""
    return element("p", {"class": "missing"}, isolated(why))


def table(grid: Grid) -> Html:
    """Return a table; where it is too wide, it moves to the side within its place."""
    written = element(
        "table",
        {"class": "broad" if len(grid.heads) >= _BROAD else None, "aria-label": grid.title},
        element("thead", None, element("tr", None, *_heads(grid))),
        element("tbody", None, *(element("tr", None, *_cells(grid, row)) for row in grid.rows)),
    )
    return element("div", {"class": "wrap", "tabindex": "0", "role": "region", "aria-label": grid.title}, written)


def cards(given: Sequence[Card]) -> Html:
    """Return cards side by side, as many in a row as have room."""
    return element(
        "div", {"class": "figures"}, *(element("article", {"class": "figure"}, *_card(one)) for one in given)
    )


def _heads(grid: Grid) -> Iterator[Html]:
    for head, is_number in zip(grid.heads, grid.are_numbers, strict=True):
        yield element("th", {"scope": "col", "class": "number" if is_number else None}, isolated(head))


def _cells(grid: Grid, row: Sequence[str]) -> Iterator[Html]:
    for place, (text, is_number) in enumerate(zip(row, grid.are_numbers, strict=True)):
        attributes: dict[str, Attribute] = {"class": "number" if is_number else None}
        yield element(
            "td" if place else "th", attributes if place else {"scope": "row", **attributes}, isolated(text)
        )


def _card(card: Card) -> Iterator[Html]:
    yield element("h3", None, isolated(card.title))
    if card.missing:
        yield missing(card.missing)
    else:
        yield element("p", {"class": "value"}, isolated(card.value))
        if card.of:
            yield element("p", {"class": "of"}, isolated(card.of))
        if card.parts:
            yield element("ul", {"class": "parts"}, *(_part(*part) for part in card.parts))
    yield element("p", {"class": "means"}, isolated(card.means))
    yield element("p", {"class": "when"}, card.when)


def _part(name: str, text: str) -> Html:
    return element("li", None, element("span", None, isolated(name)), element("span", None, isolated(text)))
