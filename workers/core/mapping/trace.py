"""What a mapping did with one record, for people: which case, every value with the place it came from, or why not.

It maps with the parts that workers use, one step at a time, and is for tools: it costs many times more. Pure.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from schemas.conditions import Bounds
from schemas.events import Event, InvalidEvent, Unusable
from schemas.places import Money, Place, When, places_of
from schemas.source_conditions import FIND, AnyExcept, FromTo, Given, Matching
from schemas.sources import Case, Source
from workers.core.mapping.cases import CompiledCases, compile_cases
from workers.core.mapping.conditions import compile_condition, condition_finder
from workers.core.mapping.documents import compile_documents, reread_of
from workers.core.mapping.envelopes import Item, Read
from workers.core.mapping.find import compile_search
from workers.core.mapping.mapper import compile_source
from workers.core.mapping.moments import time_reader
from workers.core.mapping.money import compile_decimals, currency_of, in_major_unit
from workers.core.mapping.places import Context, is_empty, named_changes, raw_finder
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
        event: its event type.
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
    """

    name: str
    is_attribute: bool
    place: str
    others: str
    found: Any
    value: Any
    changes: tuple[str, ...] = ()
    left_out: str = ""


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


def trace_record(
    source: Source,
    declared: Collection[str],
    record: SourceRecord,
    latest: datetime,
    hash_key: bytes | None = None,
    read: Read | None = None,
) -> RecordTrace:
    """Map one record, and say what was done with it.

    Args:
        source: a validated source.
        declared: the event types declared beyond the built-in ones.
        record: one of its records.
        latest: the latest plausible moment, aware.
        hash_key: the key of `hashed`; needed if a place says so.
        read: reads the value of a record, for formats other than JSON.

    Raises:
        ValueError: if a key or reader is missing.
    """
    if source.format == "canonical":
        return _canonical(source, declared, record, latest)
    context = Context(hash_key)
    documents = compile_documents(source, read)
    tracer = _Tracer(source, compile_cases(source, declared, context, reread_of(source, read)), context, latest)
    try:
        items = documents(record)
    except InvalidEvent as error:
        return RecordTrace(refusal=error)
    return RecordTrace(tuple(tracer.item(number, item, record) for number, item in enumerate(items)))


def _canonical(source: Source, declared: Collection[str], record: SourceRecord, latest: datetime) -> RecordTrace:
    try:
        event = compile_source(source, declared)(record, latest)
    except InvalidEvent as error:
        return RecordTrace((ItemTrace(0, error),))
    if event is None:
        return RecordTrace((ItemTrace(0, Skipped("tombstone")),))
    values = [ValueTrace(name, False, "the event", "", value, value) for name, value in _fields_of(event)]
    values += [ValueTrace(name, True, "the event", "", value, value) for name, value in event.attributes.items()]
    return RecordTrace((ItemTrace(0, event, values=tuple(values)),))


def _fields_of(event: Event) -> Iterator[tuple[str, Any]]:
    for name in type(event).model_fields:
        if name not in _OWN and (value := getattr(event, name)) is not None:
            yield name, value


