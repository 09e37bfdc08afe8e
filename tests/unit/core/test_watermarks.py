"""Laws of watermarks: a timer may fire only when everything that happened before it has certainly been seen."""

from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.sources import SourcesFile
from tests.support.builders import DAY, START, day
from workers.core.watermarks import (
    NO_WATERMARK_MS,
    PartitionWatermarks,
    Progress,
    complete_types,
    decode_progress,
    encode_progress,
    sent_to,
    silent_sources,
    silent_types,
    type_limits,
    watched_since,
    watermarks_by_type,
)


def source(topic: str, *events: str, max_silence: str = "3 days", **more: Any) -> dict[str, Any]:
    return {"topic": topic, "format": "canonical", "events": list(events), "max_silence": max_silence, **more}


def sources(*content: dict[str, Any]) -> SourcesFile:
    return SourcesFile.model_validate({"sources": list(content), "event_types": {"nps": {}}})


SHOP = sources(source("orders", "purchase"), source("site", "login", "cancellation", max_silence="1 day"))


def progress(seen_day: float, record_day: float | None = None, since_day: float = 0, partitions: int = 1) -> Progress:
    last_record_ms = 0 if record_day is None else day(record_day)
    return Progress(day(seen_day), last_record_ms, day(since_day), partitions)


# --- seen until ---------------------------------------------------------------------------------------------------


def test_a_type_is_seen_until_the_least_of_its_partitions() -> None:
    known = {("orders", number): progress(seen, 10, partitions=3) for number, seen in enumerate([9, 7, 8])}
    assert watermarks_by_type(sources(source("orders", "purchase")), known) == {"purchase": day(7)}


def test_a_type_of_two_sources_is_seen_until_the_lesser_of_them() -> None:
    two = sources(source("web", "purchase"), source("till", "purchase"))
    assert watermarks_by_type(two, {("web", 0): progress(9, 9), ("till", 0): progress(4, 9)}) == {"purchase": day(4)}


def test_a_source_says_nothing_of_types_that_it_does_not_carry() -> None:
    seen = watermarks_by_type(SHOP, {("orders", 0): progress(9, 9), ("site", 0): progress(4, 9)})
    assert seen == {"purchase": day(9), "login": day(4), "cancellation": day(4)}


@pytest.mark.parametrize(
    "known",
    [
        {},
        {("orders", 1): progress(9, 9, partitions=2)},
        {("orders", 0): progress(9, 9, partitions=2)},
        {("orders", 0): progress(9, 9, partitions=0)},
        {("orders", 0): progress(9, 9, partitions=3), ("orders", 2): progress(9, 9, partitions=3)},
        {("ordersx", 0): progress(9, 9), ("order", 0): progress(9, 9)},
    ],
)
def test_nothing_is_seen_while_one_partition_is_unknown(known: dict[tuple[str, int], Progress]) -> None:
    assert watermarks_by_type(sources(source("orders", "purchase")), known) == {"purchase": NO_WATERMARK_MS}
    assert [*silent_sources(sources(source("orders", "purchase")), known, day(1_000))] == []
    assert watched_since(sources(source("orders", "purchase")), known) is None


def test_a_topic_that_gains_a_partition_is_unseen_until_that_one_is_known_too() -> None:
    grown = {("orders", 0): progress(9, 9, partitions=2)}
    only = sources(source("orders", "purchase"))
    assert watermarks_by_type(only, grown) == {"purchase": NO_WATERMARK_MS}
    assert watermarks_by_type(only, {**grown, ("orders", 1): progress(9, None, 9, 2)}) == {"purchase": day(9)}


def test_a_topic_name_with_colons_is_no_riddle() -> None:
    # Kafka allows none, but the keys of the progress are made with one.
    with pytest.raises(ValueError, match="topic"):
        sources(source("a:0", "purchase"))


def test_what_the_caller_waits_for_itself_is_not_held_up_by_partitions_that_others_read() -> None:
    known = {("log", 0): progress(9, 9, partitions=2), ("log", 1): progress(2, 8, partitions=2)}
    only = sources(source("log", "purchase"))
    assert watermarks_by_type(only, known) == {"purchase": day(2)}
    assert watermarks_by_type(only, known, {"log": day(10)}) == {"purchase": day(10)}
    assert watermarks_by_type(only, known, {"log": day(40)}) == {"purchase": day(12)}  # silent since day 9
    assert watermarks_by_type(only, {}, {"log": day(10)}) == {"purchase": NO_WATERMARK_MS}


