"""The decide agent over any store, with a publisher and a clock that do what they are told."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, cast

import orjson
from aiokafka import ConsumerRecord

from schemas.rules import Rule
from schemas.sources import SourcesFile
from tests.support.builders import day, rules
from workers.clock import Reading
from workers.core.watermarks import Progress
from workers.kafka.faust_batches import Delivery
from workers.kafka.producer import Publisher
from workers.kafka.records import OutboxRecord
from workers.kafka.topics import LogBounds
from workers.processor.agent import Processor
from workers.settings import Settings
from workers.state.store import Store

SOURCE: Final = "shop.events"
TYPES: Final = ("purchase", "login", "cancellation", "nps")


class FakePublisher:
    """Confirms what it is given and remembers it, unless it is told to wait or to fail.

    Attributes:
        sent: the records of every sending, confirmed or not.
        works: cleared, no sending comes to an end.
        failure: what a sending raises.
    """

    def __init__(self) -> None:
        self.sent: list[OutboxRecord] = []
        self.works = asyncio.Event()
        self.works.set()
        self.failure: BaseException | None = None

    async def send(self, records: Sequence[OutboxRecord]) -> list[tuple[int, int]]:
        self.sent += records
        await self.works.wait()
        if self.failure is not None:
            raise self.failure
        return [(0, offset) for offset in range(len(records))]

    def as_publisher(self) -> Publisher:
        return cast(Publisher, self)


class StoppedClock:
    """Shows the same moment whenever it is read."""

    def __init__(self, at_day: float) -> None:
        self.now_ms = day(at_day)

    async def read(self) -> Reading:
        return Reading(self.now_ms, {})

    def latest_plausible_ms(self, record_ms: int) -> int:
        return self.now_ms


def record(
    offset: int, kind: str = "login", at: str = "2024-01-02T00:00:00Z", customer: str = "ada", **fields: Any
) -> ConsumerRecord:
    """A record of the activity topic; `raw`, `key` and `headers` as they are, `sent_day` for its stamp.

    Other fields go into the event.
    """
    headers = fields.pop("headers", ())
    sent_day = fields.pop("sent_day", 1)
    raw = fields.pop("raw", None)
    key = fields.pop("key", customer.encode())
    body = {"event_id": f"e{offset}", "customer_id": customer, "type": kind, "occurred_at": at, **fields}
    return ConsumerRecord(
        topic="linger.activity",
        partition=0,
        offset=offset,
        timestamp=day(sent_day),
        timestamp_type=0,
        key=key,
        value=orjson.dumps(body) if raw is None else raw,
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        headers=headers,
    )


class Agent:
    """A decide agent that has claimed partition 0 of a topic, and everything around it."""

    def __init__(
        self,
        store: Store,
        *content: Rule,
        now_day: float = 100,
        outbox_limit: int = 100,
        partitions: int = 64,
        sources: SourcesFile | None = None,
    ) -> None:
        self.publisher = FakePublisher()
        self.clock = StoppedClock(now_day)
        self.store = store
        settings = Settings(outbox_limit=outbox_limit, partitions=partitions)
        sources = sources or SourcesFile.model_validate(
            {
                "event_types": {"nps": {}},
                "sources": [
                    {
                        "topic": SOURCE,
                        "format": "canonical",
                        "events": list(TYPES),
                        "max_silence": "3650 days",
                        "complete_since": "2024-01-01",
                    }
                ],
            }
        )
        self.decide = Processor(
            settings, sources, rules(*content, types=TYPES), store, self.publisher.as_publisher(), self.clock
        )

    async def start(self, end: int = 1_000) -> None:
        """Claim partition 0 and let everything until now be seen."""
        await self.decide.claim({0: LogBounds(0, end)}, None, self.progress())
        await self.look()

    async def look(self, end: int | None = None) -> None:
        """Look at the sources; the partition ends where it is read to, or there."""
        ends = {0: self.decide.partitions[0].meta.offset if end is None else end}
        self.decide.look(await self.clock.read(), self.progress(), ends, lambda number, offset: offset)

    def progress(self) -> dict[tuple[str, int], Progress]:
        foreign = {(SOURCE, 0): Progress(self.clock.now_ms, self.clock.now_ms, day(0), 1, {})}
        return {**foreign, **self.decide.told()}

    async def take(self, *records: ConsumerRecord, follows: int | None = None) -> int | bool | None:
        """Give the agent a delivery; `follows` as in `Delivery`, where it begins if left out."""
        behind = records[0].offset if follows is None else follows
        return await self.decide.take(0, Delivery(records, behind))

    async def published(self, topic: str | None = None) -> list[OutboxRecord]:
        """What was published to a topic, after everything that waits has been published."""
        await self.decide.partitions[0].outbox.drain(5)
        return [one for one in self.publisher.sent if topic in (None, one.topic)]
