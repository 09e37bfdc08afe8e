"""`sources.yaml`: the source topics that Linger reads, and where their records have the fields of an event."""

from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from schemas.attribute_types import BUILT_IN_TYPES, AttributeType
from schemas.conditions import Reference
from schemas.durations import Duration
from schemas.events import BUILT_IN, SIGNS_OF_LIFE, TYPE_PATTERN
from schemas.refusals import InconsistentEntries, not_in_format

PATH_PATTERN: Final = r"^[^.\[\]\s]+(\[\d{1,4}\])*(\.[^.\[\]\s]+(\[\d{1,4}\])*)*$"
TOPIC_PATTERN: Final = r"^[A-Za-z0-9._-]{1,249}$"

Path = Annotated[str, Field(pattern=PATH_PATTERN, max_length=300)]
TopicName = Annotated[str, Field(pattern=TOPIC_PATTERN)]
TypeName = Annotated[str, Field(pattern=TYPE_PATTERN)]
Plain = str | int | float | bool | None


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"'{name}' is not a time zone; write for example 'Europe/Berlin' or 'UTC'") from None
    return name


class Place(_Strict):
    """Where to find a value: exactly one of path, header, key, topic, position or constant."""

    path: Path | None = Field(default=None, description="In the JSON body.", examples=["customer.id", "lines[0].sku"])
    header: str | None = Field(default=None, description="In the Kafka header with this name.")
    key: Literal[True] | None = Field(default=None, description="The record's Kafka key, as text.")
    topic: Literal[True] | None = Field(default=None, description="The name of the topic.")
    position: Literal[True] | None = Field(
        default=None,
        description="`topic:partition:offset`, for sources whose events have no id.",
    )
    constant: Plain = Field(default=None, description="Always this value.")

    @model_validator(mode="after")
    def _one_place(self) -> "Place":
        named = [
            name
            for name in ("path", "header", "key", "topic", "position", "constant")
            if name in self.model_fields_set
        ]
        if len(named) != 1:
            found = ", ".join(named) or "none"
            raise ValueError(f"needs exactly one of path, header, key, topic, position, constant; found {found}")
        return self


def _as_place(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


Where = Annotated[Place, BeforeValidator(_as_place, json_schema_input_type=Path | Place)]


class When(Place):
    """Where to find a time, and its format."""

    format: Literal["iso", "seconds", "milliseconds"] = Field(
        default="iso", description="iso: ISO 8601 text; seconds, milliseconds: since 1970, as a number or text."
    )
    zone: Annotated[str, AfterValidator(_zone)] | None = Field(
        default=None,
        description="The zone of ISO texts that have none.",
        examples=["Europe/Berlin"],
    )


WhenField = Annotated[When, BeforeValidator(_as_place, json_schema_input_type=Path | When)]


def _distinguishing(place: Place) -> Place:
    if place.topic or "constant" in place.model_fields_set:
        same = "topic" if place.topic else "constant"
        raise ValueError(
            f"a {same} is the same for every record, so every event after the first would be dropped as a duplicate; "
            "write 'position: true' for records that have no id of their own"
        )
    return place


class Fields(_Strict):
    """Where to find the fields of the canonical event."""

    event_id: Annotated[Where, AfterValidator(_distinguishing)]
    customer_id: Where
    occurred_at: WhenField
    amount: Where | None = None
    currency: Where | None = None
    order_id: Where | None = None
    what: Where | None = None
    reason: Where | None = None
    effective_at: WhenField | None = None


_FIELDS_OF: Final[dict[str, tuple[set[str], set[str]]]] = {
    "purchase": ({"amount", "currency"}, {"order_id"}),
    "login": (set(), set()),
    "cancellation": (set(), {"what", "reason", "effective_at"}),
}
_COMMON: Final = {"event_id", "customer_id", "occurred_at"}


_Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}", examples=["2024-01-01"])]


def _since(value: Any) -> Any:
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time(), UTC)
    try:
        # A number is not a day: 20240101 would mean seconds since 1970, and all history would count as complete.
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        raise not_in_format("a day such as 2024-01-31", value) from None


