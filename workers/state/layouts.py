"""Layouts of stored activities: which ones this release knows, and which one all workers are to write.

Each partition's `meta` says which layout is written there (`workers.state.meta.layout_of`). A new release goes on
with the one that it finds, so that the release before can still claim the partition. Once no worker of that release
is left, the upgrade is finished: one order for the whole namespace, which the owner of each partition carries out
(`workers.processor.layout_order`). There is no way back from it.
"""

from collections.abc import Mapping
from typing import Final

from workers.state.meta import LAYOUT_OF_OLD
from workers.state.store import Store

KNOWN: Final[tuple[int, ...]] = (3, 4)
"""The layouts that this release reads and writes, oldest first.

The last one is written once an upgrade is finished: with one more here, upgrades can be finished.
"""

WAIT_MS: Final = 24 * 3_600_000
"""How long after a start without a worker of an older release another start finishes the upgrade by itself."""

_LAYOUT: Final = "layout"
_ALONE: Final = "alone"


class Order:
    """What `linger:upgrade` says.

    Attributes:
        layout: what all workers are to write; that of the releases before there were orders if no one gave one.
        alone_since_ms: when a worker first started without finding one of an older release; None if none has.
    """

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.layout = int(fields.get(_LAYOUT) or LAYOUT_OF_OLD)
        since = fields.get(_ALONE)
        self.alone_since_ms = int(since) if since else None


def newest() -> int:
    """Return the layout that this release writes once an upgrade is finished."""
    return KNOWN[-1]


async def read_order(store: Store) -> Order:
    """Return what all workers are to write."""
    return Order(await store.fields(store.keys.upgrade))


async def ordered(store: Store) -> int:
    """Return the layout that this release is to write: an order for a later one is for later releases."""
    return min((await read_order(store)).layout, newest())


async def give_order(store: Store, layout: int) -> None:
    """Order all workers to write a layout from now on; the caller has seen that every one of them can."""
    await store.set_fields(store.keys.upgrade, {_LAYOUT: str(layout)})


async def begin_with(store: Store, *, is_empty: bool) -> int:
    """Return the layout to write state in that is made now, by a rebuild or an import.

    Where nothing is stored there is nothing to go back to: then the newest is ordered, as by the first worker.
    """
    if is_empty:
        await give_order(store, newest())
    return await ordered(store)


async def take_back_order(store: Store) -> None:
    """Forget what was ordered; only if nothing that is stored was written because of it."""
    await store.remove_fields(store.keys.upgrade, [_LAYOUT, _ALONE])


async def note_alone(store: Store, now_ms: int) -> None:
    """Note that a worker started without finding one of an older release."""
    await store.set_fields(store.keys.upgrade, {_ALONE: str(now_ms)})


async def forget_alone(store: Store) -> None:
    """Forget it: a worker of an older release is there."""
    await store.remove_fields(store.keys.upgrade, [_ALONE])
