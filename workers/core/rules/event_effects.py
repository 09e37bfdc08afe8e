"""Event effects: which rules an event of each type can change, and for how long it can only delay them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from workers.core.coverage import FOREVER_MS
from workers.core.rules.rule_set import Required, Responding, Response, Rule

_GROUP_SIZE: Final = 4


def responses(kind: str, was_cancelled: bool, groups: Mapping[str, Sequence[Rule]]) -> tuple[Responding, ...]:
    """Return the effects of an event of a type on each group that reads it."""
    found: dict[Required, list[Response]] = {}
    for name, rules in groups.items():
        if kind not in rules[0].types:
            continue
        response = Response(
            group=name,
            rules=tuple(rule.id for rule in rules),
            lowered_ms=min(rule.lowered_ms[kind, was_cancelled] for rule in rules),
            quiet_ms=min(rule.quiet_ms[kind] for rule in rules),
        )
        found.setdefault(rules[0].requires, []).append(response)
    return tuple(_responding(kind, required, responses) for required, responses in found.items())


def _responding(kind: str, required: Required, responses: Sequence[Response]) -> Responding:
    own = next(((least, most + 1) for name, least, most in required if name == kind), (0, FOREVER_MS + 1))
    return Responding(*own, tuple(one for one in required if one[0] != kind), tuple(responses))


def _manner(rule: Rule) -> tuple[tuple[bool, bool], ...]:
    """Return how a rule responds to events; all rules of a group respond alike."""
    return tuple((lowered > 0, rule.quiet_ms[kind] > 0) for (kind, _), lowered in rule.lowered_ms.items())


def grouped(rules: Sequence[Rule]) -> list[Rule]:
    """Group rules that read, require and react to the same types, and compete with the same rules.

    Groups are small, so that a due time evaluates few rules besides its own.
    """
    members: dict[Any, int] = {}
    names: dict[Any, str] = {}
    grouped = []
    for rule in rules:
        alike = (rule.types, rule.requires, _manner(rule), rule.conflict_group)
        place = members[alike] = members.get(alike, -1) + 1
        name = names.setdefault((alike, place // _GROUP_SIZE), str(len(names)))
        grouped.append(replace(rule, group=name))
    return grouped
