"""Layout 3: how the releases up to 0.2 store a customer; read and written for as long as one of them may be running.

A byte for the layout, one for flags, and then numbers, texts and packed days. A rule is named by five bytes derived
from its id. Fields that few customers have (attribute values, waiting actions) are last, as msgpack. Groups of rules
have names of their own there, and the actions that wait are in words.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from schemas.actions import ActionName, Number, Reason, Retraction
from schemas.durations import DAY_MS
from workers.core.coverage import FOREVER_MS, type_of
from workers.core.customer.binary import FARTHEST_MS, Damaged, Reader, Writer
from workers.core.customer.candidate import Candidate
from workers.core.customer.customer import RING, Customer
from workers.core.customer.days import Days
from workers.core.customer.episode import (
    ACTED,
    ACTED_AT_START,
    ACTED_BEFORE,
    BEGAN,
    HOLDS,
    IS_OPEN,
    STRETCHES,
    WAITS,
    Episode,
)
from workers.core.customer.names import CODE_BYTES, Names
from workers.core.customer.series import Series
from workers.core.events.decoding import FINGERPRINT_BYTES, MAX_STORED

LAYOUT: Final = 3

_USUAL_SERIES: Final = ("cancellation", "login", "purchase")
"""Keys that are written as their position here, in no extra byte: never reorder them."""

# Flags of a customer.
_HAS_FIRED: Final = 1
_HAS_DUE: Final = 2
_DUE_IS_A_FLIP: Final = 4
_HAS_ACTED: Final = 8
_HAS_REST: Final = 16
_CUSTOMER_FLAGS: Final = 31

# Flags of a series; the higher bits hold the position of a usual key.
_SUM: Final = 1
_BELOW_ZERO: Final = 2
_GONE: Final = 4
_DAY_EACH: Final = 8
_ONCE: Final = 16
_VALUES: Final = 32
_KEY_SHIFT: Final = 6

# The head of packed days: the widths of the steps from day to day, of the counts, and of the sums.
_HEAD_BYTES: Final = 5
_WIDE_DAYS: Final = 1
_WIDE_COUNTS: Final = 2
_SUMS_SHIFT: Final = 2
_SMALL_SUMS: Final = 1
_LARGE_SUMS: Final = 2
_ANY_SUMS: Final = 3
_HUNDRED: Final = 100
_SMALL_SUM: Final = 100 * 0xFFFF
_LARGE_SUM: Final = 100 * 0xFFFFFFFF
_BYTE: Final = 0xFF
_LARGEST_HASH: Final = 0xFFFFFFFF
_FARTHEST_DAY: Final = 1 << 29
_LATEST_MS: Final = 1 << 48

Kept = bool | int | float | str | None
"""The value of an attribute in the form in which it is kept."""


class Waiting(msgspec.Struct, array_like=True):
    """An action that waits, in words.

    Attributes:
        rule: id of the rule.
        start_ms: start of the episode.
        withdrawn_ms: when the customer returned before the action was admitted, so that only its retraction is
            published; else 0.
        action, version, variables: content of the action.
        why: reasons, which `reasons_in` reads. They are used once but may be stored many times before: as bytes.
        because, why_back: content of its retraction.
        doubted_ms: up to when everything must have been seen, because an event from before the start came late and
            the rule held even so; 0 for none.
    """

    rule: str
    start_ms: int
    withdrawn_ms: int
    action: ActionName
    version: str
    variables: dict[str, Number]
    why: bytes | tuple[Reason, ...]
    because: Retraction | None = None
    why_back: bytes | tuple[Reason, ...] = b""
    doubted_ms: int = 0


class Rest(msgspec.Struct, array_like=True, gc=False):
    """Fields that few customers have; empty ones at the end are omitted."""

    latest: dict[str, Kept] = {}
    candidates: list[Waiting] = []
    attributes: dict[str, tuple[Kept, int]] = {}
    pairs: dict[str, list[int]] = {}
    floors: dict[str, int] = {}


Wording = Callable[[Candidate], Waiting]
"""Words an action that waits as numbers."""

_encode_rest = msgspec.msgpack.Encoder(order="deterministic").encode
_decode_rest = msgspec.msgpack.Decoder(Rest).decode
_packed_reasons = msgspec.msgpack.Encoder().encode
_unpacked_reasons = msgspec.msgpack.Decoder(tuple[Reason, ...]).decode


def reasons_in(why: bytes | tuple[Reason, ...]) -> tuple[Reason, ...]:
    """Return the reasons that a waiting action carries."""
    return _unpacked_reasons(why) if isinstance(why, bytes) else why


class Layout3:
    """Reads and writes the customer of a rule set.

    Attributes:
        wording: words an action that waits as numbers, which layout 3 has no place for; None if none can wait so.
    """

    def __init__(self, names: Names) -> None:
        self.names = names
        self.customer = names.customer
        self.reader = Reader()
        self.writer = Writer()
        self.usual = [names.customer.by_key.get(key) for key in _USUAL_SERIES]
        self.wording: Wording | None = None

    # -- reading -------------------------------------------------------------------------------------------

    def read(self, raw: bytes) -> None:
        """Read a stored customer into the objects; they hold nothing before.

        Raises:
            ValueError, msgspec.DecodeError, OverflowError, RecursionError: if it is damaged; then the objects hold
                something that must be cleared.
        """
        given, customer = self.reader, self.customer
        given.begin(raw)
        given.byte()
        flags = given.byte()
        if flags > _CUSTOMER_FLAGS:
            raise Damaged(f"flags are {flags}")
        customer.is_known = True
        customer.at_ms = given.base_ms = since_1970(given.moment_of_3())
        customer.first_ms = given.moment_of_3()
        customer.fired_ms = given.moment_of_3() if flags & _HAS_FIRED else 0
        customer.due_ms = given.moment_of_3() if flags & _HAS_DUE else 0
        customer.generation = given.number_of_3()
        self.read_seen()
        for _ in range(given.bounded(given.number_of_3(), 1)):
            self.read_series()
        for _ in range(given.bounded(given.number_of_3(), CODE_BYTES)):
            self.read_episode()
        self.read_flips(flags & _DUE_IS_A_FLIP != 0)
        if flags & _HAS_ACTED:
            customer.acted = given.moments_of_3()
        if flags & _HAS_REST:
            rest = _decode_rest(given.rest())
            customer.latest, customer.attributes = rest.latest, rest.attributes
            customer.pairs, customer.floors = rest.pairs, rest.floors
            check_rest(customer)
            for waiting in rest.candidates:
                take_worded(customer.another_candidate(), waiting, self.names)
        elif given.at != given.end:
            raise Damaged("there is more than it says")

    def read_seen(self) -> None:
        """Read the ring of event ids."""
        given, customer = self.reader, self.customer
        size = given.number_of_3()
        if size % FINGERPRINT_BYTES or size > RING * FINGERPRINT_BYTES:
            raise Damaged(f"{size} bytes are no fingerprints")
        for _ in range(size // FINGERPRINT_BYTES):
            customer.remember(given.little(FINGERPRINT_BYTES))

    def read_flips(self, is_due: bool) -> None:
        """Read the due times of groups; `is_due`: whether the earliest is the customer's."""
        given, customer = self.reader, self.customer
        customer.flips_known = False
        flips: dict[str, int] = {}
        soonest_ms = FOREVER_MS
        for _ in range(given.bounded(given.number_of_3(), 1)):
            name = given.take(given.number_of_3()).decode()
            flip_ms = given.moment_of_3()
            flips[name] = flip_ms
            soonest_ms = min(soonest_ms, flip_ms)
        customer.named_flips = flips
        if is_due:
            if not flips:
                raise Damaged("no due time is the earliest")
            customer.due_ms = soonest_ms

    def read_series(self) -> None:
        """Read one series."""
        given, customer = self.reader, self.customer
        flags = given.byte()
        usual = flags >> _KEY_SHIFT
        key = _USUAL_SERIES[usual - 1] if usual else given.take(given.number_of_3()).decode()
        series = self.usual[usual - 1] if usual else customer.by_key.get(key)
        if series is None:
            series = Series(key, type_of(key), False, 0)
            if key in customer.other_series:
                raise Damaged("a series twice")
            customer.other_series[key] = series
        if series.is_present:
            raise Damaged("a series twice")
        series.is_present = True
        series.last_ms = given.moment_of_3()
        series.first_ms = series.last_ms if flags & _ONCE else given.moment_of_3()
        series.total = counted(given.number_of_3())
        series.total_sum = counted(given.number_of_3()) if flags & _SUM else 0
        if flags & _BELOW_ZERO:
            series.total_sum = -series.total_sum
        series.active_days = series.total if flags & _DAY_EACH else counted(given.number_of_3())
        series.gone_day = near(given.integer_of_3()) if flags & _GONE else 0
        size = given.number_of_3()
        has_sums = bool(flags & _SUM)
        if size and self.read_days(series.days, size):
            has_sums = True
        if flags & _VALUES:
            self.read_values(series.values)
        for days in (series.days, series.values):
            if days.number and days.day[days.number - 1] > series.last_ms // DAY_MS:
                raise Damaged("a day after the last event")
        if has_sums and not series.has_sum:
            if key not in customer.other_series:
                raise Damaged("sums of a series that adds up nothing")
            series.has_sum = True

    def read_days(self, days: Days, size: int) -> bool:
        """Read packed days of that many bytes; return whether they have sums."""
        given = self.reader
        kind = given.byte()
        sums = kind >> _SUMS_SHIFT
        if sums > _ANY_SUMS:
            raise Damaged(f"packed days begin with {kind}")
        days_width = 4 if kind & _WIDE_DAYS else 1
        counts_width = 8 if kind & _WIDE_COUNTS else 1
        sums_width = sum_width(sums)
        width, size = days_width + counts_width + sums_width, size - _HEAD_BYTES
        if size < width or size % width:
            raise Damaged(f"{size} bytes are no whole number of days")
        day, number = given.little(4), size // width
        days.need(given.bounded(number, width))
        given.column(days.day, number, days_width, 1)
        given.column(days.count, number, counts_width, 1)
        if sums:
            given.column(days.sum, number, sums_width, 1 if sums == _ANY_SUMS else _HUNDRED)
        days.number = number
        for place in range(number):
            if (days.day[place] != 0) != (place > 0):
                raise Damaged("days are not in order")
            if days.count[place] <= 0 or days.count[place] > MAX_STORED:
                raise Damaged("a day without events")
            if not sums:
                days.sum[place] = 0
            elif days.sum[place] > MAX_STORED or days.sum[place] < -MAX_STORED:
                raise Damaged("a sum beyond all bounds")
            day += days.day[place]
            days.day[place] = day
        return sums != 0

    def read_values(self, values: Days) -> None:
        """Read distinct values."""
        given = self.reader
        number = given.bounded(given.number_of_3(), 2)
        values.need(number)
        for place in range(number):
            values.count[place] = given.number_of_3()
            if values.count[place] > _LARGEST_HASH:
                raise Damaged("a hash of more than four bytes")
            values.sum[place] = 0
        for place in range(number):
            values.day[place] = near(given.integer_of_3())
            if place and values.day[place] < values.day[place - 1]:
                raise Damaged("values are not in order")
        values.number = number

    def read_episode(self) -> None:
        """Read one episode."""
        given, customer = self.reader, self.customer
        code = given.code()
        place = self.names.by_code.of(code)
        episode: Episode = customer.episodes[place] if place >= 0 else customer.other_episode(code)
        if episode.is_present:
            raise Damaged("an episode twice")
        customer.add_episode(episode)
        flags = given.byte()
        episode.holding = flags & HOLDS != 0
        if flags & BEGAN:
            episode.start_ms = given.moment_of_3()
        if flags & ACTED_AT_START:
            episode.acted_ms = episode.start_ms
        if flags & ACTED:
            episode.acted_ms = given.moment_of_3()
        if flags & ACTED_BEFORE:
            episode.before_ms = given.moment_of_3()
        if flags & IS_OPEN:
            episode.open_until_ms = given.moment_of_3()
        if flags & WAITS:
            episode.pending_ms = plausible(given.integer_of_3())
            episode.true_since_ms = plausible(given.integer_of_3())
        if flags & STRETCHES:
            episode.held = stretches(given.moments_of_3())
            episode.stood = stretches(given.moments_of_3())

    # -- writing -------------------------------------------------------------------------------------------

    def write(self) -> bytes:
        """Return the customer as stored bytes.

        Raises:
            ValueError: if an action waits as numbers and nothing words it.
        """
        out, customer = self.writer, self.customer
        flips = self.flips_of_3()
        rest = rest_of(customer, [self.worded(place) for place in range(customer.waiting)])
        due_ms, flags = customer.due_ms, _HAS_FIRED if customer.fired_ms else 0
        if due_ms:
            flags |= _DUE_IS_A_FLIP if due_ms == min(flips.values(), default=0) else _HAS_DUE
        if customer.acted:
            flags |= _HAS_ACTED
        if rest:
            flags |= _HAS_REST
        out.begin()
        out.byte(LAYOUT)
        out.byte(flags)
        out.moment_of_3(customer.at_ms)
        out.base_ms = customer.at_ms
        out.moment_of_3(customer.first_ms)
        if customer.fired_ms:
            out.moment_of_3(customer.fired_ms)
        if flags & _HAS_DUE:
            out.moment_of_3(due_ms)
        out.number_of_3(customer.generation)
        out.number_of_3(FINGERPRINT_BYTES * customer.seen_number)
        for place in range(customer.seen_number):
            out.little(customer.seen[place], FINGERPRINT_BYTES)
        self.write_all_series()
        self.write_episodes()
        out.number_of_3(len(flips))
        for name in sorted(flips):
            raw = name.encode()
            out.number_of_3(len(raw))
            out.copy(raw)
            out.moment_of_3(flips[name])
        if customer.acted:
            out.moments_of_3(customer.acted)
        if rest:
            out.copy(_encode_rest(rest))
        return out.made()

    def worded(self, place: int) -> Waiting | tuple[Any, ...]:
        """Return a waiting action as it is stored."""
        candidate = self.customer.candidates[place]
        if candidate.worded is None and self.wording is None:
            raise ValueError("an action that waits as numbers has no place in layout 3")
        waiting = candidate.worded if self.wording is None or candidate.worded else self.wording(candidate)
        return stored_waiting(waiting, candidate)

    def flips_of_3(self) -> dict[str, int]:
        """Return a moment for each group of layout 3 before which time alone changes none of its rules."""
        customer = self.customer
        if not customer.flips_known and (customer.named_flips or customer.generation != self.names.generation):
            return customer.named_flips
        flips: dict[str, int] = {}
        for group, requirement in self.names.groups:
            flip_ms = FOREVER_MS
            if requirement.is_met():
                for place in group.rules:
                    own = self.names.rules[place].group
                    if customer.flips_known:
                        flip_ms = min(flip_ms, customer.flips[own])
                    elif customer.due_ms:
                        flip_ms = customer.due_ms
            if flip_ms < FOREVER_MS:
                flips[group.name] = flip_ms
        return flips

    def write_all_series(self) -> None:
        """Write every series in the order of the keys."""
        customer, number = self.customer, 0
        for series in self.names.series:
            if series.is_present:
                number += 1
        self.writer.number_of_3(number + len(customer.other_series))
        if not customer.other_series:
            for series in self.names.series:
                if series.is_present:
                    self.write_series(series)
            return
        known = [series for series in self.names.series if series.is_present]
        for series in sorted([*known, *customer.other_series.values()], key=_key_of):
            self.write_series(series)

    def write_series(self, series: Series) -> None:
        """Write one series."""
        out, total_sum, total = self.writer, series.total_sum, series.total
        key = series.key
        usual = _USUAL_SERIES.index(key) + 1 if key in _USUAL_SERIES else 0
        is_once, is_day_each = series.first_ms == series.last_ms, series.active_days == total
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
        if series.values.number:
            flags |= _VALUES
        out.byte(flags)
        if not usual:
            raw = key.encode()
            out.number_of_3(len(raw))
            out.copy(raw)
        out.moment_of_3(series.last_ms)
        if not is_once:
            out.moment_of_3(series.first_ms)
        out.number_of_3(total)
        if total_sum:
            out.number_of_3(total_sum)
        if not is_day_each:
            out.number_of_3(series.active_days)
        if series.gone_day:
            out.integer_of_3(series.gone_day)
        self.write_days(series.days, series.has_sum)
        values = series.values
        if values.number:
            out.number_of_3(values.number)
            for place in range(values.number):
                out.number_of_3(values.count[place])
            for place in range(values.number):
                out.integer_of_3(values.day[place])

    def write_days(self, days: Days, has_sum: bool) -> None:
        """Write packed days."""
        out, number = self.writer, days.number
        if not number:
            out.number_of_3(0)
            return
        kind, sums = 0, _SMALL_SUMS if has_sum else 0
        before = days.day[0]
        for place in range(number):
            if days.day[place] - before > _BYTE:
                kind |= _WIDE_DAYS
            before = days.day[place]
            if days.count[place] > _BYTE:
                kind |= _WIDE_COUNTS
            if sums and sums != _ANY_SUMS:
                amount = days.sum[place]
                if amount < 0 or amount > _LARGE_SUM or amount % _HUNDRED:
                    sums = _ANY_SUMS
                elif amount > _SMALL_SUM:
                    sums = _LARGE_SUMS
        days_width = 4 if kind & _WIDE_DAYS else 1
        counts_width = 8 if kind & _WIDE_COUNTS else 1
        sums_width = sum_width(sums)
        out.number_of_3(_HEAD_BYTES + number * (days_width + counts_width + sums_width))
        out.byte(kind | sums << _SUMS_SHIFT)
        before = days.day[0]
        out.little(before, 4)
        for place in range(number):
            out.little(days.day[place] - before, days_width)
            before = days.day[place]
        for place in range(number):
            out.little(days.count[place], counts_width)
        if sums:
            for place in range(number):
                amount = days.sum[place]
                out.little(amount if sums == _ANY_SUMS else amount // _HUNDRED, sums_width)

    def write_episodes(self) -> None:
        """Write every episode in the order of the codes of the rules."""
        out, customer, names = self.writer, self.customer, self.names
        known = [place for place in names.ordered if customer.episodes[place].is_present]
        out.number_of_3(len(known) + len(customer.other_episodes))
        if not customer.other_episodes:
            for place in known:
                out.code(names.codes[place])
                self.write_episode(customer.episodes[place])
            return
        ordered = [(names.codes[place], customer.episodes[place]) for place in known]
        ordered += [(int.from_bytes(raw, "big"), episode) for raw, episode in customer.other_episodes.items()]
        for code, episode in sorted(ordered, key=_code_of):
            out.code(code)
            self.write_episode(episode)

    def write_episode(self, episode: Episode) -> None:
        """Write one episode."""
        out, start_ms, acted_ms = self.writer, episode.start_ms, episode.acted_ms
        flags = flags_of(episode)
        out.byte(flags)
        if start_ms:
            out.moment_of_3(start_ms)
        if flags & ACTED:
            out.moment_of_3(acted_ms)
        if flags & ACTED_BEFORE:
            out.moment_of_3(episode.before_ms)
        if flags & IS_OPEN:
            out.moment_of_3(episode.open_until_ms)
        if flags & WAITS:
            # Either may be 0 for none, which is not near the base.
            out.integer_of_3(episode.pending_ms)
            out.integer_of_3(episode.true_since_ms)
        if flags & STRETCHES:
            out.moments_of_3(episode.held)
            out.moments_of_3(episode.stood)


def flags_of(episode: Episode) -> int:
    """Return which fields of an episode are written: the same in every layout."""
    flags = HOLDS if episode.holding else 0
    if episode.start_ms:
        flags |= BEGAN
    if episode.acted_ms:
        flags |= ACTED_AT_START if episode.acted_ms == episode.start_ms else ACTED
    if episode.before_ms:
        flags |= ACTED_BEFORE
    if episode.open_until_ms:
        flags |= IS_OPEN
    if episode.pending_ms or episode.true_since_ms:
        flags |= WAITS
    if episode.held or episode.stood:
        flags |= STRETCHES
    return flags


def check_rest(customer: Customer) -> None:
    """Check the fields that few customers have.

    Raises:
        Damaged: if one of them cannot be.
    """
    for _, at_ms in customer.attributes.values():
        plausible(at_ms)
    for pair in customer.pairs.values():
        if len(pair) != 2:
            raise Damaged("a pair of other than two moments")
        plausible(pair[0])
        plausible(pair[1])
    for at_ms in customer.floors.values():
        plausible(at_ms)


def take_worded(candidate: Candidate, waiting: Waiting, names: Names) -> None:
    """Take over an action that waits in words; its moments become those of the candidate.

    Raises:
        Damaged, msgspec.DecodeError: if it cannot be one.
    """
    for why in (waiting.why, waiting.why_back):
        if why:
            reasons_in(why)
    candidate.rule = names.by_id.get(waiting.rule, -1)
    candidate.start_ms = plausible(waiting.start_ms)
    candidate.withdrawn_ms = plausible(waiting.withdrawn_ms)
    candidate.doubted_ms = plausible(waiting.doubted_ms)
    candidate.worded = waiting


def rest_of(customer: Customer, candidates: list[Any]) -> list[Any]:
    """Return the fields that few customers have, as they are stored; empty ones at the end are left out."""
    rest = [customer.latest, candidates, customer.attributes, customer.pairs, customer.floors]
    while rest and not rest[-1]:
        rest.pop()
    return rest


def stored_waiting(waiting: Waiting, candidate: Candidate) -> Waiting | tuple[Any, ...]:
    """Return a worded action as it is stored: reasons packed, and without the field that release 0.1 did not have."""
    waiting.start_ms, waiting.withdrawn_ms = candidate.start_ms, candidate.withdrawn_ms
    waiting.doubted_ms = candidate.doubted_ms
    if isinstance(waiting.why, tuple):
        waiting.why = _packed_reasons(waiting.why)
    if isinstance(waiting.why_back, tuple):
        waiting.why_back = _packed_reasons(waiting.why_back)
    return waiting if waiting.doubted_ms else msgspec.structs.astuple(waiting)[:-1]


def counted(number: int) -> int:
    """Return a number of events, of days, or a sum, if it can be one."""
    if number > MAX_STORED:
        raise Damaged(f"{number} is beyond all bounds")
    return number


def near(day: int) -> int:
    """Return a day if it can be one."""
    if not -_FARTHEST_DAY < day < _FARTHEST_DAY:
        raise Damaged(f"a day {day} days away")
    return day


def since_1970(at_ms: int) -> int:
    """Return the moment of an event if it can be one."""
    if not 0 <= at_ms < _LATEST_MS:
        raise Damaged(f"an event at {at_ms}")
    return at_ms


def plausible(at_ms: int) -> int:
    """Return a moment if it can be one."""
    if not -FARTHEST_MS < at_ms < FARTHEST_MS:
        raise Damaged(f"a moment {at_ms} ms away")
    return at_ms


def stretches(moments: list[int]) -> list[int]:
    """Return moments that are beginnings and ends, if each beginning has an end."""
    if len(moments) % 2:
        raise Damaged("a stretch without end")
    return moments


def sum_width(sums: int) -> int:
    """Return how many bytes each sum takes, by their kind."""
    if sums == _SMALL_SUMS:
        return 2
    if sums == _LARGE_SUMS:
        return 4
    return 8 if sums == _ANY_SUMS else 0


def _key_of(series: Series) -> str:
    return series.key


def _code_of(coded: tuple[int, Episode]) -> int:
    return coded[0]