# --- silence ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("now_day", "seen_day"), [(12, 12), (13, 13), (13.5, 13), (400, 13)])
def test_a_source_that_stays_silent_stops_at_its_limit(now_day: float, seen_day: float) -> None:
    only = sources(source("orders", "purchase", max_silence="3 days"))
    known = {("orders", 0): progress(now_day, 10)}
    assert watermarks_by_type(only, known) == {"purchase": day(seen_day)}
    assert [*silent_sources(only, known, day(now_day))] == (["orders"] if now_day > 13 else [])


def test_it_speaks_again_and_everything_until_then_is_seen() -> None:
    only = sources(source("orders", "purchase", max_silence="3 days"))
    spoken = {("orders", 0): progress(400, 399.5)}
    assert watermarks_by_type(only, spoken) == {"purchase": day(400)}
    assert [*silent_sources(only, spoken, day(400))] == []


def test_one_partition_that_speaks_is_enough_for_the_source() -> None:
    only = sources(source("orders", "purchase"))
    known = {("orders", 0): progress(40, 5, partitions=2), ("orders", 1): progress(40, 39, partitions=2)}
    assert watermarks_by_type(only, known) == {"purchase": day(40)}


def test_a_source_that_never_spoke_may_be_silent_since_it_is_watched() -> None:
    only = sources(source("orders", "purchase", max_silence="3 days"))
    known = {("orders", 0): progress(30, None, 20)}
    assert watermarks_by_type(only, known) == {"purchase": day(23)}
    assert [*silent_sources(only, known, day(30))] == ["orders"]


def test_a_silent_source_holds_no_types_but_its_own() -> None:
    known = {("orders", 0): progress(40, 40), ("site", 0): progress(40, 10)}
    assert watermarks_by_type(SHOP, known) == {"purchase": day(40), "login": day(11), "cancellation": day(11)}
    assert [*silent_sources(SHOP, known, day(40))] == ["site"]


# --- watched since ------------------------------------------------------------------------------------------------


def test_a_type_is_watched_since_the_latest_of_its_partitions_and_sources() -> None:
    two = sources(source("web", "purchase"), source("till", "purchase", "login"))
    known = {
        ("web", 0): progress(9, 9, 3, 2),
        ("web", 1): progress(9, 9, 5, 2),
        ("till", 0): progress(9, 9, 4),
    }
    assert watched_since(two, known) == {"purchase": day(5), "login": day(4)}


def test_a_partition_of_which_nothing_was_ever_seen_is_waited_for() -> None:
    known = {("orders", 0): Progress(day(9), 0, 0, 1)}
    assert watched_since(sources(source("orders", "purchase")), known) is None


def test_a_history_that_the_operator_calls_complete_is_believed_without_looking() -> None:
    complete = sources(source("orders", "purchase", complete_since="2024-01-11"))
    assert watched_since(complete, {}) == {"purchase": day(10)}


def test_a_type_is_whole_only_if_every_source_of_it_is() -> None:
    partly = sources(
        source("web", "purchase", "login", complete_since="2024-01-01"), source("till", "purchase", "nps")
    )
    assert complete_types(partly) == {"login"}


# --- the watermarks of one activity partition ---------------------------------------------------------------------


def fresh() -> PartitionWatermarks:
    return PartitionWatermarks({"login": NO_WATERMARK_MS})


def until(seen_day: float) -> dict[str, int]:
    return {"login": day(seen_day)}


def test_a_look_counts_at_once_if_reading_is_there_already() -> None:
    seen = fresh()
    seen.update(position=10, required_position=10, by_type=until(1))
    assert seen.by_type == until(1)


def test_a_look_counts_only_when_reading_has_come_as_far_as_it_demands() -> None:
    seen = fresh()
    seen.update(position=9, required_position=10, by_type=until(1))
    assert seen.by_type == {"login": NO_WATERMARK_MS}
    seen.update(position=10, required_position=10, by_type=until(2))
    assert seen.by_type == until(2)


