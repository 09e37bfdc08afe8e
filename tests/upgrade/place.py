"""A site over the stored rules and sources, and how the history is played to it.

The same lines play to the release before, when the data is made, and to this one, when it is tested.
"""

import asyncio
import json
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer

from schemas.sources import SourcesFile
from tests.support.builders import day
from tests.support.paths import ROOT
from tests.support.site import Site, site
from tests.upgrade import shop
from tests.upgrade.releases import RELEASE_0_1, StoredRelease
from tests.upgrade.shop import Event, in_order
from tests.upgrade.stored import PREFIX, Entry, Places, load, renamed
from workers.core.source_changes import content_hash, mapped
from workers.demo.embedded import Pair, die_with_parent
from workers.kafka.records import TopicPartition
from workers.kafka.topics import TopicPlan, connected_admin, create_missing, describe
from workers.operations.pausing import write_pauses
from workers.pauses.record import PauseRecord
from workers.source_files.reading import read_sources
from workers.state.source_sets.stored import HASH, SOURCE, encode, mapped_in

WHY: Final = "the offer is wrong"
"""Why an operator had paused what is paused."""
PAUSED_BY: Final = "ops@web"
"""Who had."""
HOLD_OUT_KEY: Final = "the key of the stored customers"
_SOURCE_PARTITIONS: Final = 2
_REST_SECONDS: Final = 2.0


@dataclass
class OldSite(Site):
    """A site whose workers are of another release.

    The formats by which it is driven, clock and `seen`, are written out as release 0.1.0 has them.

    Attributes:
        release: a checkout of that release.
        python: an interpreter with what that release needs.
    """

    release: Path = Path()
    python: str = sys.executable

    def start_worker(self) -> "subprocess.Popen[bytes]":
        """Start one more worker process of that release."""
        with (self.folder / f"worker-{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                [self.python, "-m", "workers", "run"],
                cwd=self.release,
                env=self.process_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent(),
            )
        self.processes.append(process)
        return process

    async def now(self, at_day: float) -> None:
        """Move the clock on."""
        ends = {f"{place.topic}:{place.partition}": end for place, end in self.ends.items()}
        raw = msgspec.msgpack.encode((day(at_day), ends))
        await self.store.redis.call([("SET", f"{self.prefix}linger:clock", raw)])

    async def seen(self) -> dict[int, tuple[int, int]]:
        """Return by partition up to when it is decided, and how many records wait for Kafka."""
        raw = (await self.store.redis.call([("HGETALL", f"{self.prefix}linger:seen")]))[0]
        pairs = raw.items() if isinstance(raw, dict) else zip(*[iter(raw)] * 2, strict=True)
        return {int(number): (int(value.split()[0]), int(value.split()[2])) for number, value in pairs}


