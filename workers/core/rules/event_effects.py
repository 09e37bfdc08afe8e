"""Event effects: which rules an event of each type can change, and for how long it can only delay them."""

from collections.abc import Mapping, Sequence

from workers.core.coverage import FOREVER_MS
from workers.core.rules.rule_set import Required, Responding, Response, Rule


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
