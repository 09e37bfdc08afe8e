"""One customer, from stored bytes to stored bytes: where a worker calls the core.

It knows in which layout a partition is written; nothing above it does.
"""

from collections.abc import Sequence

from workers.core.coverage import Coverage
from workers.core.events.decoding import DecodedEvent
from workers.core.objects.customer import codec
from workers.core.objects.customer.activity import Activity
from workers.core.objects.decisions.decide import Outcome, decide
from workers.core.rules.rule_set import RuleSet
from workers.errors import LingerError
from workers.processor.partition import OwnedPartition
from workers.state.meta import LAYOUT_OF_OLD


class Deciding:
    """Decides for the customers of one partition, within one step.

    Attributes:
        rules: the active rule set.
        coverage: what has been watched in the partition, and up to when.
        layout: in which customers are written.
    """

    __slots__ = ("coverage", "layout", "rules")

    def __init__(self, partition: OwnedPartition, rules: RuleSet, coverage: Coverage) -> None:
        self.rules = rules
        self.coverage = coverage
        self.layout = partition.layout

    def fold(self, customer_id: str, raw: bytes | None, events: Sequence[DecodedEvent]) -> Outcome:
        """Fold events of a customer, and decide.

        Args:
            customer_id: whose they are.
            raw: what is stored of the customer, None if nothing is.
            events: at least one.

        Raises:
            LingerError: if the customer is stored in a layout that this release does not know.
        """
        return self._decide(customer_id, None if raw is None else self._read(raw), events, 0)

    def fire(self, customer_id: str, raw: bytes, upto_ms: int, *, sweeping: bool) -> Outcome | None:
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
        activity = self._read(raw)
        if sweeping and activity.generation >= self.rules.generation:
            return None
        return self._decide(customer_id, activity, (), upto_ms)

    def _read(self, raw: bytes) -> Activity:
        try:
            return codec.decode(raw, self.rules.codes)
        except codec.OtherLayout as error:
            raise LingerError(str(error)) from error

    def _decide(
        self, customer_id: str, activity: Activity | None, events: Sequence[DecodedEvent], upto_ms: int
    ) -> Outcome:
        outcome = decide(customer_id, activity, events, self.rules, self.coverage, upto_ms)
        if outcome.activity is not None:
            # The core on objects writes one layout only; that of numbers takes `self.layout`.
            assert self.layout == LAYOUT_OF_OLD, self.layout
            outcome.stored = codec.encode(outcome.activity)
        return outcome
