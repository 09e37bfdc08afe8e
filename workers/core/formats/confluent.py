"""Records as the serializers of a schema registry write them: a byte 0, the id of a schema in 4 bytes, the body."""

import struct
from collections.abc import Callable
from typing import Any, Final

from schemas.events import MAX_BODY_BYTES, InvalidEvent, read_json
from workers.core.formats.avro import ReadBody

REGISTRY_FORMATS: Final = frozenset({"avro", "json-schema"})
"""The formats whose records name a schema of a registry."""

BODY_AT: Final = 5
"""Where the body of a record begins."""

_ID_OF: Final = struct.Struct(">I").unpack_from

ReadBodyOf = Callable[[int], ReadBody]
"""`read_body_of(schema_id)` -> the reader of the bodies of one schema; raises `InvalidEvent` if there is none."""


def compile_registry_reader(read_body_of: ReadBodyOf) -> Callable[[bytes | None], Any]:
    """Return a function that reads the value of a record whose schema is in a registry.

    It raises `InvalidEvent`: `empty`, `too_large`, `no_schema_id`, what `read_body_of` raises, and what the reader of
    the body raises.
    """

    def read(raw: bytes | None) -> Any:
        if not raw:
            raise InvalidEvent("empty", "the record has no value")
        if len(raw) > MAX_BODY_BYTES:
            raise InvalidEvent("too_large", f"{len(raw)} bytes, at most {MAX_BODY_BYTES} are read")
        if raw[0] or len(raw) <= BODY_AT:
            raise InvalidEvent("no_schema_id", _without_id(raw))
        return read_body_of(_ID_OF(raw, 1)[0])(raw, BODY_AT)

    return read


def schema_id_of(raw: bytes | None) -> int | None:
    """Return the number of the schema that a record names, None if it names none."""
    if raw is None or len(raw) <= BODY_AT or raw[0]:
        return None
    return int.from_bytes(raw[1:BODY_AT], "big")


def read_json_body(raw: bytes, start: int) -> Any:
    """Read a body that is JSON; raises what `read_json` raises."""
    return read_json(raw[start:])


def _without_id(raw: bytes) -> str:
    if raw[:1] in b"{[":
        hint = "it looks like plain JSON: write 'format: json'"
    elif raw[:4] == b"Obj\x01":
        hint = "it is a whole Avro file, which is not read"
    elif raw[0] == 1:
        hint = "it names its schema by a GUID, which is not read: let the producer write the schema's id"
    else:
        hint = "let the producer use the serializer of its schema registry"
    return (
        "expected a schema registry's record (a byte 0, the id of its schema in 4 bytes, a body); "
        f"it begins with {raw[:24]!r}; {hint}"
    )
