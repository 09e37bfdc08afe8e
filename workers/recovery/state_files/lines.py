"""The lines of a state file: what each is, as JSON, and how a part of a file is closed.

A file has parts; each is of one partition, or of what all partitions share. A part begins with a line that says so,
and ends with one that counts its lines and has a hash of them: a part that was cut, changed or mixed with another is
noticed. Keys that are not known are refused. Reads and writes no file.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from workers.customer_facts.facts import CustomerFacts
from workers.kafka.records import OutboxRecord, PlacedRecord
from workers.sealed_lines import DamagedFile
from workers.state.held_actions import Order

FORMAT: Final = 3
"""Of the files that this release writes. It reads those up to it. Since 2 they hold marks, since 3 the book."""

Offset = Annotated[int, Meta(ge=-1, le=(1 << 62))]
Number = Annotated[int, Meta(ge=0, le=(1 << 62))]
EpochMs = Annotated[int, Meta(ge=-(1 << 54), le=1 << 54)]
Ref = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]


class Bytes(msgspec.Struct, forbid_unknown_fields=True):
    """Bytes that are no text."""

    base64: str


Raw = str | Bytes | None
"""Bytes, as text if they are text."""


class _Line(msgspec.Struct, tag_field="line", forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """One line of a file."""


class PartitionHead(_Line, tag="partition", kw_only=True):
    """Begins the part of one partition.

    Attributes:
        format: of this file.
        release: of Linger, which wrote it.
        written_at: when, ISO 8601.
        namespace: where it was stored.
        topic, topic_id: of the activity topic; the id is None if the broker reports none.
        partition: number of the partition.
        partitions: how many the activity topic has.
        offset: the next offset to fold; -1 if nothing of the partition was ever read.
        generation, rules: of the rule set that decided last, and its hash; "" if none did.
        rule_versions: of the rules in that set, if the rule files of the export were that set.
        meaning: number of the meaning of rules, and the generation with which it began.
        high_waters: by source partition (`topic:partition`, and `+` for those of items), the highest folded one.
        since: by series, since when it is watched (milliseconds since 1970).
        counters: by name.
        fields: everything else that the partition's `meta` holds, by name.
        published: by topic, the end of this partition when the export began: what was published up to then.
        marks_key: what shows the key under which its marks stand; "" if there was no key.
        experiments: figures of experiments, by name.
    """

    format: int
    release: str
    written_at: str
    namespace: str
    topic: str
    topic_id: str | None
    partition: Number
    partitions: Annotated[int, Meta(ge=1)]
    offset: Offset
    generation: Number
    rules: str
    rule_versions: dict[str, str] = {}
    meaning: str = ""
    high_waters: dict[str, Offset] = {}
    since: dict[str, EpochMs] = {}
    counters: dict[str, Annotated[int, Meta(ge=-(1 << 62), le=1 << 62)]] = {}
    fields: dict[str, str] = {}
    published: dict[str, Number] = {}
    marks_key: str = ""
    experiments: dict[str, Annotated[int, Meta(ge=-(1 << 62), le=1 << 62)]] = {}


class SharedHead(_Line, tag="shared", kw_only=True):
    """Begins the part of what all partitions share."""

    format: int
    release: str
    written_at: str
    namespace: str


class SharedHash(_Line, tag="hash", kw_only=True):
    """A hash that all partitions share.

    Attributes:
        name: of its key, without the namespace.
        fields: its content.
    """

    name: str
    fields: dict[str, str | Bytes]


class PaceCounter(_Line, tag="pace", kw_only=True):
    """How many actions of a rule were published in one period."""

    rule: str
    period: Number
    number: Number


class CustomerLine(_Line, tag="customer", kw_only=True):
    """What is stored of one customer."""

    customer: str
    facts: CustomerFacts


class QueueLine(_Line, tag="queue", kw_only=True):
    """Customers who are decided at a due time, or once a type has been seen up to a moment.

    Attributes:
        waits_for: the event type, None for those with a due time.
        at: by customer, milliseconds since 1970.
    """

    waits_for: str | None = None
    at: dict[str, EpochMs]


class RecordLine(_Line, tag="outbox", kw_only=True):
    """A record that Kafka has not confirmed; those of a part are in order.

    Attributes:
        topic, key, value, headers: of the record.
        partition: to which it goes; None if that is the partition of its key.
    """

    topic: str
    key: Raw
    value: Raw
    headers: list[tuple[str, Raw]]
    partition: Number | None = None


class HeldLine(_Line, tag="held", kw_only=True):
    """An action that is held, and its record."""

    rule: str
    because: Literal["pace", "pause", "brake"]
    action_id: str
    decided: EpochMs
    topic: str
    key: Raw
    value: Raw
    headers: list[tuple[str, Raw]]


class OrderLine(_Line, tag="order", kw_only=True):
    """An operator's order for a held action; those of a part are in order."""

    what: Literal["release", "discard"]
    rule: str
    action_id: str


