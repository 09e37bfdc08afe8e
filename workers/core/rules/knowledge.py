"""What must be known of a customer for a condition to hold, as parts of sentences."""

from collections.abc import Iterator
from typing import Final

from schemas.conditions.windows import Windowed
from schemas.durations import write_duration
from workers.core.phrases import noun

WHOLE_HISTORY: Final = "customers whose history may be missing a {} (see complete_since in sources.yaml)"
"""For a condition on all that ever happened; the braces are for the event."""


def needs_of_volume(when: Windowed, name: str, holds: bool) -> Iterator[str]:
    """Yield what a number of events, or of what they bring, must know; an unseen event can only raise it.

    Args:
        when: the condition.
        name: the event type.
        holds: false for its opposite.
    """
    low, high = when.limits()
    if (high if holds else low) is None:
        return
    if when.within is None:
        yield WHOLE_HISTORY.format(noun(name))
    else:
        yield (
            f"customers who may have had a {noun(name)} before Linger knew them, until it has known them for "
            f"{write_duration(when.within)} (see complete_since in sources.yaml)"
        )


def time_of_leaving(when: Windowed, name: str) -> Iterator[str]:
    """Yield when an event leaves the window of a condition; arguments as above."""
    if when.within is not None:
        yield f"when a {noun(name)} leaves the last {write_duration(when.within)}"
