"""Folding: an event becomes part of what is known of a customer.

A `TypeFolding` is made once for a rule set and an event type, and knows the customer's series that its events belong
to. Most types have only their plain series, and their events are folded as two numbers.
"""

from collections.abc import Sequence
from decimal import Decimal
from math import isfinite
from typing import Any, Final

from schemas.actions import Number
from schemas.durations import DAY_MS
from workers.core.customer.customer import Customer
from workers.core.customer.series import Series
from workers.core.customer.specs import EventTypeSpec, PairSpec, SeriesSpec
from workers.core.events.decoding import MAX_STORED, DecodedEvent
from workers.core.events.filters import fingerprint_of, fingerprint_of_text_0_1, scaled_number

LONGEST_TEXT: Final = 200
"""Characters kept of a text as the latest value of an attribute."""
UNKNOWN: Final = -1
"""In a pair: an event followed, but it is not known which one followed first."""
_LARGEST: Final = 10**300
_LARGEST_DECIMAL: Final = Decimal(10) ** 18


class SeriesFolding:
    """One series, and which events of its type belong to it.

    Attributes:
        series: the customer's.
        matches: whether an event belongs to it; None for every one.
        adds, tells_apart, sees: the attribute that is added up, the one whose distinct values are counted, and the
            one whose latest values are kept; or None.
        is_level: whether what `adds` names is a level: of each day, the latest is kept.
    """

    __slots__ = ("adds", "is_level", "matches", "sees", "series", "tells_apart")

    def __init__(self, series: Series, spec: SeriesSpec) -> None:
        self.series = series
        self.matches = spec.matches
        self.adds = spec.adds
        self.tells_apart = spec.tells_apart
        self.sees = spec.sees
        self.is_level = spec.is_level

    def fold(self, event: DecodedEvent, latest_day: int) -> None:
        """Fold an event that belongs to it; `latest_day` as for `Series.add`."""
        if self.tells_apart is not None:
            value = event.attributes.get(self.tells_apart)
            fingerprint, former = _or_none(fingerprint_of(value)), -1
            if value.__class__ is str and self.series.place_of(fingerprint) < 0:
                former = fingerprint_of_text_0_1(value)
            self.series.add_value(event.at_ms, fingerprint, former)
            return
        if self.sees is not None:
            self.series.add_seen(event.at_ms, kept_value(event.attributes.get(self.sees)))
            return
        amount = None if self.adds is None else scaled_number(event.attributes.get(self.adds))
        if self.is_level:
            self.series.add_level(event.at_ms, 0 if amount is None else amount, latest_day)
        else:
            self.series.add(event.at_ms, 0 if amount is None else amount, latest_day)


class PairFolding:
    """A pair, and the customer's series of its second events."""

    __slots__ = ("customer", "pair", "then")

    def __init__(self, customer: Customer, pair: PairSpec) -> None:
        self.customer = customer
        self.pair = pair
        self.then: Series = customer.by_key[pair.then]

    def fold(self, event: DecodedEvent) -> None:
        """Update the pair with an event that its series do not contain yet."""
        pair, at = self.pair, event.at_ms
        state = self.customer.pairs.get(pair.key)
        if (
            event.type == pair.first_type
            and (state is None or at > state[0])
            and (pair.is_first is None or pair.is_first(event))
        ):
            followed = 0 if state is None else state[1]
            if followed < at + pair.later:
                followed = self.followed_already(at)
            self.customer.pairs[pair.key] = state = [at, followed]
        if (
            event.type == pair.then_type
            and state is not None
            and at >= state[0] + pair.later
            and (not state[1] or at < state[1])
            and (pair.is_then is None or pair.is_then(event))
        ):
            # Something may have followed unnoticed while no rule asked for the pair.
            before = 0 if state[1] else self.followed_already(state[0])
            state[1] = min(before, at) if before else at

    def followed_already(self, at_ms: int) -> int:
        """Return when an event followed a moment, according to the series: 0 if none did, `UNKNOWN` if one did."""
        from_ms, then = at_ms + self.pair.later, self.then
        if not then.is_present or then.last_ms < from_ms:
            return 0
        return then.first_ms if then.first_ms >= from_ms else UNKNOWN


