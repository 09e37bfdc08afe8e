"""Conditions on the latest value of an attribute, on a date, and on a cancellation."""

from typing import Any

from schemas.actions import Reason
from schemas.attribute_types import AttributeType
from workers.core.coverage import FOREVER_MS, Coverage
from workers.core.customer.specs import CANCELLATION
from workers.core.events.attribute_types import convert, date_ms_of
from workers.core.events.filters import Test
from workers.core.objects.conditions.observability import moment_in_words
from workers.core.objects.conditions.truth import FALSE, NOT_OBSERVABLE, TRUE, Elementary
from workers.core.objects.customer.activity import Activity


class _OfAttribute(Elementary):
    """A condition about the latest value of an attribute.

    Attributes:
        attribute: key of the stored value, `type.attribute`.
        type: the event type.
        phrase: the condition in words.
    """

    def __init__(self, attribute: str, type: str, phrase: str) -> None:
        self.attribute = attribute
        self.type = type
        self.phrase = phrase

    @property
    def types(self) -> frozenset[str]:
        """Return the one event type that the condition reads."""
        return frozenset({self.type})

    @property
    def can_turn_false(self) -> frozenset[str]:
        """Return the type: any newer value could change the truth."""
        return self.types

    @property
    def can_turn_true(self) -> frozenset[str]:
        """Return the type: any newer value could change the truth."""
        return self.types


class Attribute(_OfAttribute):
    """The latest known value of an attribute; not observable while none is known.

    A value stored before its attribute had a type, or stored as it came, counts as the type too.

    Attributes:
        passes: returns whether a value matches.
        bound: in words.
        kind: the type of the attribute; None if it has none.
    """

    cost = 0

    def __init__(
        self, attribute: str, type: str, phrase: str, passes: Test, bound: str, kind: AttributeType | None = None
    ) -> None:
        super().__init__(attribute, type, phrase)
        self.passes = passes
        self.bound = bound
        self.kind = kind

    def evaluate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Test the value; time alone never changes the result."""
        value = self._value(activity)
        if value is None:
            return NOT_OBSERVABLE, FOREVER_MS
        return TRUE if self.passes(value) else FALSE, FOREVER_MS

    def reasons(self, activity: Activity, at_ms: int, observed: Coverage) -> list[Reason]:
        """Return the value."""
        return [Reason(self.phrase, self._value(activity), self.bound)]

    def _value(self, activity: Activity) -> Any:
        known = activity.attributes.get(self.attribute)
        if known is None:
            return None
        return known[0] if self.kind is None else convert(known[0], self.kind)


class Deadline(_OfAttribute):
    """A date from an event is soon, or some time ago.

    The latest value counts: an ISO date (its midnight) or time (UTC if it names no zone), or epoch milliseconds. Not
    observable while no value is known, or if the value is none of these.

    Attributes:
        ahead_ms: how far ahead the date may be; None if it must be past.
        over_ms: for how long it must be past.
    """

    cost = 2

    def __init__(
        self,
        attribute: str,
        type: str,
        phrase: str,
        ahead_ms: int | None,
        over_ms: int,
        bound: str,
    ) -> None:
        super().__init__(attribute, type, phrase)
        self.ahead_ms = ahead_ms
        self.over_ms = over_ms
        self.bound = bound

    def evaluate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Return the truth; it changes when the date comes near enough, and when it passes."""
        date_ms = self._date_ms(activity)
        if date_ms is None:
            return NOT_OBSERVABLE, FOREVER_MS
        if self.ahead_ms is None:
            over_ms = date_ms + self.over_ms
            return (FALSE, over_ms) if at_ms < over_ms else (TRUE, FOREVER_MS)
        if at_ms >= date_ms:
            return FALSE, FOREVER_MS
        near_ms = date_ms - self.ahead_ms
        return (FALSE, near_ms) if at_ms < near_ms else (TRUE, date_ms)

    def reasons(self, activity: Activity, at_ms: int, observed: Coverage) -> list[Reason]:
        """Return the date."""
        date_ms = self._date_ms(activity)
        return [Reason(self.phrase, None if date_ms is None else moment_in_words(date_ms), self.bound)]

    def _date_ms(self, activity: Activity) -> int | None:
        known = activity.attributes.get(self.attribute)
        return None if known is None else date_ms_of(convert(known[0], "moment"))


