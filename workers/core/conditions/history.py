"""How much of a customer's history is known.

A series is watched since `Series.since_ms`. Of a customer before the event that arrived first, a condition that
counts knows that nothing happened, if the history is complete or the customer first appeared long after watching
began (`counted_from`). A condition on how long something lasted knows nothing of that time (`watched_from`): no
customer is silent for longer than known. Of a customer who may have been forgotten and is back, the history is known
only as far as it cannot have been forgotten (`Customer.forgotten_until`).
"""

from schemas.durations import DAY_MS
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE, Condition
from workers.core.coverage import FOREVER_MS, SETTLING_MS
from workers.core.customer.customer import Customer
from workers.core.customer.series import Series


def knows_ever(customer: Customer, series: Series) -> bool:
    """Return whether the whole history of a series is known."""
    return _is_whole(customer, series) and not _is_forgotten(customer, series)


def _is_whole(customer: Customer, series: Series) -> bool:
    """Return whether the whole history of a series was seen."""
    if series.is_complete:
        return series.since_ms < FOREVER_MS
    return customer.first_ms >= series.since_ms + SETTLING_MS


def _is_forgotten(customer: Customer, series: Series) -> bool:
    """Return whether watched events of a series may have been forgotten with the customer."""
    return customer.forget_after_ms > 0 and customer.forgotten_until(series) > series.since_ms


def watched_from(customer: Customer, series: Series, days: int) -> int:
    """Return from when on the last `days` UTC days lie in the time since the customer is known, and are complete."""
    return _complete_from(series, max(series.since_ms, customer.first_ms), days)


def _complete_from(series: Series, since_ms: int, days: int) -> int:
    """Return from when on the last `days` UTC days are complete, if everything has been seen since a moment."""
    if since_ms >= FOREVER_MS:
        return FOREVER_MS
    # The first complete day is the first one whose midnight was seen.
    day = (since_ms + DAY_MS - 1) // DAY_MS - 1
    if series.is_present and series.gone_day > day:
        day = series.gone_day
    from_ms = (day + days) * DAY_MS
    return from_ms if from_ms < FOREVER_MS else FOREVER_MS


def counted_from(customer: Customer, series: Series, days: int) -> int:
    """Return from when on no event of the last `days` UTC days can be missing."""
    if not _is_whole(customer, series):
        return watched_from(customer, series, days)
    if _is_forgotten(customer, series):
        return _complete_from(series, customer.forgotten_until(series), days)
    # Nothing happened before the first event, so only days that are gone make a window incomplete.
    return (series.gone_day + days) * DAY_MS if series.is_present and series.gone_day else 0


def staged(
    condition: Condition, at_ms: int, too_many_until_ms: int, enough_until_ms: int, watched_ms: int, capped: bool
) -> int:
    """Compare a number that only new events can raise with its bounds; return the truth, and set when it changes.

    Args:
        condition: whose `flip_ms` is set.
        at_ms: when.
        too_many_until_ms: when the number falls to the upper bound; in the past if it is not above the bound.
        enough_until_ms: when the number falls below the lower bound; not before `too_many_until_ms`.
        watched_ms: from when on no event can be missing.
        capped: whether there is an upper bound: then missing events matter even if the lower bound is reached.
    """
    condition.flip_ms = FOREVER_MS
    if at_ms < too_many_until_ms:
        if too_many_until_ms != enough_until_ms or watched_ms > enough_until_ms:
            condition.flip_ms = too_many_until_ms
        return FALSE
    if at_ms < enough_until_ms:
        if not capped or at_ms >= watched_ms:
            condition.flip_ms = enough_until_ms
            return TRUE
    elif at_ms >= watched_ms:
        return FALSE
    condition.flip_ms = watched_ms
    return NOT_OBSERVABLE
