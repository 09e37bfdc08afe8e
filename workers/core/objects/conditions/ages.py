"""Conditions on ages: silence, last and first event, time since the customer is known, usual gap."""

from schemas.actions import Reason
from schemas.durations import DAY_MS
from workers.core.coverage import FOREVER_MS, Coverage
from workers.core.objects.conditions.observability import (
    NOTHING,
    OfOneType,
    knows_ever,
    last_in_words,
    moment_in_words,
)
from workers.core.objects.conditions.truth import FALSE, NOT_OBSERVABLE, TRUE, Elementary
from workers.core.objects.customer.activity import Activity
from workers.core.objects.customer.series import Series
from workers.core.phrases import noun


class Absence(OfOneType):
    """No event for a while.

    False while the last event is recent. True once the customer has been known, and the series watched, for that long
    without an event.
    """

    cost = 1

    def __init__(self, series: str, type: str, phrase: str, for_ms: int, span: str) -> None:
        super().__init__(series, type, phrase)
        self.for_ms = for_ms
        self.span = span
        self._asked, self._prevented = f"none for {span}", f"a {noun(type)} before "

    @property
    def can_turn_true(self) -> frozenset[str]:
        """Return no type: no event can begin a silence."""
        return NOTHING

    def quiet_ms(self, type_: str) -> int:
        """Return `for_ms`: an event restarts the silence."""
        return self.for_ms if self._is_each(type_) else 0

    def evaluate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Return the truth; it turns true once, when the silence is long enough."""
        facts = activity.series.get(self.series)
        from_ms = activity.first_ms
        if facts is not None:
            from_ms = facts.last_ms
            enough_ms = from_ms + self.for_ms
            if at_ms < enough_ms:
                return FALSE, enough_ms
        since_ms = observed.since_ms(self.series)
        if since_ms > from_ms:
            from_ms = since_ms
        enough_ms = from_ms + self.for_ms
        if at_ms >= enough_ms:
            return TRUE, FOREVER_MS
        return NOT_OBSERVABLE, enough_ms if enough_ms < FOREVER_MS else FOREVER_MS

    def reasons(self, activity: Activity, at_ms: int, observed: Coverage) -> list[Reason]:
        """Return when the last event happened, and until when another would have prevented the action."""
        facts = activity.series.get(self.series)
        seen = last_in_words(activity, self.series)
        since_ms = observed.since_ms(self.series)
        prevented = None
        if since_ms < FOREVER_MS:
            from_ms = activity.first_ms if facts is None else facts.last_ms
            if since_ms > from_ms:
                from_ms = since_ms
            prevented = self._prevented + moment_in_words(from_ms + self.for_ms)
        return [Reason(self.phrase, seen, self._asked, self.span, prevented)]


class Recency(OfOneType):
    """The age of the last event; false if there never was one.

    If watching began after the last known event, a later event may have gone unseen in between. If there is no known
    event, one may have happened before the customer was known.

    Attributes:
        least_ms, most_ms: ages, both included; None for no bound.
        bound: the bounds in words.
    """

    cost = 1

    def __init__(
        self,
        series: str,
        type: str,
        phrase: str,
        least_ms: int | None,
        most_ms: int | None,
        bound: str,
    ) -> None:
        super().__init__(series, type, phrase)
        self.least_ms = least_ms
        self.most_ms = most_ms
        self.bound = bound

    @property
    def can_turn_false(self) -> frozenset[str]:
        """Return the type if there is a least age: a newer event can only make the age too small."""
        return self.types if self.least_ms is not None else NOTHING

    def quiet_ms(self, type_: str) -> int:
        """Return the least age, which a new event has to reach."""
        return self.least_ms or 0 if self._is_each(type_) else 0

    def evaluate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Return the truth; it changes when the age passes a bound."""
        facts, least_ms, most_ms = activity.series.get(self.series), self.least_ms, self.most_ms
        since_ms = observed.since_ms(self.series)
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

    def _never(self, activity: Activity, at_ms: int, observed: Coverage, since_ms: int) -> tuple[int, int]:
        if knows_ever(activity, self.series, observed):
            return FALSE, FOREVER_MS
        if self.most_ms is None:
            return NOT_OBSERVABLE, FOREVER_MS
        too_old_ms = max(since_ms, activity.first_ms) + self.most_ms + 1
        return (FALSE, FOREVER_MS) if at_ms >= too_old_ms else (NOT_OBSERVABLE, min(too_old_ms, FOREVER_MS))

    def _unwatched(self, at_ms: int, last_ms: int, since_ms: int) -> tuple[int, int]:
        """Evaluate for a last event at any time between the last known one and the start of watching.

        The last known event has reached the least age.
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

    def reasons(self, activity: Activity, at_ms: int, observed: Coverage) -> list[Reason]:
        """Return when the last event happened, and after when another would have prevented the action."""
        seen = last_in_words(activity, self.series)
        prevented = None
        if self.least_ms is not None:
            prevented = f"a {noun(self.type)} after {moment_in_words(at_ms - self.least_ms)}"
        return [Reason(self.phrase, seen, self.bound, None, prevented)]


class Beginning(OfOneType):
    """The age of the first event ever; false if there never was one.

    Unless the whole history is known, an earlier event may have gone unseen before the series was watched or the
    customer known. The first event is then the known one, or an unseen one at any earlier time.

    Attributes:
        least_ms, most_ms: ages, both included; None for no bound.
        bound: the bounds in words.
    """

    cost = 1

    def __init__(
        self,
        series: str,
        type: str,
        phrase: str,
        least_ms: int | None,
        most_ms: int | None,
        bound: str,
    ) -> None:
        super().__init__(series, type, phrase)
        self.least_ms = least_ms
        self.most_ms = most_ms
        self.bound = bound

    @property
    def can_turn_false(self) -> frozenset[str]:
        """Return the type if there is a greatest age: an earlier event can only make the age too large."""
        return self.types if self.most_ms is not None else NOTHING

    def evaluate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Return the truth; it changes when the age passes a bound."""
        facts, least_ms, most_ms = activity.series.get(self.series), self.least_ms, self.most_ms
        if not knows_ever(activity, self.series, observed):
            since_ms = max(observed.since_ms(self.series), activity.first_ms)
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
            # The known first event is too recent, and any unseen one would be too old.
            unseen_too_old_ms, enough_ms = min(first_ms, since_ms) + most_ms + 1, first_ms + least_ms
            if unseen_too_old_ms < enough_ms and at_ms < enough_ms:
                return (FALSE, enough_ms) if at_ms >= unseen_too_old_ms else (NOT_OBSERVABLE, unseen_too_old_ms)
        return NOT_OBSERVABLE, min(too_old_ms, FOREVER_MS)

    def reasons(self, activity: Activity, at_ms: int, observed: Coverage) -> list[Reason]:
        """Return when the first event happened."""
        facts = activity.series.get(self.series)
        seen = "never" if facts is None else f"first on {moment_in_words(facts.first_ms)}"
        return [Reason(self.phrase, seen, self.bound)]


