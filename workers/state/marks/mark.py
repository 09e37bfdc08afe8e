"""One customer's mark, and what orders and answers about consent make of it. Pure."""

from typing import Final

import msgspec

from schemas.orders import ERASE, RESUME, SUPPRESS, Order
from workers.core.customer.standing import AS_ANYBODY, Standing

NOWHERE: Final = -1
"""Before every offset."""


class Mark(msgspec.Struct, array_like=True, frozen=True):
    """What must not be forgotten of a customer. It is stored: fields keep their order, new ones go to the end.

    Each of the three has a moment in epoch milliseconds, 0 if it does not hold, and the offset in the activity
    partition at which it was last changed. What lies before that offset is decided as it was then.

    Attributes:
        topic_id: of the activity topic that the offsets are of.
        suppressed_ms, suppressed_at: when it was last ordered that the customer is never written to, no matter what
            rules say.
        opted_out_ms, opted_out_at: when the customer last said no, if no yes has come since.
        erased_ms, erased_at: when the customer was erased; nothing from until then counts again.
    """

    topic_id: str = ""
    suppressed_ms: int = 0
    suppressed_at: int = NOWHERE
    opted_out_ms: int = 0
    opted_out_at: int = NOWHERE
    erased_ms: int = 0
    erased_at: int = NOWHERE

    @property
    def says_nothing(self) -> bool:
        """Whether it need not be kept."""
        return not (self.suppressed_ms or self.opted_out_ms or self.erased_ms)

    def of_topic(self, topic_id: str) -> "Mark":
        """Return the mark as it holds for another activity topic: for every offset of it."""
        if topic_id == self.topic_id:
            return self
        return Mark(
            topic_id,
            suppressed_ms=self.suppressed_ms,
            opted_out_ms=self.opted_out_ms,
            erased_ms=self.erased_ms,
        )

    def standing(self, offset: int) -> Standing:
        """Return how the customer stands where this offset is folded, or a timer is decided before it."""
        is_suppressed = self.suppressed_ms > 0 and offset > self.suppressed_at
        opted_out_ms = self.opted_out_ms if offset > self.opted_out_at else 0
        return Standing(is_suppressed, opted_out_ms) if is_suppressed or opted_out_ms else AS_ANYBODY

    def is_erased(self, offset: int, at_ms: int) -> bool:
        """Return whether an event at an offset, that happened at a moment, was erased."""
        return self.erased_ms > 0 and (at_ms <= self.erased_ms or offset < self.erased_at)

    def after_order(self, order: Order, offset: int) -> "Mark":
        """Return the mark after an order at an offset.

        A resumption that was given before the latest suppression and comes after it is late, or comes again: it ends
        nothing. Where the log is read again, each order counts as it did.
        """
        changes: dict[str, int] = {}
        at_ms = max(order.at_ms(), 1)
        is_read_again = offset < self.suppressed_at
        if order.type == ERASE:
            changes = {"erased_ms": max(at_ms, self.erased_ms), "erased_at": max(offset, self.erased_at)}
        if order.type == SUPPRESS or (order.type == ERASE and not order.may_return):
            since_ms = at_ms if is_read_again else max(at_ms, self.suppressed_ms)
            changes |= {"suppressed_ms": since_ms, "suppressed_at": offset}
        elif order.type == RESUME and (is_read_again or at_ms >= self.suppressed_ms):
            changes = {"suppressed_ms": 0, "suppressed_at": offset}
        return msgspec.structs.replace(self, **changes)

    def after_answer(self, says_yes: bool, answered_ms: int, offset: int) -> "Mark":
        """Return the mark after the customer's latest answer to the question of consent.

        Args:
            says_yes: what it was.
            answered_ms: when it was given.
            offset: where it was folded.
        """
        if answered_ms <= self.opted_out_ms or (says_yes and not self.opted_out_ms):
            return self
        opted_out_ms = 0 if says_yes else max(answered_ms, 1)
        return msgspec.structs.replace(self, opted_out_ms=opted_out_ms, opted_out_at=offset)


encode_mark: Final = msgspec.msgpack.Encoder().encode
decode_mark: Final = msgspec.msgpack.Decoder(Mark).decode
