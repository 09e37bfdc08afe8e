"""Generations: which rule set is the newest, and since when each rule counts; shared by all workers through Redis.

Every rule set that is put in force gets the next number. What is stored under an older set stays valid; a customer
is brought under the newer one at the next look. A worker with an older set must not decide for a partition that has
seen a newer one, and a set that was in force before does not come back by a restart alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from workers.core.rules.rule_set import RuleSet
from workers.errors import LingerError
from workers.state.store import Store

_RULE: Final = "rule:"
_SET: Final = "set:"


class OlderRules(LingerError):
    """These rules were in force before and others came after them."""

    def __init__(self, generation: int, newest: int) -> None:
        super().__init__(
            f"these rules are older than those in force: they were rule set {generation}, the newest is {newest}. "
            "Load the newest rule files, or, if you mean to go back, run: linger rules promote"
        )


@dataclass(frozen=True, slots=True)
class Activation:
    """What putting a rule set in force came to.

    Attributes:
        rules: the set with its number, and since when each rule counts.
        began: ids of rules that count from now on, which nobody is acted on for who meets them already.
    """

    rules: RuleSet
    began: tuple[str, ...]


async def activate(store: Store, rules: RuleSet, now_ms: int, *, allow_rollback: bool) -> Activation:
    """Make a rule set the newest, or join the others if it is already.

    Args:
        store: where all workers look.
        rules: the set, compiled.
        now_ms: when it is loaded.
        allow_rollback: somebody wants just this set, even if it was in force before; not just a worker that starts.

    Raises:
        OlderRules: if it is not the newest and not deliberate.
        Transient: if Redis does not answer.
    """
    began: list[str] = []

    def change(known: Mapping[str, str]) -> dict[str, str] | None:
        began.clear()
        if known.get("hash") == rules.hash:
            return None
        newest = int(known.get("generation", 0))
        if not allow_rollback and (before := known.get(_SET + rules.hash)) is not None:
            raise OlderRules(int(before), newest)
        generation = newest + 1
        # The first rules ever count from the beginning of time: history that is read later is theirs.
        since_ms = now_ms if newest else 0
        fields = {name: value for name, value in known.items() if name.startswith(_SET)}
        fields |= {"generation": str(generation), "hash": rules.hash, _SET + rules.hash: str(generation)}
        for rule in rules.rules:
            told = known.get(_RULE + rule.id)
            if told is None or told.split()[0] != rule.stance:
                told = f"{rule.stance} {generation} {since_ms}"
                if newest:
                    began.append(rule.id)
            fields[_RULE + rule.id] = told
        return fields

    fields = await store.redis.rewrite(store.keys.rules, change)
    return Activation(_in_force(rules, fields), tuple(began))


async def newest_generation(store: Store) -> int:
    """Return the number of the newest rule set, 0 if there was none."""
    return int((await store.redis.fields(store.keys.rules)).get("generation", 0))


async def as_active(store: Store, rules: RuleSet) -> RuleSet:
    """Return a set as it counts if it is the newest, and as it is if it is not; changes nothing."""
    fields = await store.redis.fields(store.keys.rules)
    return _in_force(rules, fields) if fields.get("hash") == rules.hash else rules


def _in_force(rules: RuleSet, fields: Mapping[str, str]) -> RuleSet:
    since: dict[str, tuple[int, int]] = {}
    for rule in rules.rules:
        told = fields.get(_RULE + rule.id)
        if told is not None:
            _, generation, since_ms = told.split()
            since[rule.id] = (int(generation), int(since_ms))
    return rules.in_force(int(fields["generation"]), since)
