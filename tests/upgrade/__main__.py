"""Make `tests/data/upgrade/` with the release before: `python -m tests.upgrade --release CHECKOUT [--python PYTHON]`.

Runs a real worker of that release, over a real Kafka and Redis. `tests/data/upgrade/README.md` says what is made.
"""

import argparse
import asyncio
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from schemas.actions import action_id
from tests.support.builders import day
from tests.support.services import running_apache_pair
from tests.support.site import Site
from tests.upgrade import shop
from tests.upgrade.answers import FURTHER_EVENTS, HELD, LAST_EVENTS, PUBLISHED, Published, write_lines
from tests.upgrade.place import FOLDER, OldSite, metas, play, play_further, stored_site
from tests.upgrade.stored import PREFIX, Entry, Places, dump, write
from workers.core.events.decoding import epoch_ms
from workers.core.objects.customer import codec
from workers.demo.embedded import Pair
from workers.kafka.records import decode_record

RELEASE: Final = "0.1.0, commit d086270"
_STEP_DAYS: Final = 5
_RULES_CHANGE_DAY: Final = 200
_EARLY_BIRD: Final = """
rules:
  - id: early-bird
    title: It was removed since
    status: live
    when: {none: purchase, for: 10 days}
    action: at-risk
    template: early
    expires after: 5 days
    examples:
      - name: quiet
        given: [{at: start, event: purchase}]
        expect: [{at: 10 days, action: at-risk}]
      - name: busy
        given: [{at: start, event: purchase, every: 2 days, times: 9}]
        watch for: 17 days
        expect: nothing
"""
_TOPICS: Final = ("at-risk", "win-back", "decisions")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.upgrade", description=__doc__)
    parser.add_argument("--release", type=Path, required=True, help="a checkout of the release before")
    parser.add_argument("--python", default=sys.executable, help="an interpreter with what that release needs")
    parser.add_argument("--into", type=Path, default=FOLDER, help="where the files are written")
    given = parser.parse_args()
    copy_rules(given.release / "rules", FOLDER / "rules")
    with tempfile.TemporaryDirectory() as folder, running_apache_pair(Path(folder)) as pair:
        asyncio.run(make(pair, Path(folder), given.release.resolve(), given.python, given.into))
    for path in sorted(given.into.glob("*.xz")):
        print(f"{path.stat().st_size:9,} bytes  {path.name}")
    return 0


def copy_rules(shipped: Path, into: Path) -> None:
    """Copy the rules that the release ships, all of them live; `beyond.yaml` says more for every rule."""
    for path in sorted(shipped.glob("*.yaml")):
        if path.name not in ("for-every-rule.yaml", "reactivation_test.yaml"):
            (into / path.name).write_text(path.read_text().replace("status: draft\n", "status: live\n"))


