"""Make what a release has stored: `python -m tests.upgrade make NAME --release CHECKOUT [--python PYTHON]`.

Runs a real worker of that release, over a real Kafka and Redis. The README of the folder says what is made.
"""

import json
import shutil
import signal
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from aiokafka import AIOKafkaConsumer

from tests.support.builders import day
from tests.support.site import Site
from tests.upgrade import shop
from tests.upgrade.answers import (
    FURTHER_EVENTS,
    HELD,
    LAST_EVENTS,
    PUBLISHED,
    PUBLISHED_TOPICS,
    RECORDS,
    Published,
    place_of_record,
    published_line,
    write_lines,
)
from tests.upgrade.place import PAUSED_BY, WHY, OldSite, go_on, metas, operate, play, play_further, stored_site
from tests.upgrade.releases import StoredRelease
from tests.upgrade.stored import PREFIX, Entry, Places, dump, write
from workers.demo.embedded import Pair
from workers.kafka.records import TopicPartition, decode_record
from workers.state.stopped_sources import read_stops

_STEP_DAYS: Final = 5
_FINGERPRINT_BYTES: Final = 6
_BROKEN_RECORDS: Final = 400


@dataclass(frozen=True, slots=True)
class OldRelease:
    """How a worker of the release is run.

    Attributes:
        checkout: of that release.
        python: an interpreter with what that release needs.
    """

    checkout: Path
    python: str


def copy_rules(shipped: Path, into: Path) -> None:
    """Copy the rules that the release ships, all of them live; `beyond.yaml` says more for every rule."""
    for path in sorted(shipped.glob("*.yaml")):
        if path.name not in ("for-every-rule.yaml", "reactivation_test.yaml"):
            (into / path.name).write_text(path.read_text().replace("status: draft\n", "status: live\n"))


