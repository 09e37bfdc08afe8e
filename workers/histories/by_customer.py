"""Events of a history, grouped by customer without holding all of them in memory.

Every customer belongs to one of `PARTS` parts, by a checksum of the id. Events wait in their part as bytes, first
in memory, above a limit in files, and each part is unpacked on its own when its customers are asked for.
"""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from zlib import crc32

import msgspec

from workers.core.events.decoding import DecodedEvent

PARTS: Final = 256
MEMORY_BYTES: Final = 128 << 20
"""Packed events kept in memory before all of them go to files."""
PART_BYTES: Final = 16 << 20
"""A part with more packed bytes is divided again; unpacked, events take five to ten times as much."""

PENDING_EVENTS: Final = 1 << 16
"""Events that wait to be packed, many at once."""

_DEEPEST: Final = 3  # a checksum of 32 bits can be divided four times; a single customer cannot be divided at all
_LENGTH_BYTES: Final = 8
_INT64: Final = 1 << 63
_at_ms = attrgetter("at_ms")


class _Packed(msgspec.Struct, array_like=True, gc=False):
    """A fact as it is packed; msgpack has no decimals and no integers beyond 64 bits."""

    event_id: str
    type: str
    customer_id: str
    at_ms: int
    attributes: dict[str, Any]
    amount: Decimal | None = None
    decimals: dict[str, Decimal] | None = None


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[_Packed]).decode


@dataclass(slots=True)
class Part:
    """The events of some customers, each customer's all; can be sent to another process once it lies in a file."""

    path: Path
    level: int
    size_bytes: int = 0
    events: int = 0
    in_memory: list[bytes] = field(default_factory=list)

    def customers(self, largest_bytes: int = PART_BYTES) -> Iterator[tuple[str, list[DecodedEvent]]]:
        """Yield each customer with the events in the order of time; at the same time, as they were added.

        Args:
            largest_bytes: a part with more packed bytes is divided first.
        """
        if self.size_bytes > largest_bytes and self.level < _DEEPEST:
            yield from self._divided(largest_bytes)
            return
        by_customer: dict[str, list[DecodedEvent]] = {}
        for chunk in self._chunks():
            for fact in _unpacked(chunk):
                known = by_customer.get(fact.customer_id)
                if known is None:
                    by_customer[fact.customer_id] = [fact]
                else:
                    known.append(fact)
        while by_customer:
            customer_id, facts = by_customer.popitem()
            facts.sort(key=_at_ms)
            yield customer_id, facts

    def _divided(self, largest_bytes: int) -> Iterator[tuple[str, list[DecodedEvent]]]:
        with EventsByCustomer(self.path.with_suffix(".parts"), largest_bytes, level=self.level + 1) as smaller:
            for chunk in self._chunks():
                for fact in _unpacked(chunk):
                    smaller.add(fact)
            for part in smaller.parts():
                yield from part.customers(largest_bytes)

    def _chunks(self) -> Iterator[bytes]:
        if self.path.exists():
            with self.path.open("rb") as file:
                while head := file.read(_LENGTH_BYTES):
                    yield file.read(int.from_bytes(head, "little"))
        yield from self.in_memory

    def spill(self) -> None:
        """Move what is in memory to the end of the file."""
        if self.in_memory:
            with self.path.open("ab") as file:
                for chunk in self.in_memory:
                    file.write(len(chunk).to_bytes(_LENGTH_BYTES, "little"))
                    file.write(chunk)
            self.in_memory = []


class EventsByCustomer:
    """Takes events in any order and gives them back customer by customer; a context manager that tidies up."""

    def __init__(
        self,
        folder: Path | None = None,
        memory_bytes: int = MEMORY_BYTES,
        pending_events: int = PENDING_EVENTS,
        level: int = 0,
    ) -> None:
        """Start empty.

        Args:
            folder: where files go, made and removed with all that is in it; None for a temporary one.
            memory_bytes: packed bytes kept in memory.
            pending_events: events kept in memory as they are.
            level: how often what is added was divided before.
        """
        self._folder = Path(tempfile.mkdtemp(prefix="linger-history-")) if folder is None else folder
        self._folder.mkdir(exist_ok=True)
        self._memory_bytes = memory_bytes
        self._shift = 8 * level
        self._parts = [Part(self._folder / f"{number:03}", level) for number in range(PARTS)]
        self._pending: list[list[DecodedEvent]] = [[] for _ in range(PARTS)]
        self._pending_events = 0
        self._most_pending = pending_events
        self._in_memory_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, fact: DecodedEvent) -> None:
        """Take one event, which must not be used afterwards; `amount` is its only attribute that is a decimal."""
        self._pending[crc32(fact.customer_id.encode()) >> self._shift & (PARTS - 1)].append(fact)
        self._pending_events += 1
        if self._pending_events >= self._most_pending:
            self._pack_pending()
            if self._in_memory_bytes > self._memory_bytes:
                self.spill()

    def parts(self) -> list[Part]:
        """Return the parts that have events; no customer is in two of them."""
        self._pack_pending()
        return [part for part in self._parts if part.events]

    def spill(self) -> None:
        """Move everything to files."""
        self._pack_pending()
        for part in self._parts:
            part.spill()
        self._in_memory_bytes = 0

    def _pack_pending(self) -> None:
        for part, facts in zip(self._parts, self._pending, strict=True):
            if facts:
                chunk = _packed(facts)
                part.in_memory.append(chunk)
                part.size_bytes += len(chunk)
                part.events += len(facts)
                self._in_memory_bytes += len(chunk)
                facts.clear()
        self._pending_events = 0


def _packed(facts: list[DecodedEvent]) -> bytes:
    packed = [_as_packed(fact) for fact in facts]
    try:
        return _pack(packed)
    except OverflowError:
        for fact in packed:
            _set_aside_large_numbers(fact)
        return _pack(packed)


def _as_packed(fact: DecodedEvent) -> _Packed:
    attributes = fact.attributes
    amount = attributes.get("amount")
    if amount.__class__ is Decimal:
        del attributes["amount"]
    else:
        amount = None
    decimals = {name: value for name, value in attributes.items() if value.__class__ is Decimal}
    for name in decimals:
        del attributes[name]
    return _Packed(fact.event_id, fact.type, fact.customer_id, fact.at_ms, attributes, amount, decimals or None)


def _set_aside_large_numbers(fact: _Packed) -> None:
    """Keep whole numbers beyond 64 bits as decimals, which rules take for the same numbers."""
    large = {name: value for name, value in fact.attributes.items() if _is_large(value)}
    if large:
        fact.decimals = (fact.decimals or {}) | {name: Decimal(value) for name, value in large.items()}
        for name in large:
            del fact.attributes[name]


def _is_large(value: Any) -> bool:
    return isinstance(value, int) and not -_INT64 <= value < _INT64


def _unpacked(chunk: bytes) -> list[DecodedEvent]:
    packed = _unpack(chunk)
    for one in packed:
        if one.amount is not None:
            one.attributes["amount"] = one.amount
        if one.decimals is not None:
            one.attributes.update(one.decimals)
    return [DecodedEvent(one.event_id, one.type, one.customer_id, one.at_ms, one.attributes) for one in packed]
