"""Activities as bytes, as Redis stores them.

A byte for the layout, one for flags, and then numbers, texts and packed days in the order in which `encode` writes
them. Most values are moments, and most moments are near the latest event, so they are written as their distance to
it. A rule is named by five bytes derived from its id. Fields that few customers have (attribute values, waiting
actions) are last, as msgpack.

A number below 240 takes one byte. Any other has a byte with the count of the bytes that follow, lowest first.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

import msgspec

from workers.core.events.decoding import FINGERPRINT_BYTES
from workers.core.objects.customer.activity import Activity, Candidate, Episode, soonest_of
from workers.core.objects.customer.series import Damaged, Series, check_packed, number_at

LAYOUT: Final = 3
"""Layouts 1 and 2 were msgpack arrays."""
_LAST_LAYOUT: Final = 31
"""A larger first byte is damage, not a future layout."""
CODE_BYTES: Final = 5
"""Two of a company's thousand rules, over the years, share a code in one of two million companies."""

_ONE_BYTE: Final = 240
_LONGEST_NUMBER: Final = 8
_ROOM: Final = 512
"""Bytes; most activities take fewer."""
_USUAL_SERIES: Final = ("cancellation", "login", "purchase")
"""Keys that are written as their position here, in no extra byte: never reorder them."""
_USUAL_PLACES: Final = {key: place for place, key in enumerate(_USUAL_SERIES, start=1)}
_UNKNOWN_RULE: Final = "#"
"""First character of the name of a rule whose id is no longer known; no id begins with it."""
_LARGEST: Final = (1 << 63) - 1
_FARTHEST_MS: Final = 1 << 55

# Flags of an activity.
_HAS_FIRED: Final = 1
_HAS_DUE: Final = 2
_DUE_IS_A_FLIP: Final = 4
_HAS_ACTED: Final = 8
_HAS_REST: Final = 16
_ACTIVITY_FLAGS: Final = 31

# Flags of an episode.
_HOLDS: Final = 1
_BEGAN: Final = 2
_ACTED: Final = 4
_ACTED_AT_START: Final = 8
_ACTED_BEFORE: Final = 16
_IS_OPEN: Final = 32
_WAITS: Final = 64
_STRETCHES: Final = 128

# Flags of a series; the higher bits hold the position of a usual key.
_SUM: Final = 1
_BELOW_ZERO: Final = 2
_GONE: Final = 4
_DAY_EACH: Final = 8
_ONCE: Final = 16
_VALUES: Final = 32
_KEY_SHIFT: Final = 6


class UnknownLayout(ValueError):
    """A stored activity that this version cannot read."""


class OtherLayout(UnknownLayout):
    """A stored activity that another version of Linger wrote; it must not be changed."""


class _Rest(msgspec.Struct, array_like=True, gc=False):
    """Fields that few customers have; empty ones at the end are omitted."""

    latest: dict[str, Any] = {}
    candidates: list[Candidate] = []
    attributes: dict[str, tuple[Any, int]] = {}
    pairs: dict[str, list[int]] = {}
    floors: dict[str, int] = {}


_encode_rest = msgspec.msgpack.Encoder(order="deterministic").encode
_decode_rest = msgspec.msgpack.Decoder(_Rest).decode
_packed_reasons = msgspec.msgpack.Encoder().encode


@lru_cache(maxsize=65_536)
def code_of(rule_id: str) -> bytes:
    """Return the code of a rule's id."""
    if rule_id.startswith(_UNKNOWN_RULE):
        return bytes.fromhex(rule_id[1:])
    return blake2b(rule_id.encode(), digest_size=CODE_BYTES).digest()


def codes_of(rule_ids: Iterable[str]) -> dict[bytes, str]:
    """Return rule ids by their codes.

    Raises:
        ValueError: if two ids have the same code.
    """
    ids: dict[bytes, str] = {}
    for rule_id in rule_ids:
        other = ids.setdefault(code_of(rule_id), rule_id)
        if other != rule_id:
            raise ValueError(f"rules '{other}' and '{rule_id}' look the same in what is stored; give one another id")
    return ids


