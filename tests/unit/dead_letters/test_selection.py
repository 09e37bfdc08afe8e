"""Laws of choosing dead letters: what is in one, which are sent again, and what is noted about them."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from aiokafka import ConsumerRecord

from schemas.events import InvalidEvent
from workers.core.customer.activity import RING
from workers.dead_letters.disposition import BLOCK, Dispositions, Place, read_runs, write_runs
from workers.dead_letters.reader import batches
from workers.dead_letters.record import cut_dead_letters, dead_letter
from workers.dead_letters.selection import (
    NOT_LINGERS,
    DeadLetter,
    Disposition,
    Group,
    Plan,
    Selection,
    group_letters,
    plan_discard,
    plan_replay,
    read_letter,
    replayed_headers,
)
from workers.kafka.records import OutboxRecord

TOPIC = "shop.orders"
ACTIVITY = "linger.activity"
Header = tuple[str, bytes]


def stored(record: OutboxRecord, place: Place = (2, 7), at_ms: int = 1_000) -> ConsumerRecord:
    """A record as Kafka gives it back."""
    return ConsumerRecord(
        topic=record.topic,
        partition=place[0],
        offset=place[1],
        timestamp=at_ms,
        timestamp_type=0,
        key=record.key,
        value=record.value,
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        headers=record.headers,
    )


def letter(
    place: Place = (2, 7),
    *,
    reason: str = "missing_field",
    source: tuple[str, int, int] = (TOPIC, 3, 41),
    value: bytes | None = b"{}",
    headers: Sequence[Header] = (),
    at_ms: int = 1_000,
    cut: bool = False,
) -> DeadLetter:
    record = dead_letter("linger.dead-letter", source, (b"k", value, headers), InvalidEvent(reason, "why"))
    return read_letter(stored(cut_dead_letters([record])[0] if cut else record, place, at_ms))


async def _each(letters: Iterable[DeadLetter]) -> AsyncIterator[DeadLetter]:
    for one in letters:
        yield one


async def _exists(topic: str) -> bool:
    return topic != "gone"


def noted(kind: str, *places: Place) -> Dispositions:
    blocks: dict[Place, dict[str, str]] = {}
    for partition, offset in places:
        block = blocks.setdefault((partition, offset // BLOCK), {kind: ""})
        block[kind] = f"{block[kind]},{offset}"
    return Dispositions(blocks)


NOTHING = Dispositions({})


def replayed(
    *letters: DeadLetter, choice: Selection | None = None, notes: Dispositions = NOTHING, at_most: int = 3
) -> Plan:
    return asyncio.run(plan_replay(_each(letters), choice or Selection(), notes, _exists, at_most=at_most))


def fates(plan: Plan) -> dict[Disposition, int]:
    found: dict[Disposition, int] = {}
    for (fate, _, _), count in plan.tally.items():
        if count:
            found[fate] = found.get(fate, 0) + count
    return found


# --- what is in one -----------------------------------------------------------------------------------------------


def test_a_letter_says_what_was_written_into_it() -> None:
    found = letter(headers=[("trace", b"1")], value=None)
    assert (found.place, found.reason, found.detail, found.source) == ((2, 7), "missing_field", "why", (TOPIC, 3, 41))
    assert (found.key, found.value, found.headers) == (b"k", None, (("trace", b"1"),))
    assert (found.replays, found.cut_from) == (0, None)


def test_headers_of_an_older_letter_are_kept_and_not_taken_for_its_own() -> None:
    first = dead_letter("t", ("old", 0, 0), (b"k", b"v", ()), InvalidEvent("not_json", "older"))
    second = dead_letter("t", (TOPIC, 1, 2), (b"k", b"v", first.headers), InvalidEvent("naive_time", "newer"))  # type: ignore[arg-type]
    found = read_letter(stored(second))
    assert (found.reason, found.source, found.headers) == ("naive_time", (TOPIC, 1, 2), first.headers)


def test_a_cut_letter_knows_how_long_it_was() -> None:
    found = letter(value=b"x" * (1 << 20), headers=[("trace", b"1")], cut=True)
    assert (found.cut_from, found.headers, found.reason) == (1 << 20, (("trace", b"1"),), "missing_field")


NO_TOPIC: Any = (
    ("linger-reason", b"x"),
    ("linger-detail", b"x"),
    ("linger-source-topic", b"not a topic"),
    ("linger-source-partition", b"0"),
    ("linger-source-offset", b"0"),
)


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("linger-reason", b"x"),),
        (("linger-reason", b"x"), ("linger-detail", b"x"), ("linger-source-topic", b"t"), ("a", b"1"), ("b", b"1")),
        NO_TOPIC,
        (*NO_TOPIC[:2], ("linger-source-topic", b"t"), ("linger-source-partition", b"-1"), NO_TOPIC[4]),
        (*NO_TOPIC[:2], ("linger-source-topic", None), *NO_TOPIC[3:]),
        (("linger-cut-from-bytes", b"7"),),
    ],
)
def test_a_record_that_linger_did_not_write_is_never_sent(headers: Any) -> None:
    found = read_letter(stored(OutboxRecord("t", b"k", b"v", headers)))
    assert (found.reason, found.source, found.headers) == (NOT_LINGERS, None, headers)
    assert fates(replayed(found)) == {Disposition.NOT_LINGERS: 1}


# --- the headers it is sent with ----------------------------------------------------------------------------------


def test_a_replayed_record_has_its_own_headers_and_the_number_of_replays() -> None:
    came_with = [("trace", b"1"), ("trace", b"\xff"), ("linger-source", b"theirs")]
    sent = replayed_headers(letter(headers=came_with), ACTIVITY)
    assert sent == (*came_with, ("linger-replays", b"1"))


def test_the_number_of_replays_survives_the_next_failure() -> None:
    headers: tuple[Any, ...] = (("trace", b"1"),)
    for number in (1, 2, 3):
        headers = replayed_headers(letter(headers=headers), ACTIVITY)
        assert headers == (("trace", b"1"), ("linger-replays", b"%d" % number))
    assert letter(headers=headers).replays == 3


@pytest.mark.parametrize("raw", [b"", b"-1", b"many", b"\xff", b"9" * 5_000, None])
def test_a_number_of_replays_that_is_none_counts_as_none(raw: Any) -> None:
    assert letter(headers=[("linger-replays", raw)]).replays == 0


def test_the_mark_of_intake_goes_from_records_of_the_activity_topic() -> None:
    marked = [("linger-source", b"shop.orders:1:5"), ("trace", b"1")]
    sent = replayed_headers(letter(source=(ACTIVITY, 0, 9), headers=marked), ACTIVITY)
    assert sent == (("trace", b"1"), ("linger-replays", b"1"))


# --- which are sent -----------------------------------------------------------------------------------------------


def test_a_letter_is_sent_once() -> None:
    plan = replayed(letter((0, 1)), letter((0, 2), value=b"[]"), notes=noted("replayed", (0, 1)))
    assert (plan.taken, fates(plan)) == ([(0, 2)], {Disposition.REPLAYED: 1, Disposition.TAKEN: 1})


def test_a_discarded_letter_is_not_sent_unless_somebody_insists() -> None:
    notes = noted("discarded", (0, 1))
    assert fates(replayed(letter((0, 1)), notes=notes)) == {Disposition.DISCARDED: 1}
    assert replayed(letter((0, 1)), notes=notes, choice=Selection(again=True)).taken == [(0, 1)]


@pytest.mark.parametrize(
    ("replays", "at_most", "fate"),
    [(2, 3, Disposition.TAKEN), (3, 3, Disposition.EXHAUSTED), (3, 4, Disposition.TAKEN)],
)
def test_a_record_that_was_replayed_too_often_is_not_sent(replays: int, at_most: int, fate: Disposition) -> None:
    one = letter(headers=[("linger-replays", b"%d" % replays)])
    assert fates(replayed(one, at_most=at_most)) == {fate: 1}


def test_a_cut_letter_is_not_sent_and_says_where_all_of_it_is() -> None:
    plan = replayed(letter((0, 1), value=b"x" * (1 << 20), cut=True))
    assert (plan.taken, plan.cut) == ([], [((0, 1), (TOPIC, 3, 41))])


@pytest.mark.parametrize("reason", ["empty", "not_json", "too_large", "too_deep", "wrong_key"])
def test_what_no_setting_can_mend_is_sent_only_if_it_is_named(reason: str) -> None:
    one = letter((0, 1), reason=reason)
    assert fates(replayed(one)) == {Disposition.HOPELESS: 1}
    assert fates(replayed(one, choice=Selection(topic=TOPIC))) == {Disposition.HOPELESS: 1}
    assert replayed(one, choice=Selection(reason=reason)).taken == [(0, 1)]
    assert replayed(one, choice=Selection(places=frozenset({(0, 1)}))).taken == [(0, 1)]


def test_a_letter_of_a_topic_that_is_gone_is_not_sent() -> None:
    assert fates(replayed(letter(source=("gone", 0, 0)))) == {Disposition.NO_TOPIC: 1}


def test_a_letter_that_was_written_twice_is_sent_once_and_both_are_noted() -> None:
    plan = replayed(letter((0, 1)), letter((3, 9)), letter((3, 10), value=b"other"))
    assert (plan.taken, plan.copies) == ([(0, 1), (3, 10)], [(3, 9)])
    assert fates(plan) == {Disposition.TAKEN: 2, Disposition.COPY: 1}


def test_a_copy_of_what_was_replayed_is_not_sent_whichever_is_read_first() -> None:
    first, second = letter((0, 1)), letter((3, 9))
    assert replayed(first, second, notes=noted("replayed", (3, 9))).taken == []
    assert replayed(first, second, notes=noted("replayed", (0, 1))).taken == []


def test_the_same_place_with_another_content_is_another_record() -> None:
    assert len(replayed(letter((0, 1), value=b"a"), letter((0, 2), value=b"b")).taken) == 2
    assert len(replayed(letter((0, 1), value=b""), letter((0, 2), value=None)).taken) == 2


def test_a_choice_narrows_by_everything_that_is_given() -> None:
    one = letter((0, 1), at_ms=500)
    for takes in (
        Selection(),
        Selection(reason="missing_field"),
        Selection(topic=TOPIC),
        Selection(since_ms=500),
        Selection(places=frozenset({(0, 1)})),
    ):
        assert takes.takes(one)
    for refuses in (
        Selection(reason="not_json"),
        Selection(topic="other"),
        Selection(since_ms=501),
        Selection(places=frozenset({(0, 2)})),
        Selection(reason="missing_field", topic="other"),
    ):
        assert not refuses.takes(one)


def test_a_discard_takes_what_nothing_was_done_about_copies_and_cut_ones_too() -> None:
    letters = [letter((0, 1)), letter((0, 2)), letter((0, 3), value=b"x" * (1 << 20), cut=True)]
    plan = asyncio.run(plan_discard(_each(letters), Selection(), noted("replayed", (0, 1))))
    assert (plan.taken, fates(plan)) == ([(0, 2), (0, 3)], {Disposition.REPLAYED: 1, Disposition.TAKEN: 2})


# --- the list -----------------------------------------------------------------------------------------------------


def grouped(*letters: DeadLetter, notes: Dispositions = NOTHING) -> list[Group]:
    return asyncio.run(group_letters(_each(letters), Selection(), notes))


def test_letters_are_counted_by_reason_and_topic_the_most_frequent_first() -> None:
    groups = grouped(
        letter((0, 1), reason="not_json"),
        letter((0, 2), at_ms=30),
        letter((0, 3), at_ms=10),
        letter((0, 4), at_ms=20),
        letter((0, 5), source=("other", 0, 0)),
        notes=noted("discarded", (0, 2)),
    )
    assert [(group.reason, group.topic, group.count) for group in groups] == [
        ("missing_field", TOPIC, 3),
        ("missing_field", "other", 1),
        ("not_json", TOPIC, 1),
    ]
    first = groups[0]
    assert (first.oldest_ms, first.newest_ms, first.replayed, first.discarded) == (10, 30, 0, 1)


def test_the_example_is_the_newest_that_nothing_was_done_about() -> None:
    letters = [letter((0, 1), at_ms=10), letter((0, 2), at_ms=20), letter((0, 3), at_ms=15)]
    assert grouped(*letters)[0].example == (0, 2)
    assert grouped(*letters, notes=noted("replayed", (0, 2)))[0].example == (0, 3)
    assert grouped(*letters, notes=noted("replayed", (0, 1), (0, 2), (0, 3)))[0].example == (0, 2)


# --- what is sent together ----------------------------------------------------------------------------------------


def sizes(*letters: DeadLetter) -> list[int]:
    async def gather() -> list[int]:
        return [len(batch) async for batch in batches(_each(letters))]

    return asyncio.run(gather())


def keyed(key: bytes | None, value: bytes = b"{}") -> DeadLetter:
    return replace(letter(value=value), key=key)


def test_of_one_key_no_more_is_under_way_than_event_ids_are_known() -> None:
    assert sizes(*[keyed(b"ada")] * 20) == [RING, RING, 4]
    assert sizes(*[keyed(b"%d" % number) for number in range(600)]) == [500, 100]
    assert sizes(*[keyed(None)] * 600) == [500, 100]
    assert sizes() == []


def test_large_letters_are_sent_a_few_at_a_time() -> None:
    assert sizes(*[keyed(b"%d" % number, b"x" * (1 << 20)) for number in range(6)]) == [4, 2]


# --- notes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offsets", "text"),
    [([], ""), ([5], "5"), ([3, 1, 2, 2], "1-3"), ([1, 3, 4, 9], "1,3-4,9"), (range(10_000, 20_000), "10000-19999")],
)
def test_offsets_are_noted_as_runs(offsets: Iterable[int], text: str) -> None:
    assert write_runs(offsets) == text
    assert [one for first, last in read_runs(text) for one in range(first, last + 1)] == sorted(set(offsets))


def test_notes_know_exactly_what_was_noted() -> None:
    notes = Dispositions({(1, 0): {"replayed": "1-3,7", "discarded": "5"}, (1, 2): {"replayed": "20000"}})
    known = {place: notes.of((1, place)) for place in (0, 1, 3, 4, 5, 6, 7, 8, 20_000)}
    assert {place for place, kind in known.items() if kind == "replayed"} == {1, 3, 7, 20_000}
    assert {place for place, kind in known.items() if kind == "discarded"} == {5}
    assert notes.of((0, 1)) is None
