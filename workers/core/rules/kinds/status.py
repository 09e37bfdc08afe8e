# cython: overflowcheck=False
# Nothing here leaves 64 bits: moments are at most FOREVER_MS, and a duration is shorter than a calendar.
"""`status: cancelled, for: 30 days`: from a cancellation until the next purchase or reactivation."""

from collections.abc import Iterator

from schemas.actions import Number
from schemas.conditions import Status
from schemas.durations import duration_ms, write_duration
from workers.core.conditions.condition import FALSE, TRUE, Basis, Elementary
from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import Evidence
from workers.core.customer.series import Series
from workers.core.customer.specs import CANCELLATION, PURCHASE, REACTIVATION
from workers.core.phrases import Said
from workers.core.rules.binding import Binding
from workers.core.rules.claims import EVER, ONE, AtLeast, Claim, Events, State
from workers.core.rules.kind import Kind
from workers.core.text import Text


class Cancelled(Elementary):
    """Whether the customer has cancelled, with no purchase or reactivation since.

    Never unobservable: a customer without a known cancellation is active.

    Attributes:
        wanted: the truth while the customer has cancelled for long enough.
        for_ms: the least age of the latest cancellation, 0 for none.
        cancelled: the series of cancellations.
        purchased, reactivated: the series of events that end a cancellation; the second None if there is none.
    """

    def __init__(self, basis: Basis, when: Status, cancelled: Series, purchased: Series, *others: Series) -> None:
        super().__init__(basis)
        self.wanted = TRUE if when.status == "cancelled" else FALSE
        self.for_ms = 0 if when.for_ is None else duration_ms(when.for_)
        self.cancelled = cancelled
        self.purchased = purchased
        self.reactivated = others[0] if others else None

    def look(self, at_ms: int) -> int:
        """Compare the last cancellation with the last return; a tie counts as cancelled."""
        self.flip_ms = FOREVER_MS
        if not self.cancelled.is_present:  # as of nearly every customer
            return TRUE - self.wanted
        since_ms = self.cancelled.last_ms
        if self.has_returned(since_ms):
            return TRUE - self.wanted
        if at_ms < since_ms + self.for_ms:
            self.flip_ms = since_ms + self.for_ms
            return FALSE
        return self.wanted

    def has_returned(self, cancelled_ms: int) -> bool:
        """Return whether something happened since a cancellation that ends it."""
        if self.purchased.is_present and self.purchased.last_ms > cancelled_ms:
            return True
        back = self.reactivated
        return back is not None and back.is_present and back.last_ms > cancelled_ms

    def note(self, evidence: Evidence, at_ms: int) -> None:
        """Note when the customer cancelled; -1 for active."""
        cancelled_ms = self.cancelled.last_ms if self.cancelled.is_present else -1
        is_active = cancelled_ms < 0 or self.has_returned(cancelled_ms)
        evidence.numbers[self.at] = -1 if is_active else cancelled_ms

    def write_observed(self, text: Text, evidence: Evidence) -> None:
        """Write the customer's status."""
        self.write_since(text, b'"cancelled on ', evidence.numbers[self.at], b'"active"')

    def write_prevented(self, text: Text, evidence: Evidence) -> None:
        """Write which event would have prevented the action."""
        text.copy(self.prevented)
        text.byte(34)


def said(when: Status, *, holds: bool) -> Said:
    """Word the condition, or its opposite."""
    if when.for_ is not None:
        span = write_duration(when.for_)
        if holds:
            rest = f"at least {span} ago and did not come back"
            return Said(f"the customer cancelled {rest}", "cancelled", rest)
        text = f"active or cancelled less than {span} ago"
        return Said(f"the customer is {text}", "is", text)
    if (when.status == "active") == holds:
        return Said("the customer is active", "is", "active")
    return Said("the customer has cancelled", "has", "cancelled")


def compile(when: Status, binding: Binding) -> Cancelled:
    """Compile the condition for the customer of a rule set."""
    bound = when.status if when.for_ is None else f"{when.status} for {write_duration(when.for_)}"
    prevented = "a purchase since" if when.status == "cancelled" else "a cancellation"
    series = (binding.series(name, None) for name in (CANCELLATION, *binding.specs.returns))
    return Cancelled(binding.basis(when, said, bound, prevented=prevented), when, *series)


def types(when: Status) -> set[str]:
    """Return the types of cancellations and of the events that end them."""
    return {CANCELLATION, PURCHASE, REACTIVATION}


def can_turn_false(when: Status) -> set[str]:
    """Return the types that end `active`, or `cancelled`: a new cancellation restarts its age."""
    if when.status == "active":
        return {CANCELLATION}
    return {PURCHASE, REACTIVATION} if when.for_ is None else types(when)


def can_turn_true(when: Status) -> set[str]:
    """Return the types that end the other status."""
    return {PURCHASE, REACTIVATION} if when.status == "active" else {CANCELLATION}


def least_events(when: Status) -> dict[str, int]:
    """Return that there is a cancellation, if the customer must have cancelled."""
    return {CANCELLATION: 1} if when.status == "cancelled" else {}


def quiet_after(when: Status) -> set[str]:
    """Return the types of events after which a customer stays active, or becomes cancelled only later."""
    if when.status == "active":
        return {CANCELLATION}
    return {PURCHASE, REACTIVATION} | ({CANCELLATION} if when.for_ else set())


def changes_at_once(when: Status, was_cancelled: bool, raises: bool) -> set[str]:
    """Return the types that turn it; only a cancelled customer can return."""
    turning = can_turn_true(when) if raises else can_turn_false(when)
    return turning if was_cancelled else turning - {PURCHASE, REACTIVATION}


def claims(when: Status, holds: bool) -> Iterator[Claim]:
    """Yield its claims, or those of its opposite."""
    if holds:
        yield State(("status",), when.status)
        if when.status == "cancelled":
            yield AtLeast(Events(CANCELLATION), EVER, ONE)
    elif when.for_ is None:
        yield State(("status",), "cancelled" if when.status == "active" else "active")


def times(when: Status) -> Iterator[str]:
    """Yield when it is checked besides after events."""
    if when.for_ is not None:
        yield f"{write_duration(when.for_)} after the cancellation"


def changed_by(when: Status, cancelled: Cancelled, truth: int, observed: Number, events: str) -> str:
    """Return whether the next event changes it, or time must pass first."""
    return f"{'changes' if when.for_ is None else 'can change'} with the next {events}"


KIND = Kind(
    word="status",
    model=Status,
    said=said,
    compile=compile,
    types=types,
    can_turn_false=can_turn_false,
    can_turn_true=can_turn_true,
    least_events=least_events,
    where_declared=frozenset({REACTIVATION}),
    quiet_after=quiet_after,
    changes_at_once=changes_at_once,
    claims=claims,
    times=times,
    changed_by=changed_by,
)