class _Writer:
    """Writes numbers, moments and bytes into a growing buffer.

    Attributes:
        room: the buffer, larger than its content.
        at: count of the bytes written.
        base_ms: moments are written as their distance to it.
    """

    def __init__(self) -> None:
        self.room = bytearray(_ROOM)
        self.at = 0
        self.base_ms = 0

    def made(self) -> bytes:
        """Return the bytes written."""
        characters = self.room  # compiled, a pointer: see `_Reader.take`
        return bytes(characters[: self.at])

    def need(self, size: int) -> None:
        """Make room for `size` more bytes."""
        if self.at + size > len(self.room):
            self.room += bytes(len(self.room) + size)

    def byte(self, value: int) -> None:
        """Write a number below 256."""
        self.need(1)
        self.room[self.at] = value
        self.at += 1

    def number(self, value: int) -> None:
        """Write a whole number, not below zero."""
        if value < _ONE_BYTE:
            if value < 0:
                raise ValueError(f"{value} is below zero")
            self.byte(value)
            return
        if value > _LARGEST:
            raise OverflowError(f"{value} has more than 63 bits")
        self.need(1 + _LONGEST_NUMBER)
        room, start = self.room, self.at
        at = start + 1
        while value:
            room[at] = value & 255
            value >>= 8
            at += 1
        room[start] = _ONE_BYTE + at - start - 1
        self.at = at

    def put(self, raw: bytes) -> None:
        """Write bytes without their length."""
        self.need(len(raw))
        room, at = self.room, self.at
        for value in raw:  # when compiled, assigning a slice costs five times as much
            room[at] = value
            at += 1
        self.at = at

    def integer(self, value: int) -> None:
        """Write a whole number."""
        self.number(-2 * value - 1 if value < 0 else 2 * value)

    def moment(self, at_ms: int) -> None:
        """Write a moment before or after the base."""
        self.integer(self.base_ms - at_ms)

    def moments(self, several: Iterable[int]) -> None:
        """Write the count of moments, and each moment."""
        known = list(several)
        self.number(len(known))
        for at_ms in known:
            self.moment(at_ms)

    def block(self, raw: bytes) -> None:
        """Write the count of bytes, and the bytes."""
        self.number(len(raw))
        self.put(raw)


class _Reader:
    """Reads bytes from beginning to end.

    Attributes:
        raw: the bytes.
        at: count of the bytes read.
        base_ms: moments are written as their distance to it.
    """

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.at = 0
        self.base_ms = 0

    def byte(self) -> int:
        """Read a number below 256."""
        value = self.raw[self.at]
        self.at += 1
        return value

    def number(self) -> int:
        """Read a whole number, not below zero."""
        value = self.byte()
        if value < _ONE_BYTE:
            return value
        at, size = self.at, value - _ONE_BYTE
        if size > _LONGEST_NUMBER:
            raise Damaged(f"a number of {size} bytes")
        if size == _LONGEST_NUMBER and self.raw[at + size - 1] > 127:
            raise Damaged("a number beyond 63 bits")
        self.at = at + size
        return number_at(self.raw, at, size)

    def integer(self) -> int:
        """Read a whole number."""
        value = self.number()
        return -(value >> 1) - 1 if value & 1 else value >> 1

    def moment(self) -> int:
        """Read a moment."""
        apart = self.integer()
        if not -_FARTHEST_MS < apart < _FARTHEST_MS:
            raise Damaged(f"a moment {apart} ms away")
        return self.base_ms - apart

    def moments(self) -> list[int]:
        """Read the count of moments, and each moment."""
        found = []
        for _ in range(self.number()):
            found.append(self.moment())
        return found

    def take(self, size: int) -> bytes:
        """Read this number of bytes."""
        raw, start = self.raw, self.at
        if size > len(raw) - start:
            raise Damaged("it ends too early")
        self.at = start + size
        characters = raw  # when compiled, a pointer: its slices need no type check
        return characters[start : self.at]

    def block(self) -> bytes:
        """Read bytes that `_Writer.block` wrote."""
        return self.take(self.number())


