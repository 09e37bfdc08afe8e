"""A record of a source topic, as a plain tuple. Pure."""

from collections.abc import Sequence
from typing import Any, NamedTuple


class SourceRecord(NamedTuple):
    """One record of a source topic, as Kafka returned it, or one item of it.

    Attributes:
        topic: the topic's name.
        partition: number of the partition.
        offset: its offset there.
        timestamp_ms: Kafka's timestamp, epoch milliseconds.
        key: the key, None without one.
        value: the value, None for a tombstone.
        headers: names and values, in order; names may repeat.
        item: the number of the item, if the record can have several; None for a record that is one.
        whole: the document from which `unwrap: each` took the item; None for a record that is one.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    item: int | None = None
    whole: Any = None
