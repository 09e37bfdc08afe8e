"""Laws of what a status says of what was read."""

import asyncio
from dataclasses import replace

import msgspec
import pytest

from tests.support.builders import day
from tests.support.status_facts import AGREED, KAFKA, META, NOW_MS, QUEUES, READ, REDIS, SETTING, status, worker
from workers.errors import LingerError
from workers.kafka.group_state import GroupState
from workers.kafka.records import TopicPartition
from workers.kafka.topics import LogBounds
from workers.pauses.pause_list import PauseList
from workers.pauses.record import ALL_RULES, PauseRecord
from workers.state.stopped_sources import Stop, StoredStops
from workers.status.facts import FileFacts, LetterFacts, NewestLetters, TopicLog, Unread, attempted, known
from workers.status.shapes import Held, Status


def log_of(end: int, earliest: int = 0) -> TopicLog:
    return TopicLog("linger.activity", "id-1", {0: LogBounds(earliest, end), 1: LogBounds(0, 20)})


def test_when_all_was_read_and_nothing_is_behind_all_is_well() -> None:
    seen = status()
    assert (seen.health, seen.attention, seen.unknown) == ("well", [], [])


def test_each_partition_names_its_owner_and_each_owner_its_partitions() -> None:
    seen = status()
    assert [row.worker for row in seen.partitions] == ["linger-a", "linger-b"]
    assert seen.group is not None
    assert [(row.name, row.partitions, row.source_partitions) for row in seen.group.workers] == [
        ("linger-a", [0], 1),
        ("linger-b", [1], 1),
    ]


def test_the_lag_is_counted_from_the_stored_offset_and_timed_by_the_first_record_that_is_not_read() -> None:
    row = status(activity=log_of(26), first_unread_ms={0: NOW_MS - 90_000}).partitions[0]
    assert (row.lag, row.lag_seconds) == (6, 90)


def test_records_that_kafka_has_deleted_are_no_lag() -> None:
    fresh = {**META, "offset": "-1"}
    assert status(metas={0: fresh, 1: META}, activity=log_of(26, 10)).partitions[0].lag == 16


def test_the_end_of_the_embedded_broker_is_what_intake_has_sent() -> None:
    progress = {("orders", 0): msgspec.structs.replace(READ, sent={0: 30}), ("site", 0): READ}
    exact = status(progress=progress)
    low = status(progress=progress, setting=replace(SETTING, ends_are_exact=False))
    assert (exact.partitions[0].end, low.partitions[0].end, low.partitions[0].lag) == (20, 30, 10)


def test_due_times_are_ahead_or_overdue() -> None:
    row = status(queues={0: replace(QUEUES, due=9, overdue=2, oldest_due_ms=day(9)), 1: QUEUES}).partitions[0]
    assert (row.due_ahead, row.overdue, row.oldest_due) == (7, 2, "2024-01-10T00:00:00Z")


def test_a_partition_whose_state_does_not_fit_its_log_says_why() -> None:
    assert "its log holds 0 to 10" in (status(activity=log_of(10)).partitions[0].problem or "")
    assert status(activity=log_of(10)).partitions[1].problem is None


def test_state_made_with_other_partitions_names_the_setting_even_without_kafka() -> None:
    row = status(setting=replace(SETTING, partitions=1), activity=Unread("down")).partitions[0]
    assert "Set LINGER_PARTITIONS=2" in (row.problem or "")


def test_a_source_has_the_lag_of_all_its_partitions_and_the_watermark_of_the_slowest() -> None:
    behind = msgspec.structs.replace(READ, watermark_ms=NOW_MS - 60_000, offset=2, partitions=2)
    progress = {("orders", 0): msgspec.structs.replace(READ, partitions=2), ("orders", 1): behind, ("site", 0): READ}
    logs = {"orders": TopicLog("orders", None, {0: LogBounds(0, 5), 1: LogBounds(1, 9)}), "site": Unread("")}
    orders = (status(progress=progress, sources=logs).sources or [])[0]
    assert (orders.partitions, orders.lag, orders.lag_seconds) == (2, 7, 60)


def test_a_source_that_is_stopped_says_why_and_since_when() -> None:
    stop = Stop("dead_letters", "30 in a row cannot be read", day(9), 4)
    seen = status(stops=StoredStops({TopicPartition("orders", 0): stop}))
    stopped = (seen.sources or [])[0].stopped
    assert stopped is not None
    assert (stopped.partitions, stopped.cause, stopped.since) == ([0], "dead_letters", "2024-01-10T00:00:00Z")


def test_without_the_sources_file_the_sources_are_those_that_reported() -> None:
    seen = status(files=FileFacts(Unread("no such file"), "abc"))
    assert [source.topic for source in seen.sources or ()] == ["orders", "site"]
    assert [row.watermark for row in seen.types or ()] == [None, None]
    assert [unknown.what for unknown in seen.unknown] == ["sources_file"]


