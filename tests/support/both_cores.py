"""A condition in both cores: as objects, and as numbers. It goes when the core on objects does."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from workers.core.conditions.condition import Condition
from workers.core.coverage import Coverage
from workers.core.customer.candidate import Evidence
from workers.core.customer.customer import Customer
from workers.core.customer.specs import Specs
from workers.core.objects.customer.activity import Activity
from workers.core.rules.binding import Binding
from workers.core.rules.condition_compiler import compile_condition
from workers.core.rules.whole_conditions import compile_whole
from workers.core.text import Text

TYPES: Final = ("purchase", "login", "cancellation", "reactivation", "nps")
Said = tuple[int, int, bytes]
"""Truth, when it changes, and the reasons as JSON."""


def filled(customer: Customer, activity: Activity, observed: Coverage) -> None:
    """Put what an activity holds into a customer; only what conditions read."""
    customer.clear()
    customer.is_known = True
    customer.first_ms, customer.at_ms = activity.first_ms, activity.at_ms
    customer.attributes, customer.pairs = dict(activity.attributes), dict(activity.pairs)
    customer.observe(observed)
    for key, facts in activity.series.items():
        series = customer.by_key[key]
        series.is_present = True
        series.first_ms, series.last_ms = facts.first_ms, facts.last_ms
        series.total, series.total_sum = facts.total, facts.total_sum
        series.active_days, series.gone_day = facts.active_days, facts.gone_day
        days, counts = facts.days(), facts.counts()
        for place, total in enumerate(facts.sums() or [0] * len(days)):
            series.days.insert(place, days[place], counts[place], total)
        for place, value in enumerate(facts.values):
            series.values.insert(place, facts.value_days[place], value, 0)


class Both:
    """One written condition, compiled for both cores.

    Attributes:
        specs: what it reads.
        condition, customer: of the core of numbers; the customer is the one that was filled last.
    """

    def __init__(self, when: Any, types: Iterable[str] = TYPES) -> None:
        self.specs = Specs(types)
        self.of_objects = compile_condition(when, self.specs)
        series = sorted(
            (one for facts in self.specs.facts_by_type().values() for one in facts.series), key=lambda one: one.key
        )
        self.customer = Customer(series, 0, 0, 0)
        self._binding = Binding(self.customer, self.specs)
        self.condition: Condition = compile_whole(when, self._binding)
        self._text, self._evidence = Text(), Evidence(self._binding.places)

    def fill(self, activity: Activity, observed: Coverage) -> None:
        """Fill the customer."""
        filled(self.customer, activity, observed)

    def by_objects(self, activity: Activity, observed: Coverage, at_ms: int) -> Said:
        """Return what the core on objects says."""
        truth, flip_ms = self.of_objects.evaluate(activity, at_ms, observed)
        return truth, flip_ms, msgspec.json.encode(self.of_objects.reasons(activity, at_ms, observed))

    def by_numbers(self, at_ms: int) -> Said:
        """Return what the core of numbers says of the customer who was filled."""
        truth = self.condition.look(at_ms)
        flip_ms = self.condition.flip_ms
        self._evidence.clear()
        self.condition.note(self._evidence, at_ms)
        return truth, flip_ms, self.words()

    def words(self) -> bytes:
        """Return the reasons that were noted last, as JSON."""
        self._text.clear()
        self._text.byte(91)
        self.condition.word(self._text, self._evidence)
        self._text.byte(93)
        return self._text.made()
