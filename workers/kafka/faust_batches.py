"""Everything that touches Faust's insides: reading whole record batches, and starting where Linger says.

Faust 0.15.3 delivers one record at a time; its public setting `ConsumerScheduler` may yield one record-like
object per partition batch instead. What that takes, and why, each kept by a test in
`tests/unit/kafka/test_faust_batches.py`:

- The batch carries the last record's offset, so acknowledging it acknowledges all. Faust's own bookkeeping of single
  offsets then takes a batch for a gap, commits over batches in flight, and stops for good behind a first record
  with offset 0. Here the deliveries themselves are kept in order, and the commit is behind the last of them before
  which everything was acknowledged.
- Every rebalance seeks to Kafka's committed offsets through `seek_to_committed`; here that method asks Linger
  for the positions instead. A seek done anywhere else would be overwritten.
- After a seek, batches fetched before it may still be on their way, at several places. Each fetch is stamped with
  the `epoch` of its partition, which every seek raises before it is handed to the consumer's thread. What bears an
  old epoch is dropped. A fetch that waits for records while a seek is made may return those behind the seek (the
  thread has two hands): when it comes, the seek is made once more, and nothing is fetched in between.
- When Faust stops or restarts its fetcher it cancels it, but not the fetch that waits in the consumer's thread: that
  may take records behind the seek that follows, for nobody. So answers with records are numbered; when a number is
  missing, every partition is read again from where its deliveries end.
- Faust itself may drop a batch (of a paused partition, while flow is stopped). Each batch says what it `follows`,
  so that the next one shows the hole; offsets alone cannot, because Kafka's own have holes. What is fetched between
  asking for positions and seeking there follows nothing that is known, and is dropped: rebalances overlap, flow may
  have been let go by an earlier one, and Faust gives up asking after its request timeout and reads on: then
  positions are asked for once more before anything is fetched. Only for partitions that are assigned: one that is
  let go after it was taken away is active to Faust until the next rebalance.
- Faust drops what lies below the last offset it has handed over, and notes that offset when the handing over has
  ended, which may be after a seek to below it. It is given a note-book that stays empty.
- Faust makes itself a folder for tables in the working directory; `BatchApp` leaves that out.
- A seek from Faust's own thread races with the fetch in the consumer's thread and can be lost; `seek_wait` runs
  there.
"""

import asyncio
import logging
import ssl
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import faust
from aiokafka import ConsumerRecord
from faust.transport.drivers import aiokafka as driver
from faust.transport.utils import DefaultSchedulingStrategy
from faust.types import TP

Positions = Callable[[set[TP], Mapping[TP, int | None]], Awaitable[Mapping[TP, int]]]
"""Given the assigned partitions and Kafka's committed offsets, returns where to start reading each."""

_log = logging.getLogger(__name__)

_BUFFERED_BATCHES_PER_PARTITION: Final = 2
_METADATA_MAX_AGE_MS: Final = 10_000
_FETCH_WAITS_MS: Final = 25
_FETCHED_AT_ONCE: Final = 65_536
"""Bytes for which a fetch waits no longer. Each is a step of every partition in it: better few and large ones."""


class Fetch(list[ConsumerRecord]):
    """The records of one fetch of one partition, with its stamps (see `Delivery`)."""

    def __init__(self, records: Sequence[ConsumerRecord], follows: int, epoch: int) -> None:
        super().__init__(records)
        self.follows = follows
        self.epoch = epoch


@dataclass(frozen=True, slots=True)
class Delivery:
    """What an agent receives: the records of one fetch of one partition.

    Attributes:
        records: in order, at least one.
        follows: the offset behind the fetch before this one; for the first after a seek, where that seek went.
        epoch: how many seeks the partition had seen when this was fetched.
    """

    records: Sequence[ConsumerRecord]
    follows: int
    epoch: int = 0

    @property
    def end(self) -> int:
        """The offset behind the last record."""
        offset: int = self.records[-1].offset + 1
        return offset

    def is_contiguous(self, offset: int) -> bool:
        """Tell whether nothing that was to be read lies between `offset` and this delivery."""
        return self.follows <= offset


