"""Layout 3: how the releases up to 0.2 store a customer; read and written for as long as one of them may be running.

A byte for the layout, one for flags, and then numbers, texts and packed days. A rule is named by five bytes derived
from its id. Fields that few customers have (attribute values, waiting actions) are last, as msgpack. Groups of rules
have names of their own there, and the actions that wait are in words.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from schemas.actions import ActionName, Known, Number, Reason, Retraction
from schemas.durations import DAY_MS
from workers.core.coverage import FOREVER_MS
from workers.core.customer.binary import FARTHEST_MS, Damaged, Reader, Writer, within
from workers.core.customer.candidate import Candidate
from workers.core.customer.customer import RING, Customer, Entry
from workers.core.customer.days import Days
from workers.core.customer.episode import Episode
from workers.core.customer.names import CODE_BYTES, Names, code_of
from workers.core.customer.seen import Seen, are_in_order
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

# The head of packed days: its bytes, the widths of the steps from day to day, of the counts, and of the sums.
_HEAD_BYTES: Final = 5
_WIDE_DAYS: Final = 1
_WIDE_COUNTS: Final = 2
_SUMS_SHIFT: Final = 2
_SUM_WIDTHS: Final = (0, 2, 4, 8)
_ANY_SUMS: Final = 3
_HUNDRED: Final = 100
"""What sums are multiples of, but those of `_ANY_SUMS`."""
_SMALL_SUM: Final = 100 * 0xFFFF
_LARGE_SUM: Final = 100 * 0xFFFFFFFF
_BYTE: Final = 0xFF
_LARGEST_HASH: Final = 0xFFFFFFFF
_FARTHEST_DAY: Final = (1 << 29) - 1
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
        known: what else goes with the action; None for nothing.
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
    known: Known | None = None


class Rest(msgspec.Struct, array_like=True, gc=False):
    """Fields that few customers have; empty ones at the end are omitted."""

    latest: dict[str, Kept] = {}
    candidates: list[Waiting] = []
    attributes: dict[str, tuple[Kept, int]] = {}
    pairs: dict[str, list[int]] = {}
    floors: dict[str, int] = {}
    asked: list[tuple[int, int]] = []
    seen: dict[str, Seen] = {}
    stage: list[int] = []
    experiments: dict[str, Entry] = {}
    silent: list[int] = []
    tallies: list[dict[str, int]] = []


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
        self.reader = Reader(LAYOUT)
        self.writer = Writer(LAYOUT)
        codes = [code_of(rule.id).to_bytes(CODE_BYTES, "big") for rule in names.rules]
        self.coded = list(zip(codes, self.customer.episodes, strict=True))
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
        flags = given.byte()
        if flags > _CUSTOMER_FLAGS:
            raise Damaged(f"flags are {flags}")
        customer.is_known = True
        customer.at_ms = -given.integer()
        if not 0 <= customer.at_ms < _LATEST_MS:
            raise Damaged(f"an event at {customer.at_ms}")
        given.refer_to(customer.at_ms)
        customer.first_ms = given.moment()
        customer.fired_ms = given.moment() if flags & _HAS_FIRED else 0
        customer.due_ms = given.moment() if flags & _HAS_DUE else 0
        customer.generation = given.number()
        size = given.number()
        if size % FINGERPRINT_BYTES or size > RING * FINGERPRINT_BYTES:
            raise Damaged(f"{size} bytes are no fingerprints")
        for _ in range(size // FINGERPRINT_BYTES):
            customer.remember(given.little(FINGERPRINT_BYTES))
        for _ in range(given.bounded(given.number(), 1)):
            self.read_series()
        self.names.read_episodes(given)
        customer.flips_known = False
        for _ in range(given.bounded(given.number(), 1)):
            name = given.text()
            customer.named_flips[name] = given.moment()
        if flags & _DUE_IS_A_FLIP:
            customer.due_ms = min(customer.named_flips.values())
        if flags & _HAS_ACTED:
            customer.acted = given.moments()
        if flags & _HAS_REST:
            rest = _decode_rest(given.take(given.end - given.at))
            take_rest(customer, rest)
            customer.stage.take(rest.stage)
            take_seen(rest.seen, self.names)
            for waiting in rest.candidates:
                take_worded(customer.another_candidate(), waiting, self.names)
            self.names.take_asked(rest.asked)
            take_outcomes(rest, self.names)
        elif given.at != given.end:
            raise Damaged("there is more than it says")

    def read_series(self) -> None:
        """Read one series."""
        given = self.reader
        flags = given.byte()
        usual = flags >> _KEY_SHIFT
        series = self.names.series_of(_USUAL_SERIES[usual - 1] if usual else given.text())
        if series.is_present:
            raise Damaged("a series twice")
        series.is_present = True
        series.last_ms = given.moment()
        series.first_ms = series.last_ms if flags & _ONCE else given.moment()
        series.total = within(given.number(), MAX_STORED)
        series.total_sum = within(given.number(), MAX_STORED) if flags & _SUM else 0
        if flags & _BELOW_ZERO:
            series.total_sum = -series.total_sum
        series.active_days = series.total if flags & _DAY_EACH else within(given.number(), MAX_STORED)
        series.gone_day = within(given.integer(), _FARTHEST_DAY) if flags & _GONE else 0
        size, has_sums = given.number(), flags & _SUM != 0
        if size and self.read_days(series.days, size):
            has_sums = True
        if has_sums and not series.has_sum:
            self.names.mind_sums(series)
        if flags & _VALUES:
            self.read_values(series.values)
        for days in (series.days, series.values):
            if days.number and days.day[days.number - 1] > series.last_ms // DAY_MS:
                raise Damaged("a day after the last event")

    def read_days(self, days: Days, size: int) -> bool:
        """Read packed days of that many bytes; return whether they have sums."""
        given = self.reader
        kind = given.byte()
        sums = kind >> _SUMS_SHIFT
        if sums > _ANY_SUMS:
            raise Damaged(f"packed days begin with {kind}")
        days_width, counts_width, sums_width = widths(kind)
        width = days_width + counts_width + sums_width
        day, number = given.little(4), (size - _HEAD_BYTES) // width
        if size != _HEAD_BYTES + number * width or number < 1:
            raise Damaged(f"{size} bytes are no whole number of days")
        days.need(given.bounded(number, width))
        days.number = number
        for place in range(number):
            step = given.little(days_width)
            if (step != 0) != (place > 0):
                raise Damaged("days are not in order")
            day += step
            days.day[place] = day
        for place in range(number):
            count = given.little(counts_width)
            if not 0 < count <= MAX_STORED:
                raise Damaged("a day without events")
            days.count[place] = count
        for place in range(number):
            amount = given.little(sums_width)
            days.sum[place] = within(amount if sums == _ANY_SUMS else _HUNDRED * amount, MAX_STORED)
        return sums != 0

    def read_values(self, values: Days) -> None:
        """Read distinct values."""
        given = self.reader
        number = given.bounded(given.number(), 2)
        values.need(number)
        values.number = number
        for place in range(number):
            values.count[place], values.sum[place] = within(given.number(), _LARGEST_HASH), 0
        for place in range(number):
            values.day[place] = within(given.integer(), _FARTHEST_DAY)
            if place and values.day[place] < values.day[place - 1]:
                raise Damaged("values are not in order")

    # -- writing -------------------------------------------------------------------------------------------

    def write(self) -> bytes:
        """Return the customer as stored bytes.

        Raises:
            ValueError: if an action waits as numbers and nothing words it.
        """
        out, customer = self.writer, self.customer
        flips, due_ms = self.flips_of_3(), customer.due_ms
        flags = 0
        out.begin(LAYOUT)
        out.byte(flags)
        out.integer(-customer.at_ms)
        out.refer_to(customer.at_ms)
        out.moment(customer.first_ms)
        if customer.fired_ms:
            flags |= _HAS_FIRED
            out.moment(customer.fired_ms)
        if due_ms and due_ms == min(flips.values(), default=0):
            flags |= _DUE_IS_A_FLIP
        elif due_ms:
            flags |= _HAS_DUE
            out.moment(due_ms)
        out.number(customer.generation)
        out.number(FINGERPRINT_BYTES * customer.seen_number)
        for place in range(customer.seen_number):
            out.little(customer.seen[place], FINGERPRINT_BYTES)
        all_series = {one.key: one for one in customer.series if one.is_present} | customer.other_series
        out.number(len(all_series))
        for key in sorted(all_series):
            self.write_series(all_series[key])
        episodes = {code: one for code, one in self.coded if one.is_present} | customer.other_episodes
        out.number(len(episodes))
        for code in sorted(episodes):
            out.copy(code)
            episode: Episode = episodes[code]
            episode.write(out)
        out.number(len(flips))
        for name in sorted(flips):
            out.text(name.encode())
            out.moment(flips[name])
        if customer.acted:
            flags |= _HAS_ACTED
            out.moments(customer.acted)
        candidates = [self.worded(customer.candidates[place]) for place in range(customer.waiting)]
        seen = {key: one.seen for key, one in all_series.items() if one.seen}
        rest: list[Any] = [customer.latest, candidates, customer.attributes, customer.pairs, customer.floors]
        rest += [self.names.asked(), seen, customer.stage.numbers(), *rest_of_outcomes(customer, self.names)]
        if drop_empty(rest):
            flags |= _HAS_REST
            out.copy(_encode_rest(rest))
        out.put[1] = flags
        return out.made()

    def worded(self, candidate: Candidate) -> Waiting | tuple[Any, ...]:
        """Return a waiting action as it is stored."""
        waiting: Waiting | None = candidate.worded
        if waiting is None:
            if self.wording is None:
                raise ValueError("an action that waits as numbers has no place in layout 3")
            waiting = self.wording(candidate)
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

    def write_series(self, series: Series) -> None:
        """Write one series."""
        out, key, values = self.writer, series.key, series.values
        usual = _USUAL_SERIES.index(key) + 1 if key in _USUAL_SERIES else 0
        flags_at, flags = out.at, usual << _KEY_SHIFT
        out.byte(flags)
        if not usual:
            out.text(key.encode())
        out.moment(series.last_ms)
        if series.first_ms == series.last_ms:
            flags |= _ONCE
        else:
            out.moment(series.first_ms)
        out.number(series.total)
        if series.total_sum:
            flags |= _SUM
            if series.total_sum < 0:
                flags |= _BELOW_ZERO
            out.number(abs(series.total_sum))
        if series.active_days == series.total:
            flags |= _DAY_EACH
        else:
            out.number(series.active_days)
        if series.gone_day:
            flags |= _GONE
            out.integer(series.gone_day)
        if series.days.number:
            self.write_days(series.days, series.has_sum)
        else:
            out.number(0)
        if values.number:
            flags |= _VALUES
            out.number(values.number)
            for place in range(values.number):
                out.number(values.count[place])
            for place in range(values.number):
                out.integer(values.day[place])
        out.put[flags_at] = flags

    def write_days(self, days: Days, has_sum: bool) -> None:
        """Write packed days; there are some."""
        out, kind, first = self.writer, kind_of(days, has_sum), days.day[0]
        days_width, counts_width, sums_width = widths(kind)
        out.number(_HEAD_BYTES + days.number * (days_width + counts_width + sums_width))
        out.byte(kind)
        out.little(first, 4)
        for place in range(days.number):
            out.little(days.day[place] - days.day[max(place - 1, 0)], days_width)
        for place in range(days.number):
            out.little(days.count[place], counts_width)
        if has_sum:
            unit = 1 if kind >> _SUMS_SHIFT == _ANY_SUMS else _HUNDRED
            for place in range(days.number):
                out.little(days.sum[place] // unit, sums_width)


def kind_of(days: Days, has_sum: bool) -> int:
    """Return how days are packed: as narrowly as all of them can be."""
    kind, sums, before = 0, 1, days.day[0]
    for place in range(days.number):
        if days.day[place] - before > _BYTE:
            kind |= _WIDE_DAYS
        before = days.day[place]
        if days.count[place] > _BYTE:
            kind |= _WIDE_COUNTS
        amount = days.sum[place]
        if amount < 0 or amount % _HUNDRED or amount > _LARGE_SUM:
            sums = _ANY_SUMS
        elif amount > _SMALL_SUM and sums == 1:
            sums = 2
    return kind | sums << _SUMS_SHIFT if has_sum else kind


def widths(kind: int) -> tuple[int, int, int]:
    """Return how many bytes each step from day to day, each count and each sum takes."""
    return 4 if kind & _WIDE_DAYS else 1, 8 if kind & _WIDE_COUNTS else 1, _SUM_WIDTHS[kind >> _SUMS_SHIFT]


def take_rest(customer: Customer, rest: Any) -> None:
    """Take over the fields that few customers have, of any layout.

    Raises:
        Damaged: if one of them cannot be.
    """
    customer.latest, customer.attributes = rest.latest, rest.attributes
    customer.pairs, customer.floors = rest.pairs, rest.floors
    moments = [at_ms for _, at_ms in customer.attributes.values()] + list(customer.floors.values())
    for pair in customer.pairs.values():
        if len(pair) != 2:
            raise Damaged("a pair of other than two moments")
        moments += pair
    for at_ms in moments:
        within(at_ms, FARTHEST_MS)


def take_seen(seen: dict[str, Seen], names: Names) -> None:
    """Take over the latest values of series; all series were read before.

    Raises:
        Damaged: if one of them cannot be.
    """
    for key, found in seen.items():
        series = names.known_series(key)
        if series is None or not are_in_order(found):
            raise Damaged("values of a series that has none, or not in order")
        for _, days in found:
            within(days[0], _FARTHEST_DAY)
            within(days[-1], _FARTHEST_DAY)
        series.seen = found


def take_outcomes(rest: Any, names: Names) -> None:
    """Take over what is measured of the customer, of any layout; episodes and actions that wait have been read.

    Raises:
        Damaged: if it cannot be.
    """
    customer = names.customer
    for start_ms, arm, won, amount in rest.experiments.values():
        within(start_ms, FARTHEST_MS)
        within(amount, MAX_STORED)
        if not arm or not 0 <= won <= 1:
            raise Damaged("an experiment without an arm, or with several successes")
    customer.experiments = rest.experiments
    names.take_silent(rest.silent)
    if len(rest.tallies) > customer.waiting:
        raise Damaged("there are tallies of more actions than wait")
    for place, tally in enumerate(rest.tallies):
        for amount in tally.values():
            within(amount, MAX_STORED)
        customer.candidates[place].tally = tally or None


def rest_of_outcomes(customer: Customer, names: Names) -> list[Any]:
    """Return what `take_outcomes` takes."""
    tallies: list[dict[str, int]] = []
    for place in range(customer.waiting):
        candidate: Candidate = customer.candidates[place]
        tallies.append(candidate.tally or {})
    return [customer.experiments, names.silent(), tallies if any(tallies) else []]


def drop_empty(rest: list[Any]) -> bool:
    """Leave out the fields at the end that are empty; return whether any is left."""
    while rest and not rest[-1]:
        rest.pop()
    return bool(rest)


def take_worded(candidate: Candidate, waiting: Waiting, names: Names) -> None:
    """Take over an action that waits in words; its moments become those of the candidate.

    Raises:
        Damaged, msgspec.DecodeError: if it cannot be one.
    """
    for why in (waiting.why, waiting.why_back):
        if why:
            reasons_in(why)
    candidate.rule = names.by_id.get(waiting.rule, -1)
    candidate.start_ms = within(waiting.start_ms, FARTHEST_MS)
    candidate.withdrawn_ms = within(waiting.withdrawn_ms, FARTHEST_MS)
    candidate.doubted_ms = within(waiting.doubted_ms, FARTHEST_MS)
    candidate.worded = waiting


def stored_waiting(waiting: Waiting, candidate: Candidate) -> Waiting | tuple[Any, ...]:
    """Return a worded action as it is stored: reasons packed, and without fields at the end that say nothing."""
    waiting.start_ms, waiting.withdrawn_ms = candidate.start_ms, candidate.withdrawn_ms
    waiting.doubted_ms = candidate.doubted_ms
    if isinstance(waiting.why, tuple):
        waiting.why = _packed_reasons(waiting.why)
    if isinstance(waiting.why_back, tuple):
        waiting.why_back = _packed_reasons(waiting.why_back)
    if waiting.known:
        return waiting
    return msgspec.structs.astuple(waiting)[: -1 if waiting.doubted_ms else -2]
