"""Specs: what must be kept of events, collected while conditions are compiled.

Data that several rules need is kept once. A key is the event type and a hash of the content, so it is the same in
every rule set.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import orjson

from schemas.attribute_types import BUILT_IN_TYPES, AttributeType, literals_in
from schemas.conditions import MAX_DISTINCT, Bounds, Different
from workers.core.coverage import SERIES_OF_SOME
from workers.core.events.attribute_types import reads_like_another
from workers.core.events.filters import Matcher, carries_number, carries_value, matcher_of

MIN_KEEP_DAYS: Final = 90
"""Days of buckets kept of every type even if no rule reads them, so that a new rule has some history."""

MAX_TOLD_APART: Final = MAX_DISTINCT + 1
"""Distinct values kept: one more than `MAX_DISTINCT`, so that "more than `MAX_DISTINCT`" can be decided."""

_BEFORE: Final = " (before)"
"""Ends the name of the value before the latest one of an attribute. A release that does not know it keeps it."""

PURCHASE: Final = "purchase"
CANCELLATION: Final = "cancellation"
REACTIVATION: Final = "reactivation"


@dataclass(frozen=True)
class SeriesSpec:
    """One series that must be kept.

    Attributes:
        key: its name in stored activities.
        type: of its events.
        adds: the attribute to add up, or None.
        matches: whether an event of the type belongs to it; None for every one.
        keep_days: how long its buckets are kept; 0 if rules read only first, last and total.
        tells_apart: the attribute whose distinct values are counted, or None.
        is_level: whether what `adds` names is a level: of each day, the latest is kept instead of the sum.
        sees: the attribute whose latest values are kept, or None.
    """

    key: str
    type: str
    adds: str | None
    matches: Matcher | None
    keep_days: int
    tells_apart: str | None = None
    is_level: bool = False
    sees: str | None = None


@dataclass(frozen=True)
class PairSpec:
    """A pair: the latest first event, and the second event that followed it first.

    Attributes:
        key: its name in stored activities.
        first, then: keys of the two series.
        first_type, then_type: the event types of the two series.
        is_first, is_then: whether an event of that type belongs to the series; None for every event.
        later: whether the second event must come later, not at the same moment; so it is if both are of one type,
            because no event follows itself.
    """

    key: str
    first: str
    then: str
    first_type: str
    then_type: str
    is_first: Matcher | None
    is_then: Matcher | None
    later: bool


class AttributeSpec(NamedTuple):
    """An attribute whose latest value is kept, and its name in stored activities.

    Attributes:
        attribute: its name in events.
        key: the name of its latest value.
        before: the name of the value that was reported before it; empty if no rule asks for that.
    """

    attribute: str
    key: str
    before: str = ""


@dataclass(frozen=True)
class EventTypeSpec:
    """Everything that is kept of the events of one type.

    Attributes:
        type: the event type.
        series: the plain one first.
        pairs: those in which the type comes first, second, or both.
        attributes: attributes whose latest value is kept.
    """

    type: str
    series: tuple[SeriesSpec, ...] = ()
    pairs: tuple[PairSpec, ...] = ()
    attributes: tuple[AttributeSpec, ...] = ()


class Specs:
    """Collects what conditions read, and how far back.

    Args:
        types: all event types.
        attribute_types: by `type.attribute`, the types of attributes.
        declared: those of them that are declared in `sources.yaml`.
        personal: the personal attributes, as `type.attribute`.

    Attributes:
        types: all event types, sorted.
        personal: as given.
        returns: types of events that end a cancellation.
    """

    def __init__(
        self,
        types: Iterable[str],
        attribute_types: Mapping[str, AttributeType] | None = None,
        declared: Collection[str] = (),
        personal: frozenset[str] = frozenset(),
    ) -> None:
        self.types = tuple(sorted(set(types)))
        self._attribute_types = attribute_types or {}
        self._declared = declared
        self.personal = personal
        self.returns = (PURCHASE, REACTIVATION) if REACTIVATION in self.types else (PURCHASE,)
        # The plain series of each type is always kept; that of purchases adds up the amount.
        self._series = {
            name: SeriesSpec(name, name, "amount" if name == PURCHASE else None, None, MIN_KEEP_DAYS)
            for name in self.types
        }
        self._pairs: dict[str, PairSpec] = {}
        self._attributes: set[str] = set()
        self._befores: set[str] = set()

    def require(self, name: str, where: Mapping[str, Any] | None, adds: str | None = None, days: int = 0) -> str:
        """Require a series, and return its key.

        Args:
            name: event type.
            where: filter of its events, None for all.
            adds: the attribute to add up, or None.
            days: how many days of buckets are read, today included; 0 for none.
        """
        plain = self._series.get(name)
        if not where and plain is not None and adds in (None, plain.adds):
            return self._keep(plain, days)
        key = self._key(name, where, adds, adds)
        return self._keep(SeriesSpec(key, name, adds, matcher_of(where), 0), days)

    def require_mean(self, name: str, where: Mapping[str, Any] | None, attribute: str, days: int) -> str:
        """Require a series of the events in which an attribute is a number, and return its key."""
        if name == PURCHASE and attribute == "amount":
            return self.require(name, where, attribute, days)  # no purchase is without
        key = self._key(name, where, {"mean": attribute}, attribute)
        matches = carries_number(attribute, matcher_of(where))
        return self._keep(SeriesSpec(key, name, attribute, matches, 0), days)

    def require_different(self, name: str, where: Mapping[str, Any] | None, attribute: str) -> str:
        """Require the distinct values of an attribute, and return the key of the series."""
        key = self._key(name, where, {"different": attribute}, attribute)
        return self._keep(SeriesSpec(key, name, None, matcher_of(where), 0, attribute), 0)

    def require_seen(self, name: str, where: Mapping[str, Any] | None, attribute: str) -> str:
        """Require the latest values of an attribute, and return the key of the series."""
        key = self._key(name, where, {"seen": attribute}, attribute)
        return self._keep(SeriesSpec(key, name, None, matcher_of(where), 0, sees=attribute), 0)

    def require_pair(self, first: "tuple[str, Any]", then: "tuple[str, Any]") -> PairSpec:
        """Require a pair, each side an event type and its `where`, and return its spec."""
        keys = self.require(*first), self.require(*then)
        pair = PairSpec(
            key=f"{keys[0]}>{keys[1]}",
            first=keys[0],
            then=keys[1],
            first_type=first[0],
            then_type=then[0],
            is_first=matcher_of(first[1]),
            is_then=matcher_of(then[1]),
            later=first[0] == then[0],
        )
        return self._pairs.setdefault(pair.key, pair)

    def require_attribute(self, reference: str) -> str:
        """Require the latest value of an attribute, given as `type.attribute`, and return its key."""
        self._attributes.add(reference)
        return reference

    def require_before(self, reference: str) -> str:
        """Require the value before the latest one of an attribute, and the latest; return the key of the former."""
        self._befores.add(self.require_attribute(reference))
        return f"{reference}{_BEFORE}"

    def require_given(self, reference: str) -> str:
        """Require the series of the events in which an attribute has a value, and return its key."""
        name, attribute = reference.split(".", 1)
        key = self._key(name, None, {"given": attribute}, attribute)
        return self._keep(SeriesSpec(key, name, None, carries_value(attribute), 0), 0)

    def require_levels(self, reference: str, days: int) -> str:
        """Require the level of an attribute at the end of each day, and return the key of the series.

        Args:
            reference: the attribute, as `type.attribute`.
            days: how many days ago the earliest level is that is asked for.
        """
        name, attribute = reference.split(".", 1)
        key = self._key(name, None, {"level": attribute}, attribute)
        known = self._series.get(key)
        keep_days = max(days, 0 if known is None else known.keep_days)
        matches = carries_number(attribute, None)
        self._series[key] = SeriesSpec(key, name, attribute, matches, keep_days, is_level=True)
        return key

    def with_nothing_required(self) -> "Specs":
        """Return specs with the same event types and attributes, and nothing required yet."""
        return Specs(self.types, self._attribute_types, self._declared, self.personal)

    def facts_by_type(self) -> dict[str, EventTypeSpec]:
        """Return what must be kept of the events of each type."""
        series = sorted(self._series.values(), key=lambda plan: plan.key)
        pairs = sorted(self._pairs.values(), key=lambda plan: plan.key)
        attributes = [(*reference.split(".", 1), reference) for reference in sorted(self._attributes)]
        names = {*self.types, *(plan.type for plan in series), *(name for name, _, _ in attributes)}
        return {
            name: EventTypeSpec(
                name,
                tuple(plan for plan in series if plan.type == name),
                tuple(plan for plan in pairs if name in (plan.first_type, plan.then_type)),
                tuple(
                    AttributeSpec(attribute, key, f"{key}{_BEFORE}" if key in self._befores else "")
                    for type_, attribute, key in attributes
                    if type_ == name
                ),
            )
            for name in sorted(names)
        }

    def type_of(self, reference: str) -> AttributeType | None:
        """Return the type of an attribute, given as `type.attribute`; None if it has none."""
        return self._attribute_types.get(reference)

    def types_that_matter(
        self, name: str, where: Mapping[str, Any] | None, attribute: str | None
    ) -> dict[str, AttributeType]:
        """Return the types without which other events would belong to a series, or be added up otherwise.

        They are part of its key: such a series starts again when a type changes. A plain text compared with a text
        that is no number, nor true or false, is folded as if it had no type, and so are Linger's own fields.

        Args:
            name: event type.
            where: filter of its events, None for all.
            attribute: what is added up, or whose distinct values are counted; None for neither.
        """
        wanted = {} if attribute is None else {attribute: None}
        types = {}
        for own, value in {**wanted, **(where or {})}.items():
            reference = f"{name}.{own}"
            kind = self._attribute_types.get(reference)
            if kind is None or reference in BUILT_IN_TYPES:
                continue
            is_text_only = kind == "text" and not (own == attribute and reference in self._declared)
            if not is_text_only or any(reads_like_another(one) for one in literals_in(value) if isinstance(one, str)):
                types[own] = kind
        return types

    def _key(self, name: str, where: Mapping[str, Any] | None, what: Any, attribute: str | None) -> str:
        contents = [_contents(where), what]
        if types := self.types_that_matter(name, where, attribute):
            contents.append({"types": types})
        return f"{name}{SERIES_OF_SOME}{digest_of(contents)}"

    def _keep(self, plan: SeriesSpec, days: int) -> str:
        known = self._series.get(plan.key)
        # Without buckets, the first rule with a window would have no history; with them, a series keeps enough days
        # to try other windows.
        keep_days = max(max(days, MIN_KEEP_DAYS) if days else 0, 0 if known is None else known.keep_days)
        self._series[plan.key] = replace(plan, keep_days=keep_days)
        return plan.key


def _contents(where: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        name: value.model_dump(mode="json", by_alias=True, exclude_none=True)
        if isinstance(value, Bounds | Different)
        else value
        for name, value in (where or {}).items()
    }


def digest_of(content: Any) -> str:
    """Return a hash of a JSON value, independent of the order of its keys."""
    try:
        raw = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # a whole number beyond 64 bits
        raw = json.dumps(content, sort_keys=True).encode()
    return blake2b(raw, digest_size=6).hexdigest()
