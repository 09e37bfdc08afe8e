"""Laws of generations of sources in Redis: the newest counts for all, an older file does not come back by itself."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from schemas.sources import SourcesFile
from tests.integration.test_store import lawful
from tests.support.builders import day
from workers.core.source_changes import SourceChanges
from workers.core.source_set import PatternTopic, SourceSet
from workers.demo.embedded import Pair
from workers.state.source_sets.activation import OlderSources, SourceActivation, activate_sources
from workers.state.source_sets.stored import as_agreed, newest_sources
from workers.state.source_sets.topics import agree_on_topics, let_count
from workers.state.store import Store

pytestmark = pytest.mark.integration

SHOPS: dict[str, Any] = {"topics": {"pattern": "^shop[.].*$"}}
NAME = "/^shop[.].*$/"


def one(topic: str | None = None, customer: str = "who", **other: Any) -> dict[str, Any]:
    fields = {"event_id": "id", "customer_id": customer, "occurred_at": "at"}
    where = {} if topic is None else {"topic": topic}
    return {**where, "event": "login", "max_silence": "3 days", "fields": fields, **other}


def file(*sources: dict[str, Any]) -> SourcesFile:
    return SourcesFile.model_validate({"sources": [*sources]})


async def load(
    store: Store, sources: SourcesFile, at_day: float, *topics: str, allow_rollback: bool = True
) -> SourceActivation:
    matched = dict.fromkeys(topics, NAME)
    return await activate_sources(store, sources, matched, day(at_day), allow_rollback=allow_rollback)


def law(work: Callable[[Store], Any], pair: Pair) -> None:
    lawful(work, pair.redis_url)


def test_the_first_file_begins_nothing_anew(pair: Pair) -> None:
    async def work(store: Store) -> None:
        first = await load(store, file(one("app")), 100, allow_rollback=False)
        assert (first.sources.generation, first.sources.began, first.changes) == (1, {}, SourceChanges())
        assert first.sources.later.sources == []

    law(work, pair)


def test_workers_with_the_same_file_are_in_the_same_generation(pair: Pair) -> None:
    async def work(store: Store) -> None:
        loaded = await asyncio.gather(*(load(store, file(one("app")), at, allow_rollback=False) for at in range(8)))
        assert {activation.sources.generation for activation in loaded} == {1}

    law(work, pair)


def test_a_file_that_was_replaced_is_refused_with_what_to_do_and_comes_back_if_an_operator_wants_it(
    pair: Pair,
) -> None:
    async def work(store: Store) -> None:
        old, new = file(one("app")), file(one("app"), one("site"))
        await load(store, old, 100)
        await load(store, new, 101)
        with pytest.raises(OlderSources, match=r"generation 1, the newest is 2.*linger sources promote"):
            await load(store, old, 102, allow_rollback=False)
        assert await newest_sources(store) == 2
        assert (await load(store, old, 103)).sources.generation == 3
        with pytest.raises(OlderSources):
            await load(store, new, 104, allow_rollback=False)

    law(work, pair)


def test_since_when_a_type_is_watched_is_kept_until_its_mapping_changes_again(pair: Pair) -> None:
    async def work(store: Store) -> None:
        await load(store, file(one("app")), 100)
        second = await load(store, file(one("app", "user")), 101)
        assert (second.changes.again, second.sources.began) == (("login",), {"login": day(101)})
        third = await load(store, file(one("app", "user", max_silence="4 days")), 102)
        assert (third.changes, third.sources.began) == (SourceChanges(), {"login": day(101)})
        agreed = await as_agreed(store, file(one("app", "user", max_silence="4 days")))
        assert (agreed.generation, agreed.began) == (3, {"login": day(101)})
        assert (await as_agreed(store, file(one("app")))).generation == 0

    law(work, pair)


def test_a_source_that_comes_later_counts_from_its_first_record_as_long_as_it_stays(pair: Pair) -> None:
    async def work(store: Store) -> None:
        await load(store, file(one("app")), 100)
        second = await load(store, file(one("app"), one("site")), 101)
        assert second.changes.from_first == ("login",)
        third = await load(store, file(one("app"), one("site", max_silence="4 days")), 102)
        assert [source.topic for source in third.sources.later.sources] == ["site"]
        await load(store, file(one("app")), 103)
        back = await load(store, file(one("app"), one("site")), 104)
        assert back.changes.again == ("login",)  # it was read before, so what was missed meanwhile is in its log
        assert back.sources.later.sources == []

    law(work, pair)


def test_the_topics_of_a_new_pattern_are_read_like_named_ones_and_those_that_appear_as_history(pair: Pair) -> None:
    async def work(store: Store) -> None:
        sources = file(one("app"), one(**SHOPS))
        agreed = (await load(store, sources, 100, "shop.de")).sources
        assert agreed.topics == {"shop.de": PatternTopic(NAME)}
        loaded = await asyncio.gather(
            *(agree_on_topics(store, agreed, {"shop.nl": NAME}, (), day(101 + number)) for number in range(4))
        )
        assert len({topics.topics["shop.nl"].joined_ms for topics in loaded}) == 1
        joined = loaded[0]
        assert not joined.topics["shop.nl"].counts
        assert joined.joining == {"shop.nl"}
        counted = await let_count(store, joined, ["shop.nl"])
        assert counted.joining == frozenset()
        # Another generation with the same pattern keeps them as they are.
        again = (
            await load(store, file(one("app"), one(max_silence="4 days", **SHOPS)), 110, "shop.de", "shop.fr")
        ).sources
        assert again.topics == counted.topics
        # One that is gone leaves; one that comes back goes on where it was left.
        left = await agree_on_topics(store, again, {}, ["shop.nl"], day(111))
        assert list(left.topics) == ["shop.de"]
        back = await agree_on_topics(store, left, {"shop.nl": NAME}, (), day(112))
        assert back.topics["shop.nl"] == PatternTopic(NAME)

    law(work, pair)


def test_a_worker_with_older_sources_changes_no_topics(pair: Pair) -> None:
    async def work(store: Store) -> None:
        old = (await load(store, file(one(**SHOPS)), 100)).sources
        await load(store, file(one("app")), 101)
        assert await agree_on_topics(store, old, {"shop.nl": NAME}, (), day(102)) == old
        assert isinstance(await as_agreed(store, file(one("app"))), SourceSet)
        assert (await as_agreed(store, file(one("app")))).topics == {}

    law(work, pair)
