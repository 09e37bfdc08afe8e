"""Laws of experiments in Redis: which one goes on, which one ends, and that each step counts once."""

from collections.abc import Callable
from typing import Any

import pytest

from schemas.rules import Rule
from schemas.sources import SourcesFile
from tests.integration.test_store import lawful
from tests.support.builders import day, rule, rules
from workers.core.experiments.experiment import Experiment
from workers.core.rules.rule_set import RuleSet
from workers.demo.embedded import Pair
from workers.errors import Fenced
from workers.experiments.reading import read_figures
from workers.state.rule_sets.activation import activate, as_active
from workers.state.rule_sets.experiments import figures_in, keep_entries, read_entries
from workers.state.rule_sets.restoring import restore
from workers.state.step import WriteSet
from workers.state.store import Store

pytestmark = pytest.mark.integration
SOURCES = SourcesFile.model_validate(
    {
        "sources": [
            {
                "topic": "shop.orders",
                "event": "purchase",
                "max_silence": "3 days",
                "fields": {
                    "event_id": "id",
                    "customer_id": "customer",
                    "occurred_at": "at",
                    "amount": "amount",
                    "currency": "currency",
                },
            }
        ]
    }
)


def a_rule(name: str = "soft", days: int = 10, **content: Any) -> Rule:
    return rule(name, when={"none": "purchase", "for": f"{days} days"}, **{"hold_out": "10%", **content})


async def load(store: Store, ruleset: RuleSet, at_day: float) -> RuleSet:
    return (await activate(store, ruleset, day(at_day), allow_rollback=True)).rules


async def only(store: Store, ruleset: RuleSet, at_day: float) -> Experiment:
    (found,) = (await load(store, ruleset, at_day)).experiments
    return found


def law(work: Callable[[Store], Any], pair: Pair) -> None:
    lawful(work, pair.redis_url)


def test_an_experiment_begins_with_its_rule_set_and_goes_on_while_only_other_things_change(pair: Pair) -> None:
    async def work(store: Store) -> None:
        await load(store, rules(rule("other")), 50)
        first = await only(store, rules(a_rule(), rule("other")), 100)
        assert (first.since_ms, first.arms.salt) == (day(100), "soft")
        for number, changed in enumerate((a_rule(template="other"), a_rule(again_after="3 days"), a_rule())):
            assert (await only(store, rules(changed), 101 + number)).key == first.key
        entries = await read_entries(store)
        assert list(entries) == [first.key]
        assert (entries[first.key].begun_at, entries[first.key].closed_at) == (day(100), None)

    law(work, pair)


def test_a_renamed_rule_goes_on_with_the_customers_who_were_held_out_before(pair: Pair) -> None:
    async def work(store: Store) -> None:
        first = await only(store, rules(a_rule()), 100)
        renamed = await load(store, rules(a_rule("softer")), 101)
        (second,) = renamed.experiments
        assert (second.key, second.arms.salt, second.rules) == (first.key, "soft", ("softer",))
        hold_out = renamed.by_id["softer"].hold_out
        assert hold_out is not None
        assert hold_out.salt == "soft"
        assert (await read_entries(store))[first.key].rules == ("softer",)
        assert (await only(store, rules(a_rule("softer", template="other")), 102)).arms.salt == "soft"

    law(work, pair)


@pytest.mark.parametrize(
    "changed",
    [{"days": 11}, {"hold_out": "20%"}, {"smallest_difference": "2 points"}, {"count_at_most": "100 EUR"}],
    ids=["whom", "share", "difference", "cap"],
)
def test_what_must_not_change_ends_an_experiment_and_begins_another_also_back_again(
    pair: Pair, changed: dict[str, Any]
) -> None:
    async def work(store: Store) -> None:
        first = await only(store, rules(a_rule()), 100)
        second = await only(store, rules(a_rule(**changed)), 101)
        third = await only(store, rules(a_rule()), 102)
        assert len({first.key, second.key, third.key}) == 3
        assert (second.since_ms, third.since_ms) == (day(101), day(102))
        entries = await read_entries(store)
        assert {key: entry.closed_at for key, entry in entries.items()} == {
            first.key: day(101),
            second.key: day(102),
            third.key: None,
        }

    law(work, pair)


def test_every_worker_finds_the_same_experiment_and_what_is_missing_is_written_again(pair: Pair) -> None:
    async def work(store: Store) -> None:
        first = await only(store, rules(a_rule()), 100)
        assert (await as_active(store, rules(a_rule()))).experiments == (first,)
        await store.redis.call([("DEL", store.keys.experiments)])
        again = await load(store, rules(a_rule()), 103)
        assert again.experiments == (first,)
        assert list(await read_entries(store)) == [first.key]
        await keep_entries(store, again, day(104))
        assert list(await read_entries(store)) == [first.key]

    law(work, pair)


def test_a_redis_that_was_flushed_goes_on_with_the_same_experiment(pair: Pair) -> None:
    async def work(store: Store) -> None:
        await load(store, rules(rule("other")), 50)
        activation = await activate(store, rules(a_rule()), day(100), allow_rollback=True)
        await store.redis.call([("FLUSHALL",)])
        await restore(store, activation.rules, activation.stored, day(101))
        assert (await as_active(store, rules(a_rule()))).experiments == activation.rules.experiments
        assert list(await read_entries(store)) == [activation.rules.experiments[0].key]

    law(work, pair)


def test_a_step_adds_to_the_figures_and_a_refused_one_does_not(pair: Pair) -> None:
    async def work(store: Store) -> None:
        key = (await only(store, rules(a_rule()), 100)).key
        first, second = await store.claim(0, "first"), await store.claim(0, "second")
        for claimed, is_accepted in ((first, False), (second, True)):
            try:
                async with store.step(0, claimed.meta) as step:
                    await step.read(())
                    await step.commit(WriteSet(experiments={f"{key}|treated|5|n": 2, f"{key}|treated|later": 1}))
            except Fenced:
                assert not is_accepted
        assert await figures_in(store, 0) == {f"{key}|treated|5|n": 2, f"{key}|treated|later": 1}
        found = await read_figures(store, SOURCES, 1, day(200))
        assert (found[key].arms["treated"].assigned, found[key].arms["treated"].later) == (2, 1)

    law(work, pair)
