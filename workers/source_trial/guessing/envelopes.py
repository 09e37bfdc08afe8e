"""What is around the event in a record: an envelope, a batch, a text in base64, a registry's wire format."""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from workers.core.events.mapping import SourceRecord
from workers.source_trial.guessing.leaves import Step, words_of, written_path

__all__ = ["Envelope", "find_envelope"]

_WIRE_BYTES: Final = 5
_FEWEST_SNOWPLOW_TABS: Final = 100
_BATCHES: Final = frozenset({"batch", "events", "records", "messages", "notifications", "entries", "logs"})
_BATCHES_BY_LAST: Final = frozenset({"events", "records", "messages", "items"})
_NO_BATCHES: Final = frozenset({"line", "lines", "order", "cart", "product", "products", "basket", "invoice"})
_OF_AN_EVENT: Final = frozenset({"event", "type", "time", "timestamp", "date", "published", "uuid", "occurred"})
_DEEPEST: Final = 3
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}\s*")
_DATA_CAPTURE: Final = {"before", "after"}


@dataclass(slots=True)
class Envelope:
    """What was recognised around the events.

    Attributes:
        format: of the source, as `sources.yaml` writes it.
        unwrap: the values of `unwrap`, each as YAML, in the order in which they are applied.
        why: what was recognised, one sentence each.
        documents: what a mapping sees, one for each item of a record.
        records: by document, the number of its record.
        unreadable: numbers of records in which no document was found, with what is known of why.
    """

    format: str = "json"
    unwrap: list[str] = field(default_factory=list)
    why: list[str] = field(default_factory=list)
    documents: list[Any] = field(default_factory=list)
    records: list[int] = field(default_factory=list)
    unreadable: dict[int, str] = field(default_factory=dict)

    @property
    def is_data_capture(self) -> bool:
        """Whether records are the changes of a database's rows."""
        return "debezium" in self.unwrap


def find_envelope(records: Sequence[SourceRecord]) -> Envelope:
    """Recognise what is around the events of these records, and take it off."""
    envelope = Envelope()
    values = {number: record for number, record in enumerate(records) if record.value is not None}
    documents = _documents(values, envelope)
    if envelope.format in ("avro", "snowplow-tsv") or not documents:
        return envelope
    steps = (_text_in_base64, _cloudevents, _debezium, _list_of_events, _base64_inside)
    for step in steps:
        documents = step(documents, values, envelope)
    envelope.records = [number for number, _ in documents]
    envelope.documents = [document for _, document in documents]
    return envelope


_Documents = list[tuple[int, Any]]


def _documents(values: Mapping[int, SourceRecord], envelope: Envelope) -> _Documents:
    found: _Documents = []
    for number, record in values.items():
        raw = record.value or b""
        if raw[:1] == b"\0" and len(raw) > _WIRE_BYTES:
            raw = raw[_WIRE_BYTES:]
            envelope.format = "json-schema" if raw[:1] == b"{" else "avro"
        elif raw.count(b"\t") >= _FEWEST_SNOWPLOW_TABS and raw[:1] not in (b"{", b"["):
            envelope.format = "snowplow-tsv"
            continue
        try:
            found.append((number, json.loads(raw)))
        except (ValueError, RecursionError):
            envelope.unreadable[number] = f"no JSON; it begins with {raw[:20]!r}"
    if envelope.format in ("avro", "json-schema"):
        envelope.why.append(
            "values begin as a schema registry's do (byte 0, then the number of a schema): set "
            "LINGER_SCHEMA_REGISTRY_URL to read them"
        )
    return found


def _text_in_base64(documents: _Documents, _: Mapping[int, SourceRecord], envelope: Envelope) -> _Documents:
    decoded = [(number, _decoded(document)) for number, document in documents]
    if not decoded or any(document is None for _, document in decoded):
        return documents
    envelope.unwrap.append("base64")
    envelope.why.append("every value is a text in base64 with JSON in it")
    return decoded


def _cloudevents(documents: _Documents, records: Mapping[int, SourceRecord], envelope: Envelope) -> _Documents:
    def is_structured(document: Any) -> bool:
        return isinstance(document, dict) and {"specversion", "id", "source", "type"} <= document.keys()

    def attributes(record: SourceRecord) -> dict[str, str]:
        return {
            name.lower()[3:]: value.decode(errors="replace")
            for name, value in record.headers
            if name.lower().startswith("ce_") and value is not None
        }

    in_headers = {number: attributes(records[number]) for number, _ in documents}
    binary = [number for number, found in in_headers.items() if "specversion" in found]
    if not documents or not all(
        is_structured(document) or number in binary for number, document in documents
    ):
        return documents
    envelope.unwrap.append("cloudevents")
    how = "in headers that begin with ce_" if binary else "at the top of the body"
    envelope.why.append(f"CloudEvents: specversion, id, source and type are {how}")
    return [
        (number, {**in_headers[number], "data": document} if number in binary else document)
        for number, document in documents
    ]


