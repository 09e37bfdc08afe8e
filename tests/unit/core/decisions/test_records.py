"""Laws of published records at the borders of their formats."""

from typing import Final

import msgspec
import pytest

from schemas.actions import Decision
from tests.support.builders import START, rule, rules
from workers.core.decisions import decided
from workers.core.decisions.decided import Decided, Decisions
from workers.core.decisions.program import Program
from workers.core.decisions.published import held_back, read_record
from workers.core.decisions.records import Records
from workers.kafka.records import OutboxRecord, decode_record, encode_record

PROGRAM: Final = Program(rules(rule("quiet", template="we-miss-you"), types=("purchase",)))
YEAR: Final = 365 * 86_400_000
END_MS: Final = 253_402_300_800_000


def records(topic_prefix: str = "linger") -> Records:
    return Records(PROGRAM.rules, topic_prefix)


def one_decision(kind: int, start_ms: int = START) -> tuple[Decisions, Decided]:
    decisions = Decisions(PROGRAM.customer.most_conditions)
    row = decisions.another(kind, PROGRAM.rules[0], 0, start_ms, start_ms)
    if kind in (decided.ACTIVE, decided.RETRACTED):
        row.expires_ms = start_ms + 14 * 86_400_000
    return decisions, row


def capped(said: str) -> Decisions:
    decisions, row = one_decision(decided.CAPPED)
    row.explain(decided.HAD_ENOUGH)
    row.said = said
    return decisions


def test_a_turn_without_decisions_has_no_records() -> None:
    assert records().written("ada", Decisions(1)) == []
    assert records().contents("ada", Decisions(1)) == []


def test_a_content_of_any_size_is_stored_as_msgpack_writes_it() -> None:
    written = records()
    (short,) = written.written("a", capped(""))
    border = {255 - len(short.value), 65535 - len(short.value)}
    for size in sorted({size + step for size in border for step in (-1, 0, 1, 2)} | {0, 100_000}):
        (record,) = written.written("a", capped("x" * max(0, size)))
        decoded = decode_record(record.stored)
        assert decoded.value == record.value
        assert encode_record(decoded) == record.stored


@pytest.mark.parametrize("size", [1, 31, 32, 255, 256, 65_535, 65_536])
def test_so_is_a_customer_id_of_any_length_and_a_topic_of_any(size: int) -> None:
    for decisions in (capped("x"), one_decision(decided.ACTIVE)[0]):
        (record,) = records("p" * min(size, 255)).written("é" * size, decisions)
        decoded = decode_record(record.stored)
        assert decoded == OutboxRecord(record.topic, record.key, record.value, record.headers)
        assert encode_record(decoded) == record.stored
        assert record.content().customer_id == "é" * size


def test_the_same_decision_gives_the_same_record_whatever_was_written_between() -> None:
    written, decisions = records(), one_decision(decided.ACTIVE)[0]
    (before,) = written.written("ada", decisions)
    written.written("bob", capped("x" * 10_000))
    (after,) = written.written("ada", decisions)
    assert before is not after
    assert (before.stored, before.value, before.headers) == (after.stored, after.value, after.headers)


@pytest.mark.parametrize("kind", [decided.ACTIVE, decided.CAPPED])
@pytest.mark.parametrize("start_ms", [-1, END_MS])
def test_a_moment_that_no_calendar_has_is_refused(kind: int, start_ms: int) -> None:
    with pytest.raises(OverflowError, match="between the years 1970 and 9999"):
        records().written("ada", one_decision(kind, start_ms)[0])


def test_an_action_that_expires_after_the_year_9999_is_refused() -> None:
    with pytest.raises(OverflowError, match="between the years 1970 and 9999"):
        records().written("ada", one_decision(decided.ACTIVE, END_MS - 86_400_000)[0])


def test_a_held_action_is_read_again_and_its_decision_names_the_same_action() -> None:
    (record,) = records("linger.prod").written("ada", one_decision(decided.ACTIVE)[0])
    again = read_record(record.stored)
    assert (again.topic, again.rule, again.version) == ("linger.prod.at-risk", "quiet", record.version)
    held = held_back(again, "the brake holds it")
    assert held.topic == "linger.prod.decisions"
    content = held.content()
    assert isinstance(content, Decision)
    assert (content.action_id, content.decision, content.detail) == (record.action_id, "held", "the brake holds it")


def test_a_dead_letter_is_no_record_of_a_decision() -> None:
    letter = OutboxRecord("linger.dead-letter", b"ada", b"not even JSON", (("linger.reason", b"no JSON"),))
    for stored in (encode_record(letter), encode_record(OutboxRecord("t", None, None, ()))):
        with pytest.raises(msgspec.DecodeError):
            read_record(stored)
