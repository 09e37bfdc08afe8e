"""An Avro schema -> a function that reads its values, as the documents in which a mapping finds its fields.

A schema is compiled once, into one function for each of its types. fastavro's own reader is not used for what comes from
outside: it ends the process at a value that is nested a few thousand times, takes some bytes that are no value for one
(an enum's symbol -1 is the last), and never ends where a few bytes name millions of values. This one reads exactly what
the schema says, or refuses the record, and costs no more.

The documents have the forms of JSON:

- a record or map is an object, an array a list, an enum the text of its symbol, a union the value of its branch;
- `decimal` is an exact `Decimal`; moments and times of day stay whole numbers, in the unit of the schema, and dates
  stay days since 1970;
- `local-timestamp-…`, which has no zone, is an ISO 8601 text without one;
- `bytes` and `fixed` are text if they are UTF-8, otherwise hexadecimal digits; a `fixed` of the type `uuid` is written
  as a UUID.
"""

import struct
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Context, Decimal
from typing import Any, Final
from uuid import UUID

from schemas.events import MAX_DEPTH, InvalidEvent

ReadBody = Callable[[bytes, int], Any]
"""`read(raw, start)` -> the document that fills `raw` from `start` to its end; raises `InvalidEvent`."""

_Read = Callable[[bytes, int], tuple[Any, int]]
"""`read(raw, at)` -> a value, and the place after it; raises `_Broken`, or `IndexError` past the end."""

_MOST_DIGITS: Final = 1_000
_EXACT: Final = Context(prec=_MOST_DIGITS)
_FLOAT: Final = struct.Struct("<f").unpack_from
_DOUBLE: Final = struct.Struct("<d").unpack_from
_EPOCH: Final = datetime(1970, 1, 1)
_LOCAL_MOMENTS: Final = {
    "local-timestamp-millis": ("milliseconds", timedelta(milliseconds=1), 1),
    "local-timestamp-micros": ("microseconds", timedelta(microseconds=1), 1),
    "local-timestamp-nanos": ("microseconds", timedelta(microseconds=1), 1_000),
}


class UnusableSchema(ValueError):
    """A schema whose values cannot be read; the message says why."""


class _Broken(Exception):
    """The bytes are no value of the schema; the message says why."""


def compile_avro(schema: Any, named: Mapping[str, Any]) -> ReadBody:
    """Compile a schema into a function that reads its values.

    Args:
        schema: as `fastavro.parse_schema` returns it: every name is written in full.
        named: the definitions by full name, of this schema and of those that it refers to.

    Raises:
        UnusableSchema: if its values cannot be read within bounds.
    """
    read = _Compiler(named).read_of(schema, 0)

    def read_body(raw: bytes, start: int) -> Any:
        try:
            document, end = read(raw, start)
        except IndexError:
            problem = f"it ends within a value, at byte {len(raw)}"
        except _Broken as error:
            problem = str(error)
        else:
            if end == len(raw):
                return document
            problem = f"its value ends at byte {end}, but the record has {len(raw)}"
        raise InvalidEvent("undecodable", f"the bytes do not fit the schema with which they say they were written: "
                           f"{problem}; they begin with {raw[:24]!r}")  # fmt: skip

    return read_body


class _Compiler:
    def __init__(self, named: Mapping[str, Any]) -> None:
        self._named = named
        self._open: dict[str, _Recursive] = {}
        self._done: dict[str, _Read] = {}

    def read_of(self, schema: Any, depth: int) -> _Read:
        """Return the reader of a type that is inside `depth` records, arrays and maps."""
        if isinstance(schema, list):
            return _union([self.read_of(branch, depth) for branch in schema])
        if isinstance(schema, str):
            return _PRIMITIVES[schema] if schema in _PRIMITIVES else self._of_name(schema, depth)
        kind, logical = schema["type"], schema.get("logicalType")
        if kind in ("record", "error"):
            return self._record(schema, depth)
        if kind == "array":
            if not self._takes_bytes(schema["items"], ()):
                raise UnusableSchema(
                    "it has an array of values without bytes, of which a few bytes can name millions"
                )
            return _array(self.read_of(schema["items"], _deeper(depth)))
        if kind == "map":
            return _map(self.read_of(schema["values"], _deeper(depth)))
        if kind == "enum":
            return _enum(schema["symbols"])
        if logical == "decimal" and kind in ("bytes", "fixed"):
            return _decimal(_raw_fixed(schema["size"]) if kind == "fixed" else _raw_bytes, schema.get("scale", 0))
        if kind == "fixed":
            is_uuid = logical == "uuid" and schema["size"] == 16
            return _as_uuid(_raw_fixed(16)) if is_uuid else _as_text(_raw_fixed(schema["size"]))
        if kind == "long" and logical in _LOCAL_MOMENTS:
            return _local_moment(*_LOCAL_MOMENTS[logical])
        return self.read_of(kind, depth)

    def _of_name(self, name: str, depth: int) -> _Read:
        if name in self._open:
            return self._open[name].read
        if name in self._done:
            return self._done[name]
        if name not in self._named:
            raise UnusableSchema(f"it names the type '{name}', which it does not define")
        return self.read_of(self._named[name], depth)

    def _record(self, schema: Any, depth: int) -> _Read:
        name = schema["name"]
        recursive = self._open[name] = _Recursive(name)
        fields = [(field["name"], self.read_of(field["type"], _deeper(depth))) for field in schema["fields"]]
        del self._open[name]
        read = _record(fields)
        if recursive.is_used:
            recursive.inner = read
            read = recursive.read
            self._done[name] = read
        return read

    def _takes_bytes(self, schema: Any, inside: tuple[str, ...]) -> bool:
        """Return whether each value of a type takes at least one byte."""
        if isinstance(schema, list):
            return True  # the number of the branch
        if isinstance(schema, str):
            if schema in _PRIMITIVES:
                return schema != "null"
            return schema in inside or self._takes_bytes(self._named.get(schema, "null"), (*inside, schema))
        if schema["type"] in ("record", "error"):
            here = (*inside, schema["name"])
            return any(self._takes_bytes(field["type"], here) for field in schema["fields"])
        if schema["type"] == "fixed":
            return bool(schema["size"])
        return schema["type"] != "null"


