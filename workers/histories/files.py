"""Histories in files: canonical events or source records, as JSON lines or tables (CSV), plain or gzipped.

A history is read once, in the order of its files. Records that cannot be read are counted and reported, never guessed
at. All ways of reading a history share two things of this module: the `Gathering`, and the readers that turn a record
into an event.
"""

import csv
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import orjson

from schemas.attribute_types import BUILT_IN_TYPES
from schemas.events import Event, InvalidEvent, LeftOut
from schemas.sources import Source
from workers.core.events.decoding import DecodedEvent
from workers.core.mapping.converter import compile_untrusted_reader, written_and_read
from workers.core.mapping.documents import ReadValue
from workers.core.mapping.mapper import compile_source_of_many
from workers.core.mapping.record import SourceRecord
from workers.core.mapping.skipped import Skipped
from workers.errors import StartupError
from workers.histories.personal import without_values
from workers.histories.plain_events import NOT_PLAIN, PlainReader
from workers.histories.seen_values import TakesEvents

__all__ = [
    "CanonicalReader",
    "SourceReader",
    "Gathering",
    "canonical_reader",
    "enveloped",
    "files_of",
    "source_reader",
    "read_file",
]

Raw = TypeVar("Raw")
SourceReader = Callable[[SourceRecord], Sequence[DecodedEvent | InvalidEvent | None]]
"""Turns a record into one entry an item: its event, why it cannot be read, or None if the source skips it.

Raises `InvalidEvent` if the record as a whole cannot be read.
"""

CanonicalReader = Callable[[bytes | None], Sequence[DecodedEvent | None]]
"""Turns the bytes of a canonical event into that one event, or a tombstone into None. Raises `InvalidEvent`."""

ReportPosition = Callable[[int], object]
"""Called now and then with the position in a file, in bytes."""

_LINES: Final = frozenset({".jsonl", ".ndjson", ".json"})
_TABLES: Final = frozenset({".csv", ".tsv"})
_GZIP: Final = b"\x1f\x8b"
_BUFFER_BYTES: Final = 1 << 18
_REPORT_EVERY_LINES: Final = 4096
_MAX_EXAMPLES: Final = 5
_HOPELESS_BEGINNING: Final = 1000
"""Reading stops if none of the first records can be read, this many of them."""

_REQUIRED: Final = ("customer_id", "type", "occurred_at")
_FIELDS: Final = frozenset({"event_id", "type", "customer_id", "occurred_at", "history_until"})
_TIMES: Final = ("occurred_at", "effective_at", "history_until")
_DELIMITERS: Final = ",;\t|"
_ZONE: Final = re.compile(r"(Z|[+-][0-9]{2}:?[0-9]{2})$", re.IGNORECASE)
_AS_TEXT: Final = ":text"


