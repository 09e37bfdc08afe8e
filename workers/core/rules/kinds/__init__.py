"""The kinds of conditions, one module each: how it is compiled, when it holds, and its words.

Each kind has a second file with the same name in `schemas/conditions/`: how it is written. Everything above asks
`KINDS`, and knows no kind.
"""

from collections.abc import Mapping
from typing import Any, Final

from workers.core.rules.kind import Kind
from workers.core.rules.kinds import (
    after_then,
    after_without,
    average,
    change,
    compared,
    count,
    date,
    days_with,
    distinct,
    first,
    in_stage_for,
    known_for,
    last,
    latest,
    moved,
    none,
    overdue,
    stage,
    status,
    sum,
    value,
)

KINDS: Final[Mapping[str, Kind]] = {
    kind.word: kind
    for kind in (
        after_then.KIND,
        after_without.KIND,
        average.KIND,
        change.KIND,
        count.KIND,
        date.KIND,
        distinct.KIND,
        days_with.KIND,
        first.KIND,
        in_stage_for.KIND,
        known_for.KIND,
        last.KIND,
        latest.KIND,
        moved.KIND,
        none.KIND,
        overdue.KIND,
        stage.KIND,
        status.KIND,
        compared.KIND,
        sum.KIND,
        value.KIND,
    )
}
"""Every kind of condition, by its word."""

_BY_MODEL: Final = {kind.model: kind for kind in KINDS.values()}


def kind_of(when: Any) -> Kind:
    """Return the kind of an elementary condition.

    Args:
        when: as in `schemas.conditions`.

    Raises:
        TypeError: for a combination, for `meets`, and for what is no condition.
    """
    kind = _BY_MODEL.get(type(when))
    if kind is None:
        raise TypeError(f"no elementary condition: {when!r}")
    return kind