def operate(place: Site, *words: str) -> str:
    """Run a command of the release whose workers a site has, as its operator does; return what it prints."""
    release, python = (place.release, place.python) if isinstance(place, OldSite) else (ROOT, sys.executable)
    command, environment = [python, "-m", "workers", *words], place.process_environment()
    done = subprocess.run(command, cwd=release, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def go_on(place: Site, stored: StoredRelease) -> None:
    """Let the source that was stopped at the upgrade go on; what cannot be read of it becomes dead letters.

    Only a worker that runs takes a request to go on.
    """

    async def is_stopped() -> bool:
        return '"source_stopped"' in place.log()

    if stored.broken_topic:
        await place.until(is_stopped, "the worker to know that a source is stopped")
        operate(place, "sources", "resume", f"{place.prefix}{stored.broken_topic}")


@asynccontextmanager
async def stored_site(
    pair: Pair, folder: Path, prefix: str | None = None, stored: StoredRelease = RELEASE_0_1
) -> AsyncIterator[Site]:
    """Set up a site with the stored rules and sources, and their topics; start no worker.

    Args:
        pair: where it is.
        folder: for its files and logs.
        prefix: of all its topics and keys; a new one if left out.
        stored: whose rules and sources they are.
    """
    async with site(
        pair,
        folder,
        "",
        workers=0,
        sources=(stored.folder / "sources.yaml").read_text(),
        prefix=prefix or f"u{uuid.uuid4().hex[: len(PREFIX) - 2]}.",
        LINGER_RULES=str(stored.folder / "rules"),
        LINGER_HOLD_OUT_KEY=HOLD_OUT_KEY,
    ) as place:
        plans = [
            TopicPlan(f"{place.prefix}{name}", _SOURCE_PARTITIONS, 1, {"retention.ms": "-1"})
            for name in (*stored.topics, *filter(None, [stored.broken_topic]))
        ]
        async with connected_admin(place.settings.kafka_connection()) as admin:
            await create_missing(admin, plans)
        yield place


async def send_all(place: Site, events: Sequence[Event]) -> None:
    """Send events to their sources, and wait until Kafka has them."""
    waiting = [
        await place.producer.send(
            f"{place.prefix}{event.topic}",
            json.dumps(event.record()).encode(),
            event.customer.encode(),
            timestamp_ms=day(event.sent_day),
        )
        for event in events
    ]
    for sent in await asyncio.gather(*waiting):
        partition = TopicPartition(sent.topic, sent.partition)
        place.ends[partition] = max(place.ends.get(partition, 0), sent.offset + 1)


async def play(
    place: Site, events: Sequence[Event], until_days: Sequence[float], watched_until_day: float = 9_999
) -> None:
    """Send events in order; move the clock to each day when what happened until then is sent, and wait.

    Args:
        place: with a running worker.
        events: in their order.
        until_days: the days, rising; nothing may happen after the last one.
        watched_until_day: from then on a source is silent.
    """
    at = 0
    for until_day in until_days:
        begin = at
        while at < len(events) and events[at].sent_day < until_day:
            at += 1
        await send_all(place, events[begin:at])
        await place.now(until_day)
        await place.decided_until(min(until_day, watched_until_day))
        if until_day > watched_until_day:
            await rests(place)
    assert at == len(events)


async def rests(place: Site) -> None:
    """Wait until no partition takes a step any more: it is decided, but for what waits for a silent source."""
    last, changed = None, time.monotonic()

    async def is_still() -> bool:
        nonlocal last, changed
        versions = [(meta["version"], meta["offset"]) for meta in (await metas(place)).values()]
        if versions != last:
            last, changed = versions, time.monotonic()
        return time.monotonic() > changed + _REST_SECONDS

    await place.until(is_still, "every partition to rest")


async def metas(place: Site) -> dict[int, dict[str, str]]:
    """Return the `meta` of every partition."""
    return await place.store.metas(range(place.settings.partitions))


async def play_further(place: Site, events: Sequence[Event]) -> None:
    """Send the further events and move the clock on until timers have fired; log-ins arrive all the time."""
    first = shop.UPGRADE_DAY + 0.2
    days = [first, *(shop.UPGRADE_DAY + number for number in range(1, shop.EVENT_DAYS + 1)), *shop.TIMER_DAYS]
    await play(place, in_order([*events, *map(shop.wake, days)]), days)


async def fill(place: Site, places: Places, entries: Sequence[Entry]) -> None:
    """Give a site without workers what the release before has stored, and topics that fit it.

    Each topic gets as many records without content as there were records, so every stored offset stays right; the
    group has read all of a source. The ids of topics are those of the new ones: Kafka gives every topic its own.
    """
    connection = place.settings.kafka_connection()
    await load(place.store.redis, [renamed(entry, place.prefix) for entry in entries if entry[0] != _CLOCK])
    await _rename_sources(place)
    async with connected_admin(connection) as admin:
        sources = {
            TopicPartition.parse(name).topic for name in _sources(place, places) | _named(place, places.broken)
        }
        names = [place.settings.topic("activity"), *sources]
        topic_ids = {name: topic.topic_id or "" for name, topic in (await describe(admin, names)).items()}
    keys = place.store.keys
    changes: list[tuple[Any, ...]] = [("HSET", keys.sources, name, topic_ids[name]) for name in names[1:]]
    for number, end in places.activity.items():
        changes.append(("HSET", keys.partition(number).meta, "topic_id", topic_ids[names[0]]))
        await _fill(place, TopicPartition(names[0], number), end)
    await place.store.redis.call(changes)
    for name, end in (_sources(place, places) | _named(place, places.broken)).items():
        await _fill(place, TopicPartition.parse(name), end)
    paused = [
        PauseRecord(rule=rule, paused=True, by=PAUSED_BY, at_ms=places.now_ms, because=WHY) for rule in places.paused
    ]
    if paused:
        await write_pauses(place.settings, paused)
    place.ends = {TopicPartition.parse(name): end for name, end in _sources(place, places).items()}
    consumer = AIOKafkaConsumer(group_id=place.settings.kafka_group_id, enable_auto_commit=False, **connection)
    await consumer.start()
    try:
        consumer.assign(list(place.ends))
        await consumer.commit(dict(place.ends))
    finally:
        await consumer.stop()


async def _rename_sources(place: Site) -> None:
    """Give the record of sources the hashes of the same file with another prefix; it hashes names of topics.

    With the prefix that the release before had, the hashes are those that it stored: a file that has not changed is
    no new generation.
    """
    key = place.store.keys.source_sets
    stored = await place.store.fields(key)
    if not stored:
        return
    text = (place.folder / "sources.yaml").read_text()
    then, now = (_sources_of(text.replace(place.prefix, prefix)) for prefix in (PREFIX, place.prefix))
    assert stored[HASH] == content_hash(then), "the release before hashed sources otherwise"
    known = {name.replace(PREFIX, place.prefix): one for name, one in mapped(then).items()}
    assert {name: one.types for name, one in mapped_in(stored).items()} == {
        name: one.types for name, one in known.items()
    }
    fields = {name.replace(stored[HASH], content_hash(now)): value for name, value in stored.items()}
    fields[HASH] = content_hash(now)
    for name, source in mapped_in(stored).items():
        fields[SOURCE + name] = encode(msgspec.structs.replace(source, types=mapped(now)[name].types)).decode()
    await place.store.remove_fields(key, stored)
    await place.store.set_fields(key, fields)


def _sources_of(text: str) -> SourcesFile:
    sources, problems = read_sources("sources.yaml", text)
    assert sources is not None, problems
    return sources


_CLOCK: Final = f"{PREFIX}linger:clock".encode()


def _sources(place: Site, places: Places) -> dict[str, int]:
    return _named(place, places.sources)


def _named(place: Site, ends: Mapping[str, int]) -> dict[str, int]:
    return {name.replace(PREFIX, place.prefix): end for name, end in ends.items()}


async def _fill(place: Site, partition: TopicPartition, end: int) -> None:
    waiting = [
        await place.producer.send(
            partition.topic, None, key=b"-", partition=partition.partition, timestamp_ms=day(shop.UPGRADE_DAY - 1)
        )
        for _ in range(end)
    ]
    sent = await asyncio.gather(*waiting)
    assert max((one.offset + 1 for one in sent), default=0) == end
