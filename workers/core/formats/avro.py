"""An Avro schema -> a function that reads its values, as the documents in which a mapping finds its fields.

A schema is compiled once, into one function for each of its types. The reader of fastavro is not used for what comes
from outside. It ends the process at a value that is nested a few thousand times, takes for a value what is none (an
enum's symbol -1 is the last one), and never ends where a few bytes name millions of values. This one reads exactly
what the schema says, or refuses the record, and costs no more.

The documents have the forms of JSON:

- a record or map is an object, an array a list, an enum the text of its symbol, a union the value of its branch;
- `decimal` is the number that JSON has for it: a whole number if its scale is 0, a float of the same digits if it has
  at most 15, beyond that an exact `Decimal`;
- moments and times of day stay whole numbers, in the unit of the schema, and dates stay days since 1970;
- `local-timestamp-…`, which has no zone, is an ISO 8601 text without one;
- `bytes` and `fixed` are text if they are UTF-8, otherwise hexadecimal digits; a `fixed` that is a `uuid` is written
  as one.
"""

import struct
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Context, Decimal
from typing import Any, Final
from uuid import UUID

from schemas.events import MAX_DEPTH, InvalidEvent, depth_of

ReadBody = Callable[[bytes, int], Any]
"""`read(raw, start)` -> the document that fills `raw` from `start` to its end; raises `InvalidEvent`."""

_Read = Callable[[bytes, int], tuple[Any, int]]
"""`read(raw, at)` -> a value, and the place after it; raises `_Broken`, or `IndexError` past the end."""

_MOST_DIGITS: Final = 1_000
_EXACT_IN_FLOATS: Final = 10**15
_LARGEST_SCALE_IN_FLOATS: Final = 200
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
    compiler = _Compiler(named)
    read, height = compiler.read_of(schema)
    if height > MAX_DEPTH:
        raise UnusableSchema(f"its values are nested deeper than {MAX_DEPTH}")
    is_recursive = compiler.is_recursive

    def read_body(raw: bytes, start: int) -> Any:
        try:
            document, end = read(raw, start)
        except IndexError:
            problem = f"it ends within a value, at byte {len(raw)}"
        except _Broken as error:
            problem = str(error)
        else:
            if is_recursive and depth_of(document) > MAX_DEPTH:
                raise InvalidEvent("too_deep", f"nested deeper than {MAX_DEPTH}")
            if end == len(raw):
                return document
            problem = f"its value ends at byte {end}, but the record has {len(raw)}"
        detail = f"the bytes do not fit the schema whose id they name: {problem}; they begin with {raw[:24]!r}"
        raise InvalidEvent("undecodable", detail)

    return read_body


