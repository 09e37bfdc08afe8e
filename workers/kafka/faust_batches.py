"""Reads whole record batches through Faust, from the offsets that Linger names.

This is the only module that uses Faust's internals.

Faust 0.15.3 delivers one record at a time. Its public setting `ConsumerScheduler` may instead yield one record-like
object per partition batch. That has consequences; each is covered by a test in
`tests/unit/kafka/test_faust_batches.py`:

- A batch carries the offset of its last record, so acknowledging it acknowledges all of them. Faust tracks single
  offsets: it would treat a batch as a gap, commit past batches in flight, and stop permanently after a first record
  with offset 0. This module tracks deliveries in order, and commits up to the first unacknowledged one.
- Faust seeks to Kafka's committed offsets at every rebalance, through `seek_to_committed`. That method asks Linger
  for the positions instead. A seek made anywhere else would be overwritten.
- After a seek, batches fetched before it may still be in flight, in several places. Each fetch is stamped with the
  `epoch` of its partition. Every seek raises the epoch before it is handed to the consumer's thread. A batch with an
  old epoch is dropped. A fetch that waits for records during a seek may return records from after the seek position,
  because the thread serves both concurrently. When that fetch returns, the seek is repeated; nothing is fetched in
  between.
- When Faust stops or restarts its fetcher, it cancels the fetcher but not the fetch that waits in the consumer's
  thread. That fetch may consume records after the next seek position, and nothing receives them. So answers with
  records are numbered. If a number is missing, every partition is read again from the end of its deliveries.
- Faust may drop a batch (of a paused partition, or while flow is stopped). Each batch carries what it `follows`, so
  that the next one reveals the loss. Offsets alone cannot, because Kafka's own offsets have gaps.
- A fetch between the request for positions and the seek follows no known offset, and is dropped. Rebalances overlap,
  so an earlier one may have resumed the flow. Faust also gives up the request after its timeout, and reads on. Then
  positions are requested again before anything is fetched. This holds only for assigned partitions: one that is
  resumed after it was revoked stays active in Faust until the next rebalance.
- Faust drops records below the last offset it has delivered. It notes that offset when the delivery has ended, which
  may be after a seek to a lower offset. It is given a map that stays empty.
- Faust creates a directory for tables in the working directory. `BatchApp` does not.
- aiokafka raises for all partitions when one has a batch that cannot be decoded, and then loses what it has taken out
  of others; Faust ends. `isolated_fetch` takes records out instead. A partition with such a batch is set aside: it is
  asked for no records until a seek.
- Faust asks for no positions if nothing is assigned. `BatchConsumer` then asks for none of them, so that Linger gives
  up what it owned. A request that began before may still claim partitions of the assignment before; so its end is
  followed by another one.
- A seek from Faust's own thread races with the fetch in the consumer's thread and can be lost. `seek_wait` runs in
  the consumer's thread.
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
from aiokafka.errors import ConsumerStoppedError
from faust.transport.drivers import aiokafka as driver
from faust.transport.utils import DefaultSchedulingStrategy
from faust.types import TP

from workers.kafka.group_protocol import host_of, offer
from workers.kafka.isolated_fetch import fetched_records
from workers.kafka.membership import Membership

Positions = Callable[[set[TP], Mapping[TP, int | None]], Awaitable[Mapping[TP, int]]]
"""Receives the assigned partitions, perhaps none, and Kafka's committed offsets; returns where to start each."""

_log = logging.getLogger(__name__)

_BUFFERED_BATCHES_PER_PARTITION: Final = 2
_METADATA_MAX_AGE_MS: Final = 10_000
_REBALANCE_CHECK_SECONDS: Final = 0.05
_FETCH_WAITS_MS: Final = 25
_FETCHED_AT_ONCE: Final = 65_536
"""Bytes at which a fetch waits no longer. Each fetch costs a step per partition, so few large ones are best."""


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
        follows: the offset after the previous fetch; for the first fetch after a seek, the target of that seek.
        epoch: count of seeks of the partition when this was fetched.
    """

    records: Sequence[ConsumerRecord]
    follows: int
    epoch: int = 0

    @property
    def end(self) -> int:
        """The offset after the last record."""
        offset: int = self.records[-1].offset + 1
        return offset

    def is_contiguous(self, offset: int) -> bool:
        """Return whether no record that should have been read is between `offset` and this delivery."""
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
        number: count of answers with records that the thread has given, this one included.
        reached: by partition, the offset after everything returned so far, gaps included.
        errors: by partition, why its next batch cannot be read.
    """

    def __init__(
        self,
        records: Mapping[TP, Sequence[ConsumerRecord]],
        number: int,
        reached: Mapping[TP, int],
        errors: Mapping[TP, str] = {},
    ) -> None:
        super().__init__(records)
        self.number = number
        self.reached = reached
        self.errors = errors