class Batch:
    """A fetch that looks like a single record to Faust; its value is the `Delivery`, its offset the last one."""

    __slots__ = (
        "checksum",
        "headers",
        "key",
        "offset",
        "partition",
        "serialized_key_size",
        "serialized_value_size",
        "timestamp",
        "timestamp_type",
        "topic",
        "value",
    )

    def __init__(self, fetch: Fetch) -> None:
        last = fetch[-1]
        self.topic: str = last.topic
        self.partition: int = last.partition
        self.offset: int = last.offset
        self.timestamp: int = last.timestamp
        self.timestamp_type: int = last.timestamp_type
        self.headers: tuple[()] = ()
        self.key = None
        self.value = Delivery(fetch, fetch.follows, fetch.epoch)
        self.checksum = None
        self.serialized_key_size = 0
        self.serialized_value_size = 0


class BatchScheduler(DefaultSchedulingStrategy):  # type: ignore[misc]
    """Yields one `Batch` per partition of a fetch."""

    def iterate(self, records: Mapping[TP, Fetch]) -> Iterator[tuple[TP, Batch]]:
        """Turn fetches into batches."""
        return ((tp, Batch(fetch)) for tp, fetch in records.items() if fetch)


class Answer(dict[TP, Sequence[ConsumerRecord]]):
    """What the consumer's thread returns for one fetch: records by partition.

    Attributes:
        number: how many answers with records the thread has given, this one included.
        reached: by partition, the offset behind everything that was returned so far, holes included.
    """

    def __init__(
        self, records: Mapping[TP, Sequence[ConsumerRecord]], number: int, reached: Mapping[TP, int]
    ) -> None:
        super().__init__(records)
        self.number = number
        self.reached = reached


class _Unread(dict[TP, int | None]):
    """Faust's note of what it has handed over, by partition; it stays empty."""

    def __getitem__(self, tp: TP) -> None:
        return None

    def __setitem__(self, tp: TP, offset: int | None) -> None:
        pass

    def update(self, *arguments: Any, **named: Any) -> None:
        """Note nothing."""


class BatchThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """Faust's thread around aiokafka's consumer: it reads what is committed, and numbers its answers.

    Attributes:
        answers: how many with records there were.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.answers = 0

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # Faust offers it only together with its own transactions. An order that was aborted is none.
        consumer._isolation_level = "read_committed"
        # While a fetch waits for records of some partitions, no other partition of that broker is fetched, such as
        # one that was paused when it was sent. Faust would let it wait for 1.5 s, but for no more than one byte.
        consumer._fetch_max_wait_ms = _FETCH_WAITS_MS
        consumer._fetch_min_bytes = _FETCHED_AT_ONCE
        return consumer

    async def _fetch_records(self, consumer: Any, *arguments: Any, **named: Any) -> Answer:
        records = await super()._fetch_records(consumer, *arguments, **named)
        # Since aiokafka moved its positions nothing was awaited: they belong to these records.
        self.answers += bool(records)
        subscription = consumer._subscription.subscription
        if subscription is None or subscription.assignment is None:
            return Answer(records, self.answers, {})
        states = {tp: subscription.assignment.state_value(tp) for tp in subscription.assignment.tps}
        # A position that is not known yet has nothing behind it.
        reached = {TP(*tp): state._position for tp, state in states.items() if state._position is not None}
        return Answer(records, self.answers, reached)


class BatchConsumer(driver.Consumer):  # type: ignore[misc]
    """Faust's consumer, starting where Linger says."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._epochs: defaultdict[TP, int] = defaultdict(int)
        self._ends: dict[TP, int] = {}
        self._delivered: defaultdict[TP, deque[int]] = defaultdict(deque)
        self._reached: dict[TP, int] = {}
        self._passed_over: defaultdict[TP, list[range]] = defaultdict(list)
        self._settled: dict[TP, range] = {}
        self._answers = 0
        self._asking = 0
        self._read_offset = _Unread()

    def _new_consumer_thread(self) -> BatchThread:
        return BatchThread(self, loop=self.loop, beacon=self.beacon)

    def behind_holes(self, tp: TP, offset: int) -> int:
        """Return how far a partition is read, by somebody who has handled everything before an offset.

        That is further than the offset where the log goes on with a hole that was settled.
        """
        hole = self._settled.get(tp)
        return offset if hole is None or not self._ends.get(tp) == offset == hole.start else hole.stop

    def holes(self) -> dict[TP, list[range]]:
        """Return the offsets that reading has passed over, until they are settled.

        Markers of transactions and records of aborted ones leave holes, which no record ever follows for certain;
        and so does what was deleted before it was read. Kafka's client does not tell one from the other: whoever
        knows where the log begins can.
        """
        return {tp: found for tp in {*self._passed_over, *self._reached} if (found := self.holes_of(tp))}

    def holes_of(self, tp: TP) -> list[range]:
        """Return those of one partition: see `holes`."""
        end = self._ends.get(tp)
        behind = range(0) if end is None else range(end, self._reached.get(tp, end))
        passed_over = self._passed_over.get(tp, ())
        return [*passed_over, behind] if behind and self._settled.get(tp) != behind else [*passed_over]

    def settle(self, holes: Mapping[TP, Sequence[range]]) -> None:
        """Take note that nothing was missed in these."""
        for tp, settled in holes.items():
            self._passed_over[tp] = [hole for hole in self._passed_over[tp] if hole not in settled]
            self._settled[tp] = settled[-1]

    def is_current(self, tp: TP, delivery: Delivery) -> bool:
        """Tell whether the partition was not sought anew since this was fetched."""
        return delivery.epoch == self._epochs[tp]

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> dict[TP, Fetch]:
        unknown = self.assignment() - self._ends.keys()
        if not self._asking and unknown & (active_partitions or set()):
            # Faust gave up asking for positions before there was an answer, and reads on from anywhere.
            await self.perform_seek()
        before = dict(self._epochs)
        answer: Answer = await super()._getmany(active_partitions, timeout)
        missed = answer.number - bool(answer) - self._answers
        self._answers = answer.number
        if missed:
            _log.info("a fetch was answered when nobody waited for it any more: reading its records again")
            for tp, offset in [*self._ends.items()]:
                await self.seek_again(tp, offset)
            return {}
        fetched: dict[TP, Fetch] = {}
        for tp, records in answer.items():
            if not records or tp not in self._ends:
                continue  # positions are being asked for: nobody knows what lies before these records
            if before.get(tp, 0) != self._epochs[tp]:
                # Sought while this fetch was waiting: these may be the very records that the seek was for.
                await self.seek_again(tp, self._ends[tp])
                continue
            if missing := range(self.behind_holes(tp, self._ends[tp]), records[0].offset):
                self._passed_over[tp].append(missing)
            fetched[tp] = Fetch(records, self._ends[tp], self._epochs[tp])
            self._ends[tp] = records[-1].offset + 1
            self._delivered[tp].append(records[-1].offset)
        for tp, offset in answer.reached.items():
            if before.get(tp, 0) == self._epochs[tp]:
                self._reached[tp] = offset
        return fetched

    def _new_offset(self, tp: TP) -> int | None:
        """Return the offset behind the last delivery before which everything was acknowledged."""
        delivered, acknowledged, committable = self._delivered[tp], self._acked_index[tp], None
        while delivered and delivered[0] in acknowledged:
            last = delivered.popleft()
            acknowledged.discard(last)
            self._acked[tp].remove(last)
            committable = last + 1
        return committable

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Ask Linger for the positions, seek there, and tell Faust."""
        self._asking += 1
        try:
            return await self._seek_to_positions()
        finally:
            self._asking -= 1

    async def _seek_to_positions(self) -> Mapping[TP, int]:
        for tp in self.assignment():
            self._renew(tp)  # from here on Faust and aiokafka may stand anywhere
        committed = dict(await super().seek_to_committed())
        assigned = set(self.assignment())
        for tp in assigned:
            self._renew(tp)  # nothing fetched so far may meet the positions asked for now
        positions: Positions = self.app.linger_positions
        offsets = await positions(assigned, committed)
        for tp, offset in offsets.items():
            await self.seek_again(tp, offset)
        return offsets

    async def seek_again(self, tp: TP, offset: int) -> None:
        """Read a partition from an offset."""
        self._renew(tp)  # no await between this and the next call: see the module's docstring
        self._ends[tp] = offset
        await self._thread.seek_wait({tp: offset})

    def _renew(self, tp: TP) -> None:
        self._epochs[tp] += 1
        self._ends.pop(tp, None)
        self._reached.pop(tp, None)
        self._passed_over.pop(tp, None)
        self._delivered.pop(tp, None)
        self._acked.pop(tp, None)
        self._acked_index.pop(tp, None)
        # Faust ignores what is acknowledged below this; a store that lost steps has them read again.
        self._committed_offset.pop(tp, None)

    def hold_back(self, tp: TP) -> None:
        """Fetch no more of a partition; what was fetched already is still delivered."""
        self.on_buffer_full(tp)

    def let_go(self, tp: TP) -> None:
        """Fetch a partition again that was held back."""
        self.on_buffer_drop(tp)


class BatchApp(faust.App):  # type: ignore[misc]
    """Faust's app, without its folder: Linger has no tables, and its file system may be read-only."""

    def _create_directories(self) -> None:
        pass


