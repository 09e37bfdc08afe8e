"""How much of a customer's history is known, and wording that several conditions share.

A series is watched since `Coverage.since`. Of a customer before the event that arrived first, a condition that counts
knows that nothing happened, if the history is complete or the customer first appeared long after watching began
(`counted_from`). A condition on how long something lasted knows nothing of that time (`watched_from`): no customer is
silent for longer than known.
"""

from datetime import date
from typing import Final

from schemas.durations import DAY_MS, MINUTE_MS
from workers.core.coverage import FOREVER_MS, SETTLING_MS, Coverage
from workers.core.events.attribute_types import LATEST_YEAR_MS
from workers.core.objects.conditions.truth import FALSE, NOT_OBSERVABLE, TRUE, Elementary
from workers.core.objects.customer.activity import Activity
from workers.core.objects.customer.series import Series

NOTHING: Final = frozenset[str]()
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_MOST_DAYS: Final = 4096
_DAYS: Final[dict[int, str]] = {}
"""Cached words of days."""
_MINUTES: Final = tuple(f"{minute // 60:02}:{minute % 60:02}" for minute in range(1440))


def knows_ever(activity: Activity, series: str, observed: Coverage) -> bool:
    """Return whether the whole history of a series is known."""
    if series in observed.complete:
        return series in observed.since
    return activity.first_ms >= observed.since_ms(series) + SETTLING_MS


def watched_from(activity: Activity, series: str, facts: Series | None, days: int, observed: Coverage) -> int:
    """Return from when on the last `days` UTC days lie in the time since the customer is known, and are complete."""
    since_ms = observed.since_ms(series)
    if since_ms < activity.first_ms:
        since_ms = activity.first_ms
    # The first complete day is the first one whose midnight was seen.
    day = -(-since_ms // DAY_MS) - 1
    if facts is not None and facts.gone_day > day:
        day = facts.gone_day
    from_ms = (day + days) * DAY_MS
    return from_ms if from_ms < FOREVER_MS else FOREVER_MS


def counted_from(activity: Activity, series: str, facts: Series | None, days: int, observed: Coverage) -> int:
    """Return from when on no event of the last `days` UTC days can be missing."""
    if not knows_ever(activity, series, observed):
        return watched_from(activity, series, facts, days, observed)
    # Nothing happened before the first event, so only buckets that are gone make a window incomplete.
    return (facts.gone_day + days) * DAY_MS if facts is not None and facts.gone_day else 0


def staged(
    at_ms: int, too_many_until_ms: int, enough_until_ms: int, watched_ms: int, capped: bool
) -> tuple[int, int]:
    """Compare a number that only new events can raise with its bounds; return the truth and when it changes.

    Args:
        at_ms: when.
        too_many_until_ms: when the number falls to the upper bound; in the past if it is not above the bound.
        enough_until_ms: when the number falls below the lower bound; not before `too_many_until_ms`.
        watched_ms: from when on no event can be missing.
        capped: whether there is an upper bound: then missing events matter even if the lower bound is reached.
    """
    if at_ms < too_many_until_ms:
        if too_many_until_ms == enough_until_ms and watched_ms <= enough_until_ms:
            return FALSE, FOREVER_MS
        return FALSE, too_many_until_ms
    if at_ms < enough_until_ms:
        if not capped or at_ms >= watched_ms:
            return TRUE, enough_until_ms
    elif at_ms >= watched_ms:
        return FALSE, FOREVER_MS
    return NOT_OBSERVABLE, watched_ms


def days_in_words(number: int) -> str:
    """Word a length of time in days."""
    return "1 day" if number == 1 else f"{number} days"


def window_in_words(days: int | None) -> str:
    """Word the window of a condition; None means ever."""
    return "ever" if days is None else days_in_words(days)


def moment_in_words(at_ms: int) -> str:
    """Word a moment to the minute; after the year 9999 it is `never`."""
    if not 0 <= at_ms < LATEST_YEAR_MS:
        return "never"
    return f"{day_in_words(at_ms)} {_MINUTES[at_ms % DAY_MS // MINUTE_MS]} UTC"


def day_in_words(at_ms: int) -> str:
    """Word a moment to the day."""
    day = at_ms // DAY_MS
    words = _DAYS.get(day)
    if words is None:
        if len(_DAYS) >= _MOST_DAYS:
            _DAYS.clear()
        words = _DAYS[day] = date.fromordinal(_EPOCH_ORDINAL + day).isoformat()
    return words


def last_in_words(activity: Activity, series: str) -> str:
    """Word when something happened last."""
    facts = activity.series.get(series)
    return "never" if facts is None else f"last on {moment_in_words(facts.last_ms)}"


class OfOneType(Elementary):
    """A condition about one series.

    Attributes:
        series: the key of the series.
        type: the event type of that series.
        phrase: the condition in words.
    """

    def __init__(self, series: str, type: str, phrase: str) -> None:
        self.series = series
        self.type = type
        self.phrase = phrase

    @property
    def types(self) -> frozenset[str]:
        """Return the one event type that the condition reads."""
        return frozenset({self.type})

    def _is_each(self, type_: str) -> bool:
        """Return whether every event of a type belongs to the series."""
        return self.series == self.type == type_

    @property
    def can_turn_false(self) -> frozenset[str]:
        """Return the type: any unseen event could change the truth."""
        return self.types

    @property
    def can_turn_true(self) -> frozenset[str]:
        """Return the type: any unseen event could change the truth."""
        return self.types
