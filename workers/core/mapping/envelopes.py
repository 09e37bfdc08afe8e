"""`unwrap` of sources.yaml: a source record -> the documents in it, without their envelopes.

One record may hold many: its items are numbered from 0, through everything that came of the record. Items that are
skipped or cannot be read have a number too, so the numbers depend on nothing but the record's bytes and `unwrap`.

Bounds hold on every way in: at most `MAX_ITEMS` items a record, and what was written in base64 is no larger and no
deeper than a record may be. Knows no clock, no logs and no Kafka.

Codes of refusal beyond those of `schemas.events`: `bad_text` (a header that is not UTF-8), `not_cloudevents`,
`not_debezium`, `not_base64` and `too_many_items`.
"""

import binascii
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple

from schemas.events import MAX_DEPTH, InvalidEvent, depth_of, read_json
from workers.core.mapping.places import walked
from workers.core.mapping.record import SourceRecord
from workers.core.mapping.skipped import Skipped

MAX_ITEMS: Final = 10_000
"""The most items that come of one record; a record with more is refused as a whole."""

Path = tuple[str | int, ...]
"""A path that has been split: names of an object, and places in a list (negative ones count from its end)."""

Read = Callable[[SourceRecord], Any]
"""`read(record)` -> the document in the value, by the source's format; raises `InvalidEvent`."""


class Envelope(NamedTuple):
    """One word of `unwrap`.

    Attributes:
        kind: which.
        path: for `base64` and `each`, where in the document; empty for the document itself.
    """

    kind: Literal["cloudevents", "debezium", "base64", "each"]
    path: Path = ()


class Item(NamedTuple):
    """One document of a record.

    Attributes:
        document: a JSON object.
        whole: the document of the record from which `each` took this item; the same as `document` without `each`.
        is_history: whether it is a row of a snapshot (Debezium's `op: r`), which never makes a rule act.
        no_activity: a change that is nobody's activity (`deleted row`, `truncated table`, `logged message`), as
            `Skipped.by`; empty for all others. Only a case whose `only_when` names `op` may map such an item.
    """

    document: dict[str, Any]
    whole: Any
    is_history: bool = False
    no_activity: str = ""


Unwrap = Callable[[SourceRecord], list[Item | Skipped | InvalidEvent]]
"""`unwrap(record)` -> one entry an item, in order; raises `InvalidEvent` if the record as a whole cannot be read."""


class _Part(NamedTuple):
    """A document on its way through the envelopes."""

    document: Any
    whole: Any
    is_history: bool = False
    no_activity: str = ""


_Entry = _Part | Skipped | InvalidEvent
_Step = Callable[[_Part, SourceRecord], Iterable[_Entry]]

_NO_ACTIVITY: Final = {"d": "deleted row", "t": "truncated table", "m": "logged message"}
_SNAPSHOT: Final = ("true", "first", "last", "first_in_data_collection", "last_in_data_collection", "incremental")
"""What `source.snapshot` says in rows of a snapshot; `false` in all others."""
_CHANGES: Final = frozenset({"c", "u", "r", *_NO_ACTIVITY})
_CLOUDEVENTS: Final = "application/cloudevents"
_ATTRIBUTE: Final = "ce_"
_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")


def compile_unwrap(envelopes: Sequence[Envelope], read: Read, *, names_op: bool = False) -> Unwrap:
    """Compile the envelopes of a source into a function that takes its records out of them.

    A record without a value is a tombstone, also if it has headers.

    Args:
        envelopes: the words of `unwrap`, the outermost first.
        read: reads the value of a record by the source's format.
        names_op: whether an `only_when` of the source, or of one of its cases, names `op`. If not, rows that were
            deleted and the like are skipped here; otherwise `Item.no_activity` says what they are.
    """
    first, rest = _opening(envelopes, read)
    steps = [_step(envelope, names_op=names_op) for envelope in rest]

    def unwrap(record: SourceRecord) -> list[Item | Skipped | InvalidEvent]:
        if record.value is None:
            return [Skipped("tombstone")]
        document = first(record)
        entries: list[_Entry] = [_Part(document, document)]
        is_single = True
        for step in steps:
            entries = list(_stepped(step, entries, record, is_single=is_single))
            is_single = is_single and len(entries) == 1
        return [_finished(entry) if isinstance(entry, _Part) else entry for entry in entries]

    return unwrap


def _opening(envelopes: Sequence[Envelope], read: Read) -> tuple[Read, Sequence[Envelope]]:
    """Return what reads the bytes of a record, and the envelopes that are left for its document."""
    outermost = envelopes[0] if envelopes else None
    if outermost == Envelope("base64"):
        return lambda record: read(record._replace(value=_of_bytes(record.value or b""))), envelopes[1:]
    if outermost == Envelope("each"):
        return lambda record: _lines(record, read), envelopes
    if outermost is not None and outermost.kind == "cloudevents":
        return lambda record: _body(record, read), envelopes
    return read, envelopes


