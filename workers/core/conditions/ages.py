"""How long ago: silences, last and first times, how long a customer is known, and the customer's usual gap."""

from schemas.actions import Reason
from schemas.durations import DAY_MS
from workers.core.conditions.observability import NOTHING, OfOneType, knows_ever, last_in_words, moment_in_words
from workers.core.conditions.truth import FALSE, NOT_OBSERVABLE, TRUE, Elementary
from workers.core.coverage import FOREVER_MS, Coverage
from workers.core.customer.activity import Activity
from workers.core.customer.series import Series
from workers.core.phrases import noun


class Absence(OfOneType):
    """Something did not happen for a while.

    False while the last event is recent; true once the customer is known, the series watched, and nothing happened
    for long enough.
    """

    cost = 1

    def __init__(self, series: str, type: str, phrase: str, for_ms: int, span: str) -> None:
        super().__init__(series, type, phrase)
        self.for_ms = for_ms
        self.span = span
        self._asked, self._prevented = f"none for {span}", f"a {noun(type)} before "

    @property
    def can_turn_true(self) -> frozenset[str]:
        """No event can begin a silence."""
        return NOTHING

    def quiet_ms(self, type_: str) -> int:
        """A silence starts again."""
        return self.for_ms if self._is_each(type_) else 0

    def evaluate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """The silence is long enough at a known moment, and stays so."""
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
        """Return when it last happened, and until when it would have prevented the action."""
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
    """How long ago something happened last; false if it never happened.

    If the series is watched only since a moment after the last known event, a later event may be unseen before that
    moment. For a customer without any such event, one may have happened before the customer was known.

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
        """A newer event could make it too recent, and never too old."""
        return self.types if self.least_ms is not None else NOTHING

    def quiet_ms(self, type_: str) -> int:
        """The new event has to become old enough."""
        return self.least_ms or 0 if self._is_each(type_) else 0

    def evaluate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """The age passes each bound at a known moment."""
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

    def reasons(self, activity: Activity, at_ms: int, observed: Coverage) -> list[Reason]:
        """Return when it last happened, and after when it would have prevented the action."""
        seen = last_in_words(activity, self.series)
        prevented = None
        if self.least_ms is not None:
            prevented = f"a {noun(self.type)} after {moment_in_words(at_ms - self.least_ms)}"
        return [Reason(self.phrase, seen, self.bound, None, prevented)]


class Beginning(OfOneType):
    """How long ago something happened for the first time ever; false if it never happened.

    Unless the whole history is known, something earlier may have gone unseen before the series was watched and the
    customer known: the first time is then the one that is known, or any time before both.

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
        """An earlier event could make it too old, and never too recent."""
        return self.types if self.most_ms is not None else NOTHING

    def evaluate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """The age passes each bound at a known moment."""
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
            # Too recent as far as is known, and any unseen event would be too old.
            unseen_too_old_ms, enough_ms = min(first_ms, since_ms) + most_ms + 1, first_ms + least_ms
            if unseen_too_old_ms < enough_ms and at_ms < enough_ms:
                return (FALSE, enough_ms) if at_ms >= unseen_too_old_ms else (NOT_OBSERVABLE, unseen_too_old_ms)
        return NOT_OBSERVABLE, min(too_old_ms, FOREVER_MS)

    def reasons(self, activity: Activity, at_ms: int, observed: Coverage) -> list[Reason]:
        """Return when it first happened."""
        facts = activity.series.get(self.series)
        seen = "never" if facts is None else f"first on {moment_in_words(facts.first_ms)}"
        return [Reason(self.phrase, seen, self.bound)]


class Tenure(Elementary):
    """Since when the customer is known: since the first event of any type that arrived.

    A customer known for less may be an old customer, unless the history of every watched type is complete, or the
    customer first appeared long after coverage began.

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
        """No event of a known customer changes it."""
        return NOTHING

    @property
    def can_turn_false(self) -> frozenset[str]:
        """Nothing does."""
        return NOTHING

    @property
    def can_turn_true(self) -> frozenset[str]:
        """Nothing does."""
        return NOTHING

    def evaluate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """It comes true at a known moment, and stays so."""
        enough_ms = activity.first_ms + self.for_ms
        if at_ms >= enough_ms:
            return TRUE, FOREVER_MS
        return FALSE if activity.first_ms >= observed.settled_ms else NOT_OBSERVABLE, enough_ms

    def reasons(self, activity: Activity, at_ms: int, observed: Coverage) -> list[Reason]:
        """Return since when."""
        return [Reason(self.phrase, f"since {moment_in_words(activity.first_ms)}", f"at least {self.span}")]


class Overdue(OfOneType):
    """The last event is longer ago than the customer's own rhythm explains.

    The usual gap is (2 x the usual gap of all + last - first) / (2 + days with the event - 1), of the whole
    lifetime; times are whole milliseconds, rounded up. A customer who never did it is not overdue.

    Attributes:
        times: how many times the usual gap, in hundredths.
        usual_gap_ms: that of all customers.
        least_ms: never sooner than this after the last event.
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
        """No customer is overdue before the least time has passed."""
        return self.least_ms if self._is_each(type_) else 0

    def evaluate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """It is overdue from a known moment on."""
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
        """Return when it last happened, how often it does, and until when it would have prevented the action."""
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