def _deeper(depth: int) -> int:
    if depth >= MAX_DEPTH:
        raise UnusableSchema(f"its values are nested deeper than {MAX_DEPTH}")
    return depth + 1


class _Recursive:
    """The reader of a record that may hold itself, which counts how deep it is."""

    def __init__(self, name: str) -> None:
        self.is_used = False
        self.inner: _Read | None = None
        self._name = name
        self._depth = 0

    @property
    def read(self) -> _Read:
        """The reader; from now on it is used."""
        self.is_used = True
        return self._read

    def _read(self, raw: bytes, at: int) -> tuple[Any, int]:
        assert self.inner is not None, "a schema is compiled before it is used"
        self._depth += 1
        try:
            if self._depth > MAX_DEPTH:
                raise InvalidEvent("too_deep", f"nested deeper than {MAX_DEPTH}, in records '{self._name}'")
            return self.inner(raw, at)
        finally:
            self._depth -= 1


# --- primitives -------------------------------------------------------------------------------------------------


def _long(raw: bytes, at: int) -> tuple[int, int]:
    byte = raw[at]
    at += 1
    if byte < 0x80:
        return (byte >> 1) ^ -(byte & 1), at
    value, shift = byte & 0x7F, 7
    while byte >= 0x80:
        if shift > 63:
            raise _Broken(f"a whole number before byte {at} is longer than 64 bits")
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
    if value >> 64:
        raise _Broken(f"a whole number before byte {at} is longer than 64 bits")
    return (value >> 1) ^ -(value & 1), at


def _int(raw: bytes, at: int) -> tuple[int, int]:
    value, at = _long(raw, at)
    if not -(1 << 31) <= value < 1 << 31:
        raise _Broken(f"{value} before byte {at} is no int of 32 bits")
    return value, at


def _null(raw: bytes, at: int) -> tuple[None, int]:
    return None, at


def _boolean(raw: bytes, at: int) -> tuple[bool, int]:
    byte = raw[at]
    if byte > 1:
        raise _Broken(f"byte {at} is {byte}, where true or false is to be")
    return byte == 1, at + 1


def _float(raw: bytes, at: int) -> tuple[float, int]:
    end = at + 4
    if end > len(raw):
        raise IndexError
    return _FLOAT(raw, at)[0], end


def _double(raw: bytes, at: int) -> tuple[float, int]:
    end = at + 8
    if end > len(raw):
        raise IndexError
    return _DOUBLE(raw, at)[0], end


def _raw_bytes(raw: bytes, at: int) -> tuple[bytes, int]:
    length = raw[at]
    if length < 0x80 and not length & 1:
        start, end = at + 1, at + 1 + (length >> 1)
    else:
        size, start = _long(raw, at)
        if size < 0:
            raise _Broken(f"the length before byte {start} is {size}")
        end = start + size
    if end > len(raw):
        raise IndexError
    return raw[start:end], end


def _string(raw: bytes, at: int) -> tuple[str, int]:
    length = raw[at]
    if length < 0x80 and not length & 1:  # nearly every text is shorter than 64 bytes
        start, end = at + 1, at + 1 + (length >> 1)
        if end > len(raw):
            raise IndexError
        text = raw[start:end]
    else:
        text, end = _raw_bytes(raw, at)
    try:
        return text.decode(), end
    except UnicodeDecodeError:
        raise _Broken(f"the text before byte {end} is not UTF-8") from None