def encode(activity: Activity) -> bytes:
    """Write an activity."""
    flips = activity.flips
    has_rest = bool(
        activity.latest or activity.candidates or activity.attributes or activity.pairs or activity.floors
    )
    due_ms = activity.due_ms
    is_flip = due_ms != 0 and due_ms == soonest_of(flips)
    flags = _HAS_FIRED if activity.fired_ms else 0
    if due_ms:
        flags |= _DUE_IS_A_FLIP if is_flip else _HAS_DUE
    if activity.acted:
        flags |= _HAS_ACTED
    if has_rest:
        flags |= _HAS_REST
    out = _Writer()
    out.byte(LAYOUT)
    out.byte(flags)
    out.moment(activity.at_ms)
    out.base_ms = activity.at_ms
    out.moment(activity.first_ms)
    if activity.fired_ms:
        out.moment(activity.fired_ms)
    if flags & _HAS_DUE:
        out.moment(due_ms)
    out.number(activity.generation)
    out.block(activity.seen)
    out.number(len(activity.series))
    for key in sorted(activity.series):
        _write_series(out, key, activity.series[key])
    out.number(len(activity.episodes))
    for code, rule_id in sorted([(code_of(rule_id), rule_id) for rule_id in activity.episodes]):
        out.put(code)
        _write_episode(out, activity.episodes[rule_id])
    out.number(len(flips))
    for name in sorted(flips):
        out.block(name.encode())
        out.moment(flips[name])
    if activity.acted:
        out.moments(activity.acted)
    if has_rest:
        candidates = [_packed(candidate) for candidate in activity.candidates]
        rest = [activity.latest, candidates, activity.attributes, activity.pairs, activity.floors]
        while not rest[-1]:
            rest.pop()
        out.put(_encode_rest(rest))
    return out.made()


def _write_series(out: _Writer, key: str, series: Series) -> None:
    usual = _USUAL_PLACES.get(key, 0)
    total_sum, total = series.total_sum, series.total
    is_once = series.first_ms == series.last_ms
    is_day_each = series.active_days == total
    flags = usual << _KEY_SHIFT
    if total_sum:
        flags |= _SUM
        if total_sum < 0:
            flags |= _BELOW_ZERO
            total_sum = -total_sum
    if series.gone_day:
        flags |= _GONE
    if is_day_each:
        flags |= _DAY_EACH
    if is_once:
        flags |= _ONCE
    if series.values:
        flags |= _VALUES
    out.byte(flags)
    if not usual:
        out.block(key.encode())
    out.moment(series.last_ms)
    if not is_once:
        out.moment(series.first_ms)
    out.number(total)
    if total_sum:
        out.number(total_sum)
    if not is_day_each:
        out.number(series.active_days)
    if series.gone_day:
        out.integer(series.gone_day)
    out.block(series.packed())
    if series.values:
        out.number(len(series.values))
        for value in series.values:
            out.number(value)
        for day in series.value_days:
            out.integer(day)


def _write_episode(out: _Writer, episode: Episode) -> None:
    start_ms, acted_ms = episode.start_ms, episode.acted_ms
    flags = _HOLDS if episode.holding else 0
    if start_ms:
        flags |= _BEGAN
    if acted_ms:
        flags |= _ACTED_AT_START if acted_ms == start_ms else _ACTED
    if episode.before_ms:
        flags |= _ACTED_BEFORE
    if episode.open_until_ms:
        flags |= _IS_OPEN
    if episode.pending_ms or episode.true_since_ms:
        flags |= _WAITS
    if episode.held or episode.stood:
        flags |= _STRETCHES
    out.byte(flags)
    if start_ms:
        out.moment(start_ms)
    if flags & _ACTED:
        out.moment(acted_ms)
    if flags & _ACTED_BEFORE:
        out.moment(episode.before_ms)
    if flags & _IS_OPEN:
        out.moment(episode.open_until_ms)
    if flags & _WAITS:
        # Either may be 0 for none, which is not near the base.
        out.integer(episode.pending_ms)
        out.integer(episode.true_since_ms)
    if flags & _STRETCHES:
        out.moments(episode.held)
        out.moments(episode.stood)


def _packed(candidate: Candidate) -> Candidate | tuple[Any, ...]:
    """Return a candidate as it is stored: reasons packed, and without the field that release 0.1 did not have."""
    if isinstance(candidate.why, tuple):
        candidate.why = _packed_reasons(candidate.why)
    if isinstance(candidate.why_back, tuple):
        candidate.why_back = _packed_reasons(candidate.why_back)
    return candidate if candidate.doubted_ms else msgspec.structs.astuple(candidate)[:-1]