class Gathering:
    """The events of a history, and counts of the records read so far.

    Args:
        store: takes the events.
        latest: the latest plausible time; a later event is rejected.
        hash_key: the key of values that sources say are `hashed`.
        plain: reads the plain ones of canonical events; None if there is none.
        personal: the personal attributes, as `type.attribute`; examples quote no value of theirs.

    Attributes:
        store: the events.
        latest: the latest plausible time.
        hash_key: the key of values that sources say are `hashed`.
        events: number of events.
        skipped: number of records that a source's `only_when` leaves out.
        unreadable: number of records that cannot be read, by reason.
        examples: the first of them, as `place:number: reason: detail`.
        left_out: number of optional values that were cut or left out, by `type.attribute` and reason.
        without_zone: number of times in tables without a time zone, which are read as UTC.
        first_ms, last_ms: the earliest and the latest event, UTC epoch milliseconds; 0 if there is none.
    """

    def __init__(
        self,
        store: TakesEvents,
        latest: datetime,
        hash_key: bytes | None = None,
        plain: PlainReader | None = None,
        personal: Collection[str] = (),
    ) -> None:
        self.store = store
        self.latest = latest
        self.hash_key = hash_key
        self.events = 0
        self.skipped = 0
        self.unreadable: Counter[str] = Counter()
        self.left_out: Counter[tuple[str, str]] = Counter()
        self.examples: list[str] = []
        self.without_zone = 0
        self.first_ms = 0
        self.last_ms = 0
        self._latest_ms = int(latest.timestamp() * 1000)
        self._plain = plain
        self._personal = personal

    def take(
        self,
        place: str,
        number: int,
        read: Callable[[Raw], Sequence[DecodedEvent | InvalidEvent | None]],
        record: Raw,
    ) -> None:
        """Read one record and keep its events, or count why it has none.

        Args:
            place: its file or partition.
            number: its line or offset.
            read: the reader of its source.
            record: the record.

        Raises:
            StartupError: if none of the first 1,000 records can be read.
        """
        try:
            entries = read(record)
        except InvalidEvent as error:
            self.refuse(place, number, error)
            return
        for entry in entries:
            if entry is None:
                self.skipped += 1
            elif isinstance(entry, InvalidEvent):
                self.refuse(place, number, entry)
            else:
                self._keep(place, number, entry)

    def take_plain(self, raw: bytes) -> bool:
        """Keep a canonical event if it is a plain one; return whether it is."""
        at_ms = NOT_PLAIN if self._plain is None else self._plain.take(raw, self._latest_ms)
        if at_ms == NOT_PLAIN:
            return False
        self._note_moment(at_ms)
        return True

    def _note_moment(self, at_ms: int) -> None:
        """Count an event that is kept."""
        if at_ms > self.last_ms:
            self.last_ms = at_ms
        if at_ms < self.first_ms or not self.events:
            self.first_ms = at_ms
        self.events += 1

    def _keep(self, place: str, number: int, event: DecodedEvent) -> None:
        at_ms = event.at_ms
        if at_ms > self._latest_ms:
            detail = f"'occurred_at' is {_iso(at_ms)}, after {self.latest.isoformat(timespec='seconds')}"
            self.refuse(place, number, InvalidEvent("future_time", detail))
            return
        self._note_moment(at_ms)
        self.store.add(event)

    def note_left_out(self, event_type: str, left_out: LeftOut) -> None:
        """Count optional values that an event was read without."""
        self.left_out.update((f"{event_type}.{name}", reason) for name, reason in left_out)

    def refuse(self, place: str, number: int, error: InvalidEvent) -> None:
        """Count a record that cannot be read.

        Raises:
            StartupError: if none of the first 1,000 records can be read.
        """
        self.unreadable[error.reason] += 1
        if len(self.examples) < _MAX_EXAMPLES:
            self.examples.append(f"{place}:{number}: {without_values(error, self._personal)}")
        if not self.events + self.skipped and self.unreadable.total() >= _HOPELESS_BEGINNING:
            self.check(" at its beginning")

    def check(self, part: str = "") -> None:
        """Reject a history that cannot be read or has no events.

        Args:
            part: which records were read, for the message; empty for all.

        Raises:
            StartupError: if more than half of the records cannot be read, or there is no event.
        """
        unreadable = self.unreadable.total()
        records = self.events + self.skipped + unreadable
        if unreadable * 2 > records:
            reasons = ", ".join(f"{reason} {count:,}" for reason, count in self.unreadable.most_common())
            summary = f"{unreadable:,} of {records:,} records{part} cannot be read ({reasons}); the first are"
            raise StartupError([summary, *self.examples])
        if not self.events:
            skipped = f"; {self.skipped:,} records were left out by 'only_when'" if self.skipped else ""
            raise StartupError([f"the history has no events{skipped}"])


# -- records -> events -----------------------------------------------------------------------------------------


def canonical_reader(declared: Collection[str], gathering: Gathering) -> CanonicalReader:
    """Return the reader of Linger's own events, which accepts what a canonical source accepts.

    Args:
        declared: the event types declared beyond the built-in ones.
        gathering: knows the latest plausible time, and counts what is cut or left out.
    """
    untrusted, latest_ms = compile_untrusted_reader(declared), round(gathering.latest.timestamp() * 1000)

    def read(raw: bytes | None) -> Sequence[DecodedEvent | None]:
        if raw is None:
            return (None,)
        event, left_out = untrusted(raw, latest_ms)
        if left_out:
            gathering.note_left_out(event.type, left_out)
        return (event,)

    return read


def source_reader(
    source: Source, declared: Collection[str], gathering: Gathering, read_value: ReadValue | None = None
) -> SourceReader:
    """Return the reader of a source's records, which maps them as intake does.

    Args:
        source: whose records to read.
        declared: the event types declared beyond the built-in ones.
        gathering: knows the latest plausible time and the key of `hashed`, and counts what is cut or left out.
        read_value: reads the value of a record whose schema is in a registry.

    Raises:
        StartupError: if the source needs a key or a reader that is not there.
    """
    try:
        mapper = compile_source_of_many(source, declared, gathering.hash_key, read_value)
    except ValueError as error:
        raise StartupError([str(error)]) from None

    def read_item(event: Event | Skipped | InvalidEvent) -> DecodedEvent | InvalidEvent | None:
        if isinstance(event, Skipped):
            return None
        if isinstance(event, InvalidEvent):
            return event
        if left_out := event.left_out():
            gathering.note_left_out(event.type, left_out)
        try:
            return written_and_read(event, declared)
        except InvalidEvent as error:
            return error

    return lambda record: [read_item(event) for event in mapper(record, gathering.latest)]


