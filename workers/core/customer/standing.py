"""How a customer stands, apart from what the activity says: suppressed, or opted out long ago. Pure."""

from typing import Final


class Standing:
    """What a customer's mark says to the rules.

    Attributes:
        is_suppressed: whether the customer must never be written to.
        opted_out_ms: when the customer said no, in epoch milliseconds; 0 if that is not
            known. Only a later yes counts.
    """

    __slots__ = ("is_suppressed", "opted_out_ms")

    def __init__(self, is_suppressed: bool, opted_out_ms: int) -> None:
        self.is_suppressed = is_suppressed
        self.opted_out_ms = opted_out_ms


AS_ANYBODY: Final = Standing(False, 0)
"""Of a customer without a mark."""