class _Compiler:
    """Compiles one schema.

    Attributes:
        is_recursive: whether a record may hold one of its own kind.
    """

    def __init__(self, named: Mapping[str, Any]) -> None:
        self.is_recursive = False
        self._named = named
        self._depth = _Depth()
        self._open: dict[str, _Recursive] = {}
        self._records: dict[str, tuple[_Read, int]] = {}

    def read_of(self, schema: Any) -> tuple[_Read, int]:
        """Return the reader of a type, and how deep its values are nested, without what they repeat of themselves."""
        if isinstance(schema, list):
            branches = [self.read_of(branch) for branch in schema]
            return _union([read for read, _ in branches]), max((height for _, height in branches), default=0)
        if isinstance(schema, str):
            return (_PRIMITIVES[schema], 0) if schema in _PRIMITIVES else self._of_name(schema)
        kind = schema["type"]
        if kind in ("record", "error"):
            return self._record(schema)
        if kind == "array":
            if not self._takes_bytes(schema["items"], ()):
                raise UnusableSchema("it has a list of values without bytes, of which a few bytes can name millions")
            read, height = self.read_of(schema["items"])
            return _array(read), height + 1
        if kind == "map":
            read, height = self.read_of(schema["values"])
            return _map(read), height + 1
        return self._plain(schema, kind, schema.get("logicalType"))

    def _plain(self, schema: Any, kind: Any, logical: Any) -> tuple[_Read, int]:
        if kind == "enum":
            return _enum(schema["symbols"]), 0
        if logical == "decimal" and kind in ("bytes", "fixed"):
            return _decimal(_raw_fixed(schema["size"]) if kind == "fixed" else _raw_bytes, schema.get("scale", 0)), 0
        if kind == "fixed":
            is_uuid = logical == "uuid" and schema["size"] == 16
            return _as_uuid(_raw_fixed(16)) if is_uuid else _as_text(_raw_fixed(schema["size"])), 0
        if kind == "long" and logical in _LOCAL_MOMENTS:
            return _local_moment(*_LOCAL_MOMENTS[logical]), 0
        return self.read_of(kind)

    def _of_name(self, name: str) -> tuple[_Read, int]:
        if name in self._open:
            self.is_recursive = self._open[name].is_used = True
            return self._open[name].read, 0
        if name in self._records:
            return self._records[name]
        if name not in self._named:
            raise UnusableSchema(f"it names the type '{name}', which it does not define")
        return self.read_of(self._named[name])

    def _record(self, schema: Any) -> tuple[_Read, int]:
        name = schema["name"]
        recursive = self._open[name] = _Recursive(self._depth)
        fields = [(field["name"], *self.read_of(field["type"])) for field in schema["fields"]]
        del self._open[name]
        read = recursive.inner = _record([(name, read) for name, read, _ in fields])
        if recursive.is_used:
            read = recursive.read
        self._records[name] = read, 1 + max((height for _, _, height in fields), default=0)
        return self._records[name]

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
        if schema["type"] in ("array", "map", "enum"):
            return True
        return self._takes_bytes(schema["type"], inside)


class _Depth:
    """How many recursive records the value that is being read is inside of."""

    def __init__(self) -> None:
        self.records = 0


class _Recursive:
    """The reader of a record that may hold one of its own kind, which counts how deep it is.

    Without a bound, a long list of such records would use up the stack of the process.
    """

    def __init__(self, depth: _Depth) -> None:
        self.is_used = False
        self.inner: _Read | None = None
        self._depth = depth

    def read(self, raw: bytes, at: int) -> tuple[Any, int]:
        """Read one record, as `_Read` says."""
        depth = self._depth
        if self.inner is None or depth.records >= MAX_DEPTH:
            raise InvalidEvent("too_deep", f"nested deeper than {MAX_DEPTH}")
        depth.records += 1
        try:
            return self.inner(raw, at)
        finally:
            depth.records -= 1


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
        raise _not_utf8(end) from None


def _not_utf8(end: int) -> _Broken:
    return _Broken(f"the text before byte {end} is not UTF-8")


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
    power = 10**scale
    # Python divides whole numbers exactly; a float of so few digits is written with the same digits again.
    few = _EXACT_IN_FLOATS if 0 < scale <= _LARGEST_SCALE_IN_FLOATS else 0

    def read(raw: bytes, at: int) -> tuple[int | float | Decimal, int]:
        found, end = read_raw(raw, at)
        number = int.from_bytes(found, "big", signed=True)
        if -few < number < few:
            return number / power, end
        if len(found) > _MOST_DIGITS // 3:
            raise _Broken(f"the decimal number before byte {end} has more than {_MOST_DIGITS} digits")
        if not scale:
            return number, end
        return Decimal(number).scaleb(-scale, _EXACT), end

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
    # Most fields are texts, and most texts are short: for those, a call each would be a third of the cost.
    parts = [(name, None if read is _string else read) for name, read in fields]

    def read(raw: bytes, at: int) -> tuple[dict[str, Any], int]:
        document: dict[str, Any] = {}
        for name, read_field in parts:
            if read_field is not None:
                document[name], at = read_field(raw, at)
                continue
            length = raw[at]
            if length >= 0x80 or length & 1:
                document[name], at = _string(raw, at)
                continue
            start = at + 1
            at = start + (length >> 1)
            text = raw[start:at]
            if len(text) < length >> 1:
                raise IndexError
            try:
                document[name] = text.decode()
            except UnicodeDecodeError:
                raise _not_utf8(at) from None
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
        while count := raw[at]:
            if count < 0x80 and not count & 1:
                count, at = count >> 1, at + 1
            else:
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
