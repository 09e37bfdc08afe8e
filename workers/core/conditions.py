"""Conditions: three-valued truth at a moment, when time alone will change it, and the reason in words.

Every condition is a small pure class that answers one question in one pass: `look`. Truth values are ordered
integers, so that Kleene's logic is `min`, `max` and `2 - x`.

What was watched decides what can be known. A series is watched since `Observed.since`; of a customer nothing is
known of the time before the first event that arrived, unless the history is complete or the customer turned up long
after watching began (`_knows_ever`). A condition is true or false if nothing that went unseen could change that, as
its class says in detail; otherwise it is not observable.
"""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final, Protocol

from schemas.actions import Reason
from workers.core.activity import DAY_MS, UNKNOWN, Activity, Series
from workers.core.facts import UNIT
from workers.core.filters import Test
from workers.core.observed import FOREVER_MS, SETTLING_MS, Observed
from workers.core.plans import CANCELLATION
from workers.core.words import noun, plural

FALSE: Final = 0
NOT_OBSERVABLE: Final = 1
TRUE: Final = 2

_MAX_STEPS: Final = 64
"""How many flips of its parts a composite follows before it announces one that may change nothing."""
_OUT_OF_REACH: Final = 1 << 80
_NOTHING: Final = frozenset[str]()
_LATEST_YEAR_MS: Final = 253_402_300_800_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PERCENT: Final = 10_000
"""Percentages are kept as whole hundredths of a percent."""


class Condition(Protocol):
    """A condition of one customer.

    Attributes:
        cost: how much one look costs beside others, to ask the cheap ones first.
        types: every event type that can change its truth.
        needs: the types of which an unseen event could turn it from true to false.
        spoils: the types of which an unseen event could turn it from false to true; `not` swaps the two.
    """

    @property
    def cost(self) -> int: ...  # noqa: D102
    @property
    def types(self) -> frozenset[str]: ...  # noqa: D102
    @property
    def needs(self) -> frozenset[str]: ...  # noqa: D102
    @property
    def spoils(self) -> frozenset[str]: ...  # noqa: D102

    def look(self, activity: Activity, at_ms: int, observed: Observed) -> tuple[int, int]:
        """Return the truth at a moment, and the first moment after it at which the truth changes if nothing happens.

        Args:
            activity: of the customer.
            at_ms: not before the customer's latest event.
            observed: what was watched.

        Returns:
            FALSE, NOT_OBSERVABLE or TRUE, and epoch milliseconds, FOREVER_MS for never; never earlier, never later.
        """

    def reasons(self, activity: Activity, at_ms: int, observed: Observed) -> list[Reason]:
        """Return what was observed, one entry per elementary condition, in the order of the rule."""


# -- what was watched ------------------------------------------------------------------------------------------


def _knows_ever(activity: Activity, series: str, observed: Observed) -> bool:
    """Tell whether everything is known that a customer ever did."""
    if series in observed.whole:
        return series in observed.since
    return activity.first_ms >= observed.since.get(series, FOREVER_MS) + SETTLING_MS


