"""Canonical events: the one form that Linger understands, for every source.

One event is one JSON object of at most 1 MiB. `parse_event` refuses every impossible event. Its error
(`InvalidEvent`) gives the field, the value found and the reason.

An optional value never costs the event: a text that is too long is cut, any other impossible value is left out, and
`left_out` says so. What every event of a type needs stays strict.
"""

import json
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from math import isfinite
from typing import Annotated, Any, Final, Literal, NamedTuple

import orjson
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

MAX_BODY_BYTES: Final = 1 << 20
MAX_DEPTH: Final = 32
MAX_ID_BYTES: Final = 256
MAX_ATTRIBUTES: Final = 64
MAX_TEXT_BYTES: Final = 1024
_BEYOND_INT64: Final = 1 << 63
_REGISTRY_HEADER_BYTES: Final = 5
_REGISTRY_HINT: Final = (
    "; this looks like a schema registry's record: write 'format: avro' or 'format: json-schema' in sources.yaml"
)
_LONGEST_LIST: Final = MAX_TEXT_BYTES // 4

UNREADABLE: Final = "(unreadable)"
"""Attribute that names the attributes that had a value which cannot be kept, with commas between.

No rule can name it. It is there for consent: an answer that cannot be read is not the same as none.
"""
TYPE_PATTERN: Final = r"^[a-z][a-z0-9_-]{0,63}$"

Scalar = str | int | float | bool | None


