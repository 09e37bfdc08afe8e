"""The results of processing one delivery."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Processed:
    """The delivery is folded and durable: its offset can be acknowledged."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """The partition is not usable here: the delivery must not be acknowledged."""


@dataclass(frozen=True, slots=True)
class SeekTo:
    """The delivery does not continue the stored state: the partition must be read again.

    Attributes:
        offset: the next offset to read.
    """

    offset: int


ProcessResult = Processed | Dropped | SeekTo

PROCESSED: Final = Processed()
DROPPED: Final = Dropped()
