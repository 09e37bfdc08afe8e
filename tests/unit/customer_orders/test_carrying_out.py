"""Laws of waiting for orders: until each partition is past its order and has sent what follows, and no longer."""

import asyncio
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from workers.customer_orders import carrying_out
from workers.customer_orders.carrying_out import Outcome, until_carried_out
from workers.kafka.partitioner import partition_of
from workers.kafka.records import OutboxRecord, encode_record
from workers.settings import Settings, read_settings
from workers.state.keys import Keys
from workers.state.store import Store

SETTINGS = read_settings({"LINGER_PARTITIONS": "2"})
ADA = "ada"
HOME = partition_of(ADA, 2)


def waiting(*keys: str) -> list[bytes]:
    return [encode_record(OutboxRecord("t", key.encode(), b"{}", ())) for key in keys]


class Looks:
    """A store that shows another state at each look: the next offset, and the outbox."""

    def __init__(self, *states: tuple[int, list[bytes]]) -> None:
        self.keys = Keys("linger")
        self.states = list(states)
        self.now = self.states[0]
        self.redis = SimpleNamespace(call=self._outboxes)

    async def metas(self, partitions: Iterable[int]) -> dict[int, dict[str, str]]:
        self.now = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {partition: {"offset": str(self.now[0])} for partition in partitions}

    async def _outboxes(self, commands: Sequence[tuple[Any, ...]]) -> list[list[bytes]]:
        assert {command[1] for command in commands} <= {self.keys.partition(HOME).outbox}
        return [self.now[1] for _ in commands]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrying_out, "_POLL_SECONDS", 0)


def members(monkeypatch: pytest.MonkeyPatch, answer: bool | None) -> None:
    async def has_workers(settings: Settings) -> bool | None:
        return answer

    monkeypatch.setattr(carrying_out, "_has_workers", has_workers)


def waited(looks: Looks, stall_seconds: float = 60) -> tuple[Outcome, list[int]]:
    done: list[int] = []
    store = cast(Store, looks)
    work = until_carried_out(SETTINGS, store, {HOME: 5}, [ADA], done.append, stall_seconds=stall_seconds)
    return asyncio.run(work), done


def test_it_is_done_when_the_partition_is_past_the_order_and_nothing_of_the_customer_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    members(monkeypatch, True)
    looks = Looks((5, []), (6, waiting("bob", ADA)), (6, waiting(ADA)), (7, waiting("bob")), (0, []))
    assert waited(looks) == (Outcome(), [1])
    assert len(looks.states) == 1


def test_without_a_worker_it_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    members(monkeypatch, False)
    assert waited(Looks((5, []))) == (Outcome((HOME,), (), False), [])


def test_what_a_worker_did_before_it_ended_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    members(monkeypatch, False)
    assert waited(Looks((6, []))) == (Outcome(), [1])


@pytest.mark.parametrize(
    ("state", "outcome"),
    [((5, []), Outcome((HOME,), (), True)), ((6, waiting(ADA)), Outcome((), (HOME,), True))],
)
def test_it_gives_up_when_nothing_moves_and_says_what_it_waits_for(
    monkeypatch: pytest.MonkeyPatch, state: tuple[int, list[bytes]], outcome: Outcome
) -> None:
    members(monkeypatch, True)
    assert waited(Looks(state), stall_seconds=0.05) == (outcome, [])


def test_a_partition_without_state_has_not_come_to_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    members(monkeypatch, None)
    assert waited(Looks((-1, [])), stall_seconds=0.05) == (Outcome((HOME,), (), None), [])
