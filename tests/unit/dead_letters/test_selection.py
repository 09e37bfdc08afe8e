"""Laws of choosing dead letters: which are sent again, which are discarded, and how they are counted."""

import asyncio
from typing import Any

import pytest

from tests.support.dead_letters import NOTHING, TOPIC, dead_letter_at, each, recorded, stored
from workers.dead_letters.disposition import Dispositions
from workers.dead_letters.record import NOT_LINGERS, DeadLetter, read_dead_letter
from workers.dead_letters.selection import (
    Disposition,
    Group,
    Plan,
    Selection,
    group_dead_letters,
    plan_discard,
    plan_replay,
)
from workers.kafka.records import OutboxRecord


async def _exists(topic: str) -> bool:
    return topic != "gone"


def replayed(
    *dead_letters: DeadLetter,
    selection: Selection | None = None,
    dispositions: Dispositions = NOTHING,
    max_replays: int = 3,
) -> Plan:
    return asyncio.run(
        plan_replay(each(dead_letters), selection or Selection(), dispositions, _exists, max_replays=max_replays)
    )


def dispositions_of(plan: Plan) -> dict[Disposition, int]:
    counts: dict[Disposition, int] = {}
    for (disposition, _, _), count in plan.counts.items():
        if count:
            counts[disposition] = counts.get(disposition, 0) + count
    return counts


# --- which are sent --------------------------------------------------------------------------------------------


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
    read_back = read_dead_letter(stored(OutboxRecord("t", b"k", b"v", headers)))
    assert (read_back.reason, read_back.source, read_back.headers) == (NOT_LINGERS, None, headers)
    assert dispositions_of(replayed(read_back)) == {Disposition.NOT_LINGERS: 1}


def test_a_letter_is_sent_once() -> None:
    plan = replayed(
        dead_letter_at((0, 1)), dead_letter_at((0, 2), value=b"[]"), dispositions=recorded("replayed", (0, 1))
    )
    assert (plan.positions, dispositions_of(plan)) == ([(0, 2)], {Disposition.REPLAYED: 1, Disposition.TAKEN: 1})


def test_a_discarded_dead_letter_is_sent_only_if_the_operator_insists() -> None:
    dispositions = recorded("discarded", (0, 1))
    assert dispositions_of(replayed(dead_letter_at((0, 1)), dispositions=dispositions)) == {Disposition.DISCARDED: 1}
    assert replayed(dead_letter_at((0, 1)), dispositions=dispositions, selection=Selection(again=True)).positions == [
        (0, 1)
    ]


@pytest.mark.parametrize(
    ("replays", "max_replays", "disposition"),
    [(2, 3, Disposition.TAKEN), (3, 3, Disposition.EXHAUSTED), (3, 4, Disposition.TAKEN)],
)
def test_a_record_that_was_replayed_too_often_is_not_sent(
    replays: int, max_replays: int, disposition: Disposition
) -> None:
    dead_letter = dead_letter_at(headers=[("linger-replays", b"%d" % replays)])
    assert dispositions_of(replayed(dead_letter, max_replays=max_replays)) == {disposition: 1}


def test_a_cut_letter_is_not_sent_and_says_where_all_of_it_is() -> None:
    plan = replayed(dead_letter_at((0, 1), value=b"x" * (1 << 20), cut=True))
    assert (plan.positions, plan.cut) == ([], [((0, 1), (TOPIC, 3, 41))])


@pytest.mark.parametrize("reason", ["empty", "not_json", "too_large", "too_deep", "wrong_key"])
def test_what_no_setting_can_fix_is_sent_only_if_it_is_named(reason: str) -> None:
    dead_letter = dead_letter_at((0, 1), reason=reason)
    assert dispositions_of(replayed(dead_letter)) == {Disposition.HOPELESS: 1}
    assert dispositions_of(replayed(dead_letter, selection=Selection(topic=TOPIC))) == {Disposition.HOPELESS: 1}
    assert replayed(dead_letter, selection=Selection(reason=reason)).positions == [(0, 1)]
    assert replayed(dead_letter, selection=Selection(positions=frozenset({(0, 1)}))).positions == [(0, 1)]


