"""Laws of what `linger dead-letters` prints."""

import asyncio
import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from tests.support.dead_letters import dead_letter_at, each, recorded
from workers.dead_letters.record import DeadLetter
from workers.dead_letters.replay import ReplayResult
from workers.dead_letters.report import (
    dead_letter_document,
    discard_document,
    print_dead_letter,
    print_groups,
    print_replay,
    replay_document,
)
from workers.dead_letters.selection import Plan, Selection, plan_replay


def planned(*dead_letters: DeadLetter) -> Plan:
    async def exists(topic: str) -> bool:
        return True

    dispositions = recorded("replayed", (9, 9))
    return asyncio.run(plan_replay(each(dead_letters), Selection(), dispositions, exists, max_replays=3))


def printed(print_to: Any, *arguments: Any, **options: Any) -> str:
    file = io.StringIO()
    print_to(Console(file=file, width=200, highlight=False, emoji=False), *arguments, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("value", "document"),
    [
        (None, None),
        (b"", {"text": "", "bytes": 0, "shown_bytes": 0}),
        ("grün".encode(), {"text": "grü", "bytes": 5, "shown_bytes": 4}),
        (b"\xff", {"base64": "/w==", "bytes": 1, "shown_bytes": 1}),
        (b"abcdefgh\xff", {"base64": "YWJjZA==", "bytes": 9, "shown_bytes": 4}),
    ],
)
def test_bytes_are_text_or_base64_and_name_their_whole_length(value: bytes | None, document: Any) -> None:
    assert dead_letter_document(dead_letter_at(value=value), None, 4)["value"] == document


def test_a_dead_letter_cannot_control_the_terminal() -> None:
    dead_letter = replace(dead_letter_at(value=b"\x1b[2J"), detail="\x1b[31m", headers=(("\x07", b"\x00"),))
    text = printed(print_dead_letter, dead_letter, None, 4096)
    assert not [char for char in text if not char.isprintable() and char != "\n"]


def test_a_long_value_is_cut_and_says_so() -> None:
    text = printed(print_dead_letter, dead_letter_at(value=b"x" * 5_000), "replayed", 4096)
    assert "904 characters more; --full shows all" in text
    assert "place: 2:7, 1970-01-01T00:00:01Z, replayed" in text


def test_a_dry_run_names_the_option_and_the_first_to_try() -> None:
    plan = planned(dead_letter_at((0, 1)), dead_letter_at((0, 2), value=b"[]"))
    text = printed(print_replay, plan, None, 1)
    assert "to be sent" in text
    assert "Nothing was sent: add --yes to send 2 dead letters." in text
    assert "linger dead-letters replay 0:1 --yes" in text
    assert replay_document(plan, None)["dry_run"]


def test_what_was_not_sent_is_counted_by_why() -> None:
    plan = planned(
        dead_letter_at((0, 1)),
        dead_letter_at((0, 2), value=b"[]"),
        dead_letter_at((0, 3), value=b"x"),
        dead_letter_at((9, 9)),
    )
    text = printed(print_replay, plan, ReplayResult(1, [(0, 2)]), 20)
    assert "not: replayed before" in text
    assert "not sent: 0:2." in text
    document = replay_document(plan, ReplayResult(1, [(0, 2)]))
    assert (document["sent"], document["too_large"], document["dry_run"]) == (1, ["0:2"], False)
    assert {row["why_not"]: row["count"] for row in document["groups"]} == {None: 2, "replayed": 1, "copy": 1}
    assert "Deleted by Kafka" not in text


def test_dead_letters_that_kafka_has_deleted_meanwhile_are_counted() -> None:
    plan = planned(dead_letter_at((0, 1)), dead_letter_at((0, 2), value=b"[]"))
    assert "Deleted by Kafka before they could be sent: 1." in printed(print_replay, plan, ReplayResult(1), 20)


def test_an_empty_list_says_whether_options_narrowed_it() -> None:
    assert printed(print_groups, [], is_narrowed=False) == "There is no dead letter.\n"
    assert printed(print_groups, [], is_narrowed=True) == "There is no such dead letter.\n"


def test_a_discard_counts_only_what_it_did() -> None:
    plan = planned(dead_letter_at((0, 1)))
    assert discard_document(plan, dry_run=True)["discarded"] == 0
    assert discard_document(plan, dry_run=False)["discarded"] == 1
