"""A record that may hold several items -> one entry for each. Pure."""

from collections.abc import Callable, Collection

import msgspec

from schemas.events import InvalidEvent, read_json
from schemas.sources import Source
from workers.core.events.fast_mapping import Canonical, compile_converter
from workers.core.events.mapping import SourceRecord
from workers.core.mapping.envelopes import Envelope, Item, compile_unwrap
from workers.core.mapping.skipped import Skipped

ManyConverter = Callable[[SourceRecord, int], list[Canonical | Skipped | InvalidEvent]]


def compile_many(source: Source, declared: Collection[str], hash_key: bytes | None = None) -> ManyConverter:
    """Compile a source whose records may hold several events."""
    envelopes = [
        Envelope(step.kind, tuple((step.path or "").split(".")) if step.path else ()) for step in source.unwrap
    ]
    unwrap = compile_unwrap(envelopes, lambda record: read_json(record.value))
    convert_one = compile_converter(source, declared)

    def convert(record: SourceRecord, latest_ms: int) -> list[Canonical | Skipped | InvalidEvent]:
        entries: list[Canonical | Skipped | InvalidEvent] = []
        for entry in unwrap(record):
            if not isinstance(entry, Item):
                entries.append(entry)
                continue
            try:
                event = convert_one(record._replace(value=msgspec.json.encode(entry.document)), latest_ms)
                entries.append(Skipped("only_when") if event is None else event)
            except InvalidEvent as error:
                entries.append(error)
        return entries

    return convert
