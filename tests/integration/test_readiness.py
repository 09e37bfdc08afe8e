"""Readiness of a real worker: Redis away does not end it, a lost group and stopped partitions do, and it returns."""

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration.test_rolling_update import asked, failing, gauge, is_ready, until_listening
from tests.integration.test_worker import QUIET
from tests.support.services import running_kafka, running_redis
from tests.support.site import Site, site
from workers.demo.embedded import HOST, Pair, free_ports

pytestmark = [pytest.mark.integration, pytest.mark.rest]

SESSION_SECONDS: Final = 6
"""The least that brokers allow."""
OPTIONS: Final[dict[str, Any]] = {
    "LINGER_KAFKA_SESSION_TIMEOUT_MS": str(SESSION_SECONDS * 1_000),
    "LINGER_KAFKA_REQUEST_TIMEOUT_MS": str(SESSION_SECONDS * 1_000 + 1_000),
    "LINGER_KAFKA_HEARTBEAT_INTERVAL_MS": "500",
    "LINGER_REDIS_TIMEOUT_MS": "1000",
}


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Stop a server so that it answers nothing, and let it go on afterwards."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def until_ready(place: Site, *, ready: bool) -> None:
    async def is_so() -> bool:
        return await is_ready(place, place.processes[0]) == ready

    await place.until(is_so, f"the worker to be {'ready' if ready else 'not ready'}")


async def until_failing(place: Site, *names: str) -> None:
    async def is_so() -> bool:
        return set(names) <= await failing(place, place.processes[0])

    await place.until(is_so, f"{names} to fail")


def test_redis_away_does_not_end_readiness_and_a_group_that_is_lost_does_until_it_is_back(tmp_path: Path) -> None:
    async def law(pair: Pair, kafka: int, redis: int) -> None:
        async with site(pair, tmp_path, QUIET, **OPTIONS) as place:
            (worker,) = place.processes
            await until_listening(place, worker)
            await until_ready(place, ready=True)
            with frozen(redis):
                await until_failing(place, "outside")
                assert await is_ready(place, worker)
            await place.order("ada", 1)
            await place.now(2)
            await place.decided_until(2)
            with frozen(kafka):
                frozen_at = time.monotonic()
                await until_failing(place, "group")
                assert await is_ready(place, worker)
                await until_ready(place, ready=False)
                assert time.monotonic() - frozen_at > 2 * SESSION_SECONDS - 1
                assert "has not confirmed this worker" in (await asked(place, worker, "/readyz"))[1]
                assert await gauge(place, worker, "linger_ready") == 0
                assert (await asked(place, worker, "/livez"))[0] == 200
            await until_ready(place, ready=True)

    kafka_port, redis_port = free_ports(2)
    with (
        tempfile.TemporaryDirectory(prefix="linger-tests-") as data,
        running_redis(Path(data, "redis"), redis_port, tmp_path) as redis,
        running_kafka(Path(data, "kafka"), kafka_port, tmp_path) as kafka,
    ):
        pair = Pair(f"{HOST}:{kafka_port}", f"redis://{HOST}:{redis_port}/0")
        asyncio.run(law(pair, kafka, redis))


def test_a_worker_whose_every_partition_is_stopped_is_not_ready_until_one_goes_on(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def law() -> None:
        options: dict[str, Any] = {"LINGER_PARTITIONS": "2", "LINGER_RULES_POLL_MS": "100"}
        async with site(apache_pair, tmp_path, QUIET, **options) as place:
            (first,) = place.processes
            await until_listening(place, first)
            await until_ready(place, ready=True)
            await place.order("ada", 1)
            await place.now(2)
            await place.decided_until(2)
            await place.stop_worker(first)
            metas = [place.store.keys.partition(number).meta for number in range(2)]
            for meta in metas:  # as if workers with newer rules had decided
                await place.store.set_fields(meta, {"generation": "2"})
            second = place.start_worker()
            await until_listening(place, second)

            async def says_why() -> bool:
                return (
                    "every partition that this worker owns is stopped" in (await asked(place, second, "/readyz"))[1]
                )

            await place.until(says_why, "the worker to say that every partition is stopped")
            assert not await is_ready(place, second)
            assert "stopped" in await failing(place, second)
            await place.store.set_fields(metas[0], {"generation": "1"})

            async def goes_on() -> bool:
                return await is_ready(place, second) and "stopped" in await failing(place, second)

            await place.until(goes_on, "the worker to be ready with the partition that goes on")

    asyncio.run(law())
