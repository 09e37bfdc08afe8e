"""Layout 4: how a customer is stored, as the numbers that the objects hold.

A byte for the layout, one for flags, and then numbers in the order in which `write` writes them. A number below 192
takes one byte, one below 14,528 two. A moment is written as its UTC day, counted from that of the latest event, and
the time of that day. The time is one that was written before, if it was: most moments of a customer are whole days
from one another. Days of a series are written from the last one back. Nothing is written that follows from the rest:
the totals of a series whose events are all on days that are kept, and the due time of a customer.

Series of built-in types are named by a place, those of some events of a type by the six bytes of their hash, so that
every key can be read without the rule set. Rules have codes of five bytes; the rule of an action that waits is named
by the six bytes of its version. The due times of groups of rules have no names: they mean something only to the rule
set that wrote them.
"""

import re
from typing import Any, Final

import msgspec

from schemas.actions import Number
from schemas.durations import DAY_MS
from workers.core.coverage import FOREVER_MS, SERIES_OF_SOME, type_of
from workers.core.customer.binary import FARTHEST_MS, Damaged, Reader, Writer
from workers.core.customer.candidate import Candidate, Evidence
from workers.core.customer.customer import RING
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
from workers.core.customer.layout_3 import (
    Kept,
    Waiting,
    check_rest,
    counted,
    flags_of,
    near,
    stored_waiting,
    stretches,
    take_worded,
)
from workers.core.customer.names import CODE_BYTES, Names, Places
from workers.core.customer.series import Series
from workers.core.events.decoding import FINGERPRINT_BYTES, MAX_STORED
from workers.core.memory import Numbers

LAYOUT: Final = 4

_USUAL: Final = ("cancellation", "login", "purchase")
"""Types that are written as their position here: never reorder them."""
_VERSION_BYTES: Final = 6

# Flags of a customer.
_HAS_FIRED: Final = 1
_HAS_DUE: Final = 2
_HAS_FLIPS: Final = 4
_HAS_EPISODES: Final = 8
_HAS_ACTED: Final = 16
_HAS_CANDIDATES: Final = 32
_HAS_REST: Final = 64
_CUSTOMER_FLAGS: Final = 127

# Flags of a series. The lowest three bits say how it is named: by its key, as one of `_USUAL`, as the series of some
# events of one of `_USUAL`, or as that of some events of another type.
_BY_KEY: Final = 0
_OF_SOME: Final = 3
_OF_OTHERS: Final = 7
_NAMED: Final = 7
_WHOLE: Final = 8
_ONCE: Final = 16
_SUMS: Final = 32
_GONE: Final = 64
_DAY_EACH: Final = 128
_VALUES: Final = 256
_FINE: Final = 512
_SERIES_FLAGS: Final = 1023

# What an episode waits for.
_IS_PENDING: Final = 1
_IS_TRUE: Final = 2

# Flags of an action that waits.
_IN_WORDS: Final = 1
_IS_WITHDRAWN: Final = 2
_IS_DOUBTED: Final = 4
_HAS_MORE: Final = 8
_CANDIDATE_FLAGS: Final = 15

_TIMES: Final = 15
"""Times of days that moments refer to; the number of none of them means that a new one follows."""
_TIME_BITS: Final = 4
_TIME_BYTES: Final = 4
_FARTHEST_DAY: Final = 1 << 29
_FARTHEST_APART: Final = 1 << 31
_HUNDRED: Final = 100
_MAX_SUM: Final = MAX_STORED
_MAX_HUNDREDS: Final = MAX_STORED // 100
_HASH: Final = re.compile("[0-9a-f]{12}")
_HASH_BYTES: Final = 4
_FARTHEST_MS: Final = FARTHEST_MS
_MOMENTLIKE: Final = 1 << 40
"""A number of evidence from here on is taken for a moment; it is 2004 in milliseconds."""
_MOST_EVIDENCE: Final = 3000
_ANY_EVIDENCE: Final = 3
# As in `binary`: numbers of one byte, and of two.
_ONE: Final = 192
_MANY: Final = 247
_TWO_END: Final = _ONE + 256 * (_MANY + 1 - _ONE)


