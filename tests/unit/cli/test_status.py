"""Laws of `linger status`: its exit status, one document a line, and watching until Ctrl-C."""

import asyncio
import json
import os
import signal
from typing import Any

import pytest

from tests.support import status_facts
from tests.unit.cli.program import Answer, Linger
from workers.cli import status as command
from workers.kafka.group_state import GroupState
from workers.status.facts import Unread
from workers.status.shapes import Status


def answering(monkeypatch: pytest.MonkeyPatch, *statuses: Status) -> None:
    """Give these answers; then Ctrl-C is pressed, and no further answer comes."""
    answers = iter(statuses)

    async def read(_: Any) -> Status:
        if (answer := next(answers, None)) is None:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()
        assert answer is not None
        return answer

    async def no_rest(*_: Any) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr(command, "read_status", read)
    monkeypatch.setattr(command, "_rest", no_rest)


WELL = status_facts.status()
FAULTY = status_facts.status(group=GroupState("Empty", ()))
PARTLY = status_facts.status(servers=Unread("no right to INFO"))


@pytest.mark.parametrize(("seen", "status"), [(WELL, 0), (FAULTY, 1), (PARTLY, 2)])
def test_the_exit_status_says_whether_all_is_well(
    linger: Linger, monkeypatch: pytest.MonkeyPatch, seen: Status, status: int
) -> None:
    answering(monkeypatch, seen)
    assert linger("status").status == status


def test_for_machines_it_is_one_document(linger: Linger, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, FAULTY)
    answer = linger("status", "--json")
    assert json.loads(answer.out)["health"] == "attention"
    assert answer.out.count("\n") == 1


def test_it_watches_until_it_is_interrupted_and_ends_with_the_status_of_the_last(
    linger: Linger, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, FAULTY, PARTLY, WELL)
    answer = linger("status", "--watch", "--json")
    assert [json.loads(line)["health"] for line in answer.out.splitlines()] == ["attention", "incomplete", "well"]
    assert answer.status == 0


def test_interrupted_before_the_first_one_it_does_not_say_that_all_is_well(
    linger: Linger, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch)
    assert linger("status", "--watch") == Answer(2, "", "")


def test_without_a_terminal_watching_prints_one_after_the_other_and_clears_nothing(
    linger: Linger, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, WELL, FAULTY)
    answer = linger("status", "--watch")
    assert answer.out.count("Workers of group") == 2
    assert "\x1b" not in answer.out
    assert answer.status == 1
