"""Thresholds: the least value of the top 1%, 5%, 20% … of some customers. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from math import ceil
from typing import Final

from workers.core.events.decoding import UNIT

_HUNDREDTH: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Threshold:
    """From which value on a customer is among the top.

    Attributes:
        share: the share of the customers, in percent.
        amount: the least value, rounded down to hundredths.
        customers: how many customers are worth that or more; more than the share if several are worth the same.
        of_value: what they are worth, as a share of what all customers are worth, from 0 to 1.
    """

    share: Decimal
    amount: Decimal
    customers: int
    of_value: float


def thresholds_of(values: Iterable[int], shares: Sequence[Decimal]) -> list[Threshold]:
    """Return the threshold of each share, the smallest share first.

    A share to which customers would belong who are worth nothing has no threshold, and is left out.

    Args:
        values: what each customer is worth, in ten-thousandths.
        shares: in percent.
    """
    ordered = sorted(values, reverse=True)
    whole = sum(value for value in ordered if value > 0)
    found = []
    for share in sorted(set(shares)):
        number = max(1, ceil(len(ordered) * share / 100)) if ordered else 0
        least = ordered[number - 1] if number else 0
        amount = (Decimal(least) / UNIT).quantize(_HUNDREDTH, ROUND_FLOOR)
        if amount <= 0:
            continue
        top = [value for value in ordered if value >= amount * UNIT]
        found.append(Threshold(share, amount, len(top), sum(top) / whole))
    return found
