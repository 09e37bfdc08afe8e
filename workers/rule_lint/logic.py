"""Logic of conditions: which can never be true together, and which follow from others.

Conditions are divided into claims, and claims are compared in pairs. Each result is certain, but some contradictions
are missed, which is acceptable for warnings. Pure: this module must never know files.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, Final, NamedTuple

from workers.core.rules.claims import Claim, exclude_each_other, follows_from
from workers.core.rules.kinds import kind_of

MAX_ALTERNATIVES: Final = 64


class Literal(NamedTuple):
    """An elementary condition, or the opposite of one.

    Attributes:
        condition: the condition.
        holds: False for the opposite.
        origin: where it comes from; only the caller uses it.
    """

    condition: Any
    holds: bool
    origin: Any = None


Tree = tuple[str, "list[Tree]"] | Literal
"""`("all", parts)`, `("any", parts)` or a literal; negations are moved down to the literals."""


def alternatives(tree: Tree) -> list[list[Literal]] | None:
    """Return the alternatives in which a tree is true, each as literals that are true together.

    None if there are more than `MAX_ALTERNATIVES`.
    """
    if isinstance(tree, Literal):
        return [[tree]]
    word, parts = tree
    combined: list[list[Literal]] = [[]] if word == "all" else []
    for of_part in [alternatives(part) for part in parts]:
        if of_part is None:
            return None
        if word == "all":
            combined = [literals + more for literals, more in product(combined, of_part)]
        else:
            combined += of_part
        if len(combined) > MAX_ALTERNATIVES:
            return None
    return combined


def conflict(literals: Sequence[Literal]) -> tuple[Literal, Literal] | None:
    """Return the first two literals that exclude each other, in their order, or None."""
    claims = [list(_claims(literal)) for literal in literals]
    for later, literal in enumerate(literals):
        for earlier in range(later):
            other = literals[earlier]
            is_opposite = other.condition == literal.condition and other.holds != literal.holds
            if is_opposite or any(exclude_each_other(*pair) for pair in product(claims[earlier], claims[later])):
                return other, literal
    return None


def follows(conclusion: Sequence[Literal], given: Sequence[Literal]) -> bool:
    """Return whether all of `conclusion` is certainly true whenever all of `given` is."""
    premises = [claim for literal in given for claim in _claims(literal)]
    for literal in conclusion:
        if any(literal[:2] == other[:2] for other in given):
            continue
        if not kind_of(literal.condition).says_only_its_claims(literal.condition, literal.holds):
            return False
        if not all(any(follows_from(claim, other) for other in premises) for claim in _claims(literal)):
            return False
    return True


def _claims(literal: Literal) -> Iterator[Claim]:
    """Yield the claims of a literal; nothing for a condition that is too complex."""
    yield from kind_of(literal.condition).claims(literal.condition, literal.holds)
