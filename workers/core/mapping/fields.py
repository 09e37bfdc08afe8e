"""The fields and attributes of one case, compiled: a document -> an event's fields, not validated yet. Pure."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from schemas.events import InvalidEvent, Unusable, has_rounded_number
from schemas.places import Money, Place, When, places_of
from schemas.sources import Case
from workers.core.mapping.moments import Read, time_reader, usable
from workers.core.mapping.money import FindAmount, compile_amount, currency_of
from workers.core.mapping.places import Context, Find, compile_place, is_empty, may_be_unusable, needed
from workers.core.mapping.record import SourceRecord
from workers.core.mapping.words import in_words

FindFields = Callable[[Any, SourceRecord], dict[str, Any]]
"""`find(document, record)` -> an event's fields, not validated yet; raises `InvalidEvent`."""

Reread = Callable[[SourceRecord], Any]
"""`reread(record)` -> the same document with whole numbers of any length."""

OPTIONAL: Final = frozenset({"order_id", "what", "reason", "effective_at"})
"""Fields of the built-in types that are left out if there is nothing at their place."""

_LARGEST_FLOAT: Final = 1 << 63


class _Field(NamedTuple):
    name: str
    at: str
    """Where the value is, in words, such as `path 'customer.id'`."""
    find: Find
    read: Read | None


def places_in_words(case: Case) -> dict[str, str]:
    """Return where each field of a case is, in words."""
    return {name: in_words(getattr(case.fields, name)) for name in type(case.fields).model_fields if _has(case, name)}


def compile_fields(case: Case, context: Context, reread: Reread | None) -> FindFields:
    """Compile the fields and attributes of a case.

    * Ids and flat values are not converted; only a whole number becomes text where an id is needed, exactly.
    * An optional field or an attribute without a value in the record is left out, and so is one whose value is
      impossible; `Event.left_out` names the latter.

    Args:
        case: with the fields that all cases of its source share.
        context: the key of `hashed`.
        reread: reads the record again if a whole number may have been rounded. None: such an attribute is left out.
    """
    amount = _amount_of(case, context)
    fields = tuple(
        _field(name, getattr(case.fields, name), context)
        for name in type(case.fields).model_fields
        if _has(case, name) and not (name == "amount" and amount is not None)
    )
    attributes = tuple((name, _attribute(where, context)) for name, where in case.attributes.items())
    base = {"type": case.event}

    def find_all(document: Any, record: SourceRecord) -> dict[str, Any]:
        values: dict[str, Any] = base.copy()
        for name, at, find, read in fields:
            value = find(document, record)
            if value is not None:
                values[name] = value if read is None else read(value)
            elif name not in OPTIONAL:
                raise _missing(name, at)
        if attributes:
            values["attributes"] = found = _attributes(attributes, document, record)
            if has_rounded_number(found.values()):
                values["attributes"] = _exact(found, attributes, record, reread)
        return values

    return find_all if amount is None else _with_amount(find_all, amount, in_words(_where_amount(case)))


def _has(case: Case, name: str) -> bool:
    return getattr(case.fields, name, None) is not None


def _missing(name: str, at: str) -> InvalidEvent:
    return InvalidEvent("missing_field", f"'{name}' is missing: there is nothing at {at}", field=name)


def _where_amount(case: Case) -> Money | list[Money]:
    where: Money | list[Money] = case.fields.amount if case.fields.amount is not None else []
    return where


def _amount_of(case: Case, context: Context) -> FindAmount | None:
    """Return what finds an amount that depends on its currency; None for one that is taken as it is."""
    places = places_of(_where_amount(case))
    return compile_amount(places, context) if any(place.is_minor for place in places) else None


def _with_amount(find_all: FindFields, amount: FindAmount, at: str) -> FindFields:
    def find_with_amount(document: Any, record: SourceRecord) -> dict[str, Any]:
        values = find_all(document, record)
        values["currency"] = currency = currency_of(values["currency"])
        value = amount(document, record, currency)
        if value is None:
            raise _missing("amount", at)
        values["amount"] = value
        return values

    return find_with_amount


def _field(name: str, where: Place | list[Any], context: Context) -> _Field:
    is_optional = name in OPTIONAL
    at = in_words(where)
    if isinstance(where, list) and any(isinstance(place, When) for place in where):
        find = _first_time(name, where, context)
        return _Field(name, at, _readable(find) if is_optional else find, None)
    find = compile_place(where, context)
    read = time_reader(name, where) if isinstance(where, When) else None
    if is_optional:
        find = _readable(find) if _has_bytes(where) else find
        read = None if read is None else usable(read)
    elif may_be_unusable(where):
        find = needed(where, find, name)
    return _Field(name, at, find, read)


def _attribute(where: Place | list[Any], context: Context) -> Find:
    find = compile_place(where, context, is_attribute=True)
    return _readable(find) if _has_bytes(where) else find


def _first_time(name: str, places: Sequence[When], context: Context) -> Find:
    """Return a finder of the first time that is there, each read in its own format."""
    compiled = [(compile_place(place, context), time_reader(name, place)) for place in places]

    def first(document: Any, record: SourceRecord) -> Any:
        for find, read in compiled:
            value = find(document, record)
            if not is_empty(value) and value.__class__ is not Unusable:
                return read(value)
        return None

    return first


def _has_bytes(where: Place | list[Any]) -> bool:
    """Return whether a place is written in bytes, which may be no text."""
    places: tuple[Place, ...] = places_of(where)
    return any(part.header is not None or part.key for place in places for part in place.with_parts())


def _readable(find: Find) -> Find:
    """Return a finder of an optional value; what cannot be read is not a reason to refuse the record."""

    def found(document: Any, record: SourceRecord) -> Any:
        try:
            return find(document, record)
        except InvalidEvent as error:
            return Unusable(error.reason)

    return found


def _attributes(attributes: Sequence[tuple[str, Find]], document: Any, record: SourceRecord) -> dict[str, Any]:
    values = {}
    for name, find in attributes:
        value = find(document, record)
        if value is not None:
            values[name] = value
    return values


def _exact(
    found: dict[str, Any], attributes: Sequence[tuple[str, Find]], record: SourceRecord, reread: Reread | None
) -> dict[str, Any]:
    """Return attributes; one of them may be a whole number that was rounded to a float."""
    if reread is not None:
        return _attributes(attributes, reread(record), record)
    beyond = Unusable("beyond_64_bits")
    return {
        name: beyond if value.__class__ is float and abs(value) >= _LARGEST_FLOAT else value
        for name, value in found.items()
    }