class Details(msgspec.Struct, array_like=True, gc=False):
    """What an action that waits has beside numbers: its variables, and other values of its evidence."""

    variables: dict[str, Number] | None = None
    values: list[tuple[int, Any]] | None = None
    values_back: list[tuple[int, Any]] | None = None


class Rest(msgspec.Struct, array_like=True, gc=False):
    """Fields that few customers have; empty ones at the end are omitted."""

    latest: dict[str, Kept] = {}
    attributes: dict[str, tuple[Kept, int]] = {}
    pairs: dict[str, list[int]] = {}
    floors: dict[str, int] = {}
    worded: list[Waiting] = []
    details: list[Details] = []


_encode_rest = msgspec.msgpack.Encoder(order="deterministic").encode
_decode_rest = msgspec.msgpack.Decoder(Rest).decode


class Key:
    """How the key of a series is written.

    Attributes:
        series: the series.
        named: the lowest bits of its flags.
        name: bytes that name it, or its type; empty if it has a place in `_USUAL`.
        hash: of a series of some events of its type.
    """

    __slots__ = ("hash", "name", "named", "series")

    def __init__(self, series: Series) -> None:
        self.series = series
        kind, is_of_some, rest = series.key.partition(SERIES_OF_SOME)
        usual = _USUAL.index(kind) + 1 if kind in _USUAL else 0
        self.hash = 0
        if is_of_some and _HASH.fullmatch(rest):
            self.hash = int(rest, 16)
            self.named = _OF_SOME + usual if usual else _OF_OTHERS
            self.name = b"" if usual else kind.encode()
        else:
            self.named = _BY_KEY if is_of_some else usual
            self.name = series.key.encode() if self.named == _BY_KEY else b""


