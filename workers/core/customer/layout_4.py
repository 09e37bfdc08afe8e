"""Layout 4: how a customer is stored, as the numbers that the objects hold.

A byte for the layout, one for flags, and then numbers in the order in which `write` writes them. A number below 192
takes one byte, one below 14,528 two. Days of a series are written from the last one back. Nothing is written that
follows from the rest: the totals of a series whose events are all on days that are kept, and the due time of a
customer.

Series of built-in types are named by a place, those of some events of a type by the six bytes of their hash, so that
every key can be read without the rule set. Rules have codes of five bytes; the rule of an action that waits is named
by the six bytes of its version. The due times of groups of rules have no names: they mean something only to the rule
set that wrote them.
"""

import re
from typing import Any, Final, get_args

import msgspec

from schemas.actions import Known, Number, Retraction
from schemas.durations import DAY_MS
from workers.core.coverage import FOREVER_MS, SERIES_OF_SOME
from workers.core.customer.binary import FARTHEST_MS, Damaged, Reader, Writer, from_zigzag, within, zigzag
from workers.core.customer.candidate import Candidate, Evidence
from workers.core.customer.customer import RING, Entry
from workers.core.customer.layout_3 import (
    Kept,
    Waiting,
    drop_empty,
    rest_of_outcomes,
    stored_waiting,
    take_outcomes,
    take_rest,
    take_seen,
    take_worded,
)
from workers.core.customer.names import Names, Places
from workers.core.customer.seen import Seen
from workers.core.customer.series import Series
from workers.core.events.decoding import FINGERPRINT_BYTES, MAX_STORED

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
_HAS_STAGE: Final = 128
_CUSTOMER_FLAGS: Final = 255

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

# Flags of an action that waits.
_IN_WORDS: Final = 1
_IS_WITHDRAWN: Final = 2
_IS_DOUBTED: Final = 4
_HAS_MORE: Final = 8
_CANDIDATE_FLAGS: Final = 15
_LAST_BECAUSE: Final = len(get_args(Retraction)) - 1

_FARTHEST_DAY: Final = (1 << 29) - 1
_HUNDRED: Final = 100
_MOST_HUNDREDS: Final = MAX_STORED // _HUNDRED
_HASH: Final = re.compile("[0-9a-f]{12}")
_HASH_BYTES: Final = 4
_MOMENTLIKE: Final = 1 << 40
"""A number of evidence from here on is taken for a moment; it is 2004 in milliseconds."""
_MOST_EVIDENCE: Final = 3000
_ANY_EVIDENCE: Final = 3


class Details(msgspec.Struct, array_like=True, gc=False):
    """What an action that waits has beside numbers: its variables, other values of its evidence, what is known."""

    variables: dict[str, Number] | None = None
    values: list[tuple[int, Any]] | None = None
    values_back: list[tuple[int, Any]] | None = None
    known: Known | None = None


class Rest(msgspec.Struct, array_like=True, gc=False):
    """Fields that few customers have; empty ones at the end are omitted."""

    latest: dict[str, Kept] = {}
    attributes: dict[str, tuple[Kept, int]] = {}
    pairs: dict[str, list[int]] = {}
    floors: dict[str, int] = {}
    worded: list[Waiting] = []
    details: list[Details] = []
    seen: dict[str, Seen] = {}
    experiments: dict[str, Entry] = {}
    silent: list[int] = []
    tallies: list[dict[str, int]] = []


