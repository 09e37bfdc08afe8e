"""From values to places on a chart, and which values its axis names. Pure."""

from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Final

_STEPS: Final = (1, 2, 2.5, 5, 10)
_ROUNDING: Final = 1e-9
"""Of a step: how far beyond the last tick a value may be, because shares are no exact numbers."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight line from values to places.

    Attributes:
        ticks: the values that the axis names: at least two, in order, all multiples of one round step. The first and
            the last are the ends of the axis.
        start, end: the places of the first and of the last tick.
    """

    ticks: tuple[float, ...]
    start: float
    end: float

    @property
    def low(self) -> float:
        """The least value that the axis has."""
        return self.ticks[0]

    @property
    def high(self) -> float:
        """The greatest value that the axis has."""
        return self.ticks[-1]

    def at(self, value: float) -> float:
        """Return the place of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def round_ticks(low: float, high: float, *, most: int = 6, finest: float = 0.0) -> tuple[float, ...]:
    """Return round values around everything from `low` to `high`, at least two, and zero if both are zero.

    Args:
        low: the least value.
        high: the greatest value.
        most: how many at most.
        finest: what no two of them are nearer than.
    """
    if high <= low:
        high = low + (finest or abs(low) or 1)
    power = floor(log10((high - low) / (most - 1)))
    while True:
        for factor in _STEPS:
            digits = 1 - power
            step = round(factor * 10.0**power, max(0, digits))
            if finest and (step < finest or not _is_whole(step / finest)):
                continue
            first, last = floor(low / step + _ROUNDING), ceil(high / step - _ROUNDING)
            if last - first < most:
                return tuple(round(count * step, max(0, digits)) for count in range(first, max(last, first + 1) + 1))
        power += 1


def _is_whole(number: float) -> bool:
    return abs(number - round(number)) < _ROUNDING * max(1.0, abs(number))
