"""Laws of an upgrade: this release goes on with what the release before has stored.

`tests/data/upgrade/README.md` says what is stored and how it was made.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.builders import day
from tests.support.site import Site
from tests.upgrade import shop
from tests.upgrade.answers import FURTHER_EVENTS, HELD, LAST_EVENTS, read_events, read_published
from tests.upgrade.met import at_the_upgrade
from tests.upgrade.place import FOLDER, fill, play_further, send_all, stored_site
from tests.upgrade.stored import dump, read
from workers.clock import iso_text
from workers.core.customer import codec
from workers.core.events.decoding import epoch_ms
from workers.demo.embedded import Pair
from workers.kafka.records import decode_record
from workers.rule_files.rules import load_book

pytestmark = [pytest.mark.integration, pytest.mark.rest]

TYPES: Final = tuple(shop.TOPICS)
SHOWN: Final = 20
AT_ONCE: Final = 4_000
OUTCOMES: Final = ("duplicates", "events", "dead_letters")
"""Counters: each record raises one."""

Key = tuple[str, str, int]
"""Rule, customer and begin of the episode: one action."""

SENT_BY_THE_NEW_MEANING: Final[Mapping[str, str]] = {}
"""Rules that may act where the release before would not have acted, each with the reason.

Only for customers who did not meet the rule at the upgrade, by what this release means: something happened since.
"""
NO_LONGER_SENT: Final[Mapping[str, str]] = {}
"""Rules by which this release may send fewer actions than the release before would have, each with the reason."""


def test_after_the_upgrade_nothing_is_sent_that_the_release_before_would_not_have_sent(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def law() -> None:
        published = read_published(FOLDER)
        before = {(one.rule, one.customer, one.start_ms) for one in published if one.what in ("active", HELD)}
        async with stored_site(apache_pair, tmp_path) as place:
            places, entries = read(FOLDER / "redis.xz")
            upgrade = at_the_upgrade(place, places, entries)
            await fill(place, places, entries)
            await place.now(shop.UPGRADE_DAY)
            place.start_worker()
            await play_further(place, read_events(FOLDER / FURTHER_EVENTS))
            now = {**await sent(place), **await held(place)}
        extra = now.keys() - before
        met = {key for key in extra if upgrade.had_met(key[0], key[1])}
        assert not met, listed(
            f"{len(met)} actions that the release before would not have sent, although their rules were met already",
            met,
            now,
        )
        since = {key for key in extra if key[0] not in SENT_BY_THE_NEW_MEANING}
        assert not since, listed(
            f"{len(since)} actions that the release before would not have sent, by rules that were met later",
            since,
            now,
        )
        missing = {key for key in before - now.keys() if key[0] not in NO_LONGER_SENT}
        assert not missing, listed(f"{len(missing)} actions that the release before would have sent", missing, {})
        # None of this holds because nothing happens: every rule of a file acts for a customer.
        acting = {rule.id for rule in load_book([FOLDER / "rules"], TYPES)[0].rules if rule.status == "live"}
        assert {rule for rule, _, _ in now} == acting

    asyncio.run(law())


def test_an_event_that_counted_before_the_upgrade_does_not_count_again_after_it(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def law() -> None:
        events = read_events(FOLDER / LAST_EVENTS)
        async with stored_site(apache_pair, tmp_path) as place:
            await fill(place, *read(FOLDER / "redis.xz"))
            await place.now(shop.UPGRADE_DAY)
            totals, counters = await series_totals(place), await place.counters()
            place.start_worker()

            async def increase(name: str) -> int:
                return (await place.counters()).get(name, 0) - counters.get(name, 0)

            async def are_read(number: int) -> bool:
                return sum([await increase(name) for name in OUTCOMES]) >= number

            for start in range(0, len(events), AT_ONCE):
                await send_all(place, events[start : start + AT_ONCE])
                await send_directly(place, events[start : start + AT_ONCE])
                number = 2 * len(events[: start + AT_ONCE])
                await place.until(partial(are_read, number), f"{number} events to be read")
            assert {name: await increase(name) for name in OUTCOMES} == {
                "duplicates": 2 * len(events),
                "events": 0,
                "dead_letters": 0,
            }
            assert await series_totals(place) == totals

    asyncio.run(law())


async def send_directly(place: Site, events: Sequence[shop.Event]) -> None:
    """Write events to the activity topic, past intake, and wait until Kafka has them."""
    topic = place.settings.topic("activity")
    for event in events:
        value = json.dumps(event.as_canonical()).encode()
        await place.producer.send(topic, value, event.customer.encode(), timestamp_ms=day(event.at_day))
    await place.producer.flush()


async def sent(place: Site) -> dict[Key, Any]:
    """Return the active actions that were published, by rule, customer and begin, with their reasons."""
    actions = [*await place.actions("at-risk"), *await place.actions("win-back")]
    return {key_of(action): action["why"] for action in actions if action["status"] == "active"}


async def held(place: Site) -> dict[Key, Any]:
    """Return the actions that wait for the pace of their rules."""
    hashes = [("HVALS", place.store.keys.partition(number).held) for number in range(place.settings.partitions)]
    values = [decode_record(raw).value for found in await place.store.redis.call(hashes) for raw in found]
    return {key_of(action): action["why"] for action in map(json.loads, filter(None, values))}


def key_of(action: Mapping[str, Any]) -> Key:
    began = datetime.fromisoformat(action["episode_started_at"])
    return action["rule"]["id"], action["customer_id"], epoch_ms(began.astimezone(UTC))


def listed(what: str, keys: Collection[Key], reasons: Mapping[Key, Any]) -> str:
    """Say how many actions of each rule differ, and show the first ones with their reasons."""
    lines = [what, *(f"{count:6}  {rule}" for rule, count in Counter(rule for rule, _, _ in keys).most_common())]
    for key in sorted(keys)[:SHOWN]:
        rule, customer, began_ms = key
        lines.append(f"{rule} for {customer}, from {iso_text(began_ms)}")
        for reason in reasons.get(key, ()):
            lines.append(f"    {reason['condition']}: {reason['observed']}")
    return "\n".join(lines)


async def series_totals(place: Site) -> dict[str, dict[str, tuple[int, int]]]:
    """Return count and sum of each series of each customer."""
    totals = {}
    for key, kind, value in await dump(place.store.redis, place.prefix):
        _, is_customer, customer = key.decode().partition("}:c:")
        if is_customer and kind == "string":
            series = codec.decode(value, {}).series
            totals[customer] = {name: (one.total, one.total_sum) for name, one in series.items()}
    return totals
