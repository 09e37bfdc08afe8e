"""What each version of a rule said, in Redis: actions that wait are worded by the version that decided them.

One hash: a rule's version to the newest generation of rules that had it, a blank, and its content as JSON. A version
is kept as long as it can be needed. After each change of the rules, the sweep words what waits under versions that
are gone (`workers.processor.sweeps`), so a version is needed until every partition has been swept. The last version
of a rule is needed longer: an action of a rule that is gone can be open, and an order to erase takes it back.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from workers.core.rules.rule_set import RuleSet
from workers.state.store import Store

KEPT_GENERATIONS: Final = 50
"""For how many further generations a version of a rule is kept that is not its last one."""
MOST: Final = 2_000
"""How many versions are kept that the present rules do not have; the oldest go first."""


class _Asking(msgspec.Struct, frozen=True):
    """Which rule asks for what; the other keys of a rule do not matter here."""

    id: str
    action: str


_asking: Final = msgspec.json.Decoder(_Asking).decode


async def keep_contents(store: Store, rules: RuleSet, generation: int) -> None:
    """Keep what every rule of a set says, and forget versions that are no longer needed.

    Called before the set is made the newest, so a worker that knows the generation finds them.

    Args:
        store: the store that all workers share.
        rules: the set, compiled.
        generation: its number.

    Raises:
        Transient: if Redis does not answer.
    """
    key = store.keys.rule_contents
    stored = await store.fields(key)
    changed = {
        version: f"{generation} {content}"
        for version, content in rules.contents.items()
        if _generation(stored.get(version, "")) < generation
    }
    if changed:
        await store.set_fields(key, changed)
    others = {version: text for version, text in stored.items() if version not in rules.contents}
    if outdated := outdated_versions(others, rules.contents, generation):
        await store.remove_fields(key, outdated)


async def read_contents(store: Store) -> dict[str, str]:
    """Return what is kept, by version.

    Raises:
        Transient: if Redis does not answer.
    """
    stored = await store.fields(store.keys.rule_contents)
    return {version: text.partition(" ")[2] for version, text in stored.items()}


def outdated_versions(others: Mapping[str, str], present: Mapping[str, str], generation: int) -> list[str]:
    """Return the versions that are no longer needed.

    Args:
        others: by version, what is stored of those that the present rules do not have.
        present: by version, what the present rules say.
        generation: of the present rules.
    """
    newest_first = sorted(others, key=lambda version: (-_generation(others[version]), version))
    outdated, seen = [], {None, *map(_asking_in, present.values())}
    for place, version in enumerate(newest_first):
        asking = _asking_in(others[version].partition(" ")[2])
        is_needed = asking not in seen or _generation(others[version]) >= generation - KEPT_GENERATIONS
        seen.add(asking)
        if place >= MOST or not is_needed:
            outdated.append(version)
    return outdated


def _asking_in(content: str) -> _Asking | None:
    """Return which rule asks for what; None for a content that does not say it."""
    try:
        return _asking(content)
    except msgspec.MsgspecError:
        return None


def _generation(text: str) -> int:
    return int(text.partition(" ")[0] or 0)
