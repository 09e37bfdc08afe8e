"""Laws of `priority: by value`, over a real Redis: what a pace holds goes out by the value of the customers."""

import asyncio
from pathlib import Path

import pytest

from tests.integration.test_reload import file_of, linger, nothing_held, published, written
from tests.support.site import Site, site
from workers.demo.embedded import Pair

pytestmark = pytest.mark.integration

VALUE = "value: {revenue: [purchase.amount], within: 365 days}\n"
CUSTOMERS = 12


def rules(**other: str) -> str:
    return VALUE + file_of(written("soft", 10, priority="by value", pace="at most 4 per day", **other))


async def bought(place: Site) -> None:
    """Let customers buy, the later ones for less than some of the earlier ones."""
    for number in range(CUSTOMERS):
        await place.order(f"c{number}", 1 + number / 100, total=str(worth(f"c{number}")))


def worth(customer: str) -> int:
    return 10 + int(customer[1:]) * 7 % CUSTOMERS


async def reached(place: Site) -> set[str]:
    return {action["customer_id"] for action in await place.actions("at-risk")}


def most_valued(customers: set[str], number: int) -> set[str]:
    return set(sorted(customers, key=worth, reverse=True)[:number])


def test_what_is_spread_over_time_goes_out_by_value(pair: Pair, tmp_path: Path) -> None:
    async def law() -> None:
        everyone = {f"c{number}" for number in range(CUSTOMERS)}
        async with site(pair, tmp_path, rules(over_pace="spread")) as place:
            await bought(place)
            before = set[str]()
            for number, at_day in ((4, 11.5), (8, 12.5), (12, 13.5)):
                await place.now(at_day)
                await place.decided_until(at_day)

                async def is_published(number: int = number) -> bool:
                    return await published(place, number)

                await place.until(is_published, f"{number} actions")
                now = await reached(place)
                if before:
                    assert now - before == most_valued(everyone - before, 4)
                before = now
            for action in await place.actions("at-risk"):
                assert action["value"]["amount"] == worth(action["customer_id"])

    asyncio.run(law())


def test_what_an_operator_releases_goes_out_by_value(pair: Pair, tmp_path: Path) -> None:
    async def law() -> None:
        async with site(pair, tmp_path, rules()) as place:
            await bought(place)
            await place.now(11.5)
            await place.decided_until(11.5)
            await place.until(lambda: published(place, 4), "four actions")
            first = await reached(place)
            held = {f"c{number}" for number in range(CUSTOMERS)} - first
            assert linger(place, "rules", "release", "soft", "--at-most", "3").returncode == 0
            await place.until(lambda: published(place, 7), "three more actions")
            assert await reached(place) - first == most_valued(held, 3)
            assert linger(place, "rules", "discard", "soft", "--all").returncode == 0
            await place.until(lambda: nothing_held(place), "nothing to be held any more")

    asyncio.run(law())
