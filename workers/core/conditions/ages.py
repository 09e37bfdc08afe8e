"""What conditions share that ask how long ago something happened."""

from collections.abc import Iterator

from schemas.conditions.ages import Aged
from schemas.durations import duration_ms, write_duration
from workers.core.conditions.condition import Basis, OfOneSeries
from workers.core.customer.series import Series
from workers.core.phrases import Said, ages_in_words, filters, noun


class Age(OfOneSeries):
    """The age of an event of one series.

    Attributes:
        least_ms, most_ms: ages, both included; -1 for no bound.
    """

    def __init__(self, basis: Basis, series: Series, when: Aged) -> None:
        super().__init__(basis, series)
        self.least_ms, self.most_ms = (-1 if age is None else duration_ms(age) for age in when.ages())


def bound_in_words(when: Aged) -> str:
    """Return the bounds as reasons have them: `at least 30 days ago and at most 90 days ago`."""
    ages = zip(("at least", "at most"), when.ages(), strict=True)
    return " and ".join(f"{word} {write_duration(age)} ago" for word, age in ages if age is not None)


def said(when: Aged, *, holds: bool) -> Said:
    """Word the condition, or its opposite."""
    event = f"{when.naming} {noun(when.named)}{filters(when.where)}"
    rest = f"{event} {'was' if holds else 'was not'} {ages_in_words(when)} ago"
    return Said(f"the {rest}", "", rest)


def times(when: Aged) -> Iterator[str]:
    """Yield when it is checked besides after events."""
    for age in when.ages():
        if age is not None:
            yield f"{write_duration(age)} after the {when.naming} {noun(when.named)}"
