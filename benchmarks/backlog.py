"""How fast one worker works off a backlog: `python -m benchmarks.backlog`, on a real Kafka and a real Redis.

A simulated history is put into the source topics first; then a worker with the shipped rules is started, and
timed from the first event folded to the last. Everything is on: mapping, validation, re-keying, atomic steps,
outbox, idempotent publishing. The figures include nothing of the producer, which has finished by then.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from aiokafka import AIOKafkaProducer

from benchmarks.rules import write_many
from tests.services import missing_kafka, missing_redis, running_apache_pair
from workers.clock import ReplayClock
from workers.configuration import load_configuration
from workers.demo.histories import History
from workers.demo.processes import Workers
from workers.demo.run import demo_settings
from workers.demo.simulator import simulate
from workers.embedded import Pair
from workers.settings import Settings, read_settings
from workers.store import Store, open_pool
from workers.topics import TopicPlan, connected_admin, create_missing
from workers.worker import OWN_TOPICS

_PARTITIONS = 8
_PATIENCE_SECONDS = 600.0


def main() -> int:
    """Run the benchmark and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--rules", type=int, help="So many made-up rules (a multiple of 20).")
    options = parser.parse_args()
    for missing in (missing_kafka(), missing_redis()):
        if missing is not None:
            sys.stderr.write(f"{missing}\n")
            return 1
    history = simulate(seed=1, customers=options.customers)
    with tempfile.TemporaryDirectory() as folder, running_apache_pair(Path(folder)) as pair:
        print(json.dumps(asyncio.run(_measure(pair, history, options.workers, Path(folder), options.rules))))
    return 0


async def _measure(pair: Pair, history: History, workers: int, folder: Path, rules: int | None) -> dict[str, float]:
    environment = demo_settings(pair, history, folder, "")
    if rules is not None:
        (folder / "rules").mkdir()
        write_many(folder / "rules", rules)
        environment["LINGER_RULES"] = str(folder / "rules")
    settings = read_settings(environment)
    sources, _ = load_configuration(settings)
    async with connected_admin(settings.kafka_connection()) as admin:
        plans = [TopicPlan(settings.topic(name), _PARTITIONS, 1) for name in OWN_TOPICS]
        plans += [TopicPlan(source.topic, 4, 1, {"retention.ms": "-1"}) for source in sources.sources]
        await create_missing(admin, plans)
    ends = await _fill(settings, history)
    store = Store(open_pool(settings.redis_connection(), 5_000), settings.redis_namespace)
    await ReplayClock(store).announce(history.end_ms, ends)
    expected = sum(b'"failed"' not in record.value for record in history.records)
    with Workers(workers, environment, folder) as running:
        first, last, events = 0.0, 0.0, 0
        give_up = time.monotonic() + _PATIENCE_SECONDS
        while events < expected and time.monotonic() < give_up:
            running.look_after()
            metas = await store.metas(range(_PARTITIONS))
            events = sum(int(meta.get("n:events", 0)) for meta in metas.values())
            last = time.monotonic()
            first = first or (last if events else 0.0)
            await asyncio.sleep(0.05)
        customers = sum(int(meta.get("n:customers", 0)) for meta in metas.values())
        used = (await store.call([("INFO", "memory")]))[0].decode().partition("used_memory:")[2].split()[0]
        empty = 1_000_000  # about what a Redis without data takes
    await store.close()
    return {
        "events": events,
        "customers": customers,
        "workers": workers,
        "seconds": round(last - first, 2),
        "events_per_second": round(events / (last - first)),
        "redis_bytes_per_customer": round((int(used) - empty) / max(1, customers)),
    }


async def _fill(settings: Settings, history: History) -> dict[str, int]:
    producer = AIOKafkaProducer(**settings.kafka_connection(), linger_ms=5, max_batch_size=256 << 10)
    await producer.start()
    ends: dict[str, int] = {}
    for start in range(0, len(history.records), 5_000):
        futures = [
            await producer.send(record.topic, value=record.value, key=record.key, timestamp_ms=record.at_ms)
            for record in history.records[start : start + 5_000]
        ]
        for placed in await asyncio.gather(*futures):
            place = f"{placed.topic}:{placed.partition}"
            ends[place] = max(ends.get(place, 0), placed.offset + 1)
    await producer.stop()
    return ends


if __name__ == "__main__":
    sys.exit(main())
