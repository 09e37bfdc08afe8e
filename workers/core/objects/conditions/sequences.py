"""One event after another."""

from schemas.actions import Reason
from workers.core.coverage import FOREVER_MS, Coverage
from workers.core.objects.conditions.observability import knows_ever, last_in_words, moment_in_words
from workers.core.objects.conditions.truth import FALSE, NOT_OBSERVABLE, TRUE, Elementary
from workers.core.objects.customer.activity import Activity
from workers.core.phrases import noun


class _OfTwo(Elementary):
    """A condition about two series.

    Attributes:
        first, then: keys of the first and the second series.
        first_type, then_type: the event types of those series.
        later: whether the second event must come later, not at the same moment. Always so if both are of one type,
            because no event follows itself.
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
        """Return both event types."""
        return frozenset({self.first_type, self.then_type})


class Answered(_OfTwo):
    """The latest first event was followed by a second one in time; time alone never changes the truth.

    Not observable if a later first event, or the second event, may have happened unseen before its series was
    watched. Also not if it is no longer known which event followed first, because events arrived late or the rule is
    new.

    Attributes:
        pair: key of the stored pair.
        within_ms: the longest time between the two, inclusive.
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
        """Return the first type: it could happen again."""
        return frozenset({self.first_type})

    @property
    def can_turn_true(self) -> frozenset[str]:
        """Return both types: the second may follow, or a later first event may have come shortly before it."""
        return self.types

    def evaluate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Compare the latest first event with the event that followed it first."""
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
    """The latest first event was not followed by a second one for a while.

    Not observable if a later first event, or the second event after it, may have happened unseen.

    Attributes:
        for_ms: how long no second event has followed.
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
        """Return both types: the second may follow, and the first may happen again."""
        return self.types

    @property
    def can_turn_true(self) -> frozenset[str]:
        """Return the first type: it may have happened again after the second."""
        return frozenset({self.first_type})

    def quiet_ms(self, type_: str) -> int:
        """Return `for_ms`: the first event restarts the wait, and the second ends it."""
        if type_ == self.first_type:
            return self.for_ms if self.first == type_ else 0
        return FOREVER_MS if self.then == type_ else 0

    def evaluate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Return the truth; it turns true once, when the wait is long enough."""
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
