"""Activity: all that is known of one customer, as rolling facts.

Facts are kept per series: an event type, or an event type under one `where` filter. A series has daily
buckets (UTC days), never raw events. Stored as positional msgpack behind a version number; ordinary customers
take about 200 bytes, nobody more than `MAX_BYTES`.
"""

from typing import Any, Final

import msgspec

from workers.core.facts import MAX_STORED, Fact, scaled

DAY_MS: Final = 86_400_000
MAX_BYTES: Final = 4096
RING: Final = 8
"""How many of a customer's latest event ids are remembered to drop repetitions."""
FINGERPRINT_BYTES: Final = 8
LAYOUT: Final = 1


class Series(msgspec.Struct, array_like=True):
    """Facts of one series.

    Attributes:
        first_ms, last_ms: earliest and latest event.
        total, total_sum: over the lifetime; sums in ten-thousandths.
        days, counts, sums: parallel lists, one entry per UTC day with events, ascending; `sums` is empty
            when the series has no attribute to add up.
    """

    first_ms: int
    last_ms: int
    total: int = 0
    total_sum: int = 0
    days: list[int] = []
    counts: list[int] = []
    sums: list[int] = []

    def count_since(self, day: int) -> int:
        """Return how many events happened on `day` or later."""
        if not self.days or self.days[-1] < day:
            return 0
        if self.days[0] >= day:
            return sum(self.counts)
        return sum(count for at, count in zip(self.days, self.counts, strict=True) if at >= day)

    def sum_since(self, day: int) -> int:
        """Return the sum over events on `day` or later, in ten-thousandths."""
        return sum(amount for at, amount in zip(self.days, self.sums, strict=True) if at >= day)


class Episode(msgspec.Struct, array_like=True):
    """What is remembered of one rule for one customer.

    Attributes:
        start_ms: start of the current or last episode.
        holding: the rule holds now.
        acted_ms: when the rule last acted, 0 for never; the cool-down counts from here.
        before_ms: `acted_ms` before the last action, restored when a late event disproves that action.
        open_until_ms: until when the last action can still be retracted; 0 when it cannot.
        pending_ms: a due time at which the rule could not be decided yet, because a type it reads was not seen
            so far; 0 for none.
        held: actions that were decided but wait for a type to be seen, encoded, oldest first.
    """

    start_ms: int = 0
    holding: bool = False
    acted_ms: int = 0
    before_ms: int = 0
    open_until_ms: int = 0
    pending_ms: int = 0
    held: list[bytes] = []


class Activity(msgspec.Struct, array_like=True):
    """All that is known of one customer.

    Attributes:
        first_ms: since when the customer is known: the time of the first event that arrived.
        at_ms: the latest event; no event is evaluated earlier.
        fired_ms: the latest due time decided after that event; 0 for none. A rule that had to wait before it has
            its own `pending_ms`.
        due_ms: the earliest moment at which time alone can change a rule; 0 for never.
        seen: fingerprints of the latest event ids, oldest first.
        series, episodes: by series key and by rule id.
        latest: attributes of the latest event of a type that templates use, by `type.attribute`.
    """

    layout: int = LAYOUT
    first_ms: int = 0
    at_ms: int = 0
    fired_ms: int = 0
    due_ms: int = 0
    seen: bytes = b""
    series: dict[str, Series] = {}
    episodes: dict[str, Episode] = {}
    latest: dict[str, Any] = {}

    def has_seen(self, fingerprint: bytes) -> bool:
        """Tell whether an event id is among the latest ones."""
        seen = self.seen
        return any(seen[at : at + FINGERPRINT_BYTES] == fingerprint for at in range(0, len(seen), FINGERPRINT_BYTES))


_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_decode = msgspec.msgpack.Decoder(Activity).decode


class UnknownLayout(ValueError):
    """A stored activity that this version cannot read."""


class NewerLayout(UnknownLayout):
    """A stored activity that a newer version of Linger wrote; nothing may be changed about it."""


def decode(raw: bytes) -> Activity:
    """Read a stored activity.

    Raises:
        UnknownLayout: if it is damaged or was written by a newer version.
    """
    # The layout is the first element, behind the head of the array: readable even if the rest is not.
    if len(raw) > 1 and raw[0] & 0xF0 == 0x90 and LAYOUT < raw[1] < 0x80:
        raise NewerLayout(f"stored activity has layout {raw[1]}, this version reads {LAYOUT}")
    try:
        activity = _decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UnknownLayout(f"stored activity cannot be read: {error}") from None
    if activity.layout != LAYOUT:
        raise UnknownLayout(f"stored activity has layout {activity.layout}, this version reads {LAYOUT}")
    return activity


def encode(activity: Activity) -> bytes:
    """Write an activity, at most `MAX_BYTES` long: beyond that the oldest days of its largest series go."""
    raw = _encode(activity)
    while len(raw) > MAX_BYTES:
        largest = max(activity.series.values(), key=lambda series: len(series.days), default=None)
        if largest is None or len(largest.days) < 2:
            break
        _drop_oldest(largest, max(1, len(largest.days) // 8))
        raw = _encode(activity)
    return raw


def remember(activity: Activity, fingerprint: bytes) -> None:
    """Put an event id into the ring."""
    activity.seen = (activity.seen + fingerprint)[-RING * FINGERPRINT_BYTES :]


def add(series: Series | None, fact: Fact, attribute: str | None, keep_days: int, at_ms: int) -> Series:
    """Fold one event into a series, which is changed and returned.

    Args:
        series: None for the first event.
        fact: the event.
        attribute: what to add up, or None.
        keep_days: how many days back of `at_ms` buckets are kept.
        at_ms: the customer's latest moment; an event older than the kept days only counts in the totals.
    """
    at = fact.at_ms
    if series is None:
        series = Series(at, at)
    elif at > series.last_ms:
        series.last_ms = at
    elif at < series.first_ms:
        series.first_ms = at
    amount = scaled(fact.attributes.get(attribute)) if attribute else 0
    series.total += 1
    series.total_sum = max(-MAX_STORED, min(MAX_STORED, series.total_sum + amount))
    day, oldest = at // DAY_MS, at_ms // DAY_MS - keep_days
    if day > oldest:
        _into_bucket(series, day, amount if attribute else None)
    stale = 0
    while stale < len(series.days) and series.days[stale] <= oldest:
        stale += 1
    if stale:
        _drop_oldest(series, stale)
    return series


def _into_bucket(series: Series, day: int, amount: int | None) -> None:
    days = series.days
    at = len(days)
    while at and days[at - 1] > day:
        at -= 1
    if at and days[at - 1] == day:
        series.counts[at - 1] += 1
        if amount is not None:
            series.sums[at - 1] = max(-MAX_STORED, min(MAX_STORED, series.sums[at - 1] + amount))
        return
    days.insert(at, day)
    series.counts.insert(at, 1)
    if amount is not None:
        series.sums.insert(at, amount)


def _drop_oldest(series: Series, number: int) -> None:
    del series.days[:number]
    del series.counts[:number]
    del series.sums[:number]
