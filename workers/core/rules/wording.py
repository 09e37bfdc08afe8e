"""Conditions in plain English: the wording in `why`, in `linger rules explain` and in rules/README.md.

What a kind of condition says is in `workers.core.rules.kinds`; here is how combinations join it, and what `meets`
says. `workers.explain.sentences` words whole rules.
"""

from collections.abc import Sequence
from typing import Any

from schemas import conditions as model
from workers.core.phrases import Said, listed
from workers.core.rules.kinds import kind_of


def phrase(condition: Any) -> str:
    """Word a condition as in `why`."""
    return _phrase(condition, holds=True)


def negated(condition: Any) -> str:
    """Word the opposite of a condition."""
    return _phrase(condition, holds=False)


def said(condition: Any, *, holds: bool = True) -> Said:
    """Word one elementary condition, or with `holds` false its opposite.

    Raises:
        TypeError: for a combination (`all`, `any`, `not`), and for a value that is not a condition.
    """
    if isinstance(condition, model.Meets):
        verb, rest = "counts" if holds else "does not count", f'as "{condition.meets}"'
        return Said(f"{verb} {rest}", verb, rest)
    return kind_of(condition).said(condition, holds=holds)


def _phrase(condition: Any, *, holds: bool) -> str:
    match condition:
        case model.Not(not_=part):
            return _phrase(part, holds=not holds)
        case model.All(all=parts):
            return _joined(parts, "and" if holds else "or", holds)
        case model.Any_(any=parts):
            return _joined(parts, "or" if holds else "and", holds)
    return said(condition, holds=holds).phrase


def _joined(parts: Sequence[Any], word: str, holds: bool) -> str:
    texts = []
    for part in parts:
        text = _phrase(part, holds=holds)
        texts.append(f"({text})" if len(parts) > 1 and _parts_in(part) > 1 else text)
    return listed(texts, word)


def _parts_in(condition: Any) -> int:
    """Return the number of parts of a combination, ignoring levels with one part; 1 if elementary."""
    parts = model.parts_of(condition)
    return _parts_in(parts[0]) if len(parts) == 1 else len(parts) or 1