async def make(pair: Pair, folder: Path, stored: StoredRelease, given: OldRelease, into: Path) -> None:
    """Play the history of a release to its worker, and write the files of its folder."""
    began = time.monotonic()

    def report(what: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {what}", flush=True)

    async with stored_site(pair, folder, PREFIX, stored) as made:
        place = OldSite(**vars(made), release=given.checkout, python=given.python)
        await place.now(0)
        before, after = stored.history(), stored.further_events()
        report(f"{len(before)} events before the upgrade")
        await play_history(place, before, stored)
        known = await published(place)
        report(f"published before the upgrade: {len(known)}")
        entries = await dump(place.store.redis)
        activity = {number: int(meta["offset"]) for number, meta in (await metas(place)).items()}
        broken = await broken_ends(place, stored)
        places = Places(
            stored.release, day(shop.UPGRADE_DAY), ends_of(place.ends), activity, [*stored.paused], broken
        )
        write(into / "redis.xz", places, entries)
        report(f"stored {len(entries)} keys")
        place.start_worker()
        await go_on(place, stored)
        await play_further(place, after)
        stop(place)
        records, held = await published(place, len(known)), await still_held(place)
        report(f"published after the upgrade: {len(records) - len(known)}")
    lines = [record for at, record in records.items() if at not in known]
    write_lines(into / RECORDS, sorted(lines, key=place_of_record))
    write_lines(into / PUBLISHED, sorted([*map(published_line, lines), *held]))
    write_lines(into / LAST_EVENTS, last_events(before, entries))
    write_lines(into / FURTHER_EVENTS, after)


def ends_of(ends: Mapping[TopicPartition, int]) -> dict[str, int]:
    """Return offsets by the name of their partition, in order."""
    return {f"{one.topic}:{one.partition}": end for one, end in sorted(ends.items())}


async def break_source(place: Site, stored: StoredRelease) -> None:
    """Send records that cannot be read until their source is stopped."""
    topic = f"{place.prefix}{stored.broken_topic}"
    for _ in range(_BROKEN_RECORDS):
        await place.producer.send(topic, b"{", b"-", timestamp_ms=day(shop.UPGRADE_DAY - 0.01))
    await place.producer.flush()

    async def is_stopped() -> bool:
        return any(partition.topic == topic for partition in (await read_stops(place.store)).stops)

    await place.until(is_stopped, f"'{topic}' to be stopped")


async def broken_ends(place: Site, stored: StoredRelease) -> dict[str, int]:
    """Return how many records the topic has that cannot be read."""
    if not stored.broken_topic:
        return {}
    consumer = AIOKafkaConsumer(**place.settings.kafka_connection())
    await consumer.start()
    try:
        topic = f"{place.prefix}{stored.broken_topic}"
        return ends_of(await consumer.end_offsets([TopicPartition(topic, number) for number in range(2)]))
    finally:
        await consumer.stop()


async def play_history(place: OldSite, events: Sequence[shop.Event], stored: StoredRelease) -> None:
    """Play what happened before the upgrade, under the rules of each phase."""
    days = [1.0, *map(float, range(_STEP_DAYS, int(shop.UPGRADE_DAY) + 1, _STEP_DAYS))]
    rules = place.environment["LINGER_RULES"]
    phases = [*stored.phases(stored.folder / "rules", place.folder), (shop.UPGRADE_DAY, Path(rules))]
    days = sorted({*days, *(until_day for until_day, _ in phases), *stored.paused.values()})
    wakes = [shop.wake(until_day) for until_day in days if until_day <= shop.LOGINS_FALL_SILENT_DAY]
    silent_day = wakes[-1].at_day + shop.MAX_SILENCE_DAYS
    rest = deque(shop.in_order([*events, *wakes]))
    begin_day = 0.0
    for until_day, folder in phases:
        place.environment["LINGER_RULES"] = str(folder)
        place.start_worker()
        for stop_day in [one for one in days if begin_day < one <= until_day]:
            part = []
            while rest and rest[0].sent_day < stop_day:
                part.append(rest.popleft())
            await play(place, part, [stop_day], silent_day)
            for rule in [rule for rule, at_day in stored.paused.items() if at_day == stop_day]:
                operate(place, "pause", rule, "--by", PAUSED_BY, "--because", WHY)
        if stored.broken_topic and until_day == shop.UPGRADE_DAY:
            await break_source(place, stored)
        stop(place)
        begin_day = until_day
    assert not rest


def stop(place: Site) -> None:
    """Stop the worker as an operator does."""
    process = place.processes.pop()
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0, place.log()[-4000:]
    shutil.copy(place.folder / f"worker-{len(place.processes)}.log", place.folder / f"stopped-{time.time_ns()}.log")


async def published(place: Site, at_least: int = 0) -> dict[tuple[str, int, int], dict[str, Any]]:
    """Return the contents of what was published, by its place."""
    found = {
        (record.topic, record.partition, record.offset): json.loads(record.value)
        for name in PUBLISHED_TOPICS
        for record in await place.read(name)
    }
    assert len(found) >= at_least
    return found


async def still_held(place: Site) -> list[Published]:
    """Return the actions that are held by the pace of their rules."""
    found = []
    for number in range(place.settings.partitions):
        fields = await place.store.redis.call([("HVALS", place.store.keys.partition(number).held)])
        for raw in fields[0]:
            content = json.loads(decode_record(raw).value or b"")
            found.append(published_line(content)._replace(what=HELD))
    return found


def last_events(events: Sequence[shop.Event], entries: Sequence[Entry]) -> list[shop.Event]:
    """Return of each customer the events whose ids are stored, in order; of one that came twice, the first."""
    activities = {
        key.decode().partition("}:c:")[2]: value
        for key, kind, value in entries
        if kind == "string" and b"}:c:" in key
    }
    kept: dict[tuple[str, str, str], shop.Event] = {}
    for event in events:
        if any(one in activities.get(event.customer, b"") for one in _fingerprints(event)):
            kept.setdefault((event.customer, event.type, event.event_id), event)
    return sorted(kept.values(), key=lambda event: (event.customer, event.at_day))


def _fingerprints(event: shop.Event) -> list[bytes]:
    """Return what the ring of a customer has of an event: in release 0.1.0, of its id alone."""
    hashed = (f"{event.type}\n{event.event_id}", event.event_id)
    return [blake2b(text.encode(), digest_size=_FINGERPRINT_BYTES).digest() for text in hashed]
