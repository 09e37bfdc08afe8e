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

from schemas.consent import answers, spelling_of
from tests.support.builders import day
from tests.support.decided import facts_in
from tests.support.site import Site
from tests.upgrade import shop
from tests.upgrade.answers import (
    FURTHER_EVENTS,
    HELD,
    LAST_EVENTS,
    read_events,
    read_published,
)
from tests.upgrade.comparing import differences
from tests.upgrade.making import published, still_held
from tests.upgrade.place import fill, go_on, play_further, send_all, stored_site
from tests.upgrade.releases import BEFORE_NUMBERS, RELEASE_0_1, StoredRelease
from tests.upgrade.stored import dump, read
from workers.clock import iso_text
from workers.core.events.decoding import epoch_ms
from workers.demo.embedded import Pair
from workers.kafka.records import decode_record
from workers.loading import load_configuration
from workers.rule_files.known_names import KnownNames
from workers.rule_files.rules import load_book

pytestmark = [pytest.mark.integration, pytest.mark.rest]

FOLDER: Final = RELEASE_0_1.folder
TYPES: Final = tuple(shop.TOPICS)
SHOWN: Final = 20
AT_ONCE: Final = 4_000
OUTCOMES: Final = ("duplicates", "events", "dead_letters")
"""Counters: each record raises one."""

Key = tuple[str, str, int]
"""Rule, customer and begin of the episode: one action."""

SENT_BY_THE_NEW_MEANING: Final[Mapping[str, str]] = {
    "birthday": "a date that is the text of a number is a date",
    "content": "of a new customer it is known that there was no complaint before",
    "gold-without-order": "of a new customer it is known that there was no purchase before",
    "losing-benefits": "a date that is the text of a number is a date",
    "mobile-dried-up": "of a new customer it is known that there was no complaint before",
    "nps-detractor": "a score that is the text of a number is a number",
    "promoter": "a score that is the text of a number is a number",
    "reader-quiet": "a text such as 'yes' is true",
    "worth-winning-back": "of a new customer it is known that there was no other cancellation before",
}
"""Rules that act where the release before would not have acted, each with the reason.

Only for customers who begin to match the rule after the upgrade: those who matched it then have matched it already.
"""
MATCHED_ALREADY: Final = frozenset(
    {"birthday", "content", "gold-without-order", "mobile-dried-up", "reader-quiet", "worth-winning-back"}
)
"""Rules that customers had matched at the upgrade by the new meaning, and would have later by the old one."""
DECIDED_UNTIL_MS: Final[Mapping[str, int]] = {
    "mobile-dried-up": day(shop.LOGINS_FALL_SILENT_DAY + shop.MAX_SILENCE_DAYS - 0.1)
}
"""Up to when a rule was decided before the upgrade, if not up to the upgrade: log-ins were silent."""


def test_after_the_upgrade_nothing_is_sent_that_the_release_before_would_not_have_sent(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def law() -> None:
        lines = read_published(FOLDER)
        before = {(one.rule, one.customer, one.start_ms) for one in lines if one.what in ("active", HELD)}
        async with stored_site(apache_pair, tmp_path) as place:
            await fill(place, *read(FOLDER / "redis.xz"))
            await place.now(shop.UPGRADE_DAY)
            place.start_worker()
            await play_further(place, read_events(FOLDER / FURTHER_EVENTS))
            now = {**await sent(place), **await held(place)}
            opted_out = {key_of(one) for one in await place.actions("decisions") if one["decision"] == "opted_out"}
            published_now = [*await place.actions("at-risk"), *await place.actions("win-back")]
            # What is taken back before the types that it waits for have been seen is published as taken back only.
            taken_back = {key_of(one) for one in published_now if one["status"] == "retracted"}
        upgrade_ms, further = day(shop.UPGRADE_DAY), read_events(FOLDER / FURTHER_EVENTS)
        extra = {
            (rule, customer, began_ms)
            for rule, customer, began_ms in now.keys() - before
            if rule not in SENT_BY_THE_NEW_MEANING or began_ms <= DECIDED_UNTIL_MS.get(rule, upgrade_ms)
        }
        assert not extra, listed(f"{len(extra)} actions that the release before would not have sent", extra, now)
        # A "no" is understood in more spellings, and a customer who says neither yes nor no is not written to.
        refusing = {event.customer for event in further if is_refusal(event)}
        missing = {
            (rule, customer, began_ms)
            for rule, customer, began_ms in before - now.keys() - opted_out - taken_back
            if rule not in MATCHED_ALREADY and customer not in refusing
        }
        assert not missing, listed(f"{len(missing)} actions that the release before would have sent", missing, {})
        # None of this holds because nothing happens: every rule of a file acts for a customer.
        book, _ = load_book([FOLDER / "rules"], KnownNames(TYPES))
        acting = {rule.id for rule in book.rules if rule.status == "live"}
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


def test_after_the_upgrade_the_same_is_published_as_the_release_before_would_have_published(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def law() -> None:
        stored = BEFORE_NUMBERS
        async with stored_site(apache_pair, tmp_path, stored=stored) as place:
            await fill(place, *read(stored.folder / "redis.xz"))
            await place.now(shop.UPGRADE_DAY)
            place.start_worker()
            await go_on(place, stored)
            await play_further(place, read_events(stored.folder / FURTHER_EVENTS))
            records = list((await published(place)).values())
            holding = await still_held(place)
        found = differences(stored, records, holding)
        assert not found, "\n".join(found)
        assert {one["rule"]["id"] for one in records} >= {rule.id for rule in rules_of(stored)} - NEVER_PUBLISHED

    asyncio.run(law())


NEVER_PUBLISHED: Final = frozenset({"paused-by-file"})
"""Rules whose decisions are not published."""


def rules_of(stored: StoredRelease) -> Sequence[Any]:
    """Return the rules of a stored release that are decided, as written."""
    book, _ = load_book([stored.folder / "rules"], KnownNames((*TYPES, "scan")))
    return [rule for rule in book.rules if rule.status != "draft"]


async def send_directly(place: Site, events: Sequence[shop.Event]) -> None:
    """Write events to the activity topic, past intake, and wait until Kafka has them."""
    topic = place.settings.topic("activity")
    for event in events:
        value = json.dumps(event.as_canonical()).encode()
        await place.producer.send(topic, value, event.customer.encode(), timestamp_ms=day(event.at_day))
    await place.producer.flush()


def is_refusal(event: shop.Event) -> bool:
    """Return whether a further event says no, or what is neither yes nor no."""
    consent = event.attributes.get("marketing_consent")
    return consent is not None and answers((), ()).get(spelling_of(consent)) is not True


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


async def series_totals(place: Site) -> dict[str, dict[str, tuple[int, str]]]:
    """Return count and sum of each series of each customer."""
    known = load_configuration(place.settings).rules
    totals: dict[str, dict[str, tuple[int, str]]] = {}
    for key, kind, value in await dump(place.store.redis, place.prefix):
        _, is_customer, customer = key.decode().partition("}:c:")
        if is_customer and kind == "string":
            series = facts_in(value, known).series
            totals[customer] = {name: (one.total, one.sum) for name, one in series.items()}
    return totals
