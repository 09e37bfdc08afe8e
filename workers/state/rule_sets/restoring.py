"""Gives back to Redis what it has lost of rule sets, from what a running worker remembers.

Numbers of rule sets must not begin again at 1 while customers are stamped with higher ones. So a worker that notices
that Redis does not know its set under its number (FLUSHALL, or a failover that lost an activation) puts it back. What
was activated since the loss keeps its place: it comes after what was before, unless it was replaced before the loss.
"""

from collections.abc import Mapping

from workers.core.rules.rule_set import RuleSet
from workers.state.rule_sets.activation import GENERATION, HASH, LADDER_FIELD, MEANING_FIELD, RULE, SET
from workers.state.rule_sets.contents import keep_contents
from workers.state.rule_sets.experiments import EXPERIMENT, keep_entries
from workers.state.store import Store


async def restore(store: Store, rules: RuleSet, known: Mapping[str, str], now_ms: int) -> dict[str, str]:
    """Put back what Redis has lost, atomically; return what it says of rule sets then.

    A second call changes nothing, and workers that know the same may call it at once.

    Args:
        store: the store that all workers share.
        rules: the set of this worker, activated.
        known: what Redis said when it was activated.
        now_ms: the present.

    Raises:
        Transient: if Redis does not answer.
    """
    await keep_contents(store, rules, rules.generation)
    fields = await store.redis.rewrite(store.keys.rules, lambda stored: restored(known, stored, now_ms))
    if fields.get(HASH) == rules.hash:
        await keep_entries(store, rules, now_ms)
    return fields


def is_lost(known: Mapping[str, str], stored: Mapping[str, str]) -> bool:
    """Return whether Redis does not know the set of a worker, or only under a lower number; pure.

    Args:
        known: what Redis said when the set was activated.
        stored: what it says now.
    """
    return int(stored.get(SET + known[HASH], 0)) < int(known[GENERATION])


def restored(known: Mapping[str, str], stored: Mapping[str, str], now_ms: int) -> dict[str, str] | None:
    """Return what Redis should say, None if nothing is lost; pure.

    If Redis names no set, or one that was active before that of `known`, that of `known` is the newest again, under
    its number. Otherwise the set that Redis names is newer, and gets a number above both.

    A rule that is the same in both counts since the moment in `known`, and is new for no one who was decided under
    either: what waits for these customers goes on waiting, and what began before that moment is skipped. So it
    is with the ladder: customers move since the moment in `known`.

    Args:
        known: what Redis said when the set of a worker was activated.
        stored: what it says now.
        now_ms: since when a rule counts that only `stored` has, if it has begun to count again at 1.
    """
    if not is_lost(known, stored):
        return None
    own, newest = int(known[GENERATION]), int(stored.get(GENERATION, 0))
    is_ours = newest < own and (HASH not in stored or SET + stored[HASH] in known)
    kept, generation = (known, own) if is_ours else (stored, max(own, newest) + 1)
    sets = {
        name: str(max(int(fields.get(name, 0)) for fields in (known, stored)))
        for name in (*stored, *known)
        if name.startswith(SET)
    }
    sets[SET + kept[HASH]] = str(generation)
    since = {
        name: _since(known.get(name, ""), stored.get(name, ""), generation, now_ms, is_ours=is_ours)
        for name in kept
        if name in (MEANING_FIELD, LADDER_FIELD) or name.startswith((RULE, EXPERIMENT))
    }
    return {GENERATION: str(generation), HASH: kept[HASH], **sets, **since}


def _since(known: str, stored: str, generation: int, now_ms: int, *, is_ours: bool) -> str:
    """Return what is kept of a rule, the ladder or the meaning: what identifies it, and since when it counts."""
    identity, number, began_ms = (known if is_ours else stored).split()
    if known and stored and known.split()[0] == stored.split()[0]:
        number = str(min(int(text.split()[1]) for text in (known, stored)))
        began_ms = known.split()[2]
    elif not is_ours:
        number, began_ms = str(generation), began_ms if int(began_ms) else str(now_ms)
    return f"{identity} {number} {began_ms}"
