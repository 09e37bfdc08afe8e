"""Samples: records to look at, from files of any usual form or from the newest of a topic.

A file may hold JSON lines, pretty-printed documents one after the other, one list, what `kcat -J` printed (with key
and headers), a table with a header, or one value in any other form. A broken line is a sample too: it is shown how it
would be refused.
"""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import orjson
from aiokafka import ConsumerRecord

from workers.core.mapping.record import SourceRecord
from workers.errors import StartupError
from workers.histories.files import enveloped
from workers.histories.topics import source_record

__all__ = ["Given", "Sample", "samples_in_file", "samples_in_text", "samples_of_topic"]

_GZIP: Final = b"\x1f\x8b"
_TEXTS: Final = (".csv", ".tsv", ".jsonl", ".ndjson")
_BOM: Final = b"\xef\xbb\xbf"
_OPENING: Final = ("{", "[")
_TOMBSTONE: Final = b"null"
_DELIMITERS: Final = ",;\t|"
_FEWEST_SNOWPLOW_TABS: Final = 100
_WHITE: Final = " \t\r\n"
_decoder: Final = json.JSONDecoder()


class Sample(NamedTuple):
    """One record to look at.

    Attributes:
        place: where it is from, such as `orders.json:12` or `shop.orders:0:4711`.
        record: the record as intake would get it.
    """

    place: str
    record: SourceRecord


class Given(NamedTuple):
    """What a file of plain values does not say of its records.

    Attributes:
        topic: the topic that they are taken to be from.
        key: their Kafka key, None for none.
        headers: their Kafka headers.
        timestamp_ms: their Kafka timestamp, epoch milliseconds.
        lists_are_records: a list is one record, because its mapping takes it apart.
    """

    topic: str
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()
    timestamp_ms: int = 0
    lists_are_records: bool = False


def samples_of_topic(records: Sequence[ConsumerRecord]) -> list[Sample]:
    """Return records of Kafka as samples, each named by its position."""
    return [Sample(f"{record.topic}:{record.partition}:{record.offset}", source_record(record)) for record in records]


def samples_in_file(path: Path, given: Given) -> list[Sample]:
    """Read the records in a file, plain or gzipped.

    Raises:
        StartupError: if the file cannot be read, or is empty.
    """
    try:
        content = path.read_bytes()
        if content.startswith(_GZIP):
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StartupError([f"{path} cannot be read: {reason}"]) from error
    if not content.strip():
        raise StartupError([f"{path} is empty: there is no record in it"])
    return samples_in_text(str(path), content, given)


def samples_in_text(name: str, content: bytes, given: Given) -> list[Sample]:
    """Return the records in the content of a file.

    Args:
        name: of the file, for the places and for its suffix.
        content: its bytes, not compressed.
        given: what the records have beside their values.
    """
    samples = []
    for number, (line, value) in enumerate(_values(name, content, given)):
        envelope = enveloped(value)
        if envelope is not None:
            record, place = envelope, f"{name}:{line}"
        else:
            content_or_none = None if value.strip() == _TOMBSTONE else value
            place = f"{name}:{line}"
            record = SourceRecord(
                given.topic, 0, number, given.timestamp_ms, given.key, content_or_none, tuple(given.headers)
            )
        samples.append(Sample(place, record))
    return samples


def _values(name: str, content: bytes, given: Given) -> Iterator[tuple[int, bytes]]:
    """Yield the line on which each value begins, and its bytes."""
    suffix = Path(name.removesuffix(".gz")).suffix.lower()
    try:
        text = content.removeprefix(_BOM).decode()
    except UnicodeDecodeError as error:
        if suffix in _TEXTS:
            before = content.removeprefix(_BOM)[: error.start].decode()
            line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
            found = f"0x{content.removeprefix(_BOM)[error.start]:02X}"
            message = f"{name}:{line}:{column}: is not UTF-8: found the byte {found}; save the file as UTF-8"
            raise StartupError([message]) from error
        yield 1, content  # a value that is no text, such as a schema registry's
        return
    first_line = text.partition("\n")[0]
    if text.lstrip(_WHITE).startswith(_OPENING) or first_line.strip() == "null":
        yield from _documents(text, given)
    elif first_line.count("\t") >= _FEWEST_SNOWPLOW_TABS:
        yield from ((number, line.encode()) for number, line in enumerate(text.splitlines(), 1) if line.strip())
    elif suffix in (".csv", ".tsv"):
        yield from _rows(text)
    elif suffix in (".jsonl", ".ndjson"):
        yield from ((number, line.encode()) for number, line in enumerate(text.splitlines(), 1) if line.strip())
    else:
        yield 1, content


def _documents(text: str, given: Given) -> Iterator[tuple[int, bytes]]:
    """Yield JSON documents that follow one another, in any layout, exactly as they are written."""
    at = _skip_white(text, 0)
    line, counted = 1, 0
    while at < len(text):
        line, counted = line + text.count("\n", counted, at), at
        end = _end_of(text, at)
        if end is None:
            end = _next_beginning(text, at)
            yield line, text[at:end].strip().encode()
        elif text[at] == "[" and not given.lists_are_records:
            for begins, value in _items(text, at):
                yield line + text.count("\n", at, begins), value
        else:
            yield line, text[at:end].encode()
        at = _skip_white(text, end)


def _items(text: str, at: int) -> Iterator[tuple[int, bytes]]:
    at = _skip_white(text, at + 1)
    while text[at] != "]":
        end = _end_of(text, at)
        assert end is not None, "the list as a whole was read"
        yield at, text[at:end].encode()
        at = _skip_white(text, end)
        if text[at] == ",":
            at = _skip_white(text, at + 1)


def _end_of(text: str, at: int) -> int | None:
    """Return where the document that begins here ends, None if it is broken."""
    try:
        return _decoder.raw_decode(text, at)[1]
    except (json.JSONDecodeError, RecursionError):
        return None


def _next_beginning(text: str, at: int) -> int:
    """Return where the next document begins after a broken one: on a line that opens one."""
    end = text.find("\n", at)
    while end != -1 and not text.startswith(_OPENING, end + 1):
        end = text.find("\n", end + 1)
    return len(text) if end == -1 else end + 1


def _skip_white(text: str, at: int) -> int:
    while at < len(text) and text[at] in _WHITE:
        at += 1
    return at


def _rows(text: str) -> Iterator[tuple[int, bytes]]:
    """Yield the rows of a table as objects of texts under the names of the columns."""
    header = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=header.count)
    rows = csv.DictReader(io.StringIO(text), delimiter=delimiter)
    for row in rows:
        named = {name.strip(): value for name, value in row.items() if name and isinstance(value, str)}
        yield rows.line_num, orjson.dumps(named)
