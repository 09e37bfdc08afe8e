"""`linger pause` and `linger resume`: records for the topic of pauses, and whether the workers obey them."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError

from workers.errors import StartupError, Transient
from workers.kafka.clients.connecting import connect
from workers.kafka.groups import has_members
from workers.kafka.topics import connected_admin, describe
from workers.pauses.pause_list import PauseList
from workers.pauses.reader import PauseReader
from workers.pauses.record import PauseRecord, encode_pause
from workers.settings import PAUSES, Settings, for_command
from workers.state.rule_sets.activation import active_rules
from workers.state.settings_check import check_settings
from workers.state.store import Store

_POLL_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Obedience:
    """What the workers answered to a record.

    Attributes:
        has_workers: whether any worker runs; None if Kafka does not say.
        missing: partitions whose owner has not confirmed that it obeys.
        problem: why it could not be asked, None if it could.
    """

    has_workers: bool | None
    missing: tuple[int, ...] = ()
    problem: str | None = None

    @property
    def is_certain(self) -> bool:
        """Whether every partition obeys, or there is no worker to obey."""
        return self.problem is None and (self.has_workers is False or not self.missing)


async def read_pauses(settings: Settings) -> PauseList:
    """Return all pauses as the topic has them.

    Raises:
        StartupError: if Kafka does not answer, or the topic is missing or cannot be read.
    """
    topic, connection = settings.topic(PAUSES), settings.kafka_connection()
    async with _kafka_answers(settings), connected_admin(connection) as admin:
        if topic not in await describe(admin, [topic]):
            raise StartupError([f"topic '{topic}' does not exist; create it: linger topics create"])
    reader = PauseReader(connection, topic, PauseList())
    await reader.start()
    await reader.stop()
    return reader.pauses


async def write_pauses(settings: Settings, records: Sequence[PauseRecord]) -> int:
    """Append records to the topic of pauses, and return the offset after the last of them.

    Raises:
        StartupError: if Kafka does not take them.
    """
    producer = AIOKafkaProducer(**for_command(settings).kafka_connection(), acks="all")
    async with _kafka_answers(settings):
        await connect(producer)
        try:
            offset = -1
            for record in records:
                placed = await producer.send_and_wait(
                    settings.topic(PAUSES), encode_pause(record), key=record.rule.encode(), partition=0
                )
                offset = placed.offset
        finally:
            await producer.stop()
    return offset + 1


async def until_obeyed(settings: Settings, store: Store, offset: int, seconds: float) -> Obedience:
    """Wait until the owner of every partition obeys the pauses before an offset, at most this long.

    It returns at once if no worker runs.
    """
    give_up_at = time.monotonic() + seconds
    has_workers: bool | None = None
    while True:
        # None: Kafka has no coordinator for the group yet, because it is the first group of a new cluster.
        if has_workers is None:
            has_workers = await has_members(settings.kafka_connection(), settings.kafka_group_id)
        if has_workers is False:
            return Obedience(has_workers=False)
        try:
            obeyed = await store.fields(store.keys.obeyed)
        except Transient as error:
            return Obedience(has_workers, problem=str(error))
        missing = tuple(number for number in range(settings.partitions) if int(obeyed.get(str(number), -1)) < offset)
        if not missing or time.monotonic() >= give_up_at:
            # With other settings than the workers' their answers are not seen, or not all of them.
            return Obedience(has_workers, missing, await _other_settings(settings, store))
        await asyncio.sleep(_POLL_SECONDS)


async def known_rules(store: Store, written: Collection[str]) -> set[str]:
    """Return the ids of all rules that can be paused: in the files, active in workers, or with held actions.

    A Redis that does not answer is no reason to refuse a pause of a rule that is in the files.
    """
    known = set(written)
    try:
        known.update(active_rules(await store.fields(store.keys.rules)))
        known |= await store.held_actions.rules()
    except Transient:
        return known
    return known


async def _other_settings(settings: Settings, store: Store) -> str | None:
    try:
        await check_settings(store, settings)
    except (StartupError, Transient) as error:
        return str(error)
    return None


@asynccontextmanager
async def _kafka_answers(settings: Settings) -> AsyncIterator[None]:
    try:
        yield
    except (KafkaError, OSError, TimeoutError) as error:
        problem = f"Kafka at {settings.kafka_bootstrap_servers} does not take it: {type(error).__name__}: {error}"
        if isinstance(error, TopicAuthorizationFailedError):
            problem += f"; allow this user to Write to '{settings.topic(PAUSES)}': docs/acl/kafka-acls.sh"
        raise StartupError([problem]) from error
