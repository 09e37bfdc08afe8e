"""Events of a history, grouped by customer without holding all of them in memory.

Every customer belongs to one of `PARTS` parts, by a checksum of the id. A part keeps its events packed as bytes, in
memory and above a limit in a file. It is unpacked when its customers are read.
"""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from operator import attrgetter
from pathlib import Path
from struct import Struct
from types import TracebackType
from typing import Any, Final, Self
from zlib import crc32

import msgspec

from workers.core.events.decoding import DecodedEvent
from workers.core.events.plain import PlainEvent

PARTS: Final = 256
MEMORY_BYTES: Final = 64 << 20
"""Packed events above this limit all go to files."""
PART_BYTES: Final = 16 << 20
"""A part with more packed bytes is divided again. Unpacked events take five to ten times as much."""

PENDING_EVENTS: Final = 1 << 15
"""Events are packed this many at a time."""

_DEEPEST: Final = 3  # a checksum of 32 bits can be divided four times; a single customer cannot be divided
_LENGTH_BYTES: Final = 8
_INT64: Final = 1 << 63
_at_ms = attrgetter("at_ms")
_plain: Final = Struct("<qqqH")
"""Of a plain event: its time, amount, fingerprint and type; behind them is the customer's id."""
_BEHIND: Final = _plain.size
StoredEvent = DecodedEvent | PlainEvent


class _Packed(msgspec.Struct, array_like=True, gc=False):
    """A packed event. Msgpack has no decimals and no integers beyond 64 bits.

    Attributes:
        event_id, type, customer_id, at_ms: of the event.
        attributes: of the event, without decimals and large integers.
        amount: the amount, if it is a decimal.
        decimals: other decimals, and integers beyond 64 bits, by attribute.
        history_ms: of the event.
    """

    event_id: str
    type: str
    customer_id: str
    at_ms: int
    attributes: dict[str, Any]
    amount: Decimal | None = None
    decimals: dict[str, Decimal] | None = None
    history_ms: int = 0


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[bytes | _Packed]).decode


@dataclass(slots=True)
class Part:
    """All events of some customers. Once spilled to its file, a part can be sent to another process.

    Attributes:
        path: its file, which exists once the part was spilled.
        level: how often the events were divided before.
        size_bytes: packed bytes, in memory and in the file.
        events: number of events.
        in_memory: packed chunks that are not in the file.
    """

    path: Path
    level: int
    size_bytes: int = 0
    events: int = 0
    in_memory: list[bytes] = field(default_factory=list)

    def customers(self, max_bytes: int = PART_BYTES) -> Iterator[tuple[str, list[StoredEvent]]]:
        """Yield each customer with their events in time order; simultaneous ones in the order they were added.

        Of a plain event, the id is not kept: its `event_id` is empty, its fingerprint is there.

        Args:
            max_bytes: a part with more packed bytes is divided first.
        """
        if self.size_bytes > max_bytes and self.level < _DEEPEST:
            yield from self._divided(max_bytes)
            return
        by_customer: dict[bytes, list[StoredEvent]] = {}
        for chunk in self._chunks():
            for packed in _unpack(chunk):
                event: StoredEvent
                if packed.__class__ is bytes:
                    customer = packed[_BEHIND:]
                    at_ms, amount, fingerprint, place = _plain.unpack_from(packed)
                    event = PlainEvent(place, at_ms, amount, fingerprint, b"")
                else:
                    event = _unpacked(packed)
                    customer = event.customer_id.encode()
                events = by_customer.get(customer)
                if events is None:
                    by_customer[customer] = [event]
                else:
                    events.append(event)
        while by_customer:
            customer, events = by_customer.popitem()
            events.sort(key=_at_ms)
            yield customer.decode(), events

    def _divided(self, max_bytes: int) -> Iterator[tuple[str, list[StoredEvent]]]:
        with EventsByCustomer(self.path.with_suffix(".parts"), max_bytes, level=self.level + 1) as smaller:
            for chunk in self._chunks():
                for packed in _unpack(chunk):
                    if packed.__class__ is bytes:
                        smaller.add_packed(packed)
                    else:
                        smaller.add(_unpacked(packed))
            for part in smaller.parts():
                yield from part.customers(max_bytes)

    def _chunks(self) -> Iterator[bytes]:
        if self.path.exists():
            with self.path.open("rb") as file:
                while head := file.read(_LENGTH_BYTES):
                    yield file.read(int.from_bytes(head, "little"))
        yield from self.in_memory

    def spill(self) -> None:
        """Append the chunks in memory to the file."""
        if self.in_memory:
            with self.path.open("ab") as file:
                for chunk in self.in_memory:
                    file.write(len(chunk).to_bytes(_LENGTH_BYTES, "little"))
                    file.write(chunk)
            self.in_memory = []


