"""What a processor did with one delivery."""

from dataclasses import dataclass
from typing import Final

from workers.kafka.records import SeekTo


@dataclass(frozen=True, slots=True)
class Processed:
    """The delivery is folded and durable: its offset can be acknowledged."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """The partition is not usable here: the delivery must not be acknowledged."""


ProcessResult = Processed | Dropped | SeekTo

PROCESSED: Final = Processed()
DROPPED: Final = Dropped()
