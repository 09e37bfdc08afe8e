"""Laws of lag: counted from the first record that is not read, only for what is read here."""

from types import SimpleNamespace
from typing import Any, Final, cast

from workers.core.watermarks import Progress
from workers.kafka.records import TopicPartition
from workers.observability.metrics import REGISTRY
from workers.processor.partition import OwnedPartition
from workers.runtime.measures.lag import LagWatch, show_source_lag

AT: Final = 1_000.0


def owned(offset: int, unread_ms: int | None = None, **other: Any) -> OwnedPartition:
    meta = SimpleNamespace(offset=offset)
    facts = {"lost_at": None, "stopped": False, **other}
    return cast(OwnedPartition, SimpleNamespace(meta=meta, unread_ms=unread_ms, **facts))


def seen(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"linger_{name}", labels)


class Looking:
    def __init__(self) -> None:
        self.now = AT
        self.watch = LagWatch(lambda: self.now)

    def at(self, seconds: float, end: int, **partitions: OwnedPartition) -> None:
        self.now = AT + seconds
        owned_here = {int(name[1:]): partition for name, partition in partitions.items()}
        self.watch.look_at_activity(owned_here, dict.fromkeys(owned_here, end), lambda _, offset: offset)


def test_the_first_record_that_is_not_folded_says_how_long_the_partition_waits() -> None:
    looking = Looking()
    looking.at(5_000, 10, p1=owned(4, unread_ms=2_000_000))
    assert seen("activity_lag_records", partition="1") == 6
    assert seen("activity_lag_seconds", partition="1") == 4_000


def test_until_it_is_fetched_a_partition_waits_since_it_was_last_without_lag() -> None:
    looking = Looking()
    looking.at(0, 10, p1=owned(10))
    assert (seen("activity_lag_records", partition="1"), seen("activity_lag_seconds", partition="1")) == (0, 0)
    looking.at(7, 11, p1=owned(10))
    assert seen("activity_lag_seconds", partition="1") == 7
    looking.at(9, 11, p1=owned(11))
    assert seen("activity_lag_seconds", partition="1") == 0


def test_the_lag_of_a_partition_that_is_given_away_goes() -> None:
    looking = Looking()
    looking.at(0, 10, p1=owned(4), p2=owned(10))
    looking.at(1, 10, p2=owned(10))
    assert (seen("activity_lag_records", partition="1"), seen("activity_lag_seconds", partition="1")) == (None, None)
    looking.at(9, 10, p1=owned(4), p2=owned(10))
    assert seen("activity_lag_seconds", partition="1") == 0  # counted again, since it was claimed


def test_a_lost_partition_is_not_owned_and_a_stopped_one_is_counted() -> None:
    Looking().at(0, 10, p1=owned(4, lost_at=1.0), p2=owned(4, stopped=True), p3=owned(10))
    assert (seen("partitions_owned"), seen("partitions_stopped")) == (2, 1)


def test_the_lag_of_a_source_is_of_the_partitions_read_here_and_goes_with_it() -> None:
    orders = [TopicPartition("lag.orders", number) for number in range(3)]
    progress = {
        (place.topic, place.partition): Progress(watermark_ms=1_000 * (number + 1))
        for number, place in enumerate(orders)
    }
    ends = dict.fromkeys(orders, 10)
    show_source_lag(progress, {orders[0]: 10, orders[1]: 7, orders[2]: 9}, ends, 60_000)
    assert seen("source_lag_records", topic="lag.orders") == 4
    assert seen("source_lag_seconds", topic="lag.orders") == 58
    show_source_lag(progress, {orders[0]: 10}, ends, 60_000)
    assert (seen("source_lag_records", topic="lag.orders"), seen("source_lag_seconds", topic="lag.orders")) == (0, 0)
    show_source_lag(progress, {}, ends, 60_000)
    assert seen("source_lag_records", topic="lag.orders") is None
