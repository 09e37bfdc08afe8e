"""The consumers of a worker: the group member that delivers batches, and a probe that only queries Kafka.

Must not know customers, rules or Redis. `workers.kafka.faust_batches` is the only module that knows Faust.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from aiokafka import AIOKafkaConsumer
from faust.types import TP

from workers.kafka.clients.connecting import connect
from workers.kafka.faust_batches import (
    Positions,
    ReaderSettings,
    Take,
    Undecodable,
    build_app,
    change_topics,
    read_topics,
)
from workers.kafka.membership import Membership
from workers.kafka.records import TopicPartition
from workers.kafka.topics import LogBounds, TopicState, describe, log_bounds
from workers.settings import Settings
from workers.state.meta import WIRE_FORMAT

SOURCES: Final = "sources"
ACTIVITY: Final = "activity"
"""Names of the subscriptions of a worker."""
PROBE_SECONDS: Final = 10.0
"""How long the tick waits for one answer of Kafka."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """Topics that are read together.

    Attributes:
        name: by which they are changed later.
        topics: their names.
        take: handles one delivery.
        at_once: deliveries of different partitions that are handled concurrently.
    """

    name: str
    topics: Sequence[str]
    take: Take
    at_once: int = 1


_Answered = TypeVar("_Answered")


class Reader:
    """Reads batches as a member of the consumer group, and queries Kafka through a second consumer, the probe.

    Attributes:
        membership: what the group says of this member.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._servers = settings.kafka_bootstrap_servers
        self.membership = Membership()
        self._probe: AIOKafkaConsumer | None = None
        self._app: Any = None

    async def connect(self) -> None:
        """Start the probe. Every query needs it; call it once, before `start`."""
        self._probe = AIOKafkaConsumer(enable_auto_commit=False, **self._settings.kafka_connection())
        await connect(self._probe)

    async def start(self, positions: Positions, subscriptions: Sequence[Subscription], *, partitions: int) -> None:
        """Join the group and start to read.

        Args:
            positions: returns where to start; called at every rebalance.
            subscriptions: what to read, each topic once.
            partitions: of all topics together; bounds how many batches are buffered.
        """
        self._app = build_app(_reader_settings(self._settings), partitions, positions, self.membership)
        for subscription in subscriptions:
            name, topics, at_once = subscription.name, subscription.topics, subscription.at_once
            read_topics(self._app, topics, subscription.take, name=name, at_once=at_once)
        await self._app.start()

    async def change_topics(self, name: str, topics: Sequence[str], *, partitions: int) -> None:
        """Read other topics in a subscription; the group rebalances, and `positions` is called again.

        Args:
            name: of the subscription.
            topics: all that it reads from now on.
            partitions: of all topics of all subscriptions together.
        """
        await change_topics(self._app, name, topics, partitions)

    async def stop(self) -> None:
        """Leave the group. Does nothing if it was not joined."""
        if self._app is not None:
            await self._app.stop()

    async def disconnect(self) -> None:
        """Stop the probe. Does nothing if it was not started."""
        if self._probe is not None:
            await self._probe.stop()

    @property
    def crash(self) -> str | None:
        """Why Faust or aiokafka gave up reading, None while they read."""
        crashed = self._app is not None and self._app.crashed
        return f"the consumer crashed: {self._app.crash_reason!r}" if crashed else self.membership.end

    # -- reading -------------------------------------------------------------------------------------------

    def pause(self, tp: TP) -> None:
        """Fetch no more of a partition; what was fetched already is still delivered."""
        self._app.consumer.pause_partition(tp)

    def resume(self, tp: TP) -> None:
        """Fetch a paused partition again."""
        self._app.consumer.resume_partition(tp)

    async def seek(self, tp: TP, offset: int) -> None:
        """Read a partition from an offset."""
        await self._app.consumer.seek_partition(tp, offset)

    @property
    def undecodable(self) -> Mapping[TP, Undecodable]:
        """The partitions whose next batch cannot be decoded; none of these is fetched until a seek."""
        undecodable: Mapping[TP, Undecodable] = {} if self._app is None else self._app.consumer.undecodable
        return undecodable

    def gaps(self) -> dict[TP, list[range]]:
        """Return the offsets that were skipped in reading and are not confirmed yet, by partition."""
        gaps: dict[TP, list[range]] = self._app.consumer.gaps()
        return gaps

    def gaps_of(self, tp: TP) -> list[range]:
        """Return the unconfirmed gaps of one partition."""
        gaps: list[range] = self._app.consumer.gaps_of(tp)
        return gaps

    def confirm_gaps(self, gaps: Mapping[TP, Sequence[range]]) -> None:
        """Note that nothing was missed in these gaps."""
        self._app.consumer.confirm_gaps(gaps)

    def position_past_gaps(self, tp: TP, offset: int) -> int:
        """Return the position of a consumer that has handled every record before `offset`: past a confirmed gap."""
        position: int = self._app.consumer.position_past_gaps(tp, offset)
        return position

    # -- queries -------------------------------------------------------------------------------------------

    async def describe(self, topics: Iterable[str]) -> dict[str, TopicState]:
        """Return the state of those topics that exist; see `workers.kafka.topics.describe`.

        Raises:
            TimeoutError: no answer within `PROBE_SECONDS`.
        """
        return await _answer(self._servers, describe(self._connected(), topics), "which topics there are")

    async def bounds(self, partitions: Iterable[tuple[str, int]]) -> dict[TopicPartition, LogBounds]:
        """Return the earliest and the end offset of each partition; see `workers.kafka.topics.log_bounds`."""
        return await log_bounds(self._connected(), partitions)

    async def ends(self, partitions: Iterable[tuple[str, int]]) -> dict[TopicPartition, int]:
        """Return the end offset of each partition.

        Raises:
            TimeoutError: no answer within `PROBE_SECONDS`.
        """
        topic_partitions = [TopicPartition(*partition) for partition in partitions]
        if not topic_partitions:
            return {}
        ends = await _answer(
            self._servers, self._connected().end_offsets(topic_partitions), _where("end", topic_partitions)
        )
        return {TopicPartition(*tp): end for tp, end in ends.items()}

    async def earliest(self, partitions: Iterable[tuple[str, int]]) -> dict[TopicPartition, int]:
        """Return the earliest offset of each partition.

        Raises:
            TimeoutError: no answer within `PROBE_SECONDS`.
        """
        topic_partitions = [TopicPartition(*partition) for partition in partitions]
        offsets: dict[TopicPartition, int] = await _answer(
            self._servers, self._connected().beginning_offsets(topic_partitions), _where("begin", topic_partitions)
        )
        return offsets

    def _connected(self) -> AIOKafkaConsumer:
        assert self._probe is not None, "connect() comes first"
        return self._probe


