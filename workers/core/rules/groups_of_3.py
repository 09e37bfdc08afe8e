"""Groups of rules as stored layout 3 names them. The hash of a rule set contains the names, so they never change.

The release that decided with these groups put rules together that read and require the same types, compete with the
same rules, and answer to events in the same manner: whether an event of a type can make the condition truer at once,
and whether the condition is certainly not true for a while after one.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from schemas import conditions as model
from workers.core.rules.kinds import kind_of
from workers.core.rules.rule_set import Rule

_GROUP_SIZE: Final = 4


def grouped(rules: Sequence[Rule]) -> list[Rule]:
    """Return the rules with the names of their groups, each of at most four rules.

    Args:
        rules: in the order of their ids.
    """
    members: dict[Any, int] = {}
    names: dict[Any, str] = {}
    found = []
    for rule in rules:
        alike = (rule.types, rule.requires, _manner(rule), rule.conflict_group)
        place = members[alike] = members.get(alike, -1) + 1
        name = names.setdefault((alike, place // _GROUP_SIZE), str(len(names)))
        found.append(replace(rule, group=name))
    return found


def _manner(rule: Rule) -> tuple[tuple[bool, bool], ...]:
    """Return by type, and whether the customer had cancelled, whether its events only lower, and are quiet."""
    quiet = quiet_after(rule.when)
    rising = [raised_at_once(rule.when, was_cancelled) for was_cancelled in (False, True)]
    return tuple((name not in raised, name in quiet) for name in sorted(rule.types) for raised in rising)


def raised_at_once(when: Any, was_cancelled: bool, *, raises: bool = True) -> set[str]:
    """Return the types whose event could make a condition truer at once.

    Args:
        when: as written, without `meets`.
        was_cancelled: whether the customer had cancelled before the event.
        raises: false for the types that could make it less true.
    """
    if isinstance(when, model.Not):
        return raised_at_once(when.not_, was_cancelled, raises=not raises)
    if parts := model.parts_of(when):
        return set[str]().union(*(raised_at_once(part, was_cancelled, raises=raises) for part in parts))
    kind = kind_of(when)
    if kind.changes_at_once is not None:
        return kind.changes_at_once(when, was_cancelled, raises)
    return kind.can_turn_true(when) if raises else kind.can_turn_false(when)


def quiet_after(when: Any) -> set[str]:
    """Return the types after whose event a condition is certainly not true for a while; `not` is never certain."""
    if isinstance(when, model.Not):
        return set()
    if parts := model.parts_of(when):
        quiet = [quiet_after(part) for part in parts]
        return quiet[0].union(*quiet) if isinstance(when, model.All) else quiet[0].intersection(*quiet)
    return kind_of(when).quiet_after(when)