def test_a_letter_of_a_topic_that_is_gone_is_not_sent() -> None:
    assert dispositions_of(replayed(dead_letter_at(source=("gone", 0, 0)))) == {Disposition.NO_TOPIC: 1}


def test_a_letter_that_was_written_twice_is_sent_once_and_both_are_noted() -> None:
    plan = replayed(dead_letter_at((0, 1)), dead_letter_at((3, 9)), dead_letter_at((3, 10), value=b"other"))
    assert (plan.positions, plan.copies) == ([(0, 1), (3, 10)], [(3, 9)])
    assert dispositions_of(plan) == {Disposition.TAKEN: 2, Disposition.COPY: 1}


def test_a_copy_of_what_was_replayed_is_not_sent_whichever_is_read_first() -> None:
    first, second = dead_letter_at((0, 1)), dead_letter_at((3, 9))
    assert replayed(first, second, dispositions=recorded("replayed", (3, 9))).positions == []
    assert replayed(first, second, dispositions=recorded("replayed", (0, 1))).positions == []


def test_the_same_place_with_another_content_is_another_record() -> None:
    assert len(replayed(dead_letter_at((0, 1), value=b"a"), dead_letter_at((0, 2), value=b"b")).positions) == 2
    assert len(replayed(dead_letter_at((0, 1), value=b""), dead_letter_at((0, 2), value=None)).positions) == 2


def test_a_choice_narrows_by_everything_that_is_given() -> None:
    dead_letter = dead_letter_at((0, 1), at_ms=500)
    for takes in (
        Selection(),
        Selection(reason="missing_field"),
        Selection(topic=TOPIC),
        Selection(since_ms=500),
        Selection(positions=frozenset({(0, 1)})),
    ):
        assert takes.matches(dead_letter)
    for refuses in (
        Selection(reason="not_json"),
        Selection(topic="other"),
        Selection(since_ms=501),
        Selection(positions=frozenset({(0, 2)})),
        Selection(reason="missing_field", topic="other"),
    ):
        assert not refuses.matches(dead_letter)


def test_a_discard_takes_what_nothing_was_done_about_copies_and_cut_ones_too() -> None:
    dead_letters = [
        dead_letter_at((0, 1)),
        dead_letter_at((0, 2)),
        dead_letter_at((0, 3), value=b"x" * (1 << 20), cut=True),
    ]
    plan = asyncio.run(plan_discard(each(dead_letters), Selection(), recorded("replayed", (0, 1))))
    assert (plan.positions, dispositions_of(plan)) == (
        [(0, 2), (0, 3)],
        {Disposition.REPLAYED: 1, Disposition.TAKEN: 2},
    )


# --- the list --------------------------------------------------------------------------------------------------


def grouped(*dead_letters: DeadLetter, dispositions: Dispositions = NOTHING) -> list[Group]:
    return asyncio.run(group_dead_letters(each(dead_letters), Selection(), dispositions))


def test_letters_are_counted_by_reason_and_topic_the_most_frequent_first() -> None:
    groups = grouped(
        dead_letter_at((0, 1), reason="not_json"),
        dead_letter_at((0, 2), at_ms=30),
        dead_letter_at((0, 3), at_ms=10),
        dead_letter_at((0, 4), at_ms=20),
        dead_letter_at((0, 5), source=("other", 0, 0)),
        dispositions=recorded("discarded", (0, 2)),
    )
    assert [(group.reason, group.topic, group.count) for group in groups] == [
        ("missing_field", TOPIC, 3),
        ("missing_field", "other", 1),
        ("not_json", TOPIC, 1),
    ]
    first = groups[0]
    assert (first.oldest_ms, first.newest_ms, first.replayed, first.discarded) == (10, 30, 0, 1)


def test_the_example_is_the_newest_that_nothing_was_done_about() -> None:
    dead_letters = [
        dead_letter_at((0, 1), at_ms=10),
        dead_letter_at((0, 2), at_ms=20),
        dead_letter_at((0, 3), at_ms=15),
    ]
    assert grouped(*dead_letters)[0].example == (0, 2)
    assert grouped(*dead_letters, dispositions=recorded("replayed", (0, 2)))[0].example == (0, 3)
    assert grouped(*dead_letters, dispositions=recorded("replayed", (0, 1), (0, 2), (0, 3)))[0].example == (0, 2)
