"""Events of now, at a steady rate, and when the actions arrive that follow from them."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple

from aiokafka import AIOKafkaConsumer

from benchmarks.linger_figures.site import Site, read_action, taken
from benchmarks.workload import Event
from workers.histories.history import iso_utc

_TURN_SECONDS: Final = 0.01
_LOOK_MS: Final = 20


class Arrival(NamedTuple):
    """One record of an action topic, as it arrived.

    Attributes:
        rule, customer, is_active: of the action.
        decided_ms: the time of the event, or the due time.
        sent_ms: when the worker handed it to its producer.
        arrived_ms: when a consumer had it.
    """

    rule: str
    customer: str
    is_active: bool
    decided_ms: int
    sent_ms: int
    arrived_ms: int


@dataclass
class Stream:
    """Events that happen now.

    Attributes:
        rate: in a second.
        sent: how many so far; those that Kafka has not confirmed yet included.
        most_behind_ms: how late an event was sent at most, because this machine was busy.
    """

    site: Site
    records: Iterable[Event]
    rate: float
    sent: int = 0
    most_behind_ms: float = 0.0

    async def play(self, seconds: float) -> None:
        """Send events for some seconds; each carries the moment at which it is handed to the producer."""
        waiting, begin = iter(self.records), time.monotonic()
        before, futures = self.sent, set[asyncio.Future[object]]()
        async with self.site.producing(linger_ms=0) as producer:
            while (passed := time.monotonic() - begin) < seconds:
                due = int(passed * self.rate) - (self.sent - before)
                self.most_behind_ms = max(self.most_behind_ms, due / self.rate * 1000)
                for record in islice(waiting, due):
                    now_ms = time.time_ns() // 1_000_000
                    value = record.value.replace(iso_utc(record.at_ms).encode(), iso_utc(now_ms).encode(), 1)
                    sending = await producer.send(self.site.source, value=value, key=record.key, timestamp_ms=now_ms)
                    futures.add(sending)
                    sending.add_done_callback(futures.discard)
                    self.sent += 1
                await asyncio.sleep(_TURN_SECONDS)
            await asyncio.gather(*futures)


@asynccontextmanager
async def watching(site: Site) -> AsyncIterator[list[Arrival]]:
    """Read what is published, from its first record on, until the block ends; gives the growing list."""
    arrivals: list[Arrival] = []
    async with site.reading_actions() as reader:
        reading = asyncio.create_task(_read(reader, arrivals))
        try:
            yield arrivals
        finally:
            reading.cancel()
            await asyncio.wait({reading})
    if not reading.cancelled() and (error := reading.exception()) is not None:
        raise error


async def _read(reader: AIOKafkaConsumer, arrivals: list[Arrival]) -> None:
    while True:
        records = await taken(reader, _LOOK_MS)
        now_ms = time.time_ns() // 1_000_000
        for record in records:
            action = read_action(record)
            when = action.retracted_at or action.decided_at
            arrivals.append(
                Arrival(
                    action.rule.id,
                    action.customer_id,
                    action.status == "active",
                    round(when.timestamp() * 1000),
                    record.timestamp,
                    now_ms,
                )
            )