_encode_rest = msgspec.msgpack.Encoder(order="deterministic").encode
_decode_rest = msgspec.msgpack.Decoder(Rest).decode
_NO_REST: Final = Rest()


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
        self.reader = Reader(LAYOUT)
        self.writer = Writer(LAYOUT)
        self.usual = [names.customer.by_key.get(key) for key in _USUAL]
        self.keys = [Key(one) for one in names.series]
        self.of_some = [key for key in self.keys if key.named > _OF_SOME]
        self.by_hash = Places([key.hash for key in self.of_some])
        self.rest = _NO_REST
        self.seen: dict[str, Seen] = {}

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
        customer.at_ms = given.little(FINGERPRINT_BYTES)
        given.refer_to(customer.at_ms)
        customer.first_ms = given.moment()
        if flags & _HAS_FIRED:
            customer.fired_ms = given.moment()
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
            self.names.read_episodes(given)
        customer.flips_known = False
        if flags & _HAS_FLIPS:
            self.read_flips()
        if flags & _HAS_DUE:
            customer.due_ms = given.moment()
        if flags & _HAS_STAGE:
            customer.stage.read(given)
        if flags & _HAS_ACTED:
            customer.acted = given.moments()
        self.rest = _NO_REST
        if flags & _HAS_REST:
            self.rest = _decode_rest(given.take(given.number()))
            take_rest(customer, self.rest)
            take_seen(self.rest.seen, self.names)
        if flags & _HAS_CANDIDATES:
            for _ in range(given.bounded(given.number(), 2)):
                self.read_candidate(customer.another_candidate())
        if flags & _HAS_REST:
            if self.rest.worded or self.rest.details:
                raise Damaged("there are words of more actions than wait")
            take_outcomes(self.rest, self.names)
        if given.at != given.end:
            raise Damaged("there is more than it says")

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
                flip_ms = given.moment()
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
        series.last_ms = given.moment()
        series.first_ms = series.last_ms if flags & _ONCE else given.moment()
        if flags & _GONE:
            series.gone_day = given.at_day - within(given.integer(), _FARTHEST_DAY)
        if flags & _SUMS and not series.has_sum:
            self.names.mind_sums(series)
        self.read_days(series, flags)
        if flags & _VALUES:
            self.read_values(series)

    def named_series(self, named: int) -> Series:
        """Read what else names a series, and return it."""
        if named == _BY_KEY:
            return self.names.series_of(self.reader.text())
        if named <= _OF_SOME:
            usual: Series | None = self.usual[named - 1]
            return self.names.series_of(_USUAL[named - 1]) if usual is None else usual
        kind = self.reader.text() if named == _OF_OTHERS else _USUAL[named - _OF_SOME - 1]
        number = self.reader.little(FINGERPRINT_BYTES)
        place = self.by_hash.of(number)
        if place >= 0:
            key: Key = self.of_some[place]
            if key.series.type == kind:
                return key.series
        return self.names.series_of(f"{kind}{SERIES_OF_SOME}{number:012x}")

    def read_days(self, series: Series, flags: int) -> None:
        """Read the days of a series, from the last one back, and the totals that follow from them."""
        given, days, times, most = self.reader, series.days, _HUNDRED, _MOST_HUNDREDS
        if flags & _FINE:
            times, most = 1, MAX_STORED
        is_whole, is_fine, has_sums = flags & _WHOLE != 0, flags & _FINE != 0, flags & _SUMS != 0
        if not is_whole:
            series.total = within(given.number(), MAX_STORED)
            series.active_days = series.total if flags & _DAY_EACH else within(given.number(), MAX_STORED)
            if has_sums:
                series.total_sum = times * within(given.integer(), most)
        number = 1 if is_whole and flags & _ONCE else given.bounded(given.number(), 1)
        days.need(number)
        column, counts, sums = days.day, days.count, days.sum
        day = series.last_ms // DAY_MS + 1
        total = total_sum = 0
        for place in range(number - 1, -1, -1):
            step, count, amount = given.number(), 1, 0
            day -= (step >> 1) + 1
            if step & 1:
                count = within(given.number(), MAX_STORED) + 2
            if has_sums:
                amount = given.integer() if is_fine else given.number()
                if amount > most or amount < -most:
                    raise Damaged(f"a sum of {amount} is beyond all bounds")
                amount *= times
            column[place], counts[place], sums[place] = day, count, amount
            if is_whole:
                total += count
                total_sum += amount
        days.number = number
        if day < -_FARTHEST_DAY or total > MAX_STORED or total_sum > MAX_STORED or total_sum < -MAX_STORED:
            raise Damaged("days or totals beyond all bounds")
        if is_whole:
            series.total, series.total_sum, series.active_days = total, total_sum, number

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
        within(day, _FARTHEST_DAY)

    def read_candidate(self, candidate: Candidate) -> None:
        """Read an action that waits."""
        given = self.reader
        flags = given.byte()
        if flags > _CANDIDATE_FLAGS:
            raise Damaged(f"flags of a waiting action are {flags}")
        candidate.start_ms = given.moment()
        if flags & _IS_WITHDRAWN:
            candidate.withdrawn_ms = given.moment()
        if flags & _IS_DOUBTED:
            candidate.doubted_ms = given.moment()
        if flags & _IN_WORDS:
            take_worded(candidate, _next_of(self.rest.worded), self.names)
        else:
            self.read_numbers(candidate, flags)

    def read_numbers(self, candidate: Candidate, flags: int) -> None:
        """Read what waits as numbers."""
        given = self.reader
        version = given.little(_VERSION_BYTES)
        candidate.rule = self.names.by_version.of(version)
        if candidate.rule < 0:
            candidate.former = f"{version:012x}"
        self.read_evidence(candidate.evidence)
        if flags & _IS_WITHDRAWN:
            candidate.because = within(given.byte(), _LAST_BECAUSE)
            self.read_evidence(candidate.evidence_back)
        if flags & _HAS_MORE:
            own = _next_of(self.rest.details)
            candidate.variables, candidate.known = own.variables, own.known or None
            candidate.evidence.values = None if own.values is None else dict(own.values)
            candidate.evidence_back.values = None if own.values_back is None else dict(own.values_back)

    def read_evidence(self, evidence: Evidence) -> None:
        """Read the numbers of evidence."""
        given = self.reader
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
                evidence.numbers[place] = given.at_ms - from_zigzag((value >> 1) - 2)
            else:
                evidence.numbers[place] = from_zigzag(value >> 1)

    # -- writing -------------------------------------------------------------------------------------------

    def write(self) -> bytes:
        """Return the customer as stored bytes."""
        out, customer = self.writer, self.customer
        flags, soonest_ms = 0, FOREVER_MS
        out.begin(LAYOUT)
        out.byte(flags)
        out.little(customer.at_ms, FINGERPRINT_BYTES)
        out.refer_to(customer.at_ms)
        out.moment(customer.first_ms)
        if customer.fired_ms:
            flags |= _HAS_FIRED
            out.moment(customer.fired_ms)
        out.number(customer.generation)
        out.byte(customer.seen_number)
        for place in range(customer.seen_number):
            out.little(customer.seen[place], FINGERPRINT_BYTES)
        self.write_all_series()
        if self.write_episodes():
            flags |= _HAS_EPISODES
        if customer.flips_known and customer.generation == self.names.generation:
            flags |= _HAS_FLIPS
            soonest_ms = self.write_flips()
        if customer.due_ms != (soonest_ms if soonest_ms < FOREVER_MS else 0):
            flags |= _HAS_DUE
            out.moment(customer.due_ms)
        if customer.stage.is_present():
            flags |= _HAS_STAGE
            customer.stage.write(out)
        if customer.acted:
            flags |= _HAS_ACTED
            out.moments(customer.acted)
        if (
            customer.waiting
            or customer.latest
            or customer.attributes
            or customer.pairs
            or customer.floors
            or customer.experiments
            or customer.is_left_out
            or self.seen
        ):
            rest = self.rare_fields()
            if drop_empty(rest):
                flags |= _HAS_REST
                out.text(_encode_rest(rest))
        if customer.waiting:
            flags |= _HAS_CANDIDATES
            out.number(customer.waiting)
            for place in range(customer.waiting):
                self.write_candidate(customer.candidates[place])
        out.put[1] = flags
        return out.made()

    def write_flips(self) -> int:
        """Write the due times of groups: eight bits that say which of them have one, and these; return the first."""
        out, customer, soonest_ms = self.writer, self.customer, FOREVER_MS
        out.number(customer.groups)
        for first in range(0, customer.groups, 8):
            mask_at, mask = out.at, 0
            out.byte(mask)
            for group in range(first, min(first + 8, customer.groups)):
                flip_ms = customer.flips[group]
                if flip_ms < FOREVER_MS:
                    mask |= 1 << (group - first)
                    soonest_ms = min(soonest_ms, flip_ms)
                    out.moment(flip_ms)
            out.put[mask_at] = mask
        return soonest_ms

    def write_all_series(self) -> None:
        """Write every series: those of the rule set in the order of their keys, then the others."""
        number = len(self.customer.other_series)
        for key in self.keys:
            if key.series.is_present:
                number += 1
        self.writer.number(number)
        if self.seen:
            self.seen = {}
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
            out.text(key.name)
        if key.named > _OF_SOME:
            out.little(key.hash, FINGERPRINT_BYTES)
        out.moment(series.last_ms)
        if not flags & _ONCE:
            out.moment(series.first_ms)
        if series.gone_day:
            out.integer(out.at_day - series.gone_day)
        if not flags & _WHOLE:
            out.number(series.total)
            if not flags & _DAY_EACH:
                out.number(series.active_days)
            if flags & _SUMS:
                out.integer(series.total_sum if flags & _FINE else series.total_sum // _HUNDRED)
        if not (flags & _ONCE and flags & _WHOLE):
            out.number(days.number)
        day, column, counts, sums = series.last_ms // DAY_MS + 1, days.day, days.count, days.sum
        for place in range(days.number - 1, -1, -1):
            step, count = 2 * (day - 1 - column[place]), counts[place]
            day = column[place]
            if count == 1:
                out.number(step)
            else:
                out.number(step + 1)
                out.number(count - 2)
            if flags & _FINE:
                out.integer(sums[place])
            elif flags & _SUMS:
                out.number(sums[place] // _HUNDRED)
        if series.seen:
            self.seen[series.key] = series.seen
        if values.number:
            out.number(values.number)
            day = series.last_ms // DAY_MS
            for place in range(values.number - 1, -1, -1):
                out.little(values.count[place], _HASH_BYTES)
                out.number(day - values.day[place])
                day = values.day[place]

    def kind_of_days(self, series: Series) -> int:
        """Return the flags that say how totals and sums of a series are written."""
        days, has_sum, counts, sums = series.days, series.has_sum, series.days.count, series.days.sum
        flags, total, total_sum = _SUMS if has_sum else 0, 0, 0
        follows = days.number > 0 and days.number == series.active_days
        if series.first_ms == series.last_ms and days.number != 1:
            follows = False
        if has_sum and series.total_sum % _HUNDRED:
            flags |= _FINE
        for place in range(days.number):
            total += counts[place]
            if has_sum:
                amount = sums[place]
                if amount < 0 or amount % _HUNDRED:
                    flags |= _FINE
                total_sum += amount
            if total > MAX_STORED or total_sum > MAX_STORED or total_sum < -MAX_STORED:
                follows = False
                total = total_sum = 0
        if follows and total == series.total and (total_sum == series.total_sum or not has_sum):
            return flags | _WHOLE
        return flags | _DAY_EACH if series.total == series.active_days else flags

    def write_episodes(self) -> bool:
        """Write every episode, by the places of the rules, then by their codes; return whether there is any."""
        out, customer = self.writer, self.customer
        number = len(customer.other_episodes)
        episode = customer.first_listed
        while episode is not None:
            if episode.is_present:
                number += 1
            episode = episode.following
        if number:
            out.number(number)
        episode = customer.first_listed
        while episode is not None:
            if episode.is_present:
                out.code(self.names.codes[episode.place])
                episode.write(out)
            episode = episode.following
        if customer.other_episodes:
            for code in sorted(customer.other_episodes):
                out.copy(code)
                episode = customer.other_episodes[code]
                episode.write(out)
        return number > 0

    def write_candidate(self, candidate: Candidate) -> None:
        """Write what a waiting action has as numbers."""
        out = self.writer
        flags_at, flags = out.at, 0
        out.byte(flags)
        out.moment(candidate.start_ms)
        if candidate.withdrawn_ms:
            flags |= _IS_WITHDRAWN
            out.moment(candidate.withdrawn_ms)
        if candidate.doubted_ms:
            flags |= _IS_DOUBTED
            out.moment(candidate.doubted_ms)
        if candidate.worded is not None:
            flags |= _IN_WORDS
        else:
            if _has_more(candidate):
                flags |= _HAS_MORE
            version = int(candidate.former, 16) if candidate.rule < 0 else self.names.versions[candidate.rule]
            out.little(version, _VERSION_BYTES)
            self.write_evidence(candidate.evidence)
            if candidate.withdrawn_ms:
                out.byte(candidate.because)
                self.write_evidence(candidate.evidence_back)
        out.put[flags_at] = flags

    def write_evidence(self, evidence: Evidence) -> None:
        """Write the numbers of evidence, without the zeros at the end."""
        out, number = self.writer, evidence.size
        while number and not evidence.numbers[number - 1]:
            number -= 1
        out.number(number)
        for place in range(number):
            value = evidence.numbers[place]
            if -_MOMENTLIKE < value < _MOMENTLIKE:
                out.number(2 * zigzag(value))
            elif -FARTHEST_MS <= value <= FARTHEST_MS:
                out.number(5 + 2 * zigzag(out.at_ms - value))
            else:
                out.number(_ANY_EVIDENCE)
                out.little(value, 8)

    def rare_fields(self) -> list[Any]:
        """Return the fields that few customers have."""
        customer = self.customer
        worded: list[Any] = []
        details: list[Any] = []
        for place in range(customer.waiting):
            candidate: Candidate = customer.candidates[place]
            if candidate.worded is not None:
                worded.append(stored_waiting(candidate.worded, candidate))
            elif _has_more(candidate):
                values, values_back = candidate.evidence.values, candidate.evidence_back.values
                own: list[Any] = [candidate.variables, _pairs(values), _pairs(values_back)]
                details.append([*own, candidate.known] if candidate.known else own)
        kept = [customer.latest, customer.attributes, customer.pairs, customer.floors, worded, details, self.seen]
        return kept + rest_of_outcomes(customer, self.names)


def _has_more(candidate: Candidate) -> bool:
    """Return whether an action that waits has anything beside numbers."""
    if candidate.variables is not None or candidate.known is not None:
        return True
    return candidate.evidence.values is not None or candidate.evidence_back.values is not None


def _pairs(values: dict[int, Any] | None) -> list[Any] | None:
    """Return values by their places, as they are stored."""
    return None if values is None else sorted(values.items(), key=lambda pair: pair[0])


def _next_of(several: list[Any]) -> Any:
    """Take the first out of a list.

    Raises:
        Damaged: if it is empty.
    """
    if not several:
        raise Damaged("what a waiting action has beside numbers is missing")
    return several.pop(0)
