"""Bounds of ages, for conditions on how long ago something happened."""

from schemas.conditions.ages import Aged
from schemas.durations import duration_ms, write_duration
from workers.core.conditions.condition import OfOneSeries, Words
from workers.core.customer.customer import Customer
from workers.core.customer.series import Series


class Age(OfOneSeries):
    """The age of an event of one series.

    Attributes:
        least_ms, most_ms: ages, both included; -1 for no bound.
    """

    def __init__(self, words: Words, customer: Customer, series: Series, least_ms: int, most_ms: int) -> None:
        super().__init__(words, customer, series)
        self.least_ms = least_ms
        self.most_ms = most_ms


def ages_ms(when: Aged) -> tuple[int, int]:
    """Return the lowest and the highest age, both included; -1 for no bound."""
    least, most = when.ages()
    return -1 if least is None else duration_ms(least), -1 if most is None else duration_ms(most)


def bound_in_words(when: Aged) -> str:
    """Return the bounds as reasons have them: `at least 30 days ago and at most 90 days ago`."""
    ages = zip(("at least", "at most"), when.ages(), strict=True)
    return " and ".join(f"{word} {write_duration(age)} ago" for word, age in ages if age is not None)
