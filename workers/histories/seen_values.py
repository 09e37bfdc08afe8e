"""Values of a history: how many events of each type there are, and which values their attributes have.

Only the attributes that were asked for are counted, with at most `MOST_VALUES` different values each. A value that
was asked for is always counted.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, Protocol

from schemas.attribute_types import AttributeType
from workers.core.events.attribute_types import convert
from workers.core.events.decoding import UNIT, DecodedEvent
from workers.core.events.filters import exact_number

MOST_VALUES: Final = 1_000
"""The most different values of one attribute that are kept, beside those that were asked for."""
MOST_MISREAD: Final = 100
"""The most different values of one attribute that are kept though they cannot be read as its type."""
_MOST_ATTRIBUTES: Final = 200

Plain = str | int | float | bool | Decimal
_Key = tuple[str, Any]
"""The kind of a value, and the value: true is not 1, and 1 is not the text "1", but 1 is 1.00."""


class TakesEvents(Protocol):
    """Something that keeps or counts events."""

    def add(self, event: DecodedEvent) -> None:
        """Take one event."""


class SeenValues:
    """Counts events, and the values of some attributes. It takes the events of a history one by one."""

    def __init__(
        self,
        wanted: Mapping[str, Mapping[str, Iterable[Plain]]],
        attribute_types: Mapping[str, AttributeType] = {},
        personal: Collection[str] = (),
    ) -> None:
        """Count nothing yet.

        Args:
            wanted: by event type and attribute, the values that are always counted.
            attribute_types: by `type.attribute`, as what its values count.
            personal: the personal attributes, as `type.attribute`. They are counted as all are, and not to be shown.
        """
        self._personal = personal
        self._events: dict[str, int] = {}
        self._types = attribute_types
        self._names: dict[str, dict[str, None]] = {name: {} for name in wanted}
        self._attributes = {
            event_type: [
                (name, _Values(values), attribute_types.get(f"{event_type}.{name}"))
                for name, values in attributes.items()
            ]
            for event_type, attributes in wanted.items()
        }
        self._by_reference = {
            f"{event_type}.{name}": values
            for event_type, attributes in self._attributes.items()
            for name, values, _ in attributes
        }

    def add(self, event: DecodedEvent) -> None:
        """Count one event; it is not changed."""
        event_type, attributes = event.type, event.attributes
        self._events[event_type] = self._events.get(event_type, 0) + 1
        names = self._names.get(event_type)
        if names is None:
            return
        if len(names) < _MOST_ATTRIBUTES and not attributes.keys() <= names.keys():
            names.update(dict.fromkeys(attributes))
        for name, values, kind in self._attributes[event_type]:
            value = attributes.get(name)
            if value is None:
                continue
            read = value if kind is None else convert(value, kind)
            if read is None:
                values.count_misread(value)
            else:
                values.count(read)

    def count(self, event_type: str, amount: int) -> None:
        """Count one event of a type whose attributes no one asks for, except an amount, in ten-thousandths."""
        self._events[event_type] = self._events.get(event_type, 0) + 1
        for _, values, _ in self._attributes.get(event_type, ()):
            values.count_amount(amount)

    def asked_for(self, event_type: str) -> Sequence[str]:
        """Return the attributes of a type whose values are counted."""
        return [name for name, _, _ in self._attributes.get(event_type, ())]

    def events_of(self, event_type: str) -> int:
        """Return the number of events of a type."""
        return self._events.get(event_type, 0)

    def attributes_of(self, event_type: str) -> Sequence[str]:
        """Return the attributes that events of a type have, in order; at most a few hundred."""
        return sorted(self._names.get(event_type, ()))

    def events_with(self, reference: str) -> int:
        """Return how many events have a value of an attribute, given as `type.attribute`."""
        return self._of(reference).events

    def events_with_value(self, reference: str, value: Plain) -> int:
        """Return how many events have this value of an attribute, read as its type if it has one.

        Without a type, texts, numbers and true/false differ.
        """
        kind = self._types.get(reference)
        read = None if kind is None else convert(value, kind)
        return self._of(reference).by_key.get(_key(value if read is None else read), 0)

    def counted(self, reference: str) -> Sequence[tuple[Plain, int]]:
        """Return the values of an attribute that were kept, the most frequent first."""
        found = [(key[1], number) for key, number in self._of(reference).by_key.items() if number]
        return sorted(found, key=lambda each: (-each[1], str(each[0])))

    def numbers(self, reference: str) -> tuple[Plain, Plain] | None:
        """Return the least and the greatest number of an attribute; None if no event has a number."""
        values = self._of(reference)
        return None if values.least is None or values.most is None else (values.least, values.most)

    def is_personal(self, reference: str) -> bool:
        """Return whether the values of an attribute are not to be shown."""
        return reference in self._personal

    def kept(self, reference: str) -> int | None:
        """Return how many different values were kept, if there are more; None if all of them were."""
        return MOST_VALUES if self._of(reference).is_cut else None

    def misread(self, reference: str) -> tuple[AttributeType, Sequence[tuple[Plain, int]]] | None:
        """Return the type of an attribute, and values that cannot be read as it, the most frequent first.

        None without such values. At most `MOST_MISREAD` different values are kept.
        """
        found, kind = self._of(reference).misread, self._types.get(reference)
        return (kind, sorted(found.items(), key=lambda each: (-each[1], str(each[0])))) if kind and found else None

    def _of(self, reference: str) -> "_Values":
        return self._by_reference.get(reference) or _Values(())


class _Values:
    """The values of one attribute.

    Attributes:
        events: the number of events that have one.
        by_key: events by value, for the kept values.
        least, most: the outermost numbers; None without numbers.
        is_cut: there are more values than are kept.
        misread: events by value, for values that cannot be read as the attribute's type.
    """

    __slots__ = ("_high", "_low", "_room", "by_key", "events", "is_cut", "least", "misread", "most")

    def __init__(self, asked_for: Iterable[Plain]) -> None:
        self.events = 0
        self.by_key: dict[_Key, int] = {_key(value): 0 for value in asked_for}
        self.least: int | Decimal | None = None
        self.most: int | Decimal | None = None
        self.is_cut = False
        self.misread: dict[Any, int] = {}
        self._low: int | None = None
        self._high: int | None = None
        self._room = MOST_VALUES

    def count(self, value: Any) -> None:
        self.events += 1
        key = _key(value)
        if key[0] == "number":
            number = key[1]
            if self.least is None or number < self.least:
                self.least = number
            if self.most is None or number > self.most:
                self.most = number
        known = self.by_key.get(key)
        if known is not None:
            self.by_key[key] = known + 1
        elif self._room:
            self._room -= 1
            self.by_key[key] = 1
        else:
            self.is_cut = True

    def count_amount(self, amount: int) -> None:
        """Count a number in ten-thousandths, without keeping how often there is which."""
        self.events += 1
        if self._low is None or amount < self._low:
            self._low = amount
            number = Decimal(amount) / UNIT
            self.least = number if self.least is None else min(self.least, number)
        if self._high is None or amount > self._high:
            self._high = amount
            number = Decimal(amount) / UNIT
            self.most = number if self.most is None else max(self.most, number)

    def count_misread(self, value: Any) -> None:
        if value in self.misread or len(self.misread) < MOST_MISREAD:
            self.misread[value] = self.misread.get(value, 0) + 1


def _key(value: Any) -> _Key:
    if value.__class__ is str:
        return "text", value
    if value.__class__ is bool:
        return "true/false", value
    number = exact_number(value)
    return ("text", str(value)) if number is None else ("number", number)


class Both:
    """Passes each event to the counts and then to a collection that keeps it."""

    def __init__(self, seen: SeenValues, store: TakesEvents) -> None:
        self._seen = seen
        self._store = store

    def add(self, event: DecodedEvent) -> None:
        """Take one event, which the caller must not use afterwards."""
        self._seen.add(event)
        self._store.add(event)
