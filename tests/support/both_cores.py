"""A condition in the core of numbers, beside the same condition in the core of objects.

Goes with the core on objects.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Final

from schemas import conditions as model
from workers.core.conditions.condition import Condition
from workers.core.coverage import Coverage
from workers.core.customer.candidate import Evidence
from workers.core.customer.customer import Customer
from workers.core.customer.folding import TypeFolding
from workers.core.customer.series import Series
from workers.core.customer.specs import Specs
from workers.core.events.decoding import DecodedEvent
from workers.core.objects.customer.activity import Activity
from workers.core.objects.customer.series import Series as Facts
from workers.core.rules import kinds
from workers.core.rules.binding import Binding
from workers.core.rules.kind import Kind
from workers.core.text import Text


def _found() -> dict[type, Kind]:
    modules = [import_module(f"{kinds.__name__}.{one.name}") for one in iter_modules(kinds.__path__)]
    return {module.KIND.model: module.KIND for module in modules if hasattr(module, "KIND")}


KIND_OF: Final = _found()
"""Every kind of condition that the core of numbers has, by how it is written."""


class Looked:
    """An elementary condition of the core of numbers, or its opposite, and the customer whom it looks at."""

    def __init__(self, when: Any, specs: Specs) -> None:
        self.specs = specs
        series = sorted(
            (one for spec in specs.facts_by_type().values() for one in spec.series), key=lambda one: one.key
        )
        self.customer = Customer(series, 0, 0, 1)
        binding = Binding(self.customer, specs)
        self.is_opposite = isinstance(when, model.Not)
        binding.negations = int(self.is_opposite)
        when = when.not_ if isinstance(when, model.Not) else when
        self.kind = KIND_OF[type(when)]
        self.condition: Condition = self.kind.compile(when, binding)
        self.foldings = {name: TypeFolding(self.customer, spec) for name, spec in specs.facts_by_type().items()}

    def begin(self, first_ms: int, observed: Coverage) -> None:
        """Begin with a customer about whom nothing but the moment of their first event is known."""
        self.customer.clear()
        self.customer.is_known = True
        self.customer.first_ms = first_ms
        self.customer.observe(observed)

    def fold(self, event: DecodedEvent) -> None:
        """Fold an event."""
        self.customer.at_ms = max(self.customer.at_ms, event.at_ms)
        self.foldings[event.type].fold(event)

    def take_over(self, activity: Activity, observed: Coverage) -> None:
        """Look at the customer whom the core of objects has."""
        take_over(self.customer, activity, observed)

    def evaluate(self, at_ms: int) -> tuple[int, int]:
        """Return the truth at a moment, and when it changes."""
        truth = self.condition.look(at_ms)
        return 2 - truth if self.is_opposite else truth, self.condition.flip_ms

    def reason(self, at_ms: int) -> bytes:
        """Return the reason in words, as JSON."""
        evidence, text = Evidence(1), Text()
        self.condition.note(evidence, at_ms)
        self.condition.word(text, evidence)
        return text.made()


def take_over(customer: Customer, activity: Activity, observed: Coverage) -> None:
    """Fill a customer with what conditions read of an activity."""
    customer.clear()
    customer.is_known = True
    customer.first_ms, customer.at_ms = activity.first_ms, activity.at_ms
    customer.attributes, customer.pairs = activity.attributes, activity.pairs
    for series in customer.series:
        facts = activity.series.get(series.key)
        if facts is not None:
            fill(series, facts)
    customer.observe(observed)


def fill(series: Series, facts: Facts) -> None:
    """Fill a series, which is empty, with the same numbers."""
    series.is_present = True
    series.first_ms, series.last_ms = facts.first_ms, facts.last_ms
    series.total, series.total_sum = facts.total, facts.total_sum
    series.active_days, series.gone_day = facts.active_days, facts.gone_day
    sums = facts.sums() or [0] * len(facts.days())
    for place, (day, count, amount) in enumerate(zip(facts.days(), facts.counts(), sums, strict=True)):
        series.days.insert(place, day, count, amount)
    for place, (day, value) in enumerate(zip(facts.value_days, facts.values, strict=True)):
        series.values.insert(place, day, value, 0)
