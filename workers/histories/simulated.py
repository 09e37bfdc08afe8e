"""A simulated shop with realistic customers: most buy once, some stop silently, some come back.

Nothing here was fitted to data, except that about 73 % buy exactly once, as retention articles say of many shops. The
distributions are chosen so that each kind of rule has customers to act on, customers to leave alone, and customers
who return after it acted. This module must never know a rule.

All draws use only sums, products and comparisons of `random()`: the last bit of a logarithm or a power differs
between C libraries, and the same seed must give the same bytes everywhere.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from random import Random

from schemas.durations import DAY_MS
from workers.histories.history import LOGINS, ORDERS, History, Record, cancellation, history_of, login, order
from workers.histories.shop_lives import Moment, one_time_buyer, regular, subscriber
from workers.histories.shop_streams import (
    ANSWERS,
    COMPLAINTS,
    MEMBERSHIPS,
    REFERRALS,
    REVERSALS,
    UNPAID,
    answer,
    complaint,
    membership,
    referral,
    reversal,
    unpaid,
)

DEFAULT_SEED = 1
DEFAULT_CUSTOMERS = 4_000
DEFAULT_DAYS = 400
DEFAULT_START = datetime(2024, 1, 1, tzinfo=UTC)

_HOUR_MS = 3_600_000
_FAILED_LOGIN_SHARE = 0.02

_PLANS_CENTS = {"monthly box": 2490, "family box": 3990, "coffee box": 1890}
_REASONS = (
    "too expensive",
    "too many boxes left",
    "found another shop",
    "moving abroad",
    "disliked the last box",
    "no reason given",
)
_COMMENTS = ("too expensive", "the parcel was late", "not what I expected", "")
_PRAISE = ("great coffee", "fast and friendly", "")


_Life = Callable[[Random, int, int], Iterator[Moment]]


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
    end_ms = start_ms + days * DAY_MS
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
    # Somewhat more come early than late, so that most customers have time left and no month is without new ones.
    joined_ms = start_ms + int((end_ms - start_ms) * rng.random() * (0.7 + 0.3 * rng.random()))
    live, total_of = _kind(rng)
    moments = _on_the_clock(rng, live(rng, joined_ms, end_ms), start_ms, end_ms)
    plan = rng.choice(list(_PLANS_CENTS))
    for count, moment in enumerate(moments, start=1):
        record_id = f"{index:05d}-{count:04d}"
        if moment.topic == ORDERS:
            yield order(moment.at_ms, f"ord-{record_id}", customer, total_of(rng, plan))
        else:
            yield _record(rng, moment, record_id, customer, plan)


def _record(rng: Random, moment: Moment, record_id: str, customer: str, plan: str) -> Record:
    """Return the record of a moment that is not an order."""
    at_ms, topic, said, until_ms = moment
    if topic == LOGINS:
        return login(at_ms, f"ses-{record_id}", customer, rng.random() >= _FAILED_LOGIN_SHARE)
    if topic == ANSWERS:
        score = int(said)
        return answer(at_ms, f"nps-{record_id}", customer, score, rng.choice(_COMMENTS if score <= 6 else _PRAISE))
    if topic == COMPLAINTS:
        return complaint(at_ms, f"tic-{record_id}", customer, said)
    if topic == MEMBERSHIPS:
        return membership(at_ms, f"mem-{record_id}", customer, said, until_ms)
    if topic == REFERRALS:
        return referral(at_ms, f"ref-{record_id}", customer)
    if topic == REVERSALS:
        return reversal(at_ms, f"rev-{record_id}", customer)
    if topic == UNPAID:
        return unpaid(at_ms, f"inv-{record_id}", customer, plan)
    return cancellation(at_ms, f"can-{record_id}", customer, plan, rng.choice(_REASONS), until_ms)


def _kind(rng: Random) -> tuple[_Life, Callable[[Random, str], str]]:
    """Draw how a customer behaves, and the function that prices an order."""
    draw = rng.random()
    if draw < 0.77:
        return one_time_buyer, _basket
    if draw < 0.875:
        return regular, _basket
    return subscriber, _plan_price


def _on_the_clock(rng: Random, moments: Iterable[Moment], start_ms: int, end_ms: int) -> Iterator[Moment]:
    """Yield each moment at a waking hour of its day, in order, an hour apart; drop those past the end.

    The first is never dropped, because only later ones are delayed.
    """
    free_ms = start_ms
    for moment in sorted(moment._replace(at_ms=_waking_hour(rng, moment.at_ms, start_ms)) for moment in moments):
        at_ms = max(moment.at_ms, free_ms)
        if at_ms >= end_ms:
            return
        yield moment._replace(at_ms=at_ms)
        free_ms = at_ms + _HOUR_MS


def _waking_hour(rng: Random, at_ms: int, start_ms: int) -> int:
    """Move a moment within its day, counted from `start_ms`, to a whole second from 7 to 23 o'clock, often late."""
    day_ms = (at_ms - start_ms) // DAY_MS * DAY_MS
    second = 7 * 3600 + int(16 * 3600 * max(rng.random(), rng.random()))
    return start_ms + day_ms + second * 1000


def _basket(rng: Random, plan: str) -> str:
    """Draw the price of a basket: 8 to 120 dollars, mostly little."""
    return _dollars(800 + int(11_200 * rng.random() * rng.random()))


def _plan_price(rng: Random, plan: str) -> str:
    """Return the price of a box of the plan."""
    return _dollars(_PLANS_CENTS[plan])


def _dollars(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"
