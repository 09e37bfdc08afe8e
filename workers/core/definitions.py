"""Named conditions: what `meets` stands for, written out."""

from collections.abc import Mapping
from typing import Any

from schemas.conditions import Meets, replaced

__all__ = ["expanded"]


def expanded(condition: Any, define: Mapping[str, Any]) -> Any:
    """Return a condition in which every `meets` is replaced by what it stands for, however deep.

    Args:
        condition: as it was written.
        define: named conditions, which may name one another; of a book without problems, so that no name is
            missing, none leads back to itself, and what comes out is no larger than a rule may be.

    Raises:
        KeyError: for a name that nobody defined.
    """

    def meant(meets: Meets) -> Any:
        return expanded(define[meets.meets], define)

    return replaced(condition, meant)
