"""Values that were seen: which values the latest events of a series had, and on which days.

What is kept is the greatest pairs of day and value, so it depends only on the events, not on the order in which they
came.
"""

from itertools import pairwise
from typing import Any, Final

MOST_SEEN: Final = 32
"""How many values are kept, one for each event."""

Seen = list[tuple[Any, list[int]]]
"""Values in order, each with the UTC days of its events, ascending."""


def note_seen(seen: Seen, value: Any, day: int) -> None:
    """Note the value of an event; the oldest is dropped while there are too many.

    Args:
        seen: the values so far; changed.
        value: a text, a number, true or false.
        day: the UTC day of the event.
    """
    place, own = 0, order_of(value)
    while place < len(seen) and order_of(seen[place][0]) < own:
        place += 1
    if place == len(seen) or order_of(seen[place][0]) != own:
        seen.insert(place, (value, []))
    days = seen[place][1]
    at = len(days)
    while at > 0 and days[at - 1] > day:
        at -= 1
    days.insert(at, day)
    if sum(len(each) for _, each in seen) > MOST_SEEN:
        oldest = min(range(len(seen)), key=lambda one: (seen[one][1][0], one))
        seen[oldest][1].pop(0)
        if not seen[oldest][1]:
            seen.pop(oldest)


def most_seen(seen: Seen, first_day: int) -> Any:
    """Return the value seen most often from a day on; of several, the one that was seen last. None for none."""
    found, best = None, (0, 0)
    for value, days in seen:
        number = sum(1 for day in days if day >= first_day)
        if number and (number, days[-1]) > best:
            found, best = value, (number, days[-1])
    return found


def order_of(value: Any) -> tuple[str, str]:
    """Return by what values are put in order; two are the same if it is the same."""
    return str(value), value.__class__.__name__


def are_in_order(seen: Seen) -> bool:
    """Return whether values are as `note_seen` leaves them, but for how many there are."""
    for place, (value, days) in enumerate(seen):
        if place and order_of(seen[place - 1][0]) >= order_of(value):
            return False
        if not days or any(day > later for day, later in pairwise(days)):
            return False
    return True
