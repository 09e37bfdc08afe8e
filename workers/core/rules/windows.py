"""What kinds of conditions share that have bounds and a window."""

from collections.abc import Iterator

from schemas.conditions.windows import Windowed
from schemas.durations import write_duration
from workers.core.phrases import a, noun, without_history
from workers.core.rules.claims import Claim, Quantity, measured
from workers.core.rules.kind import types_named


def window_in_words(when: Windowed) -> str:
    """Word the window of a condition, as its reason has it."""
    return "ever" if when.within is None else write_duration(when.within)


def broken_by(when: Windowed) -> set[str]:
    """Return the type if there is an upper bound: an unseen event can only break that one."""
    return types_named(when) if when.limits()[1] is not None else set()


def reached_by(when: Windowed) -> set[str]:
    """Return the type if there is a lower bound: an unseen event can only help to reach that."""
    return types_named(when) if when.limits()[0] is not None else set()


def claims(when: Windowed, holds: bool) -> Iterator[Claim]:
    """Yield that a quantity is between bounds; nothing of the opposite."""
    if holds:
        yield Quantity(measured(when.naming, when.named, when.where, when.within), *when.limits())


def says_only_its_claims(when: Windowed, holds: bool) -> bool:
    """Return whether it holds: nothing is said of the opposite."""
    return holds


def times(when: Windowed) -> Iterator[str]:
    """Yield when an event leaves the window."""
    if when.within is not None:
        (name,) = types_named(when)
        yield f"when {a(noun(name))} leaves the last {write_duration(when.within)}"


def needs(when: Windowed, holds: bool) -> Iterator[str]:
    """Yield what must be known for it, or its opposite, to hold, if unseen events can only raise the number."""
    low, high = when.limits()
    if (high if holds else low) is None:
        return
    (name,) = types_named(when)
    if when.within is None:
        yield without_history(name)
    else:
        yield (
            f"customers who may have had {a(noun(name))} before Linger knew them, until it has known them for "
            f"{write_duration(when.within)} (see complete_since in sources.yaml)"
        )
