"""Laws of a group that is lost for good: it is noticed, and that the coordinator was stopped is no fault."""

import asyncio
from types import SimpleNamespace
from typing import Any

from aiokafka.consumer.group_coordinator import GroupCoordinator

from workers.kafka.membership import Membership


async def crash() -> None:
    raise ValueError("Did we not perform bootstrap?")


async def watched(routine: "asyncio.Task[None]") -> tuple[Membership, Any]:
    async def nothing(*_: Any) -> None: ...

    coordinator = SimpleNamespace(
        _group_instance_id=None,
        _coordination_task=routine,
        _closing=asyncio.get_running_loop().create_future(),
        _do_heartbeat=nothing,
        _on_join_complete=nothing,
    )
    membership = Membership()
    membership.watch(coordinator)
    return membership, coordinator


def test_a_coordinator_that_has_ended_is_named_with_its_error_unless_it_was_stopped() -> None:
    async def law() -> None:
        routine = asyncio.create_task(crash())
        membership, coordinator = await watched(routine)
        assert membership.end is None
        await asyncio.wait({routine})
        assert membership.end == "the consumer has lost its group for good: Did we not perform bootstrap?"
        coordinator._closing.set_result(None)
        assert membership.end is None

    asyncio.run(law())


def test_aiokafka_keeps_its_routine_where_it_is_looked_for() -> None:
    assert {"_coordination_task", "_closing"} <= set(GroupCoordinator.__init__.__code__.co_names)