class Cancelled(Elementary):
    """Whether the customer has cancelled, with no purchase or reactivation since.

    Never unobservable: a customer without a known cancellation is active.

    Attributes:
        wanted: whether the customer must have cancelled; otherwise the customer must be active.
        for_ms: the least age of the latest cancellation, 0 for none; only if `wanted`.
        returns: event types that end a cancellation.
    """

    cost = 0

    def __init__(self, wanted: bool, for_ms: int, returns: tuple[str, ...], bound: str, phrase: str) -> None:
        self.wanted = wanted
        self.for_ms = for_ms
        self.returns = returns
        self.bound = bound
        self.phrase = phrase
        self._prevented = "a purchase since" if wanted else "a cancellation"
        self._while_active = [Reason(phrase, "active", bound, None, self._prevented)]

    @property
    def types(self) -> frozenset[str]:
        """Return the types of cancellations and of the events that end them."""
        return frozenset({CANCELLATION, *self.returns})

    @property
    def can_turn_false(self) -> frozenset[str]:
        """Return the types that end `active`, or `cancelled`: a new cancellation restarts its age."""
        if not self.wanted:
            return frozenset({CANCELLATION})
        return frozenset({*self.returns, CANCELLATION} if self.for_ms else self.returns)

    @property
    def can_turn_true(self) -> frozenset[str]:
        """Return the types that end the other status."""
        return frozenset({CANCELLATION} if self.wanted else self.returns)

    def quiet_ms(self, type_: str) -> int:
        """Return for how long a customer stays active after a return, or cancelled after a cancellation."""
        if type_ == CANCELLATION:
            return self.for_ms if self.wanted else FOREVER_MS
        return FOREVER_MS if self.wanted and type_ in self.returns else 0

    def lowered_ms(self, type_: str, was_cancelled: bool) -> int:
        """Return FOREVER_MS if the event changes nothing: only a cancelled customer can return."""
        if type_ in self.returns and not was_cancelled:
            return FOREVER_MS
        return super().lowered_ms(type_, was_cancelled)

    def raised_ms(self, type_: str, was_cancelled: bool) -> int:
        """Return FOREVER_MS if the event changes nothing: only a cancelled customer can return."""
        if type_ in self.returns and not was_cancelled:
            return FOREVER_MS
        return super().raised_ms(type_, was_cancelled)

    def evaluate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Compare the last cancellation with the last return; a tie counts as cancelled."""
        since_ms = self._since(activity)
        if since_ms < 0:
            return FALSE if self.wanted else TRUE, FOREVER_MS
        if at_ms < since_ms + self.for_ms:
            return FALSE, since_ms + self.for_ms
        return TRUE if self.wanted else FALSE, FOREVER_MS

    def reasons(self, activity: Activity, at_ms: int, observed: Coverage) -> list[Reason]:
        """Return the customer's status."""
        since_ms = self._since(activity)
        if since_ms < 0:
            return [*self._while_active]
        return [Reason(self.phrase, f"cancelled on {moment_in_words(since_ms)}", self.bound, None, self._prevented)]

    def _since(self, activity: Activity) -> int:
        """Return when the customer cancelled, -1 if the customer is active."""
        cancelled = activity.series.get(CANCELLATION)
        if cancelled is None:
            return -1
        for name in self.returns:
            back = activity.series.get(name)
            if back is not None and back.last_ms > cancelled.last_ms:
                return -1
        return cancelled.last_ms