def _debezium(documents: _Documents, _: Mapping[int, SourceRecord], envelope: Envelope) -> _Documents:
    def inner(document: Any) -> Any:
        if isinstance(document, dict) and "schema" in document and isinstance(document.get("payload"), dict):
            return document["payload"]
        return document

    def is_change(document: Any) -> bool:
        return isinstance(document, dict) and "op" in document and bool(_DATA_CAPTURE & document.keys())

    opened = [(number, inner(document)) for number, document in documents]
    if not opened or not all(is_change(document) for _, document in opened):
        return documents
    envelope.unwrap.append("debezium")
    wrapped = sum(inner(document) is not document for _, document in documents)
    envelope.why.append(f"Debezium: op, before and after, {'with' if wrapped else 'without'} their schema")
    return opened


def _list_of_events(documents: _Documents, _: Mapping[int, SourceRecord], envelope: Envelope) -> _Documents:
    if any(isinstance(document, list) for _, document in documents):
        envelope.unwrap.append("each")
        envelope.why.append("a value is a list: each entry is an event")
        return [
            (number, item)
            for number, document in documents
            for item in (document if isinstance(document, list) else [document])
        ]
    batches = {steps for _, document in documents for steps in _batches(document, ())}
    if len(batches) != 1:
        return documents
    steps = batches.pop()
    path = written_path(steps)
    items: _Documents = []
    for number, document in documents:
        found = document
        for step in steps:
            found = found.get(step) if isinstance(found, dict) else None
        items.extend((number, item) for item in (found if isinstance(found, list) else [document]))
    envelope.unwrap.append(f"{{each: {path}}}")
    most = max((sum(number == own for own, _ in items) for number, _ in documents), default=1)
    envelope.why.append(f"'{path}' is a list of events, of up to {most} in one record")
    return items


def _batches(document: Any, steps: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
    """Yield where a document has a list of events: a list of objects that look like events themselves."""
    if not isinstance(document, dict) or len(steps) > _DEEPEST:
        return
    for name, value in document.items():
        if isinstance(value, list):
            words = words_of(name)
            named = name.lower() in _BATCHES or (
                bool(words) and words[-1] in _BATCHES_BY_LAST and len(words) > 1 and not _NO_BATCHES & {*words}
            )
            if named and value and all(isinstance(item, dict) for item in value) and _is_event(value[0]):
                yield (*steps, name)
        else:
            yield from _batches(value, (*steps, name))


def _is_event(item: Mapping[str, Any]) -> bool:
    if len(item) == 1 and isinstance(inner := next(iter(item.values())), dict):
        item = inner  # each entry is wrapped in a name of its own
    words = {word for name in item for word in words_of(name)}
    return bool(words & _OF_AN_EVENT) or len(item) >= 4


def _base64_inside(documents: _Documents, _: Mapping[int, SourceRecord], envelope: Envelope) -> _Documents:
    paths = [set(_coded(document, ())) for _, document in documents]
    common = set.intersection(*paths) if paths else set()
    if len(common) != 1:
        return documents
    steps = common.pop()
    path = written_path(steps)
    envelope.unwrap.append(f"{{base64: {path}}}")
    envelope.why.append(f"the text at '{path}' is base64 with JSON in it, which takes its place")
    return [(number, _replaced(document, steps)) for number, document in documents]


def _coded(value: Any, steps: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
    if isinstance(value, dict) and len(steps) <= _DEEPEST:
        for name, inner in value.items():
            yield from _coded(inner, (*steps, name))
    elif steps and _decoded(value) is not None:
        yield steps


def _replaced(document: Any, steps: tuple[Step, ...]) -> Any:
    if not steps:
        return _decoded(document)
    return {**document, steps[0]: _replaced(document[steps[0]], steps[1:])}


def _decoded(value: Any) -> Any | None:
    """Return the JSON object or list in a text in base64, None if that is not what it is."""
    if not isinstance(value, str) or not _BASE64.fullmatch(value):
        return None
    text = value.strip().replace("-", "+").replace("_", "/")
    try:
        document = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return document if isinstance(document, dict | list) else None