class MarkLine(_Line, tag="mark", kw_only=True):
    """What must not be forgotten of a customer; moments in milliseconds since 1970, 0 for never.

    Attributes:
        ref: the keyed hash of the customer's id, in hexadecimal digits.
        topic_id: of the activity topic that the offsets are of.
        suppressed_ms, suppressed_at: since when the customer is suppressed, and the offset of the order.
        opted_out_ms, opted_out_at: the same of an opt-out.
        erased_ms, erased_at: the same of an erasure.
    """

    ref: Ref
    topic_id: str = ""
    suppressed_ms: EpochMs = 0
    suppressed_at: Offset = -1
    opted_out_ms: EpochMs = 0
    opted_out_at: Offset = -1
    erased_ms: EpochMs = 0
    erased_at: Offset = -1


class BookLine(_Line, tag="book", kw_only=True):
    """What the partition has counted of a day of the book that was open.

    Attributes:
        day: counted from 1970.
        facts, lasting: by field of the book: what a rebuild counts again, and what it does not.
    """

    day: Number
    facts: dict[str, int] = {}
    lasting: dict[str, int] = {}


class End(_Line, tag="end", kw_only=True):
    """Closes a part.

    Attributes:
        lines: how many it has, without this one.
        unreadable: customers who are stored and left out, because they cannot be read.
        checksum: of these lines.
    """

    lines: Number
    unreadable: Number = 0
    checksum: str


Head = PartitionHead | SharedHead
Inner = CustomerLine | QueueLine | RecordLine | HeldLine | OrderLine | MarkLine | BookLine | SharedHash | PaceCounter
Line = Head | Inner | End

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Line).decode


class _Beginning(msgspec.Struct):
    line: str
    format: int


_decode_beginning = msgspec.json.Decoder(_Beginning).decode


def encode_line(line: Line) -> bytes:
    """Return a line as JSON, without a line break."""
    return _encode(line)


def decode_head(raw: bytes) -> Head:
    """Read the first line of a part.

    Raises:
        DamagedFile: if it is none, or a later release wrote it.
    """
    try:
        beginning = _decode_beginning(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise DamagedFile("this is no state file of Linger: it does not begin as one") from None
    if beginning.format > FORMAT:
        raise DamagedFile(
            f"its format is {beginning.format}, this release reads {FORMAT} and below: a later release of Linger "
            "wrote it; use that release"
        )
    line = decode_line(raw)
    if not isinstance(line, Head):
        raise DamagedFile("a part of it does not begin with what it is about")
    return line


def decode_line(raw: bytes) -> Line:
    """Read a line.

    Raises:
        DamagedFile: if it is none.
    """
    try:
        line: Line = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DamagedFile(f"it cannot be read: {error}") from None
    return line


def raw_text(raw: bytes | None) -> Raw:
    """Return bytes as a line has them."""
    if raw is None:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return Bytes(b64encode(raw).decode())


def raw_bytes(written: Raw) -> bytes | None:
    """Return the bytes that `raw_text` wrote.

    Raises:
        DamagedFile: if they are not base64.
    """
    if written is None:
        return None
    if isinstance(written, str):
        return written.encode()
    try:
        return b64decode(written.base64, validate=True)
    except ValueError:
        raise DamagedFile("bytes that are not written in base64") from None


def record_fields(record: OutboxRecord) -> dict[str, Any]:
    """Return the fields of a line that holds a record."""
    placed = {"partition": record.partition} if isinstance(record, PlacedRecord) else {}
    return {
        "topic": record.topic,
        "key": raw_text(record.key),
        "value": raw_text(record.value),
        "headers": [(name, raw_text(value)) for name, value in record.headers],
        **placed,
    }


def record_of(line: RecordLine | HeldLine) -> OutboxRecord:
    """Return the record that a line holds."""
    headers = tuple((name, raw_bytes(value)) for name, value in line.headers)
    fields = (line.topic, raw_bytes(line.key), raw_bytes(line.value), headers)
    if isinstance(line, RecordLine) and line.partition is not None:
        return PlacedRecord(*fields, line.partition)
    return OutboxRecord(*fields)


def order_of(line: OrderLine) -> Order:
    """Return the order that a line holds."""
    return Order(line.what, line.rule, line.action_id)


def hash_fields(fields: Mapping[bytes, bytes]) -> dict[str, str | Bytes]:
    """Return the fields of a shared hash as a line has them."""
    return {name.decode(): raw_text(value) or "" for name, value in fields.items()}
