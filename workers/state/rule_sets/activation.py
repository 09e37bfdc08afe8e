"""Rule sets: which one is the newest, and since when each rule counts. All workers share this through Redis.

Every rule set that is activated gets the next number, its generation. State stored under an older set stays valid:
a customer is migrated when next decided. A worker with an older set must not decide for a partition that a newer one
has decided for, and a restart alone does not reactivate an older set. A release that gives rules another meaning
(`workers.core.meaning`) makes another set of the same files. This module does not read rule files.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from workers.core.meaning import MEANING, MEANING_OF_0_1
from workers.core.rules.former_rules import FormerRules
from workers.core.rules.rule_set import LADDER, RuleSet
from workers.errors import LingerError
from workers.state.rule_sets.contents import keep_contents, read_contents
from workers.state.rule_sets.experiments import begun, begun_again, going_on, keep_entries, read_entries
from workers.state.store import Store

GENERATION: Final = "generation"
HASH: Final = "hash"
RULE: Final = "rule:"
SET: Final = "set:"
LADDER_FIELD: Final = "ladder"
"""Field: as that of a rule, of the live ladder."""
MEANING_FIELD: Final = "meaning"
"""Field: the number of the meaning of rules, the generation with which it began, and when (milliseconds)."""


class OlderRules(LingerError):
    """These rules were active before, and newer ones have replaced them."""

    def __init__(self, generation: int, newest: int) -> None:
        super().__init__(
            f"these rules are older than the active ones: they were rule set {generation}, the newest is {newest}. "
            "Load the newest rule files, or, if you mean to go back, run: linger rules promote"
        )


@dataclass(frozen=True, slots=True)
class Activation:
    """The result of activating a rule set.

    Attributes:
        rules: the set with its generation, and since when each rule counts.
        began: ids of rules that count from now on; they skip customers who already match.
        stored: everything that Redis says of rule sets. A worker remembers it, in case Redis does not.
    """

    rules: RuleSet
    began: tuple[str, ...]
    stored: Mapping[str, str]


def active_rules(stored: Mapping[str, str]) -> list[str]:
    """Return the ids of the rules of the newest set, from the fields of the hash of rules."""
    return [name.removeprefix(RULE) for name in stored if name.startswith(RULE)]


async def activate(store: Store, rules: RuleSet, now_ms: int, *, allow_rollback: bool) -> Activation:
    """Make a rule set the newest; if it is the newest already, only experiments begin again that have to.

    Args:
        store: the store that all workers share.
        rules: the set, compiled.
        now_ms: when it is loaded.
        allow_rollback: activate the set even if newer ones have replaced it: the operator asks for it. False for a
            worker that starts.

    Raises:
        OlderRules: if newer rule sets have replaced it, without `allow_rollback`.
        Transient: if Redis does not answer.
    """
    began: list[str] = []

    def change(stored: Mapping[str, str]) -> dict[str, str] | None:
        began.clear()
        if is_active(rules, stored):
            return begun_again(rules, stored, entries, int(stored[GENERATION]), now_ms)
        if not allow_rollback:
            refuse_older(stored, rules)
        newest = int(stored.get(GENERATION, 0))
        generation = newest + 1
        # The first rules of all count from time 0: they also decide for history that is read later.
        since_ms = now_ms if newest else 0
        meaning = stored.get(MEANING_FIELD, f"{MEANING_OF_0_1} 0 0")
        if int(meaning.split()[0]) != MEANING:
            meaning = f"{MEANING} {generation if newest else 0} {since_ms}"
        fields = {name: value for name, value in stored.items() if name.startswith(SET)}
        fields |= {GENERATION: str(generation), HASH: rules.hash, SET + rules.hash: str(generation)}
        fields[MEANING_FIELD] = meaning
        for rule in rules.rules:
            text = stored.get(RULE + rule.id)
            if text is None or text.split()[0] != rule.audience_hash:
                text = f"{rule.audience_hash} {generation} {since_ms}"
                if newest:
                    began.append(rule.id)
            fields[RULE + rule.id] = text
        if rules.ladder is not None:
            text = stored.get(LADDER_FIELD)
            if text is None or text.split()[0] != rules.ladder.hash:
                text = f"{rules.ladder.hash} {generation} {since_ms}"
            fields[LADDER_FIELD] = text
        return fields | going_on(rules, stored, entries, generation, since_ms, now_ms)

    # Before the set is the newest: a worker that knows its number finds what its rules say.
    before, entries = await stored_rules(store), await read_entries(store)
    await keep_contents(store, rules, int(before.get(GENERATION, 0)) + (not is_active(rules, before)))
    activation = await reactivate(store, rules, await store.redis.rewrite(store.keys.rules, change))
    await keep_entries(store, activation.rules, now_ms)
    return replace(activation, began=tuple(began))


async def require_not_older(store: Store, rules: RuleSet, present: int | None = None, *, asked: bool = False) -> None:
    """Refuse rules that newer ones have replaced, as `activate` does, but change nothing.

    Args:
        store: the store that all workers share.
        rules: the set, compiled.
        present: the generation of this worker; None for one that starts. With the newest, it may go back.
        asked: whether an operator asks for these rules, so that it may go back.

    Raises:
        OlderRules: if newer rule sets have replaced it.
        Transient: if Redis does not answer.
    """
    stored = await stored_rules(store)
    if not asked and present != int(stored.get(GENERATION, 0)):
        refuse_older(stored, rules)


def refuse_older(stored: Mapping[str, str], rules: RuleSet) -> None:
    """Refuse rules that newer ones have replaced. Pure.

    Args:
        stored: the fields of the hash of rules.
        rules: the set, compiled.

    Raises:
        OlderRules: if newer rule sets have replaced it.
    """
    before = stored.get(SET + rules.hash)
    if before is not None and not is_active(rules, stored):
        raise OlderRules(int(before), int(stored.get(GENERATION, 0)))


async def newest_generation(store: Store) -> int:
    """Return the generation of the newest rule set, 0 if there is none."""
    return int((await stored_rules(store)).get(GENERATION, 0))


async def stored_rules(store: Store) -> dict[str, str]:
    """Return everything that Redis says of rule sets.

    Raises:
        Transient: if Redis does not answer.
    """
    return await store.redis.fields(store.keys.rules)


def is_active(rules: RuleSet, stored: Mapping[str, str]) -> bool:
    """Return whether a rule set is the newest by what Redis says of rule sets."""
    return stored.get(HASH) == rules.hash


async def reactivate(store: Store, rules: RuleSet, stored: Mapping[str, str]) -> Activation:
    """Return the newest rule set with the number, and since when its rules count, that Redis says now.

    Args:
        store: the store that all workers share.
        rules: the set, compiled.
        stored: what Redis says of rule sets.

    Raises:
        Transient: if Redis does not answer.
    """
    return Activation(_activated(rules, stored, await read_contents(store)), (), stored)


async def as_active(store: Store, rules: RuleSet) -> RuleSet:
    """Return a rule set with its generation if it is the newest, unchanged if not; changes nothing in Redis."""
    return as_stored(rules, await stored_rules(store), await read_contents(store))


def as_stored(rules: RuleSet, fields: Mapping[str, str], contents: Mapping[str, str]) -> RuleSet:
    """Return a rule set with its generation if it is the newest, unchanged if not. Pure.

    Args:
        rules: the set, compiled.
        fields: of the hash of rules.
        contents: by version, what rules say or said.
    """
    return _activated(rules, fields, contents) if is_active(rules, fields) else rules


def _activated(rules: RuleSet, fields: Mapping[str, str], contents: Mapping[str, str]) -> RuleSet:
    since: dict[str, tuple[int, int]] = {}
    for rule in rules.rules:
        text = fields.get(RULE + rule.id)
        if text is not None:
            _, generation, since_ms = text.split()
            since[rule.id] = (int(generation), int(since_ms))
    if rules.ladder is not None and (text := fields.get(LADDER_FIELD)) is not None:
        _, generation, since_ms = text.split()
        since[LADDER] = (int(generation), int(since_ms))
    _, meaning_generation, meaning_since_ms = fields.get(MEANING_FIELD, "0 0 0").split()
    meaning_since = int(meaning_generation), int(meaning_since_ms)
    former = FormerRules(contents, rules)
    return rules.as_activated(int(fields[GENERATION]), since, meaning_since, former, begun(rules, fields))
