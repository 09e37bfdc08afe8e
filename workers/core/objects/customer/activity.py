"""Activity: everything known about one customer, as rolling totals.

Totals are kept per series: an event type, or an event type under one `where` filter. A series has daily buckets (UTC
days), never raw events; a customer has at most `MAX_DAYS` buckets. `workers.core.objects.customer.codec` writes them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from typing import Any, Final

import msgspec

from schemas.actions import ActionName, Number, Reason, Retraction
from schemas.durations import DAY_MS
from workers.core.coverage import FOREVER_MS
from workers.core.customer.specs import MAX_TOLD_APART, EventTypeSpec, PairSpec, SeriesSpec
from workers.core.events.decoding import FINGERPRINT_BYTES, MAX_STORED, DecodedEvent
from workers.core.events.filters import fingerprint_of, fingerprint_of_text_0_1, scaled_number
from workers.core.objects.customer.series import Series

MAX_DAYS: Final = 1_200
"""Buckets of one customer, over all series: enough for a year of three kinds of events on every day."""
RING: Final = 8
"""Number of a customer's latest event ids that are remembered to drop duplicates."""
_RING_BYTES: Final = RING * FINGERPRINT_BYTES

LONGEST_TEXT: Final = 200
"""Characters kept of a text as the latest value of an attribute."""
_MANY_DAYS: Final = 100
KNOWN: Final = ""
"""In `Activity.floors`, stands for that the customer is known at all; no event type has this name."""
UNKNOWN: Final = -1
"""In a pair: an event followed, but it is not known which one followed first."""
_LARGEST: Final = 10**300
_LARGEST_DECIMAL: Final = Decimal(10) ** 18


@dataclass
class Episode:
    """The state of one rule for one customer.

    Attributes:
        start_ms: start of the current or last episode.
        holding: whether the rule holds now.
        acted_ms: when the rule last acted, 0 for never; the cool-down counts from here.
        before_ms: `acted_ms` before the last action, restored when a late event disproves that action.
        open_until_ms: until when the last action can still be retracted; 0 when it cannot.
        pending_ms: a due time at which the rule could not be decided yet, because a type that it reads was not seen
            up to then; 0 for none.
        true_since_ms: since when the condition holds, for a rule that requires it to last; 0 while it does not hold.
        held: beginnings and ends of earlier episodes, alternating; kept only while a waiting candidate depends on
            them.
        stood: beginnings and ends of the periods in which earlier actions were neither retracted nor expired; kept
            as `held`.
    """

    start_ms: int = 0
    holding: bool = False
    acted_ms: int = 0
    before_ms: int = 0
    open_until_ms: int = 0
    pending_ms: int = 0
    true_since_ms: int = 0
    held: Sequence[int] = ()
    stood: Sequence[int] = ()


