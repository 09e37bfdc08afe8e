"""What a mapping did with one record, for people: which case, every value with the place it came from, or why not.

It maps with the parts that workers use, one step at a time, and is for tools: it costs several times more. Pure.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from schemas.conditions import Bounds
from schemas.events import Event, InvalidEvent, Unusable
from schemas.places import Money, Place, When, places_of
from schemas.source_conditions import FIND, AnyExcept, FromTo, Given, Matching
from schemas.sources import Case, Source
from workers.core.mapping.cases import CompiledCases, compile_cases
from workers.core.mapping.conditions import Condition, compile_condition, condition_finder
from workers.core.mapping.documents import ReadValue, compile_documents, reread_of
from workers.core.mapping.envelopes import Item
from workers.core.mapping.find import compile_search
from workers.core.mapping.history import named_ms, with_history
from workers.core.mapping.mapper import compile_source
from workers.core.mapping.moments import Read, time_reader
from workers.core.mapping.money import DecimalsOf, compile_decimals, currency_of, in_major_unit
from workers.core.mapping.places import Change, Context, Find, is_empty, named_changes, raw_finder
from workers.core.mapping.record import SourceRecord
from workers.core.mapping.skipped import Skipped
from workers.core.mapping.words import in_words, ordinal, shown

_OWN: Final = frozenset({"type", "attributes"})


@dataclass(frozen=True, slots=True)
class ConditionTrace:
    """One entry of an `only_when`.

    Attributes:
        key: as written, such as `data.object.status` or `header X-Kind`.
        wanted: what is asked for, in words, such as `invoice.paid` or `more than 0`.
        found: the value there; None for nothing. For `find`, what the expression gives.
        holds: whether it holds.
    """

    key: str
    wanted: str
    found: Any
    holds: bool


@dataclass(frozen=True, slots=True)
class CaseTrace:
    """One case that was looked at.

    Attributes:
        number: from 1.
        name: what metrics call it.
        event: its event type; empty for a case that skips or refuses.
        conditions: in their order, up to the first that does not hold.
        takes: whether this case takes the item.
    """

    number: int
    name: str
    event: str
    conditions: tuple[ConditionTrace, ...]
    takes: bool

    @property
    def failed(self) -> ConditionTrace | None:
        """The condition that keeps the case from taking the item."""
        return next((condition for condition in self.conditions if not condition.holds), None)


@dataclass(frozen=True, slots=True)
class ValueTrace:
    """One field or attribute.

    Attributes:
        name: the field or attribute.
        is_attribute: whether it is an attribute.
        place: where the value was found, in words, such as `path 'data.id'`; all places if there is none.
        others: for a list of places which one it was, such as `2nd of 3 places; 1st is empty`; else empty.
        found: the value there, as it is; None for nothing.
        value: what the event has; None if the event does not have it.
        changes: what was done to it, in order, such as `lower: mara@example.com` or `2900 minor, 2 decimals → 29.00`.
        left_out: the reason for which it was cut or left out; empty if it was not.
        is_personal: whether it is masked everywhere here (`histories.personal`); the mapping itself masks nothing.
    """

    name: str
    is_attribute: bool
    place: str
    others: str
    found: Any
    value: Any
    changes: tuple[str, ...] = ()
    left_out: str = ""
    is_personal: bool = False


@dataclass(frozen=True, slots=True)
class ItemTrace:
    """One item of a record.

    Attributes:
        number: from 0, as in the position of the event.
        result: the event; or what skipped the item; or why it is refused.
        document: what the places of this item are about; None if it was not reached.
        shared: the conditions of the source, up to the first that does not hold.
        cases: the cases that were looked at, the one that takes the item last.
        values: the fields, then the attributes. For a refused item, those that could be found.
        is_history: whether it is a row of a snapshot.
    """

    number: int
    result: Event | Skipped | InvalidEvent
    document: Any = None
    shared: tuple[ConditionTrace, ...] = ()
    cases: tuple[CaseTrace, ...] = ()
    values: tuple[ValueTrace, ...] = ()
    is_history: bool = False

    @property
    def case(self) -> CaseTrace | None:
        """The case that takes the item, if one does."""
        return self.cases[-1] if self.cases and self.cases[-1].takes else None


@dataclass(frozen=True, slots=True)
class RecordTrace:
    """What a mapping did with a record.

    Attributes:
        items: what is in the record, in order.
        refusal: why the record as a whole cannot be read; None if it can.
    """

    items: tuple[ItemTrace, ...] = field(default=())
    refusal: InvalidEvent | None = None


Trace = Callable[[SourceRecord], RecordTrace]
"""`trace(record)` -> what a mapping did with it; never raises for a record."""


def compile_trace(
    source: Source,
    declared: Collection[str],
    latest: datetime,
    hash_key: bytes | None = None,
    read_value: ReadValue | None = None,
) -> Trace:
    """Compile a source into a function that maps its records and says what was done with each.

    Args:
        source: a validated source.
        declared: the event types declared beyond the built-in ones.
        latest: the latest plausible moment, aware.
        hash_key: the key of `hashed`; needed if a place says so.
        read_value: reads the value of a record; needed for the formats of a schema registry.

    Raises:
        ValueError: if a key or reader is missing.
    """
    if source.format == "canonical":
        return _canonical(source, declared, latest)
    context = Context(hash_key)
    documents = compile_documents(source, read_value)
    tracer = _Tracer(source, compile_cases(source, declared, context, reread_of(source, read_value)), context, latest)

    def trace(record: SourceRecord) -> RecordTrace:
        try:
            items = documents(record)
        except InvalidEvent as error:
            return RecordTrace(refusal=error)
        return RecordTrace(tuple(tracer.item(number, item, record) for number, item in enumerate(items)))

    return trace


def _canonical(source: Source, declared: Collection[str], latest: datetime) -> Trace:
    mapper = compile_source(source, declared)

    def trace(record: SourceRecord) -> RecordTrace:
        try:
            event = mapper(record, latest)
        except InvalidEvent as error:
            return RecordTrace((ItemTrace(0, error),))
        if event is None:
            return RecordTrace((ItemTrace(0, Skipped("tombstone")),))
        values = [ValueTrace(name, False, "the event", "", value, value) for name, value in _fields_of(event)]
        values += [ValueTrace(name, True, "the event", "", value, value) for name, value in event.attributes.items()]
        return RecordTrace((ItemTrace(0, event, values=tuple(values)),))

    return trace


def _fields_of(event: Event) -> Iterator[tuple[str, Any]]:
    for name in type(event).model_fields:
        if name not in _OWN and (value := getattr(event, name)) is not None:
            yield name, value


class _Condition(NamedTuple):
    """One entry of an `only_when`: its key, what it asks for in words, what finds its value and what tests it."""

    key: str
    wanted: str
    find: Callable[[Any, SourceRecord], Any]
    holds: Condition


class _Place(NamedTuple):
    """One place, compiled step by step.

    `read` gives the moment of a value found in a place of times, `decimals` those of an amount in minor units.
    """

    words: str
    find: Find
    changes: tuple[tuple[str, Change], ...]
    read: Read | None
    unit: str
    decimals: DecimalsOf | None


class _Value(NamedTuple):
    """One field or attribute, compiled."""

    name: str
    is_attribute: bool
    is_list: bool
    words: str
    places: tuple[_Place, ...]


class _Tracer:
    """Traces the items of one source."""

    def __init__(self, source: Source, compiled: CompiledCases, context: Context, latest: datetime) -> None:
        self._compiled = compiled
        self._latest = latest
        self._has_many = source.has_many()
        self._before_ms = named_ms(source)
        self._shared = _conditions_of(source.only_when)
        cases = source.every_case()
        self._events = tuple(case.event for case in cases)
        self._conditions = tuple(_conditions_of(case.only_when) for case in cases)
        # A case that skips or refuses has no fields.
        self._values = tuple(_values_of(case, context) if case.event else () for case in cases)

    def item(self, number: int, item: Item | Skipped | InvalidEvent, record: SourceRecord) -> ItemTrace:
        """Return the trace of one item."""
        if not isinstance(item, Item):
            return ItemTrace(number, item)
        if self._has_many:
            record = record._replace(item=number, whole=item.whole)
        result = self._result(item, record)
        shared = tuple(_looked_at(self._shared, item.document, record))
        trace = ItemTrace(number, result, item.document, shared, is_history=item.is_history)
        if not all(condition.holds for condition in shared):
            return trace
        cases = tuple(self._cases(item, record))
        values: tuple[ValueTrace, ...] = ()
        if cases and cases[-1].takes:
            values = tuple(_found(self._values[cases[-1].number - 1], item.document, record, result))
        return replace(trace, cases=cases, values=values)

    def _result(self, item: Item, record: SourceRecord) -> Event | Skipped | InvalidEvent:
        try:
            case = self._compiled.choose(item.document, record, item.no_activity)
            if isinstance(case, Skipped):
                return case
            event = case.build(case.find(item.document, record), self._latest)
        except InvalidEvent as error:
            return error
        return with_history(
            event,
            self._before_ms,
            is_snapshot=item.is_history,
            written_ms=record.timestamp_ms,
            latest=self._latest,
        )

    def _cases(self, item: Item, record: SourceRecord) -> Iterator[CaseTrace]:
        """Yield the cases, up to the one that takes the item."""
        for number, (event, written, compiled) in enumerate(
            zip(self._events, self._conditions, self._compiled.cases, strict=True), 1
        ):
            conditions = tuple(_looked_at(written, item.document, record))
            if item.no_activity and not compiled.names_op:
                why = ConditionTrace("op", "named in 'only_when'", item.no_activity, False)
                conditions = (*conditions[: len(conditions) - 1], why)
            takes = all(condition.holds for condition in conditions)
            yield CaseTrace(number, compiled.name, event, conditions, takes)
            if takes:
                return


# --- what is compiled -------------------------------------------------------------------------------------------


def _conditions_of(only_when: dict[str, Any]) -> tuple[_Condition, ...]:
    found = []
    for key, wanted in only_when.items():
        find = _searching(str(wanted)) if key == FIND else condition_finder(key)
        found.append(_Condition(key, wanted_in_words(wanted), find, compile_condition(key, wanted)))
    return tuple(found)


def _searching(expression: str) -> Find:
    search = compile_search(expression)
    return lambda document, _: search(document)


def _values_of(case: Case, context: Context) -> tuple[_Value, ...]:
    """Return the fields of a case, then its attributes."""
    fields = sorted(case.fields.given(), key=[*type(case.fields).model_fields].index)
    values = [_value_of(name, getattr(case.fields, name), context) for name in fields]
    values += [_value_of(name, where, context, is_attribute=True) for name, where in case.attributes.items()]
    return tuple(values)


def _value_of(name: str, where: Any, context: Context, *, is_attribute: bool = False) -> _Value:
    places: tuple[Place, ...] = places_of(where)
    compiled = tuple(_place_of(name, place, context) for place in places)
    return _Value(name, is_attribute, isinstance(where, list), in_words(where), compiled)


def _place_of(name: str, place: Place, context: Context) -> _Place:
    read, unit, decimals = None, "", None
    if isinstance(place, When):
        read = time_reader(name, place)
        unit = "milliseconds" if place.timestamp else "" if place.format == "iso" else place.format
    elif isinstance(place, Money) and place.is_minor:
        decimals = compile_decimals(place)
    changes = tuple(named_changes(place, context))
    return _Place(in_words(place), raw_finder(place, context), changes, read, unit, decimals)


# --- what is done with a record ---------------------------------------------------------------------------------


def _looked_at(conditions: tuple[_Condition, ...], document: Any, record: SourceRecord) -> Iterator[ConditionTrace]:
    """Yield conditions up to the first that does not hold."""
    for key, wanted, find, holds in conditions:
        is_so = holds(document, record)
        yield ConditionTrace(key, wanted, find(document, record), is_so)
        if not is_so:
            return


def _found(
    values: tuple[_Value, ...], document: Any, record: SourceRecord, result: Event | Skipped | InvalidEvent
) -> Iterator[ValueTrace]:
    currencies = [value for value in values if value.name == "currency" and not value.is_attribute]
    for value in values:
        currency = None
        if value.name == "amount" and currencies and not value.is_attribute:
            currency = currency_of(_traced(currencies[0], document, record).value)
        yield _finished(_traced(value, document, record, currency), result)


def _traced(value: _Value, document: Any, record: SourceRecord, currency: Any = None) -> ValueTrace:
    """Return what was found for one field or attribute, and what was done to it."""
    others: list[str] = []
    for number, place in enumerate(value.places, 1):
        looked = _looked(value.name, place, document, record, currency)
        is_nothing = is_empty(looked.value) if value.is_list else looked.value is None
        if value.is_list and (is_nothing or looked.why):
            others.append(f"{ordinal(number)} {looked.why or _why_nothing(looked)}")
            continue
        rank = "; ".join([f"{ordinal(number)} of {len(value.places)} places", *others]) if value.is_list else ""
        kept = None if looked.why else looked.value
        return ValueTrace(
            value.name, value.is_attribute, place.words, rank, looked.found, kept, looked.changes, looked.why
        )
    return ValueTrace(value.name, value.is_attribute, value.words, "; ".join(others), None, None)


def _looked(name: str, place: _Place, document: Any, record: SourceRecord, currency: Any) -> "_Looked":
    """Look at one place, and do to the value what the place says."""
    changes: list[str] = []
    found = None
    try:
        found = value = place.find(document, record)
        for word, change in place.changes:
            if value is None or isinstance(value, Unusable):
                break
            changed = change(value)
            if changed is None or changed != value:
                changes.append(f"{word}: {'nothing' if changed is None else shown(changed)}")
            value = changed
        if isinstance(value, Unusable):
            return _Looked(None if isinstance(found, Unusable) else found, None, tuple(changes), value.reason)
        if is_empty(value):
            return _Looked(found, value, tuple(changes))
        if place.read is not None:
            moment = place.read(value)
            if place.unit:
                changes.append(f"{shown(value)}, {place.unit} → {moment.astimezone(UTC).isoformat()}")
            value = moment
        elif place.decimals is not None:
            decimals = place.decimals(document, record, currency)
            amount = in_major_unit(value, decimals, place.words)
            changes.append(f"{value} minor, {decimals} decimals → {amount:f} {currency}")
            value = amount
        elif name == "currency" and currency_of(value) != value:
            changes.append(f"in capitals: {currency_of(value)}")
            value = currency_of(value)
    except InvalidEvent as error:
        return _Looked(found, None, tuple(changes), f"{error.reason}: {error.detail}")
    return _Looked(found, value, tuple(changes))


class _Looked(NamedTuple):
    """What was found at one place: the value as it is and as it was changed, the changes, why it cannot be used."""

    found: Any
    value: Any
    changes: tuple[str, ...] = ()
    why: str = ""


def _why_nothing(looked: _Looked) -> str:
    return "is empty" if is_empty(looked.found) else f"is {shown(looked.found)}, which means nothing"


def _finished(trace: ValueTrace, result: Event | Skipped | InvalidEvent) -> ValueTrace:
    """Return a value with what the event has of it, if there is one."""
    if isinstance(result, Skipped | InvalidEvent):
        return trace
    left_out = dict(result.left_out()).get(trace.name, trace.left_out)
    kept = result.attributes.get(trace.name) if trace.is_attribute else getattr(result, trace.name, None)
    return replace(trace, value=kept, left_out=left_out)


def wanted_in_words(wanted: Any) -> str:
    """Return what an entry of an `only_when` asks for, in words."""
    match wanted:
        case Given(given=is_wanted):
            return "given" if is_wanted else "not given"
        case Matching(matches=pattern):
            return f"matches {pattern}"
        case FromTo(from_=low, to=high):
            return f"from {low:f} to {high:f}"
        case AnyExcept(other_than=other):
            return f"other than {wanted_in_words(other)}"
        case Bounds():
            return wanted.words()
        case list():
            return " or ".join(wanted_in_words(choice) for choice in wanted)
        case None:
            return "null"
        case bool():
            return "true" if wanted else "false"
    return str(wanted)