def decode(raw: bytes, rule_ids: Mapping[bytes, str]) -> Activity:
    """Read a stored activity.

    Args:
        raw: what `encode` wrote.
        rule_ids: by code; a rule that is not among them keeps its code as its name.

    Raises:
        UnknownLayout: if it is damaged or was written by another version.
    """
    layout = raw[0] if raw else 0
    if layout != LAYOUT:
        if LAYOUT < layout <= _LAST_LAYOUT:
            raise OtherLayout(
                f"stored activity has layout {layout}, this version reads {LAYOUT}: a newer version of Linger has "
                f"worked here; run that version"
            )
        if layout & 0xF0 == 0x90 and len(raw) > 1 and 0 < raw[1] < LAYOUT:
            raise OtherLayout(
                f"stored activity has layout {raw[1]}, this version reads {LAYOUT}: an older version of Linger has "
                f"worked here. Stop all workers, and make the state again: linger rebuild"
            )
        raise UnknownLayout("stored activity cannot be read: it does not begin with a layout")
    try:
        return _read(_Reader(raw), rule_ids)
    except (msgspec.DecodeError, ValueError, IndexError, OverflowError, RecursionError) as error:
        # msgspec raises no DecodeError for a text that is not UTF-8.
        raise UnknownLayout(f"stored activity cannot be read: {error}") from None


def _read(given: _Reader, rule_ids: Mapping[bytes, str]) -> Activity:
    given.at = 1
    flags = given.byte()
    if flags > _ACTIVITY_FLAGS:
        raise Damaged(f"flags are {flags}")
    at_ms = given.base_ms = given.moment()
    first_ms = given.moment()
    fired_ms = given.moment() if flags & _HAS_FIRED else 0
    due_ms = given.moment() if flags & _HAS_DUE else 0
    generation = given.number()
    seen = given.block()
    if len(seen) % FINGERPRINT_BYTES:
        raise Damaged(f"{len(seen)} bytes are no whole number of fingerprints")
    series: dict[str, Series] = {}
    for _ in range(given.number()):
        kind = given.byte()
        usual = kind >> _KEY_SHIFT
        key = _USUAL_SERIES[usual - 1] if usual else given.block().decode()
        series[key] = _series(given, kind)
    episodes: dict[str, Episode] = {}
    for _ in range(given.number()):
        code = given.take(CODE_BYTES)
        rule_id = rule_ids.get(code)
        episodes[_UNKNOWN_RULE + code.hex() if rule_id is None else rule_id] = _episode(given)
    flips: dict[str, int] = {}
    for _ in range(given.number()):
        name = given.block().decode()
        flips[name] = given.moment()
    if flags & _DUE_IS_A_FLIP:
        if not flips:
            raise Damaged("no due time is the earliest")
        due_ms = soonest_of(flips)
    acted = given.moments() if flags & _HAS_ACTED else []
    end = len(given.raw)
    if not flags & _HAS_REST:
        if given.at != end:
            raise Damaged("there is more than it says")
        return Activity(
            first_ms, at_ms, fired_ms, due_ms, seen, series, episodes, {}, generation, flips, [], acted, {}, {}, {}
        )
    rest = _decode_rest(given.take(end - given.at))
    return Activity(
        first_ms, at_ms, fired_ms, due_ms, seen, series, episodes,
        rest.latest, generation, flips, rest.candidates, acted, rest.attributes, rest.pairs, rest.floors,
    )  # fmt: skip


def _series(given: _Reader, flags: int) -> Series:
    last_ms = given.moment()
    first_ms = last_ms if flags & _ONCE else given.moment()
    total = given.number()
    total_sum = given.number() if flags & _SUM else 0
    if flags & _BELOW_ZERO:
        total_sum = -total_sum
    active_days = total if flags & _DAY_EACH else given.number()
    gone_day = given.integer() if flags & _GONE else 0
    packed = given.block()
    if packed:
        check_packed(packed)
    if not flags & _VALUES:
        return Series(first_ms, last_ms, total, total_sum, active_days, gone_day, packed)
    number = given.number()
    if number > len(given.raw):
        raise Damaged("more values than bytes")
    values = [given.number() for _ in range(number)]
    days = [given.integer() for _ in range(number)]
    return Series(first_ms, last_ms, total, total_sum, active_days, gone_day, packed, values, days)


def _episode(given: _Reader) -> Episode:
    flags = given.byte()
    episode = Episode(given.moment() if flags & _BEGAN else 0, flags & _HOLDS != 0)
    if flags & _ACTED_AT_START:
        episode.acted_ms = episode.start_ms
    if flags & _ACTED:
        episode.acted_ms = given.moment()
    if flags & _ACTED_BEFORE:
        episode.before_ms = given.moment()
    if flags & _IS_OPEN:
        episode.open_until_ms = given.moment()
    if flags & _WAITS:
        episode.pending_ms = given.integer()
        episode.true_since_ms = given.integer()
    if flags & _STRETCHES:
        episode.held = given.moments()
        episode.stood = given.moments()
    return episode
