"""Which events of a source are history, and up to when: `history_before` of sources.yaml, and rows of snapshots.

History builds activity and never acts. Its moment stands in the canonical event (`history_until`), so that a rebuild
decides as the workers did. Knows no clock, no logs and no Kafka.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from schemas.events import Event
from schemas.sources import Source
from workers.core.events.decoding import Wire, epoch_ms

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_decode: Final = msgspec.json.Decoder(Wire).decode
_encode: Final = msgspec.json.Encoder().encode


def named_ms(source: Source) -> int:
    """Return the moment that the operator names for a source, in epoch milliseconds; 0 for none."""
    return 0 if source.history_before is None else epoch_ms(source.history_before)


def history_until_ms(before_ms: int, at_ms: int, *, is_snapshot: bool, written_ms: int, latest_ms: int) -> int:
    """Return up to when an event is history, in epoch milliseconds; 0 if it is not.

    Args:
        before_ms: `named_ms` of its source. It also counts for the rows of a snapshot.
        at_ms: when the event happened.
        is_snapshot: whether it is a row of a snapshot. If no moment is named, it is history up to when its record was
            written, but never so short that the row itself would be none.
        written_ms: the timestamp of its record.
        latest_ms: the latest plausible time; later timestamps count as this.
    """
    if before_ms:
        return before_ms if is_snapshot or at_ms < before_ms else 0
    return min(max(written_ms, at_ms + 1), latest_ms) if is_snapshot else 0


def marked(value: bytes, until_ms: int) -> bytes:
    """Return a canonical event, as intake writes it, as history up to a moment; a later one that it has stays.

    Args:
        value: the event.
        until_ms: the moment; 0 changes nothing.
    """
    if not until_ms:
        return value
    wire = _decode(value)
    if wire.history_until is not None and epoch_ms(wire.history_until) >= until_ms:
        return value
    wire.history_until = _EPOCH + timedelta(milliseconds=until_ms)
    return _encode(wire)


def with_history(event: Event, before_ms: int, *, is_snapshot: bool, written_ms: int, latest: datetime) -> Event:
    """Return an event that was mapped, as history if it is; the arguments are those of `history_until_ms`."""
    if not (before_ms or is_snapshot):
        return event
    at_ms, latest_ms = epoch_ms(event.occurred_at), epoch_ms(latest)
    until_ms = history_until_ms(before_ms, at_ms, is_snapshot=is_snapshot, written_ms=written_ms, latest_ms=latest_ms)
    return as_history(event, until_ms)


def as_history(event: Event, until_ms: int) -> Event:
    """Return an event as history up to a moment, as `marked` does with its bytes."""
    if not until_ms:
        return event
    until = _EPOCH + timedelta(milliseconds=until_ms)
    if event.history_until is not None and event.history_until >= until:
        return event
    return event.model_copy(update={"history_until": until})
