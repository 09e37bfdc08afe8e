"""Laws of how a status is shown."""

import io
from dataclasses import replace
from typing import Any

import msgspec

from tests.support.builders import day
from tests.support.status_facts import KAFKA, META, NOW_MS, QUEUES, REDIS, SETTING, status, worker
from workers.kafka.group_state import GroupState
from workers.pauses.pause_list import PauseList
from workers.pauses.record import ALL_RULES, PauseRecord
from workers.printing import CommandConsole
from workers.status.facts import FileFacts, LetterFacts, NewestLetters, Unread
from workers.status.shapes import Held, Status
from workers.status.writing import document, print_status


def printed(seen: Status, width: int | None = None) -> str:
    size: dict[str, Any] = {} if width is None else {"width": width, "height": 50}
    console = CommandConsole(file=io.StringIO(), **size)
    print_status(console, seen)
    written = console.file
    assert isinstance(written, io.StringIO)
    return written.getvalue()


def busy(**changed: Any) -> Status:
    pauses = PauseList()
    pauses.add(PauseRecord(rule=ALL_RULES, paused=True, by="ann", at_ms=day(9), because="the offer is wrong"))
    letters = NewestLetters(40, [LetterFacts("not_json", "orders", NOW_MS, True)])
    queues = {0: replace(QUEUES, overdue=2, outbox=3, held=4), 1: QUEUES}
    held = [Held("gone", "pause", 4)]
    return status(**{"pauses": pauses, "dead_letters": letters, "queues": queues, "held": held, **changed})


def test_it_begins_with_whether_all_is_well() -> None:
    assert printed(status()).splitlines()[0] == "✓ 2024-01-11T00:00:00Z: all is well"
    assert printed(busy()).splitlines()[0] == "✗ 2024-01-11T00:00:00Z: something needs attention"
    assert printed(status(brake=Unread("no right to"))).splitlines()[:2] == [
        "? 2024-01-11T00:00:00Z: nothing is seen that needs attention, but not everything could be read",
        "? brake unknown: no right to",
    ]


def test_people_see_everything_that_is_not_zero() -> None:
    text = printed(busy())
    for part in (
        "2 customers overdue and 6 due later, 3 records wait for Kafka, 4 actions are held",
        "Actions of this hour: 1 of at most 500",
        "all rules are paused since 2024-01-10T00:00:00Z by ann: the offer is wrong",
        "Dead letters: 40 in the topic; the newest 1 by reason",
        "Rules: set 3, sources: generation 2",
        "Redis at redis:6379: 50 MiB of 100 MiB, noeviction",
    ):
        assert part in text
    for name in ("linger-a", "linger-b", "orders", "site", "purchase", "login", "not_json", "gone"):
        assert name in text


def test_no_name_is_cut_on_a_narrow_screen() -> None:
    name = "linger-7a302ecb-00e2-4377-b42b-92ee1a04de34"
    group = GroupState("Stable", (worker(name, 0, 1),))
    for width in (20, 40, 80, None):
        assert name in printed(busy(group=group), width)


def test_at_most_twenty_partitions_are_listed_the_rest_is_counted() -> None:
    numbers = range(64)
    seen = busy(
        setting=replace(SETTING, partitions=64),
        metas={number: {**META, "partitions": "64"} for number in numbers},
        queues={number: replace(QUEUES, held=1) for number in numbers},
    )
    assert "and 44 more partitions with work; --json shows all" in printed(seen)


def test_what_is_unknown_is_shown_so_and_nothing_of_it_as_none() -> None:
    unread = Unread("no right to")
    parts = dict.fromkeys((*REDIS.__slots__, *KAFKA.__slots__), unread)
    text = printed(status(files=FileFacts(unread, unread), **parts))
    assert text.count("no right to") == 1
    for part in ("Workers: unknown", "Sources: unknown", "Dead letters: unknown", "Rules: unknown", "Redis: unknown"):
        assert part in text
    assert "? records not read, ? customers overdue" in text


def test_names_cannot_control_the_terminal() -> None:
    letters = NewestLetters(1, [LetterFacts("\x1b[31mred", "or\x07ders", NOW_MS, True)])
    text = printed(busy(dead_letters=letters, brake=Unread("\x1b[2J")))
    assert not [character for character in text if not character.isprintable() and character != "\n"]


def test_the_document_is_plain_and_has_every_part_of_the_shape() -> None:
    shown = document(busy())
    assert set(shown) == {field.name for field in msgspec.structs.fields(Status)}
    assert msgspec.convert(msgspec.json.decode(msgspec.json.encode(shown)), Status) == busy()
    assert shown["format"] == 1
    assert shown["held"] == [{"rule": "gone", "because": "pause", "held": 4}]
