"""Do the arms have the sizes that the design gives them? Pure.

If not, customers were lost or added in one arm only, and no figure of the experiment can be believed.

Source: Lindon and Malek, arXiv 2011.03567, for two arms. It may be asked as often as anyone likes: a sound design is
ever called wrong in less than one of 1,000 experiments. A daily chi-square test at the same level is wrong in 2 of
100.
"""

from math import lgamma, log
from typing import Final

_CERTAINTY: Final = log(1000)
_CONCENTRATION: Final = 100.0
"""How near the true share is thought to lie to the design's, if it differs; 100 finds coarse mistakes soonest."""


def fits(treated: int, held: int, hold_out: float) -> bool:
    """Return whether the sizes of two arms fit the design; once they do not, that stays so: keep the alarm.

    Args:
        treated: customers of the treated arm.
        held: customers of the held-out arm.
        hold_out: the share held out, above 0 and below 1.
    """
    return evidence(treated, held, hold_out) < _CERTAINTY


def evidence(treated: int, held: int, hold_out: float) -> float:
    """Return the logarithm of the Bayes factor for "another share" against "the design's share"."""
    a, c = _CONCENTRATION * hold_out, _CONCENTRATION * (1 - hold_out)
    marginal = _log_beta(a + held, c + treated) - _log_beta(a, c)
    return marginal - held * log(hold_out) - treated * log(1 - hold_out)


def _log_beta(y: float, z: float) -> float:
    return lgamma(y) + lgamma(z) - lgamma(y + z)
