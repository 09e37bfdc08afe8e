"""Laws of the demo's mailer: the newest record of an id counts, and a retraction is final."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from schemas.actions import Action, Rule, encode, moment
from tests.support.builders import day
from workers.demo.mailer import Mailer
from workers.kafka.range_reader import stop_consumer


def published(status: str, **others: Any) -> bytes:
    fields: dict[str, Any] = {
        "action_id": "3ea0bdaa-32e1-5f77-acbd-b2bc875a0af2",
        "action": "at-risk",
        "customer_id": "ada",
        "rule": Rule("quiet", "1"),
        "episode_started_at": moment(day(1)),
        "decided_at": moment(day(1)),
        "expires_at": moment(day(9)),
        "template": "t",
        "variables": {},
        "why": (),
    }
    return encode(Action(status=status, **{**fields, **others}))  # type: ignore[arg-type]


ACTIVE = published("active")
RETRACTED = published("retracted", retracted_at=moment(day(2)), retracted_because="customer_returned")


async def _left(records: Sequence[bytes]) -> tuple[bool, int]:
    mailer = Mailer({"bootstrap_servers": "127.0.0.1:1"}, ["at-risk"], "dead-letter")
    try:
        for record in records:
            mailer._note(record)
    finally:
        await stop_consumer(mailer._consumer)
    return bool(mailer.active_ids()), mailer.retracted()


@pytest.mark.parametrize(
    ("records", "is_active"),
    [
        ([ACTIVE], True),
        ([ACTIVE, ACTIVE], True),
        ([ACTIVE, RETRACTED], False),
        ([RETRACTED, ACTIVE], False),
        ([ACTIVE, RETRACTED, ACTIVE], False),
        ([RETRACTED], False),
    ],
)
def test_an_action_that_was_retracted_once_is_never_active_again(records: list[bytes], is_active: bool) -> None:
    assert asyncio.run(_left(records)) == (is_active, int(not is_active))
