"""An app as Faust's documentation would have one write it, with Redis for what is known, without an engine.

One agent, one actor for each partition, and event by event: what it does with each is what `aiokafka_app` does. An
event is acknowledged when Kafka has what was decided up to it: after a batch, or when no event is waiting.
"""

import os
from collections.abc import Iterable
from typing import Any, Final

import faust
from mode.supervisors import CrashingSupervisor
from redis.asyncio import Redis

from benchmarks.contenders import Contender, python_module
from benchmarks.contenders.aiokafka_app import Customers, customer_of, open_redis

CONTENDER: Final = Contender(
    name="faust",
    title="Faust, rules by hand",
    state="Redis, a transaction for each event",
    delivery="at least once",
    command=python_module("benchmarks.contenders.faust_app"),
)

_BATCH: Final = 500


def build_app() -> faust.App:
    """Return the app, with everything where the environment says."""
    group, partitions = os.environ["BENCH_GROUP"], int(os.environ["BENCH_PARTITIONS"])
    app = faust.App(
        group,
        broker=f"kafka://{os.environ['BENCH_KAFKA']}",
        datadir=os.environ["BENCH_STATE"],
        # With a name of its own it has its partitions back at once when it is started again.
        consumer_group_instance_id=f"{group}-1",
        producer_linger=0.005,
        producer_max_batch_size=128 << 10,
        key_serializer="raw",
        value_serializer="raw",
        topic_allow_declare=False,
        topic_disable_leader=True,
        # What is in hand when it stops is read again.
        stream_wait_empty=False,
        web_enabled=False,
    )
    events = app.topic(os.environ["BENCH_EVENTS"], partitions=partitions, key_type=bytes, value_type=bytes)
    actions = app.topic(os.environ["BENCH_ACTIONS"], partitions=partitions, key_type=bytes, value_type=bytes)

    async def send(records: Iterable[bytes]) -> list[Any]:
        return [await actions.send(key=customer_of(one), value=one) for one in records]

    # Faust leaves the first actor waiting when it stops, so nothing that an actor opens can be closed there.
    clients: list[Redis] = []

    @app.on_before_shutdown.connect  # type: ignore[untyped-decorator]
    async def close(app: faust.App, **_: Any) -> None:
        for redis in clients:
            await redis.aclose()

    @app.agent(events, isolated_partitions=True, supervisor_strategy=CrashingSupervisor)  # type: ignore[untyped-decorator]
    async def decide(stream: Any) -> None:
        customers: Customers | None = None
        sent: list[Any] = []
        taken: list[Any] = []
        # Without noack an event would count as done also when its handling raised.
        async for event in stream.noack().events():
            message = event.message
            if customers is None:
                clients.append(open_redis(os.environ["BENCH_REDIS"]))
                customers = Customers(clients[-1], group, message.partition)
                sent += await send(await customers.unsent())
            sent += await send(await customers.take(message.offset, event.value))
            taken.append(event)
            if len(taken) < _BATCH and not stream.channel.empty():
                continue
            async for records in customers.fire():
                sent += await send(records)
            if sent:
                for one in sent:
                    await one
                await customers.all_sent()
            for one in taken:
                one.ack()
            sent, taken = [], []

    return app


def main() -> None:
    """Run it; at a higher level Faust shows a spinner, and makes a record of every debug message for it."""
    faust.Worker(build_app(), loglevel="INFO").execute_from_commandline()


if __name__ == "__main__":
    main()