class Layout4:
    """Reads and writes the customer of a rule set."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.customer = names.customer
        self.reader = Reader()
        self.writer = Writer()
        self.usual = [names.customer.by_key.get(key) for key in _USUAL]
        self.keys = [Key(one) for one in names.series]
        self.of_some = [key for key in self.keys if key.named > _OF_SOME]
        self.by_hash = Places([key.hash for key in self.of_some])
        self._memory = Numbers(_TIMES)
        self.times = self._memory.numbers()
        self.known_times = self.next_time = self.at_day = 0
        self.words: tuple[Waiting, ...] = ()
        self.details: tuple[Details, ...] = ()

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
        self.words = self.details = ()
        flags = given.byte()
        if flags > _CUSTOMER_FLAGS:
            raise Damaged(f"flags are {flags}")
        customer.is_known = True
        customer.at_ms = given.little(FINGERPRINT_BYTES)
        self.begin(customer.at_ms)
        customer.first_ms = self.moment()
        if flags & _HAS_FIRED:
            customer.fired_ms = self.moment()
        customer.generation = given.number()
        number = given.byte()
        if number > RING:
            raise Damaged(f"{number} event ids are remembered")
        for place in range(number):
            customer.seen[place] = given.little(FINGERPRINT_BYTES)
        customer.seen_number = number
        for _ in range(given.bounded(given.number(), 2)):
            self.read_series()
        if flags & _HAS_EPISODES:
            for _ in range(given.bounded(given.number(), CODE_BYTES)):
                self.read_episode()
        customer.flips_known = False
        if flags & _HAS_FLIPS:
            self.read_flips()
        if flags & _HAS_DUE:
            customer.due_ms = self.moment()
        if flags & _HAS_ACTED:
            customer.acted = self.moments()
        if flags & _HAS_REST:
            self.read_rest(_decode_rest(given.take(given.number())))
        if flags & _HAS_CANDIDATES:
            for _ in range(given.bounded(given.number(), 2)):
                self.read_candidate()
        if self.words or self.details:
            raise Damaged("there are words of more actions than wait")
        if given.at != given.end:
            raise Damaged("there is more than it says")

    def begin(self, at_ms: int) -> None:
        """Begin with the times that every customer has: that of the latest event, and midnight."""
        self.at_day = at_ms // DAY_MS
        self.times[0], self.times[1] = at_ms - DAY_MS * self.at_day, 0
        self.known_times = self.next_time = 2

    def note_time(self, time_ms: int) -> None:
        """Keep a time of day, so that later moments can refer to it."""
        self.times[self.next_time] = time_ms
        self.next_time += 1
        self.known_times = max(self.known_times, self.next_time)
        if self.next_time == _TIMES:
            self.next_time = 2

    def moment(self) -> int:
        """Read a moment."""
        number = _number(self.reader)
        place, apart = number & _TIMES, number >> _TIME_BITS
        if apart >= _FARTHEST_APART:
            raise Damaged(f"a moment {apart} days away")
        day = self.at_day - (-(apart >> 1) - 1 if apart & 1 else apart >> 1)
        if place < self.known_times:
            return day * DAY_MS + self.times[place]
        if place < _TIMES:
            raise Damaged("a time that was not written before")
        time_ms = self.reader.little(_TIME_BYTES)
        if time_ms >= DAY_MS:
            raise Damaged(f"a day of {time_ms} ms")
        self.note_time(time_ms)
        return day * DAY_MS + time_ms

    def moments(self) -> list[int]:
        """Read the count of moments, and each moment."""
        found = []
        for _ in range(self.reader.bounded(self.reader.number(), 1)):
            found.append(self.moment())
        return found

    def read_flips(self) -> None:
        """Read the due times of groups, if they are those of this rule set."""
        given, customer = self.reader, self.customer
        groups, mask = given.number(), 0
        if groups > 8 * (given.end - given.at):
            raise Damaged("it ends too early")
        is_ours = groups == customer.groups and customer.generation == self.names.generation
        soonest_ms = FOREVER_MS
        for group in range(groups):
            if group % 8 == 0:
                mask = given.byte()
            if mask & 1:
                flip_ms = self.moment()
                soonest_ms = min(soonest_ms, flip_ms)
                if is_ours:
                    customer.flips[group] = flip_ms
            mask >>= 1
        if soonest_ms < FOREVER_MS:
            customer.due_ms = soonest_ms
        customer.flips_known = is_ours

    def read_series(self) -> None:
        """Read one series."""
        given = self.reader
        flags = given.number()
        if flags > _SERIES_FLAGS:
            raise Damaged(f"flags of a series are {flags}")
        series = self.named_series(flags & _NAMED)
        if series.is_present:
            raise Damaged("a series twice")
        series.is_present = True
        series.last_ms = self.moment()
        series.first_ms = series.last_ms if flags & _ONCE else self.moment()
        if flags & _GONE:
            series.gone_day = self.at_day - near(given.integer())
        times = 1 if flags & _FINE else _HUNDRED
        if flags & _SUMS and not series.has_sum:
            self.mind_sums(series)
        if not flags & _WHOLE:
            series.total = counted(given.number())
            series.active_days = series.total if flags & _DAY_EACH else counted(given.number())
            if flags & _SUMS:
                series.total_sum = times * _added(given.integer(), _MAX_SUM if flags & _FINE else _MAX_HUNDREDS)
        self.read_days(series, flags, times)
        if flags & _VALUES:
            self.read_values(series)

    def mind_sums(self, series: Series) -> None:
        """Note that a series has sums, if no rule of this set reads it."""
        if series.key not in self.customer.other_series:
            raise Damaged("sums of a series that adds up nothing")
        series.has_sum = True

    def named_series(self, named: int) -> Series:
        """Read what else names a series, and return it."""
        if named == _BY_KEY:
            return self.series_of(self.text())
        if named <= _OF_SOME:
            usual: Series | None = self.usual[named - 1]
            return self.series_of(_USUAL[named - 1]) if usual is None else usual
        kind = self.text() if named == _OF_OTHERS else _USUAL[named - _OF_SOME - 1]
        number = self.reader.little(FINGERPRINT_BYTES)
        place = self.by_hash.of(number)
        if place >= 0:
            key: Key = self.of_some[place]
            if key.series.type == kind:
                return key.series
        return self.series_of(f"{kind}{SERIES_OF_SOME}{number:012x}")

    def text(self) -> str:
        """Read the count of the bytes of a text, and the text."""
        return self.reader.take(self.reader.number()).decode()

    def series_of(self, key: str) -> Series:
        """Return a series by its key; one that no rule of this set reads is made."""
        customer = self.customer
        series: Series | None = customer.by_key.get(key)
        if series is None:
            series = customer.other_series.get(key)
        if series is None:
            series = customer.other_series[key] = Series(key, type_of(key), False, 0)
        return series

    def read_days(self, series: Series, flags: int, times: int) -> None:
        """Read the days of a series, from the last one back, and the totals that follow from them."""
        given, days = self.reader, series.days
        number = 1 if flags & _ONCE and flags & _WHOLE else given.bounded(given.number(), 1)
        days.need(number)
        column, counts, sums, has_sums = days.day, days.count, days.sum, flags & _SUMS != 0
        is_whole = flags & _WHOLE != 0
        day = series.last_ms // DAY_MS + 1
        total = total_sum = 0
        most = _MAX_SUM if flags & _FINE else _MAX_HUNDREDS
        for place in range(number - 1, -1, -1):
            step, count = _number(given), 1
            day -= (step >> 1) + 1
            if step & 1:
                count = counted(_number(given)) + 2
            if has_sums:
                amount = given.integer() if flags & _FINE else _number(given)
                if amount > most or amount < -most:
                    amount = _added(amount, most)
                amount *= times
                sums[place] = amount
                if is_whole:
                    total_sum += amount
            else:
                sums[place] = 0
            if is_whole:
                total += count
            column[place] = day
            counts[place] = count
        days.number = number
        if day < -_FARTHEST_DAY:
            raise Damaged(f"a day {day} days from 1970")
        if flags & _WHOLE:
            series.total, series.total_sum, series.active_days = counted(total), _added(total_sum, _MAX_SUM), number

    def read_values(self, series: Series) -> None:
        """Read distinct values, the one seen last first."""
        given, values = self.reader, series.values
        number = given.bounded(given.number(), 1 + _HASH_BYTES)
        values.need(number)
        day = series.last_ms // DAY_MS
        for place in range(number - 1, -1, -1):
            values.count[place] = given.little(_HASH_BYTES)
            day -= given.number()
            values.day[place], values.sum[place] = day, 0
        values.number = number
        if day < -_FARTHEST_DAY:
            raise Damaged(f"a day {day} days from 1970")

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
            episode.start_ms = self.moment()
        if flags & ACTED_AT_START:
            episode.acted_ms = episode.start_ms
        if flags & ACTED:
            episode.acted_ms = self.moment()
        if flags & ACTED_BEFORE:
            episode.before_ms = self.moment()
        if flags & IS_OPEN:
            episode.open_until_ms = self.moment()
        if flags & WAITS:
            waits = given.byte()
            if waits & _IS_PENDING:
                episode.pending_ms = self.moment()
            if waits & _IS_TRUE:
                episode.true_since_ms = self.moment()
        if flags & STRETCHES:
            episode.held = stretches(self.moments())
            episode.stood = stretches(self.moments())

    def read_candidate(self) -> None:
        """Read an action that waits."""
        given, candidate = self.reader, self.customer.another_candidate()
        flags = given.byte()
        if flags > _CANDIDATE_FLAGS:
            raise Damaged(f"flags of a waiting action are {flags}")
        candidate.start_ms = self.moment()
        if flags & _IS_WITHDRAWN:
            candidate.withdrawn_ms = self.moment()
        if flags & _IS_DOUBTED:
            candidate.doubted_ms = self.moment()
        if flags & _IN_WORDS:
            if not self.words:
                raise Damaged("the words of a waiting action are missing")
            take_worded(candidate, self.words[0], self.names)
            self.words = self.words[1:]
            return
        version = given.little(_VERSION_BYTES)
        candidate.rule = self.names.by_version.of(version)
        if candidate.rule < 0:
            candidate.former = f"{version:012x}"
        self.read_evidence(candidate.evidence)
        if flags & _IS_WITHDRAWN:
            candidate.because = given.byte()
            self.read_evidence(candidate.evidence_back)
        if flags & _HAS_MORE:
            if not self.details:
                raise Damaged("the values of a waiting action are missing")
            own = self.details[0]
            candidate.variables = own.variables
            candidate.evidence.values = None if own.values is None else dict(own.values)
            candidate.evidence_back.values = None if own.values_back is None else dict(own.values_back)
            self.details = self.details[1:]

    def read_evidence(self, evidence: Evidence) -> None:
        """Read the numbers of evidence."""
        given, at_ms = self.reader, self.customer.at_ms
        number = given.bounded(given.number(), 1)
        if number > _MOST_EVIDENCE:
            raise Damaged(f"{number} numbers of evidence")
        evidence.need(number)
        for place in range(number):
            value = given.number()
            if value == _ANY_EVIDENCE:
                evidence.numbers[place] = given.little(8)
            elif value == 1:
                raise Damaged("evidence that is no number")
            elif value & 1:
                value = (value >> 1) - 2
                apart = -(value >> 1) - 1 if value & 1 else value >> 1
                evidence.numbers[place] = at_ms - apart
            else:
                value >>= 1
                evidence.numbers[place] = -(value >> 1) - 1 if value & 1 else value >> 1

    def read_rest(self, rest: Rest) -> None:
        """Take over the fields that few customers have; waiting actions follow."""
        customer = self.customer
        customer.latest, customer.attributes = rest.latest, rest.attributes
        customer.pairs, customer.floors = rest.pairs, rest.floors
        check_rest(customer)
        self.words, self.details = tuple(rest.worded), tuple(rest.details)

    # -- writing -------------------------------------------------------------------------------------------

    def write(self) -> bytes:
        """Return the customer as stored bytes."""
        out, customer, names = self.writer, self.customer, self.names
        has_flips = customer.flips_known and customer.generation == names.generation
        soonest_ms = 0
        if has_flips:
            soonest_ms = FOREVER_MS
            for group in range(customer.groups):
                soonest_ms = min(soonest_ms, customer.flips[group])
            if soonest_ms == FOREVER_MS:
                soonest_ms = 0
        flags = _HAS_FLIPS if has_flips else 0
        if customer.fired_ms:
            flags |= _HAS_FIRED
        if customer.due_ms != soonest_ms:
            flags |= _HAS_DUE
        if customer.acted:
            flags |= _HAS_ACTED
        if customer.waiting:
            flags |= _HAS_CANDIDATES
        rest = self.rest()
        if rest is not None:
            flags |= _HAS_REST
        out.begin()
        out.byte(LAYOUT)
        out.byte(flags)
        out.little(customer.at_ms, FINGERPRINT_BYTES)
        self.begin(customer.at_ms)
        self.put_moment(customer.first_ms)
        if customer.fired_ms:
            self.put_moment(customer.fired_ms)
        out.number(customer.generation)
        out.byte(customer.seen_number)
        for place in range(customer.seen_number):
            out.little(customer.seen[place], FINGERPRINT_BYTES)
        self.write_all_series()
        if self.write_episodes():
            out.put[1] |= _HAS_EPISODES
        if has_flips:
            self.write_flips()
        if flags & _HAS_DUE:
            self.put_moment(customer.due_ms)
        if customer.acted:
            self.put_moments(customer.acted)
        if rest is not None:
            raw = _encode_rest(rest)
            out.number(len(raw))
            out.copy(raw)
        if customer.waiting:
            out.number(customer.waiting)
            for place in range(customer.waiting):
                self.write_candidate(customer.candidates[place])
        return out.made()

    def put_moment(self, at_ms: int) -> None:
        """Write a moment."""
        day = at_ms // DAY_MS
        time_ms, apart = at_ms - DAY_MS * day, self.at_day - day
        apart = -2 * apart - 1 if apart < 0 else 2 * apart
        times, known, place = self.times, self.known_times, 0
        while place < known and times[place] != time_ms:
            place += 1
        if place < known:
            _put(self.writer, apart * (_TIMES + 1) + place)
        else:
            _put(self.writer, apart * (_TIMES + 1) + _TIMES)
            self.writer.little(time_ms, _TIME_BYTES)
            self.note_time(time_ms)

    def put_moments(self, several: list[int]) -> None:
        """Write the count of moments, and each moment."""
        self.writer.number(len(several))
        for at_ms in several:
            self.put_moment(at_ms)

    def write_flips(self) -> None:
        """Write the due times of groups: eight bits that say which of them have one, and these."""
        out, customer = self.writer, self.customer
        out.number(customer.groups)
        for first in range(0, customer.groups, 8):
            end = min(first + 8, customer.groups)
            mask = 0
            for group in range(first, end):
                if customer.flips[group] < FOREVER_MS:
                    mask |= 1 << (group - first)
            out.byte(mask)
            for group in range(first, end):
                if customer.flips[group] < FOREVER_MS:
                    self.put_moment(customer.flips[group])

    def write_all_series(self) -> None:
        """Write every series: those of the rule set in the order of their keys, then the others."""
        number = len(self.customer.other_series)
        for key in self.keys:
            if key.series.is_present:
                number += 1
        self.writer.number(number)
        for key in self.keys:
            series = key.series
            if series.is_present:
                self.write_series(key, series)
        if self.customer.other_series:
            for name in sorted(self.customer.other_series):
                series = self.customer.other_series[name]
                self.write_series(Key(series), series)

    def write_series(self, key: "Key", series: Series) -> None:
        """Write one series."""
        out, days, values = self.writer, series.days, series.values
        flags = key.named | self.kind_of_days(series)
        if series.first_ms == series.last_ms:
            flags |= _ONCE
        if series.gone_day:
            flags |= _GONE
        if values.number:
            flags |= _VALUES
        out.number(flags)
        if key.name:
            out.number(len(key.name))
            out.copy(key.name)
        if key.named > _OF_SOME:
            out.little(key.hash, FINGERPRINT_BYTES)
        self.put_moment(series.last_ms)
        if not flags & _ONCE:
            self.put_moment(series.first_ms)
        if series.gone_day:
            out.integer(self.at_day - series.gone_day)
        times = 1 if flags & _FINE else _HUNDRED
        if not flags & _WHOLE:
            out.number(series.total)
            if not flags & _DAY_EACH:
                out.number(series.active_days)
            if flags & _SUMS:
                out.integer(series.total_sum // times)
        if not (flags & _ONCE and flags & _WHOLE):
            out.number(days.number)
        day, column, counts, sums = series.last_ms // DAY_MS + 1, days.day, days.count, days.sum
        for place in range(days.number - 1, -1, -1):
            step, count = 2 * (day - 1 - column[place]), counts[place]
            day = column[place]
            if count == 1:
                _put(out, step)
            else:
                _put(out, step + 1)
                _put(out, count - 2)
            if flags & _FINE:
                out.integer(sums[place])
            elif flags & _SUMS:
                _put(out, sums[place] // _HUNDRED)
        if values.number:
            out.number(values.number)
            day = series.last_ms // DAY_MS
            for place in range(values.number - 1, -1, -1):
                out.little(values.count[place], _HASH_BYTES)
                out.number(day - values.day[place])
                day = values.day[place]

    def kind_of_days(self, series: Series) -> int:
        """Return the flags that say how totals and sums of a series are written."""
        days, has_sum = series.days, series.has_sum
        flags, total, total_sum = _SUMS if has_sum else 0, 0, 0
        follows = days.number > 0 and days.number == series.active_days
        if series.first_ms == series.last_ms and days.number != 1:
            follows = False
        if has_sum:
            if series.total_sum % _HUNDRED:
                flags |= _FINE
            column = days.sum
            for place in range(days.number):
                amount = column[place]
                if amount < 0 or amount % _HUNDRED:
                    flags |= _FINE
                total_sum += amount
                if total_sum > _MAX_SUM or total_sum < -_MAX_SUM:
                    follows = False
                    total_sum = 0
        if follows:
            column = days.count
            for place in range(days.number):
                total += column[place]
                if total > _MAX_SUM:
                    follows = False
                    total = 0
        if follows and total == series.total and (total_sum == series.total_sum or not has_sum):
            return flags | _WHOLE
        return flags | _DAY_EACH if series.total == series.active_days else flags

    def write_episodes(self) -> int:
        """Write every episode: of the rules by their places, then of the others by their codes; return how many."""
        out, customer, codes = self.writer, self.customer, self.names.codes
        number_at = out.at
        out.byte(0)  # stands for their number, which is not known yet
        number = 0
        episode = customer.first_listed
        while episode is not None:
            if episode.is_present:
                number += 1
                out.code(codes[episode.place])
                self.write_episode(episode)
            episode = episode.following
        if customer.other_episodes:
            for raw in sorted(customer.other_episodes):
                number += 1
                out.copy(raw)
                self.write_episode(customer.other_episodes[raw])
        if not number:
            out.at = number_at
        elif number < _ONE:
            out.put[number_at] = number
        else:
            self.insert_number(number_at, number)
        return number

    def insert_number(self, number_at: int, number: int) -> None:
        """Write a number of more than one byte where a single one stands for it, and what follows it once more."""
        out = self.writer
        written = out.made()
        out.at = number_at
        out.number(number)
        out.copy(written[number_at + 1 :])

    def write_episode(self, episode: Episode) -> None:
        """Write one episode."""
        out, start_ms, acted_ms = self.writer, episode.start_ms, episode.acted_ms
        flags, waits = flags_of(episode), 0
        if episode.pending_ms:
            waits |= _IS_PENDING
        if episode.true_since_ms:
            waits |= _IS_TRUE
        out.byte(flags)
        if start_ms:
            self.put_moment(start_ms)
        if flags & ACTED:
            self.put_moment(acted_ms)
        if flags & ACTED_BEFORE:
            self.put_moment(episode.before_ms)
        if flags & IS_OPEN:
            self.put_moment(episode.open_until_ms)
        if waits:
            out.byte(waits)
            if waits & _IS_PENDING:
                self.put_moment(episode.pending_ms)
            if waits & _IS_TRUE:
                self.put_moment(episode.true_since_ms)
        if flags & STRETCHES:
            self.put_moments(episode.held)
            self.put_moments(episode.stood)

    def write_candidate(self, candidate: Candidate) -> None:
        """Write what a waiting action has as numbers."""
        out = self.writer
        flags = _IN_WORDS if candidate.worded is not None else 0
        if candidate.withdrawn_ms:
            flags |= _IS_WITHDRAWN
        if candidate.doubted_ms:
            flags |= _IS_DOUBTED
        if not flags & _IN_WORDS and _has_more(candidate):
            flags |= _HAS_MORE
        out.byte(flags)
        self.put_moment(candidate.start_ms)
        if flags & _IS_WITHDRAWN:
            self.put_moment(candidate.withdrawn_ms)
        if flags & _IS_DOUBTED:
            self.put_moment(candidate.doubted_ms)
        if flags & _IN_WORDS:
            return
        version = int(candidate.former, 16) if candidate.rule < 0 else self.names.versions[candidate.rule]
        out.little(version, _VERSION_BYTES)
        self.write_evidence(candidate.evidence)
        if flags & _IS_WITHDRAWN:
            out.byte(candidate.because)
            self.write_evidence(candidate.evidence_back)

    def write_evidence(self, evidence: Evidence) -> None:
        """Write the numbers of evidence, without the zeros at the end."""
        out, at_ms, number = self.writer, self.customer.at_ms, evidence.size
        while number and not evidence.numbers[number - 1]:
            number -= 1
        out.number(number)
        for place in range(number):
            value = evidence.numbers[place]
            if -_MOMENTLIKE < value < _MOMENTLIKE:
                out.number(-4 * value - 2 if value < 0 else 4 * value)
            elif -_FARTHEST_MS < value < _FARTHEST_MS:
                apart = at_ms - value
                out.number(5 + (-4 * apart - 2 if apart < 0 else 4 * apart))
            else:
                out.number(_ANY_EVIDENCE)
                out.little(value, 8)

    def rest(self) -> list[Any] | None:
        """Return the fields that few customers have, without the empty ones at the end; None if there are none."""
        customer = self.customer
        if not (
            customer.latest or customer.attributes or customer.pairs or customer.floors or customer.waiting
        ):  # nearly all customers
            return None
        worded: list[Any] = []
        details: list[Any] = []
        for place in range(customer.waiting):
            candidate: Candidate = customer.candidates[place]
            if candidate.worded is not None:
                worded.append(stored_waiting(candidate.worded, candidate))
            elif _has_more(candidate):
                values, values_back = candidate.evidence.values, candidate.evidence_back.values
                details.append([candidate.variables, _pairs(values), _pairs(values_back)])
        rest = [customer.latest, customer.attributes, customer.pairs, customer.floors, worded, details]
        while rest and not rest[-1]:
            rest.pop()
        return rest or None


def _number(given: Reader) -> int:
    """Read a number as `Reader.number` does: here, so that the compiler can put it where it is needed."""
    at, left = given.at, given.end - given.at
    if left > 1:
        value = given.given[at]
        if value < _ONE:
            given.at = at + 1
            return value
        if value <= _MANY:
            given.at = at + 2
            return (value & 63) * 256 + given.given[at + 1] + _ONE
    return given.number()


def _put(out: Writer, value: int) -> None:
    """Write a number as `Writer.number` does: of this module, as `_number`."""
    at = out.at
    if value < 0 or value >= _TWO_END or out.size - at < 2:
        out.number(value)
    elif value < _ONE:
        out.put[at] = value
        out.at = at + 1
    else:
        value -= _ONE
        out.put[at] = value // 256 + _ONE
        out.put[at + 1] = value & 255
        out.at = at + 2


def _has_more(candidate: Candidate) -> bool:
    """Return whether an action that waits has anything beside numbers."""
    if candidate.variables is not None or candidate.evidence.values is not None:
        return True
    return candidate.evidence_back.values is not None


def _pairs(values: dict[int, Any] | None) -> list[Any] | None:
    """Return values by their places, as they are stored."""
    return None if values is None else sorted(values.items(), key=_place_of)


def _place_of(pair: tuple[int, Any]) -> int:
    return pair[0]


def _added(amount: int, most: int) -> int:
    """Return a sum, if it is between `-most` and `most`."""
    if amount > most or amount < -most:
        raise Damaged(f"a sum of {amount} is beyond all bounds")
    return amount
