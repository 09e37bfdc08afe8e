"""The customers of the simulated shop: what each kind does, from the first purchase on.

Most buy once. Regulars buy at their own rhythm, and members of them have benefits for half a year; subscribers get a
box every four weeks. Who leaves was often unhappy before: they complain, or would not recommend the shop.
This module must never know a rule, nor how a record is written.
"""

from collections.abc import Iterator
from random import Random
from typing import Final, NamedTuple

from schemas.durations import DAY_MS
from workers.histories.history import CANCELLATIONS, LOGINS, ORDERS
from workers.histories.shop_streams import ANSWERS, COMPLAINTS, MEMBERSHIPS, REFERRALS, REVERSALS, UNPAID

_BILLING_PERIOD_DAYS: Final = 28
_BENEFITS_DAYS: Final = 180
_MEMBER_AFTER: Final = {3: "silver", 8: "gold"}
"""Tiers by the number of purchases that they need."""

_SECOND_THOUGHTS_OF_ONE_TIME_BUYERS: Final = 0.06
_BUYS_AGAIN_AFTER_CANCELLING: Final = 0.4
_CANCELS_AHEAD: Final = 0.6
_REVERSES: Final = 0.2
_PAYS_AFTER_ALL: Final = 0.35
_ANSWERS_ONCE: Final = 0.1
_ANSWERS: Final = 0.35

_COMPLAINTS: Final = (
    "a late parcel",
    "a late parcel",
    "a damaged item",
    "the wrong item",
    "a refund that did not come",
    "the price",
)


class Moment(NamedTuple):
    """Something a customer does, before it gets an id and a payload.

    Attributes:
        at_ms: when, UTC epoch milliseconds.
        topic: the topic of its record.
        said: the score of an answer, the subject of a complaint, or the tier of a membership.
        until_ms: when a cancellation takes effect, or benefits end; 0 for no such moment.
    """

    at_ms: int
    topic: str
    said: str = ""
    until_ms: int = 0


class Silence(NamedTuple):
    """A period without logins: `from_ms` ≤ time < `until_ms`.

    Attributes:
        from_ms: its first millisecond.
        until_ms: the millisecond after it.
    """

    from_ms: int
    until_ms: int


def one_time_buyer(rng: Random, joined_ms: int, end_ms: int) -> Iterator[Moment]:
    """Buy once and track the parcel once or twice; very few complain, or buy again weeks later."""
    yield Moment(joined_ms, ORDERS)
    for _ in range(rng.randrange(3)):
        yield Moment(joined_ms + days(rng, 1, 7), LOGINS)
    is_unhappy = rng.random() < 0.2
    if is_unhappy and rng.random() < 0.3:
        yield _complaint(rng, joined_ms)
    if rng.random() < _ANSWERS_ONCE:
        yield _answer(rng, joined_ms, is_unhappy)
    if rng.random() < _SECOND_THOUGHTS_OF_ONE_TIME_BUYERS:
        yield Moment(joined_ms + days(rng, 35, 100), ORDERS)


def regular(rng: Random, joined_ms: int, end_ms: int) -> Iterator[Moment]:
    """Buy at a personal interval of 8 to 40 days; some stop for good, some are away for 50 to 90 days."""
    rhythm_ms = days(rng, 8, 40)
    draw = rng.random()
    stops_after = rng.randint(3, 10) if draw < 0.55 else None
    comes_back = draw < 0.25
    is_unhappy = stops_after is not None and not comes_back and rng.random() < 0.5
    at_ms = joined_ms
    purchases = 0
    while at_ms < end_ms:
        yield Moment(at_ms, ORDERS)
        purchases += 1
        yield from _after_purchase(rng, at_ms, purchases, is_unhappy)
        if purchases != stops_after:
            at_ms += gap(rng, rhythm_ms)
        elif comes_back:
            at_ms += days(rng, 50, 90)
        else:
            if is_unhappy and rng.random() < 0.5:
                yield _complaint(rng, at_ms)
            return


def _after_purchase(rng: Random, at_ms: int, purchases: int, is_unhappy: bool) -> Iterator[Moment]:
    """Become a member, complain, answer, or bring a friend."""
    tier = _MEMBER_AFTER.get(purchases)
    if tier is not None:
        # On the next day: the time of day is drawn later and could put it before the purchase.
        yield Moment(at_ms + DAY_MS, MEMBERSHIPS, tier, at_ms + _BENEFITS_DAYS * DAY_MS)
    if rng.random() < 0.015:
        yield _complaint(rng, at_ms)
    if purchases % 6 == 2 and rng.random() < _ANSWERS:
        yield _answer(rng, at_ms, is_unhappy)
    if purchases >= 4 and not is_unhappy and rng.random() < 0.03:
        yield Moment(at_ms + days(rng, 3, 25), REFERRALS)


