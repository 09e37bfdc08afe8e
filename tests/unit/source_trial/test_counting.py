"""Laws of two mappings side by side: each record counts for what it became under either, and a day is a day."""

from aiokafka import ConsumerRecord

from tests.support.processor_rig import record
from workers.core.source_positions import SOURCE_HEADER, position_of_item
from workers.source_trial import in_force
from workers.source_trial.counting import Comparison, TypeCount, compare, spans_of
from workers.source_trial.in_force import Span, Written
from workers.source_trial.report import comparison_lines

HOUR_MS = 3_600_000
RECORDS = [(0, 10, 0), (0, 11, 6 * HOUR_MS), (1, 7, 12 * HOUR_MS)]


def compared(mapped: dict[tuple[int, int, int], str], written: dict[tuple[int, int, int], str]) -> Comparison:
    return compare(RECORDS, mapped, Written(written))


def test_spans_are_the_offsets_of_each_partition_and_its_earliest_time() -> None:
    assert spans_of(RECORDS) == {0: Span(10, 11, 0), 1: Span(7, 7, 12 * HOUR_MS)}


def test_what_both_mappings_give_is_neither_gained_nor_lost() -> None:
    found = compared({(0, 10, 0): "purchase", (0, 11, 0): "login"}, {(0, 10, 0): "purchase", (1, 7, 0): "login"})
    assert found.types == (TypeCount("login", 1, 1, 1, 1), TypeCount("purchase", 1, 1, 0, 0))


def test_events_a_day_are_counted_over_the_time_that_the_records_cover() -> None:
    found = compared({(0, 10, 0): "purchase", (0, 11, 0): "purchase"}, {(0, 10, 0): "purchase"})
    assert found.days == 0.5
    lines = list(comparison_lines(found))
    assert "3 records from 1970-01-01 00:00 to 1970-01-01 12:00 UTC (0.5 days); events a day:" in lines
    assert "  purchase                     2.0         4.0         2.0   +1 -0" in lines
    assert found.document()["types"][0]["this_file_a_day"] == 4.0


def test_records_of_one_moment_give_no_numbers_a_day() -> None:
    found = compare([(0, 1, 5), (0, 2, 5)], {(0, 1, 0): "login"}, Written())
    assert found.days is None
    assert next(comparison_lines(found)).endswith("; events:")


def test_without_an_activity_topic_nothing_is_in_force() -> None:
    lines = list(comparison_lines(compare(RECORDS, {(0, 10, 0): "login"}, Written(has_topic=False))))
    assert "  nothing is in force: there is no activity topic" in lines


def noted(*records: ConsumerRecord) -> dict[tuple[int, int, int], str]:
    found = Written()
    in_force._note(found, records, "shop.orders", {0: Span(10, 20, 0)})
    return found.types


def at(position: str, value: bytes = b'{"type":"login"}') -> ConsumerRecord:
    return record(0, raw=value, headers=((SOURCE_HEADER, position.encode()),))


def test_only_events_of_the_records_that_were_looked_at_are_in_force() -> None:
    assert noted(
        at("shop.orders:0:9"),
        at("shop.orders:0:10"),
        at(position_of_item("shop.orders", 0, 11, 2).decode()),
        at("shop.orders:0:21"),
        at("shop.orders:1:12"),
        at("shop.logins:0:12"),
        record(0, raw=b'{"type":"login"}', headers=()),
    ) == {(0, 10, 0): "login", (0, 11, 2): "login"}


def test_what_cannot_be_read_in_the_activity_topic_is_passed_over() -> None:
    assert noted(at("shop.orders:0:x"), at("shop.orders:0:10", b"no json"), at("nonsense")) == {}