class Candidate(msgspec.Struct, array_like=True):
    """An action that a rule requests and that is not admitted yet, because a type is not seen up to its start.

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

    @property
    def seen_ms(self) -> int:
        """The moment up to which everything must have been seen before it is admitted."""
        return max(self.start_ms, self.doubted_ms)


@dataclass(init=False)
class Activity:
    """Everything known about one customer.

    Attributes:
        first_ms: since when the customer is known: the time of the first event that arrived.
        at_ms: time of the latest event; rules are never evaluated at an earlier time.
        fired_ms: the latest due time decided after that event; 0 for none. A rule that had to wait at an earlier one
            has its own `pending_ms`.
        due_ms: the earliest moment at which time alone can change a rule; 0 for never.
        seen: fingerprints of the latest event ids, oldest first.
        series, episodes: by series key and by rule id.
        latest: attributes of the latest event of a type that templates use, by `type.attribute`.
        generation: of the rule set under which the customer was last decided.
        flips: by name of a group of rules, a moment before which time alone changes none of them. The earliest one is
            exact.
        candidates: actions that are not admitted yet, oldest first.
        acted: when actions were decided, while a limit over all rules counts them.
        attributes: by `type.attribute`, the latest known value and the time of its event.
        pairs: by key, the time of the latest first event, and of the second event that followed it first: 0 for not
            yet, `UNKNOWN` if events arrived too late to know.
        floors: by event type, the moment up to which the customer's events of the type are history: what rules that
            read it would have begun before counts as met already. Under `KNOWN`, the same for a customer who is known
            because of history. Empty for nearly all customers.
    """

    first_ms: int
    at_ms: int
    fired_ms: int
    due_ms: int
    seen: bytes
    series: dict[str, Series]
    episodes: dict[str, Episode]
    latest: dict[str, Any]
    generation: int
    flips: dict[str, int]
    candidates: list[Candidate]
    acted: list[int]
    attributes: dict[str, tuple[Any, int]]
    pairs: dict[str, list[int]]
    floors: dict[str, int]

    # Written out: when compiled, each default factory would import `dataclasses` at every read of an activity.
    def __init__(
        self,
        first_ms: int = 0,
        at_ms: int = 0,
        fired_ms: int = 0,
        due_ms: int = 0,
        seen: bytes = b"",
        series: dict[str, Series] | None = None,
        episodes: dict[str, Episode] | None = None,
        latest: dict[str, Any] | None = None,
        generation: int = 0,
        flips: dict[str, int] | None = None,
        candidates: list[Candidate] | None = None,
        acted: list[int] | None = None,
        attributes: dict[str, tuple[Any, int]] | None = None,
        pairs: dict[str, list[int]] | None = None,
        floors: dict[str, int] | None = None,
    ) -> None:
        self.first_ms = first_ms
        self.at_ms = at_ms
        self.fired_ms = fired_ms
        self.due_ms = due_ms
        self.seen = seen
        self.series = {} if series is None else series
        self.episodes = {} if episodes is None else episodes
        self.latest = {} if latest is None else latest
        self.generation = generation
        self.flips = {} if flips is None else flips
        self.candidates = [] if candidates is None else candidates
        self.acted = [] if acted is None else acted
        self.attributes = {} if attributes is None else attributes
        self.pairs = {} if pairs is None else pairs
        self.floors = {} if floors is None else floors

    def episode_of(self, rule_id: str) -> Episode:
        """Return the episode of a rule; create it if there is none."""
        episode = self.episodes.get(rule_id)
        if episode is None:
            episode = self.episodes[rule_id] = Episode()
        return episode

    def has_seen(self, fingerprint: bytes) -> bool:
        """Return whether an event id is among the latest ones."""
        if fingerprint not in self.seen:
            return False
        at = self.seen.find(fingerprint)
        while at > 0 and at % FINGERPRINT_BYTES:  # the end of one and the beginning of the next
            at = self.seen.find(fingerprint, at + 1)
        return at >= 0

    def has(self, required: Iterable[tuple[str, int, int]]) -> bool:
        """Return whether the number of events of each type is within its bounds (type, at least, at most)."""
        series = self.series
        for name, least, most in required:
            facts = series.get(name)
            total = 0 if facts is None else facts.total
            if not least <= total <= most:
                return False
        return True

    def floor_ms(self, types: Iterable[str], by_tenure: bool) -> int:
        """Return the moment before which a rule acts on nothing, because it is history; 0 if there is no history.

        Args:
            types: the event types that the rule reads. If the customer has events of a type, they show whether they
                are history. If there are none, the rule holds because the customer is known.
            by_tenure: whether the rule also reads since when the customer is known.
        """
        floors = self.floors
        if not floors:
            return 0
        known_ms = floors.get(KNOWN, 0)
        floor_ms = known_ms if by_tenure else 0
        for name in types:
            own_ms = floors.get(name, 0 if name in self.series else known_ms)
            if own_ms > floor_ms:
                floor_ms = own_ms
        return floor_ms


_unpacked_reasons = msgspec.msgpack.Decoder(tuple[Reason, ...]).decode


def reasons_in(why: bytes | tuple[Reason, ...]) -> tuple[Reason, ...]:
    """Return the reasons that a candidate carries."""
    return _unpacked_reasons(why) if isinstance(why, bytes) else why


def remember(activity: Activity, fingerprint: bytes) -> None:
    """Put an event id into the ring."""
    seen = activity.seen
    over = len(seen) + FINGERPRINT_BYTES - _RING_BYTES
    activity.seen = seen[over:] + fingerprint if over > 0 else seen + fingerprint


def note_history(activity: Activity, event_type: str, until_ms: int, is_first: bool) -> None:
    """Raise the floors of a customer, in place: an event of history was folded. A lower floor changes nothing.

    Args:
        activity: the customer's.
        event_type: of the event.
        until_ms: up to when it is history.
        is_first: whether the customer is known because of it.
    """
    floors = activity.floors
    if until_ms > floors.get(event_type, 0):
        floors[event_type] = until_ms
    if is_first:
        floors[KNOWN] = until_ms


def soonest_of(flips: Mapping[str, int]) -> int:
    """Return the earliest of some due times, 0 if there are none."""
    soonest_ms = FOREVER_MS
    for flip_ms in flips.values():
        if flip_ms < soonest_ms:
            soonest_ms = flip_ms
    return 0 if soonest_ms == FOREVER_MS else soonest_ms


def fold_facts(activity: Activity, fact: DecodedEvent, plan: EventTypeSpec) -> None:
    """Fold one event into everything that is kept of its type, in place.

    A late event is folded exactly, with two exceptions. Its day is missing from `active_days` if it is before the
    kept days and after the first event. And which event followed first may become `UNKNOWN`.

    Args:
        activity: the customer's; its `at_ms` is not before the event.
        fact: the event; its attributes may hold anything.
        plan: of the event's type.
    """
    series, attributes = activity.series, fact.attributes
    for pair in plan.pairs:
        _fold_pair(activity, fact, pair)
    for one in plan.series:
        if one.matches is None or one.matches(fact):
            known = series.get(one.key)
            if known is None:
                known = series[one.key] = Series(fact.at_ms, fact.at_ms, active_days=1)
            _add(known, fact, one, activity.at_ms // DAY_MS - one.keep_days)
            if len(known.days()) > _MANY_DAYS:
                _forget_oldest(activity)
    for attribute, key in plan.attributes:
        keep_latest(activity, key, attributes.get(attribute), fact.at_ms)


def keep_latest(activity: Activity, key: str, value: Any, at_ms: int) -> None:
    """Keep a value of an event at `at_ms` if none that is later is known; a value that cannot be kept is ignored."""
    value = kept_value(value)
    if value is not None:
        latest = activity.attributes.get(key)
        if latest is None or at_ms >= latest[1]:
            activity.attributes[key] = (value, at_ms)


def kept_value(value: Any) -> bool | int | float | str | None:
    """Return the value of an attribute in the form in which it is kept, None if it cannot be kept.

    Texts are cut. Decimals become ints or floats; below 10^11, the ten-thousandths stay the same. Only texts,
    numbers, true and false can be kept.
    """
    kind = value.__class__
    if kind is str:
        text: str = value[:LONGEST_TEXT]
        return text if text.isascii() else text.encode(errors="replace").decode()
    if kind is bool:
        return bool(value)
    if kind is int:
        return int(value) if abs(value) <= MAX_STORED else float(max(-_LARGEST, min(_LARGEST, value)))
    if kind is float:
        return float(value) if isfinite(value) else None
    if kind is Decimal and value.is_finite():
        number = max(-_LARGEST_DECIMAL, min(_LARGEST_DECIMAL, value))
        return kept_value(int(number)) if number == number.to_integral_value() else float(number)
    return None


def _add(series: Series, fact: DecodedEvent, plan: SeriesSpec, oldest: int) -> None:
    """Fold one event into a series; keep only buckets of days after `oldest`."""
    at = fact.at_ms
    day = at // DAY_MS
    if at > series.last_ms:
        if day > series.last_ms // DAY_MS:
            series.active_days += 1
        series.last_ms = at
    elif at < series.first_ms:
        if day < series.first_ms // DAY_MS:
            series.active_days += 1
        series.first_ms = at
    elif series.total and day > series.gone_day and day not in series.days():
        series.active_days += 1
    series.total += 1
    amount = None
    if plan.adds is not None:
        amount = scaled_number(fact.attributes.get(plan.adds)) or 0
        series.total_sum = max(-MAX_STORED, min(MAX_STORED, series.total_sum + amount))
    if plan.tells_apart is not None:
        _tell_apart(series, fact.attributes.get(plan.tells_apart), day)
    elif day > oldest:
        series.add(day, amount, MAX_STORED)
    elif day > series.gone_day:
        series.gone_day = day
    days = series.days()
    if days and days[0] <= oldest:
        stale = 1
        while stale < len(days) and days[stale] <= oldest:
            stale += 1
        series.drop_oldest(stale)


def _forget_oldest(activity: Activity) -> None:
    """Drop the oldest days of the longest series until there are no more than `MAX_DAYS`.

    The result depends only on the folded events, not on when they were stored: batch boundaries change nothing.
    """
    lengths = {key: len(series.days()) for key, series in activity.series.items()}
    for _ in range(sum(lengths.values()) - MAX_DAYS):
        key = max(lengths, key=lambda name: (lengths[name], name))
        activity.series[key].drop_oldest(1)
        lengths[key] -= 1


def _tell_apart(series: Series, value: Any, day: int) -> None:
    """Note that a value was seen on a day; of too many values, drop the one not seen for the longest time."""
    fingerprint = fingerprint_of(value)
    if fingerprint is None:
        return
    values, days = series.values, series.value_days
    if value.__class__ is str and fingerprint not in values:
        old = fingerprint_of_text_0_1(value)
        if old in values:
            values[values.index(old)] = fingerprint
    if fingerprint in values:
        place = values.index(fingerprint)
        if days[place] >= day:
            return
        del values[place], days[place]
    at = len(days)
    while at and days[at - 1] > day:
        at -= 1
    values.insert(at, fingerprint)
    days.insert(at, day)
    if len(values) > MAX_TOLD_APART:
        # Still exact: no condition counts beyond that number.
        del values[0], days[0]


def _fold_pair(activity: Activity, fact: DecodedEvent, pair: PairSpec) -> None:
    """Update a pair with an event that its series do not contain yet."""
    at, name = fact.at_ms, fact.type
    state = activity.pairs.get(pair.key)
    if (
        name == pair.first_type
        and (state is None or at > state[0])
        and (pair.is_first is None or pair.is_first(fact))
    ):
        followed = 0 if state is None else state[1]
        if followed < at + pair.later:
            followed = _followed_already(activity, pair, at)
        activity.pairs[pair.key] = state = [at, followed]
    if (
        name == pair.then_type
        and state is not None
        and at >= state[0] + pair.later
        and (not state[1] or at < state[1])
        and (pair.is_then is None or pair.is_then(fact))
    ):
        # Something may have followed unnoticed while no rule asked for the pair.
        before = 0 if state[1] else _followed_already(activity, pair, state[0])
        state[1] = min(before, at) if before else at


def _followed_already(activity: Activity, pair: PairSpec, at_ms: int) -> int:
    """Return when an event followed a moment, according to the series: 0 if none did, `UNKNOWN` if one did."""
    from_ms, then = at_ms + pair.later, activity.series.get(pair.then)
    if then is None or then.last_ms < from_ms:
        return 0
    return then.first_ms if then.first_ms >= from_ms else UNKNOWN
