"""The processor over any store, with a publisher and a clock that the test controls."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any, Final, cast

import orjson
from aiokafka import ConsumerRecord

from schemas.rules import Rule
from schemas.sources import SourcesFile
from tests.support.builders import day, rule, rules
from tests.support.decided import facts_in
from tests.support.memory_store import Content, MemoryStore
from workers.book.topic import BookTopic
from workers.clock import Reading
from workers.core.rules.rule_set import RuleSet
from workers.core.watermarks import Progress
from workers.customer_facts.facts import CustomerFacts
from workers.kafka.faust_batches import Delivery
from workers.kafka.producer import Publisher, Withdrawn
from workers.kafka.records import OutboxRecord, PlacedRecord
from workers.kafka.topics import LogBounds
from workers.pauses.pause_list import PauseList
from workers.processor.agent import Backends, Processor
from workers.processor.orders.mark_topic import Copies, MarkTopic
from workers.processor.results import ProcessResult
from workers.settings import Settings
from workers.state.store import Store

SOURCE: Final = "shop.events"
MARK_TOPIC: Final = "linger.marks"
BOOK_TOPIC: Final = "linger.book"
TYPES: Final = ("purchase", "login", "cancellation", "nps")

GONE: Final = rule("gone", when={"status": "cancelled"}, action="win-back")
QUIET: Final = rule("quiet", when={"none": "login", "for": "30 days"})


class FakePublisher:
    """Confirms and remembers every record, unless the test makes it wait or fail.

    Attributes:
        sent: the records of every call, confirmed or not.
        keys: those about the key of marks, which every worker writes; they are not among `sent`.
        works: while it is cleared, no call ends.
        failure: raised by every call, unless it is None.
        before: called first, to change what is allowed.
    """

    def __init__(self) -> None:
        self.sent: list[OutboxRecord] = []
        self.keys: list[OutboxRecord] = []
        self.works = asyncio.Event()
        self.works.set()
        self.failure: BaseException | None = None
        self.before: Callable[[], object] = lambda: None

    async def send(
        self, records: Sequence[OutboxRecord], allowed: Callable[[], bool] = lambda: True
    ) -> list[tuple[int, int]]:
        self.before()
        if not allowed():
            raise Withdrawn
        for record in records:
            (self.keys if record.key == b"key" else self.sent).append(record)
        await self.works.wait()
        if self.failure is not None:
            raise self.failure
        return [(0, offset) for offset in range(len(records))]

    def as_publisher(self) -> Publisher:
        return cast(Publisher, self)


class PublishedMarks(MarkTopic):
    """The topic of marks, with what a publisher was given for it."""

    def __init__(self, publisher: FakePublisher) -> None:
        super().__init__({}, MARK_TOPIC)
        self._publisher = publisher

    async def read(self, partitions: Collection[int]) -> Copies:
        found = Copies({number: {} for number in partitions})
        for record in [*self._publisher.keys, *self._publisher.sent]:
            if isinstance(record, PlacedRecord) and record.topic == MARK_TOPIC:
                found.take(record.partition, record.key, record.value)
        return found


class PublishedBook(BookTopic):
    """The topic of the book, with what a publisher was given for it."""

    def __init__(self, publisher: FakePublisher) -> None:
        super().__init__({}, BOOK_TOPIC)
        self._publisher = publisher

    async def records(self, partitions: Collection[int]) -> AsyncIterator[tuple[int, bytes | None, bytes | None]]:
        for record in list(self._publisher.sent):
            if isinstance(record, PlacedRecord) and record.topic == BOOK_TOPIC and record.partition in partitions:
                yield record.partition, record.key, record.value


class StoppedClock:
    """Shows the same moment until the test changes it."""

    def __init__(self, at_day: float) -> None:
        self.now_ms = day(at_day)

    async def read(self) -> Reading:
        return Reading(self.now_ms, {})

    def latest_plausible_ms(self, record_ms: int) -> int:
        return self.now_ms


def record(
    offset: int, kind: str = "login", at: str = "2024-01-02T00:00:00Z", customer: str = "ada", **fields: Any
) -> ConsumerRecord:
    """Return a record of the activity topic.

    `raw`, `key` and `headers` are used as they are, and `sent_day` is its timestamp. Other fields go into the event.
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