def subscriber(rng: Random, joined_ms: int, end_ms: int) -> Iterator[Moment]:
    """Log in every 1 to 4 days and renew every four weeks; some are silent for a while or for good, some leave."""
    draw = rng.random()
    change_ms = joined_ms + days(rng, 40, 200)
    if rng.random() < _ANSWERS:
        yield _answer(rng, joined_ms, draw > 0.8)
    if draw < 0.30:  # stays
        yield from _membership(rng, joined_ms, end_ms, Silence(end_ms, end_ms))
        if rng.random() < 0.15:
            yield Moment(change_ms, REFERRALS)
    elif draw < 0.42:  # keeps paying, but logs in no more
        yield from _membership(rng, joined_ms, end_ms, Silence(change_ms, end_ms))
    elif draw < 0.58:  # away for some weeks
        yield from _membership(rng, joined_ms, end_ms, Silence(change_ms, change_ms + days(rng, 22, 50)))
    elif draw < 0.68:
        yield from _not_paying(rng, joined_ms, change_ms)
    else:
        yield from _cancelling(rng, joined_ms, change_ms, end_ms)


def _not_paying(rng: Random, joined_ms: int, failed_ms: int) -> Iterator[Moment]:
    """Fail to renew at the first due date after a moment; some pay after all, some weeks later."""
    due_ms = _due_after(joined_ms, failed_ms)
    yield from _membership(rng, joined_ms, due_ms, Silence(due_ms, due_ms))
    closed_ms = due_ms + days(rng, 10, 14)
    yield Moment(closed_ms, UNPAID)
    if rng.random() < _PAYS_AFTER_ALL:
        yield Moment(closed_ms + days(rng, 2, 40), ORDERS)


def _cancelling(rng: Random, joined_ms: int, cancelled_ms: int, end_ms: int) -> Iterator[Moment]:
    """Cancel, mostly after a period without logins: at once, or ahead for the next due date, which some reverse."""
    # Nothing else on the day of the cancellation: the time of day is drawn later and could put it first.
    last_ms = cancelled_ms - DAY_MS
    yield from _membership(rng, joined_ms, last_ms, Silence(last_ms - days(rng, 0, 25), last_ms))
    if rng.random() < 0.25:
        yield _complaint(rng, cancelled_ms - 12 * DAY_MS)
    if rng.random() >= _CANCELS_AHEAD:
        yield Moment(cancelled_ms, CANCELLATIONS)
    else:
        due_ms = _due_after(joined_ms, cancelled_ms + DAY_MS)
        yield Moment(cancelled_ms, CANCELLATIONS, until_ms=due_ms)
        if rng.random() < _REVERSES:
            yield Moment(cancelled_ms + DAY_MS, REVERSALS)
            yield from _membership(rng, due_ms, end_ms, Silence(end_ms, end_ms))
            return
    if rng.random() < _BUYS_AGAIN_AFTER_CANCELLING:
        yield Moment(cancelled_ms + days(rng, 15, 90), ORDERS)


def _membership(rng: Random, joined_ms: int, end_ms: int, silence: Silence) -> Iterator[Moment]:
    """Renew until `end_ms` (exclusive), and log in until then except during the silence."""
    for renewed_ms in range(joined_ms, end_ms, _BILLING_PERIOD_DAYS * DAY_MS):
        yield Moment(renewed_ms, ORDERS)
    rhythm_ms = days(rng, 1, 4)
    at_ms = joined_ms + gap(rng, rhythm_ms)
    while at_ms < end_ms:
        if at_ms < silence.from_ms or at_ms >= silence.until_ms:
            yield Moment(at_ms, LOGINS)
        at_ms += gap(rng, rhythm_ms)


def _due_after(joined_ms: int, at_ms: int) -> int:
    """Return the first due date of a subscriber after a moment."""
    period_ms = _BILLING_PERIOD_DAYS * DAY_MS
    return joined_ms + ((at_ms - joined_ms) // period_ms + 1) * period_ms


def _complaint(rng: Random, purchased_ms: int) -> Moment:
    """Complain within ten days."""
    return Moment(purchased_ms + days(rng, 1, 10), COMPLAINTS, rng.choice(_COMPLAINTS))


def _answer(rng: Random, purchased_ms: int, is_unhappy: bool) -> Moment:
    """Answer two or three weeks later: mostly 9 or 10, and mostly 6 or less if unhappy."""
    score = int(9 * max(rng.random(), rng.random())) if is_unhappy else 10 - int(5 * rng.random() * rng.random())
    return Moment(purchased_ms + days(rng, 12, 20), ANSWERS, str(score))


def gap(rng: Random, rhythm_ms: int) -> int:
    """Draw a gap of 0.5 to 2.3 times the rhythm, 1 on average, with a long right tail like a gamma distribution."""
    sum_of_three = rng.random() + rng.random() + rng.random()
    skewed = sum_of_three * sum_of_three / 2.5  # the mean of the square is 2.5
    return int(rhythm_ms * (0.5 + 0.5 * skewed))


def days(rng: Random, least: int, most: int) -> int:
    """Draw a duration between two numbers of days, in milliseconds."""
    return int(DAY_MS * (least + (most - least) * rng.random()))
