"""A source record and its source -> canonical events, checked one by one.

A source is compiled once; each record then costs one parse, a few dictionary steps and one validation an event.
Knows no clock (the latest plausible moment is an argument), no logs and no Kafka: a record is a plain tuple here.

Codes of refusal beyond those of `schemas.events` and of `envelopes`: `bad_text` (a key or header that is not UTF-8),
`find_failed` (an expression that fails), `unknown_decimals` (an amount in minor units of a currency whose decimals
are not known) and `unexpected_type` (a canonical topic brought a type that its source does not list).
"""

from collections.abc import Callable, Collection
from datetime import datetime

from schemas.events import Event, InvalidEvent, parse_event
from schemas.sources import Source
from workers.core.mapping.cases import compile_cases
from workers.core.mapping.documents import ReadValue, compile_documents, reread_of
from workers.core.mapping.envelopes import Item
from workers.core.mapping.history import named_ms, with_history
from workers.core.mapping.places import Context
from workers.core.mapping.record import SourceRecord
from workers.core.mapping.skipped import Skipped

Mapper = Callable[[SourceRecord, datetime], Event | None]
"""`mapper(record, latest)` -> the event, or None for a record that is skipped: by `only_when`, or as a tombstone.

`latest` is the latest plausible moment, aware; a later event is refused. Raises `InvalidEvent` and nothing else, for
any bytes. Two calls with the same record give the same event.
"""

ManyMapper = Callable[[SourceRecord, datetime], list[Event | Skipped | InvalidEvent]]
"""The same with one entry an item; raises `InvalidEvent` if the record as a whole cannot be read."""


def compile_source(
    source: Source, declared: Collection[str], hash_key: bytes | None = None, read_value: ReadValue | None = None
) -> Mapper:
    """Compile a source whose records are one event each.

    A tombstone (a record without a value) deletes its key from a compacted topic. It is no event, and is skipped.

    Args:
        source: a validated source.
        declared: the event types declared beyond the built-in ones.
        hash_key: the key of `hashed`; needed if a place says so.
        read_value: reads the value of a record, for formats whose schemas are in a registry.

    Raises:
        ValueError: if one record can be several events, or a key or reader is missing.
    """
    if source.format == "canonical":
        return _canonical_mapper(source, tuple(declared))
    if source.has_many():
        raise ValueError(f"one record of source '{source.name}' can become several events")
    many = compile_source_of_many(source, declared, hash_key, read_value)

    def mapper(record: SourceRecord, latest: datetime) -> Event | None:
        (result,) = many(record, latest)
        if isinstance(result, InvalidEvent):
            raise result
        return None if isinstance(result, Skipped) else result

    return mapper


def compile_source_of_many(
    source: Source, declared: Collection[str], hash_key: bytes | None = None, read_value: ReadValue | None = None
) -> ManyMapper:
    """Compile any source; the arguments are those of `compile_source`."""
    if source.format == "canonical":
        one = _canonical_mapper(source, tuple(declared))
        return lambda record, latest: [one(record, latest) or Skipped("tombstone")]
    documents = compile_documents(source, read_value)
    cases = compile_cases(source, declared, Context(hash_key), reread_of(source, read_value))
    is_many, before_ms = source.has_many(), named_ms(source)

    def map_item(item: Item, record: SourceRecord, latest: datetime) -> Event | Skipped:
        case = cases.choose(item.document, record, item.no_activity)
        if isinstance(case, Skipped):
            return case
        event = case.build(case.find(item.document, record), latest)
        return with_history(
            event, before_ms, is_snapshot=item.is_history, written_ms=record.timestamp_ms, latest=latest
        )

    def mapper(record: SourceRecord, latest: datetime) -> list[Event | Skipped | InvalidEvent]:
        results: list[Event | Skipped | InvalidEvent] = []
        for number, item in enumerate(documents(record)):
            if not isinstance(item, Item):
                results.append(item)
                continue
            own = record._replace(item=number, whole=item.whole) if is_many else record
            try:
                results.append(map_item(item, own, latest))
            except InvalidEvent as error:
                results.append(error)
        return results

    return mapper


def _canonical_mapper(source: Source, types: tuple[str, ...]) -> Mapper:
    expected, before_ms = frozenset(source.events), named_ms(source)

    def mapper(record: SourceRecord, latest: datetime) -> Event | None:
        if record.value is None:
            return None
        event = parse_event(record.value, types=types, latest=latest)
        if event.type not in expected:
            listed = ", ".join(sorted(expected))
            raise InvalidEvent(
                "unexpected_type", f"'type' is '{event.type}'; {source.name} is to bring {listed}", field="type"
            )
        return with_history(event, before_ms, is_snapshot=False, written_ms=0, latest=latest)

    return mapper