def _lines(record: SourceRecord, read: Read) -> Any:
    """Return the document of a record; a list of them for JSON lines, which webhooks write as one body."""
    try:
        return read(record)
    except InvalidEvent as error:
        lines = [line for line in (record.value or b"").split(b"\n") if line.strip()]
        if error.reason != "not_json" or len(lines) < 2:
            raise
        return [read(record._replace(value=line)) for line in lines]


def _stepped(step: _Step, entries: Iterable[_Entry], record: SourceRecord, *, is_single: bool) -> Iterator[_Entry]:
    """Take every part one envelope further; what cannot be read is refused alone, or with the record if it is all."""
    count = 0
    for entry in entries:
        if isinstance(entry, _Part):
            try:
                found = tuple(step(entry, record))
            except InvalidEvent as error:
                if is_single:
                    raise
                found = (error,)
        else:
            found = (entry,)
        count += len(found)
        if count > MAX_ITEMS:
            detail = f"the record holds more than {MAX_ITEMS} items; no more are read of one record"
            raise InvalidEvent("too_many_items", detail)
        yield from found


def _finished(part: _Part) -> Item | InvalidEvent:
    if part.document.__class__ is not dict:
        return InvalidEvent("not_an_object", f"expected a JSON object, found {_shown(part.document)}")
    return Item(*part)


def _step(envelope: Envelope, *, names_op: bool) -> _Step:
    if envelope.kind == "each":
        return lambda part, _: _each(part, envelope.path)
    if envelope.kind == "cloudevents":
        return _in_whole(_cloudevents)
    if envelope.kind == "debezium":
        return _in_whole(lambda part, _: [_debezium(part, names_op=names_op)])
    return _in_whole(lambda part, _: [part._replace(document=_decoded(part.document, envelope.path))])


def _in_whole(step: _Step) -> _Step:
    """Return the same step, by which the document stays the whole one until `each` has taken an item of it."""

    def stepped(part: _Part, record: SourceRecord) -> Iterable[_Entry]:
        found = step(part, record)
        if part.whole is not part.document:
            return found
        return [entry._replace(whole=entry.document) if isinstance(entry, _Part) else entry for entry in found]

    return stepped


# -- CloudEvents -------------------------------------------------------------------------------------------------


def _body(record: SourceRecord, read: Read) -> Any:
    """Return the document of a record of CloudEvents; in binary mode, its value need not be there, or be JSON."""
    content_type, attributes = _headers(record)
    if attributes and not content_type.startswith(_CLOUDEVENTS):
        if not record.value:
            return None
        if content_type.startswith("text/") and "json" not in content_type:
            return _text(record.value, "the value")
    elif content_type.startswith(_CLOUDEVENTS) and not content_type.endswith(("json", _CLOUDEVENTS, "-batch")):
        detail = (
            f"content-type is '{content_type}'; of structured CloudEvents only JSON is read ({_CLOUDEVENTS}+json)"
        )
        raise InvalidEvent("not_cloudevents", detail)
    return read(record)


def _cloudevents(part: _Part, record: SourceRecord) -> list[_Entry]:
    """Take an event out of its envelope: attributes at the top, the body under `data`.

    A structured event is recognised by its content-type, and by `specversion` if some program on the way has lost the
    headers; headers `ce_…` are binary mode.
    """
    content_type, attributes = _headers(record)
    if attributes and not content_type.startswith(_CLOUDEVENTS):
        document = dict(attributes)
        if content_type:
            document["datacontenttype"] = content_type
        if part.document is not None:
            document["data"] = part.document
        return [part._replace(document=document)]
    if part.document.__class__ is list:
        if not part.document:
            return [Skipped("empty list")]
        return [
            _refused(event) if _is_no_event(event) else _structured(part._replace(document=event))
            for event in part.document
        ]
    if _is_no_event(part.document):
        raise _refused(part.document)
    event = _structured(part)
    if isinstance(event, InvalidEvent):
        raise event
    return [event]


def _is_no_event(document: Any) -> bool:
    return document.__class__ is not dict or "specversion" not in document


def _refused(document: Any) -> InvalidEvent:
    found = f"the keys {', '.join(map(str, [*document][:8]))}" if document.__class__ is dict else _shown(document)
    detail = (
        f"no CloudEvent: neither headers '{_ATTRIBUTE}…' (binary mode) nor 'specversion' in the value (structured "
        f"mode); found {found}"
    )
    return InvalidEvent("not_cloudevents", detail)


def _structured(part: _Part) -> _Part | InvalidEvent:
    document = part.document
    encoded = document.get("data_base64")
    if encoded.__class__ is not str or "json" not in str(document.get("datacontenttype", "json")).lower():
        return part
    try:
        return part._replace(document={**document, "data": _of_text(encoded, ("data_base64",))})
    except InvalidEvent as error:
        return error


def _headers(record: SourceRecord) -> tuple[str, dict[str, str]]:
    """Return the media type without its parameters, in small letters, and the attributes `ce_…` by name."""
    content_type, attributes = "", {}
    for header, value in record.headers:
        name = header.lower()
        if name == "content-type" and value is not None:
            content_type = _text(value, f"header '{header}'").partition(";")[0].strip().lower()
        elif name.startswith(_ATTRIBUTE) and value is not None:
            attributes[name.removeprefix(_ATTRIBUTE)] = _text(value, f"header '{header}'")
    return content_type, attributes


