"""Whole conditions of rules, with `all`, `any` and `not` in them: compiled, and what is asked of them as written.

Every `meets` has already been replaced by the condition that it names. What a kind of condition answers is in
`workers.core.rules.kinds`; here is only how combinations put the answers together.
"""

from collections.abc import Callable, Container, Iterable
from operator import attrgetter
from typing import Any, Final

from schemas import conditions as model
from workers.core.conditions import combinations
from workers.core.conditions.condition import Condition
from workers.core.customer.customer import Customer
from workers.core.customer.specs import Specs
from workers.core.rules.binding import Binding
from workers.core.rules.kind import Kind
from workers.core.rules.kinds import kind_of

_Asked = Callable[[Kind], Callable[[Any], set[str]]]

_Numbers = Callable[[Kind], Callable[[Any], dict[str, int]]]
_Chosen = Callable[[Iterable[int]], int]

_NOBODY: Final = Customer([], 0, 0, 0)
"""Nothing of this customer is read while it is collected what conditions need."""

_READ: Final[_Asked] = attrgetter("types")
_TURN_FALSE: Final[_Asked] = attrgetter("can_turn_false")
_TURN_TRUE: Final[_Asked] = attrgetter("can_turn_true")
_LEAST: Final[_Numbers] = attrgetter("least_events")
_MOST: Final[_Numbers] = attrgetter("most_events")


def compile_whole(when: Any, binding: Binding) -> Condition:
    """Compile a condition for the customer of a rule set.

    Args:
        when: as in `schemas.conditions`, without `meets`.
        binding: of the rule; its places are given to the elementary conditions in the rule's order.

    Raises:
        TypeError: for what is no condition.
    """
    match when:
        case model.All(all=parts):
            return combinations.All([compile_whole(part, binding) for part in parts])
        case model.Any_(any=parts):
            return combinations.Any([compile_whole(part, binding) for part in parts])
        case model.Not(not_=part):
            binding.negations += 1
            compiled = combinations.Not(compile_whole(part, binding))
            binding.negations -= 1
            return compiled
    return kind_of(when).compile(when, binding)


def collect(when: Any, specs: Specs) -> None:
    """Require everything that a condition reads, so that a customer with room for it can be made.

    Args:
        when: as for `compile_whole`.
        specs: what is kept; changed.
    """
    compile_whole(when, Binding(_NOBODY, specs, collects=True))


def types_of(when: Any, declared: Container[str] = ()) -> set[str]:
    """Return the event types that can change the truth of a written condition.

    Args:
        when: as for `compile_whole`.
        declared: all event types; one that a kind reads only where it is declared is left out if it is missing here.
    """
    return _types(when, declared, _READ, _READ)


def can_turn_false(when: Any, declared: Container[str] = ()) -> set[str]:
    """Return the types whose unseen events could turn a condition from true to false; arguments as for `types_of`.

    Of a combination, sometimes more types than necessary, never fewer.
    """
    return _types(when, declared, _TURN_FALSE, _TURN_TRUE)


def can_turn_true(when: Any, declared: Container[str] = ()) -> set[str]:
    """Return the types whose unseen events could turn it from false to true; arguments as for `types_of`."""
    return _types(when, declared, _TURN_TRUE, _TURN_FALSE)


def least_events(when: Any) -> dict[str, int]:
    """Return by event type the fewest seen events with which a written condition can be true."""
    return _numbers(when, _LEAST, max, min)


def most_events(when: Any) -> dict[str, int]:
    """Return by event type the most seen events with which a written condition can be true."""
    return _numbers(when, _MOST, min, max)


def reads_tenure(when: Any) -> bool:
    """Return whether a written condition reads since when the customer is known."""
    if parts := model.parts_of(when):
        return any(map(reads_tenure, parts))
    return kind_of(when).reads_tenure


def reads_ladder(when: Any) -> bool:
    """Return whether a written condition reads where the customer stands."""
    if parts := model.parts_of(when):
        return any(map(reads_ladder, parts))
    return kind_of(when).reads_ladder


def _types(when: Any, declared: Container[str], asked: _Asked, inside_not: _Asked) -> set[str]:
    if isinstance(when, model.Not):
        return _types(when.not_, declared, inside_not, asked)
    if parts := model.parts_of(when):
        return set[str]().union(*(_types(part, declared, asked, inside_not) for part in parts))
    kind = kind_of(when)
    return {name for name in asked(kind)(when) if name not in kind.where_declared or name in declared}


def _numbers(when: Any, asked: _Numbers, of_all: _Chosen, of_any: _Chosen) -> dict[str, int]:
    if isinstance(when, model.Not):
        return {}
    if parts := model.parts_of(when):
        numbers = [_numbers(part, asked, of_all, of_any) for part in parts]
        if isinstance(when, model.All):
            return {name: of_all(one[name] for one in numbers if name in one) for name in set[str]().union(*numbers)}
        return {name: of_any(one[name] for one in numbers) for name in set(numbers[0]).intersection(*numbers)}
    return asked(kind_of(when))(when)
