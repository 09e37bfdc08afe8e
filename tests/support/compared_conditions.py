"""A condition in both cores: as objects, and as numbers.

Goes with the core on objects.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from tests.support.looked_at import TYPES, LookedAt
from workers.core.coverage import Coverage
from workers.core.customer.specs import Specs
from workers.core.objects.customer.activity import Activity
from workers.core.rules.condition_compiler import compile_condition

Answer = tuple[int, int, bytes]
"""Truth, when it changes, and the reasons as JSON."""


class Both(LookedAt):
    """One written condition, compiled for both cores.

    Attributes:
        of_objects: the condition in the core on objects.
    """

    def __init__(self, when: Any, types: Iterable[str] = TYPES) -> None:
        super().__init__(when, types)
        specs = Specs(types)
        self.of_objects = compile_condition(self.when, specs)
        assert _kept(self.specs) == _kept(specs), "both cores need the same of a customer"

    def fill(self, activity: Activity, observed: Coverage) -> None:
        """Put what an activity holds into the customer; only what conditions read."""
        customer = self.customer
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

    def by_objects(self, activity: Activity, observed: Coverage, at_ms: int) -> Answer:
        """Return what the core on objects says."""
        truth, flip_ms = self.of_objects.evaluate(activity, at_ms, observed)
        return truth, flip_ms, msgspec.json.encode(self.of_objects.reasons(activity, at_ms, observed))

    def by_numbers(self, at_ms: int) -> Answer:
        """Return what the core of numbers says of the customer who was filled."""
        return *self.evaluate(at_ms), self.written(at_ms)


def _kept(specs: Specs) -> list[Any]:
    """Return everything that is kept, without the functions that choose events: the keys stand for them."""
    return [
        (
            facts.type,
            [(one.key, one.type, one.adds, one.keep_days, one.tells_apart) for one in facts.series],
            [(one.key, one.later) for one in facts.pairs],
            facts.attributes,
        )
        for facts in specs.facts_by_type().values()
    ]
