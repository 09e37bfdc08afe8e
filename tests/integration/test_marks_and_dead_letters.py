"""Dead letters of customers who opted out, were suppressed or were erased, sent again once they can be read."""

import asyncio
import json
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from schemas.orders import ERASE, SUPPRESS
from tests.integration.test_dead_letters import FIXED, asked, restart, wait_for_dead_letters
from tests.integration.test_erasure import (
    CONSENT,
    cancels,
    decided,
    is_carried_out,
    is_stored,
    iso,
    mark,
    messages,
    order,
    says,
)
from tests.integration.test_worker import canonical
from tests.support.builders import DAY, day
from tests.support.searched import Search
from tests.support.site import Site, site
from workers.demo.embedded import Pair
from workers.kafka.partitioner import partition_of

pytestmark = pytest.mark.integration

SOURCES: Final = """
event_types:
  profile: {{}}
sources:
  - topic: {prefix}logins
    event: profile
    max_silence: 3000 days
    complete_since: 2024-01-01
    fields:
      event_id: said
      customer_id: customer
      occurred_at: {{path: at, format: milliseconds}}
    attributes: {{consent: consent, mail: mail}}
  - topic: {prefix}events
    format: canonical
    events: [purchase, cancellation, profile]
    max_silence: 3000 days
    complete_since: 2024-01-01
"""
GONE: Final = """
rules:
  - id: gone
    title: Cancelled
    status: live
    when: {status: cancelled}
    action: win-back
    template: exit-survey
    variables: {mail: profile.mail}
    expires after: 30 days
    examples:
      - name: a customer cancels
        given: [{at: start, event: cancellation}]
        expect: [{at: start, action: win-back}]
      - name: a customer says something
        given: [{at: start, event: profile}]
        expect: nothing
"""
OPTED_OUT: Final = "olga-1"
SUPPRESSED: Final = "sam-1"
ERASED: Final = "ella-1"
RETURNED: Final = "rita-1"
"""Had opted out, and was erased with `--may-return`."""
STRANGER: Final = "stan-1"
"""Was erased with `--may-return`."""
NOT_WRITTEN_TO: Final[Mapping[str, str]] = {
    OPTED_OUT: "opted_out",
    SUPPRESSED: "suppressed",
    ERASED: "suppressed",
    RETURNED: "opted_out",
}
"""Customers, and what is decided when a rule holds for them."""
EVERYONE: Final = (*NOT_WRITTEN_TO, STRANGER)
HOUR: Final = 1 / 24


def test_dead_letters_from_before_a_refusal_or_an_order_change_nothing_when_they_are_replayed(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        now = (time.time() * 1000 - day(0)) / DAY
        yes, no, ordered = now - 6 * HOUR, now - 4 * HOUR, now - 2 * HOUR
        for customer in EVERYONE:
            await says_unreadably(place, customer, yes)
            await cancels_in_the_wrong_partition(place, customer, yes)
        await wait_for_dead_letters(place, 2 * len(EVERYONE))
        for customer in EVERYONE:
            says_no = NOT_WRITTEN_TO.get(customer) == "opted_out"
            await says(place, customer, no, consent="no" if says_no else "yes")
        await place.until(partial(are_known, place), "every customer to be known")
        await order(place, SUPPRESS, SUPPRESSED, ordered)
        await order(place, ERASE, ERASED, ordered)
        for customer in (RETURNED, STRANGER):
            await order(place, ERASE, customer, ordered, may_return=True)
        await is_carried_out(place, "erase", 3)
        await is_carried_out(place, "suppress")
        marks = {customer: await mark(place, customer) for customer in EVERYONE}

        await restart(place, FIXED)
        assert (await asked(place, "replay", "--yes"))["sent"] == 2 * len(EVERYONE)
        # Of each who was erased, two letters are dropped; the others were known, and said one thing before.
        counted = {"erased": 6, "events": 9, "customers": 2}
        await place.until(partial(have_counted, place, counted), f"{counted}")
        gone = {
            f"{what} of {customer}": text
            for customer in (ERASED, RETURNED, STRANGER)
            for what, text in (("id", customer), ("mail", MAIL.format(customer)))
        }
        assert await Search(gone).in_redis(place) == []

        for customer in EVERYONE:
            await comes_back(place, customer, now - 1.5 * HOUR)
            await cancels(place, customer, now - HOUR)
        for customer, kind in NOT_WRITTEN_TO.items():
            await place.until(partial(is_decided, place, customer, now - HOUR), f"a decision about: {customer}")
            assert await decided(place, customer, 0) == {kind}, customer
            assert not await messages(place, customer), customer
            assert await mark(place, customer) == marks[customer], customer
        (written_to,) = [one for one in await place.actions("win-back") if one["customer_id"] == STRANGER]
        assert (written_to["status"], written_to["variables"]) == ("active", {"mail": None})

    async def on_a_site() -> None:
        async with site(apache_pair, tmp_path, GONE + CONSENT, sources=SOURCES, LINGER_CLOCK="system") as place:
            await scenario(place)

    asyncio.run(on_a_site())


MAIL: Final = "mail-of-{}@example.org"


async def says_unreadably(place: Site, customer: str, at_day: float) -> None:
    """Send a yes, with a field that sources.yaml does not know by this name yet."""
    said = {"said": f"yes-{customer}", "client": customer, "at": day(at_day)}
    await place.send("logins", {**said, "consent": "yes", "mail": MAIL.format(customer)}, at_day, customer.encode())


async def cancels_in_the_wrong_partition(place: Site, customer: str, at_day: float) -> None:
    """Write a cancellation into the activity topic, as a producer with another partitioner does."""
    event = canonical("cancellation", customer, iso(at_day), f"early-{customer}")
    await place.producer.send_and_wait(
        place.settings.topic("activity"),
        json.dumps(event).encode(),
        key=customer.encode(),
        partition=(partition_of(customer, place.settings.partitions) + 1) % place.settings.partitions,
    )


async def comes_back(place: Site, customer: str, at_day: float) -> None:
    """Send that a customer buys."""
    bought = canonical("purchase", customer, iso(at_day), f"buys-{customer}", amount="5", currency="EUR")
    await place.send("events", bought, at_day, customer.encode())


async def are_known(place: Site) -> bool:
    return all([await is_stored(place, customer) for customer in EVERYONE])


async def have_counted(place: Site, wanted: Mapping[str, int]) -> bool:
    counters = await place.counters()
    return all(counters.get(name, 0) == number for name, number in wanted.items())


async def is_decided(place: Site, customer: str, since_day: float) -> bool:
    return bool(await decided(place, customer, since_day))
