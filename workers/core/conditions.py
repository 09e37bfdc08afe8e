"""Conditions: three-valued truth at a moment, when time alone will change it, and the reason in words.

Every condition is a small pure class with the same four questions. Truth values are ordered integers, so
that Kleene's logic is `min`, `max` and `2 - x`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, Protocol

from schemas.actions import Reason
from workers.core.activity import DAY_MS, Activity, Series
from workers.core.facts import UNIT
from workers.core.observed import SETTLING_MS, Observed

FALSE: Final = 0
NOT_OBSERVABLE: Final = 1
TRUE: Final = 2

_MAX_STEPS: Final = 16
"""How many flips of its parts a composite follows before it announces one that may change nothing."""


class Condition(Protocol):
    """A condition of one customer.

    Attributes:
        types: every event type that can change its truth.
        needs: the types of which an unseen event could turn it from true to false.
        spoils: the types of which an unseen event could turn it from false to true; `not` swaps the two.
    """

    @property
    def types(self) -> frozenset[str]: ...  # noqa: D102
    @property
    def needs(self) -> frozenset[str]: ...  # noqa: D102
    @property
    def spoils(self) -> frozenset[str]: ...  # noqa: D102

    def truth(self, activity: Activity, at_ms: int, observed: Observed) -> int:
        """Return FALSE, NOT_OBSERVABLE or TRUE at a moment not before the customer's latest event."""

    def next_flip(self, activity: Activity, at_ms: int, observed: Observed) -> int | None:
        """Return the first moment after `at_ms` at which the truth changes if nothing happens; None for never."""

    def reasons(self, activity: Activity, at_ms: int, observed: Observed) -> list[Reason]:
        """Return what was observed, one entry per elementary condition, in the order of the rule."""


