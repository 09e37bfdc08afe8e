"""Laws of sending dead letters again: their headers, and how many are sent together."""

import asyncio
from dataclasses import replace
from typing import Any

from tests.support.dead_letters import dead_letter_at, each
from workers.core.customer.customer import RING
from workers.dead_letters.record import DeadLetter
from workers.dead_letters.replay import batches, replayed_headers

ACTIVITY = "linger.activity"


def test_a_replayed_record_has_its_own_headers_and_the_number_of_replays() -> None:
    came_with = [("trace", b"1"), ("trace", b"\xff"), ("linger-source", b"theirs")]
    sent = replayed_headers(dead_letter_at(headers=came_with), ACTIVITY)
    assert sent == (*came_with, ("linger-replays", b"1"))


def test_the_number_of_replays_survives_the_next_failure() -> None:
    headers: tuple[Any, ...] = (("trace", b"1"),)
    for number in (1, 2, 3):
        headers = replayed_headers(dead_letter_at(headers=headers), ACTIVITY)
        assert headers == (("trace", b"1"), ("linger-replays", b"%d" % number))
    assert dead_letter_at(headers=headers).replays == 3


def test_the_mark_of_intake_goes_from_records_of_the_activity_topic() -> None:
    marked = [("linger-source", b"shop.orders:1:5"), ("trace", b"1")]
    sent = replayed_headers(dead_letter_at(source=(ACTIVITY, 0, 9), headers=marked), ACTIVITY)
    assert sent == (("trace", b"1"), ("linger-replays", b"1"))


def test_an_item_is_replayed_as_that_item_alone() -> None:
    sent = replayed_headers(dead_letter_at(headers=[("linger-item", b"3")]), ACTIVITY)
    assert sent == (("linger-item", b"3"), ("linger-replays", b"1"))


# --- batches ----------------------------------------------------------------------------------------------------


def sizes(*dead_letters: DeadLetter) -> list[int]:
    async def gather() -> list[int]:
        return [len(batch) async for batch in batches(each(dead_letters))]

    return asyncio.run(gather())


def keyed(key: bytes | None, value: bytes = b"{}") -> DeadLetter:
    return replace(dead_letter_at(value=value), key=key)


def test_of_one_key_no_more_is_under_way_than_event_ids_are_known() -> None:
    assert sizes(*[keyed(b"ada")] * 20) == [RING, RING, 4]
    assert sizes(*[keyed(b"%d" % number) for number in range(600)]) == [500, 100]
    assert sizes(*[keyed(None)] * 600) == [500, 100]
    assert sizes() == []


def test_large_letters_are_sent_a_few_at_a_time() -> None:
    assert sizes(*[keyed(b"%d" % number, b"x" * (1 << 20)) for number in range(6)]) == [4, 2]