async def make(pair: Pair, folder: Path, release: Path, python: str, into: Path) -> None:
    began = time.monotonic()

    def report(what: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {what}", flush=True)

    async with stored_site(pair, folder, PREFIX) as made:
        place = OldSite(**vars(made), release=release, python=python)
        await place.now(0)
        before, after = shop.history(), shop.further_events()
        report(f"{len(before)} events before the upgrade")
        await play_history(place, before)
        known = await published(place)
        report(f"published before the upgrade: {len(known)}")
        entries = await dump(place.store.redis)
        activity = {number: int(meta["offset"]) for number, meta in (await metas(place)).items()}
        sources = {f"{one.topic}:{one.partition}": end for one, end in sorted(place.ends.items())}
        now_ms = day(shop.UPGRADE_DAY)
        write(into / "redis.xz", Places(RELEASE, now_ms, sources, activity), entries)
        report(f"stored {len(entries)} keys")
        place.start_worker()
        await play_further(place, after)
        stop(place)
        records, held = await published(place, len(known)), await still_held(place)
        report(f"published after the upgrade: {len(records) - len(known)}")
    lines = [line for at, line in records.items() if at not in known]
    write_lines(into / PUBLISHED, sorted([*lines, *held]))
    write_lines(into / LAST_EVENTS, last_events(before, entries))
    write_lines(into / FURTHER_EVENTS, after)


async def play_history(place: OldSite, before: Sequence[shop.Event]) -> None:
    """Play what happened before the upgrade, the first half of it under other rules."""
    days = [1.0, *map(float, range(_STEP_DAYS, int(shop.UPGRADE_DAY) + 1, _STEP_DAYS))]
    wakes = [shop.wake(until_day) for until_day in days if until_day <= shop.LOGINS_FALL_SILENT_DAY]
    silent_day = wakes[-1].at_day + shop.MAX_SILENCE_DAYS
    events = shop.in_order([*before, *wakes])
    half = next(number for number, event in enumerate(events) if event.at_day >= _RULES_CHANGE_DAY)
    rules = place.environment["LINGER_RULES"]
    place.environment["LINGER_RULES"] = str(early_rules(place.folder / "early"))
    place.start_worker()
    await play(place, events[:half], [one for one in days if one <= _RULES_CHANGE_DAY])
    stop(place)
    place.environment["LINGER_RULES"] = rules
    place.start_worker()
    await play(place, events[half:], [one for one in days if one > _RULES_CHANGE_DAY], silent_day)
    stop(place)


def early_rules(folder: Path) -> Path:
    """Write the rules of the first half: one of them was removed since, and one says something else."""
    shutil.copytree(FOLDER / "rules", folder)
    path = folder / "beyond.yaml"
    text = path.read_text()
    said = "- {none: purchase, for: 60 days}"
    assert said in text
    path.write_text(text.replace(said, "- {none: purchase, for: 59 days}").replace("at: 61 days", "at: 60 days"))
    (folder / "early-bird.yaml").write_text(_EARLY_BIRD)
    return folder


def stop(place: Site) -> None:
    """Stop the worker as an operator does."""
    process = place.processes.pop()
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0, place.log()[-4000:]
    shutil.copy(place.folder / f"worker-{len(place.processes)}.log", place.folder / f"stopped-{time.time_ns()}.log")


async def published(place: Site, at_least: int = 0) -> dict[tuple[str, int, int], Published]:
    """Return what was published, by its place."""
    lines = {
        (record.topic, record.partition, record.offset): published_line(json.loads(record.value))
        for name in _TOPICS
        for record in await place.read(name)
    }
    assert len(lines) >= at_least
    return lines


async def still_held(place: Site) -> list[Published]:
    """Return the actions that are held by the pace of their rules."""
    found = []
    for number in range(place.settings.partitions):
        fields = await place.store.redis.call([("HVALS", place.store.keys.partition(number).held)])
        for raw in fields[0]:
            content = json.loads(decode_record(raw).value or b"")
            found.append(published_line(content)._replace(what=HELD))
    return found


def published_line(content: Mapping[str, Any]) -> Published:
    """Return the line for a record."""
    rule, customer, start_ms = content["rule"]["id"], content["customer_id"], ms_of(content["episode_started_at"])
    assert content["action_id"] == action_id(rule, customer, start_ms)
    return Published(
        rule,
        customer,
        start_ms,
        content.get("decision") or content["status"],
        ms_of(content.get("retracted_at") or content["decided_at"]),
        content.get("retracted_because") or content.get("detail") or "",
    )


def ms_of(moment: str) -> int:
    return epoch_ms(datetime.fromisoformat(moment).astimezone(UTC))


def last_events(events: Sequence[shop.Event], entries: Sequence[Entry]) -> list[shop.Event]:
    """Return of each customer the events whose ids are stored, in order."""
    rings = {
        key.decode().partition("}:c:")[2]: codec.decode(value, {}).seen
        for key, kind, value in entries
        if kind == "string" and b"}:c:" in key
    }
    return sorted(
        (event for event in events if _is_in(event, rings[event.customer])),
        key=lambda event: (event.customer, event.at_day),
    )


def _is_in(event: shop.Event, ring: bytes) -> bool:
    """Return whether a ring has the event's id, as release 0.1.0 kept it."""
    size = 6
    kept = {ring[at : at + size] for at in range(0, len(ring), size)}
    return blake2b(event.event_id.encode(), digest_size=size).digest() in kept


if __name__ == "__main__":
    sys.exit(main())
