"""Laws of what is kept of earlier versions of rules: what may be needed, and not more."""

import asyncio
from typing import Final

from tests.support.builders import rule, rules
from tests.support.memory_store import MemoryStore
from workers.state.rule_sets.contents import (
    KEPT_GENERATIONS,
    MOST,
    keep_contents,
    outdated_versions,
    read_contents,
)

FIRST: Final = rules(
    rule("gone", when={"status": "cancelled"}), rule("quiet", when={"none": "login", "for": "9 days"})
)
SECOND: Final = rules(
    rule("gone", when={"status": "cancelled"}), rule("quiet", when={"none": "login", "for": "8 days"})
)
THIRD: Final = rules(rule("gone", when={"status": "cancelled"}))


def test_what_rules_said_is_kept_after_they_are_changed_and_forgotten_many_generations_later() -> None:
    async def law() -> None:
        kept = MemoryStore().as_store()
        await keep_contents(kept, FIRST, 1)
        assert await read_contents(kept) == FIRST.contents
        await keep_contents(kept, SECOND, 2)
        assert await read_contents(kept) == {**FIRST.contents, **SECOND.contents}
        await keep_contents(kept, SECOND, KEPT_GENERATIONS + 1)
        assert await read_contents(kept) == {**FIRST.contents, **SECOND.contents}
        await keep_contents(kept, SECOND, KEPT_GENERATIONS + 2)
        assert await read_contents(kept) == SECOND.contents

    asyncio.run(law())


def test_the_last_version_of_a_rule_that_is_gone_is_kept_because_an_action_of_it_may_be_open() -> None:
    async def law() -> None:
        kept = MemoryStore().as_store()
        await keep_contents(kept, FIRST, 1)
        await keep_contents(kept, SECOND, 2)
        await keep_contents(kept, THIRD, 3)
        await keep_contents(kept, THIRD, 3 + 10 * KEPT_GENERATIONS)
        assert await read_contents(kept) == SECOND.contents

    asyncio.run(law())


def test_of_a_rule_that_asked_for_two_actions_the_last_version_with_each_is_kept() -> None:
    contents = {
        "a": '{"id": "quiet", "action": "at-risk"}',
        "b": '{"id": "quiet", "action": "at-risk", "title": "later"}',
        "c": '{"id": "quiet", "action": "win-back"}',
    }
    others = {version: f"{place} {content}" for place, (version, content) in enumerate(contents.items(), 1)}
    assert outdated_versions(others, {}, 10 * KEPT_GENERATIONS) == ["a"]
    assert outdated_versions({**others, "d": "4 no JSON"}, {}, 10 * KEPT_GENERATIONS) == ["d", "a"]
    assert outdated_versions(others, {"e": contents["b"]}, 10 * KEPT_GENERATIONS) == ["b", "a"]


def test_activating_the_same_rules_again_writes_nothing() -> None:
    async def law() -> None:
        store = MemoryStore()
        await keep_contents(store.as_store(), FIRST, 3)
        before = {name: dict(fields) for name, fields in store.hashes.items()}
        await keep_contents(store.as_store(), FIRST, 3)
        assert store.hashes == before

    asyncio.run(law())


def test_of_very_many_versions_the_oldest_go_first() -> None:
    others = {f"{number:04}": f"{100 + number // 1000} {{}}" for number in range(MOST + 10)}
    outdated = outdated_versions(others, {}, 102)
    assert len(outdated) == 10
    assert all(others[version].startswith("100 ") for version in outdated)