class _Unread(dict[TP, int | None]):
    """Faust's map of what it has delivered, by partition; it stays empty."""

    def __getitem__(self, tp: TP) -> None:
        return None

    def __setitem__(self, tp: TP, offset: int | None) -> None:
        pass

    def update(self, *arguments: Any, **named: Any) -> None:
        """Note nothing."""


@dataclass(frozen=True, slots=True)
class Undecodable:
    """A batch that cannot be decoded.

    Attributes:
        offset: where it begins, or a gap before it.
        problem: why it cannot be decoded.
    """

    offset: int
    problem: str


class BatchThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """Faust's thread around aiokafka's consumer: it reads committed records only, and numbers its answers.

    Attributes:
        answers: count of answers with records.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.answers = 0
        self._wanted: set[str] = set()

    async def on_start(self) -> None:
        """Watch what the group says of this member from the beginning."""
        await super().on_start()
        membership: Membership = self.app.linger_membership
        membership.watch(self._ensure_consumer()._coordinator)

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # Faust offers it only with its own transactions. A record of an aborted transaction is not an event.
        consumer._isolation_level = "read_committed"
        # While a fetch waits for records of some partitions, no other partition of that broker is fetched, such as
        # one that was paused when the fetch was sent. Faust's defaults are 1.5 s and one byte.
        consumer._fetch_max_wait_ms = _FETCH_WAITS_MS
        consumer._fetch_min_bytes = _FETCHED_AT_ONCE
        offer(consumer, self.app.linger_format, self.app.assignor)
        return consumer

    async def change_topics(self, topics: set[str]) -> None:
        """Rejoin the group with other topics; runs in the consumer's thread.

        `subscribe` would do the same, but drop the assignment at once: Faust would not stop its flow for the
        rebalance, and every seek until its end would fail. So it is made to look like a rebalance that the group has
        begun. While one is under way, the broker's answer may still be about the topics that were; then its end is
        waited for. Of several calls that wait, the topics of the last one count.
        """
        self._wanted = topics
        consumer = self._ensure_consumer()
        while True:
            subscription = consumer._subscription.subscription
            if subscription is not None and not subscription._reassignment_in_progress:
                break
            await asyncio.sleep(_REBALANCE_CHECK_SECONDS)
        # Nothing is awaited since the check.
        subscription._topics = frozenset(self._wanted)
        consumer._client.set_topics(self._wanted)
        consumer._coordinator.request_rejoin()

    async def _fetch_records(
        self, consumer: Any, active_partitions: set[TP], timeout: float | None = None, max_records: int | None = None
    ) -> Answer:
        if not self.consumer.flow_active:
            return Answer({}, self.answers, {})
        fetcher = consumer._fetcher
        if consumer._closed or fetcher._closed:
            raise ConsumerStoppedError
        with fetcher._subscriptions.fetch_context():
            records, errors = await fetched_records(fetcher, active_partitions, timeout or 0, max_records)
        # Nothing was awaited since aiokafka moved its positions, so they belong to these records.
        self.answers += bool(records)
        subscription = consumer._subscription.subscription
        if subscription is None or subscription.assignment is None:
            return Answer(records, self.answers, {}, errors)
        states = {tp: subscription.assignment.state_value(tp) for tp in subscription.assignment.tps}
        # A partition without a position has returned nothing yet.
        reached = {TP(*tp): state._position for tp, state in states.items() if state._position is not None}
        return Answer(records, self.answers, reached, errors)


class BatchConsumer(driver.Consumer):  # type: ignore[misc]
    """Faust's consumer, which starts at the positions that Linger names."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._epochs: defaultdict[TP, int] = defaultdict(int)
        self._ends: dict[TP, int] = {}
        self._delivered: defaultdict[TP, deque[int]] = defaultdict(deque)
        self._reached: dict[TP, int] = {}
        self._skipped: defaultdict[TP, list[range]] = defaultdict(list)
        self._confirmed: dict[TP, range] = {}
        self._undecodable: dict[TP, Undecodable] = {}
        self._answers = 0
        self._asking = 0
        self._read_offset = _Unread()

    def _new_consumer_thread(self) -> BatchThread:
        return BatchThread(self, loop=self.loop, beacon=self.beacon)

    def position_past_gaps(self, tp: TP, offset: int) -> int:
        """Return the position of a consumer that has handled every record before `offset`: past a confirmed gap.

        It differs from `offset` only if reading ends at `offset` and a confirmed gap starts there.
        """
        gap = self._confirmed.get(tp)
        return offset if gap is None or not self._ends.get(tp) == offset == gap.start else gap.stop

    def gaps(self) -> dict[TP, list[range]]:
        """Return the offsets that reading has skipped, by partition, until they are confirmed.

        Transaction markers and records of aborted transactions leave gaps, and it is not certain that a record ever
        follows them. Records that were deleted before they were read leave gaps, too. Kafka's client does not
        distinguish these cases; a caller that knows where the log begins can.
        """
        partitions = {*self._skipped, *self._reached}
        return {tp: gaps for tp in partitions if (gaps := self.gaps_of(tp))}

    def gaps_of(self, tp: TP) -> list[range]:
        """Return the unconfirmed gaps of one partition; see `gaps`."""
        end = self._ends.get(tp)
        behind = range(0) if end is None else range(end, self._reached.get(tp, end))
        skipped = self._skipped.get(tp, ())
        return [*skipped, behind] if behind and self._confirmed.get(tp) != behind else [*skipped]

    def confirm_gaps(self, gaps: Mapping[TP, Sequence[range]]) -> None:
        """Note that nothing was missed in these gaps."""
        for tp, confirmed in gaps.items():
            self._skipped[tp] = [gap for gap in self._skipped[tp] if gap not in confirmed]
            self._confirmed[tp] = confirmed[-1]

    def is_current(self, tp: TP, delivery: Delivery) -> bool:
        """Return whether the partition had no seek since this was fetched."""
        return delivery.epoch == self._epochs[tp]

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> dict[TP, Fetch]:
        unknown = self.assignment() - self._ends.keys()
        if not self._asking and unknown & (active_partitions or set()):
            # Faust gave up its request for positions, and reads on from an arbitrary offset.
            await self.perform_seek()
        before = dict(self._epochs)
        active = (active_partitions or set()) - self._undecodable.keys()
        answer: Answer = await super()._getmany(active, timeout)
        missed = answer.number - bool(answer) - self._answers
        self._answers = answer.number
        if missed:
            _log.info("a fetch was answered after its task was cancelled: reading its records again")
            for tp, offset in [*self._ends.items()]:
                await self.seek_partition(tp, offset)
            return {}
        fetched: dict[TP, Fetch] = {}
        for tp, records in answer.items():
            if not records or tp not in self._ends:
                continue  # positions are being requested: what precedes these records is unknown
            if before.get(tp, 0) != self._epochs[tp]:
                # A seek was made while this fetch waited: these may be the records that the seek was for.
                await self.seek_partition(tp, self._ends[tp])
                continue
            if missing := range(self.position_past_gaps(tp, self._ends[tp]), records[0].offset):
                self._skipped[tp].append(missing)
            fetched[tp] = Fetch(records, self._ends[tp], self._epochs[tp])
            self._ends[tp] = records[-1].offset + 1
            self._delivered[tp].append(records[-1].offset)
        for tp, offset in answer.reached.items():
            if before.get(tp, 0) == self._epochs[tp]:
                self._reached[tp] = offset
        for tp, error in answer.errors.items():
            if before.get(tp, 0) == self._epochs[tp] and tp in self._ends:
                self._undecodable[tp] = Undecodable(self._ends[tp], error)
        return fetched

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Take over an assignment; one without partitions asks for no positions otherwise."""
        await super().on_partitions_assigned(assigned, generation_id)
        if not assigned:
            await self._give_up_all()

    async def _give_up_all(self) -> None:
        positions: Positions = self.app.linger_positions
        try:
            await positions(set(), {})
        except Exception as error:
            await self.app.crash(error)  # as after any other request for positions

    def _new_offset(self, tp: TP) -> int | None:
        """Return the offset up to which all deliveries are acknowledged; None if none was added."""
        delivered, acknowledged, committable = self._delivered[tp], self._acked_index[tp], None
        while delivered and delivered[0] in acknowledged:
            last = delivered.popleft()
            acknowledged.discard(last)
            self._acked[tp].remove(last)
            committable = last + 1
        return committable

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Ask Linger for the positions, seek there, and return them to Faust."""
        self._asking += 1
        try:
            return await self._seek_to_positions()
        finally:
            self._asking -= 1

    async def _seek_to_positions(self) -> Mapping[TP, int]:
        for tp in self.assignment():
            self._renew(tp)  # from here on the positions of Faust and aiokafka are arbitrary
        committed = dict(await super().seek_to_committed())
        assigned = set(self.assignment())
        for tp in assigned:
            self._renew(tp)  # no earlier fetch may count as following the new positions
        positions: Positions = self.app.linger_positions
        offsets = await positions(assigned, committed)
        if not self.assignment():
            await self._give_up_all()
            return {}
        for tp, offset in offsets.items():
            await self.seek_partition(tp, offset)
        return offsets

    async def seek_partition(self, tp: TP, offset: int) -> None:
        """Read a partition from an offset."""
        self._renew(tp)  # no await between this and the next call: see the module's docstring
        self._ends[tp] = offset
        await self._thread.seek_wait({tp: offset})

    @property
    def undecodable(self) -> Mapping[TP, Undecodable]:
        """The partitions whose next batch cannot be decoded; none of these is fetched until a seek."""
        return self._undecodable

    def _renew(self, tp: TP) -> None:
        self._epochs[tp] += 1
        self._undecodable.pop(tp, None)
        self._ends.pop(tp, None)
        self._reached.pop(tp, None)
        self._skipped.pop(tp, None)
        self._delivered.pop(tp, None)
        self._acked.pop(tp, None)
        self._acked_index.pop(tp, None)
        # Faust ignores acknowledgements below this offset; a store that lost steps makes them be read again.
        self._committed_offset.pop(tp, None)

    def pause_partition(self, tp: TP) -> None:
        """Fetch no more of a partition; batches that were fetched already are still delivered."""
        self.on_buffer_full(tp)

    def resume_partition(self, tp: TP) -> None:
        """Fetch a paused partition again."""
        self.on_buffer_drop(tp)