def fresh_pauses() -> PauseList:
    """Return an empty list of pauses that stays fresh."""
    pauses = PauseList(lambda: 0.0)
    pauses.confirm(0, 0.0)
    return pauses


class Agent:
    """A processor that owns partition 0 of a topic, and everything around it.

    Attributes:
        publisher: confirms what is published.
        clock: moved by the test.
        store: of the state.
        pauses: changed by the test.
        marks: the topic of marks, as far as it was published.
        processor: under test.
    """

    def __init__(
        self,
        store: Store,
        *content: Rule,
        now_day: float = 100,
        outbox_limit: int = 100,
        partitions: int = 1,
        sources: SourcesFile | None = None,
        brake: str | None = None,
        policy: Mapping[str, Any] | None = None,
        forget_after_days: int = 0,
    ) -> None:
        self.publisher = FakePublisher()
        self.clock = StoppedClock(now_day)
        self.store = store
        self.pauses = fresh_pauses()
        self.marks = PublishedMarks(self.publisher)
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
        backends = Backends(
            store, self.publisher.as_publisher(), self.clock, self.pauses, self.marks, PublishedBook(self.publisher)
        )
        whole = {**(policy or {}), **({} if brake is None else {"brake": brake})}
        compiled = replace(rules(*content, types=TYPES, **whole), forget_after_ms=day(forget_after_days) - day(0))
        self.processor = Processor(settings, sources, compiled, backends)

    async def start(self, end: int = 1_000) -> None:
        """Claim partition 0 and let every event type be complete up to now."""
        await self.processor.claim({0: LogBounds(0, end)}, None, self.progress())
        await self.observe()

    async def observe(self, end: int | None = None) -> None:
        """Take a progress snapshot in which the partition ends at `end`, or where it has been read to."""
        ends = {0: self.processor.partitions[0].meta.offset if end is None else end}
        self.processor.observe(await self.clock.read(), self.progress(), ends, lambda number, offset: offset)

    def progress(self) -> dict[tuple[str, int], Progress]:
        from_source = {(SOURCE, 0): Progress(self.clock.now_ms, self.clock.now_ms, day(0), 1, {})}
        return {**from_source, **self.processor.progress_report()}

    async def process(self, *records: ConsumerRecord, follows: int | None = None) -> ProcessResult:
        """Process a delivery; `follows` as in `Delivery`, by default the offset of its first record."""
        follows = records[0].offset if follows is None else follows
        return await self.processor.process(0, Delivery(records, follows))

    async def published(self, topic: str | None = None) -> list[OutboxRecord]:
        """Return what was published to a topic, or to all, after everything that waits has been published."""
        await self.processor.partitions[0].outbox.drain(5)
        return [record for record in self.publisher.sent if topic in (None, record.topic)]


def lawful(law: Callable[[Agent, MemoryStore], Coroutine[Any, Any, None]], *content: Rule, **options: Any) -> None:
    """Run one law with an agent that has claimed its partition, with the rule `GONE` unless others are given."""

    async def run() -> None:
        async with asyncio.timeout(60):
            store = MemoryStore()
            agent = Agent(store.as_store(), *content or (GONE,), **options)
            await agent.start()
            try:
                await law(agent, store)
            finally:
                agent.publisher.works.set()
                await agent.processor.stop(0)

    asyncio.run(run())


def reasons(records: Sequence[OutboxRecord]) -> list[bytes | None]:
    """Return why each of these records is in the dead-letter topic."""
    return [dict(record.headers)["linger-reason"] for record in records]


def stored(store: MemoryStore, customer_id: str = "ada", *content: Rule) -> CustomerFacts:
    """Return what is stored of a customer; rules beyond the usual ones are known by their codes, if not named."""
    return facts_in(store.contents[0].activities[customer_id], rules(GONE, QUIET, *content, types=TYPES))


def numbered(agent: Agent, generation: int) -> RuleSet:
    """Return the rules of an agent as the active set of this generation."""
    return agent.processor.rules.as_activated(generation, {})


def fail_over(store: MemoryStore, copy: Content) -> None:
    """Promote a replica that holds only this copy of partition 0."""
    store.contents[0] = deepcopy(copy)
