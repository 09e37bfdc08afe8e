"""A verdict in a sentence. Pure."""

from typing import Final

from workers.verdict.counts import Counts, Design, Interval
from workers.verdict.judging import State, Verdict

_UNHEALTHY: Final = "the arms do not have the sizes that the hold-out gives them, so no figure here can be believed"


def sentence(verdict: Verdict, design: Design) -> str:
    """Return what can be said of an experiment, as a clause that begins with a small letter and has no full stop.

    Args:
        verdict: what was judged.
        design: what was settled before it began.
    """
    match verdict.state:
        case State.UNHEALTHY:
            return _UNHEALTHY
        case State.NO_DATA:
            return f"no customer's {design.window_days} days are over yet{_first(verdict)}"
        case State.HELPS:
            return f"it helps: {between(verdict.interval)} do it than without"
        case State.HARMS:
            return f"it harms: {between(verdict.interval)} do it than without"
        case State.NO_DIFFERENCE:
            return f"no difference of {points(design.smallest)} or more"
        case State.RUNNING:
            return left(verdict)
    return f"not decided: {between(verdict.interval)} do it than without"


def left(verdict: Verdict) -> str:
    """Return how long an experiment still takes."""
    if verdict.days_left is not None:
        return f"about {_number(verdict.days_left, 'day')} left"
    return f"about {_number(verdict.customers_left or 0, 'customer')} left"


def between(interval: Interval | None) -> str:
    """Return the ends of an interval of shares, for example `between 1.2 points fewer and 0.4 more`."""
    low, high = (0.0, 0.0) if interval is None else (interval.low, interval.high)
    if low >= 0:
        return f"between {_unsigned(low)} and {points(high)} more"
    if high <= 0:
        return f"between {_unsigned(high)} and {points(low)} fewer"
    return f"between {points(low)} fewer and {_unsigned(high)} more"


def points(share: float) -> str:
    """Return a share in points of a hundred, without its sign: 0.03 is `3 points`."""
    number = _unsigned(share)
    return f"{number} point" if number == "1" else f"{number} points"


def figures(counts: Counts, verdict: Verdict) -> str:
    """Return the figures behind a verdict, for people who find it later."""
    arms = ((counts.treated, "treated"), (counts.held, "held out"))
    shown = " and ".join(f"{arm.won:,} of {arm.finished:,} {name} ({100 * arm.rate:.1f}%)" for arm, name in arms)
    return f"{shown}: {between(verdict.interval)}"


def _first(verdict: Verdict) -> str:
    if verdict.days_left is None:
        return ""
    return f"; about {_number(verdict.days_left, 'day')} until it can be said"


def _number(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _unsigned(share: float) -> str:
    return f"{abs(100 * share):.1f}".removesuffix(".0")
