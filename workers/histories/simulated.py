"""A simulated shop with realistic customers: most buy once, some stop silently, some come back.

Nothing here was fitted to data. The distributions are chosen so that each kind of rule has customers to act on,
customers to leave alone, and customers who return after it acted. This module must never know a rule.

All draws use only sums, products and comparisons of `random()`: the last bit of a logarithm or a power differs
between C libraries, and the same seed must give the same bytes everywhere.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from random import Random
from typing import NamedTuple

from workers.histories.history import (
    CANCELLATIONS,
    LOGINS,
    ORDERS,
    History,
    Record,
    cancellation,
    history_of,
    login,
    order,
)

DEFAULT_SEED = 1
DEFAULT_CUSTOMERS = 4_000
DEFAULT_DAYS = 400
DEFAULT_START = datetime(2024, 1, 1, tzinfo=UTC)

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
_BILLING_PERIOD_DAYS = 28
_FAILED_LOGIN_SHARE = 0.02
_BUYS_AGAIN_AFTER_CANCELLING = 0.4
_SECOND_THOUGHTS_OF_ONE_TIME_BUYERS = 0.06

_PLANS_CENTS = {"monthly box": 2490, "family box": 3990, "coffee box": 1890}
_REASONS = (
    "too expensive",
    "too many boxes left",
    "found another shop",
    "moving abroad",
    "disliked the last box",
    "no reason given",
)


class _Moment(NamedTuple):
    """Something a customer does, before it gets an id and a payload.

    Attributes:
        at_ms: when, UTC epoch milliseconds.
        topic: the topic of its record.
    """

    at_ms: int
    topic: str


class _Silence(NamedTuple):
    """A period without logins: `from_ms` ≤ time < `until_ms`.

    Attributes:
        from_ms: its first millisecond.
        until_ms: the millisecond after it.
    """

    from_ms: int
    until_ms: int


_Life = Callable[[Random, int, int], Iterator[_Moment]]


def simulate(
    seed: int = DEFAULT_SEED,
    customers: int = DEFAULT_CUSTOMERS,
    days: int = DEFAULT_DAYS,
    start: datetime = DEFAULT_START,
) -> History:
    """Simulate the history of a shop.

    The same arguments give the same bytes. Every customer has at least one record. Two records of one customer are at
    least an hour apart, so that their order is certain. The shop's days are counted from `start`; customers are
    active from 7 to 23 o'clock.

    Args:
        seed: any integer; another seed gives another history.
        customers: number of customers, at least 1.
        days: length of the history, at least 1. Under about 120 days few customers have time to leave.
        start: when it starts: aware, on a whole second, best at midnight UTC.

    Raises:
        ValueError: if an argument is outside these limits.
    """
    _check(customers, days, start)
    rng = Random(seed)  # noqa: S311 (behaviour, not secrets; the seed must reproduce it)
    start_ms = round(start.timestamp()) * 1000
    end_ms = start_ms + days * _DAY_MS
    records = (record for index in range(1, customers + 1) for record in _customer(rng, index, start_ms, end_ms))
    return history_of("simulated", start_ms, end_ms, records)


def _check(customers: int, days: int, start: datetime) -> None:
    if customers < 1 or days < 1:
        raise ValueError(f"a history needs a customer and a day, not {customers=} and {days=}")
    if start.utcoffset() is None or start.microsecond:
        raise ValueError(f"start must be aware and on a whole second, not {start!r}")


def _customer(rng: Random, index: int, start_ms: int, end_ms: int) -> Iterator[Record]:
    """Yield all records of one customer, in order."""
    customer = f"c{index:05d}"
    # The earlier of two draws, so that most customers have time left.
    joined_ms = start_ms + int(0.9 * (end_ms - start_ms) * min(rng.random(), rng.random()))
    live, total_of = _kind(rng)
    moments = _on_the_clock(rng, live(rng, joined_ms, end_ms), start_ms, end_ms)
    plan = rng.choice(list(_PLANS_CENTS))
    for count, (at_ms, topic) in enumerate(moments, start=1):
        record_id = f"{index:05d}-{count:04d}"
        if topic == ORDERS:
            yield order(at_ms, f"ord-{record_id}", customer, total_of(rng, plan))
        elif topic == LOGINS:
            yield login(at_ms, f"ses-{record_id}", customer, rng.random() >= _FAILED_LOGIN_SHARE)
        else:
            yield cancellation(at_ms, f"can-{record_id}", customer, plan, rng.choice(_REASONS))


def _kind(rng: Random) -> tuple[_Life, Callable[[Random, str], str]]:
    """Draw how a customer behaves, and the function that prices an order."""
    draw = rng.random()
    if draw < 0.62:
        return _one_time_buyer, _basket
    if draw < 0.83:
        return _regular, _basket
    return _subscriber, _plan_price


def _one_time_buyer(rng: Random, joined_ms: int, end_ms: int) -> Iterator[_Moment]:
    """Buy once and track the parcel once or twice; very few buy again, weeks later."""
    yield _Moment(joined_ms, ORDERS)
    for _ in range(rng.randrange(3)):
        yield _Moment(joined_ms + _days(rng, 1, 7), LOGINS)
    if rng.random() < _SECOND_THOUGHTS_OF_ONE_TIME_BUYERS:
        yield _Moment(joined_ms + _days(rng, 35, 100), ORDERS)


def _regular(rng: Random, joined_ms: int, end_ms: int) -> Iterator[_Moment]:
    """Buy at a personal interval of 8 to 40 days; some stop for good, some are away for 50 to 90 days."""
    rhythm_ms = _days(rng, 8, 40)
    draw = rng.random()
    stops_after = rng.randint(3, 10) if draw < 0.55 else None
    comes_back = draw < 0.25
    at_ms = joined_ms
    purchases = 0
    while at_ms < end_ms:
        yield _Moment(at_ms, ORDERS)
        purchases += 1
        if purchases != stops_after:
            at_ms += _gap(rng, rhythm_ms)
        elif comes_back:
            at_ms += _days(rng, 50, 90)
        else:
            return


def _subscriber(rng: Random, joined_ms: int, end_ms: int) -> Iterator[_Moment]:
    """Log in every 1 to 4 days and renew every four weeks; some are silent for a while or for good, some cancel."""
    draw = rng.random()
    change_ms = joined_ms + _days(rng, 40, 200)
    if draw < 0.40:  # stays
        yield from _membership(rng, joined_ms, end_ms, _Silence(end_ms, end_ms))
    elif draw < 0.55:  # keeps paying, but logs in no more
        yield from _membership(rng, joined_ms, end_ms, _Silence(change_ms, end_ms))
    elif draw < 0.75:  # away for some weeks
        yield from _membership(rng, joined_ms, end_ms, _Silence(change_ms, change_ms + _days(rng, 22, 50)))
    else:
        yield from _cancelling(rng, joined_ms, change_ms)


def _cancelling(rng: Random, joined_ms: int, cancelled_ms: int) -> Iterator[_Moment]:
    """Cancel, mostly after a period without logins; some buy again later."""
    # Nothing else on the day of the cancellation: the time of day is drawn later and could put it first.
    last_ms = cancelled_ms - _DAY_MS
    yield from _membership(rng, joined_ms, last_ms, _Silence(last_ms - _days(rng, 0, 25), last_ms))
    yield _Moment(cancelled_ms, CANCELLATIONS)
    if rng.random() < _BUYS_AGAIN_AFTER_CANCELLING:
        yield _Moment(cancelled_ms + _days(rng, 15, 90), ORDERS)


def _membership(rng: Random, joined_ms: int, end_ms: int, silence: _Silence) -> Iterator[_Moment]:
    """Renew until `end_ms` (exclusive), and log in until then except during the silence."""
    for renewed_ms in range(joined_ms, end_ms, _BILLING_PERIOD_DAYS * _DAY_MS):
        yield _Moment(renewed_ms, ORDERS)
    rhythm_ms = _days(rng, 1, 4)
    at_ms = joined_ms + _gap(rng, rhythm_ms)
    while at_ms < end_ms:
        if at_ms < silence.from_ms or at_ms >= silence.until_ms:
            yield _Moment(at_ms, LOGINS)
        at_ms += _gap(rng, rhythm_ms)


def _on_the_clock(rng: Random, moments: Iterable[_Moment], start_ms: int, end_ms: int) -> Iterator[_Moment]:
    """Yield each moment at a waking hour of its day, in order, an hour apart; drop those past the end.

    The first is never dropped, because only later ones are delayed.
    """
    free_ms = start_ms
    for planned_ms, topic in sorted(
        _Moment(_waking_hour(rng, moment.at_ms, start_ms), moment.topic) for moment in moments
    ):
        at_ms = max(planned_ms, free_ms)
        if at_ms >= end_ms:
            return
        yield _Moment(at_ms, topic)
        free_ms = at_ms + _HOUR_MS


def _waking_hour(rng: Random, at_ms: int, start_ms: int) -> int:
    """Move a moment within its day, counted from `start_ms`, to a whole second from 7 to 23 o'clock, often late."""
    day_ms = (at_ms - start_ms) // _DAY_MS * _DAY_MS
    second = 7 * 3600 + int(16 * 3600 * max(rng.random(), rng.random()))
    return start_ms + day_ms + second * 1000


def _gap(rng: Random, rhythm_ms: int) -> int:
    """Draw a gap of 0.5 to 2.3 times the rhythm, 1 on average, with a long right tail like a gamma distribution."""
    sum_of_three = rng.random() + rng.random() + rng.random()
    skewed = sum_of_three * sum_of_three / 2.5  # the mean of the square is 2.5
    return int(rhythm_ms * (0.5 + 0.5 * skewed))


def _days(rng: Random, least: int, most: int) -> int:
    """Draw a duration between two numbers of days, in milliseconds."""
    return int(_DAY_MS * (least + (most - least) * rng.random()))


def _basket(rng: Random, plan: str) -> str:
    """Draw the price of a basket: 8 to 120 dollars, mostly little."""
    return _dollars(800 + int(11_200 * rng.random() * rng.random()))


def _plan_price(rng: Random, plan: str) -> str:
    """Return the price of a box of the plan."""
    return _dollars(_PLANS_CENTS[plan])


def _dollars(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"
