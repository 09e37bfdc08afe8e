"""Experiments: what is kept of one from its beginning on, beside its figures.

An experiment compares customers who get what its rules send with customers who do not. It begins when a rule set is
activated in which it is new, and it ends with the first one that changes the customers it means, its shares,
its success, its smallest difference or its cap. So every figure of an experiment was counted in the same way.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

TREATED: Final = "treated"
HELD_OUT: Final = "held out"
AS_BEFORE: Final = "as before"
ARMS: Final = (TREATED, HELD_OUT, AS_BEFORE)
"""The arms of an experiment without variants. With variants, those stand in place of `treated`."""
EVERY_RULE: Final = "*every-rule"
"""The name of the experiment over all rules; no rule and no other experiment has it."""
UNITS: Final = 100
"""Amounts of figures are in hundredths of a currency, squares in hundredths of a hundredth."""

# What the figures of an experiment are called where partitions count them: `KEY|ARM|DAY|WHAT`, and `KEY|ARM|later`.
ASSIGNED: Final = "n"
WON: Final = "won"
AMOUNT: Final = "amount"
SQUARE: Final = "square"
SQUARE_HIGH: Final = "square_high"
PAYERS: Final = "payers"
LATER: Final = "later"
SQUARES_LOW: Final = 10**9
"""A square is counted in two parts, rest and multiples of this, because their sums could leave 64 bits."""


class SuccessEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What counts as a success.

    Attributes:
        event: the event type.
        where: which of its events, in words; None for every one.
        within_ms: how long after a customer's start.
    """

    event: str
    within_ms: int
    where: str | None = None


class EndedArm(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The figures of an arm of an experiment that has ended, as they stay. Amounts are hundredths."""

    assigned: Annotated[int, Meta(description="Customers who entered.")] = 0
    finished: Annotated[int, Meta(description="Those whose time was over before the end.")] = 0
    won: Annotated[int, Meta(description="Finished customers who succeeded.")] = 0
    amount_sum: Annotated[int, Meta(description="What finished customers brought, each capped.")] = 0
    amount_square: Annotated[int, Meta(description="The sum of the squares of that.")] = 0
    payers: Annotated[int, Meta(description="Finished customers who brought anything.")] = 0
    later: Annotated[int, Meta(description="Later episodes of customers who were in it already.")] = 0


class ExperimentEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept of an experiment, in Redis and in the topic of the book. Moments are milliseconds.

    The judge writes the plan and the three fields behind it while the experiment goes on, and the figures a day after
    its end. The others never change, but for the rules' ids, the end, and what a lost Redis does to it.
    """

    name: Annotated[str, Meta(description="Of the experiment, by which customers are assigned to its arms.")]
    rules: Annotated[tuple[str, ...], Meta(description="The ids of its rules.")]
    begun_at: Annotated[int, Meta(description="When it began.")]
    success: Annotated[SuccessEntry, Meta(description="What counts as a success.")]
    smallest_difference: Annotated[float, Meta(description="The least difference that matters, in points of 100.")]
    hold_out: Annotated[float, Meta(description="The share that is held out, in points of 100.")] = 0.0
    as_before: Annotated[float, Meta(description="The share for which an old campaign goes on, in points.")] = 0.0
    variants: Annotated[
        dict[str, float], Meta(description="By variant, its share of the treated, in points of 100.")
    ] = {}
    cap: Annotated[int | None, Meta(description="The most that counts of one customer's money, in hundredths.")] = (
        None
    )
    currency: Annotated[str | None, Meta(description="Of the money; missing if none is compared.")] = None
    design: Annotated[str, Meta(description="Hash of everything that must not change while it goes on.")] = ""
    closed_at: Annotated[int | None, Meta(description="When it ended; missing while it goes on.")] = None
    plan: Annotated[
        int | None, Meta(description="For how many customers the verdict is tuned; set before the first outcome.")
    ] = None
    base_rate: Annotated[float | None, Meta(description="The rate of success that the plan assumed.")] = None
    unhealthy_since: Annotated[int | None, Meta(description="Since when its arms do not fit the design.")] = None
    harmed_at: Annotated[int | None, Meta(description="When it was seen to do harm.")] = None
    ended: Annotated[dict[str, EndedArm], Meta(description="By arm, its figures after its end, as they stay.")] = {}
    lost_at: Annotated[int | None, Meta(description="When its figures were lost for good.")] = None
    forgotten_at: Annotated[
        int | None, Meta(description="When it was lost which customers are in it, so that another one begins.")
    ] = None

    @property
    def called(self) -> str:
        """Return what it is called for people."""
        return "every rule" if self.name == EVERY_RULE else self.name

    @property
    def treated(self) -> tuple[str, ...]:
        """Return the arms whose customers get something."""
        return tuple(self.variants) or (TREATED,)

    @property
    def arms(self) -> tuple[str, ...]:
        """Return all arms, those whose customers get something first."""
        held_out = (HELD_OUT,) if self.hold_out else ()
        return (*self.treated, *held_out, *((AS_BEFORE,) if self.as_before else ()))


def encode_experiment(entry: ExperimentEntry) -> bytes:
    """Encode an entry as JSON with a fixed order of fields."""
    return msgspec.json.encode(entry)


decode_experiment: Final = msgspec.json.Decoder(ExperimentEntry).decode
