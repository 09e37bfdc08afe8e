"""Records that hold several events, through a real worker: each is folded once, and replayed alone."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration.test_broken_sources import until_ready_says
from tests.integration.test_dead_letters import asked, on_the_wall_clock, restart, wait_for, wait_for_dead_letters
from tests.support.builders import day
from tests.support.site import SOURCES, Site
from workers.demo.embedded import Pair
from workers.state.stopped_sources import read_stops

pytestmark = pytest.mark.integration

BATCHES: Final = SOURCES.replace("orders\n    event: purchase\n", "orders\n    unwrap: each\n    event: purchase\n")


def order(number: int, customer: str, **changes: Any) -> dict[str, Any]:
    placed = {"order_id": f"o{number}", "total": "20.00", "currency": "EUR", "placed_at_ms": day(1)}
    return {**placed, "customer": customer, **changes}


async def send(place: Site, *orders: dict[str, Any]) -> None:
    await place.send("orders", json.dumps(orders).encode(), 1)


async def positions(place: Site, at_least: int) -> Sequence[bytes]:
    records = await place.read("activity", at_least)
    return sorted(dict(record.headers)["linger-source"].rpartition(b":")[2] for record in records)


def test_items_are_folded_and_one_that_cannot_be_read_is_replayed_alone(apache_pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        renamed = {**order(2, "bob"), "client": "bob"}
        del renamed["customer"]
        await send(place, order(1, "ada"), renamed, order(3, "ada"))
        await wait_for(place, events=2)
        await wait_for_dead_letters(place, 1)
        (letter,) = await place.read("dead-letter", 1)
        assert dict(letter.headers)["linger-item"] == b"1"
        assert await positions(place, 2) == [b"000000", b"000002"]

        await restart(place, [("customer_id: customer", "customer_id: [customer, client]")])
        assert (await asked(place, "replay", "--yes"))["sent"] == 1
        await wait_for(place, events=3, customers=2, duplicates=0)
        assert await positions(place, 3) == [b"000000", b"000002", b"100001"]

    on_the_wall_clock(apache_pair, tmp_path, scenario, sources=BATCHES)


@pytest.mark.rest
def test_such_a_source_waits_while_a_worker_of_an_older_release_owns_a_partition_and_others_go_on(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        topic = f"{place.prefix}orders"
        await send(place, order(1, "ada"), order(2, "bob"))
        await wait_for(place, events=2)

        # What a worker of release 0.1 writes when it claims a partition: it leaves `format` standing.
        meta = place.store.keys.partition(0).meta
        stored = await place.store.meta(0)
        old = {"owner": "of-an-older-release", "version": str(int(stored["version"]) + 1)}
        await place.store.set_fields(meta, old)

        async def has_stopped() -> bool:
            return {stop.cause for stop in (await read_stops(place.store)).of_topic(topic).values()} == {
                "older_release"
            }

        await place.until(has_stopped, "the source with items to stop")
        await until_ready_says(place, "stopped_sources", topic, "partition 0 of the activity topic", "older release")
        assert '"source_stopped"' in place.log()
        await send(place, order(3, "ada"))
        for customer in ("ada", "bob", "cyd", "dan"):
            await place.login(customer, 1)
        logins = [record for record in await place.read("activity", 6) if b'"login"' in (record.value or b"")]
        assert len(logins) == 4
        assert len(await place.read("activity")) == 6

        # The old worker goes, and one of this release takes over.
        await restart(place)
        await wait_for(place, events=7, duplicates=0)
        assert not (await read_stops(place.store)).of_topic(topic)

    on_the_wall_clock(apache_pair, tmp_path, scenario, sources=BATCHES)
