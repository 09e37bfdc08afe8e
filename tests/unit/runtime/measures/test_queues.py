"""Laws of what waits in Redis: counted for the partitions that are owned here, and for no others."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from workers.observability.metrics import REGISTRY
from workers.processor.agent import Processor
from workers.runtime.measures.queues import show_memory, show_queues
from workers.state.keys import Keys
from workers.state.store import Store


class Servers:
    """Redis with some sorted sets, by the end of their key.

    Attributes:
        due: by partition, the answer to the question for its oldest due time.
        waiting: by type, how many customers wait in each partition.
    """

    def __init__(self, due: dict[int, Any], waiting: dict[str, int]) -> None:
        self.keys = Keys("queues")
        self.redis = self
        self._answers: dict[str, Any] = {self.keys.partition(number).due: answer for number, answer in due.items()}
        for name, count in waiting.items():
            self._answers |= {self.keys.partition(number).waiting(name): count for number in due}
        self.memory: dict[str, bytes] = {}

    async def call(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        return [self._answers[str(command[1])] for command in commands]

    async def ask_every_server(self, *command: str) -> dict[str, Any]:
        assert command == ("INFO", "memory")
        return self.memory

    def as_store(self) -> Store:
        return cast(Store, self)


def processor(*numbers: int, types: tuple[str, ...] = ()) -> Processor:
    facts = SimpleNamespace(partitions=dict.fromkeys(numbers), watermarks=dict.fromkeys(types, 1))
    return cast(Processor, facts)


def seen(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"linger_{name}", labels)


@pytest.mark.parametrize("oldest", [[b"ada", b"5000"], [[b"ada", 5000.0]]])
def test_the_oldest_due_time_of_the_owned_partitions_says_how_much_is_overdue(oldest: list[Any]) -> None:
    servers = Servers({0: oldest, 1: [], 2: [b"bob", b"9000"]}, {})
    asyncio.run(show_queues(servers.as_store(), processor(0, 1, 2), 65_000))
    assert seen("overdue_seconds") == 60
    asyncio.run(show_queues(servers.as_store(), processor(1, 2), 65_000))
    assert seen("overdue_seconds") == 56
    asyncio.run(show_queues(servers.as_store(), processor(2), 1_000))
    assert seen("overdue_seconds") == 0
    asyncio.run(show_queues(servers.as_store(), processor(), 65_000))
    assert seen("overdue_seconds") == 0


def test_customers_that_wait_are_counted_by_type_and_a_type_that_is_removed_goes() -> None:
    servers = Servers({0: [], 1: []}, {"login": 3, "purchase": 4})
    asyncio.run(show_queues(servers.as_store(), processor(0, 1, types=("login", "purchase")), 1))
    assert (seen("waiting_customers", type="login"), seen("waiting_customers", type="purchase")) == (6, 8)
    asyncio.run(show_queues(servers.as_store(), processor(0, types=("login",)), 1))
    assert (seen("waiting_customers", type="login"), seen("waiting_customers", type="purchase")) == (3, None)


def test_the_memory_of_each_server_is_shown_while_it_is_there() -> None:
    servers = Servers({}, {})
    servers.memory = {"a:1": b"used_memory:80\r\nmaxmemory:100\r\n", "b:1": b"used_memory:7\r\nmaxmemory:0\r\n"}
    asyncio.run(show_memory(servers.as_store()))
    assert (seen("redis_used_bytes", server="a:1"), seen("redis_max_bytes", server="a:1")) == (80, 100)
    assert (seen("redis_used_bytes", server="b:1"), seen("redis_max_bytes", server="b:1")) == (7, 0)
    del servers.memory["a:1"]
    asyncio.run(show_memory(servers.as_store()))
    assert (seen("redis_used_bytes", server="a:1"), seen("redis_max_bytes", server="a:1")) == (None, None)
