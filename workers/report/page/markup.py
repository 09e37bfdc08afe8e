"""HTML and SVG out of values. Pure.

Text is escaped wherever it goes in: only what `element` and `joined` return counts as HTML, and all else is text.
"""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Final

from workers.observability.escapes import escaped

_WITHOUT_END: Final = frozenset(("br", "col", "meta"))

Attribute = str | float | bool | None


class Html(str):
    """Text that is HTML already, and so is not escaped again."""

    __slots__ = ()


def element(name: str, attributes: Mapping[str, Attribute] | None = None, *content: str) -> Html:
    """Return an element.

    Args:
        name: of the element.
        attributes: by name. None and False leave one out, True writes its name alone; numbers are rounded to tenths.
        content: what stands in it, in order; what is not `Html` is escaped.
    """
    written = "".join(_attribute(key, value) for key, value in (attributes or {}).items())
    if name in _WITHOUT_END:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{joined(content)}</{name}>")


def joined(parts: Iterable[str], between: str = "") -> Html:
    """Return some parts one after the other; what is not `Html` is escaped."""
    return Html(between.join(map(_as_html, parts)))


def isolated(text: str) -> Html:
    """Return a value as HTML that does not move what stands beside it if it is written from right to left."""
    return element("bdi", None, text)


def _as_html(part: str) -> str:
    return part if isinstance(part, Html) else _safe(part)


def _attribute(name: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return f" {name}"
    return f' {name}="{_safe(value) if isinstance(value, str) else _number(value)}"'


def _number(value: float) -> str:
    return (
        f"{value:.1f}".removesuffix(".0").replace("-0", "0")
        if abs(value) < 0.05
        else f"{value:.1f}".removesuffix(".0")
    )


def _safe(text: str) -> str:
    return escape(escaped(text, keep="\n"), quote=True)