class Tenure(Elementary):
    """The time since the customer is known: since the event of any type that arrived first.

    A customer known for a shorter time may be an old one, unless the history of every watched type is complete, or
    the customer first appeared long after coverage began.

    Attributes:
        for_ms: the least time.
    """

    cost = 0

    def __init__(self, for_ms: int, span: str, phrase: str) -> None:
        self.for_ms = for_ms
        self.span = span
        self.phrase = phrase

    @property
    def types(self) -> frozenset[str]:
        """Return no type: no event changes since when a customer is known."""
        return NOTHING

    @property
    def can_turn_false(self) -> frozenset[str]:
        """Return no type, as for `types`."""
        return NOTHING

    @property
    def can_turn_true(self) -> frozenset[str]:
        """Return no type, as for `types`."""
        return NOTHING

    def evaluate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Return the truth; it turns true once, when the customer has been known for long enough."""
        enough_ms = activity.first_ms + self.for_ms
        if at_ms >= enough_ms:
            return TRUE, FOREVER_MS
        return FALSE if activity.first_ms >= observed.settled_ms else NOT_OBSERVABLE, enough_ms

    def reasons(self, activity: Activity, at_ms: int, observed: Coverage) -> list[Reason]:
        """Return since when the customer is known."""
        return [Reason(self.phrase, f"since {moment_in_words(activity.first_ms)}", f"at least {self.span}")]


class Overdue(OfOneType):
    """The last event is longer ago than a multiple of the customer's own usual gap.

    The customer's usual gap is (2 x the usual gap of all customers + last - first) / (2 + days with the event - 1),
    over the whole lifetime, in whole milliseconds, rounded up. A customer without an event is not overdue.

    Attributes:
        times: the multiple of the usual gap, in hundredths.
        usual_gap_ms: the usual gap of all customers.
        least_ms: the customer is not overdue before this age of the last event.
    """

    cost = 2

    def __init__(
        self,
        series: str,
        type: str,
        phrase: str,
        times: int,
        usual_gap_ms: int,
        least_ms: int,
        bound: str,
    ) -> None:
        super().__init__(series, type, phrase)
        self.times = times
        self.usual_gap_ms = usual_gap_ms
        self.least_ms = least_ms
        self.bound = bound

    def quiet_ms(self, type_: str) -> int:
        """Return the least age: no customer is overdue before it."""
        return self.least_ms if self._is_each(type_) else 0

    def evaluate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Return the truth; it turns true once, when the last event is old enough."""
        facts = activity.series.get(self.series)
        if facts is None:
            return FALSE if knows_ever(activity, self.series, observed) else NOT_OBSERVABLE, FOREVER_MS
        from_ms, patience_ms = facts.last_ms, self._patience_ms(facts)
        if at_ms < from_ms + patience_ms:
            return FALSE, from_ms + patience_ms
        since_ms = observed.since_ms(self.series)
        if since_ms <= from_ms or at_ms >= since_ms + patience_ms:
            return TRUE, FOREVER_MS
        return NOT_OBSERVABLE, min(since_ms + patience_ms, FOREVER_MS)

    def _patience_ms(self, facts: Series) -> int:
        gaps = (facts.active_days or len(facts.days()) or 1) - 1
        usual = self.times * (2 * self.usual_gap_ms + facts.last_ms - facts.first_ms)
        return max(self.least_ms, -(-usual // (100 * (2 + gaps))))

    def reasons(self, activity: Activity, at_ms: int, observed: Coverage) -> list[Reason]:
        """Return the last event's time, the usual gap, and until when a new event would have prevented the action."""
        facts = activity.series.get(self.series)
        if facts is None:
            return [Reason(self.phrase, "never", self.bound)]
        gaps = max(1, facts.active_days) - 1
        usual_ms = (2 * self.usual_gap_ms + facts.last_ms - facts.first_ms) // (2 + gaps)
        seen = f"last on {moment_in_words(facts.last_ms)}, usually every {_roughly(usual_ms)}"
        from_ms = max(facts.last_ms, observed.since.get(self.series, 0))
        prevented = f"a {noun(self.type)} before {moment_in_words(from_ms + self._patience_ms(facts))}"
        return [Reason(self.phrase, seen, self.bound, None, prevented)]


def _roughly(span_ms: int) -> str:
    return f"{span_ms / DAY_MS:.1f} days"
