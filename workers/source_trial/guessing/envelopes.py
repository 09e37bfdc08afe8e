"""What is around the event in a record: an envelope, a batch, a text in base64, a registry's wire format.

What is recognised is taken off by the code that does it in a worker, so a guess cannot see what a mapping would not.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from schemas.events import InvalidEvent
from workers.core.mapping.documents import ReadValue
from workers.core.mapping.envelopes import Envelope, Item, compile_unwrap
from workers.core.mapping.record import SourceRecord
from workers.source_trial.guessing.guess import yaml_text
from workers.source_trial.guessing.leaves import Leaf, Step, leaves_of, written_path
from workers.source_trial.guessing.vocabulary import words_of

__all__ = ["Around", "find_envelopes", "format_of"]

_WIRE_BYTES: Final = 5
_FEWEST_SNOWPLOW_TABS: Final = 100
_OPENING: Final = (b"{", b"[", b'"')
_BATCHES: Final = frozenset({"batch", "events", "records", "messages", "notifications", "entries", "logs"})
_BATCHES_BY_LAST: Final = frozenset({"events", "records", "messages", "items"})
_NO_BATCHES: Final = frozenset({"line", "lines", "order", "cart", "product", "products", "basket", "invoice"})
_OF_AN_EVENT: Final = frozenset({"event", "type", "time", "timestamp", "date", "published", "uuid", "occurred"})
_FEWEST_FIELDS: Final = 4
_DEEPEST: Final = 3
_SHORTEST_JSON: Final = 20
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}\s*")
_ROWS: Final = {"before", "after"}


@dataclass(slots=True)
class Around:
    """What was recognised around the events.

    Attributes:
        format: of the source, as `sources.yaml` writes it.
        envelopes: what a mapping takes off, in its order.
        why: what was recognised, one sentence each.
        items: what a mapping sees, one for each item of a record.
        records: by item, the number of its record.
        unreadable: numbers of records in which no item was found, with why.
        read_value: reads a value by the format.
    """

    format: str = "json"
    envelopes: list[Envelope] = field(default_factory=list)
    why: list[str] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    records: list[int] = field(default_factory=list)
    unreadable: dict[int, str] = field(default_factory=dict)
    read_value: ReadValue = field(default=lambda _: None)

    @property
    def documents(self) -> list[Any]:
        """What a mapping looks at, by item."""
        return [item.document for item in self.items]

    @property
    def is_data_capture(self) -> bool:
        """Whether records are the changes of a database's rows."""
        return any(envelope.kind == "debezium" for envelope in self.envelopes)

    @property
    def has_items(self) -> bool:
        """Whether a record may hold several events."""
        return any(envelope.kind == "each" for envelope in self.envelopes)

    def unwrap(self) -> list[str]:
        """Return the words of `unwrap`, each as YAML."""
        return [
            f"{{{envelope.kind}: {yaml_text(written_path(envelope.path), in_flow=True)}}}"
            if envelope.path
            else envelope.kind
            for envelope in self.envelopes
        ]

    def outside(self) -> list[Leaf]:
        """Return the values beside the list from which the items were taken."""
        if not self.has_items:
            return []
        found = [leaf for leaf in leaves_of([item.whole for item in self.items]) if not leaf.in_list]
        for leaf in found:
            leaf.is_outside = True
        return [leaf for leaf in found if leaf.find is None]


class _Found(NamedTuple):
    envelope: Envelope
    why: str


def find_envelopes(records: Sequence[SourceRecord], read_value: ReadValue | None = None) -> Around:
    """Recognise what is around the events of these records, and take it off.

    Args:
        records: the samples.
        read_value: reads their values by the schemas that they name; None if there is no registry.
    """
    around = Around(format=format_of(records), read_value=read_value or _read_json)
    if around.format in ("avro", "json-schema") and read_value is None:
        around.why.append(
            "values begin as a schema registry's do (byte 0, then the number of a schema): set "
            "LINGER_SCHEMA_REGISTRY_URL to read them"
        )
    if around.format == "snowplow-tsv" or (around.format == "avro" and read_value is None):
        return around
    for recognise in (_text_in_base64, _cloudevents, _debezium, _list_of_events, _base64_inside):
        values = _documents(records, around)
        found = recognise(values, records) if values else None
        if found is not None:
            around.envelopes.append(found.envelope)
            around.why.append(found.why)
    for number, item in _items(records, around):
        around.items.append(item)
        around.records.append(number)
    return around


def format_of(records: Sequence[SourceRecord]) -> str:
    """Return the format of records by how their values begin, as `sources.yaml` names it."""
    for record in records:
        value = record.value or b""
        if value[:1] == b"\0" and len(value) > _WIRE_BYTES:
            return "json-schema" if value[_WIRE_BYTES:].lstrip()[:1] in _OPENING else "avro"
        if value.count(b"\t") >= _FEWEST_SNOWPLOW_TABS and not value.startswith(_OPENING):
            return "snowplow-tsv"
    return "json"


_Values = list[tuple[int, Any]]


def _read_json(raw: bytes | None) -> Any:
    value = raw or b""
    try:
        return json.loads(value[_WIRE_BYTES:] if value[:1] == b"\0" else value)
    except (ValueError, RecursionError):
        raise InvalidEvent("not_json", f"no JSON; it begins with {value[:20]!r}") from None


def _documents(records: Sequence[SourceRecord], around: Around) -> _Values:
    """Return the documents as they are inside the envelopes that are known so far, of any kind."""
    if around.envelopes:
        return [(number, item.document) for number, item in _items(records, around)]
    found: _Values = []
    for number, record in enumerate(records):
        if record.value is None:
            continue
        try:
            found.append((number, around.read_value(record.value)))
        except InvalidEvent as error:
            text = _decoded(record.value.decode(errors="replace"))
            if text is None:
                around.unreadable[number] = error.detail
            else:
                found.append((number, record.value.decode()))
    return found


