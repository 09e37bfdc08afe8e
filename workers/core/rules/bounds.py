"""Bounds as they are written -> whole numbers to compare with, for kinds of conditions that have them."""

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Final

from schemas.conditions import Bounds
from schemas.durations import DAY_MS, duration_ms, write_duration

_LARGEST: Final = Decimal(10) ** 20
"""More than any stored number; larger bounds are cut to it."""
_LEAST: Final = Decimal(10) ** -20
"""Finer than any stored number; smaller bounds become it."""


def bounded(bound: Decimal) -> Decimal:
    """Return an equivalent bound of limited size and precision."""
    if 0 < abs(bound) < _LEAST:
        return _LEAST.copy_sign(bound)
    return max(-_LARGEST, min(_LARGEST, bound))


def inclusive(when: Bounds, unit: int) -> tuple[int | None, int | None]:
    """Return the lower and the upper bound, both included, in whole multiples of `1 / unit`; None for no bound."""
    lower, upper = when.limits()
    low = high = None
    if lower is not None:
        whole = (bounded(lower[0]) * unit).to_integral_value(ROUND_CEILING)
        low = int(whole) + (lower[1] and whole == bounded(lower[0]) * unit)
    if upper is not None:
        whole = (bounded(upper[0]) * unit).to_integral_value(ROUND_FLOOR)
        high = int(whole) - (upper[1] and whole == bounded(upper[0]) * unit)
    return low, high


def window_days(when: Any) -> int:
    """Return how many UTC days the window of a condition has, today included; 0 without one."""
    return 0 if when.within is None else duration_ms(when.within) // DAY_MS


def window_in_words(when: Any) -> str:
    """Word the window of a condition, as its reason has it."""
    return "ever" if when.within is None else write_duration(when.within)


def where_bounded_above(types: Callable[[Any], set[str]]) -> Callable[[Any], set[str]]:
    """Return what names the types of a condition with an upper bound: an unseen event can only break that one."""

    def can_turn_false(when: Bounds) -> set[str]:
        return types(when) if when.limits()[1] is not None else set()

    return can_turn_false


def where_bounded_below(types: Callable[[Any], set[str]]) -> Callable[[Any], set[str]]:
    """Return what names the types of a condition with a lower bound: an unseen event can only help to reach that."""

    def can_turn_true(when: Bounds) -> set[str]:
        return types(when) if when.limits()[0] is not None else set()

    return can_turn_true
