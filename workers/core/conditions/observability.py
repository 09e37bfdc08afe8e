"""What can be known of a customer from what was watched, and words that several conditions use.

A series is watched since `Coverage.since`; of a customer nothing is known of the time before the first event that
arrived, unless the history is complete or the customer turned up long after watching began.
"""

from datetime import date
from typing import Final

from schemas.durations import DAY_MS, MINUTE_MS
from workers.core.conditions.truth import FALSE, NOT_OBSERVABLE, TRUE, Elementary
from workers.core.coverage import FOREVER_MS, SETTLING_MS, Coverage
from workers.core.customer.activity import Activity
from workers.core.customer.series import Series

NOTHING: Final = frozenset[str]()
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_MOST_DAYS: Final = 4096
_DAYS: Final[dict[int, str]] = {}
"""Words of days, so that each is made once."""
_MINUTES: Final = tuple(f"{minute // 60:02}:{minute % 60:02}" for minute in range(1440))
LATEST_YEAR_MS: Final = 253_402_300_800_000
"""The end of the year 9999."""


def knows_ever(activity: Activity, series: str, observed: Coverage) -> bool:
    """Return whether the whole history of a series is known."""
    if series in observed.complete:
        return series in observed.since
    return activity.first_ms >= observed.since_ms(series) + SETTLING_MS


def watched_from(activity: Activity, series: str, facts: Series | None, days: int, observed: Coverage) -> int:
    """Return the moment from which on the last `days` UTC days are known as a whole."""
    since_ms = observed.since_ms(series)
    if since_ms < activity.first_ms:
        since_ms = activity.first_ms
    # The first whole day is the first one whose midnight was seen.
    day = -(-since_ms // DAY_MS) - 1
    if facts is not None and facts.gone_day > day:
        day = facts.gone_day
    from_ms = (day + days) * DAY_MS
    return from_ms if from_ms < FOREVER_MS else FOREVER_MS


def staged(
    at_ms: int, too_many_until_ms: int, enough_until_ms: int, watched_ms: int, capped: bool
) -> tuple[int, int]:
    """Look at a number that only falls while nothing happens, compared with bounds.

    Args:
        at_ms: when.
        too_many_until_ms: when it falls to the upper bound; in the past if it is not above.
        enough_until_ms: when it falls below the lower bound; not before the former.
        watched_ms: from when on nothing can be missing.
        capped: whether there is an upper bound, so that what is missing could matter while there is enough.
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
    """Word the window of a condition, which is ever for None."""
    return "ever" if days is None else days_in_words(days)


def moment_in_words(at_ms: int) -> str:
    """Word a moment to the minute; what lies beyond the calendar is never."""
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
        series: key of the facts.
        type: the event type of that series.
        phrase: the condition in words.
    """

    def __init__(self, series: str, type: str, phrase: str) -> None:
        self.series = series
        self.type = type
        self.phrase = phrase

    @property
    def types(self) -> frozenset[str]:
        """Return the one type it reads."""
        return frozenset({self.type})

    def _is_each(self, type_: str) -> bool:
        """Return whether every event of a type is one of the series."""
        return self.series == self.type == type_

    @property
    def can_turn_false(self) -> frozenset[str]:
        """Any unseen event could change it."""
        return self.types

    @property
    def can_turn_true(self) -> frozenset[str]:
        """Any unseen event could change it."""
        return self.types
