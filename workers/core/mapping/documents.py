"""The documents of a source's records, by its format and its envelopes. Pure."""

import json
from collections.abc import Callable
from typing import Any, Final

from schemas.events import InvalidEvent, read_json
from schemas.sources import Source, Unwrap
from workers.core.mapping.cases import names_op
from workers.core.mapping.envelopes import Envelope, Item, Read, compile_unwrap
from workers.core.mapping.fields import Reread
from workers.core.mapping.places import steps_of
from workers.core.mapping.record import SourceRecord
from workers.core.mapping.skipped import Skipped
from workers.core.mapping.words import shown

Documents = Callable[[SourceRecord], list[Item | Skipped | InvalidEvent]]
"""`documents(record)` -> one entry an item; raises `InvalidEvent` if the record as a whole cannot be read."""

_NOTHING: Final = Skipped("tombstone")


def compile_documents(source: Source, read: Read | None = None) -> Documents:
    """Return what reads the documents of a record of a source that is not canonical.

    Args:
        source: a validated source.
        read: reads the value of a record; None for JSON.
    """
    read = compile_reader(source, read)
    if source.unwrap:
        conditions = [source.only_when, *(case.only_when for case in source.cases())]
        envelopes = [envelope_of(step) for step in source.unwrap]
        return compile_unwrap(envelopes, read, names_op=any(map(names_op, conditions)))

    def documents(record: SourceRecord) -> list[Item | Skipped | InvalidEvent]:
        if record.value is None:
            return [_NOTHING]
        document = read(record)
        if document.__class__ is not dict:
            raise not_an_object(document)
        return [Item(document, document)]

    return documents


def compile_reader(source: Source, read: Read | None = None) -> Read:
    """Return what reads the value of a record by the format of its source.

    Raises:
        ValueError: if the format needs a reader that is not given.
    """
    if read is not None:
        return read
    if source.format != "json":
        raise ValueError(f"source '{source.name}' has the format {source.format}, which needs a reader of its own")
    return lambda record: read_json(record.value)


def reread_of(source: Source, read: Read | None) -> Reread | None:
    """Return what reads a record again with whole numbers of any length; None if that is not possible."""
    if read is not None or source.unwrap:
        return None
    return lambda record: json.loads(record.value or b"")


def envelope_of(step: Unwrap) -> Envelope:
    """Return a word of `unwrap` with its path split."""
    return Envelope(step.kind, () if step.path is None else steps_of(step.path))


def not_an_object(document: Any) -> InvalidEvent:
    """Return the refusal of a document that is no JSON object."""
    return InvalidEvent("not_an_object", f"expected a JSON object, found {shown(document)}")
