"""Rolling up and back under load: `python -m tests.upgrade rolling --old CHECKOUT [--python PYTHON]`.

Over what the older release has stored, two workers of it are replaced by two of this one, and back, and up again, one
after the other, while events arrive; one of them is killed. Then the upgrade is finished. What was published is
compared with what the older release published alone: nothing may be lost, doubled or different. Every event is folded
once. Customers whose events may come in another order with two workers are not compared.
"""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.support.paths import ROOT
from tests.upgrade import shop
from tests.upgrade.answers import FURTHER_EVENTS, read_events
from tests.upgrade.comparing import differences, ordered_customers
from tests.upgrade.making import OldRelease, published, still_held
from tests.upgrade.place import OldSite, fill, go_on, metas, play, send_all, stored_site
from tests.upgrade.releases import StoredRelease
from tests.upgrade.stored import read
from workers.demo.embedded import Pair, die_with_parent
from workers.state import layouts
from workers.state.meta import LAYOUT_OF_OLD, layout_of

OLD: Final = "old"
NEW: Final = "new"
_DAYS: Final = (
    shop.UPGRADE_DAY + 0.2,
    *(shop.UPGRADE_DAY + number for number in range(1, shop.EVENT_DAYS + 1)),
)
_SESSION_MS: Final = 6_000
_CLAIMED: Final = '"partitions_claimed"'
_REFUSED: Final = '"partition_stopped"'

Worker = subprocess.Popen[bytes]


@dataclass
class MixedSite(OldSite):
    """A site whose workers are of two releases.

    Attributes:
        logs: of each running worker.
        started: how many were started.
    """

    logs: dict[int, Path] = field(default_factory=dict)
    started: int = 0

    async def start(self, release: str) -> Worker:
        """Start one more worker, and wait until it has claimed partitions, or none are left for it."""
        self.started += 1
        path = self.folder / f"worker-{release}-{self.started}.log"
        process = self.run(release, path)
        self.processes.append(process)
        self.logs[process.pid] = path

        async def has_claimed() -> bool:
            return _CLAIMED in path.read_text(errors="replace")

        await self.until(has_claimed, f"a worker of the {release} release to claim partitions")
        return process

    def run(self, release: str, path: Path) -> Worker:
        """Run a worker of a release, which logs to a file."""
        where, python = (self.release, self.python) if release == OLD else (ROOT, sys.executable)
        with path.open("wb") as log:
            return subprocess.Popen(
                [python, "-m", "workers", "run"],
                cwd=where,
                env=self.process_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent(),
            )

    def end(self, process: Worker, *, kill: bool = False) -> None:
        """Stop a worker as an orchestrator does, or kill it."""
        self.processes.remove(process)
        process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        status = process.wait(60)
        path = self.logs.pop(process.pid)
        assert kill or status == 0, path.read_text(errors="replace")[-4000:]
        shutil.move(path, path.with_suffix(".ended"))


async def roll(pair: Pair, folder: Path, stored: StoredRelease, given: OldRelease) -> list[str]:
    """Roll up, back and up again while the further events arrive; return in words what went wrong."""
    began = time.monotonic()

    def report(what: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {what}", flush=True)

    async with stored_site(pair, folder, stored=stored) as made:
        made.environment["LINGER_KAFKA_SESSION_TIMEOUT_MS"] = str(_SESSION_MS)
        made.environment["LINGER_KAFKA_HEARTBEAT_INTERVAL_MS"] = str(_SESSION_MS // 6)
        place = MixedSite(**vars(made) | {"patience_seconds": 240.0}, release=given.checkout, python=given.python)
        await fill(place, *read(stored.folder / "redis.xz"))
        await place.now(shop.UPGRADE_DAY)
        first, second = await place.start(OLD), await place.start(OLD)
        await go_on(place, stored)
        report("two workers of the old release")
        running = [first, second]

        async def replace(release: str, *, kill: bool = False) -> None:
            """Replace the worker that runs longest by one of a release."""
            place.end(running.pop(0), kill=kill)
            running.append(await place.start(release))
            kinds = [NEW if f"-{NEW}-" in place.logs[one.pid].name else OLD for one in running]
            report(f"{' and '.join(kinds)}{', one was killed' if kill else ''}")

        async def finish() -> None:
            report(_operate_new(place, "upgrade", "finish").strip())

        async def nothing() -> None:
            pass

        async def refuse_old() -> None:
            if layouts.newest() == LAYOUT_OF_OLD:
                return
            place.end(running.pop(0))  # or no partition would be left for the old one
            old = await place.start(OLD)
            assert _REFUSED in place.logs[old.pid].read_text(errors="replace"), "an old worker took a new layout"
            report("an old worker is refused at its claim")
            place.end(old)
            running.append(await place.start(NEW))

        steps: list[Callable[[], Awaitable[None]]] = [
            nothing,
            lambda: replace(NEW),
            lambda: replace(NEW),
            lambda: replace(OLD),
            lambda: replace(OLD, kill=True),
            nothing,
            lambda: replace(NEW, kill=True),
            lambda: replace(NEW),
            finish,
            refuse_old,
        ]
        events, before = read_events(stored.folder / FURTHER_EVENTS), await place.counters()
        await _play(place, events, steps)
        after = await place.counters()
        newest = layouts.newest()
        found = {number: layout_of(fields) for number, fields in (await metas(place)).items()}
        report(f"layouts in the end: {found}")
        problems = [f"partition {number} is in layout {one}" for number, one in found.items() if one != newest]
        for process in list(running):
            place.end(process)
        records, holding = list((await published(place)).values()), await still_held(place)
    report(f"{len(records)} records were published")
    expected = len({event[1:4] for event in events}) + len(_DAYS) + len(shop.TIMER_DAYS)
    if (folded := after["events"] - before["events"]) != expected:
        problems.append(f"{folded} events were folded, of {expected} different ones")
    return [*problems, *differences(stored, records, holding, ordered_customers(events))]


async def _play(
    place: MixedSite, events: Sequence[shop.Event], steps: Sequence[Callable[[], Awaitable[None]]]
) -> None:
    """Play the further events as `place.play_further` does; take a step a day while that day's events arrive."""
    rest = shop.in_order([*events, *map(shop.wake, [*_DAYS, *shop.TIMER_DAYS])])
    assert len(steps) == len(_DAYS) - 1
    for number, until_day in enumerate(_DAYS):
        now = [event for event in rest if event.sent_day < until_day]
        rest = rest[len(now) :]
        await send_all(place, now)
        await place.now(until_day)
        if number:
            await steps[number - 1]()  # while the workers are busy with what was sent
        await place.decided_until(until_day)
    await play(place, rest, shop.TIMER_DAYS)


def _operate_new(place: MixedSite, *words: str) -> str:
    command = [sys.executable, "-m", "workers", *words]
    environment = place.process_environment()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
