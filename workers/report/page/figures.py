"""Figures of a report → cards of the page. Pure."""

from collections.abc import Iterator, Sequence

from workers.report.document import Figure, Incomplete, Label, Missing, Share
from workers.report.page.blocks import Card, cards, remark
from workers.report.page.markup import Html
from workers.report.page.values import plain
from workers.report.words.language import Language


def figures_of(figures: Sequence[Figure], language: Language) -> Iterator[Html]:
    """Yield cards side by side, and what their signs mean."""
    if figures:
        yield cards([card_of(figure, language) for figure in figures])
    if any(isinstance(figure.value, Incomplete) for figure in figures):
        yield remark(language.say("report.can_change"))


def card_of(figure: Figure, language: Language) -> Card:
    """Return a figure with everything that it takes to read it, as texts."""
    value = plain(figure.value)
    return Card(
        title=language.say(f"{figure.id}.title", figure.given),
        value=language.text(figure.value),
        missing=language.reason(value) if isinstance(value, Missing) else "",
        of=_of(figure, language),
        parts=[(language.say(f"part.{part.id}"), language.text(part.value)) for part in figure.parts],
        means=language.say(f"{figure.id}.sentence", figure.given),
        when=language.time(figure.time),
    )


def _of(figure: Figure, language: Language) -> str:
    if figure.denominator is None:
        return ""
    of = language.say(f"{figure.id}.of", {**figure.given, "n": figure.denominator})
    return language.say("of_whole", {"whole": Label(of)}) if isinstance(plain(figure.value), Share) else of