class BatchApp(faust.App):  # type: ignore[misc]
    """Faust's app without its directory: Linger has no tables, and its file system may be read-only."""

    def _create_directories(self) -> None:
        pass


class BatchTransport(driver.Transport):  # type: ignore[misc]
    """Faust's transport with `BatchConsumer`."""

    Consumer = BatchConsumer


@dataclass(frozen=True, slots=True)
class ReaderSettings:
    """How to connect and join the group.

    Attributes:
        group_id: of the consumer group.
        client_id: shown in the brokers' logs.
        group_instance_id: makes the member a static one; None for a dynamic member, never empty.
        bootstrap_servers: `host:port` each.
        ssl_context: for TLS, None without.
        sasl_mechanism: None without SASL.
        sasl_username: None without SASL.
        sasl_password: never shown.
        session_timeout_ms: a member silent for longer is removed from the group.
        rebalance_timeout_ms: longest wait of a rebalance for its members.
        heartbeat_interval_ms: between two heartbeats of a member.
        request_timeout_ms: longest wait for one answer of a broker.
        max_poll_records: most records of one fetch.
        wire_format: the newest format that the worker reads and writes.
    """

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
    wire_format: int


def build_app(
    settings: ReaderSettings, partitions: int, positions: Positions, membership: Membership | None = None
) -> faust.App:
    """Return a Faust app that reads batches and starts where `positions` returns.

    Args:
        settings: connection and group.
        partitions: count over all topics; bounds how many batches are buffered.
        positions: see `Positions`.
        membership: learns what the group says.
    """
    app = BatchApp(
        settings.group_id,
        broker=[f"kafka://{server}" for server in settings.bootstrap_servers],
        broker_credentials=_credentials(settings),
        broker_client_id=settings.client_id,
        # Part of what a member says to the group when it joins.
        canonical_url=f"http://{host_of(settings.wire_format)}",
        broker_session_timeout=settings.session_timeout_ms / 1000,
        broker_rebalance_timeout=settings.rebalance_timeout_ms / 1000,
        broker_heartbeat_interval=settings.heartbeat_interval_ms / 1000,
        broker_request_timeout=settings.request_timeout_ms / 1000,
        broker_max_poll_records=settings.max_poll_records,
        broker_commit_interval=1.0,
        consumer_auto_offset_reset="earliest",
        # A new partition of a source delays the rules that read it until it is assigned.
        consumer_metadata_max_age_ms=_METADATA_MAX_AGE_MS,
        # None, never "": an empty name is a name, and two members with one name remove each other from the group.
        consumer_group_instance_id=settings.group_instance_id,
        ConsumerScheduler=BatchScheduler,
        # Counts batches, not records: more would be memory without back-pressure.
        stream_buffer_maxsize=_BUFFERED_BATCHES_PER_PARTITION * partitions,
        # A rebalance does not wait for batches in progress: the fence makes it safe to abandon them.
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
    app.linger_positions, app.linger_format = positions, settings.wire_format
    app.linger_membership = membership or Membership()
    app.transport = BatchTransport(app.conf.broker, app)
    return app


Take = Callable[[TP, Delivery, Callable[[], object]], Awaitable[None]]
"""Handles one delivery; calls the third argument, now or later, when the delivery is complete."""


def read_topics(app: faust.App, topics: Sequence[str], take: Take, *, name: str, at_once: int = 1) -> None:
    """Pass every batch of these topics to `take`; the batches of one partition in order, one at a time.

    A batch is acknowledged only when `take` reports it complete, in order per partition. An exception in an agent
    would acknowledge it too, so `take` must not raise except to end the worker.

    Args:
        app: whose consumer reads.
        topics: to be read; none is possible, if another call has some.
        take: see `Take`.
        name: of this call, for `change_topics`.
        at_once: most batches handled concurrently, of different partitions.
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
            # noack: without it Faust acknowledges an event even if its handling raised.
            async for event in stream.noack().events():
                await hands.acquire()
                tp = event.message.tp
                latest[tp] = tasks.create_task(handle(event, latest.get(tp)))

    app.agent(app.topic(*topics, value_type=None, key_type=None), concurrency=1, name=name)(agent)


async def change_topics(app: faust.App, name: str, topics: Sequence[str], partitions: int) -> None:
    """Read other topics in a call of `read_topics` from now on; the group rebalances.

    Faust changes a subscription only when an agent is added, and 45 seconds later. So the topics are changed in the
    channels of the agent, and then in the consumer (see `BatchThread.change_topics`). What is acknowledged is
    committed first, so that a partition goes on from there wherever it is read next. Batches of a topic that is not
    read any more may still arrive until the group has rebalanced.

    Args:
        app: which is running.
        name: see `read_topics`.
        topics: all that are to be read.
        partitions: count over all topics of all calls; bounds how many batches are buffered.
    """
    source = app.agents[name].channel
    before = [*source.topics]
    for channel in [source, *(channel for channel in app.topics if [*channel.topics] == before)]:
        channel.topics = [*topics]
        if channel.is_iterator:
            _widen(channel.queue, _BUFFERED_BATCHES_PER_PARTITION * partitions)
    await app.consumer.commit()
    subscribed = {*await app.topics._update_indices()}
    await app.consumer._thread.call_thread(app.consumer._thread.change_topics, subscribed)


def _widen(queue: Any, batches: int) -> None:
    """Let a queue buffer this number of batches; it never becomes smaller."""
    queue._maxsize = max(queue._maxsize, batches)
    for bound in ("pressure_high_size", "pressure_drop_size"):  # computed once from the size
        queue.__dict__.pop(bound, None)


def _credentials(settings: ReaderSettings) -> Any:
    if settings.sasl_username is not None:
        return faust.SASLCredentials(
            username=settings.sasl_username,
            password=settings.sasl_password,
            ssl_context=settings.ssl_context,
            mechanism=settings.sasl_mechanism,
        )
    return None if settings.ssl_context is None else faust.SSLCredentials(settings.ssl_context)
