"""Laws of what needs an operator, and what does not."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from tests.support.builders import day
from tests.support.status_facts import AGREED, META, NOW_MS, QUEUES, READ, SOURCES, status, worker
from tests.unit.experiments.test_verdicts import entry
from workers.kafka.group_state import GroupState
from workers.kafka.records import TopicPartition
from workers.kafka.topics import LogBounds
from workers.pauses.pause_list import PauseList
from workers.pauses.record import PauseRecord
from workers.state.stopped_sources import Stop, StoredStops
from workers.status.attention import duration_text
from workers.status.facts import FileFacts, LetterFacts, NewestLetters, TopicLog, Unread
from workers.status.shapes import Held, Server

LATE_MS = 901_000


def longer_log(*ends: int) -> TopicLog:
    return TopicLog("linger.activity", "id-1", {number: LogBounds(0, end) for number, end in enumerate(ends)})


def paused() -> PauseList:
    pauses = PauseList()
    pauses.add(PauseRecord(rule="gone", paused=True, by="ann", at_ms=0, because="why"))
    return pauses


@pytest.mark.parametrize(
    ("changed", "about", "says"),
    [
        ({"group": GroupState("Empty", ())}, "workers", "no worker runs in the group 'shop-linger'"),
        ({"metas": {0: {}, 1: {}}}, "partitions", "nothing is stored under the namespace 'shop'"),
        ({"activity": longer_log(10, 20)}, "partitions", "partition 0: the store has folded"),
        (
            {"activity": longer_log(26, 27), "first_unread_ms": {0: NOW_MS - LATE_MS, 1: NOW_MS - LATE_MS}},
            "partitions",
            "partitions 0-1: 13 records are not read, the first for 15 min 1 s",
        ),
        (
            {"stops": StoredStops({TopicPartition("site", 0): Stop("undecodable", "a batch is broken", day(9), 4)})},
            "sources",
            "'site', partition 0, is not read further since 2024-01-10T00:00:00Z: a batch is broken",
        ),
        (
            {
                "progress": {
                    ("orders", 0): msgspec.structs.replace(READ, watermark_ms=NOW_MS - LATE_MS, offset=1),
                    ("site", 0): READ,
                }
            },
            "sources",
            "'orders' is read up to 2024-01-10T23:44:59Z only, 4 records wait",
        ),
        (
            {
                "progress": {
                    ("orders", 0): msgspec.structs.replace(READ, event_ms={"purchase": day(2)}),
                    ("site", 0): READ,
                }
            },
            "sources",
            "'orders' is silent: records come, the latest at 2024-01-11T00:00:00Z, but none became an event since "
            "2024-01-03T00:00:00Z",
        ),
        (
            {
                "progress": {
                    ("orders", 0): msgspec.structs.replace(
                        READ, event_ms={"purchase": day(2)}, last_record_ms=day(2)
                    ),
                    ("site", 0): READ,
                }
            },
            "sources",
            "'orders' is silent: nothing of it became an event since 2024-01-03T00:00:00Z",
        ),
        (
            {"queues": {0: replace(QUEUES, overdue=3, oldest_due_ms=NOW_MS - LATE_MS), 1: QUEUES}},
            "due",
            "3 customers are overdue, the first since 2024-01-10T23:44:59Z",
        ),
        ({"queues": {0: replace(QUEUES, outbox=501), 1: QUEUES}}, "outbox", "partition 0: more than half"),
        ({"missing": ["linger.at-risk"]}, "topics", "topic 'linger.at-risk' does not exist"),
        ({"missing": ["orders"]}, "topics", "topic 'orders' does not exist"),
        ({"held": [Held("gone", "brake", 3), Held("old", "brake", 4)]}, "held", "the brake holds 7 actions"),
        (
            {"dead_letters": NewestLetters(1, [LetterFacts("not_json", "orders", NOW_MS - 60_000, True)])},
            "dead_letters",
            "1 open dead letters of 'orders' because of not_json",
        ),
        (
            {"dead_letters": NewestLetters(9_000, [LetterFacts("not_json", "orders", NOW_MS - 60_000, True)])},
            "dead_letters",
            "1 open dead letters (of the newest 1) of 'orders' because of not_json",
        ),
        (
            {"files": FileFacts(SOURCES, Unread("they have problems"), ["r.yaml:1:1: a", "b", "c", "d"])},
            "generations",
            "older ones stay in force: r.yaml:1:1: a; b; c; and 1 more",
        ),
        ({"files": FileFacts(SOURCES, "other")}, "generations", "rules are in force (set 3)"),
        (
            {"differing": {"a": "rule set 1 (abc), sources 2", "b": "rule set 2 (def), sources 2"}},
            "generations",
            "different files: 'a' has rule set 1 (abc), sources 2; 'b' has rule set 2 (def), sources 2",
        ),
        (
            {"experiments": {"k": entry(unhealthy_since=NOW_MS)}},
            "experiments",
            "the arms of the experiment 'gone-quiet' do not have the sizes",
        ),
        (
            {"agreed": replace(AGREED, source_ids={"orders": "the-one-before"})},
            "sources",
            "'orders' was deleted and created again",
        ),
        (
            {"servers": [Server("redis:6379", 81 << 20, 100 << 20, "noeviction")]},
            "memory",
            "Redis at redis:6379 uses 81 of 100 MiB",
        ),
        ({"servers": [Server("redis:6379", 1, 0, "allkeys-lru")]}, "memory", "may evict customers"),
    ],
)
def test_a_fault_is_named_with_what_to_do(changed: dict[str, Any], about: str, says: str) -> None:
    seen = status(**changed)
    assert seen.health == "attention"
    texts = [item.problem for item in seen.attention if item.about == about]
    assert [text for text in texts if says in text], seen.attention
    assert all(item.remedy for item in seen.attention)


def test_a_source_that_is_stopped_is_not_reported_as_silent_too() -> None:
    silent = msgspec.structs.replace(READ, event_ms={"purchase": day(2)})
    stops = StoredStops({TopicPartition("orders", 0): Stop("dead_letters", "they cannot be read", day(9), 4)})
    seen = status(progress={("orders", 0): silent, ("site", 0): READ}, stops=stops)
    assert [item.problem.split(",")[0] for item in seen.attention if item.about == "sources"] == ["'orders'"]
    assert [source.silent_since for source in seen.sources or () if source.topic == "orders"] == [
        "2024-01-03T00:00:00Z"
    ]


def test_without_a_worker_no_source_is_reported_as_silent() -> None:
    silent = msgspec.structs.replace(READ, event_ms={"purchase": day(2)})
    seen = status(progress={("orders", 0): silent, ("site", 0): READ}, group=GroupState("Empty", ()))
    assert [item.about for item in seen.attention] == ["workers"]


def test_a_partition_without_an_owner_is_missed_only_while_the_group_is_stable() -> None:
    only = (worker("linger-a", 0),)
    assert [item.problem for item in status(group=GroupState("Stable", only)).attention] == [
        "partition 1 of 'linger.activity' without a worker"
    ]
    assert status(group=GroupState("CompletingRebalance", only)).attention == []


@pytest.mark.parametrize(
    "changed",
    [
        {"pauses": paused()},
        {"held": [Held("gone", "pace", 3), Held("gone", "pause", 3)]},
        {"queues": {0: replace(QUEUES, overdue=3, oldest_due_ms=NOW_MS - 60_000), 1: QUEUES}},
        {"activity": longer_log(26, 20), "first_unread_ms": {0: NOW_MS - 60_000}},
        {"dead_letters": NewestLetters(9, [LetterFacts("not_json", "orders", day(9), True)])},
        {"dead_letters": NewestLetters(9, [LetterFacts("not_json", "orders", NOW_MS, False)])},
        {"metas": {0: {**META, "generation": "2", "swept": "2"}, 1: META}},
        {"servers": [Server("redis:6379", 900 << 20, 0, "noeviction")]},
        {"experiments": {"k": entry(), "o": entry(unhealthy_since=day(5), closed_at=day(6))}},
    ],
)
def test_what_is_meant_or_passes_by_itself_needs_no_one(changed: dict[str, Any]) -> None:
    assert status(**changed).health == "well"


def test_attention_goes_before_what_is_unknown() -> None:
    seen = status(group=GroupState("Empty", ()), servers=Unread("no right to INFO"))
    assert (seen.health, len(seen.unknown)) == ("attention", 1)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (901, "15 min 1 s"), (3_600, "1 h"), (90_061, "1 d 1 h")],
)
def test_a_duration_has_its_two_largest_units(seconds: int, text: str) -> None:
    assert duration_text(seconds) == text
