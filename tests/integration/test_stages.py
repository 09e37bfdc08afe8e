"""Laws of stages, over real Kafka and Redis: moves are published once, and what is no move is not taken for one."""

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration.test_rebuild import forget_everything, rebuild, stop_workers
from tests.integration.test_worker import QUIET
from tests.support.site import Site, site
from workers.demo.embedded import Pair
from workers.state.keys import STAGE_TO_PUBLISH

pytestmark = pytest.mark.integration

LADDER: Final = """
stages:
  name: simple
  status: live
  pace: at most 100,000 per minute
  steps:
    - stage: regular
      when: {all: [{count: purchase, at least: 3, within: 365 days}, {not: {none: purchase, for: 10 days}}]}
    - stage: quiet
      when: {all: [{count: purchase, at least: 1, within: 365 days}, {none: purchase, for: 10 days}]}
  otherwise: newcomer
"""
OTHER: Final = LADDER.replace("name: simple", "name: other").replace("at least: 3", "at least: 2")
CUSTOMERS: Final = 12


def play(pair: Pair, folder: Path, scenario: Callable[[Site], Awaitable[None]], rules: str) -> None:
    async def on_a_site() -> None:
        async with site(pair, folder, rules) as place:
            await scenario(place)

    asyncio.run(on_a_site())


async def history(place: Site, first_day: float = 1) -> None:
    for number in range(CUSTOMERS):
        for bought in range(1 + number % 4):
            await place.order(f"c{number}", first_day + bought + number / 100)


async def stages(place: Site) -> list[dict[str, Any]]:
    """Return all records, in the order of each customer."""
    records = sorted(await place.read("stages"), key=lambda record: (record.partition, record.offset))
    return [json.loads(record.value) for record in records if record.value is not None]


def since_then(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the records that came in between."""
    rest = list(after)
    for record in before:
        rest.remove(record)
    return rest


async def newest(place: Site) -> dict[str, str]:
    return {record["customer_id"]: record["stage"] for record in await stages(place)}


async def all_told(place: Site) -> None:
    """Wait until no stage waits to be published, and all that is decided is in Kafka."""

    async def is_published() -> bool:
        keys = [place.store.keys.partition(number) for number in range(place.settings.partitions)]
        waiting = await place.store.redis.call([("ZCARD", one.waiting(STAGE_TO_PUBLISH)) for one in keys])
        outbox = await place.store.redis.call([("LLEN", one.outbox) for one in keys])
        return not any(waiting) and not any(outbox)

    await place.until(is_published, "all stages to be published")


def real(records: list[dict[str, Any]]) -> dict[str, tuple[str, str, str]]:
    return {
        one["stage_id"]: (one["customer_id"], one["stage"], one["since"])
        for one in records
        if one["direction"] != "none"
    }


def test_moves_are_published_once_with_the_same_id_though_a_worker_is_killed(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        await history(place)
        await place.now(6)
        await place.decided_until(6)
        os.kill(place.processes[0].pid, signal.SIGKILL)
        await asyncio.to_thread(place.processes[0].wait, 30)
        place.processes.clear()
        place.start_worker()
        await place.login("c0", 20)  # so that every source is seen up to there
        await place.order("zoe", 20)
        await place.now(21)
        await place.decided_until(21)
        await all_told(place)
        records = await stages(place)
        moves = real(records)
        up = {customer for customer, stage, _ in moves.values() if stage == "regular"}
        assert up == {f"c{number}" for number in range(CUSTOMERS) if number % 4 >= 2}
        down = [(customer, stage) for customer, stage, _ in moves.values() if stage == "quiet"]
        assert sorted(down) == sorted((f"c{number}", "quiet") for number in range(CUSTOMERS))
        # A record that came twice has the same content.
        assert len({json.dumps(one, sort_keys=True) for one in records}) == len({one["stage_id"] for one in records})
        standing = await newest(place)
        assert standing == {**{f"c{number}": "quiet" for number in range(CUSTOMERS)}, "zoe": "newcomer"}
        # A rebuild publishes no stage again.
        await stop_workers(place)
        await forget_everything(place, 21)
        await rebuild(place)
        place.start_worker()
        await place.now(21.5)
        await place.decided_until(21.5)
        await all_told(place)
        assert not since_then(records, await stages(place))
        # And goes on from there.
        for bought in range(3):
            await place.order("c0", 22 + bought)
        await place.now(26)
        await place.decided_until(26)
        await all_told(place)
        added = since_then(records, await stages(place))
        assert [(one["customer_id"], one["from"], one["stage"], one["direction"]) for one in added] == [
            ("c0", "quiet", "newcomer", "down"),
            ("c0", "newcomer", "regular", "up"),
        ]

    play(apache_pair, tmp_path, scenario, QUIET + LADDER)


def test_a_new_ladder_over_stored_customers_moves_nobody(apache_pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        await history(place)
        await place.now(6)
        await place.decided_until(6)
        assert not await stages(place)
        everyone = {f"c{number}" for number in range(CUSTOMERS)}
        two_purchases = {f"c{number}" for number in range(CUSTOMERS) if number % 4 == 1}
        before: list[dict[str, Any]] = []
        for rules, affected in ((QUIET + LADDER, everyone), (QUIET + OTHER, two_purchases)):
            await stop_workers(place)
            (place.folder / "rules.yaml").write_text(rules)
            place.start_worker()
            await place.now(7)

            async def is_there(number: int = len(before) + len(affected)) -> bool:
                return len(await stages(place)) >= number

            await place.until(is_there, "what is known by the new ladder to be published")
            await place.decided_until(7)
            await all_told(place)
            after = await stages(place)
            added = since_then(before, after)
            assert {one["customer_id"] for one in added} == affected
            assert {one["direction"] for one in added} == {"none"}
            before = after
        assert {(one["because"], one["from"], one["stage"]) for one in added} == {("ladder", "newcomer", "regular")}

    play(apache_pair, tmp_path, scenario, QUIET)
