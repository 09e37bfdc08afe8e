"""What is known of a customer when a rule asks for an action, and goes with it: the stage, and what they are worth.

It is read and never waited for: it adds no event type to those that a rule needs. The action keeps it while it waits.
"""

from typing import Any, Final

from schemas.actions import Known, Value
from schemas.conditions import top
from schemas.durations import write_duration
from schemas.value import Valuation
from workers.core.conditions.ladder import ActiveLadder
from workers.core.events.decoding import UNIT
from workers.core.rules.value import Worth

_HUNDREDTH: Final = UNIT // 100


class Part:
    """One thing that goes with every action, such as the customer's stage.

    Attributes:
        key: the field of the action, a key of `Known`.
    """

    __slots__ = ("key",)

    def __init__(self, key: str) -> None:
        self.key = key

    def read(self, at_ms: int) -> Any:
        """Return it as it is known of the customer at a moment, ready for JSON; None if it is unknown."""
        raise NotImplementedError


class Carried:
    """Everything that goes with every action of a rule set.

    Attributes:
        parts: each reads one thing; empty for most rule sets.
    """

    __slots__ = ("parts",)

    def __init__(self, parts: list[Part]) -> None:
        self.parts = parts

    def read(self, at_ms: int) -> Known | None:
        """Return what is known of the customer at a moment; None for nothing."""
        found: Any = {}
        for place in range(len(self.parts)):
            part: Part = self.parts[place]
            value = part.read(at_ms)
            if value is not None:
                found[part.key] = value
        return found or None


class KnownStage(Part):
    """The stage of the customer who is looked at.

    Attributes:
        ladder: on which the customer stands.
    """

    __slots__ = ("ladder",)

    def __init__(self, ladder: ActiveLadder) -> None:
        super().__init__("stage")
        self.ladder = ladder

    def read(self, at_ms: int) -> str | None:
        """Return its name; None while it is not known."""
        return self.ladder.name_at(at_ms)


class KnownValue(Part):
    """The value of the customer who is looked at, as far as it is seen.

    Attributes:
        worth: the value.
    """

    __slots__ = ("_currency", "_tiers", "_window", "worth")

    def __init__(self, worth: Worth, valuation: Valuation) -> None:
        super().__init__("value")
        self.worth = worth
        self._currency = valuation.currency
        self._window = "ever" if valuation.within is None else write_duration(valuation.within)
        self._tiers = tiers_of(valuation)

    def read(self, at_ms: int) -> Value:
        """Return it; the amount is rounded down to hundredths."""
        amount = self.worth.amount_at(at_ms)
        return Value(as_money(amount), self._currency, self._window, self.tier_of(amount))

    def tier_of(self, amount: int) -> str | None:
        """Return the smallest share of customers to which an amount in ten-thousandths belongs; None for none."""
        for least, name in self._tiers:
            if amount >= least:
                return name
        return None


def tiers_of(valuation: Valuation) -> list[tuple[int, str]]:
    """Return the least amount of each tier, in ten-thousandths, and its name; the smallest share comes first."""
    thresholds = {} if valuation.tiers is None else valuation.tiers.thresholds
    return [(int(thresholds[share] * UNIT), top(share)) for share in sorted(thresholds)]


def as_money(amount: int) -> int | float:
    """Return ten-thousandths as an amount with at most two decimals, rounded down."""
    hundredths = amount // _HUNDREDTH
    return hundredths // 100 if hundredths % 100 == 0 else hundredths / 100
