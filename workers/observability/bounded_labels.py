"""Names that senders choose, as values of metric labels: at most some of them, so that no sender fills the memory."""

from typing import Final

OTHERS: Final = "(others)"
"""The label of every name beyond the first ones."""

_LONGEST: Final = 64


class BoundedLabels:
    """Lets the first names of each group through; every further one becomes `OTHERS`.

    Args:
        most: how many names a group can have.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._names: dict[str, set[str]] = {}

    def label(self, group: str, name: str) -> str:
        """Return the label of a name: the name itself, cut to 64 characters, or `OTHERS`."""
        name = name[:_LONGEST]
        known = self._names.setdefault(group, set())
        if name not in known:
            if len(known) >= self._most:
                return OTHERS
            known.add(name)
        return name
