"""Canonical bytes from anywhere -> an event that has passed every check, in one pass of a compiled decoder.

What is refused here is not wrong yet: `schemas.events.parse_event` knows every coercion and the reason of a refusal.
"""

from collections.abc import Collection
from math import isfinite
from typing import Any, Final

import msgspec

from schemas.events import MAX_BODY_BYTES, MAX_TEXT_BYTES
from workers.core.events.decoding import Wire, is_id, is_money, plausible_ms

_LARGEST_INT: Final = (1 << 63) - 1
_SAFE_CHARACTERS: Final = MAX_TEXT_BYTES // 4
"""A text of at most this many characters is short enough in UTF-8: a character takes at most four bytes."""


class StrictWire(Wire, forbid_unknown_fields=True, gc=False):
    """A canonical event without fields that would be lost."""


_decode: Final = msgspec.json.Decoder(StrictWire).decode


def checked(raw: bytes, types: Collection[str], latest_ms: int) -> Wire | None:
    """Return a canonical event of one of these types, None if `parse_event` has to look at it.

    Args:
        raw: the bytes.
        types: every type that is taken, built-in ones included.
        latest_ms: the event, and the end of the history that it is, lie before this moment, in epoch milliseconds.
    """
    if len(raw) > MAX_BODY_BYTES:
        return None
    try:
        wire = _decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None  # the slow path finds the reason
    return wire if wire.type in types and is_valid(wire, latest_ms) else None


def is_valid(wire: Wire, latest_ms: int) -> bool:
    """Return whether an event of a known type passes every check, so that `parse_event` would accept it unchanged."""
    kind = wire.type
    is_ended = kind == "cancellation"
    if wire.amount is not None or wire.currency is not None:
        if is_ended or kind == "login" or not is_money(wire.amount, wire.currency):
            return False
    elif kind == "purchase":
        return False
    if wire.order_id is not None and kind != "purchase":
        return False
    if not is_ended and (wire.what is not None or wire.reason is not None or wire.effective_at is not None):
        return False
    if not (is_id(wire.event_id) and is_id(wire.customer_id)):
        return False
    if not 0 <= plausible_ms(wire.occurred_at) < latest_ms:
        return False
    if wire.order_id is not None and not is_id(wire.order_id):
        return False
    if wire.effective_at is not None and plausible_ms(wire.effective_at) < 0:
        return False
    if wire.history_until is not None and not 0 <= plausible_ms(wire.history_until) < latest_ms:
        return False
    return not wire.attributes or all(map(_is_plain, wire.attributes.values()))


def _is_plain(value: Any) -> bool:
    kind = value.__class__
    if kind is str:
        return len(value) <= _SAFE_CHARACTERS
    if kind is float:
        return isfinite(value)
    return kind is not int or -_LARGEST_INT <= value <= _LARGEST_INT
