"""When retention will have removed a record, by the settings of its topic. Pure.

Kafka deletes whole segments of a log: a segment goes `retention.ms` after the newest record in it. It takes further
records until it is `segment.ms` old or has `segment.bytes`. So a record is there until its time plus `retention.ms`,
and at most `segment.ms` longer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_SEGMENT_MS: Final = 7 * 86_400_000
"""Kafka's default of `segment.ms`."""
_HIDDEN: Final = "Kafka does not show this user the settings of the topic (DescribeConfigs)"
_COMPACTED: Final = "compacted: the newest record of a key stays until another one, or a tombstone, replaces it"
_UNLIMITED: Final = "retention.ms=-1: the topic keeps its records without limit"


@dataclass(frozen=True, slots=True)
class Removal:
    """When the last of some records is removed.

    Attributes:
        is_known: whether the topic's settings are known.
        begins_ms: the moment from which Kafka may delete it, in epoch milliseconds; None for never, or not known.
        ends_ms: the moment by which it is deleted, if the records behind it have right timestamps; likewise.
        because: the settings that say so, or why it is never or not known.
    """

    is_known: bool
    begins_ms: int | None
    ends_ms: int | None
    because: str

    @property
    def is_never(self) -> bool:
        """Whether retention never removes it."""
        return self.is_known and self.ends_ms is None


def removal_of(last_ms: int, config: Mapping[str, str] | None) -> Removal:
    """Return when the last of some records of a topic is removed.

    Args:
        last_ms: its time in Kafka, in epoch milliseconds.
        config: the topic's settings, None if Kafka does not show them.
    """
    if config is None:
        return Removal(is_known=False, begins_ms=None, ends_ms=None, because=_HIDDEN)
    if "delete" not in config.get("cleanup.policy", "delete"):
        return Removal(is_known=True, begins_ms=None, ends_ms=None, because=_COMPACTED)
    kept_ms = int(config.get("retention.ms", -1))
    if kept_ms < 0:
        return Removal(is_known=True, begins_ms=None, ends_ms=None, because=_UNLIMITED)
    segment_ms = int(config.get("segment.ms", _SEGMENT_MS))
    because = f"retention.ms={kept_ms}, segment.ms={segment_ms}"
    if int(config.get("retention.bytes", -1)) >= 0:
        because += f", retention.bytes={config['retention.bytes']} (may be earlier)"
    return Removal(
        is_known=True, begins_ms=last_ms + kept_ms, ends_ms=last_ms + kept_ms + segment_ms, because=because
    )
