"""The mark that a rebuild keeps in a partition's `meta` until that partition is finished. Pure.

A worker leaves a marked partition alone; a later rebuild reads from the mark what the interrupted one knew.
"""

from dataclasses import dataclass, replace
from typing import Final

_RULES_KNOWN: Final = "rules-known"
_RULES_LOST: Final = "rules-lost"
_WIPING: Final = "wiping "
_COUNTING: Final = "counting "


@dataclass(frozen=True, slots=True)
class RebuildMark:
    """What was known of a partition when its rebuild began.

    Attributes:
        rules_lost: Redis no longer held when each rule was activated.
        decided_ms: latest time up to which workers certainly decided and published, epoch milliseconds.
        is_wiping: the old state is still being deleted, so nothing of the partition can be used.
        counts: Redis held no figures of experiments of the partition, so they are counted again. Those that it holds
            are left as they are, because a replay does not decide all that workers have decided.
    """

    rules_lost: bool
    decided_ms: int
    is_wiping: bool = False
    counts: bool = False

    @classmethod
    def parse(cls, text: str) -> "RebuildMark":
        """Return the mark that `encode` wrote.

        Raises:
            ValueError: if the text is not a mark.
        """
        rest = text.removeprefix(_WIPING)
        kind, _, decided_ms = rest.removeprefix(_COUNTING).rpartition(":")
        return cls(kind == _RULES_LOST, int(decided_ms), text.startswith(_WIPING), rest.startswith(_COUNTING))

    def encode(self) -> str:
        """Return the text that is stored; `parse` returns an equal mark."""
        kind = _RULES_LOST if self.rules_lost else _RULES_KNOWN
        counting = _COUNTING if self.counts else ""
        return f"{_WIPING if self.is_wiping else ''}{counting}{kind}:{self.decided_ms}"

    def while_wiping(self) -> "RebuildMark":
        """Return the mark to store until the old state is deleted."""
        return replace(self, is_wiping=True)