def _watched_from(activity: Activity, series: str, facts: Series | None, days: int, observed: Observed) -> int:
    """Return the moment from which on the last `days` UTC days are known as a whole."""
    since_ms = observed.since.get(series, FOREVER_MS)
    if since_ms < activity.first_ms:
        since_ms = activity.first_ms
    # The first whole day is the first one of which midnight was seen.
    day = -(-since_ms // DAY_MS) - 1
    if facts is not None and facts.gone_day > day:
        day = facts.gone_day
    from_ms = (day + days) * DAY_MS
    return from_ms if from_ms < FOREVER_MS else FOREVER_MS


def _staged(
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


# -- words -----------------------------------------------------------------------------------------------------


def _days(number: int) -> str:
    return "1 day" if number == 1 else f"{number} days"


def _window(days: int | None) -> str:
    return "ever" if days is None else _days(days)


def _date(at_ms: int) -> str:
    if not 0 <= at_ms < _LATEST_YEAR_MS:
        return "never"
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _roughly(span_ms: int) -> str:
    return f"{span_ms / DAY_MS:.1f} days"


# -- elementary conditions -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _OfOneType:
    """A condition about one series.

    Attributes:
        series: key of the facts.
        type: the event type of that series.
        phrase: the condition in words.
    """

    series: str
    type: str
    phrase: str

    @property
    def types(self) -> frozenset[str]:
        """Return the one type it reads."""
        return frozenset({self.type})

    @property
    def needs(self) -> frozenset[str]:
        """Any unseen event could change it."""
        return self.types

    @property
    def spoils(self) -> frozenset[str]:
        """Any unseen event could change it."""
        return self.types


@dataclass(frozen=True, slots=True)
class Volume(_OfOneType):
    """How often something happened, or what it adds up to, within the last days or ever.

    What was seen is enough to reach a lower bound and to pass an upper one; anything else needs the window watched.
    What is added up is taken as not negative where something may be missing.

    Attributes:
        adds: what is added up (an attribute's name), or None to count.
        low, high: inclusive bounds; sums in ten-thousandths. None for no bound.
        days: length of the window in UTC days, today included; None for ever.
        bound: the bounds in words.
    """

    cost: ClassVar[int] = 4

    adds: str | None
    low: int | None
    high: int | None
    days: int | None
    bound: str

    @property
    def needs(self) -> frozenset[str]:
        """An unseen event can only break an upper bound."""
        return self.types if self.high is not None else _NOTHING

    @property
    def spoils(self) -> frozenset[str]:
        """An unseen event can only reach a lower bound."""
        return self.types if self.low is not None else _NOTHING

    def look(self, activity: Activity, at_ms: int, observed: Observed) -> tuple[int, int]:
        """Find the days with which the number falls to its bounds, newest first."""
        days, low, high = self.days, self.low, self.high
        facts = activity.series.get(self.series)
        if days is None:
            return self._ever(activity, facts, observed), FOREVER_MS
        watched_ms = _watched_from(activity, self.series, facts, days, observed)
        # Nothing at all is more than a bound below zero.
        too_many_until = FOREVER_MS if high is not None and high < 0 else 0
        enough_until = FOREVER_MS if low is None or low <= 0 else 0
        if facts is not None:
            amounts = facts.counts if self.adds is None else facts.sums
            if self.adds is not None and amounts and min(amounts) < 0:
                return self._rising_and_falling(facts, at_ms, watched_ms)
            # Nobody reaches a bound in a window who does not reach it in all the days that are kept.
            most = facts.total if self.adds is None else sum(amounts)
            enough = low if low is not None and not enough_until and most >= low else _OUT_OF_REACH
            too_many = high + 1 if high is not None and not too_many_until and most > high else _OUT_OF_REACH
            place = len(amounts) if enough < _OUT_OF_REACH or too_many < _OUT_OF_REACH else 0
            first, number = at_ms // DAY_MS - days + 1, 0
            while place:
                place -= 1
                day = facts.days[place]
                if day < first:
                    break
                number += amounts[place]
                if number >= enough:
                    enough, enough_until = _OUT_OF_REACH, (day + days) * DAY_MS
                    if too_many == _OUT_OF_REACH:
                        break
                if number >= too_many:
                    too_many_until = (day + days) * DAY_MS
                    break
        return _staged(at_ms, too_many_until, enough_until, watched_ms, high is not None)

    def _ever(self, activity: Activity, facts: Series | None, observed: Observed) -> int:
        value = 0 if facts is None else facts.total if self.adds is None else facts.total_sum
        return self._judge(value, _knows_ever(activity, self.series, observed))

    def _judge(self, value: int, observable: bool) -> int:
        if self.high is not None and value > self.high:
            return FALSE
        if self.low is not None and value < self.low:
            return FALSE if observable else NOT_OBSERVABLE
        return TRUE if observable or self.high is None else NOT_OBSERVABLE

    def _rising_and_falling(self, facts: Series, at_ms: int, watched_ms: int) -> tuple[int, int]:
        """Follow the days as they leave the window: with negative numbers among them a sum may also rise."""
        days = self.days
        assert days is not None
        place = bisect_left(facts.days, at_ms // DAY_MS - days + 1)
        value, observable = sum(facts.sums[place:]), at_ms >= watched_ms
        now = self._judge(value, observable)
        while True:
            leaves_ms = (facts.days[place] + days) * DAY_MS if place < len(facts.days) else FOREVER_MS
            if not observable and watched_ms < leaves_ms:
                observable = True
                if self._judge(value, observable) != now:
                    return now, watched_ms
            if leaves_ms == FOREVER_MS:
                return now, FOREVER_MS
            value -= facts.sums[place]
            observable = observable or watched_ms == leaves_ms
            if self._judge(value, observable) != now:
                return now, leaves_ms
            place += 1

    def reasons(self, activity: Activity, at_ms: int, observed: Observed) -> list[Reason]:
        """Return the number found and, for an upper bound, how many more would have prevented it."""
        facts = activity.series.get(self.series)
        value = 0
        if facts is not None:
            value = facts.total if self.adds is None else facts.total_sum
            if self.days is not None:
                place = bisect_left(facts.days, at_ms // DAY_MS - self.days + 1)
                value = sum((facts.counts if self.adds is None else facts.sums)[place:])
        prevented = None
        if self.high is not None and self.adds is None:
            more = max(1, self.high - value + 1)
            events = noun(self.type) if more == 1 else plural(noun(self.type))
            prevented = f"{more} more {events}" + ("" if self.days is None else f" within {_days(self.days)}")
        found = value if self.adds is None else value / UNIT
        return [Reason(self.phrase, found, self.bound, _window(self.days), prevented)]


@dataclass(frozen=True, slots=True)
class Average(_OfOneType):
    """The mean of an attribute over the events that carry it as a number.

    Any unseen event could move it, so the window has to be watched, or the whole history. Without any number
    nothing is met.

    Attributes:
        low, high: inclusive or exclusive bounds as fractions; None for no bound.
        days: length of the window in UTC days, today included; None for ever.
        bound: the bounds in words.
    """

    cost: ClassVar[int] = 6

    low: "Fraction | None"
    high: "Fraction | None"
    days: int | None
    bound: str

    def look(self, activity: Activity, at_ms: int, observed: Observed) -> tuple[int, int]:
        """Follow the days as they leave the window, once it is watched."""
        facts, days = activity.series.get(self.series), self.days
        if days is None:
            if not _knows_ever(activity, self.series, observed):
                return NOT_OBSERVABLE, FOREVER_MS
            return (FALSE if facts is None else self._judge(facts.total_sum, facts.total)), FOREVER_MS
        watched_ms = _watched_from(activity, self.series, facts, days, observed)
        if at_ms < watched_ms:
            return NOT_OBSERVABLE, watched_ms
        if facts is None:
            return FALSE, FOREVER_MS
        place, end = bisect_left(facts.days, at_ms // DAY_MS - days + 1), len(facts.days)
        total, number = sum(facts.sums[place:]), sum(facts.counts[place:])
        now = self._judge(total, number)
        while place < end:
            total -= facts.sums[place]
            number -= facts.counts[place]
            if self._judge(total, number) != now:
                return now, (facts.days[place] + days) * DAY_MS
            place += 1
        return now, FOREVER_MS

    def reasons(self, activity: Activity, at_ms: int, observed: Observed) -> list[Reason]:
        """Return the mean, to four decimals."""
        total, number = _sum_and_number(activity.series.get(self.series), self.days, at_ms)
        mean = round(total / number / UNIT, 4) if number else None
        return [Reason(self.phrase, mean, self.bound, _window(self.days))]

    def _judge(self, total: int, number: int) -> int:
        if not number:
            return FALSE
        low, high = self.low, self.high
        if low is not None and not low.is_reached(total, number):
            return FALSE
        return FALSE if high is not None and not high.is_kept(total, number) else TRUE


@dataclass(frozen=True, slots=True)
class Fraction:
    """A bound of a mean, as a fraction of ten-thousandths.

    Attributes:
        numerator, denominator: whole numbers; the denominator is positive.
        excluded: the bound itself is not meant.
    """

    numerator: int
    denominator: int
    excluded: bool

    def is_reached(self, total: int, number: int) -> bool:
        """Tell whether `total / number` is as large as a lower bound asks for."""
        found, asked = total * self.denominator, self.numerator * number
        return found > asked or (found == asked and not self.excluded)

    def is_kept(self, total: int, number: int) -> bool:
        """Tell whether `total / number` is as small as an upper bound asks for."""
        found, asked = total * self.denominator, self.numerator * number
        return found < asked or (found == asked and not self.excluded)


def _sum_and_number(facts: Series | None, days: int | None, at_ms: int) -> tuple[int, int]:
    if facts is None:
        return 0, 0
    if days is None:
        return facts.total_sum, facts.total
    place = bisect_left(facts.days, at_ms // DAY_MS - days + 1)
    return sum(facts.sums[place:]), sum(facts.counts[place:])


@dataclass(frozen=True, slots=True)
class Distinct(_OfOneType):
    """How many different values an attribute had, within the last days or ever.

    A value counts on the day on which it was seen last. Exact up to `MAX_DISTINCT` and one more, whatever else
    there was: of too many values those seen last are kept.

    Attributes:
        low, high: inclusive bounds; None for no bound.
        days: length of the window in UTC days, today included; None for ever.
        bound: the bounds in words.
    """

    cost: ClassVar[int] = 3

    low: int | None
    high: int | None
    days: int | None
    bound: str

    @property
    def needs(self) -> frozenset[str]:
        """An unseen event can only break an upper bound."""
        return self.types if self.high is not None else _NOTHING

    @property
    def spoils(self) -> frozenset[str]:
        """An unseen event can only reach a lower bound."""
        return self.types if self.low is not None else _NOTHING

    def look(self, activity: Activity, at_ms: int, observed: Observed) -> tuple[int, int]:
        """Find the values with whose day the number falls to its bounds."""
        days, low, high = self.days, self.low, self.high
        facts = activity.series.get(self.series)
        seen = [] if facts is None else facts.value_days
        number = len(seen)
        too_many_until = 0
        enough_until = FOREVER_MS if low is None or low <= 0 else 0
        if days is None:
            if low is not None and number >= low:
                enough_until = FOREVER_MS
            if high is not None and number > high:
                too_many_until = FOREVER_MS
            knows = _knows_ever(activity, self.series, observed) and (facts is None or not facts.gone_day)
            return _staged(at_ms, too_many_until, enough_until, 0 if knows else FOREVER_MS, high is not None)
        watched_ms = _watched_from(activity, self.series, facts, days, observed)
        first = at_ms // DAY_MS - days + 1
        if not enough_until and low is not None and number >= low and seen[-low] >= first:
            enough_until = (seen[-low] + days) * DAY_MS
        if high is not None and number > high and seen[-high - 1] >= first:
            too_many_until = (seen[-high - 1] + days) * DAY_MS
        return _staged(at_ms, too_many_until, enough_until, watched_ms, high is not None)

    def reasons(self, activity: Activity, at_ms: int, observed: Observed) -> list[Reason]:
        """Return the number found."""
        facts = activity.series.get(self.series)
        seen = [] if facts is None else facts.value_days
        first = 0 if self.days is None else at_ms // DAY_MS - self.days + 1
        number = len(seen) - bisect_left(seen, first)
        return [Reason(self.phrase, number, self.bound, _window(self.days))]


@dataclass(frozen=True, slots=True)
class Absence(_OfOneType):
    """Something did not happen for a while.

    False while the last event is recent; true once the customer is known, the series watched, and nothing happened
    for long enough.
    """

    cost: ClassVar[int] = 1

    for_ms: int
    span: str

    @property
    def spoils(self) -> frozenset[str]:
        """No event can begin a silence."""
        return _NOTHING

    def look(self, activity: Activity, at_ms: int, observed: Observed) -> tuple[int, int]:
        """The silence is long enough at a known moment, and stays so."""
        facts = activity.series.get(self.series)
        from_ms = activity.first_ms
        if facts is not None:
            from_ms = facts.last_ms
            enough_ms = from_ms + self.for_ms
            if at_ms < enough_ms:
                return FALSE, enough_ms
        since_ms = observed.since.get(self.series, FOREVER_MS)
        if since_ms > from_ms:
            from_ms = since_ms
        enough_ms = from_ms + self.for_ms
        if at_ms >= enough_ms:
            return TRUE, FOREVER_MS
        return NOT_OBSERVABLE, enough_ms if enough_ms < FOREVER_MS else FOREVER_MS

    def reasons(self, activity: Activity, at_ms: int, observed: Observed) -> list[Reason]:
        """Return when it last happened, and until when it would have prevented the action."""
        facts = activity.series.get(self.series)
        seen = "never" if facts is None else f"last on {_date(facts.last_ms)}"
        since_ms = observed.since.get(self.series)
        prevented = None
        if since_ms is not None:
            from_ms = max(since_ms, activity.first_ms if facts is None else facts.last_ms)
            prevented = f"a {noun(self.type)} before {_date(from_ms + self.for_ms)}"
        return [Reason(self.phrase, seen, f"none for {self.span}", self.span, prevented)]


@dataclass(frozen=True, slots=True)
class Recency(_OfOneType):
    """How long ago something happened last; false of somebody to whom it never happened.

    If the series is watched only since after the last event that is known, a later one may have gone unseen until
    then; of somebody who was never seen doing it, one may have before they were known.

    Attributes:
        least_ms, most_ms: ages, both included; None for no bound.
        bound: the bounds in words.
    """

    cost: ClassVar[int] = 1

    least_ms: int | None
    most_ms: int | None
    bound: str

    @property
    def needs(self) -> frozenset[str]:
        """A newer event could make it too recent, and never too old."""
        return self.types if self.least_ms is not None else _NOTHING

    def look(self, activity: Activity, at_ms: int, observed: Observed) -> tuple[int, int]:
        """The age passes each bound at a known moment."""
        facts, least_ms, most_ms = activity.series.get(self.series), self.least_ms, self.most_ms
        since_ms = observed.since.get(self.series, FOREVER_MS)
        if facts is None:
            return self._never(activity, at_ms, observed, since_ms)
        last_ms = facts.last_ms
        if least_ms is not None and at_ms < last_ms + least_ms:
            return FALSE, last_ms + least_ms
        if since_ms > last_ms:
            return self._unwatched(at_ms, last_ms, since_ms)
        if most_ms is None:
            return TRUE, FOREVER_MS
        if at_ms <= last_ms + most_ms:
            return TRUE, last_ms + most_ms + 1
        return FALSE, FOREVER_MS

    def _never(self, activity: Activity, at_ms: int, observed: Observed, since_ms: int) -> tuple[int, int]:
        if _knows_ever(activity, self.series, observed):
            return FALSE, FOREVER_MS
        if self.most_ms is None:
            return NOT_OBSERVABLE, FOREVER_MS
        too_old_ms = max(since_ms, activity.first_ms) + self.most_ms + 1
        return (FALSE, FOREVER_MS) if at_ms >= too_old_ms else (NOT_OBSERVABLE, min(too_old_ms, FOREVER_MS))

    def _unwatched(self, at_ms: int, last_ms: int, since_ms: int) -> tuple[int, int]:
        """Look if the last event lies anywhere between the last one that is known and when watching began.

        The least age has been reached by the former.
        """
        least_ms, most_ms = self.least_ms, self.most_ms
        if most_ms is not None and at_ms > since_ms + most_ms:
            return FALSE, FOREVER_MS
        is_old_enough = least_ms is None or at_ms >= since_ms + least_ms
        if is_old_enough and (most_ms is None or at_ms <= last_ms + most_ms):
            return TRUE, FOREVER_MS if most_ms is None else last_ms + most_ms + 1
        becomes_ms = FOREVER_MS if most_ms is None else since_ms + most_ms + 1
        if (
            least_ms is not None
            and not is_old_enough
            and (most_ms is None or since_ms + least_ms <= last_ms + most_ms)
        ):
            becomes_ms = since_ms + least_ms
        return NOT_OBSERVABLE, min(becomes_ms, FOREVER_MS)

    def reasons(self, activity: Activity, at_ms: int, observed: Observed) -> list[Reason]:
        """Return when it last happened, and after when it would have prevented the action."""
        facts = activity.series.get(self.series)
        seen = "never" if facts is None else f"last on {_date(facts.last_ms)}"
        prevented = None if self.least_ms is None else f"a {noun(self.type)} after {_date(at_ms - self.least_ms)}"
        return [Reason(self.phrase, seen, self.bound, None, prevented)]


@dataclass(frozen=True, slots=True)
class Beginning(_OfOneType):
    """How long ago something happened for the first time ever; false of somebody to whom it never happened.

    Unless the whole history is known, something earlier may have gone unseen before the series was watched and the
    customer known: the first time is then the one that is known, or any time before both.

    Attributes:
        least_ms, most_ms: ages, both included; None for no bound.
        bound: the bounds in words.
    """

    cost: ClassVar[int] = 1

    least_ms: int | None
    most_ms: int | None
    bound: str

    @property
    def needs(self) -> frozenset[str]:
        """An earlier event could make it too old, and never too recent."""
        return self.types if self.most_ms is not None else _NOTHING

    def look(self, activity: Activity, at_ms: int, observed: Observed) -> tuple[int, int]:
        """The age passes each bound at a known moment."""
        facts, least_ms, most_ms = activity.series.get(self.series), self.least_ms, self.most_ms
        if not _knows_ever(activity, self.series, observed):
            since_ms = max(observed.since.get(self.series, FOREVER_MS), activity.first_ms)
            return self._uncertain(at_ms, None if facts is None else facts.first_ms, since_ms)
        if facts is None:
            return FALSE, FOREVER_MS
        first_ms = facts.first_ms
        if least_ms is not None and at_ms < first_ms + least_ms:
            return FALSE, first_ms + least_ms
        if most_ms is None:
            return TRUE, FOREVER_MS
        if at_ms <= first_ms + most_ms:
            return TRUE, first_ms + most_ms + 1
        return FALSE, FOREVER_MS

    def _uncertain(self, at_ms: int, first_ms: int | None, since_ms: int) -> tuple[int, int]:
        least_ms, most_ms = self.least_ms, self.most_ms
        if most_ms is None:
            assert least_ms is not None
            if first_ms is None:
                return NOT_OBSERVABLE, FOREVER_MS
            enough_ms = first_ms + least_ms
            return (TRUE, FOREVER_MS) if at_ms >= enough_ms else (NOT_OBSERVABLE, enough_ms)
        too_old_ms = min(since_ms if first_ms is None else first_ms, FOREVER_MS) + most_ms + 1
        if at_ms >= too_old_ms:
            return FALSE, FOREVER_MS
        if first_ms is not None and least_ms is not None:
            # Too recent as far as is known, and whatever went unseen would be too old.
            unseen_too_old_ms, enough_ms = min(first_ms, since_ms) + most_ms + 1, first_ms + least_ms
            if unseen_too_old_ms < enough_ms and at_ms < enough_ms:
                return (FALSE, enough_ms) if at_ms >= unseen_too_old_ms else (NOT_OBSERVABLE, unseen_too_old_ms)
        return NOT_OBSERVABLE, min(too_old_ms, FOREVER_MS)

    def reasons(self, activity: Activity, at_ms: int, observed: Observed) -> list[Reason]:
        """Return when it first happened."""
        facts = activity.series.get(self.series)
        seen = "never" if facts is None else f"first on {_date(facts.first_ms)}"
        return [Reason(self.phrase, seen, self.bound)]


@dataclass(frozen=True, slots=True)
class Tenure:
    """Since when the customer is known: since the first event of any type that arrived.

    Whoever is known for less may be an old customer, unless the history of every type that is watched is complete,
    or the customer turned up long after watching began.

    Attributes:
        for_ms: so long or longer.
        all_types: every event type there is.
    """

    cost: ClassVar[int] = 0

    for_ms: int
    all_types: tuple[str, ...]
    span: str
    phrase: str

    @property
    def types(self) -> frozenset[str]:
        """No event of a known customer changes it."""
        return _NOTHING

    @property
    def needs(self) -> frozenset[str]:
        """Nothing does."""
        return _NOTHING

    @property
    def spoils(self) -> frozenset[str]:
        """Nothing does."""
        return _NOTHING

    def look(self, activity: Activity, at_ms: int, observed: Observed) -> tuple[int, int]:
        """It comes true at a known moment, and stays so."""
        enough_ms = activity.first_ms + self.for_ms
        if at_ms >= enough_ms:
            return TRUE, FOREVER_MS
        watched = [name for name in self.all_types if name in observed.since]
        is_new = watched and all(_knows_ever(activity, name, observed) for name in watched)
        return FALSE if is_new else NOT_OBSERVABLE, enough_ms

    def reasons(self, activity: Activity, at_ms: int, observed: Observed) -> list[Reason]:
        """Return since when."""
        return [Reason(self.phrase, f"since {_date(activity.first_ms)}", f"at least {self.span}")]


@dataclass(frozen=True, slots=True)
class Shift(_OfOneType):
    """How the last days compare with as many days before; both windows have to be watched.

    Attributes:
        adds: what is added up (an attribute's name), or None to count.
        is_rise: it must have risen, or else fallen.
        share: hundredths of a percent that must be left at most, or reached at least: 100% is 10,000.
        least: so much there must have been before; sums in ten-thousandths.
        days: length of each window in UTC days, today included in the second.
        bound: in words.
    """

    cost: ClassVar[int] = 7

    adds: str | None
    is_rise: bool
    share: int
    least: int
    days: int
    bound: str

    def look(self, activity: Activity, at_ms: int, observed: Observed) -> tuple[int, int]:
        """Follow the days through both windows, once they are watched."""
        facts, window = activity.series.get(self.series), self.days
        watched_ms = _watched_from(activity, self.series, facts, 2 * window, observed)
        if at_ms < watched_ms:
            return NOT_OBSERVABLE, watched_ms
        if facts is None:
            return FALSE, FOREVER_MS
        days, amounts = facts.days, facts.counts if self.adds is None else facts.sums
        today, end = at_ms // DAY_MS, len(days)
        # The next one to leave the first window, and the next one to pass from the second window into it.
        leaves = bisect_left(days, today - 2 * window + 1)
        passes = bisect_left(days, today - window + 1)
        before, latest = sum(amounts[leaves:passes]), sum(amounts[passes:])
        now = self._judge(before, latest)
        if self.adds is None and before + latest < self.least:
            return now, FOREVER_MS  # there will never be enough to compare with
        while leaves < end:
            day = days[leaves] + 2 * window
            if passes < end and days[passes] + window <= day:
                day = days[passes] + window
                before, latest = before + amounts[passes], latest - amounts[passes]
                passes += 1
            if days[leaves] + 2 * window == day:
                before -= amounts[leaves]
                leaves += 1
            if self._judge(before, latest) != now:
                return now, day * DAY_MS
        return now, FOREVER_MS

    def reasons(self, activity: Activity, at_ms: int, observed: Observed) -> list[Reason]:
        """Return both numbers."""
        facts, window, today = activity.series.get(self.series), self.days, at_ms // DAY_MS
        before = latest = 0
        if facts is not None:
            amounts = facts.counts if self.adds is None else facts.sums
            leaves = bisect_left(facts.days, today - 2 * window + 1)
            passes = bisect_left(facts.days, today - window + 1)
            before, latest = sum(amounts[leaves:passes]), sum(amounts[passes:])
        unit = 1 if self.adds is None else UNIT
        seen = f"{latest / unit:g} after {before / unit:g}"
        return [Reason(self.phrase, seen, self.bound, _days(window))]

    def _judge(self, before: int, latest: int) -> int:
        if before < self.least:
            return FALSE
        found, asked = latest * _PERCENT, before * self.share
        return TRUE if (found >= asked if self.is_rise else found <= asked) else FALSE


@dataclass(frozen=True, slots=True)
class Overdue(_OfOneType):
    """The last event is longer ago than the customer's own rhythm explains.

    The usual gap is (2 x the usual gap of all + last - first) / (2 + days with the event - 1), of the whole
    lifetime; times are reckoned in whole milliseconds, rounded up. Somebody who never did it is not overdue.

    Attributes:
        times: how many times the usual gap, in hundredths.
        usual_gap_ms: that of all customers.
        least_ms: never sooner than this after the last event.
    """

    cost: ClassVar[int] = 2

    times: int
    usual_gap_ms: int
    least_ms: int
    bound: str

    def look(self, activity: Activity, at_ms: int, observed: Observed) -> tuple[int, int]:
        """It is overdue from a known moment on."""
        facts = activity.series.get(self.series)
        if facts is None:
            return FALSE if _knows_ever(activity, self.series, observed) else NOT_OBSERVABLE, FOREVER_MS
        from_ms, patience_ms = facts.last_ms, self._patience_ms(facts)
        if at_ms < from_ms + patience_ms:
            return FALSE, from_ms + patience_ms
        since_ms = observed.since.get(self.series, FOREVER_MS)
        if since_ms <= from_ms or at_ms >= since_ms + patience_ms:
            return TRUE, FOREVER_MS
        return NOT_OBSERVABLE, min(since_ms + patience_ms, FOREVER_MS)

    def _patience_ms(self, facts: Series) -> int:
        gaps = (facts.active_days or len(facts.days) or 1) - 1
        usual = self.times * (2 * self.usual_gap_ms + facts.last_ms - facts.first_ms)
        return max(self.least_ms, -(-usual // (100 * (2 + gaps))))

    def reasons(self, activity: Activity, at_ms: int, observed: Observed) -> list[Reason]:
        """Return when it last happened, how often it does, and until when it would have prevented the action."""
        facts = activity.series.get(self.series)
        if facts is None:
            return [Reason(self.phrase, "never", self.bound)]
        gaps = max(1, facts.active_days) - 1
        usual_ms = (2 * self.usual_gap_ms + facts.last_ms - facts.first_ms) // (2 + gaps)
        seen = f"last on {_date(facts.last_ms)}, usually every {_roughly(usual_ms)}"
        from_ms = max(facts.last_ms, observed.since.get(self.series, 0))
        prevented = f"a {noun(self.type)} before {_date(from_ms + self._patience_ms(facts))}"
        return [Reason(self.phrase, seen, self.bound, None, prevented)]


# -- one event after another -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _OfTwo:
    """A condition about two series.

    Attributes:
        first, then: keys of the facts of what comes first and second.
        first_type, then_type: the event types of those series.
        later: the second must come later, not at the same moment; so it is where both are of one type, because no
            event follows itself.
        phrase: the condition in words.
    """

    first: str
    then: str
    first_type: str
    then_type: str
    later: bool
    phrase: str

    @property
    def types(self) -> frozenset[str]:
        """Both."""
        return frozenset({self.first_type, self.then_type})


@dataclass(frozen=True, slots=True)
class Answered(_OfTwo):
    """The latest of one event was followed by another one in time; time alone never changes it.

    Not observable as long as the first could have happened again unseen before it was watched, and what followed it
    unseen before that was watched; and where it is not known any more what followed first, because events came late
    or the rule is new.

    Attributes:
        pair: key of what is known of the two.
        within_ms: how soon, the moment itself included.
    """

    cost: ClassVar[int] = 2

    pair: str
    within_ms: int
    span: str

    @property
    def needs(self) -> frozenset[str]:
        """The first could happen again."""
        return frozenset({self.first_type})

    @property
    def spoils(self) -> frozenset[str]:
        """Both: the second may follow, and the first may have happened once more shortly before it did."""
        return self.types

    def look(self, activity: Activity, at_ms: int, observed: Observed) -> tuple[int, int]:
        """Compare the latest of the first with what followed it first."""
        first = activity.series.get(self.first)
        if first is None:
            return FALSE if _knows_ever(activity, self.first, observed) else NOT_OBSERVABLE, FOREVER_MS
        first_ms = first.last_ms
        if observed.since.get(self.first, FOREVER_MS) > first_ms:
            return NOT_OBSERVABLE, FOREVER_MS
        followed = self._followed(activity, first_ms)
        if followed == FALSE and observed.since.get(self.then, FOREVER_MS) > first_ms:
            return NOT_OBSERVABLE, FOREVER_MS
        return followed, FOREVER_MS

    def _followed(self, activity: Activity, first_ms: int) -> int:
        then = activity.series.get(self.then)
        from_ms, until_ms = first_ms + self.later, first_ms + self.within_ms
        if then is None or then.last_ms < from_ms:
            return FALSE
        if then.last_ms <= until_ms:
            return TRUE
        state = activity.pairs.get(self.pair)
        if state is not None and state[0] == first_ms and state[1] != UNKNOWN:
            return TRUE if state[1] <= until_ms else FALSE
        if then.first_ms >= from_ms:
            return TRUE if then.first_ms <= until_ms else FALSE
        return NOT_OBSERVABLE

    def reasons(self, activity: Activity, at_ms: int, observed: Observed) -> list[Reason]:
        """Return when the first happened, and when the second followed."""
        state = activity.pairs.get(self.pair)
        seen = _latest(activity, self.first)
        if state is not None and state[1] > 0:
            seen = f"{seen}, then {noun(self.then_type)} on {_date(state[1])}"
        return [Reason(self.phrase, seen, f"{noun(self.then_type)} within {self.span}", self.span)]


@dataclass(frozen=True, slots=True)
class Unanswered(_OfTwo):
    """One event happened, and another one did not follow the latest of it for a while.

    Not observable if the first could have happened unseen, or the second after it.

    Attributes:
        for_ms: how long it did not follow.
    """

    cost: ClassVar[int] = 2

    for_ms: int
    span: str

    @property
    def needs(self) -> frozenset[str]:
        """Both: the second may follow, and the first may happen again."""
        return self.types

    @property
    def spoils(self) -> frozenset[str]:
        """The first may have happened once more after the second."""
        return frozenset({self.first_type})

    def look(self, activity: Activity, at_ms: int, observed: Observed) -> tuple[int, int]:
        """It is long enough at a known moment, and stays so."""
        first = activity.series.get(self.first)
        if first is None:
            return FALSE if _knows_ever(activity, self.first, observed) else NOT_OBSERVABLE, FOREVER_MS
        first_ms, first_since_ms = first.last_ms, observed.since.get(self.first, FOREVER_MS)
        then = activity.series.get(self.then)
        followed_ms = -1 if then is None or then.last_ms < first_ms + self.later else then.last_ms
        if followed_ms >= first_since_ms or (followed_ms >= 0 and first_ms >= first_since_ms):
            return FALSE, FOREVER_MS
        enough_ms = first_ms + self.for_ms
        if at_ms < enough_ms:
            return FALSE, enough_ms
        if followed_ms >= 0 or observed.since.get(self.then, FOREVER_MS) > first_ms:
            return NOT_OBSERVABLE, FOREVER_MS
        if first_since_ms > first_ms:
            enough_ms = first_since_ms + self.for_ms
        if at_ms >= enough_ms:
            return TRUE, FOREVER_MS
        return NOT_OBSERVABLE, min(enough_ms, FOREVER_MS)

    def reasons(self, activity: Activity, at_ms: int, observed: Observed) -> list[Reason]:
        """Return when the first happened, and until when the second would have prevented the action."""
        first = activity.series.get(self.first)
        prevented = None if first is None else f"a {noun(self.then_type)} before {_date(first.last_ms + self.for_ms)}"
        seen = _latest(activity, self.first)
        return [Reason(self.phrase, seen, f"no {noun(self.then_type)} for {self.span}", self.span, prevented)]


def _latest(activity: Activity, series: str) -> str:
    facts = activity.series.get(series)
    return "never" if facts is None else f"last on {_date(facts.last_ms)}"


# -- what an event told ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _OfTrait:
    """A condition about the latest value of an attribute.

    Attributes:
        trait: where it is kept, `type.attribute`.
        type: the event type.
        phrase: the condition in words.
    """

    trait: str
    type: str
    phrase: str

    @property
    def types(self) -> frozenset[str]:
        """Return the one type it reads."""
        return frozenset({self.type})

    @property
    def needs(self) -> frozenset[str]:
        """Any newer value could change it."""
        return self.types

    @property
    def spoils(self) -> frozenset[str]:
        """Any newer value could change it."""
        return self.types


@dataclass(frozen=True, slots=True)
class Trait(_OfTrait):
    """The latest known value of an attribute; not observable as long as none is known.

    Attributes:
        passes: tells whether a value is meant.
        bound: in words.
    """

    cost: ClassVar[int] = 0

    passes: Test
    bound: str

    def look(self, activity: Activity, at_ms: int, observed: Observed) -> tuple[int, int]:
        """Test the value; time alone never changes it."""
        known = activity.traits.get(self.trait)
        if known is None:
            return NOT_OBSERVABLE, FOREVER_MS
        return TRUE if self.passes(known[0]) else FALSE, FOREVER_MS

    def reasons(self, activity: Activity, at_ms: int, observed: Observed) -> list[Reason]:
        """Return the value."""
        known = activity.traits.get(self.trait)
        return [Reason(self.phrase, None if known is None else known[0], self.bound)]


@dataclass(frozen=True, slots=True)
class Deadline(_OfTrait):
    """A date that an event told lies ahead, but not far, or has been over for a while.

    The latest value counts: an ISO date or time (UTC where it names no zone; a date is its midnight), or epoch
    milliseconds. Not observable as long as none is known, or it is none of these.

    Attributes:
        ahead_ms: how far ahead at most; None if the date must be over.
        over_ms: for how long it must be over.
    """

    cost: ClassVar[int] = 2

    ahead_ms: int | None
    over_ms: int
    bound: str

    def look(self, activity: Activity, at_ms: int, observed: Observed) -> tuple[int, int]:
        """It comes near, and passes, at known moments."""
        known = activity.traits.get(self.trait)
        date_ms = None if known is None else date_ms_of(known[0])
        if date_ms is None:
            return NOT_OBSERVABLE, FOREVER_MS
        if self.ahead_ms is None:
            over_ms = date_ms + self.over_ms
            return (FALSE, over_ms) if at_ms < over_ms else (TRUE, FOREVER_MS)
        if at_ms >= date_ms:
            return FALSE, FOREVER_MS
        near_ms = date_ms - self.ahead_ms
        return (FALSE, near_ms) if at_ms < near_ms else (TRUE, date_ms)

    def reasons(self, activity: Activity, at_ms: int, observed: Observed) -> list[Reason]:
        """Return the date."""
        known = activity.traits.get(self.trait)
        date_ms = None if known is None else date_ms_of(known[0])
        return [Reason(self.phrase, None if date_ms is None else _date(date_ms), self.bound)]


def date_ms_of(value: Any) -> int | None:
    """Read a date as `date` conditions do, in epoch milliseconds; None for what is none between 1970 and 9999."""
    if value.__class__ is str:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        value = (moment - _EPOCH) // _MILLISECOND
    elif value.__class__ is float:
        value = int(value)
    elif value.__class__ is not int:
        return None
    return value if 0 <= value < _LATEST_YEAR_MS else None


_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Whether the customer has cancelled: a cancellation, and no purchase or reactivation after it.

    Never unobservable: whoever is not known to have cancelled is active.

    Attributes:
        wanted: must have cancelled; or else must be active.
        for_ms: how long ago the latest cancellation must be, 0 for at once; only if `wanted`.
        returns: event types that end a cancellation.
    """

    cost: ClassVar[int] = 0

    wanted: bool
    for_ms: int
    returns: tuple[str, ...]
    bound: str
    phrase: str

    @property
    def types(self) -> frozenset[str]:
        """Both cancellations and what ends them change it."""
        return frozenset({CANCELLATION, *self.returns})

    @property
    def needs(self) -> frozenset[str]:
        """An unseen return ends `cancelled` (another cancellation begins its time anew), a cancellation `active`."""
        if not self.wanted:
            return frozenset({CANCELLATION})
        return frozenset({*self.returns, CANCELLATION} if self.for_ms else self.returns)

    @property
    def spoils(self) -> frozenset[str]:
        """The other way round."""
        return frozenset({CANCELLATION} if self.wanted else self.returns)

    def look(self, activity: Activity, at_ms: int, observed: Observed) -> tuple[int, int]:
        """Compare the last cancellation with the last return; a tie counts as cancelled."""
        since_ms = self._since(activity)
        if since_ms is None:
            return FALSE if self.wanted else TRUE, FOREVER_MS
        if at_ms < since_ms + self.for_ms:
            return FALSE, since_ms + self.for_ms
        return TRUE if self.wanted else FALSE, FOREVER_MS

    def reasons(self, activity: Activity, at_ms: int, observed: Observed) -> list[Reason]:
        """Return the status found."""
        since_ms = self._since(activity)
        found = "active" if since_ms is None else f"cancelled on {_date(since_ms)}"
        prevented = "a purchase since" if self.wanted else "a cancellation"
        return [Reason(self.phrase, found, self.bound, None, prevented)]

    def _since(self, activity: Activity) -> int | None:
        """Return when the customer cancelled, None if active."""
        cancelled = activity.series.get(CANCELLATION)
        if cancelled is None:
            return None
        for name in self.returns:
            back = activity.series.get(name)
            if back is not None and back.last_ms > cancelled.last_ms:
                return None
        return cancelled.last_ms


# -- combinations ----------------------------------------------------------------------------------------------


_Look = Callable[[Activity, int, Observed], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Several:
    """All, or any, of several conditions.

    Attributes:
        parts: in the order of the rule.
        ruling: the truth value of one part that settles the whole: FALSE for all, TRUE for any.
    """

    parts: tuple[Condition, ...]
    ruling: int
    _looks: tuple[_Look, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        cheapest_first = sorted(self.parts, key=lambda part: part.cost)
        object.__setattr__(self, "_looks", tuple(part.look for part in cheapest_first))

    @property
    def cost(self) -> int:
        """As much as all parts."""
        return sum(part.cost for part in self.parts) + 1

    @property
    def types(self) -> frozenset[str]:
        """Union over the parts."""
        return _NOTHING.union(*(part.types for part in self.parts))

    @property
    def needs(self) -> frozenset[str]:
        """Union over the parts: more than necessary for `any`, never less."""
        return _NOTHING.union(*(part.needs for part in self.parts))

    @property
    def spoils(self) -> frozenset[str]:
        """Union over the parts."""
        return _NOTHING.union(*(part.spoils for part in self.parts))

    def look(self, activity: Activity, at_ms: int, observed: Observed) -> tuple[int, int]:
        """Kleene's conjunction or disjunction; as long as one part rules, nothing the others do can matter."""
        truth, flip_ms = self._once(activity, at_ms, observed)
        if flip_ms == FOREVER_MS or (truth != NOT_OBSERVABLE and truth != self.ruling):
            return truth, flip_ms
        # The part that changes may not be the one that counts: follow the changes until the whole does.
        for _ in range(_MAX_STEPS):
            then, after_ms = self._once(activity, flip_ms, observed)
            if then != truth:
                break
            flip_ms = after_ms
            if flip_ms == FOREVER_MS:
                break
        return truth, flip_ms

    def _once(self, activity: Activity, at_ms: int, observed: Observed) -> tuple[int, int]:
        """Return the truth at a moment, and until when it certainly stays."""
        ruling, whole, soonest_ms = self.ruling, TRUE - self.ruling, FOREVER_MS
        for look in self._looks:
            truth, flip_ms = look(activity, at_ms, observed)
            if truth == ruling:
                return ruling, flip_ms
            if truth == NOT_OBSERVABLE:
                whole = NOT_OBSERVABLE
            if flip_ms < soonest_ms:
                soonest_ms = flip_ms
        return whole, soonest_ms

    def reasons(self, activity: Activity, at_ms: int, observed: Observed) -> list[Reason]:
        """Concatenate those of the parts."""
        return [reason for part in self.parts for reason in part.reasons(activity, at_ms, observed)]


@dataclass(frozen=True, slots=True)
class Negation:
    """The opposite of a condition; what is not observable stays so."""

    part: Condition

    @property
    def cost(self) -> int:
        """That of the part."""
        return self.part.cost

    @property
    def types(self) -> frozenset[str]:
        """Those of the part."""
        return self.part.types

    @property
    def needs(self) -> frozenset[str]:
        """What could make the part true."""
        return self.part.spoils

    @property
    def spoils(self) -> frozenset[str]:
        """What could make the part false."""
        return self.part.needs

    def look(self, activity: Activity, at_ms: int, observed: Observed) -> tuple[int, int]:
        """Swap true and false; it flips with its part."""
        truth, flip_ms = self.part.look(activity, at_ms, observed)
        return TRUE - truth, flip_ms

    def reasons(self, activity: Activity, at_ms: int, observed: Observed) -> list[Reason]:
        """Those of the part, whose phrases say the opposite already."""
        return [
            Reason(reason.condition, reason.observed, f"not {reason.bound}", reason.window)
            for reason in self.part.reasons(activity, at_ms, observed)
        ]
