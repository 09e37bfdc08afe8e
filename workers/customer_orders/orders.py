"""What a command orders, for one customer or for many. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from schemas.orders import ERASE, RESUME, SUPPRESS, Order, OrderType
from workers.errors import StartupError

VERBS: Final[dict[OrderType, str]] = {ERASE: "erase", SUPPRESS: "suppress", RESUME: "resume"}
"""By type, the command and the word for what it does."""
_LONGEST_REASON: Final = 256
"""Characters that an order keeps of a reason (`schemas.orders.Text`)."""
_SECOND_MS: Final = 1000


@dataclass(frozen=True, slots=True)
class Instruction:
    """What is ordered, without the customer.

    Attributes:
        type: what to do.
        reason: why.
        by: who gives it.
        may_return: of an erasure: the customer may be written to again after coming back.
    """

    type: OrderType
    reason: str
    by: str
    may_return: bool = False

    @property
    def verb(self) -> str:
        """The word for what it does: `erase`, `suppress` or `resume`."""
        return VERBS[self.type]

    def order(self, customer_id: str, event_id: str, at_ms: int) -> Order:
        """Return the order for one customer.

        Args:
            customer_id: whose it is.
            event_id: unique among orders.
            at_ms: when it is given, in epoch milliseconds.
        """
        return Order(
            event_id=event_id,
            type=self.type,
            customer_id=customer_id,
            occurred_at=datetime.fromtimestamp(at_ms / _SECOND_MS, UTC),
            reason=self.reason,
            by=self.by,
            may_return=self.may_return,
        )

    def effects(self) -> list[str]:
        """Return what a worker does with it, in sentences."""
        if self.type == ERASE:
            after = (
                "A customer who comes back is a stranger, and may be written to."
                if self.may_return
                else "A customer who comes back is a stranger, and is never written to (--may-return allows it)."
            )
            return [
                "Everything that Redis holds of the customer is deleted, but a mark under a keyed hash of the id.",
                "Held actions are dropped, open ones taken back: mailers get a retraction with the reason 'erased'.",
                "Events from before the order that arrive later are dropped.",
                after,
            ]
        if self.type == SUPPRESS:
            return [
                "The customer is never written to, whichever rule holds, until linger customer resume.",
                "Held actions are dropped, open ones taken back: mailers get a retraction.",
            ]
        return ["The suppression ends. It is no consent: an opt-out stays."]


def required_reason(reason: str) -> str:
    """Return a reason that an order can keep.

    Raises:
        StartupError: if there is none, or it is too long.
    """
    if not reason:
        raise StartupError(['say why; it is kept with the order: --reason "asked by e-mail, ticket 812"'])
    if len(reason) > _LONGEST_REASON:
        raise StartupError([f"--reason has {len(reason)} characters, at most {_LONGEST_REASON}"])
    return reason