class EventsByCustomer:
    """Takes events in any order and returns them by customer; a context manager that removes its files."""

    def __init__(
        self,
        folder: Path | None = None,
        memory_bytes: int = MEMORY_BYTES,
        pending_events: int = PENDING_EVENTS,
        level: int = 0,
    ) -> None:
        """Create an empty collection.

        Args:
            folder: for the files; created, and removed with its content. None for a temporary one.
            memory_bytes: packed bytes kept in memory.
            pending_events: unpacked events kept in memory.
            level: how often the events were divided before.
        """
        self._folder = Path(tempfile.mkdtemp(prefix="linger-history-")) if folder is None else folder
        self._folder.mkdir(exist_ok=True)
        self._memory_bytes = memory_bytes
        self._shift = 8 * level
        self._parts = [Part(self._folder / f"{index:03}", level) for index in range(PARTS)]
        self._pending: list[list[bytes | DecodedEvent]] = [[] for _ in range(PARTS)]
        self._pending_events = 0
        self._max_pending = pending_events
        self._in_memory_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, event: DecodedEvent) -> None:
        """Take one event, which the caller must not use afterwards."""
        self._add(event.customer_id.encode(), event)

    def add_plain(self, customer: bytes, at_ms: int, amount: int, fingerprint: int, place: int) -> None:
        """Take one event as numbers; arguments as the attributes of `PlainEvent`, and the customer's id."""
        self._add(customer, _plain.pack(at_ms, amount, fingerprint, place) + customer)

    def add_packed(self, plain: bytes) -> None:
        """Take one plain event as another collection packed it."""
        self._add(plain[_BEHIND:], plain)

    def _add(self, customer: bytes, event: bytes | DecodedEvent) -> None:
        self._pending[crc32(customer) >> self._shift & (PARTS - 1)].append(event)
        self._pending_events += 1
        if self._pending_events >= self._max_pending:
            self._pack_pending()
            if self._in_memory_bytes > self._memory_bytes:
                self.spill()

    def parts(self) -> list[Part]:
        """Return the parts that have events. A customer is in exactly one of them."""
        self._pack_pending()
        return [part for part in self._parts if part.events]

    def spill(self) -> None:
        """Move all events to files."""
        self._pack_pending()
        for part in self._parts:
            part.spill()
        self._in_memory_bytes = 0

    def _pack_pending(self) -> None:
        for part, events in zip(self._parts, self._pending, strict=True):
            if events:
                chunk = _packed(events)
                part.in_memory.append(chunk)
                part.size_bytes += len(chunk)
                part.events += len(events)
                self._in_memory_bytes += len(chunk)
                events.clear()
        self._pending_events = 0


def _packed(events: list[bytes | DecodedEvent]) -> bytes:
    packed = [event if isinstance(event, bytes) else _as_packed(event) for event in events]
    try:
        return _pack(packed)
    except OverflowError:
        for event in packed:
            if isinstance(event, _Packed):
                _move_large_integers(event)
        return _pack(packed)


def _as_packed(event: DecodedEvent) -> _Packed:
    attributes = event.attributes
    amount = attributes.get("amount")
    if amount.__class__ is Decimal:
        del attributes["amount"]
    else:
        amount = None
    decimals = {name: value for name, value in attributes.items() if value.__class__ is Decimal}
    for name in decimals:
        del attributes[name]
    return _Packed(
        event.event_id, event.type, event.customer_id, event.at_ms,
        attributes, amount, decimals or None, event.history_ms,
    )  # fmt: skip


def _move_large_integers(event: _Packed) -> None:
    """Keep integers beyond 64 bits as decimals, which rules treat as equal numbers."""
    large = {name: value for name, value in event.attributes.items() if _is_large(value)}
    if large:
        event.decimals = (event.decimals or {}) | {name: Decimal(value) for name, value in large.items()}
        for name in large:
            del event.attributes[name]


def _is_large(value: Any) -> bool:
    return isinstance(value, int) and not -_INT64 <= value < _INT64


def _unpacked(event: _Packed) -> DecodedEvent:
    if event.amount is not None:
        event.attributes["amount"] = event.amount
    if event.decimals is not None:
        event.attributes.update(event.decimals)
    return DecodedEvent(
        event.event_id, event.type, event.customer_id, event.at_ms, event.attributes, event.history_ms
    )
