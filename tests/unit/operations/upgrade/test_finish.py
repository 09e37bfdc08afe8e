"""Laws of finishing an upgrade: only without an older release, and a day after the last sign of one."""

import asyncio
from collections.abc import Sequence
from typing import Final

import pytest

from tests.support.memory_store import MemoryStore
from workers.kafka.groups import Member
from workers.operations.upgrade.facts import Metas, Releases
from workers.operations.upgrade.finish import consider
from workers.state import layouts

OLD: Final = Member("linger", "/10.0.0.1", 0)
NEW: Final = Member("linger", "/10.0.0.2", 3)
OF_OLD: Final = {"owner": "a", "format": "2 a"}
OF_NEW: Final = {"owner": "b", "format": "3 b"}
DAY: Final = 86_400_000
START: Final = 1_700_000_000_000


@pytest.fixture(autouse=True)
def _with_a_later_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layouts, "KNOWN", (3, 4))


def ordered_after(*starts: tuple[int, Sequence[Member] | None, Metas], store: MemoryStore | None = None) -> int:
    """Return what is ordered after workers have started: when, with which members and partitions."""
    kept = (store or MemoryStore()).as_store()

    async def run() -> int:
        for at_ms, members, metas in starts:
            await consider(kept, Releases(members, metas, await layouts.read_order(kept)), at_ms)
        return (await layouts.read_order(kept)).layout

    return asyncio.run(run())


def test_where_nothing_was_ever_stored_the_newest_layout_is_written_at_once() -> None:
    assert ordered_after((START, [], {0: {}, 1: {}})) == 4


def test_the_start_that_ends_a_rolling_upgrade_does_not_finish_it() -> None:
    up = [
        (START, [OLD, OLD], {0: OF_OLD, 1: OF_OLD}),
        (START + 60_000, [NEW, OLD], {0: OF_NEW, 1: OF_OLD}),
        (START + 120_000, [NEW], {0: OF_NEW, 1: OF_NEW}),
    ]
    assert ordered_after(*up) == 3
    assert ordered_after(*up, (START + 180_000, [NEW, NEW], {0: OF_NEW, 1: OF_NEW})) == 3


def test_a_start_a_day_after_the_first_one_without_an_older_release_finishes_it() -> None:
    alone = (START, [NEW], {0: OF_NEW})
    assert ordered_after(alone, (START + DAY - 1, [NEW], {0: OF_NEW})) == 3
    assert ordered_after(alone, (START + DAY, [NEW], {0: OF_NEW})) == 4


@pytest.mark.parametrize(
    ("members", "metas"),
    [([NEW, OLD], {0: OF_NEW}), ([NEW], {0: OF_NEW, 1: OF_OLD}), (None, {0: OF_NEW})],
    ids=["in the group", "owned a partition last", "Kafka does not say who is in the group"],
)
def test_an_older_release_that_comes_back_begins_the_day_again(
    members: Sequence[Member] | None, metas: Metas
) -> None:
    back = (START + DAY, members, metas)
    assert ordered_after((START, [NEW], {0: OF_NEW}), back) == 3
    again = (START + DAY + 1, [NEW], {0: OF_NEW})
    assert ordered_after((START, [NEW], {0: OF_NEW}), back, again) == 3
    assert ordered_after((START, [NEW], {0: OF_NEW}), back, again, (START + 2 * DAY + 1, [NEW], {0: OF_NEW})) == 4


def test_an_order_stands_when_an_older_worker_was_refused_and_falls_when_it_has_rebuilt_everything() -> None:
    def with_order() -> MemoryStore:
        store = MemoryStore()
        asyncio.run(layouts.give_order(store.as_store(), 4))
        return store

    refused = {0: {**OF_OLD, "layout": "4"}, 1: {**OF_NEW, "layout": "4"}}
    assert ordered_after((START, [OLD], refused), store=with_order()) == 4
    assert ordered_after((START, [OLD], {0: OF_OLD, 1: OF_OLD}), store=with_order()) == 3


def test_obstacles_name_members_and_partitions_and_what_to_do() -> None:
    order = layouts.Order({})
    assert Releases([NEW], {0: OF_NEW}, order).obstacles() == []
    members, owners = Releases([OLD, NEW], {0: OF_OLD, 1: OF_NEW}, order).obstacles()
    assert members.startswith("1 of 2 members of the group are of an older release")
    assert owners.startswith("1 of 2 partitions were claimed last by a worker of an older release")
    (unknown,) = Releases(None, {0: OF_NEW}, order).obstacles()
    assert "wait until none joins or leaves" in unknown
