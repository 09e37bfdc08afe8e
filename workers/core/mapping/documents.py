"""The documents of a source's records, by its format and its envelopes. Pure."""

import json
from collections.abc import Callable
from typing import Any, Final

from schemas.events import InvalidEvent, read_json
from schemas.sources import Source, Unwrap
from workers.core.formats.confluent import BODY_AT, REGISTRY_FORMATS
from workers.core.formats.snowplow import read_enriched_event
from workers.core.mapping.cases import names_op
from workers.core.mapping.envelopes import Envelope, Item, compile_unwrap
from workers.core.mapping.fields import Reread
from workers.core.mapping.places import steps_of
from workers.core.mapping.record import SourceRecord
from workers.core.mapping.skipped import Skipped
from workers.core.mapping.words import shown

ReadValue = Callable[[bytes | None], Any]
"""`read_value(raw)` -> the document in the value of a record; raises `InvalidEvent` and nothing else."""

Documents = Callable[[SourceRecord], list[Item | Skipped | InvalidEvent]]
"""`documents(record)` -> one entry an item; raises `InvalidEvent` if the record as a whole cannot be read."""

_NOTHING: Final = Skipped("tombstone")


def compile_documents(source: Source, read_value: ReadValue | None = None) -> Documents:
    """Return what reads the documents of a record; arguments and errors as for `compile_reader`."""
    read = compile_reader(source, read_value)
    if source.unwrap:
        conditions = [source.only_when, *(case.only_when for case in source.cases())]
        envelopes = [envelope_of(step) for step in source.unwrap]
        return compile_unwrap(envelopes, lambda record: read(record.value), names_op=any(map(names_op, conditions)))

    def documents(record: SourceRecord) -> list[Item | Skipped | InvalidEvent]:
        if record.value is None:
            return [_NOTHING]
        document = read(record.value)
        if document.__class__ is not dict:
            raise not_an_object(document)
        return [Item(document, document)]

    return documents


def compile_reader(source: Source, read_value: ReadValue | None = None) -> ReadValue:
    """Return what reads the value of a record by the format of its source.

    Args:
        source: a source that is not canonical.
        read_value: goes before that of the format; needed for a format whose schemas are in a registry.

    Raises:
        ValueError: if the format needs a reader that is not given.
    """
    if read_value is not None:
        return read_value
    if source.format in REGISTRY_FORMATS:
        raise ValueError(
            f"source '{source.name}' has the format {source.format}: its records are read only as they are in Kafka, "
            "with the schema registry that LINGER_SCHEMA_REGISTRY_URL names"
        )
    return read_enriched_event if source.format == "snowplow-tsv" else read_json


def reread_of(source: Source, read_value: ReadValue | None) -> Reread | None:
    """Return what reads a record again with whole numbers of any length; None if that is not possible."""
    if source.unwrap or source.format == "snowplow-tsv":
        return None
    if source.format == "avro" and read_value is not None:
        return lambda record: read_value(record.value)  # its numbers are exact
    body = BODY_AT if source.format == "json-schema" else 0
    return lambda record: json.loads((record.value or b"")[body:])


def envelope_of(step: Unwrap) -> Envelope:
    """Return a word of `unwrap` with its path split."""
    return Envelope(step.kind, () if step.path is None else steps_of(step.path))


def not_an_object(document: Any) -> InvalidEvent:
    """Return the refusal of a document that is no JSON object."""
    return InvalidEvent("not_an_object", f"expected a JSON object, found {shown(document)}")
