"""A figure of a report → a card of the page. Pure."""

from collections.abc import Iterator, Sequence

from workers.report.document import Figure, Incomplete, Label, Missing, Share
from workers.report.page.markup import Html, element, isolated
from workers.report.page.values import plain
from workers.report.words.language import Language


def figures_of(figures: Sequence[Figure], language: Language) -> Iterator[Html]:
    """Yield cards side by side, and what their signs mean."""
    if figures:
        yield element("div", {"class": "figures"}, *(figure_of(figure, language) for figure in figures))
    if any(isinstance(figure.value, Incomplete) for figure in figures):
        yield element("p", {"class": "remark"}, language.say("report.can_change"))


def figure_of(figure: Figure, language: Language) -> Html:
    """Return a figure with everything that it takes to read it."""
    return element("article", {"class": "figure"}, *_lines(figure, language))


def _lines(figure: Figure, language: Language) -> Iterator[Html]:
    yield element("h3", None, isolated(language.say(f"{figure.id}.title", figure.given)))
    value = plain(figure.value)
    if isinstance(value, Missing):
        yield element("p", {"class": "missing"}, isolated(language.reason(value)))
    else:
        yield element("p", {"class": "value"}, isolated(language.text(figure.value)))
        if figure.denominator is not None:
            of = language.say(f"{figure.id}.of", {**figure.given, "n": figure.denominator})
            yield element(
                "p",
                {"class": "of"},
                language.say("of_whole", {"whole": Label(of)}) if isinstance(value, Share) else of,
            )
        if figure.parts:
            yield element("ul", {"class": "parts"}, *_parts(figure, language))
    yield element("p", {"class": "means"}, isolated(language.say(f"{figure.id}.sentence", figure.given)))
    yield element("p", {"class": "when"}, language.time(figure.time))


def _parts(figure: Figure, language: Language) -> Iterator[Html]:
    for part in figure.parts:
        name = element("span", None, language.say(f"part.{part.id}"))
        yield element("li", None, name, element("span", None, isolated(language.text(part.value))))