def test_the_watermark_of_a_type_is_that_of_its_slowest_source_and_customers_wait_by_type() -> None:
    progress = {("orders", 0): msgspec.structs.replace(READ, watermark_ms=day(9)), ("site", 0): READ}
    seen = status(progress=progress, waiting={"purchase": 3, "login": 0})
    assert [(row.type, row.watermark, row.behind_seconds, row.waiting) for row in seen.types or ()] == [
        ("login", "2024-01-11T00:00:00Z", 0, 0),
        ("purchase", "2024-01-10T00:00:00Z", 86_400, 3),
    ]


def test_dead_letters_are_counted_by_reason_with_those_that_are_open() -> None:
    letters = [
        LetterFacts("not_json", "orders", day(8), True),
        LetterFacts("not_json", "orders", day(9), False),
        LetterFacts("empty", "site", day(7), True),
    ]
    seen = status(dead_letters=NewestLetters(40, letters)).dead_letters
    assert seen is not None
    assert (seen.stored, seen.looked_at) == (40, 3)
    assert [(group.reason, group.topic, group.letters, group.open, group.newest) for group in seen.groups] == [
        ("not_json", "orders", 2, 1, "2024-01-10T00:00:00Z"),
        ("empty", "site", 1, 1, "2024-01-08T00:00:00Z"),
    ]


def test_without_redis_it_is_not_known_which_dead_letters_are_open() -> None:
    letters = [LetterFacts("not_json", "orders", day(8), None)]
    seen = status(dead_letters=NewestLetters(1, letters, "Redis does not answer"))
    assert seen.dead_letters is not None
    assert seen.dead_letters.groups[0].open is None
    assert [unknown.what for unknown in seen.unknown] == ["dispositions"]


def test_each_rule_has_its_latest_action_of_all_partitions() -> None:
    metas = {0: META, 1: {**META, "last:gone": str(day(5)), "n:active:old": "2"}}
    assert [(row.rule, row.active, row.last_action, row.actions) for row in status(metas=metas).rules or ()] == [
        ("gone", True, "2024-01-10T00:00:00Z", 14),
        ("old", False, None, 2),
    ]


@pytest.mark.parametrize("paused", ["gone", ALL_RULES])
def test_a_rule_is_paused_by_itself_or_with_all(paused: str) -> None:
    pauses = PauseList()
    pauses.add(PauseRecord(rule=paused, paused=True, by="ann", at_ms=day(9), because="wrong offer"))
    seen = status(pauses=pauses)
    assert [row.paused for row in seen.rules or ()] == [True]
    assert [(pause.rule, pause.by, pause.because) for pause in seen.pauses or ()] == [(paused, "ann", "wrong offer")]


def test_partitions_that_were_decided_under_older_rules_or_are_not_swept_are_named() -> None:
    metas = {0: {**META, "generation": "2", "swept": "2"}, 1: META}
    generations = status(metas=metas).generations
    assert generations is not None
    assert (generations.behind, generations.unswept) == ([0], [0])


def test_files_that_are_not_in_force_are_seen() -> None:
    agreed = replace(AGREED, rules={**AGREED.rules, "hash": "other"}, source_sets={"generation": "2", "hash": "x"})
    generations = status(agreed=agreed).generations
    assert generations is not None
    assert (generations.rules_here, generations.sources_here) == (False, False)


def test_during_a_rebalance_no_owner_is_known_and_none_is_missed() -> None:
    seen = status(group=GroupState("PreparingRebalance", (worker("linger-a"),)))
    assert [row.worker for row in seen.partitions] == [None, None]
    assert seen.attention == []


def everything_unread() -> Status:
    unread = Unread("no right to")
    names = [*REDIS.__slots__, *KAFKA.__slots__]
    return status(files=FileFacts(unread, unread), **dict.fromkeys(names, unread))


def test_every_part_that_cannot_be_read_is_unknown_with_its_reason_and_the_others_are_shown() -> None:
    names = [*REDIS.__slots__, *KAFKA.__slots__]
    for name in names:
        seen = status(**{name: Unread("no right to")})
        assert [unknown.reason for unknown in seen.unknown] == ["no right to"], name
        assert seen.health == "incomplete", name
        assert len(seen.partitions) == 2, name


def test_when_nothing_can_be_read_all_is_unknown_and_nothing_is_claimed() -> None:
    seen = everything_unread()
    assert seen.attention == []
    assert len(seen.unknown) == len(REDIS.__slots__) + len(KAFKA.__slots__) + 2
    parts = (seen.group, seen.sources, seen.types, seen.held, seen.dead_letters, seen.generations, seen.rules)
    assert parts == (None,) * 7
    row = seen.partitions[0]
    assert (row.worker, row.lag, row.overdue, row.outbox) == (None, None, None, None)


async def _raises() -> int:
    raise LingerError("a part\nof it is gone")


def test_of_a_question_that_fails_the_reason_is_kept_on_one_line() -> None:
    fact = asyncio.run(attempted(_raises()))
    assert fact == Unread("a part of it is gone")
    assert known(fact) is None


def test_held_actions_are_shown_by_rule_and_reason() -> None:
    held = [Held("gone", "pause", 3)]
    assert status(held=held).held == held