class TypeFolding:
    """Folds the events of one type.

    Attributes:
        type: the event type.
        is_plain: whether nothing but the plain series is kept, so that `fold_plain` says all.
        adds: the attribute that the plain series adds up, None for none.
    """

    def __init__(self, customer: Customer, spec: EventTypeSpec, references: Sequence[str] = ()) -> None:
        """Bind what is kept of a type to a customer.

        Args:
            customer: with all series of the spec.
            spec: of the type.
            references: attributes of the type's latest event that templates use.
        """
        self.customer = customer
        self.type = spec.type
        self.plain: Series | None = customer.by_key.get(spec.type)
        self.series = [SeriesFolding(customer.by_key[one.key], one) for one in spec.series]
        self.pairs = [PairFolding(customer, pair) for pair in spec.pairs]
        self.attributes = spec.attributes
        self.references = [(name, f"{spec.type}.{name}") for name in references]
        self.adds = next((one.adds for one in spec.series if one.key == spec.type), None)
        more = self.pairs or self.attributes or self.references
        self.is_plain = self.plain is not None and len(self.series) == 1 and not more

    def fold_plain(self, at_ms: int, amount: int) -> None:
        """Fold an event whose type has nothing but the plain series.

        Args:
            at_ms: when it happened; the customer's `at_ms` is not before it.
            amount: what it adds up to, in ten-thousandths; 0 if nothing is added up.
        """
        plain = self.plain
        if plain is not None:
            plain.add(at_ms, amount, self.customer.at_ms // DAY_MS)
            self.customer.mind_days(plain)

    def fold(self, event: DecodedEvent) -> None:
        """Fold one event into everything that is kept of its type.

        A late event is folded exactly, but for what `Series.add` says, and which event of a pair followed first may
        become `UNKNOWN`.

        Args:
            event: its attributes may hold anything; the customer's `at_ms` is not before it.
        """
        customer, latest_day = self.customer, self.customer.at_ms // DAY_MS
        plain = self.plain
        is_newest = plain is None or not plain.is_present or event.at_ms >= plain.last_ms
        for pair in self.pairs:
            pair.fold(event)
        for one in self.series:
            if one.matches is None or one.matches(event):
                one.fold(event, latest_day)
                customer.mind_days(one.series)
        for attribute, key, before in self.attributes:
            if before:
                keep_before(customer, before, key, event.attributes.get(attribute), event.at_ms)
            keep_latest(customer, key, event.attributes.get(attribute), event.at_ms)
        if is_newest:
            for name, key in self.references:
                customer.latest[key] = kept_for_templates(event.attributes.get(name))


def fingerprint_number(fingerprint: bytes) -> int:
    """Return the 48-bit number that `Customer.seen` has for the hash of an event id."""
    return int.from_bytes(fingerprint, "little")


def keep_latest(customer: Customer, key: str, value: Any, at_ms: int) -> None:
    """Keep a value of an event at `at_ms` if none that is later is known; a value that cannot be kept is ignored."""
    value = kept_value(value)
    if value is not None:
        latest = customer.attributes.get(key)
        if latest is None or at_ms >= latest[1]:
            customer.attributes[key] = (value, at_ms)


def keep_before(customer: Customer, before: str, key: str, value: Any, at_ms: int) -> None:
    """Keep what comes before the latest value, as a value of an event at `at_ms` is about to be kept.

    Of two values of one moment, the one that arrived first is the one before.

    Args:
        customer: who still has the latest value so far.
        before: the name of the value before the latest one.
        key: the name of the latest value.
        value: of the event; one that cannot be kept is ignored.
        at_ms: when it happened.
    """
    latest = customer.attributes.get(key)
    value = kept_value(value)
    if value is None or latest is None:
        return
    if at_ms >= latest[1]:
        customer.attributes[before] = latest
        return
    known = customer.attributes.get(before)
    if known is None or at_ms >= known[1]:
        customer.attributes[before] = (value, at_ms)


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


def kept_for_templates(value: Any) -> Number:
    """Return an attribute in the form kept for templates: bounded, and of a type that can be stored."""
    if isinstance(value, float | bool | None):
        return value
    if isinstance(value, int) and abs(value) <= MAX_STORED:
        return value
    return str(value)[:LONGEST_TEXT]


def _or_none(fingerprint: int | None) -> int:
    return -1 if fingerprint is None else fingerprint
