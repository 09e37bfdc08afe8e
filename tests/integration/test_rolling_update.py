"""A rolling update of workers completes although sources are silent, rules are broken and workers are spare."""

import asyncio
import json
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration.test_worker import QUIET
from tests.support.builders import day
from tests.support.site import Site, site
from workers.demo.embedded import Pair
from workers.kafka.topics import TopicPlan, connected_admin, create_missing

pytestmark = [pytest.mark.integration, pytest.mark.rest]

WORKERS: Final = 3
SOURCES: Final = """
sources:
  - topic: {prefix}single
    event: purchase
    max_silence: {orders_silence}
    complete_since: 2024-01-01
    fields:
      event_id: order_id
      customer_id: customer
      occurred_at: {{path: placed_at_ms, format: milliseconds}}
      amount: total
      currency: currency
"""
"""Its topic has one partition, like the activity topic: one of three workers is spare, and two of four."""
BOUND_SECONDS: Final = 60.0
"""How long an orchestrator waits for one process to be ready."""
BROKEN: Final = QUIET.replace("rules:", "rulez:")

Process = subprocess.Popen[bytes]


def port_of(place: Site, process: Process) -> int | None:
    log = place.folder / f"worker-{place.processes.index(process)}.log"
    ports = [json.loads(line)["http_port"] for line in log.read_text().splitlines() if '"worker_ready"' in line]
    return ports[0] if ports else None


async def asked(place: Site, process: Process, path: str) -> tuple[int, str]:
    """Return the status and the text that one worker answers; 0 while it does not listen."""
    port = port_of(place, process)

    def fetch() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    return (0, "") if port is None else await asyncio.to_thread(fetch)


async def is_ready(place: Site, process: Process) -> bool:
    return (await asked(place, process, "/readyz"))[0] == 200


async def failing(place: Site, process: Process) -> set[str]:
    """Return the conditions that hold in one worker."""
    status, text = await asked(place, process, "/statusz?format=json")
    conditions: dict[str, dict[str, Any]] = json.loads(text)["conditions"] if status == 200 else {}
    return {name for name, condition in conditions.items() if not condition["ok"]}


async def gauge(place: Site, process: Process, series: str) -> float:
    _, text = await asked(place, process, "/metrics")
    values = [line.rsplit(" ", 1)[1] for line in text.splitlines() if line.startswith(f"{series} ")]
    return float(values[0]) if values else -1.0


async def order(place: Site, at_day: float) -> None:
    value = {"order_id": f"o{at_day}", "customer": "ada", "total": "20.00", "currency": "EUR"}
    await place.send("single", {**value, "placed_at_ms": day(at_day)}, at_day)


async def until_listening(place: Site, process: Process) -> None:
    async def listens() -> bool:
        return port_of(place, process) is not None

    await place.until(listens, "a worker to listen")


async def until_ready_although(place: Site, process: Process, *conditions: str) -> None:
    """Wait until a worker says that something is wrong and is ready nevertheless."""

    async def is_so() -> bool:
        return await failing(place, process) >= set(conditions) and await is_ready(place, process)

    await place.until(is_so, f"a worker to be ready although {conditions} fail")


def test_a_rolling_update_with_a_silent_source_a_broken_file_and_a_spare_worker_completes(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def law() -> None:
        options: dict[str, Any] = {
            "orders_silence": "5 days",
            "LINGER_PARTITIONS": "1",
            "LINGER_RULES_POLL_MS": "100",
            "LINGER_KAFKA_HEARTBEAT_INTERVAL_MS": "300",
        }
        async with site(apache_pair, tmp_path, QUIET, workers=0, sources=SOURCES, **options) as place:
            place.patience_seconds = BOUND_SECONDS
            async with connected_admin(place.settings.kafka_connection()) as admin:
                await create_missing(admin, [TopicPlan(f"{place.prefix}single", 1, 1, {"retention.ms": "-1"})])
            for _ in range(WORKERS):
                place.start_worker()
            rules = tmp_path / "rules.yaml"
            await order(place, 1)
            await place.now(30)
            before = list(place.processes)
            for process in before:
                await until_listening(place, process)
            rules.write_text(BROKEN)
            for process in before:
                await until_ready_although(place, process, "sources", "rules")
            after = []
            for old in before:
                started = time.monotonic()
                new = place.start_worker()
                after.append(new)
                await until_ready_although(place, new, "sources", "rules")
                assert time.monotonic() - started < BOUND_SECONDS
                assert json.loads((await asked(place, new, "/readyz"))[1])["sources"].startswith("silent: ")
                await place.stop_worker(old)

            async def spares() -> list[Process]:
                return [process for process in after if "assigned" in await failing(place, process)]

            async def is_shared() -> bool:
                owned = [await gauge(place, process, "linger_partitions_owned") for process in after]
                return len(await spares()) == 1 and sum(owned) == 1

            await place.until(is_shared, "one worker to own the partition, and one to be spare")
            (spare,) = await spares()
            await until_ready_although(place, spare, "assigned", "rules")
            assert await gauge(place, spare, 'linger_condition{condition="assigned"}') == 1
            assert await gauge(place, spare, "linger_ready") == 1
            # What was said and what is sent next is decided by the new workers alone.
            await order(place, 31)
            await place.now(32)
            await place.decided_until(32)
            assert (await place.counters())["events"] == 2

    asyncio.run(law())
