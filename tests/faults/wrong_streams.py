"""The fault `streams-go-wrong`: what its records do not do by themselves; see `garbling`."""

import asyncio
import time
from pathlib import Path
from typing import Final

from tests.faults.garbling import DAMAGED, RENAMED, SILENT, TOPICS, Garbled
from tests.faults.operating import change_a_rule, linger
from tests.faults.stage import PARTITIONS, Stage
from tests.faults.verdict import read_topic
from workers.dead_letters.record import read_dead_letter
from workers.state.stopped_sources import read_stops

_PATIENCE_SECONDS: Final = 30.0


async def streams_go_wrong(stage: Stage) -> None:
    """Heal what the records break, damage a batch, kill a worker, and change rules all the while."""
    async with asyncio.TaskGroup() as together:
        together.create_task(_send_again(stage, TOPICS["visit"], RENAMED[1]))
        together.create_task(_send_again(stage, TOPICS["topup"], SILENT[1]))
        together.create_task(_damage_a_batch(stage))
        together.create_task(_change_rules(stage))
        together.create_task(_kill_one(stage))
    await stage.at(1.0)
    await _replay_dead_letters(stage)


async def _send_again(stage: Stage, topic: str, share: float) -> None:
    """Send everything that did not arrive, oldest first; only then does the source go on."""
    assert isinstance(stage.history, Garbled)
    await stage.at(share)
    await stage.send_again(stage.history.resent[topic], parts=6, seconds=0.4)


async def _change_rules(stage: Stage) -> None:
    for share in (0.34, 0.5, 0.56, 0.85):
        await stage.at(share)
        change_a_rule(stage)


async def _kill_one(stage: Stage) -> None:
    await stage.sometime(0.25, 0.6)
    stage.crew.kill(stage.chance.randrange(len(stage.crew.members)))


async def _damage_a_batch(stage: Stage) -> None:
    """Change one byte of a batch of orders on the broker's disk before a worker reads it; later, change it back."""
    begin, end = DAMAGED
    topic = stage.prefix + TOPICS["purchase"]
    await stage.at(begin)
    for broker in stage.installation.brokers:
        broker.proxy.cut()
    before = dict(stage.ends_of(topic))
    await stage.at(begin + 0.02)
    grown = [place for place, offset in stage.ends_of(topic).items() if offset > before.get(place, 0)]
    place = stage.chance.choice(sorted(grown))
    folder = stage.installation.folder / "kafka-1" / f"{topic}-{place.partition}"
    log, at = _last_byte(folder, before.get(place, 0))
    _turn(log, at)
    stage.installation.heal()

    async def has_stopped() -> bool:
        return place in (await read_stops(stage.store)).stops

    await stage.until(has_stopped, f"{place} stops itself")
    await stage.at(end)
    _turn(log, at)
    await asyncio.to_thread(linger, stage, "sources", "resume", topic)

    async def goes_on() -> bool:
        return not (await read_stops(stage.store)).stops

    await stage.until(goes_on, f"{place} goes on")


def _last_byte(folder: Path, offset: int) -> tuple[Path, int]:
    """Return where the first batch at or after an offset ends: its file, and the position there."""
    for log in sorted(folder.glob("*.log")):
        raw, at = log.read_bytes(), 0
        while at < len(raw):
            base, length = int.from_bytes(raw[at : at + 8]), int.from_bytes(raw[at + 8 : at + 12])
            at += 12 + length
            if base >= offset:
                return log, at - 1
    raise AssertionError(f"{folder} has nothing from offset {offset} on")


def _turn(log: Path, at: int) -> None:
    """Change one byte of a file; a second call changes it back."""
    with log.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0xFF]))


async def _replay_dead_letters(stage: Stage) -> None:
    """Once their producer is fixed, the records in wrong partitions are sent to the right ones."""
    expected = sum(record.fate == "wrong_partition" for record in stage.placed.values())
    give_up = time.monotonic() + _PATIENCE_SECONDS

    async def are_written() -> bool:
        if time.monotonic() > give_up:
            return True  # those that are missing are found when every record is accounted for
        letters = await read_topic(stage, stage.settings.topic("dead-letter"))
        found = {
            letter.source
            for records in letters.values()
            for letter in map(read_dead_letter, records)
            if letter.reason == "wrong_partition"
        }
        return len(found) >= expected

    await stage.until(are_written, f"{expected} dead letters of wrong partitions")
    await asyncio.to_thread(linger, stage, "dead-letters", "replay", "--reason", "wrong_partition", "--yes")
    log = await read_topic(stage, stage.settings.topic("activity"))

    async def are_folded() -> bool:
        metas = await stage.store.metas(range(PARTITIONS))
        return all(
            int(metas[number].get("offset", 0)) > records[-1].offset for number, records in log.items() if records
        )

    await stage.until(are_folded, "what was replayed is folded")
