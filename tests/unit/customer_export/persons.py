"""Small builders of exports: a person with what Redis and Kafka hold of them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiokafka import ConsumerRecord

from workers.customer_export.document import Export, KnownState, export_of
from workers.customer_export.from_kafka import FoundRecord, InKafka, SearchedTopic
from workers.customer_export.from_redis import InRedis
from workers.kafka.topics import LogBounds

AT_MS: Final = 1_704_067_200_000
"""2024-01-01T00:00:00Z."""


def kafka_record(
    name: str,
    value: Mapping[str, Any] | bytes | None,
    *,
    key: bytes | None = b"ada",
    headers: Sequence[tuple[str, bytes | None]] = (),
    offset: int = 0,
    at_ms: int = AT_MS,
) -> ConsumerRecord:
    """Return a record of one of Linger's topics."""
    raw = value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
    return ConsumerRecord(f"linger.{name}", 0, offset, at_ms, 0, key, raw, None, 0, 0, tuple(headers))


def found_in(name: str, *records: ConsumerRecord, matched_by: str = "key") -> SearchedTopic:
    """Return a topic in which these records were found."""
    found = [FoundRecord(name, matched_by, record) for record in records]
    return SearchedTopic(name, f"linger.{name}", ranges={0: LogBounds(0, 9)}, found=found)


def exported(
    customer_id: str = "ada",
    *topics: SearchedTopic,
    state: KnownState | None = None,
    following: dict[str, Any] | None = None,
    problems: Sequence[str] = (),
    is_cut: bool = False,
    **stored: Any,
) -> Export:
    """Return the export of a person."""
    return export_of(
        InRedis(customer_id, 0, **stored),
        InKafka(list(topics), is_cut),
        state,
        following,
        problems=problems,
        at_ms=AT_MS,
        release="0.0.0",
        published=("at-risk", "win-back", "decisions"),
    )