class InvalidEvent(ValueError):
    """An event that can never be used.

    Attributes:
        reason: stable code for the dead-letter topic and metrics, such as `naive_time`.
        detail: one sentence for people: the field, the value found and the expected value.
        field: the refused field, if the cause is a single field.
    """

    def __init__(self, reason: str, detail: str, *, field: str | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.field = field


def _shown(value: object, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _identifier(value: object) -> str:
    # JSON numbers beyond 64 bits arrive as rounded floats: as ids, they would merge two customers into one.
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("must be a text, or a whole number of at most 64 bits")
    if value.__class__ is int and not -_BEYOND_INT64 <= value < 2 * _BEYOND_INT64:
        raise ValueError("is beyond 64 bits; write it as a text")
    text = str(value)
    if not text.strip():
        raise ValueError("is empty")
    if len(text.encode()) > MAX_ID_BYTES:
        raise ValueError(f"is longer than {MAX_ID_BYTES} bytes")
    return text


def _iso_text(value: object) -> object:
    # Pydantic reads a text of digits as seconds since 1970: "20261003" would be a day in August 1970.
    if isinstance(value, datetime) or (isinstance(value, str) and value[4:5] == "-"):
        return value
    raise ValueError("must be an ISO 8601 text with a zone, such as 2026-10-03T09:14:52Z")


def _after_1970(moment: datetime) -> datetime:
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is beyond the year 9999 in UTC") from None
    if moment.year < 1970:
        raise ValueError(f"is before 1970: {moment.isoformat()}")
    return moment


class Unusable(NamedTuple):
    """Stands for an optional value that could not be read where it was found; it is left out of the event."""

    reason: str


LeftOut = tuple[tuple[str, str], ...]
"""What was cut or left out of an event: fields and attributes, each with its reason."""


def _noted(info: ValidationInfo, name: str, reason: str) -> None:
    if info.context is not None:
        info.context.append((name, reason))


def _kept_or_left_out(value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    """Validate an optional field; cut a text that is too long, leave out any other value that is impossible."""
    name = info.field_name or ""
    is_text = name in ("what", "reason")
    if is_text and isinstance(value, str) and len(value) > MAX_TEXT_BYTES:
        _noted(info, name, "too_long")
        value = value[:MAX_TEXT_BYTES]
    if value.__class__ is float and not isfinite(value):
        value = Unusable("not_finite")
    try:
        return handler(value)
    except ValidationError as error:
        if isinstance(value, Unusable):
            reason = value.reason
        elif isinstance(value, str) and not value.strip():
            reason = "empty"
        elif error.errors(include_url=False, include_context=False)[0]["type"] == "timezone_aware":
            reason = "naive_time"
        else:
            reason = "impossible_text" if is_text else _REASONS_BY_FIELD[name]
        _noted(info, name, reason)
        return None


def _flat(attributes: Any, info: ValidationInfo) -> dict[str, Any]:
    """Keep the flat values of an event, at most `MAX_ATTRIBUTES`; cut texts that are too long."""
    if attributes.__class__ is not dict:
        if attributes is not None:
            _noted(info, "attributes", "not_flat")
        return {}
    kept: dict[str, Any] = {}
    unreadable: list[str] = []
    for name, value in attributes.items():
        if len(kept) == MAX_ATTRIBUTES:
            _noted(info, "attributes", "too_many")
            break
        if value.__class__ is str and len(value) > MAX_TEXT_BYTES // 4 and len(value.encode()) > MAX_TEXT_BYTES:
            _noted(info, name, "too_long")
            kept[name] = value.encode()[:MAX_TEXT_BYTES].decode(errors="ignore")
        elif (reason := _unkept(value)) is not None:
            _noted(info, name, reason)
            if reason != "not_finite":  # many programs write NaN for nothing
                unreadable.append(name)
        else:
            kept[name] = value
    if unreadable and len(kept) < MAX_ATTRIBUTES:
        kept[UNREADABLE] = ",".join(unreadable)[:_LONGEST_LIST]
    return kept


def _unkept(value: Any) -> str | None:
    """Return why an attribute cannot have a value, None if it can."""
    if value is None or value.__class__ is str or value.__class__ is bool:
        return None
    if value.__class__ is int:
        return None if -_BEYOND_INT64 <= value < 2 * _BEYOND_INT64 else "beyond_64_bits"
    if value.__class__ is float:
        return None if isfinite(value) else "not_finite"
    return value.reason if isinstance(value, Unusable) else "not_flat"


Identifier = Annotated[str, BeforeValidator(_identifier)]
Moment = Annotated[AwareDatetime, BeforeValidator(_iso_text), AfterValidator(_after_1970)]
Text = Annotated[str, Field(max_length=MAX_TEXT_BYTES)]
Amount = Annotated[Decimal, Field(ge=0, le=Decimal(10) ** 12, allow_inf_nan=False)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
_Optional = WrapValidator(_kept_or_left_out)


class _Event(BaseModel):
    """The fields of every event. Unknown fields are set aside and counted; they are never an error."""

    model_config = ConfigDict(frozen=True, extra="allow", coerce_numbers_to_str=True)

    event_id: Identifier = Field(description="The permanent id of this event; a repetition is dropped.")
    customer_id: Identifier = Field(description="The customer; at most 256 bytes of UTF-8.")
    occurred_at: Moment = Field(description="When it happened: ISO 8601 with a zone, stored in UTC.")
    history_until: Moment | None = Field(
        default=None,
        description="Only of history that is loaded: what rules would have begun before this moment counts as met "
        "already, so that no action is sent for it. Not in the future.",
    )
    attributes: Annotated[dict[str, Any], BeforeValidator(_flat)] = Field(
        default_factory=dict, description="Flat values that rules can filter by: text, number, true/false."
    )
    _left_out: LeftOut = PrivateAttr(default=())

    def left_out(self) -> LeftOut:
        """Return what was cut or left out, so that the event could be read."""
        return self._left_out

    def unknown_fields(self) -> int:
        """Return the number of fields from the sender that this type does not have."""
        return len(self.model_extra or ())


class Purchase(_Event):
    """A customer paid for something."""

    type: Literal["purchase"] = "purchase"
    amount: Amount = Field(description="The amount in `currency`; not negative, at most 10^12.")
    currency: Currency = Field(description="ISO 4217 code, upper case.")
    order_id: Annotated[Identifier | None, _Optional] = Field(default=None, description="The shop's order number.")


class Login(_Event):
    """A customer logged in successfully."""

    type: Literal["login"] = "login"


class Cancellation(_Event):
    """A customer ended something, such as a subscription."""

    type: Literal["cancellation"] = "cancellation"
    what: Annotated[Text | None, _Optional] = Field(
        default=None, description="What was cancelled: a plan, a subscription."
    )
    reason: Annotated[Text | None, _Optional] = Field(
        default=None, description="Why, in the customer's or the system's words."
    )
    effective_at: Annotated[Moment | None, _Optional] = Field(
        default=None, description="When it ends, if not at once; may be in the future."
    )


class Declared(_Event):
    """An event of a type that the operator declared in `sources.yaml`, with flat attributes.

    It may carry an amount and its currency, under the same checks as a purchase. One without the other is no money:
    it is left out, as it was before such events could carry any.
    """

    type: Annotated[str, Field(pattern=TYPE_PATTERN)]
    amount: Amount | None = Field(default=None, description="The amount in `currency`, if the event has one.")
    currency: Currency | None = Field(default=None, description="ISO 4217 code, upper case.")

    @model_validator(mode="before")
    @classmethod
    def _money_is_whole(cls, document: Any, info: ValidationInfo) -> Any:
        if document.__class__ is not dict:
            return document
        money = [name for name in ("amount", "currency") if document.get(name) is not None]
        if len(money) != 1:
            return document
        _noted(info, money[0], "half_of_money")
        return {name: value for name, value in document.items() if name != money[0]}


Event = Purchase | Login | Cancellation | Declared
BUILT_IN: Final[dict[str, type[Purchase] | type[Login] | type[Cancellation]]] = {
    "purchase": Purchase,
    "login": Login,
    "cancellation": Cancellation,
}

SIGNS_OF_LIFE: Final = frozenset({"purchase", "login", "reactivation"})
"""Event types that show that a customer is back. `sources.yaml` can name further ones."""

_REASONS = {
    "missing": "missing_field",
    "timezone_aware": "naive_time",
    "greater_than_equal": "negative_amount",
    "finite_number": "not_finite_amount",
    "less_than_equal": "impossible_amount",
}
_REASONS_BY_FIELD = {
    "event_id": "impossible_id",
    "customer_id": "impossible_id",
    "order_id": "impossible_id",
    "occurred_at": "impossible_time",
    "effective_at": "impossible_time",
    "history_until": "impossible_time",
    "amount": "impossible_amount",
}


def read_json(raw: bytes | None) -> Any:
    """Read one JSON document, bounded in size and depth.

    Raises:
        InvalidEvent: `empty`, `too_large`, `not_json` or `too_deep`.
    """
    if not raw:
        raise InvalidEvent("empty", "the record has no value")
    if len(raw) > MAX_BODY_BYTES:
        raise InvalidEvent("too_large", f"{len(raw)} bytes, at most {MAX_BODY_BYTES} are read")
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        reason = "too_deep" if "depth" in str(error) else "not_json"
        document = None if reason == "too_deep" else _read_otherwise(raw)
        if document is None:
            hint = _REGISTRY_HINT if raw[0] == 0 and len(raw) > _REGISTRY_HEADER_BYTES else ""
            raise InvalidEvent(reason, f"{error}; it begins with {_shown(raw[:40])}{hint}") from None
    # Fewer brackets than the bound cannot nest deeper than the bound, so only other documents need the walk.
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and depth_of(document) > MAX_DEPTH:
        raise InvalidEvent("too_deep", f"nested deeper than {MAX_DEPTH}")
    return document


def _read_otherwise(raw: bytes) -> Any:
    """Read a document with `NaN`, `Infinity`, numbers that no float can hold, or a byte order mark; else None.

    Python, JavaScript and Java write them, often in a field that no source maps. A field that is needed refuses them.
    """
    try:
        document = json.loads(raw.decode("utf-8-sig"))
        json.dumps(document, ensure_ascii=False).encode()  # half of a character is no text
    except (ValueError, RecursionError):
        return None
    return document


def exact_numbers(raw: bytes, attributes: Any) -> Any:
    """Return the attributes of a document, with a mark for each whole number that 64 bits cannot hold.

    The fast parser rounds such a number to a float without a word. So a document in which a float is as large is read
    a second time.

    Args:
        raw: the document.
        attributes: `read_json(raw)["attributes"]`, of any kind.
    """
    if attributes.__class__ is not dict or not has_rounded_number(attributes.values()):
        return attributes
    return json.loads(raw)["attributes"]


def has_rounded_number(values: Iterable[Any]) -> bool:
    """Return whether one of the values may be a whole number beyond 64 bits that was rounded to a float."""
    return any(value.__class__ is float and abs(value) >= _BEYOND_INT64 for value in values)


def depth_of(document: Any) -> int:
    """Return how deep objects and lists are nested: 0 for a flat value, at most one more than `MAX_DEPTH`."""
    # By class, not isinstance: this takes half the time, and the walk is most of the cost of a long document.
    depth, level = 0, [document] if isinstance(document, dict | list) else []
    while level and depth <= MAX_DEPTH:
        depth += 1
        level = [
            child
            for node in level
            for child in (node.values() if node.__class__ is dict else node)
            if child.__class__ is dict or child.__class__ is list
        ]
    return depth


def build_event(document: Any, *, types: Collection[str], latest: datetime) -> Event:
    """Turn one JSON object into an event.

    Args:
        document: an object with the fields of the event's type.
        types: the declared types, in addition to the built-in ones.
        latest: the latest plausible time; later events are refused.

    Raises:
        InvalidEvent: for the first impossible or missing field.
    """
    if not isinstance(document, dict):
        raise InvalidEvent("not_an_object", f"expected a JSON object, found {_shown(document)}")
    kind = document.get("type")
    model: type[Event]
    if isinstance(kind, str) and kind in BUILT_IN:
        model = BUILT_IN[kind]
    elif isinstance(kind, str) and kind in types:
        model = Declared
    elif kind is None:
        raise InvalidEvent("missing_field", "'type' is missing", field="type")
    else:
        known = ", ".join([*BUILT_IN, *types])
        raise InvalidEvent("unknown_type", f"'type' is {_shown(kind)}; known are {known}", field="type")
    left_out: list[tuple[str, str]] = []
    try:
        event = model.model_validate(document, context=left_out)
    except ValidationError as error:
        raise _explained(error) from None
    if left_out:
        event._left_out = tuple(left_out)
    for name, moment in (("occurred_at", event.occurred_at), ("history_until", event.history_until)):
        if moment is not None and moment > latest:
            detail = f"'{name}' is {moment.isoformat()}, after {latest.isoformat()}"
            raise InvalidEvent("future_time", detail, field=name)
    return event


def parse_event(raw: bytes | None, *, types: Collection[str] = (), latest: datetime) -> Event:
    """Read one canonical event from its JSON bytes; see `read_json` and `build_event`."""
    document = read_json(raw)
    if raw is not None and document.__class__ is dict and "attributes" in document:
        document["attributes"] = exact_numbers(raw, document["attributes"])
    return build_event(document, types=types, latest=latest)


def encode_event(event: Event) -> bytes:
    """Write an event as canonical JSON: known fields only, times in UTC, amounts as text."""
    return event.__pydantic_serializer__.to_json(event, exclude=set(event.model_extra or ()), exclude_none=True)


def _explained(error: ValidationError) -> InvalidEvent:
    first = error.errors(include_url=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    reason = _REASONS.get(first["type"], "impossible_field")
    if reason == "impossible_field":
        reason = _REASONS_BY_FIELD.get(field, reason)
    if reason == "missing_field":
        return InvalidEvent(reason, f"'{field}' is missing", field=field)
    return InvalidEvent(reason, f"'{field}': {message}; found {_shown(first.get('input'))}", field=field)