# -- Debezium ----------------------------------------------------------------------------------------------------


def _debezium(part: _Part, *, names_op: bool) -> _Part | Skipped:
    """Take a change of a row out of its wrapper; in a CloudEvent of Debezium's converter it is under `data`."""
    document = _without_schema(part.document)
    if document is None:
        return Skipped("tombstone")
    if document.__class__ is dict and document.get("op") is None and "iodebeziumop" in document:
        document = {**document, "op": document["iodebeziumop"], "data": _without_schema(document.get("data"))}
    operation = document.get("op") if document.__class__ is dict else None
    if operation.__class__ is not str or operation not in _CHANGES:
        found = f"'op' is {_shown(operation)}" if operation is not None else _found(document)
        detail = (
            f"no change of a row by Debezium: 'op' must be one of {', '.join(sorted(_CHANGES))}, but {found}; "
            "rows that ExtractNewRecordState has made flat need no 'unwrap'"
        )
        raise InvalidEvent("not_debezium", detail)
    no_activity = _NO_ACTIVITY.get(operation, "")
    if no_activity and not names_op:
        return Skipped(no_activity)
    return _Part(document, part.whole, part.is_history or _is_of_snapshot(operation, document), no_activity)


def _is_of_snapshot(operation: str, document: dict[str, Any]) -> bool:
    """Return whether a row was read by a snapshot; some connectors and releases write such rows as inserts."""
    if operation == "r":
        return True
    source = document.get("source")
    snapshot = source.get("snapshot") if operation == "c" and source.__class__ is dict else None
    return snapshot is True or snapshot in _SNAPSHOT


def _found(document: Any) -> str:
    if document.__class__ is dict:
        return f"there is none; found the keys {', '.join(map(str, [*document][:8])) or '(none)'}"
    return f"found {_shown(document)}"


def _without_schema(document: Any) -> Any:
    """Return the payload of Kafka Connect's JSON converter, and a document without that wrapper unchanged."""
    is_wrapped = document.__class__ is dict and document.keys() <= {"schema", "payload"} and "payload" in document
    return document["payload"] if is_wrapped else document


# -- base64 and each ---------------------------------------------------------------------------------------------


def _decoded(document: Any, path: Path) -> Any:
    """Return a document in which the JSON behind a base64 text takes its place; what is no text stays as it is."""
    if not path:
        return _of_text(document, path) if document.__class__ is str else document
    found = walked(document, path)
    if found.__class__ is not str or not found.strip():
        return document
    return _replaced(document, path, _of_text(found, path))


def _of_text(text: str, path: Path) -> Any:
    where = _in_words(path)
    raw = _of_bytes(text.encode(), where)
    inner = read_json(raw)
    # As in `read_json`: only a document with more brackets needs the walk.
    if len(path) + raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and len(path) + depth_of(inner) > MAX_DEPTH:
        raise InvalidEvent("too_deep", f"nested deeper than {MAX_DEPTH} together with what is in {where}")
    return inner


def _of_bytes(raw: bytes, where: str = "the value") -> bytes:
    """Return what was written in base64, in either alphabet, with or without its padding.

    JSON cannot be mistaken for it, so a value that was not encoded is returned as it is.
    """
    stripped = b"".join(raw.split())
    if stripped[:1] in (b"{", b"["):
        return raw
    if stripped[:1] == b'"' and (text := read_json(raw)).__class__ is str:
        stripped = "".join(text.split()).encode()
    plain = stripped.translate(_URL_SAFE).rstrip(b"=")
    try:
        return b64decode(plain + b"=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidEvent("not_base64", f"{where} is not base64 ({error}); it begins with {raw[:40]!r}") from None


def _each(part: _Part, path: Path) -> list[_Entry]:
    """Return one part for each element of a list; an object, or nothing at all, is one part."""
    found = walked(part.document, path) if path else part.document
    if found is None:
        return [part]
    if found.__class__ is not list:
        return [part._replace(document=found)]
    if not found:
        return [Skipped("empty list")]
    if len(found) > MAX_ITEMS:
        detail = f"{_in_words(path)} has {len(found)} items; at most {MAX_ITEMS} are read of one record"
        raise InvalidEvent("too_many_items", detail)
    return [part._replace(document=element) for element in found]


def _replaced(document: Any, path: Path, value: Any) -> Any:
    """Return a copy of a document with another value at a path that exists; only what is on the way is copied."""
    if not path:
        return value
    copy = document.copy()
    copy[path[0]] = _replaced(document[path[0]], path[1:], value)
    return copy


def _in_words(path: Path) -> str:
    if not path:
        return "the document"
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return f"path '{text.removeprefix('.')}'"


def _text(raw: bytes, where: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise InvalidEvent("bad_text", f"{where} is not UTF-8: found {_shown(raw)}") from None


def _shown(value: object, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