def _day_ms(at_ms: int) -> int:
    """Return the first midnight that is not before `at_ms`."""
    return -(-at_ms // DAY_MS) * DAY_MS


def _days(number: int) -> str:
    return "1 day" if number == 1 else f"{number} days"


def _date(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


@dataclass(frozen=True, slots=True)
class Volume:
    """How often something happened, or what it adds up to, within the last days or ever.

    Attributes:
        series: which facts.
        type: the event type of that series.
        adds: what is added up (an attribute's name), or None to count.
        low, high: inclusive bounds; sums in ten-thousandths. None for no bound.
        days: length of the window in UTC days, today included; None for ever.
        phrase: the condition in words.
    """

    series: str
    type: str
    adds: str | None
    low: int | None
    high: int | None
    days: int | None
    phrase: str

    @property
    def types(self) -> frozenset[str]:
        """Return the one type it reads."""
        return frozenset({self.type})

    @property
    def needs(self) -> frozenset[str]:
        """An unseen event can only break an upper bound (what is added up is taken as not negative)."""
        return self.types if self.high is not None else frozenset()

    @property
    def spoils(self) -> frozenset[str]:
        """An unseen event can only reach a lower bound."""
        return self.types if self.low is not None else frozenset()

    def truth(self, activity: Activity, at_ms: int, observed: Observed) -> int:
        """Compare what is in the window; an upper bound, or a failed lower one, needs the window observed."""
        return self._judge(self._value(activity, at_ms), self._observable(activity, at_ms, observed))

    def next_flip(self, activity: Activity, at_ms: int, observed: Observed) -> int | None:
        """Follow the buckets as they leave the window, and the moment from which the window is observed."""
        if self.days is None:
            return None
        value, observable = self._value(activity, at_ms), self._observable(activity, at_ms, observed)
        now = self._judge(value, observable)
        watched_ms = self._watched_from(activity, observed)
        for leaves_ms, amount in [*self._departures(activity, at_ms), (None, 0)]:
            if not observable and watched_ms is not None and (leaves_ms is None or watched_ms <= leaves_ms):
                observable = True
                if self._judge(value, True) != now and (leaves_ms is None or watched_ms < leaves_ms):
                    return watched_ms
            if leaves_ms is None:
                return None
            value -= amount
            if self._judge(value, observable) != now:
                return leaves_ms
        return None

    def reasons(self, activity: Activity, at_ms: int, observed: Observed) -> list[Reason]:
        """Return the number found and, for an upper bound, how many more would have prevented it."""
        value = self._value(activity, at_ms)
        number: int | float = value if self.adds is None else value / UNIT
        prevented = None
        if self.high is not None and self.adds is None:
            more = max(1, self.high - value + 1)
            prevented = f"{more} more {self.type}" + ("" if self.days is None else f" within {_days(self.days)}")
        window = "ever" if self.days is None else _days(self.days)
        return [Reason(self.phrase, number, self._bounds(), window, prevented)]

    def _bounds(self) -> str:
        unit = 1 if self.adds is None else UNIT
        written = {bound: f"{Decimal(bound) / unit:f}" for bound in (self.low, self.high) if bound is not None}
        parts = [
            f"{word} {written[bound]}"
            for word, bound in (("at least", self.low), ("at most", self.high))
            if bound is not None
        ]
        return " and ".join(parts)

    def _judge(self, value: int, observable: bool) -> int:
        if self.high is not None and value > self.high:
            return FALSE
        if self.low is not None and value < self.low:
            return FALSE if observable else NOT_OBSERVABLE
        return TRUE if observable or self.high is None else NOT_OBSERVABLE

    def _value(self, activity: Activity, at_ms: int) -> int:
        facts = activity.series.get(self.series)
        if facts is None:
            return 0
        if self.days is None:
            return facts.total if self.adds is None else facts.total_sum
        day = at_ms // DAY_MS - self.days + 1
        return facts.count_since(day) if self.adds is None else facts.sum_since(day)

    def _departures(self, activity: Activity, at_ms: int) -> list[tuple[int, int]]:
        """Return when each bucket of the window leaves it, and what goes with it, in order."""
        facts = activity.series.get(self.series)
        if facts is None or self.days is None:
            return []
        first, values = at_ms // DAY_MS - self.days + 1, facts.counts if self.adds is None else facts.sums
        return [
            ((day + self.days) * DAY_MS, value) for day, value in zip(facts.days, values, strict=True) if day >= first
        ]

    def _observable(self, activity: Activity, at_ms: int, observed: Observed) -> bool:
        since_ms = observed.since.get(self.series)
        if since_ms is None:
            return False
        if self.days is None:
            return self.series in observed.whole or activity.first_ms >= since_ms + SETTLING_MS
        return (at_ms // DAY_MS - self.days + 1) * DAY_MS >= max(since_ms, activity.first_ms)

    def _watched_from(self, activity: Activity, observed: Observed) -> int | None:
        since_ms = observed.since.get(self.series)
        if since_ms is None or self.days is None:
            return None
        return _day_ms(max(since_ms, activity.first_ms)) + (self.days - 1) * DAY_MS


@dataclass(frozen=True, slots=True)
class Absence:
    """Something did not happen for a while."""

    series: str
    type: str
    for_ms: int
    span: str
    phrase: str

    @property
    def types(self) -> frozenset[str]:
        """Return the one type it reads."""
        return frozenset({self.type})

    @property
    def needs(self) -> frozenset[str]:
        """An unseen event would break the silence."""
        return self.types

    @property
    def spoils(self) -> frozenset[str]:
        """No event can begin a silence."""
        return frozenset()

    def truth(self, activity: Activity, at_ms: int, observed: Observed) -> int:
        """False while the last event is recent; true once known, watched and silent for long enough."""
        last_ms, base_ms = self._times(activity, observed)
        if last_ms is not None and at_ms < last_ms + self.for_ms:
            return FALSE
        return TRUE if base_ms is not None and at_ms >= base_ms + self.for_ms else NOT_OBSERVABLE

    def next_flip(self, activity: Activity, at_ms: int, observed: Observed) -> int | None:
        """The silence is long enough at a known moment, and stays so."""
        last_ms, base_ms = self._times(activity, observed)
        for from_ms in (last_ms, base_ms):
            if from_ms is not None and from_ms + self.for_ms > at_ms:
                return from_ms + self.for_ms
        return None

    def reasons(self, activity: Activity, at_ms: int, observed: Observed) -> list[Reason]:
        """Return when it last happened, and until when it would have prevented the action."""
        last_ms, base_ms = self._times(activity, observed)
        seen = "never" if last_ms is None else f"last on {_date(last_ms)}"
        prevented = None if base_ms is None else f"a {self.type} before {_date(base_ms + self.for_ms)}"
        return [Reason(self.phrase, seen, f"none for {self.span}", self.span, prevented)]

    def _times(self, activity: Activity, observed: Observed) -> tuple[int | None, int | None]:
        """Return the last event, and since when its absence could have been noticed."""
        facts = activity.series.get(self.series)
        last_ms = None if facts is None else facts.last_ms
        since_ms = observed.since.get(self.series)
        if since_ms is None:
            return last_ms, None
        return last_ms, max(since_ms, activity.first_ms if last_ms is None else last_ms)


CANCELLATION: Final = "cancellation"
PURCHASE: Final = "purchase"


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Whether the customer cancelled and has not bought since; time alone never changes it."""

    wanted: bool
    phrase: str

    @property
    def types(self) -> frozenset[str]:
        """Both cancellations and purchases change it."""
        return frozenset({CANCELLATION, PURCHASE})

    @property
    def needs(self) -> frozenset[str]:
        """An unseen purchase ends `cancelled`, an unseen cancellation ends `active`."""
        return frozenset({PURCHASE if self.wanted else CANCELLATION})

    @property
    def spoils(self) -> frozenset[str]:
        """The other way round."""
        return frozenset({CANCELLATION if self.wanted else PURCHASE})

    def truth(self, activity: Activity, at_ms: int, observed: Observed) -> int:
        """Compare the last cancellation with the last purchase; a tie counts as cancelled."""
        return TRUE if self._is_cancelled(activity) == self.wanted else FALSE

    def next_flip(self, activity: Activity, at_ms: int, observed: Observed) -> int | None:
        """Only events change it."""
        return None

    def reasons(self, activity: Activity, at_ms: int, observed: Observed) -> list[Reason]:
        """Return the status found."""
        cancelled = self._is_cancelled(activity)
        found = f"cancelled on {_date(activity.series[CANCELLATION].last_ms)}" if cancelled else "active"
        prevented = "a purchase since" if self.wanted else "a cancellation"
        return [Reason(self.phrase, found, "cancelled" if self.wanted else "active", None, prevented)]

    @staticmethod
    def _is_cancelled(activity: Activity) -> bool:
        cancelled: Series | None = activity.series.get(CANCELLATION)
        if cancelled is None:
            return False
        bought = activity.series.get(PURCHASE)
        return bought is None or cancelled.last_ms >= bought.last_ms


@dataclass(frozen=True, slots=True)
class Several:
    """All, or any, of several conditions.

    Attributes:
        ruling: the truth value of one part that settles the whole: FALSE for all, TRUE for any.
    """

    parts: tuple[Condition, ...]
    ruling: int

    @property
    def types(self) -> frozenset[str]:
        """Union over the parts."""
        return frozenset[str]().union(*(part.types for part in self.parts))

    @property
    def needs(self) -> frozenset[str]:
        """Union over the parts: more than necessary for `any`, never less."""
        return frozenset[str]().union(*(part.needs for part in self.parts))

    @property
    def spoils(self) -> frozenset[str]:
        """Union over the parts."""
        return frozenset[str]().union(*(part.spoils for part in self.parts))

    def truth(self, activity: Activity, at_ms: int, observed: Observed) -> int:
        """Kleene's conjunction or disjunction."""
        truths = [part.truth(activity, at_ms, observed) for part in self.parts]
        return min(truths) if self.ruling == FALSE else max(truths)

    def next_flip(self, activity: Activity, at_ms: int, observed: Observed) -> int | None:
        """Follow the flips of the parts until the whole changes."""
        now, moment = self.truth(activity, at_ms, observed), at_ms
        for _ in range(_MAX_STEPS):
            flip = self._next_candidate(activity, moment, observed)
            if flip is None or self.truth(activity, flip, observed) != now:
                return flip
            moment = flip
        return moment

    def _next_candidate(self, activity: Activity, at_ms: int, observed: Observed) -> int | None:
        flips: list[int] = []
        settled_until_ms = 0
        for part in self.parts:
            flip = part.next_flip(activity, at_ms, observed)
            if part.truth(activity, at_ms, observed) == self.ruling:
                # As long as this part rules, nothing the others do can matter.
                if flip is None:
                    return None
                settled_until_ms = max(settled_until_ms, flip)
            elif flip is not None:
                flips.append(flip)
        return settled_until_ms or min(flips, default=None)

    def reasons(self, activity: Activity, at_ms: int, observed: Observed) -> list[Reason]:
        """Concatenate those of the parts."""
        return [reason for part in self.parts for reason in part.reasons(activity, at_ms, observed)]


@dataclass(frozen=True, slots=True)
class Negation:
    """The opposite of a condition; what is not observable stays so."""

    part: Condition

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

    def truth(self, activity: Activity, at_ms: int, observed: Observed) -> int:
        """Swap true and false."""
        return TRUE - self.part.truth(activity, at_ms, observed)

    def next_flip(self, activity: Activity, at_ms: int, observed: Observed) -> int | None:
        """Flips with its part."""
        return self.part.next_flip(activity, at_ms, observed)

    def reasons(self, activity: Activity, at_ms: int, observed: Observed) -> list[Reason]:
        """Those of the part, worded as what must not be."""
        return [
            Reason(f"not: {reason.condition}", reason.observed, f"not: {reason.bound}", reason.window)
            for reason in self.part.reasons(activity, at_ms, observed)
        ]