# -- files -----------------------------------------------------------------------------------------------------


def files_of(history: str) -> list[Path]:
    """Return the files of a history: one file, or the files in a folder with a known suffix.

    Raises:
        StartupError: if the path does not exist, or the folder has no such file.
    """
    path = Path(history)
    if not path.is_dir():
        if not path.exists():
            raise StartupError(
                [
                    f"there is no history '{history}'; name a file of events (.jsonl or .csv, also with .gz), "
                    "a folder of such files, topic:NAME, or cdnow or simulated to try"
                ]
            )
        return [path]
    files = sorted(file for file in path.iterdir() if _kind(file) is not None and file.is_file())
    if not files:
        raise StartupError([f"the folder {history} has no .jsonl, .ndjson, .csv or .tsv files, with or without .gz"])
    return files


def read_file(
    path: Path,
    gathering: Gathering,
    declared: Collection[str],
    source: Source | None = None,
    report_position: ReportPosition = lambda _: None,
) -> None:
    """Read one file to its end.

    Args:
        path: JSON lines or a table with a header, by its suffix or else by its first bytes.
        gathering: takes the events.
        declared: the event types declared beyond the built-in ones.
        source: the source of the records; None for canonical events.
        report_position: called with the position in the file.

    Raises:
        StartupError: if the file cannot be read, or its kind is not known.
    """
    try:
        with _opened(path) as (stream, raw):
            kind = _kind(path) or _kind_by_content(stream)
            beginning = stream.peek(512).removeprefix(b"\xef\xbb\xbf").lstrip()
            holds_lists = source is not None and source.has_many()
            if kind in _LINES and beginning.startswith(b"[") and not holds_lists:
                problem = "this is one JSON list; write one event per line, for example with: jq -c '.[]'"
                raise StartupError([f"{path}: {problem}"])
            is_table = kind in _TABLES
            lines = _table(path, stream, gathering, canonical=source is None) if is_table else _lines(stream)
            position = raw.tell  # codespell:ignore tell
            _read_lines(str(path), lines, gathering, declared, source, lambda: report_position(position()))
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StartupError([f"{path} cannot be read to its end: {reason}"]) from error


def _kind(path: Path) -> str | None:
    suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
    return suffix if suffix in _LINES | _TABLES else None


def _kind_by_content(stream: "io.BufferedReader[Any]") -> str:
    return ".jsonl" if stream.peek(512).lstrip()[:1] in (b"{", b"[") else ".csv"


@contextmanager
def _opened(path: Path) -> "Iterator[tuple[io.BufferedReader[Any], io.BufferedReader[Any]]]":
    """Open a file, compressed or not. The second stream is the file itself, whose position is the progress."""
    with io.BufferedReader(path.open("rb", buffering=0), _BUFFER_BYTES) as raw:
        if raw.peek(2)[:2] == _GZIP:
            with gzip.open(raw) as unpacked, io.BufferedReader(cast(Any, unpacked), _BUFFER_BYTES) as stream:
                yield stream, raw
        else:
            yield raw, raw


_TOMBSTONE: Final = b"null"
"""What consumers on the command line print for a record without a value."""
_Lines = Iterator[tuple[int, bytes | InvalidEvent]]
"""Line numbers, and the JSON of each line or why there is none."""


def _read_lines(
    place: str,
    lines: _Lines,
    gathering: Gathering,
    declared: Collection[str],
    source: Source | None,
    report: Callable[[], object],
) -> None:
    canonical = canonical_reader(declared, gathering)
    foreign = None if source is None else source_reader(source, declared, gathering)
    topic = "" if source is None else source.topic
    take, take_plain = gathering.take, gathering.take_plain
    for line, value in lines:
        if value.__class__ is not bytes:
            gathering.refuse(place, line, cast(InvalidEvent, value))
        elif foreign is None and take_plain(value):
            pass
        elif value.strip() == _TOMBSTONE:
            gathering.skipped += 1
        elif foreign is None:
            take(place, line, canonical, value)
        else:
            one = enveloped(value) or SourceRecord(topic, 0, line, 0, None, value, ())
            take(place, line, foreign, one)
        if not line % _REPORT_EVERY_LINES:
            report()
    report()


def _lines(stream: Iterable[bytes]) -> _Lines:
    for number, line in enumerate(stream, start=1):
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line.isspace():
            yield number, line