class BatchTransport(driver.Transport):  # type: ignore[misc]
    """Faust's transport with our consumer."""

    Consumer = BatchConsumer


@dataclass(frozen=True, slots=True)
class ReaderSettings:
    """What Faust needs to know; times in milliseconds."""

    group_id: str
    client_id: str
    group_instance_id: str | None
    bootstrap_servers: Sequence[str]
    ssl_context: ssl.SSLContext | None
    sasl_mechanism: str | None
    sasl_username: str | None
    sasl_password: str | None = field(repr=False)
    session_timeout_ms: int
    rebalance_timeout_ms: int
    heartbeat_interval_ms: int
    request_timeout_ms: int
    max_poll_records: int


def build_app(settings: ReaderSettings, partitions: int, positions: Positions) -> faust.App:
    """Return a Faust app that reads batches and starts where `positions` says.

    Args:
        settings: connection and group.
        partitions: of all topics together; bounds how many batches are buffered.
        positions: see `Positions`.
    """
    app = BatchApp(
        settings.group_id,
        broker=[f"kafka://{server}" for server in settings.bootstrap_servers],
        broker_credentials=_credentials(settings),
        broker_client_id=settings.client_id,
        broker_session_timeout=settings.session_timeout_ms / 1000,
        broker_rebalance_timeout=settings.rebalance_timeout_ms / 1000,
        broker_heartbeat_interval=settings.heartbeat_interval_ms / 1000,
        broker_request_timeout=settings.request_timeout_ms / 1000,
        broker_max_poll_records=settings.max_poll_records,
        broker_commit_interval=1.0,
        consumer_auto_offset_reset="earliest",
        # Until a new partition of a source is assigned, what is in it holds up the rules that read it.
        consumer_metadata_max_age_ms=_METADATA_MAX_AGE_MS,
        # None, never "": an empty name is a name, and two members of one name throw each other out.
        consumer_group_instance_id=settings.group_instance_id,
        ConsumerScheduler=BatchScheduler,
        # Counts batches, not records: more would be memory without back-pressure.
        stream_buffer_maxsize=_BUFFERED_BATCHES_PER_PARTITION * partitions,
        # A rebalance does not wait for batches in hand: the fence makes it safe to let go of them.
        stream_wait_empty=False,
        processing_guarantee="at_least_once",
        value_serializer="raw",
        key_serializer="raw",
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        worker_redirect_stdouts=False,
        # None leaves logging alone.
        logging_config=None,
    )
    app.linger_positions = positions
    app.transport = BatchTransport(app.conf.broker, app)
    return app


Take = Callable[[TP, Delivery, Callable[[], object]], Awaitable[None]]
"""Handles one delivery; calls the third argument, now or later, when the delivery is done with."""


def read_topics(app: faust.App, topics: Sequence[str], take: Take, *, at_once: int = 1) -> None:
    """Hand every batch of these topics to `take`: those of one partition one after the other, in order.

    Only what `take` says is done with is acknowledged, and per partition it must say so in order. An exception in
    an agent would acknowledge it too, so `take` must not raise for anything but the end of the worker.

    Args:
        app: whose consumer reads.
        topics: to be read.
        take: see `Take`.
        at_once: so many batches may be in hand at the same time, of different partitions.
    """

    async def agent(stream: Any) -> None:
        latest: dict[TP, asyncio.Task[None]] = {}
        hands = asyncio.Semaphore(at_once)

        async def handle(event: Any, before: "asyncio.Task[None] | None") -> None:
            try:
                if before is not None:
                    await asyncio.wait({before})
                tp, delivery = event.message.tp, event.message.value
                if app.consumer.is_current(tp, delivery):
                    await take(tp, delivery, event.ack)
            finally:
                hands.release()

        async with asyncio.TaskGroup() as tasks:
            # noack: without it Faust acknowledges an event also when its handling raised.
            async for event in stream.noack().events():
                await hands.acquire()
                tp = event.message.tp
                latest[tp] = tasks.create_task(handle(event, latest.get(tp)))

    app.agent(app.topic(*topics, value_type=None, key_type=None), concurrency=1, name=f"read_{topics[0]}")(agent)


def _credentials(settings: ReaderSettings) -> Any:
    if settings.sasl_username is not None:
        return faust.SASLCredentials(
            username=settings.sasl_username,
            password=settings.sasl_password,
            ssl_context=settings.ssl_context,
            mechanism=settings.sasl_mechanism,
        )
    return None if settings.ssl_context is None else faust.SSLCredentials(settings.ssl_context)
