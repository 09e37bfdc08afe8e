"""One customer, from stored bytes to stored bytes: where a worker calls the core.

It knows in which layout a partition is written; nothing above it does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from workers.core.coverage import Coverage
from workers.core.customer.stored import OtherLayout
from workers.core.decisions.decide import Outcome, decider_of
from workers.core.decisions.published import PublishedRecord
from workers.core.events.decoding import DecodedEvent
from workers.core.events.plain import PlainEvent
from workers.core.rules.rule_set import RuleSet
from workers.errors import LingerError
from workers.processor.partition import OwnedPartition

Event = DecodedEvent | PlainEvent


@dataclass(slots=True)
class CustomerStep:
    """What a step says of one customer.

    Attributes:
        stored: the new state.
        due_ms: the next due time, 0 for none.
        records: to be published, in the order in which they were decided.
        waiting, folded, duplicates, left_out, not_understood, unnamed: as in `decide.Outcome`.
    """

    stored: bytes
    due_ms: int
    records: list[PublishedRecord]
    waiting: dict[str, int]
    folded: int
    duplicates: int
    left_out: list[tuple[str, str, str, str]]
    not_understood: list[str]
    unnamed: list[str]

    def after(self, earlier: "CustomerStep") -> None:
        """Add what an earlier step of the same customer said; this one continues it."""
        self.records[:0] = earlier.records
        self.folded += earlier.folded
        self.duplicates += earlier.duplicates
        self.left_out = earlier.left_out + self.left_out
        self.not_understood = earlier.not_understood + self.not_understood
        self.unnamed = earlier.unnamed + self.unnamed


class Deciding:
    """Decides for the customers of one partition, within one step.

    Attributes:
        partition: its number.
    """

    __slots__ = ("_coverage", "_decider", "_generation", "_layout", "_topic_prefix", "partition")

    def __init__(self, partition: OwnedPartition, rules: RuleSet, coverage: Coverage, topic_prefix: str) -> None:
        """Set up for one step.

        Args:
            partition: of the customers.
            rules: the active rule set.
            coverage: what has been watched in the partition, and up to when.
            topic_prefix: of the topics of actions and decisions.
        """
        self._decider = decider_of(rules)
        self._generation = rules.generation
        self._coverage = coverage
        self.partition = partition.number
        self._layout = partition.layout
        self._topic_prefix = topic_prefix

    def fold(self, customer_id: str, raw: bytes | None, events: Sequence[Event]) -> CustomerStep | None:
        """Fold events of a customer, and decide.

        Args:
            customer_id: whose they are.
            raw: what is stored of the customer, None if nothing is.
            events: at least one.

        Raises:
            LingerError: if the customer is stored in a layout that this release does not know.
        """
        return self._decide(customer_id, raw, events, 0)

    def fire(self, customer_id: str, raw: bytes, upto_ms: int, *, sweeping: bool) -> CustomerStep | None:
        """Decide what is due for a customer.

        Args:
            customer_id: the customer.
            raw: what is stored.
            upto_ms: due times until then are decided; 0 for none.
            sweeping: leave a customer alone who was decided by these rules already.

        Returns:
            None for a customer who is left alone.

        Raises:
            LingerError: as `fold`.
        """
        if sweeping and self._generation_in(raw) >= self._generation:
            return None
        return self._decide(customer_id, raw, (), upto_ms)

    def _generation_in(self, raw: bytes) -> int:
        try:
            return self._decider.read(raw).generation
        except OtherLayout as error:
            raise LingerError(str(error)) from error

    def _decide(
        self, customer_id: str, raw: bytes | None, events: Sequence[Event], upto_ms: int
    ) -> CustomerStep | None:
        try:
            outcome: Outcome = self._decider.decide(customer_id, raw, events, self._coverage, upto_ms, self._layout)
        except OtherLayout as error:
            raise LingerError(str(error)) from error
        if outcome.stored is None:
            return None
        return CustomerStep(
            outcome.stored,
            outcome.due_ms,
            outcome.records(self._topic_prefix),
            outcome.waiting,
            outcome.folded,
            outcome.duplicates,
            outcome.left_out,
            outcome.not_understood,
            outcome.unnamed,
        )
