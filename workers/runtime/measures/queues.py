"""What is in Redis: due times, customers that wait for a type or stand on a stage, and the memory that is left."""

import asyncio
from typing import Any, Final

import structlog

from workers.core.customer.stage import code_of_stage
from workers.errors import Transient
from workers.observability import log_events, metrics
from workers.operations.redis_checks import parse_info
from workers.processor.agent import Processor
from workers.runtime.parts import Parts
from workers.state.store import Store

log = structlog.get_logger(__name__)

_EVERY_SECONDS: Final = 10.0


class QueueWatch:
    """Looks at Redis every ten seconds."""

    def __init__(self, parts: Parts) -> None:
        self._store = parts.store
        self._processor = parts.processor
        self._clock = parts.clock

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                now_ms = (await self._clock.read()).now_ms
                await show_queues(self._store, self._processor, now_ms)
                await show_memory(self._store)
                show_stages(self._processor)
            except Transient as error:
                log.debug(log_events.STEP_RETRIED, error=str(error))  # the tick reports it
            await asyncio.sleep(_EVERY_SECONDS)


async def show_queues(store: Store, processor: Processor, now_ms: int) -> None:
    """Show what is overdue and what waits in the partitions that are owned here.

    Args:
        store: with the partitions' queues.
        processor: which of them are owned, and which types there are.
        now_ms: Linger's clock; 0 if it has not begun.

    Raises:
        Transient: if Redis does not answer.
    """
    numbers = sorted(processor.partitions)
    types = sorted(processor.watermarks)
    commands: list[tuple[Any, ...]] = [
        ("ZRANGE", store.keys.partition(number).due, 0, 0, "WITHSCORES") for number in numbers
    ]
    commands += [("ZCARD", store.keys.partition(number).waiting(name)) for name in types for number in numbers]
    answers = await store.redis.call(commands) if commands else []
    due = [_score(answer) for answer in answers[: len(numbers)] if answer]
    metrics.OVERDUE_SECONDS.set(max(0, now_ms - min(due, default=now_ms)) / 1000 if now_ms else 0)
    counts = answers[len(numbers) :]
    metrics.WAITING.show(
        {name: sum(counts[place * len(numbers) : (place + 1) * len(numbers)]) for place, name in enumerate(types)}
    )


def show_stages(processor: Processor) -> None:
    """Show how many customers stand on each stage of the live ladder, in the partitions that are owned here."""
    ladder = processor.rules.ladder
    owned = [partition for partition in processor.partitions.values() if partition.lost_at is None]
    metrics.ON_STAGE.show(
        {}
        if ladder is None
        else {
            name: sum(partition.meta.on_stage(code_of_stage(name)) for partition in owned) for name in ladder.stages
        }
    )


async def show_memory(store: Store) -> None:
    """Show the memory of every Redis server.

    Raises:
        Transient: if one does not answer.
    """
    answers = await store.redis.ask_every_server("INFO", "memory")
    info = {server: parse_info(raw) for server, raw in answers.items()}
    metrics.REDIS_USED.show({server: int(facts.get("used_memory", 0)) for server, facts in info.items()})
    metrics.REDIS_MOST.show({server: int(facts.get("maxmemory", 0)) for server, facts in info.items()})


def _score(answer: Any) -> int:
    """Return the score in the answer to ZRANGE for one member, in either version of the protocol."""
    return round(float(answer[0][1] if isinstance(answer[0], list) else answer[1]))