def enveloped(line: bytes) -> SourceRecord | None:
    """Return the record in a line that `kcat -J` wrote, with topic, offset, key and headers; None for other lines."""
    if b'"payload"' not in line or b'"offset"' not in line:
        return None
    try:
        envelope = orjson.loads(line)
        payload, key, headers = envelope["payload"], envelope.get("key"), envelope.get("headers") or []
        if isinstance(payload, dict | list):
            payload = orjson.dumps(payload).decode()
        return SourceRecord(
            str(envelope["topic"]),
            int(envelope["partition"]),
            int(envelope["offset"]),
            int(envelope.get("ts") or 0),
            None if key is None else str(key).encode(),
            None if payload is None else payload.encode(),
            [(name, value.encode()) for name, value in zip(headers[::2], headers[1::2], strict=True)],
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        return None


# -- tables ----------------------------------------------------------------------------------------------------


def _table(path: Path, stream: "io.BufferedReader[Any]", gathering: Gathering, *, canonical: bool) -> _Lines:
    """Yield the rows of a table whose first line names the columns.

    A column named like a field of the row's event type is that field; every other column is an attribute
    (`name:text` is called `name`). So `amount` is a field of a purchase, and an attribute of a declared type. Its
    values are texts, which count as the type of the attribute like the texts of any other source. Empty
    attributes are left out. A time without a zone is read as UTC. A row without an `event_id` gets a unique one. In
    an export of a source, each row is an object of texts under the columns' names, for the mapping of the source.
    """
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    header = text.readline()
    delimiter = max(_DELIMITERS, key=header.count)
    columns = [name.strip() for name in next(csv.reader([header], delimiter=delimiter), [])]
    _check_columns(path, columns, canonical=canonical)
    rows = csv.reader(text, delimiter=delimiter)
    document_of = _row_as_event(columns, gathering) if canonical else _row_as_it_is
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            yield rows.line_num + 1, InvalidEvent("not_a_row", str(error))
            continue
        if row is None:
            break
        if not row:
            continue
        line = rows.line_num + 1
        if len(row) > len(columns):
            yield line, InvalidEvent("not_a_row", f"{len(row)} values under {len(columns)} columns")
            continue
        try:
            value = orjson.dumps(document_of(columns, row, line))
        except orjson.JSONEncodeError:
            yield line, InvalidEvent("bad_text", "a value is not UTF-8")
            continue
        yield line, value
    text.detach()


def _check_columns(path: Path, columns: Sequence[str], *, canonical: bool) -> None:
    duplicates = sorted({name for name in columns if columns.count(name) > 1})
    missing = [name for name in _REQUIRED if canonical and name not in columns]
    if duplicates:
        raise StartupError([f"{path}:1: two columns are called {', '.join(duplicates)}"])
    if missing:
        raise StartupError(
            [
                f"{path}:1: the first line must name the columns {', '.join(_REQUIRED)}; "
                f"{', '.join(missing)} missing, found {', '.join(columns) or 'nothing'}. "
                "For records in another format, name their source: --source TOPIC"
            ]
        )


_RowReader = Callable[[Sequence[str], Sequence[str], int], dict[str, Any]]


def _row_as_it_is(columns: Sequence[str], row: Sequence[str], line: int) -> dict[str, Any]:
    return {name: value for name, value in zip(columns, row, strict=False) if value}


def _row_as_event(columns: Sequence[str], gathering: Gathering) -> _RowReader:
    fields = [(column, name) for column, name in enumerate(columns) if name in _FIELDS]
    attributes = [(column, name.removesuffix(_AS_TEXT)) for column, name in enumerate(columns) if name not in _FIELDS]

    def read(_: Sequence[str], row: Sequence[str], line: int) -> dict[str, Any]:
        width = len(row)
        event: dict[str, Any] = {
            name: row[column].strip() for column, name in fields if column < width and row[column]
        }
        event.setdefault("event_id", f"line {line}")
        values = {name: row[column] for column, name in attributes if column < width and row[column]}
        for name in [name for name in values if f"{event.get('type')}.{name}" in BUILT_IN_TYPES]:
            event[name] = values.pop(name).strip()
        for name in _TIMES:
            if (text := event.get(name)) is not None and not _ZONE.search(text, 10):
                event[name] = _in_utc(text, gathering)
        if values:
            event["attributes"] = values
        return event

    return read


def _in_utc(text: str, gathering: Gathering) -> str:
    if text[4:5] != "-":
        return text  # a number, whose unit is not known here
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    gathering.without_zone += 1
    return moment.replace(tzinfo=UTC).isoformat()


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")
