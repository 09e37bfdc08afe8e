"""Opens the store that the settings name, and its clock. Nothing else opens them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from workers.clock import Clock, SystemClock
from workers.settings import Settings
from workers.state.connection import RedisServers
from workers.state.replay_clock import ReplayClock
from workers.state.settings_check import check_settings, readable
from workers.state.store import Store
from workers.state.topology import open_nodes

Result = TypeVar("Result")


def open_store(settings: Settings) -> Store:
    """Open the store; the caller closes it."""
    servers = RedisServers(
        open_nodes(settings.redis_connection(), settings.redis_timeout_ms),
        wait_replicas=settings.redis_wait_replicas,
        timeout_ms=settings.redis_timeout_ms,
    )
    return Store(servers, settings.redis_namespace)


def clock_of(settings: Settings, store: Store) -> Clock:
    """Return the clock by which due times are decided."""
    return ReplayClock(store) if settings.clock == "replay" else SystemClock()


@asynccontextmanager
async def opened_store(settings: Settings) -> AsyncIterator[Store]:
    """Open the store for the duration of a `with` block."""
    store = open_store(settings)
    try:
        yield store
    finally:
        await store.close()


def with_store(settings: Settings, work: Callable[[Store], Awaitable[Result]]) -> Result:
    """Open the store in a new event loop, run `work` on it, close it, and return the result of `work`."""

    async def run() -> Result:
        async with opened_store(settings) as store:
            return await work(store)

    return asyncio.run(run())


def with_stored_state(settings: Settings, work: Callable[[Store], Awaitable[Result]]) -> Result:
    """As `with_store`, for commands that answer from the state of workers: their settings must lead to it.

    Raises:
        StartupError: if nothing is stored under the namespace, or it was made with other partitions.
        LingerError: if something that is stored cannot be read.
    """

    async def checked(store: Store) -> Result:
        await check_settings(store, settings)
        with readable():
            return await work(store)

    return with_store(settings, checked)