def test_one_look_is_kept_until_it_is_met_even_if_newer_ones_demand_more() -> None:
    seen = fresh()
    seen.update(position=0, required_position=100, by_type=until(1))
    for number in range(1, 10):
        seen.update(position=number * 10, required_position=100 + number * 10, by_type=until(1 + number))
        assert seen.by_type == {"login": NO_WATERMARK_MS}
    seen.update(position=100, required_position=300, by_type=until(20))
    assert seen.by_type == until(1)
    seen.update(position=299, required_position=500, by_type=until(30))
    assert seen.by_type == until(1)
    seen.update(position=300, required_position=500, by_type=until(31))
    assert seen.by_type == until(20)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 8), st.integers(0, 3)), min_size=1, max_size=40))
def test_the_horizon_never_goes_back_and_never_beyond_what_was_read(snapshots: list[tuple[int, int, int]]) -> None:
    seen, offset, at_ms = fresh(), 0, START
    taken = []
    for read, ahead, days in snapshots:
        offset, at_ms = offset + read, at_ms + days * DAY
        before = seen.by_type["login"]
        taken.append((offset + ahead - 2, at_ms))
        seen.update(offset, offset + ahead - 2, {"login": at_ms})
        now = seen.by_type["login"]
        assert now >= before
        assert now == NO_WATERMARK_MS or any(needed <= offset and snapshot_ms == now for needed, snapshot_ms in taken)


@given(st.integers(1, 20), st.integers(1, 50))
def test_under_steady_load_the_horizon_keeps_moving(speed: int, backlog: int) -> None:
    """However far the end runs ahead, a snapshot counts after as many rounds as it takes to read up to it."""
    seen, offset, moved = fresh(), 0, 0
    for number in range(1, 400):
        before = seen.by_type
        seen.update(offset, offset + backlog, until(number))
        moved += seen.by_type != before
        offset += speed
    assert moved >= 400 // (backlog // speed + 2) - 2


# --- progress reports between workers -------------------------------------------------------------------------------


def test_a_partition_has_to_be_read_to_all_that_any_source_sent_to_it() -> None:
    known = [Progress(sent={0: 5, 1: 90}), Progress(sent={0: 70}), Progress()]
    assert [sent_to(number, known) for number in range(3)] == [70, 90, 0]
    assert sent_to(0, []) == 0


def test_progress_is_read_as_it_was_written() -> None:
    one = Progress(1, 2, 3, 4, {5: 6}, 7)
    assert decode_progress(encode_progress(one)) == one


class ProgressOfThe010(msgspec.Struct, array_like=True):
    """Progress as release 0.1.0 declares it (`workers/safe_time.py` there)."""

    seen_ms: int = 0
    spoke_ms: int = 0
    since_ms: int = 0
    partitions: int = 0
    sent: dict[int, int] = {}
    next_ms: int = 0


WRITTEN_BY_THE_010: Final = bytes.fromhex(
    "96cf0000018cc7785000cf0000018cc7784fffcf0000018cc251f40002820305070bcf0000018cc7785000"
)
"""Progress as release 0.1.0 wrote it into Redis: read until day 1 by a record just before, watched since day 0."""


def test_progress_of_an_older_version_can_still_be_read() -> None:
    assert decode_progress(msgspec.msgpack.encode([1, 2])) == Progress(1, 2)


def test_what_the_release_before_wrote_is_read_and_its_last_record_counts_as_an_event_of_any_type() -> None:
    read = decode_progress(WRITTEN_BY_THE_010)
    assert read == Progress(day(1), day(1) - 1, day(0), 2, {3: 5, 7: 11}, day(1))
    assert (read.last_event_ms(), read.last_event_ms("login")) == (day(1) - 1, day(1) - 1)
    read.note_event("purchase", day(2))
    # What was known of any type is still known of those that have brought nothing since.
    assert (read.last_event_ms("purchase"), read.last_event_ms("login")) == (day(2), day(1) - 1)
    assert decode_progress(encode_progress(read)) == read


