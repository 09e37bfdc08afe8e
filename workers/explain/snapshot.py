"""Everything that an explanation of one customer needs, as plain values. It does not know how they are read."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from workers.core.coverage import Coverage
from workers.core.customer.customer import Customer
from workers.core.decisions.decide import decider_of
from workers.core.rules.rule_set import RuleSet


@dataclass(frozen=True, slots=True)
class CustomerSnapshot:
    """One customer as stored, with the rules and the coverage that count for them.

    Attributes:
        customer_id: the customer.
        stored: the customer's state, as bytes that can be read.
        rules: the active rule set.
        coverage: coverage of the customer's partition.
        now_ms: the clock, read before everything else.
        source_problems: why a type is not seen until now, by type; a type without a problem is left out.
        held_rules: by id of each rule whose latest action is held, what holds it, in words.
        notes: on the customer as a whole.
    """

    customer_id: str
    stored: bytes
    rules: RuleSet
    coverage: Coverage
    now_ms: int
    source_problems: Mapping[str, str] = field(default_factory=dict)
    held_rules: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def decided_ms(self) -> int:
        """The latest moment that is decided, which is the earliest that can be explained.

        It reads the customer into the objects of the rule set, in place of the one who was there.
        """
        return decided_until(decider_of(self.rules).read(self.stored))


def decided_until(customer: Customer) -> int:
    """Return the latest moment until which a customer is decided."""
    return max(customer.at_ms, customer.fired_ms)
