"""One event after another."""

from schemas.actions import Reason
from workers.core.conditions.observability import knows_ever, last_in_words, moment_in_words
from workers.core.conditions.truth import FALSE, NOT_OBSERVABLE, TRUE, Elementary
from workers.core.coverage import FOREVER_MS, Coverage
from workers.core.customer.activity import Activity
from workers.core.phrases import noun


class _OfTwo(Elementary):
    """A condition about two series.

    Attributes:
        first, then: keys of the facts of what comes first and second.
        first_type, then_type: the event types of those series.
        later: the second must come later, not at the same moment; so it is where both are of one type, because no
            event follows itself.
        phrase: the condition in words.
    """

    def __init__(
        self,
        first: str,
        then: str,
        first_type: str,
        then_type: str,
        later: bool,
        phrase: str,
    ) -> None:
        self.first = first
        self.then = then
        self.first_type = first_type
        self.then_type = then_type
        self.later = later
        self.phrase = phrase

    @property
    def types(self) -> frozenset[str]:
        """Both."""
        return frozenset({self.first_type, self.then_type})


class Answered(_OfTwo):
    """The latest of one event was followed by another one in time; time alone never changes it.

    Not observable as long as the first could have happened again unseen before it was watched, and what followed it
    unseen before that was watched; and where it is not known any more what followed first, because events came late
    or the rule is new.

    Attributes:
        pair: key of what is known of the two.
        within_ms: how soon, the moment itself included.
    """

    cost = 2

    def __init__(
        self,
        first: str,
        then: str,
        first_type: str,
        then_type: str,
        later: bool,
        phrase: str,
        pair: str,
        within_ms: int,
        span: str,
    ) -> None:
        super().__init__(first, then, first_type, then_type, later, phrase)
        self.pair = pair
        self.within_ms = within_ms
        self.span = span

    @property
    def can_turn_false(self) -> frozenset[str]:
        """The first could happen again."""
        return frozenset({self.first_type})

    @property
    def can_turn_true(self) -> frozenset[str]:
        """Both: the second may follow, and the first may have happened once more shortly before it did."""
        return self.types

    def evaluate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Compare the latest of the first with what followed it first."""
        first = activity.series.get(self.first)
        if first is None:
            return FALSE if knows_ever(activity, self.first, observed) else NOT_OBSERVABLE, FOREVER_MS
        first_ms = first.last_ms
        if observed.since_ms(self.first) > first_ms:
            return NOT_OBSERVABLE, FOREVER_MS
        followed = self._followed(activity, first_ms)
        if followed == FALSE and observed.since_ms(self.then) > first_ms:
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
        if state is not None and state[0] == first_ms and state[1] > 0:
            return TRUE if state[1] <= until_ms else FALSE
        if then.first_ms >= from_ms:
            return TRUE if then.first_ms <= until_ms else FALSE
        return NOT_OBSERVABLE

    def reasons(self, activity: Activity, at_ms: int, observed: Coverage) -> list[Reason]:
        """Return when the first happened, and when the second followed."""
        state = activity.pairs.get(self.pair)
        seen = last_in_words(activity, self.first)
        if state is not None and state[1] > 0:
            seen = f"{seen}, then {noun(self.then_type)} on {moment_in_words(state[1])}"
        return [Reason(self.phrase, seen, f"{noun(self.then_type)} within {self.span}", self.span)]


class Unanswered(_OfTwo):
    """One event happened, and another one did not follow the latest of it for a while.

    Not observable if the first could have happened unseen, or the second after it.

    Attributes:
        for_ms: how long it did not follow.
    """

    cost = 2

    def __init__(
        self,
        first: str,
        then: str,
        first_type: str,
        then_type: str,
        later: bool,
        phrase: str,
        for_ms: int,
        span: str,
    ) -> None:
        super().__init__(first, then, first_type, then_type, later, phrase)
        self.for_ms = for_ms
        self.span = span

    @property
    def can_turn_false(self) -> frozenset[str]:
        """Both: the second may follow, and the first may happen again."""
        return self.types

    @property
    def can_turn_true(self) -> frozenset[str]:
        """The first may have happened once more after the second."""
        return frozenset({self.first_type})

    def quiet_ms(self, type_: str) -> int:
        """The first event restarts the time, the second one ends it."""
        if type_ == self.first_type:
            return self.for_ms if self.first == type_ else 0
        return FOREVER_MS if self.then == type_ else 0

    def evaluate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """It is long enough at a known moment, and stays so."""
        first = activity.series.get(self.first)
        if first is None:
            return FALSE if knows_ever(activity, self.first, observed) else NOT_OBSERVABLE, FOREVER_MS
        first_ms, first_since_ms = first.last_ms, observed.since_ms(self.first)
        then = activity.series.get(self.then)
        followed_ms = -1 if then is None or then.last_ms < first_ms + self.later else then.last_ms
        if followed_ms >= first_since_ms or (followed_ms >= 0 and first_ms >= first_since_ms):
            return FALSE, FOREVER_MS
        enough_ms = first_ms + self.for_ms
        if at_ms < enough_ms:
            return FALSE, enough_ms
        if followed_ms >= 0 or observed.since_ms(self.then) > first_ms:
            return NOT_OBSERVABLE, FOREVER_MS
        if first_since_ms > first_ms:
            enough_ms = first_since_ms + self.for_ms
        if at_ms >= enough_ms:
            return TRUE, FOREVER_MS
        return NOT_OBSERVABLE, min(enough_ms, FOREVER_MS)

    def reasons(self, activity: Activity, at_ms: int, observed: Coverage) -> list[Reason]:
        """Return when the first happened, and until when the second would have prevented the action."""
        first = activity.series.get(self.first)
        prevented = None
        if first is not None:
            prevented = f"a {noun(self.then_type)} before {moment_in_words(first.last_ms + self.for_ms)}"
        seen = last_in_words(activity, self.first)
        return [Reason(self.phrase, seen, f"no {noun(self.then_type)} for {self.span}", self.span, prevented)]
