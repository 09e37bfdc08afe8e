"""Competing rules: which are decided together, and in which order."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from itertools import permutations

from workers.core.rules.contact_policy import ContactPolicy
from workers.core.rules.rule_set import Rule


def competing(rules: list[Rule], contact_policy: ContactPolicy) -> list[Rule]:
    """Set each rule's conflict group and rank, and the types to wait for.

    An action of a conflict group depends on the others. So it is admitted only when every type that can change any of
    them has been seen. A limit over all rules puts all of them into one conflict group.
    """
    by_id = {rule.id: rule for rule in rules}
    acting = [rule for rule in rules if not rule.shadow and not rule.paused]
    yields_to: dict[str, list[str]] = {rule.id: [] for rule in rules}
    rivals: dict[str, set[str]] = {rule.id: set() for rule in rules}
    for rule, other in permutations(acting, 2):
        if other.id in rule.instead_of:
            yields_to[other.id].append(rule.id)
        if other.id in rule.instead_of or rule.priority > other.priority > 0 or contact_policy.remembers_ms:
            rivals[rule.id].add(other.id)
            rivals[other.id].add(rule.id)
    ranks = {name: rank for rank, name in enumerate(_ranking(rules))}
    conflict_groups = _circles(rivals)
    found = []
    for rule in rules:
        conflict_group = conflict_groups.get(rule.id, (-1, frozenset()))
        shared = frozenset[str]().union(*(by_id[name].types for name in conflict_group[1]))
        found.append(
            replace(
                rule,
                needed_to_decide=rule.types | shared,
                needed_to_admit=rule.can_turn_false | shared | contact_policy.types,
                conflict_group=conflict_group[0],
                rank=ranks[rule.id],
                yields_to=tuple(yields_to[rule.id]),
            )
        )
    return found


def _ranking(rules: Sequence[Rule]) -> list[str]:
    """Return the ids sorted by priority and id, but a rule always before those that it replaces (`instead_of`)."""
    by_priority = [rule.id for rule in sorted(rules, key=lambda rule: (-rule.priority, rule.id))]
    places = {name: place for place, name in enumerate(by_priority)}
    sorter: TopologicalSorter[str] = TopologicalSorter({name: [] for name in by_priority})
    for rule in rules:
        for other in rule.instead_of:
            if other in places:
                sorter.add(other, rule.id)
    try:
        sorter.prepare()
    except CycleError:
        return by_priority  # `linger rules check` refuses this; any fixed order is sufficient here
    ranking: list[str] = []
    ready: list[str] = []
    while sorter.is_active():
        ready = sorted([*ready, *sorter.get_ready()], key=places.__getitem__)
        ranking.append(ready.pop(0))
        sorter.done(ranking[-1])
    return ranking


def _circles(rivals: Mapping[str, set[str]]) -> dict[str, tuple[int, frozenset[str]]]:
    """Return by rule id the number and the members of its conflict group; rules without rivals are left out."""
    conflict_groups: dict[str, tuple[int, frozenset[str]]] = {}
    for name in rivals:
        if name in conflict_groups or not rivals[name]:
            continue
        members: set[str] = set()
        found = {name}
        while found:
            members |= found
            found = {other for one in found for other in rivals[one]} - members
        conflict_group = (len({number for number, _ in conflict_groups.values()}), frozenset(members))
        conflict_groups.update(dict.fromkeys(members, conflict_group))
    return conflict_groups