def _raw_fixed(size: int) -> Callable[[bytes, int], tuple[bytes, int]]:
    def read(raw: bytes, at: int) -> tuple[bytes, int]:
        end = at + size
        if end > len(raw):
            raise IndexError
        return raw[at:end], end

    return read


def _as_text(read_raw: Callable[[bytes, int], tuple[bytes, int]]) -> _Read:
    def read(raw: bytes, at: int) -> tuple[str, int]:
        found, end = read_raw(raw, at)
        try:
            return found.decode(), end
        except UnicodeDecodeError:
            return found.hex(), end

    return read


def _as_uuid(read_raw: Callable[[bytes, int], tuple[bytes, int]]) -> _Read:
    def read(raw: bytes, at: int) -> tuple[str, int]:
        found, end = read_raw(raw, at)
        return str(UUID(bytes=found)), end

    return read


_PRIMITIVES: Final[dict[str, _Read]] = {
    "null": _null,
    "boolean": _boolean,
    "int": _int,
    "long": _long,
    "float": _float,
    "double": _double,
    "bytes": _as_text(_raw_bytes),
    "string": _string,
}


# --- logical types ----------------------------------------------------------------------------------------------


def _decimal(read_raw: Callable[[bytes, int], tuple[bytes, int]], scale: int) -> _Read:
    def read(raw: bytes, at: int) -> tuple[Decimal, int]:
        found, end = read_raw(raw, at)
        if len(found) > _MOST_DIGITS // 3:
            raise _Broken(f"the decimal number before byte {end} has more than {_MOST_DIGITS} digits")
        return Decimal(int.from_bytes(found, "big", signed=True)).scaleb(-scale, _EXACT), end

    return read


def _local_moment(precision: str, unit: timedelta, divisor: int) -> _Read:
    def read(raw: bytes, at: int) -> tuple[str, int]:
        number, end = _long(raw, at)
        try:
            return (_EPOCH + unit * (number // divisor)).isoformat(timespec=precision), end
        except OverflowError:
            raise _Broken(f"the moment {number} before byte {end} is beyond the years 1 to 9999") from None

    return read


# --- types of several values ------------------------------------------------------------------------------------


def _record(fields: list[tuple[str, _Read]]) -> _Read:
    def read(raw: bytes, at: int) -> tuple[dict[str, Any], int]:
        document = {}
        for name, read_field in fields:
            document[name], at = read_field(raw, at)
        return document, at

    return read


def _union(branches: list[_Read]) -> _Read:
    if len(branches) == 2 and branches[0] is _null:
        return _nullable(branches[1], branches)
    return _any_of(branches)


def _nullable(read_value: _Read, branches: list[_Read]) -> _Read:
    """Return the reader of the most frequent union: null or one type."""
    read_other = _any_of(branches)

    def read(raw: bytes, at: int) -> tuple[Any, int]:
        byte = raw[at]
        if byte == 0:
            return None, at + 1
        return read_value(raw, at + 1) if byte == 2 else read_other(raw, at)

    return read


def _any_of(branches: list[_Read]) -> _Read:
    count = len(branches)

    def read(raw: bytes, at: int) -> tuple[Any, int]:
        number, at = _long(raw, at)
        if not 0 <= number < count:
            raise _Broken(f"it names branch {number} of a union before byte {at}, which has {count}")
        return branches[number](raw, at)

    return read


def _enum(symbols: list[str]) -> _Read:
    count = len(symbols)

    def read(raw: bytes, at: int) -> tuple[str, int]:
        byte = raw[at]
        if byte < 0x80 and not byte & 1 and byte >> 1 < count:
            return symbols[byte >> 1], at + 1
        number, at = _long(raw, at)
        if not 0 <= number < count:
            raise _Broken(f"it names symbol {number} of an enum before byte {at}, which has {count}")
        return symbols[number], at

    return read


def _block(raw: bytes, at: int) -> tuple[int, int]:
    """Return how many values follow in a block, and where they begin."""
    count, at = _long(raw, at)
    if count < 0:  # then its length in bytes follows
        _, at = _long(raw, at)
        count = -count
    if count > len(raw):
        raise _Broken(f"a block before byte {at} has {count} values, more than the record has bytes")
    return count, at


def _array(read_item: _Read) -> _Read:
    def read(raw: bytes, at: int) -> tuple[list[Any], int]:
        items: list[Any] = []
        add = items.append
        while raw[at]:
            count, at = _block(raw, at)
            for _ in range(count):
                item, at = read_item(raw, at)
                add(item)
        return items, at + 1

    return read


def _map(read_value: _Read) -> _Read:
    def read(raw: bytes, at: int) -> tuple[dict[str, Any], int]:
        entries: dict[str, Any] = {}
        while raw[at]:
            count, at = _block(raw, at)
            for _ in range(count):
                key, at = _string(raw, at)
                entries[key], at = read_value(raw, at)
        return entries, at + 1

    return read
