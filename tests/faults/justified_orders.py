"""Which actions are right where customers are erased and suppressed; see `justified` for all others.

An order counts from when the replay's clock reached it, and, like an answer about consent, from when a worker has had
time to read it. After an erasure only what happened later can justify an action.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from schemas.actions import Action
from schemas.orders import Order
from tests.faults.justified import ON_ITS_WAY_MS, Justice, Published, began_ms
from tests.faults.replayed import Item, Rights, replay
from workers.core.events.decoding import DecodedEvent
from workers.core.rules.rule_set import RuleSet


class Given(NamedTuple):
    """An order, and when it was there.

    Attributes:
        order: what it says.
        placed_ms: when it was written, by the clock of the run.
        arrived_ms: the same by the machine's clock, or a little later.
    """

    order: Order
    placed_ms: int
    arrived_ms: int


class JusticeWithOrders(Justice):
    """The history of a run with orders.

    Args:
        events: by customer; what was meant, not what arrived.
        orders: by customer, in the order in which they were given.
        rules, start_ms, end_ms, arrived: as of `Justice`.
    """

    def __init__(
        self,
        events: Mapping[str, Sequence[DecodedEvent]],
        orders: Mapping[str, Sequence[Given]],
        rules: RuleSet,
        start_ms: int,
        end_ms: int,
        arrived: Mapping[tuple[str, str], int],
    ) -> None:
        in_time = {name: sorted(some, key=lambda event: event.at_ms) for name, some in events.items()}
        super().__init__(in_time, rules, start_ms, end_ms, arrived)
        self._orders = orders
        self._start_ms = start_ms

    def ever_active(self) -> dict[str, Action]:
        """Return by id all actions that the core makes in the order of time, also those that it takes back."""
        return {
            decision.action_id: decision
            for customer_id in self._events
            for decision in replay(
                customer_id, self._items(customer_id, self._end_ms), self._rules, self._observed, self._end_ms
            ).decisions
            if isinstance(decision, Action) and decision.status == "active"
        }

    def is_true_for(self, one: Published, begun: Mapping[tuple[str, str], Sequence[int]]) -> bool:
        """Return whether the rule of an action is true for a customer who may be written to."""
        customer_id = one.action.customer_id
        published_ms = max(began_ms(one.action), one.at_ms)
        readings = (one.written_ms - ON_ITS_WAY_MS, one.written_ms)
        rights = [self._rights(customer_id, published_ms, read_ms) for read_ms in readings]
        if all(one.suppressed or one.no_ms for one in rights):
            return False
        kept = [event for event in self._events[customer_id] if event.at_ms > rights[-1].erased_ms]
        life = Justice({customer_id: kept}, self._rules, self._start_ms, self._end_ms, self._arrived)
        return life.is_true_for(one, begun)

    def _rights(self, customer_id: str, at_ms: int, read_ms: int) -> Rights:
        items = self._items(customer_id, at_ms, read_ms)
        return replay(customer_id, items, self._rules, self._observed, at_ms).rights

    def _items(self, customer_id: str, at_ms: int, read_ms: int | None = None) -> list[Item]:
        """Return what there was of a customer at a moment, and if asked, what had arrived at another, in time."""
        placed: list[tuple[int, int, Item]] = [
            (event.at_ms, 0, event)
            for event in self._events.get(customer_id, ())
            if read_ms is None or self._arrived.get((event.type, event.event_id), read_ms) <= read_ms
        ]
        placed += [
            (given.placed_ms, 1, given.order)
            for given in self._orders.get(customer_id, ())
            if read_ms is None or given.arrived_ms <= read_ms
        ]
        placed = [item for item in placed if item[0] <= at_ms]
        return [item for _, _, item in sorted(placed, key=lambda item: item[:2])]
