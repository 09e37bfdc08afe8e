"""Laws of the simulated shop."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from itertools import pairwise
from typing import Any

import pytest

from workers.histories.history import CANCELLATIONS, LOGINS, ORDERS, History, Record, iso_utc
from workers.histories.shop_streams import ANSWERS, COMPLAINTS, MEMBERSHIPS, REFERRALS, REVERSALS, UNPAID
from workers.histories.simulated import simulate

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
FIELDS = {
    ORDERS: {"order_id": str, "customer": str, "total": str, "currency": str, "placed_at": str},
    LOGINS: {"session": str, "user": str, "time": int, "result": str},
    CANCELLATIONS: {"id": str, "account": str, "plan": str, "reason": str, "requested": int},
    ANSWERS: {"answer": str, "customer": str, "score": int, "comment": str, "answered_at": str},
    COMPLAINTS: {"ticket": str, "customer": str, "about": str, "opened": int},
    MEMBERSHIPS: {"change": str, "member": str, "tier": str, "benefits_until": str, "changed_at": str},
    REFERRALS: {"code": str, "by": str, "used": int},
    REVERSALS: {"id": str, "account": str, "reversed": int},
    UNPAID: {"invoice": str, "account": str, "plan": str, "closed": int},
}
CUSTOMER_FIELDS = {LOGINS: "user", CANCELLATIONS: "account", MEMBERSHIPS: "member", REFERRALS: "by"}
CUSTOMER_FIELDS |= {REVERSALS: "account", UNPAID: "account"}
TIMES = {
    ORDERS: "placed_at",
    LOGINS: "time",
    CANCELLATIONS: "requested",
    ANSWERS: "answered_at",
    COMPLAINTS: "opened",
    MEMBERSHIPS: "changed_at",
    REFERRALS: "used",
    REVERSALS: "reversed",
    UNPAID: "closed",
}


# -- one customer, by a naive reader of the whole history -----------------------------------------------------------


@dataclass
class Life:
    """Times in milliseconds, in order, without failed log-ins."""

    orders: list[int] = field(default_factory=list)
    logins: list[int] = field(default_factory=list)
    cancellations: list[int] = field(default_factory=list)
    reversals: list[int] = field(default_factory=list)


def payload_time_ms(record: Record) -> int:
    """Return the time that the payload contains."""
    written = json.loads(record.value)[TIMES[record.topic]]
    if isinstance(written, str):
        return round(datetime.fromisoformat(written).timestamp() * 1000)
    return int(written) if written > 10**11 else int(written) * 1000


def lives_in(history: History) -> dict[bytes, Life]:
    lives: dict[bytes, Life] = defaultdict(Life)
    for record in history.records:
        life = lives[record.key]
        if record.topic == ORDERS:
            life.orders.append(record.at_ms)
        elif record.topic == CANCELLATIONS:
            life.cancellations.append(record.at_ms)
        elif record.topic == REVERSALS:
            life.reversals.append(record.at_ms)
        elif record.topic == LOGINS and json.loads(record.value)["result"] == "ok":
            life.logins.append(record.at_ms)
    return lives


def silences(times_ms: list[int], days: int, end_ms: int) -> Iterator[int]:
    """Yield the moments, up to the end, at which nothing had happened for this many days."""
    for at_ms, next_ms in pairwise([*times_ms, end_ms]):
        if next_ms >= at_ms + days * DAY_MS:
            yield at_ms + days * DAY_MS


def count_within(times_ms: list[int], days: int, until_ms: int) -> int:
    return sum(until_ms - days * DAY_MS < at_ms <= until_ms for at_ms in times_ms)


def good_customer_stops_buying(life: Life, end_ms: int) -> bool:
    return any(count_within(life.orders, 365, at_ms) >= 3 for at_ms in silences(life.orders, 45, end_ms))


def only_one_purchase(life: Life, end_ms: int) -> bool:
    return any(at_ms == life.orders[0] + 30 * DAY_MS for at_ms in silences(life.orders, 30, end_ms))


def logins_dry_up(life: Life, end_ms: int) -> bool:
    return any(
        count_within(life.logins, 60, at_ms) >= 6 and all(at_ms < gone_ms for gone_ms in life.cancellations)
        for at_ms in silences(life.logins, 14, end_ms)
    )


def cancelled(life: Life, end_ms: int) -> bool:
    return bool(life.cancellations)


def comes_back_to_buy(life: Life, end_ms: int) -> bool:
    return any(
        count_within(life.orders, 365, at_ms) >= 3 and life.orders[-1] > at_ms
        for at_ms in silences(life.orders, 45, end_ms)
    )


def comes_back_to_log_in(life: Life, end_ms: int) -> bool:
    return any(
        count_within(life.logins, 60, at_ms) >= 6 and life.logins[-1] > at_ms
        for at_ms in silences(life.logins, 21, end_ms)
    )


def buys_after_cancelling(life: Life, end_ms: int) -> bool:
    return bool(life.cancellations) and life.orders[-1] > life.cancellations[0]


# -- the made-up shop ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shop() -> History:
    """The history that the demo replays by default."""
    return simulate()


@pytest.fixture(scope="module")
def lives(shop: History) -> dict[bytes, Life]:
    return lives_in(shop)


def small(seed: int = 7) -> History:
    return simulate(seed, customers=60, days=150)


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert small(7) == small(7)


def test_the_bytes_of_a_seed_stay_the_same_on_every_machine() -> None:
    text = repr(small(7).records).encode()
    assert sha256(text).hexdigest() == "d4233cc6a10aaccbc2f3409d233aea920add2da8e671d003b79657a957835c00"


def test_another_seed_gives_another_history() -> None:
    assert small(7).records != small(8).records


def test_records_are_sorted_and_lie_within_the_clock_of_the_replay(shop: History) -> None:
    assert shop.records == sorted(shop.records)
    assert shop.start_ms <= shop.records[0].at_ms
    assert shop.records[-1].at_ms < shop.end_ms


def test_the_clock_of_the_replay_is_the_one_asked_for() -> None:
    berlin = timezone(timedelta(hours=2))
    history = simulate(1, customers=5, days=10, start=datetime(2024, 7, 1, 2, tzinfo=berlin))
    assert iso_utc(history.start_ms) == "2024-07-01T00:00:00.000Z"
    assert iso_utc(history.end_ms) == "2024-07-11T00:00:00.000Z"


def test_every_customer_asked_for_leaves_a_record(shop: History) -> None:
    assert shop.customers == len({record.key for record in shop.records}) == 4_000


@pytest.mark.parametrize("days", [1, 2, 30])
def test_even_a_short_history_knows_every_customer(days: int) -> None:
    assert simulate(3, customers=50, days=days).customers == 50


def test_a_history_is_large_enough_to_be_worth_watching(shop: History) -> None:
    assert 40_000 <= len(shop.records) <= 100_000


def test_a_customer_never_does_two_things_within_an_hour(shop: History) -> None:
    last_ms: dict[bytes, int] = {}
    for record in shop.records:
        assert record.at_ms - last_ms.get(record.key, -HOUR_MS) >= HOUR_MS
        last_ms[record.key] = record.at_ms


def test_a_payload_has_the_time_and_the_customer_of_its_record(shop: History) -> None:
    for record in shop.records:
        assert record.at_ms % 1000 == 0
        assert payload_time_ms(record) == record.at_ms
        assert json.loads(record.value)[CUSTOMER_FIELDS.get(record.topic, "customer")].encode() == record.key


@pytest.mark.parametrize(("topic", "fields"), FIELDS.items())
def test_every_topic_is_present_and_its_payload_is_flat(shop: History, topic: str, fields: dict[str, type]) -> None:
    payloads = [json.loads(record.value) for record in shop.records if record.topic == topic]
    assert payloads
    # A cancellation that takes effect at once does not say when.
    written = [{name: type(value) for name, value in payload.items() if name != "effective"} for payload in payloads]
    assert all(each == fields for each in written)


def test_no_two_records_share_an_id(shop: History) -> None:
    ids = [next(iter(json.loads(record.value).values())) for record in shop.records]
    assert len(set(ids)) == len(ids)


def values_of(history: History, topic: str, name: str) -> Counter[Any]:
    return Counter(json.loads(record.value)[name] for record in history.records if record.topic == topic)


def test_a_few_log_ins_fail(shop: History) -> None:
    results = values_of(shop, LOGINS, "result")
    assert set(results) == {"ok", "failed"}
    assert 0.01 < results["failed"] / results.total() < 0.04


def test_cancellations_give_several_reasons(shop: History) -> None:
    assert len(values_of(shop, CANCELLATIONS, "reason")) >= 5


def test_orders_cost_a_plausible_number_of_dollars(shop: History) -> None:
    assert all(5 <= float(total) <= 200 and total[-3] == "." for total in values_of(shop, ORDERS, "total"))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_about_73_of_100_customers_buy_exactly_once(seed: int) -> None:
    lives = lives_in(simulate(seed))
    share = sum(len(life.orders) == 1 for life in lives.values()) / len(lives)
    assert 0.70 < share < 0.76


def test_new_customers_come_in_every_month(lives: dict[bytes, Life]) -> None:
    months = Counter(iso_utc(life.orders[0])[:7] for life in lives.values())
    assert len(months) == 13
    assert min(months.values()) > 40


def test_answers_have_a_score_from_0_to_10_and_few_would_not_recommend_the_shop(shop: History) -> None:
    scores = values_of(shop, ANSWERS, "score")
    assert set(scores) == set(range(11))
    assert 0.05 < sum(scores[score] for score in range(7)) / scores.total() < 0.4


def test_some_cancellations_take_effect_later_and_some_of_those_are_reversed(shop: History) -> None:
    payloads = [json.loads(record.value) for record in shop.records if record.topic == CANCELLATIONS]
    ahead = {payload["account"]: payload for payload in payloads if "effective" in payload}
    assert 0.3 < len(ahead) / len(payloads) < 0.9
    assert all(0 < payload["effective"] - payload["requested"] < 30 * 86_400 for payload in ahead.values())
    reversed_by = {record.key.decode() for record in shop.records if record.topic == REVERSALS}
    assert 5 <= len(reversed_by) < len(ahead)
    assert reversed_by <= set(ahead)


@pytest.mark.parametrize(
    ("happens", "at_least"),
    [
        (good_customer_stops_buying, 200),
        (only_one_purchase, 2_500),
        (logins_dry_up, 100),
        (cancelled, 100),
        (comes_back_to_buy, 80),
        (comes_back_to_log_in, 40),
        (buys_after_cancelling, 30),
    ],
)
def test_each_kind_of_leaving_and_returning_happens(
    shop: History, lives: dict[bytes, Life], happens: Callable[[Life, int], bool], at_least: int
) -> None:
    assert sum(happens(life, shop.end_ms) for life in lives.values()) >= at_least


def test_after_a_cancellation_that_stays_a_customer_logs_in_no_more(lives: dict[bytes, Life]) -> None:
    for life in (life for life in lives.values() if not life.reversals):
        assert all(at_ms < gone_ms for gone_ms in life.cancellations for at_ms in life.logins)


@pytest.mark.parametrize(
    ("customers", "days", "start"),
    [
        (0, 10, datetime(2024, 1, 1, tzinfo=UTC)),
        (10, 0, datetime(2024, 1, 1, tzinfo=UTC)),
        (10, 10, datetime(2024, 1, 1)),
        (10, 10, datetime(2024, 1, 1, microsecond=1, tzinfo=UTC)),
    ],
)
def test_a_history_that_cannot_be_is_refused(customers: int, days: int, start: datetime) -> None:
    with pytest.raises(ValueError, match="not"):
        simulate(1, customers, days, start)