def _items(records: Sequence[SourceRecord], around: Around) -> Iterator[tuple[int, Item]]:
    unwrap = compile_unwrap(around.envelopes, lambda record: around.read_value(record.value), names_op=True)
    for number, record in enumerate(records):
        if record.value is None:
            continue
        try:
            entries = unwrap(record)
        except InvalidEvent as error:
            around.unreadable.setdefault(number, error.detail)
            continue
        for entry in entries:
            if isinstance(entry, InvalidEvent):
                around.unreadable.setdefault(number, entry.detail)
            elif isinstance(entry, Item) and not entry.no_activity:
                yield number, entry


def _text_in_base64(values: _Values, _: Sequence[SourceRecord]) -> _Found | None:
    if any(_decoded(document) is None for _, document in values):
        return None
    return _Found(Envelope("base64"), "every value is a text in base64 with JSON in it")


def _cloudevents(values: _Values, records: Sequence[SourceRecord]) -> _Found | None:
    def is_structured(document: Any) -> bool:
        return isinstance(document, dict) and {"specversion", "id", "source", "type"} <= document.keys()

    binary = [
        number for number, _ in values if any(name.lower() == "ce_specversion" for name, _ in records[number].headers)
    ]
    if not all(is_structured(document) or number in binary for number, document in values):
        return None
    how = "in headers that begin with ce_" if binary else "at the top of the body"
    return _Found(Envelope("cloudevents"), f"CloudEvents: specversion, id, source and type are {how}")


def _debezium(values: _Values, _: Sequence[SourceRecord]) -> _Found | None:
    def inner(document: Any) -> Any:
        is_wrapped = isinstance(document, dict) and document.keys() == {"schema", "payload"}
        return document["payload"] if is_wrapped else document

    def is_change(document: Any) -> bool:
        return isinstance(document, dict) and "op" in document and bool(_ROWS & document.keys())

    if not all(is_change(inner(document)) for _, document in values):
        return None
    wrapped = any(inner(document) is not document for _, document in values)
    return _Found(
        Envelope("debezium"), f"Debezium: op, before and after, {'with' if wrapped else 'without'} their schema"
    )


def _list_of_events(values: _Values, _: Sequence[SourceRecord]) -> _Found | None:
    if any(isinstance(document, list) for _, document in values):
        return _Found(Envelope("each"), "a value is a list: each entry is an event")
    batches = {steps: 0 for _, document in values for steps, _ in _batches(document, ())}
    if len(batches) != 1:
        return None
    (steps,) = batches
    most = max(length for _, document in values for _, length in _batches(document, ()))
    path = written_path(steps)
    return _Found(Envelope("each", steps), f"'{path}' is a list of events, of up to {most} in one record")


def _batches(document: Any, steps: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield where a document has a list of objects that look like events themselves, and how many it has."""
    if not isinstance(document, dict) or len(steps) > _DEEPEST:
        return
    for name, value in document.items():
        if isinstance(value, list):
            words = words_of(name)
            is_named_so = name.lower() in _BATCHES or (
                len(words) > 1 and words[-1] in _BATCHES_BY_LAST and not _NO_BATCHES & {*words}
            )
            if is_named_so and value and all(isinstance(item, dict) for item in value) and _is_event(value[0]):
                yield (*steps, name), len(value)
        else:
            yield from _batches(value, (*steps, name))


def _is_event(item: Mapping[str, Any]) -> bool:
    if len(item) == 1 and isinstance(inner := next(iter(item.values())), dict):
        item = inner  # each entry is wrapped in a name of its own
    words = {word for name in item for word in words_of(name)}
    return bool(words & _OF_AN_EVENT) or len(item) >= _FEWEST_FIELDS


def _base64_inside(values: _Values, _: Sequence[SourceRecord]) -> _Found | None:
    paths = [set(_coded(document, ())) for _, document in values]
    common = set.intersection(*paths)
    if len(common) != 1:
        return None
    (steps,) = common
    path, text = written_path(steps), _at(values[0][1], steps)
    is_plain = text.lstrip()[:1] in ("{", "[")
    kind = "JSON as a text, which 'base64' reads as well" if is_plain else "base64 with JSON in it"
    return _Found(Envelope("base64", steps), f"the text at '{path}' is {kind}; the document takes its place")


def _at(document: Any, steps: Sequence[Step]) -> str:
    for step in steps:
        document = document[step]
    return str(document)


def _coded(value: Any, steps: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
    if isinstance(value, dict) and len(steps) <= _DEEPEST:
        for name, inner in value.items():
            yield from _coded(inner, (*steps, name))
    elif steps and _decoded(value) is not None:
        yield steps


def _decoded(value: Any) -> Any | None:
    """Return the JSON object or list in a text, in base64 or as it is; None if there is none."""
    if not isinstance(value, str):
        return None
    if value.lstrip()[:1] in ("{", "[") and len(value) >= _SHORTEST_JSON:
        document = _parsed(value)
        # In a list of texts or numbers nothing has a name, such as in the `source.sequence` of Debezium.
        is_named = isinstance(document, dict) or any(isinstance(item, dict) for item in document or ())
        return document if is_named else None
    if not _BASE64.fullmatch(value):
        return None
    text = value.strip().replace("-", "+").replace("_", "/")
    try:
        return _parsed(base64.b64decode(text + "=" * (-len(text) % 4), validate=True))
    except (binascii.Error, ValueError):
        return None


def _parsed(text: str | bytes) -> Any | None:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict | list) else None
