"""What aiokafka's fetcher holds between fetching and taking out: its own classes, filled by hand."""

import asyncio
import struct
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from aiokafka.consumer.fetcher import FetchError, FetchResult, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c
from faust.types import TP

_CRC_AT, _ATTRIBUTES_AT = 17, 21


def batch(first: int, end: int, *, codec: int | None = None, breaks_crc: bool = False) -> bytes:
    """Return one record batch as it is on the wire, with the values `b"value-<offset>"`.

    Args:
        first: offset of its first record.
        end: the offset after its last one.
        codec: number to put in the place of its codec; the records stay as they are. Its checksum is right.
        breaks_crc: its checksum is wrong.
    """
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 20)
    for number in range(end - first):
        builder.append(number, 1_700_000_000_000, b"key", b"value-%d" % (first + number), [])
    raw = bytearray(builder.build())
    struct.pack_into(">q", raw, 0, first)
    if codec is not None:
        struct.pack_into(">h", raw, _ATTRIBUTES_AT, codec)
        struct.pack_into(">I", raw, _CRC_AT, calc_crc32c(bytes(raw[_ATTRIBUTES_AT:])))
    if breaks_crc:
        raw[-1] ^= 0xFF
    return bytes(raw)


class _State:
    """The position of one partition."""

    paused = False

    def __init__(self, position: int) -> None:
        self.position = position
        self._position: int | None = position

    def consumed_to(self, position: int) -> None:
        self.position = self._position = position


class FakeFetcher:
    """Stands for `Fetcher` and its subscriptions; its results are real."""

    _closed = False
    reassignment_in_progress = False
    active = True

    def __init__(self, assigned: Mapping[TP, int]) -> None:
        self.states = {tp: _State(position) for tp, position in assigned.items()}
        self._subscriptions = self
        self._records: dict[TP, Any] = {}
        self._wait_consume_future = None
        self._waiters: list[asyncio.Future[None]] = []
        self.notified = 0

    def put(self, tp: TP, raw: bytes) -> None:
        """Let a fetch of one partition arrive."""
        position = self.states[tp].position
        records = PartitionRecords(tp, MemoryRecords(raw), [], position, None, None, True, 1)
        self._records[tp] = FetchResult(tp, assignment=self, partition_records=records, backoff=0)
        for waiter in self._waiters:
            waiter.set_result(None)
        self._waiters.clear()

    def fail(self, tp: TP, error: Exception) -> None:
        """Let a fetch of one partition fail at the broker."""
        self._records[tp] = FetchError(error=error, backoff=0)

    def state_value(self, tp: TP) -> Any:
        return self.states[tp]

    def is_assigned(self, tp: TP) -> bool:
        return tp in self.states

    def fetch_context(self) -> AbstractContextManager[None]:
        return nullcontext()

    def _notify(self, _: object) -> None:
        self.notified += 1

    def _create_fetch_waiter(self) -> "asyncio.Future[None]":
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        return waiter