class Source(_Strict):
    """One source topic."""

    topic: TopicName = Field(
        description="The Kafka topic to read. Linger's own activity topic represents producers that write canonical "
        "events directly to it: intake does not read it, but Linger still notices when they are silent.",
        examples=["shop.orders"],
    )
    format: Literal["json", "canonical"] = Field(
        default="json",
        description="canonical: the values are already Linger events, and need no `fields`.",
    )
    event: TypeName | None = Field(default=None, description="The event type of the records.")
    events: Annotated[list[TypeName], Field(max_length=64)] = Field(
        default_factory=list, description="For canonical topics: the event types of the records."
    )
    only_when: dict[Path, Plain | list[Plain]] = Field(
        default_factory=dict,
        description="Records with other values are skipped and counted, not dead-lettered.",
        examples=[{"result": "ok"}, {"status": ["paid", "fulfilled"]}],
    )
    fields: Fields | None = Field(default=None, description="Where the payload has the event's fields.")
    attributes: Annotated[dict[str, Where], Field(max_length=64)] = Field(
        default_factory=dict, description="More flat values that rules can filter by."
    )
    max_silence: Duration = Field(
        description="If nothing that the source sends becomes an event for longer, the source counts as broken, and "
        "the rules that need it wait. Choose a time well above its longest quiet time, at night and on holidays.",
        examples=["6 hours", "3 days"],
    )
    type_max_silence: dict[TypeName, Duration] = Field(
        default_factory=dict,
        description="The same for single event types of the source: such a type falls silent alone, while the source "
        "goes on with others. A type that is not named here falls silent with its source only.",
        examples=[{"purchase": "2 days"}],
    )
    complete_since: Annotated[datetime, BeforeValidator(_since, json_schema_input_type=_Day)] | None = Field(
        default=None,
        description="The topic has everything since this day, for every customer. By default Linger counts from the "
        "first record it read, and takes longer to recognize a first-time buyer.",
    )

    @model_validator(mode="after")
    def _limits_of_its_types(self) -> "Source":
        if other := sorted(set(self.type_max_silence) - set(self.types())):
            message = f"'type_max_silence' names {', '.join(other)}, which this source does not bring"
            raise InconsistentEntries(message, "type_max_silence")
        return self

    @model_validator(mode="after")
    def _consistent(self) -> "Source":
        if self.format == "canonical":
            if self.fields is not None or self.attributes or self.event is not None:
                message = "a canonical source has 'events', but no 'event', 'fields' or 'attributes'"
                keys = ("events",) if self.events else ("event", "fields", "attributes")
                raise InconsistentEntries(message, *keys)
            if not self.events:
                raise InconsistentEntries(
                    "a canonical source needs 'events': the event types of its records", "events"
                )
            return self
        if self.event is None or self.fields is None:
            raise InconsistentEntries("needs 'event' and 'fields'", "event", "fields")
        if self.events:
            raise InconsistentEntries("'events' is for canonical sources; write 'event'", "events")
        given = self.fields.model_fields_set
        required, optional = _FIELDS_OF.get(self.event, (set(), set()))
        if missing := required - given:
            raise ValueError(f"a {self.event} also needs the fields {', '.join(sorted(missing))}")
        if extra := given - _COMMON - required - optional:
            message = f"a {self.event} has no {', '.join(sorted(extra))}; use 'attributes' for other values"
            raise InconsistentEntries(message, "attributes")
        return self

    def types(self) -> tuple[str, ...]:
        """Return the event types of this source."""
        return tuple(self.events) if self.event is None else (self.event,)


class DeclaredType(_Strict):
    """An event type in addition to purchase, login and cancellation."""

    description: Annotated[str, Field(max_length=300)] = ""
    sign_of_life: bool = Field(
        default=False,
        alias="sign of life",
        description="Whether such an event shows that the customer is back, as a purchase or a login does. An action "
        "that it ends is then taken back with the reason customer_returned. A reactivation always is one.",
    )
    max_silence: Duration | None = Field(
        default=None,
        description="If no source brings an event of this type for longer, the rules that need it wait, even while "
        "its sources go on with other types. Without it, the type falls silent with its sources only.",
        examples=["30 days"],
    )


class SourcesFile(_Strict):
    """The content of `sources.yaml`."""

    event_types: dict[TypeName, DeclaredType] = Field(
        default_factory=dict, description="Your own event types.", examples=[{"complaint": {"description": "…"}}]
    )
    attribute_types: Annotated[dict[Reference, AttributeType], Field(max_length=1000)] = Field(
        default_factory=dict,
        description="As what the value of an attribute counts, however it is written; by event type and "
        "attribute, with a dot between. It applies wherever such an event enters.",
        examples=[{"nps.score": "number", "profile.newsletter": "true/false"}],
    )
    sources: Annotated[list[Source], Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _typed(self) -> "SourcesFile":
        for reference, kind in self.attribute_types.items():
            if (problem := self._misdeclared(reference, kind)) is not None:
                raise InconsistentEntries(f"'attribute_types' names {reference}, but {problem}", "attribute_types")
        return self

    def _misdeclared(self, reference: str, kind: AttributeType) -> str | None:
        """Return why an attribute cannot have a type, None if it can."""
        event_type, _, attribute = reference.partition(".")
        known = {*BUILT_IN, *self.event_types}
        if event_type not in known:
            return f"there is no event type '{event_type}'; known are {', '.join(sorted(known))}"
        if reference in BUILT_IN_TYPES:
            own = BUILT_IN_TYPES[reference]
            return None if own == kind else f"it is Linger's own field, of the type {own}"
        possible = self._attributes_of(event_type)
        if possible and attribute not in possible:
            return (
                f"no source gives a {event_type} the attribute '{attribute}'; they give {', '.join(sorted(possible))}"
            )
        return None

    def _attributes_of(self, event_type: str) -> set[str]:
        """Return what the sources of a type map as attributes; empty if its events can have any."""
        mapped = [source for source in self.sources if event_type in source.types()]
        if any(source.format == "canonical" for source in mapped):
            return set()
        return {name for source in mapped for name in source.attributes}

    @model_validator(mode="after")
    def _consistent(self) -> "SourcesFile":
        topics = [source.topic for source in self.sources]
        if twice := sorted({topic for topic in topics if topics.count(topic) > 1}):
            raise ValueError(f"listed twice: {', '.join(twice)}")
        if again := sorted(set(self.event_types) & set(BUILT_IN)):
            message = f"'event_types' redefines {', '.join(again)}, which Linger has already"
            raise InconsistentEntries(message, "event_types")
        known = {*BUILT_IN, *self.event_types}
        for source in self.sources:
            if unknown := sorted(set(source.types()) - known):
                raise InconsistentEntries(
                    f"source '{source.topic}' gives {', '.join(unknown)}, which 'event_types' does not declare; "
                    f"known are {', '.join(sorted(known))}",
                    "event_types",
                )
        return self

    def signs_of_life(self) -> frozenset[str]:
        """Return the event types that show that a customer is back."""
        return SIGNS_OF_LIFE | {name for name, declared in self.event_types.items() if declared.sign_of_life}
