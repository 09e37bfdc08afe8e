"""Laws of what is still to be done of a file's actions, by what the topics hold by now."""

from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.actions import Action, Decision, Rule
from tests.support.messages import messages
from workers.dead_letters.record import SOURCE_OFFSET, SOURCE_PARTITION, SOURCE_TOPIC
from workers.kafka.records import OutboxRecord, PlacedRecord, encode_record
from workers.recovery.published import Published
from workers.recovery.release_policy import DEFERRED
from workers.recovery.state_files.since_then import SinceThen
from workers.state.step import Held

AT = datetime(2026, 1, 1, tzinfo=UTC)
ID = "0195d3a0-0000-5000-8000-000000000001"


def action(status: str = "active") -> Action:
    fields: dict[str, Any] = {"status": status, "retracted_at": AT if status == "retracted" else None}
    return Action(
        action_id=ID,
        action="at-risk",
        customer_id="ada",
        rule=Rule("quiet", "v"),
        episode_started_at=AT,
        decided_at=AT,
        expires_at=AT,
        template="t",
        variables={},
        why=(),
        **fields,
    )


def decision(kind: Any = "capped", detail: str = "") -> Decision:
    return Decision(
        action_id=ID,
        decision=kind,
        action="at-risk",
        customer_id="ada",
        rule=Rule("quiet", "v"),
        episode_started_at=AT,
        decided_at=AT,
        detail=detail,
    )


def record(what: Action | Decision) -> OutboxRecord:
    return messages([what], "linger")[0]


def sieve(*published: Action | Decision) -> SinceThen:
    known = Published()
    for what in published:
        known.add(0, record(what).value)
    return SinceThen(0, known, "linger", "linger.dead-letter")


def outcome(given: list[Action | Decision], *published: Action | Decision) -> tuple[int, list[tuple[str, str]]]:
    """How many records are published now, and rule and reason of what is held."""
    now, held = sieve(*published).of_outbox([record(what) for what in given])
    return len(now), [(one.rule, one.because) for one in held]


@pytest.mark.parametrize(
    ("given", "published", "expected"),
    [
        ([action()], [], (0, [(DEFERRED, "pace")])),
        ([action()], [action()], (0, [])),
        ([action()], [action(), action("retracted")], (0, [])),
        ([action()], [decision("held", "paused by an operator")], (0, [("quiet", "pause")])),
        ([action()], [decision("held", "more than 1 per day")], (0, [("quiet", "pace")])),
        ([action()], [decision("held", "discarded by hand")], (0, [])),
        ([action("retracted")], [action()], (1, [])),
        ([action("retracted")], [action(), action("retracted")], (0, [])),
        ([action("retracted")], [], (0, [])),
        ([action(), action("retracted")], [], (0, [])),
        ([decision()], [], (1, [])),
        ([decision()], [decision()], (0, [])),
    ],
)
def test_only_what_the_topics_do_not_hold_is_done(
    given: list[Action | Decision], published: list[Action | Decision], expected: tuple[int, list[tuple[str, str]]]
) -> None:
    assert outcome(given, *published) == expected


def test_a_dead_letter_is_published_unless_it_was() -> None:
    place = {SOURCE_TOPIC: b"linger.activity", SOURCE_PARTITION: b"0", SOURCE_OFFSET: b"7"}
    letter = OutboxRecord("linger.dead-letter", b"k", b"v", tuple(place.items()))
    known = Published()
    assert SinceThen(0, known, "linger", "linger.dead-letter").of_outbox([letter]) == ([letter], [])
    known.add_dead_letter(place, "linger.activity")
    assert SinceThen(0, known, "linger", "linger.dead-letter").of_outbox([letter]) == ([], [])


@pytest.mark.parametrize(
    "one",
    [
        PlacedRecord("linger.marks", b"00", b"\xff no action", (), 7),
        PlacedRecord("linger.marks", b"00", None, (), 7),
        OutboxRecord("linger.win-back", b"ada", None, ()),
    ],
)
def test_what_an_order_has_put_into_the_outbox_is_published(one: OutboxRecord) -> None:
    assert sieve().of_outbox([one]) == ([one], [])


def test_what_was_held_is_held_unless_it_was_published_or_given_up() -> None:
    held = Held("quiet", ID, 1, encode_record(record(action())))
    assert sieve().of_held(held, record(action()))
    assert sieve(decision("held", "more than 1 per day")).of_held(held, record(action()))
    for what in (action(), action("retracted"), decision("held", "discarded by hand")):
        assert not sieve(what).of_held(held, record(action()))