async def _answer(servers: str, question: Awaitable[_Answered], what: str) -> _Answered:
    try:
        return await asyncio.wait_for(question, PROBE_SECONDS)
    except TimeoutError as error:
        raise TimeoutError(
            f"Kafka at {servers} did not say within {PROBE_SECONDS:.0f} s {what}; it is frozen or cut off"
        ) from error


def _where(verb: str, partitions: Iterable[TopicPartition]) -> str:
    """Word the question where the logs of some partitions begin or end."""
    return f"where {', '.join(sorted({partition.topic for partition in partitions}))} {verb}"


def _reader_settings(settings: Settings) -> ReaderSettings:
    connection = settings.kafka_connection()
    return ReaderSettings(
        group_id=settings.kafka_group_id,
        client_id=settings.kafka_client_id,
        group_instance_id=settings.kafka_group_instance_id,
        bootstrap_servers=connection["bootstrap_servers"],
        ssl_context=connection["ssl_context"],
        sasl_mechanism=connection["sasl_mechanism"],
        sasl_username=connection["sasl_plain_username"],
        sasl_password=connection["sasl_plain_password"],
        session_timeout_ms=settings.kafka_session_timeout_ms,
        rebalance_timeout_ms=settings.kafka_rebalance_timeout_ms,
        heartbeat_interval_ms=settings.kafka_heartbeat_interval_ms,
        request_timeout_ms=settings.kafka_request_timeout_ms,
        max_poll_records=settings.kafka_max_poll_records,
        wire_format=WIRE_FORMAT,
    )