def test_the_release_before_skips_what_it_does_not_know_of_what_this_one_wrote() -> None:
    progress = Progress(day(1), day(1) - 1, day(0), 2, {3: 5, 7: 11}, day(1))
    progress.note_event("login", day(1) - 1)
    before = msgspec.msgpack.decode(encode_progress(progress), type=ProgressOfThe010)
    assert before == ProgressOfThe010(day(1), day(1) - 1, day(0), 2, {3: 5, 7: 11}, day(1))
    assert msgspec.msgpack.encode(before) == WRITTEN_BY_THE_010


def test_progress_that_never_saw_an_event_says_so_whatever_was_skipped() -> None:
    skipping = Progress(day(9), day(9), day(0), 1, event_ms={})
    assert decode_progress(encode_progress(skipping)).last_event_ms() == 0


# --- silence is of events -------------------------------------------------------------------------------------------


def events(seen_day: float, since_day: float = 0, **by_type: float) -> Progress:
    """A partition whose records were read until now, and the day of the last event of each type."""
    latest = {event_type: day(at) for event_type, at in by_type.items()}
    return Progress(day(seen_day), day(seen_day), day(since_day), 1, event_ms=latest)


def test_a_source_of_which_everything_is_skipped_falls_silent_although_records_arrive() -> None:
    shop = sources(source("orders", "purchase"))
    known = {("orders", 0): events(30, purchase=10)}
    assert watermarks_by_type(shop, known) == {"purchase": day(13)}
    assert silent_sources(shop, known, day(30)) == {"orders": day(10)}
    never = {("orders", 0): events(30, since_day=5)}
    assert watermarks_by_type(shop, never) == {"purchase": day(8)}
    assert silent_sources(shop, never, day(30)) == {"orders": day(5)}


def test_a_rare_type_without_a_limit_of_its_own_is_as_alive_as_its_source() -> None:
    shop = sources(source("site", "login", "cancellation"))
    known = {("site", 0): events(30, login=30, cancellation=1)}
    assert watermarks_by_type(shop, known) == {"login": day(30), "cancellation": day(30)}
    assert silent_types(shop, known, day(30)) == {}
    assert type_limits(shop, known) == {}


@pytest.mark.parametrize("by", ["source", "type"])
def test_a_type_with_a_limit_of_its_own_falls_silent_alone(by: str) -> None:
    more: dict[str, Any] = {"type_max_silence": {"nps": "5 days"}} if by == "source" else {}
    declared = {"nps": {"max_silence": "5 days"}} if by == "type" else {"nps": {}}
    site = SourcesFile.model_validate({"sources": [source("site", "login", "nps", **more)], "event_types": declared})
    known = {("site", 0): events(30, login=30, nps=12)}
    assert watermarks_by_type(site, known) == {"login": day(30), "nps": day(17)}
    assert silent_types(site, known, day(30)) == {"nps": day(12)}
    assert silent_types(site, known, day(17)) == {}
    assert silent_sources(site, known, day(30)) == {}
    assert type_limits(site, known) == {"nps": day(17)}
    # One that never came is watched since the source is.
    assert watermarks_by_type(site, {("site", 0): events(30, 20, login=30)})["nps"] == day(25)


def test_a_limit_of_a_declared_type_is_about_all_of_its_sources_and_that_of_a_source_about_this_one() -> None:
    declared = {"nps": {"max_silence": "5 days"}}
    known = {("web", 0): events(30, nps=30, login=30), ("till", 0): events(30, nps=1, login=30)}
    both = [source("web", "nps", "login"), source("till", "nps", "login")]
    by_type = SourcesFile.model_validate({"sources": both, "event_types": declared})
    assert watermarks_by_type(by_type, known)["nps"] == day(30)
    both[1]["type_max_silence"] = {"nps": "5 days"}
    by_source = SourcesFile.model_validate({"sources": both, "event_types": {"nps": {}}})
    assert watermarks_by_type(by_source, known)["nps"] == day(6)


def test_a_source_may_limit_only_types_that_it_brings() -> None:
    with pytest.raises(ValidationError, match="'type_max_silence' names purchase, which this source does not bring"):
        sources(source("site", "login", type_max_silence={"purchase": "2 days"}))


def test_records_raise_no_watermark_past_the_limit_of_its_type() -> None:
    watermarks = PartitionWatermarks({"login": day(5), "nps": day(2)})
    watermarks.advance(["login", "nps"], day(9), {"nps": day(4)})
    assert watermarks.by_type == {"login": day(9), "nps": day(4)}
