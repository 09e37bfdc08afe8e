"""How many customers a comparison needs. Pure.

Before it begins the difference is a question, so it is asked for the smallest difference that matters, never for the
one seen so far: that one is noise.

Source: a Brownian motion over the tangent of the boundary (Bachelier and Lévy). The boundary lies below its tangent,
so this is a little too careful. With a small hold-out and a low base rate it is too hopeful about help, see
docs/does-it-help.md.
"""

from dataclasses import dataclass
from math import ceil, erf, exp, sqrt
from typing import Final

from workers.verdict.width import standard_errors

USUAL_BASE_RATE: Final = 0.2
"""The share who do it anyway, as long as nothing is known of it."""
CHANCE: Final = 0.8
"""The chance with which a difference is to be found."""
_LEAST_RATE: Final = 0.001
_MOST: Final = 1e12
_EXACT: Final = 1.0005


@dataclass(frozen=True, slots=True)
class Needed:
    """Finished customers.

    Attributes:
        treated: in the treated arm.
        held: in the held-out arm.
    """

    treated: int
    held: int

    @property
    def both(self) -> int:
        """Return those of both arms."""
        return self.treated + self.held


def needed(
    base_rate: float, change: float, hold_out: float, *, plan: float | None = None, chance: float = CHANCE
) -> Needed:
    """Return how many finished customers it takes until a change of the rate is found.

    Args:
        base_rate: the share who do it without the message.
        change: the rate becomes `base_rate + change`, which is a share too.
        hold_out: the share held out, above 0 and below 1.
        plan: what the interval is tuned for; None for the answer itself, which is best.
        chance: the chance with which it is to be found; 0.5 gives the median.
    """
    low, high = 1.0, _MOST
    while high / low > _EXACT:
        middle = sqrt(low * high)
        is_enough = power(middle, base_rate, change, hold_out, plan or middle) >= chance
        low, high = (low, middle) if is_enough else (middle, high)
    return Needed(ceil(high * (1 - hold_out)), ceil(high * hold_out))


def needed_for(base_rate: float, smallest: float, hold_out: float, *, plan: float | None = None) -> Needed:
    """Return how many finished customers it takes to find the smallest difference that matters.

    The difference is harm. Where the base rate is too low to fall that far, it is help.

    Args:
        base_rate: the share who do it anyway; kept a little away from 0 and 1.
        smallest: the smallest difference that matters, a share.
        hold_out: the share held out.
        plan: what the interval is tuned for; None for the answer itself.
    """
    rate = min(max(base_rate, _LEAST_RATE), 1 - _LEAST_RATE)
    return needed(rate, -smallest if rate > smallest else smallest, hold_out, plan=plan)


def power(finished: float, base_rate: float, change: float, hold_out: float, plan: float) -> float:
    """Return the chance that 0 has been left by the time this many customers are finished.

    Args:
        finished: finished customers of both arms.
        base_rate: the share who do it without the message.
        change: how much the rate changes.
        hold_out: the share held out.
        plan: what the interval is tuned for.
    """
    other = base_rate + change
    noise = sqrt(other * (1 - other) / (1 - hold_out) + base_rate * (1 - base_rate) / hold_out)
    drift = abs(change) / noise  # for each root customer

    def boundary(customers: float) -> float:
        return standard_errors(customers, plan) * sqrt(customers)

    root = sqrt(finished)
    slope = (boundary(finished * 1.001) - boundary(finished * 0.999)) / (finished * 0.002)
    start, tilt = boundary(finished) - slope * finished, drift - slope
    late = _normal(-tilt * root - start / root)
    again = exp(min(700.0, 2 * start * tilt)) * late if late else 0.0
    return _normal(tilt * root - start / root) + again


def _normal(z: float) -> float:
    return 0.5 * (1 + erf(z / sqrt(2)))
