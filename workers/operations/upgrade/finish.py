"""Finishing an upgrade: all workers write the newest layout from then on, and there is no way back.

`linger upgrade finish` does it at once. Otherwise a worker does it at its start, a day or more after a start at which
no worker of an older release was left: so the day after an upgrade there is still a way back.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from workers.errors import StartupError
from workers.observability import log_events
from workers.operations.upgrade.facts import Releases, find_releases
from workers.settings import Settings
from workers.state import layouts
from workers.state.meta import LAYOUT_OF_OLD, layout_of
from workers.state.store import Store

log = structlog.get_logger(__name__)

_SECONDS: Final = 30.0
"""How long to wait for the owners of partitions; they read the order every 10 seconds."""
_EVERY_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Finished:
    """What finishing an upgrade has done.

    Attributes:
        layout: what all workers are to write.
        was_ordered: that was ordered before.
        waiting: partitions that are still written in an earlier layout: no worker owns them now.
    """

    layout: int
    was_ordered: bool
    waiting: Sequence[int]


async def finish(settings: Settings, store: Store, seconds: float = _SECONDS) -> Finished:
    """Order all workers to write the newest layout, and wait until they do.

    Args:
        settings: of the workers.
        store: of the state.
        seconds: how long to wait.

    Raises:
        StartupError: if it cannot be finished now, every obstacle at once; nothing is changed then.
        Transient: if Redis does not answer.
    """
    releases, newest = await find_releases(settings, store), layouts.newest()
    if releases.order.layout > newest:
        raise StartupError([_no_way_back(releases.order.layout)])
    was_ordered = releases.order.layout == newest
    if not was_ordered:
        if obstacles := releases.obstacles():
            raise StartupError(obstacles)
        await layouts.give_order(store, newest)
    give_up = time.monotonic() + seconds
    while True:
        waiting = await _waiting(settings, store, newest)
        if not waiting or time.monotonic() >= give_up:
            return Finished(newest, was_ordered, waiting)
        await asyncio.sleep(_EVERY_SECONDS)


async def finish_at_start(settings: Settings, store: Store, now_ms: int) -> None:
    """Finish an upgrade, if it is time; called by each worker before it joins its group.

    Where nothing was ever stored there is nothing to go back to, so the newest layout is written at once.

    Args:
        settings: of the worker.
        store: of the state.
        now_ms: by Linger's clock; 0 in a replay that has not begun.

    Raises:
        Transient: if Redis does not answer.
    """
    await consider(store, await find_releases(settings, store), now_ms)


async def consider(store: Store, releases: Releases, now_ms: int) -> None:
    """Finish an upgrade, or note that this may be done later; see `finish_at_start`."""
    newest = layouts.newest()
    if not any(releases.metas.values()):
        await layouts.give_order(store, newest)
    elif releases.order.layout > LAYOUT_OF_OLD:
        await _take_back_if_void(store, releases)
    elif releases.obstacles():
        await layouts.forget_alone(store)
    elif (since_ms := releases.order.alone_since_ms) is None:
        await layouts.note_alone(store, now_ms)
    elif now_ms >= since_ms + layouts.WAIT_MS:
        await layouts.give_order(store, newest)
        log.info(log_events.UPGRADE_FINISHED, layout=newest)


async def _take_back_if_void(store: Store, releases: Releases) -> None:
    """Take an order back after `linger rebuild` of an older release: it has made all of the state again."""
    if releases.older_owners and releases.partitions_by_layout.keys() <= {LAYOUT_OF_OLD}:
        await layouts.take_back_order(store)


async def _waiting(settings: Settings, store: Store, layout: int) -> list[int]:
    metas = await store.metas(range(settings.partitions))
    return [number for number, fields in metas.items() if fields and layout_of(fields) < layout]


def _no_way_back(layout: int) -> str:
    return (
        f"customers are written in layout {layout}, which this release cannot read. Run the release that wrote it, "
        "or a later one; to go back to this one, stop all workers and rebuild the state from the log: linger rebuild"
    )