class _Tracer:
    """Traces the items of one source."""

    def __init__(self, source: Source, compiled: CompiledCases, context: Context, latest: datetime) -> None:
        self._source = source
        self._compiled = compiled
        self._context = context
        self._latest = latest

    def item(self, number: int, item: Item | Skipped | InvalidEvent, record: SourceRecord) -> ItemTrace:
        """Return the trace of one item."""
        if not isinstance(item, Item):
            return ItemTrace(number, item)
        if self._source.has_many():
            record = record._replace(item=number, whole=item.whole)
        result = self._result(item, record)
        shared = tuple(self._conditions(self._source.only_when, item.document, record))
        trace = ItemTrace(number, result, item.document, shared, is_history=item.is_history)
        if not all(condition.holds for condition in shared):
            return trace
        cases = tuple(self._cases(item, record))
        values: tuple[ValueTrace, ...] = ()
        if cases and cases[-1].takes:
            case = self._source.cases()[cases[-1].number - 1]
            values = tuple(self._values(case, item.document, record, result))
        return replace(trace, cases=cases, values=values)

    def _result(self, item: Item, record: SourceRecord) -> Event | Skipped | InvalidEvent:
        case = self._compiled.choose(item.document, record, item.nobodys)
        if isinstance(case, Skipped):
            return case
        try:
            return case.build(case.find(item.document, record), self._latest)
        except InvalidEvent as error:
            return error

    def _cases(self, item: Item, record: SourceRecord) -> Iterator[CaseTrace]:
        """Yield the cases, up to the one that takes the item."""
        for number, (case, compiled) in enumerate(zip(self._source.cases(), self._compiled.cases, strict=True), 1):
            conditions = tuple(self._conditions(case.only_when, item.document, record))
            if item.nobodys and not compiled.names_op:
                why = ConditionTrace("op", "named in 'only_when'", item.nobodys, False)
                conditions = (*conditions[: len(conditions) - 1], why)
            takes = all(condition.holds for condition in conditions)
            yield CaseTrace(number, compiled.name, case.event, conditions, takes)
            if takes:
                return

    def _conditions(self, only_when: dict[str, Any], document: Any, record: SourceRecord) -> Iterator[ConditionTrace]:
        """Yield conditions up to the first that does not hold."""
        for key, wanted in only_when.items():
            holds = compile_condition(key, wanted)(document, record)
            find = condition_finder(key)
            found = compile_search(str(wanted))(document) if key == FIND else find(document, record)
            yield ConditionTrace(key, wanted_in_words(wanted), found, holds)
            if not holds:
                return

    def _values(
        self, case: Case, document: Any, record: SourceRecord, result: Event | Skipped | InvalidEvent
    ) -> Iterator[ValueTrace]:
        currency = None
        for name in sorted(case.fields.given(), key=[*type(case.fields).model_fields].index):
            where = getattr(case.fields, name)
            if name == "amount" and case.fields.currency is not None:
                traced = self._value("currency", case.fields.currency, document, record)
                currency = currency_of(traced.value)
            yield _finished(self._value(name, where, document, record, currency), result)
        for name, where in case.attributes.items():
            traced = replace(self._value(name, where, document, record), is_attribute=True)
            yield _finished(traced, result)

    def _value(self, name: str, where: Any, document: Any, record: SourceRecord, currency: Any = None) -> ValueTrace:
        """Return what was found for one field or attribute, and what was done to it."""
        places: tuple[Place, ...] = places_of(where)
        is_list = isinstance(where, list)
        others: list[str] = []
        for number, place in enumerate(places, 1):
            looked = self._looked(name, place, document, record, currency)
            is_nothing = is_empty(looked.value) if is_list else looked.value is None
            if is_list and (is_nothing or looked.why):
                others.append(f"{ordinal(number)} {looked.why or _why_nothing(looked)}")
                continue
            rank = "; ".join([f"{ordinal(number)} of {len(places)} places", *others]) if is_list else ""
            value = None if looked.why else looked.value
            return ValueTrace(name, False, in_words(place), rank, looked.found, value, looked.changes, looked.why)
        return ValueTrace(name, False, in_words(where), "; ".join(others), None, None)

    def _looked(self, name: str, place: Place, document: Any, record: SourceRecord, currency: Any) -> "_Looked":
        """Look at one place, and do to the value what the place says."""
        changes: list[str] = []
        found = None
        try:
            found = value = raw_finder(place, self._context)(document, record)
            for word, change in named_changes(place, self._context):
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
            if isinstance(place, When):
                moment = time_reader(name, place)(value)
                value, written = moment, value
                if place.format != "iso" or place.timestamp:
                    unit = "milliseconds" if place.timestamp else place.format
                    changes.append(f"{shown(written)}, {unit} → {moment.astimezone(UTC).isoformat()}")
            elif isinstance(place, Money) and place.is_minor:
                decimals = compile_decimals(place)(document, record, currency)
                amount = in_major_unit(value, decimals, in_words(place))
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
