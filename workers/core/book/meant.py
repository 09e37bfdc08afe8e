"""What events mean in the book: the block `book` of the rule files, with what holds where it says nothing."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from schemas.bookkeeping import Bookkeeping
from schemas.durations import DAY_MS, duration_ms
from schemas.rules import RuleBook

AMOUNT: Final = "amount"
_PURCHASE: Final = "purchase"
_CANCELLATION: Final = "cancellation"
_REASON: Final = "reason"
_FAILED_RENEWAL: Final = "renewal_failed"
_COMPLAINT: Final = "complaint"
_SUBJECT: Final = "about"
_RECOMMENDS: Final = "nps.score"
_BREAK_DAYS: Final = 90


@dataclass(frozen=True)
class Meant:
    """Which events mean what in the book.

    Attributes:
        purchases: the types that are purchases.
        revenue, refunds: the attributes of events that add up, by type.
        cancellation, failed_renewal, complaint: types; None for none.
        reason, subject: attributes of a cancellation and of a complaint; None for none.
        recommends: type and attribute of the answer from 0 to 10; None for none.
        contract: the types that begin or go on with a contract.
        break_ms: how long without a purchase is a break.
        currency: of the value of a customer; None if it is not said.
    """

    purchases: tuple[str, ...] = ()
    revenue: tuple[tuple[str, str], ...] = ()
    refunds: tuple[tuple[str, str], ...] = ()
    cancellation: str | None = None
    reason: str | None = None
    failed_renewal: str | None = None
    complaint: str | None = None
    subject: str | None = None
    recommends: tuple[str, str] | None = None
    contract: tuple[str, ...] = ()
    break_ms: int = _BREAK_DAYS * DAY_MS
    currency: str | None = None

    def read(self) -> Iterator[tuple[str, str]]:
        """Yield every attribute that is read, by its type, but amounts and currencies of money."""
        for event_type, attribute in (*self.revenue, *self.refunds):
            if attribute != AMOUNT:
                yield event_type, attribute
        if self.cancellation is not None and self.reason is not None:
            yield self.cancellation, self.reason
        if self.complaint is not None and self.subject is not None:
            yield self.complaint, self.subject
        if self.recommends is not None:
            yield self.recommends


def meant_in(book: RuleBook, types: Collection[str]) -> Meant:
    """Return what events mean; a type that does not exist means nothing, and of a personal attribute nothing is read.

    Args:
        book: all rule files.
        types: all event types.
    """
    said = book.book or Bookkeeping()

    def known(name: str | None) -> str | None:
        return name if name in types else None

    def readable(event_type: str | None, attribute: str | None) -> str | None:
        return None if attribute is None or f"{event_type}.{attribute}" in book.personal else attribute

    purchases = tuple(name for name in said.purchase or (_PURCHASE,) if name in types)
    if book.value is None:
        revenue: tuple[tuple[str, str], ...] = tuple((name, AMOUNT) for name in purchases)
        refunds: tuple[tuple[str, str], ...] = ()
    else:
        revenue = tuple(_split(one) for one in book.value.revenue)
        refunds = tuple(_split(one) for one in book.value.less)
    cancellation = _CANCELLATION if said.cancellation is None else said.cancellation.event
    reason = _REASON if said.cancellation is None else said.cancellation.reason
    complaint = _COMPLAINT if said.complaint is None else said.complaint.event
    subject = _SUBJECT if said.complaint is None else said.complaint.subject
    answered, answer = _split(said.recommends or _RECOMMENDS)
    is_asked = answered in types and readable(answered, answer) is not None
    return Meant(
        purchases=purchases,
        revenue=tuple(one for one in revenue if readable(*one) is not None),
        refunds=tuple(one for one in refunds if readable(*one) is not None),
        cancellation=known(cancellation),
        reason=readable(cancellation, reason),
        failed_renewal=known(said.failed_renewal or _FAILED_RENEWAL),
        complaint=known(complaint),
        subject=readable(complaint, subject),
        recommends=(answered, answer) if is_asked else None,
        contract=tuple(name for name in said.contract or () if name in types),
        break_ms=_BREAK_DAYS * DAY_MS if said.break_after is None else duration_ms(said.break_after),
        currency=None if book.value is None else book.value.currency,
    )


def _split(reference: str) -> tuple[str, str]:
    event_type, _, attribute = reference.partition(".")
    return event_type, attribute
