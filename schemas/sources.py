"""`sources.yaml`: the source topics that Linger reads, and where their records have the fields of an event."""

import re
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from schemas.actions import ACTION_PATTERN, BUILT_IN_ACTIONS
from schemas.attribute_types import BUILT_IN_TYPES, AttributeType, Declared, DeclaredAttribute
from schemas.conditions import Reference
from schemas.durations import Duration, parse_duration, write_duration
from schemas.events import BUILT_IN, SIGNS_OF_LIFE, TYPE_PATTERN
from schemas.expressions import Pattern, compiled_pattern
from schemas.places import Fields, Path, Place, Strict, Where, places_of
from schemas.refusals import InconsistentEntries, WrongFormat, not_in_format
from schemas.source_conditions import OnlyWhen

TOPIC_PATTERN: Final = r"^[A-Za-z0-9._-]{1,249}$"
CASE_PATTERN: Final = r"^[a-z][a-z0-9 _-]{0,63}$"
PACK_PATTERN: Final = r"^[a-z][a-z0-9-]{0,63}$"
REASON_PATTERN: Final = r"^[a-z][a-z0-9_]{0,63}$"

TopicName = Annotated[str, Field(pattern=TOPIC_PATTERN)]
TypeName = Annotated[str, Field(pattern=TYPE_PATTERN)]
CaseName = Annotated[str, Field(pattern=CASE_PATTERN)]

NO_CASE: Final = "no case"
ONLY_WHEN: Final = "only_when"
TOMBSTONE: Final = "tombstone"
"""What a record becomes that is no event; no case can be called so."""

_FIELDS_OF: Final[dict[str, tuple[set[str], set[str]]]] = {
    "purchase": ({"amount", "currency"}, {"order_id"}),
    "login": (set(), set()),
    "cancellation": (set(), {"what", "reason", "effective_at"}),
}
_COMMON: Final = ("event_id", "customer_id", "occurred_at")
_MONEY: Final = {"amount", "currency"}


_YEARS: Final = re.compile(r"(\d{1,2})\s+[Yy]ears?")
_DAYS_OF_YEAR: Final = 365
_SHORTEST_MEMORY: Final = timedelta(days=30)
_LONGEST_MEMORY: Final = timedelta(days=10 * _DAYS_OF_YEAR)

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


UNWRAP_WORDS: Final = ("cloudevents", "debezium", "base64", "each")


def _as_step(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value not in UNWRAP_WORDS:
        words = ", ".join(f"'{word}'" for word in UNWRAP_WORDS)
        raise WrongFormat(f"'{value}' is none of {words}", "unwrap")
    return {value: True}


class Unwrap(Strict):
    """What is done to a record before anything is looked for: exactly one of these."""

    cloudevents: Literal[True] | None = Field(
        default=None, description="A CloudEvent, structured or binary: its attributes at the top, its body in `data`."
    )
    debezium: Literal[True] | None = Field(
        default=None,
        description="A change event of Debezium, with or without its schema. Deletes, truncates and messages are "
        "skipped; rows of a snapshot are history.",
    )
    base64: Literal[True] | Path | None = Field(
        default=None, description="JSON in Base64: the whole value, or the text at this path."
    )
    each: Literal[True] | Path | None = Field(
        default=None,
        description="One event for each entry of a list: the whole value, or the list at this path.",
    )

    @model_validator(mode="after")
    def _one_step(self) -> "Unwrap":
        named = [name for name in UNWRAP_WORDS if name in self.model_fields_set]
        if len(named) != 1:
            raise ValueError(f"needs exactly one of {', '.join(UNWRAP_WORDS)}; found {', '.join(named) or 'none'}")
        return self

    @property
    def kind(self) -> Literal["cloudevents", "debezium", "base64", "each"]:
        """Which of the four it is."""
        if self.cloudevents:
            return "cloudevents"
        if self.debezium:
            return "debezium"
        return "base64" if self.base64 is not None else "each"

    @property
    def path(self) -> str | None:
        """The path at which it is done; None for the whole value."""
        at = self.base64 if self.base64 is not None else self.each
        return at if isinstance(at, str) else None


_Word = Literal["cloudevents", "debezium", "base64", "each"]
_Step = Annotated[Unwrap, BeforeValidator(_as_step, json_schema_input_type=_Word | Unwrap)]


def _as_steps(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


Unwraps = Annotated[
    list[_Step],
    Field(max_length=8),
    BeforeValidator(_as_steps, json_schema_input_type=_Word | Unwrap | list[_Word | Unwrap]),
]


class TopicsByPattern(Strict):
    """The topics whose whole names match a pattern."""

    pattern: Pattern = Field(description="A pattern of RE2 for the whole name.", examples=[r"^shop\..*\.orders$"])


def _or_null(schema: dict[str, Any]) -> None:
    """Let editors accept `null`, by which a source takes away what its pack has."""
    schema["additionalProperties"] = {"anyOf": [schema["additionalProperties"], {"type": "null"}]}


Attributes = Annotated[dict[str, Where], Field(max_length=64, json_schema_extra=_or_null)]


class Case(Strict):
    """One kind of record of a source, and its outcome: exactly one of an event, nothing, or a dead letter."""

    event: TypeName = Field(default="", description="The event type of these records.")
    skip: CaseName | None = Field(
        default=None,
        description="Instead of `event`: these records are nobody's activity. They are counted under this name.",
        examples=["test orders"],
    )
    refuse: Annotated[str, Field(pattern=REASON_PATTERN)] | None = Field(
        default=None,
        description="Instead of `event`: these records become dead letters with this reason.",
        examples=["payload_not_included"],
    )
    name: CaseName | None = Field(
        default=None,
        description="What metrics and tools call the case; by default the event type, or the reason. In a source "
        "with a pack, the name of the pack's case that this one changes.",
    )
    only_when: OnlyWhen = Field(default_factory=dict, description="Which records these are; by default all.")
    fields: Fields = Field(default_factory=Fields, description="Goes before what the source says.")
    attributes: Attributes = Field(default_factory=dict, description="Goes before what the source says.")
    max_silence: Duration | None = Field(
        default=None,
        description="If the source brings no event of this type for longer, the type counts as silent, while the "
        "source goes on with others.",
    )

    @model_validator(mode="after")
    def _one_outcome(self) -> "Case":
        written = [key for key in ("event", "skip", "refuse") if key in self.model_fields_set]
        if len(written) != 1:
            found = ", ".join(written) or "none"
            raise InconsistentEntries(f"needs exactly one of event, skip, refuse; found {found}", *written[1:])
        if self.event:
            return self
        if self.skip is not None and self.name is not None:
            raise InconsistentEntries("'skip' is the name already", "name")
        if extra := [key for key in ("fields", "attributes", "max_silence") if key in self.model_fields_set]:
            raise InconsistentEntries(f"'{extra[0]}' is for cases with an event", extra[0])
        return self

    def label(self) -> str:
        """Return what metrics and tools call the case, once `Source.cases` has named it."""
        return self.name or self.skip or self.refuse or self.event

    def places(self) -> Iterator[Place]:
        """Yield every place, also those inside others."""
        yield from self.fields.places()
        for where in self.attributes.values():
            for place in places_of(where):
                yield from place.with_parts()


class Source(Strict):
    """One source topic, or the topics whose names match a pattern."""

    one_topic: TopicName | None = Field(
        default=None,
        alias="topic",
        description="The Kafka topic to read. Linger's own activity topic represents producers that write canonical "
        "events directly to it: intake does not read it, but Linger still notices when they are silent.",
        examples=["shop.orders"],
    )
    topics: TopicsByPattern | None = Field(
        default=None, description="Instead of `topic`: all topics whose names match, also those that appear later."
    )
    pack: Annotated[str, Field(pattern=PACK_PATTERN)] | None = Field(
        default=None,
        description="The system that writes the topic, one that Linger knows; what is written here goes before.",
        examples=["stripe"],
    )
    format: Literal["json", "canonical", "avro", "json-schema", "snowplow-tsv"] = Field(
        default="json",
        description="canonical: the values are already Linger events, and need no `fields`. avro, json-schema: in "
        "Confluent's wire format, with a schema registry. snowplow-tsv: Snowplow's enriched events.",
    )
    unwrap: Unwraps = Field(
        default_factory=list,
        description="What is done to a record before anything is looked for; a list is done in its order.",
        examples=["cloudevents", {"each": "batch"}],
    )
    without: Annotated[list[CaseName], Field(max_length=64)] = Field(
        default_factory=list, description="Cases of the pack that are left out.", examples=[["anonymous visitors"]]
    )
    event: TypeName | None = Field(default=None, description="The event type of the records.")
    events: Annotated[list[TypeName], Field(max_length=64)] = Field(
        default_factory=list, description="For canonical topics: the event types of the records."
    )
    one_of: Annotated[list[Case], Field(min_length=1, max_length=64)] | None = Field(
        default=None,
        description="Instead of `event`: the kinds of records; the first whose `only_when` matches counts.",
    )
    only_when: OnlyWhen = Field(
        default_factory=dict,
        description="Records with other values are skipped and counted, not dead-lettered. Keys are paths, "
        "`header NAME`, `key`, `topic` and `find`; all must hold.",
        examples=[{"result": "ok"}, {"status": ["paid", "fulfilled"]}, {"amount": {"more than": 0}}],
    )
    fields: Fields | None = Field(default=None, description="Where the payload has the event's fields.")
    attributes: Attributes = Field(default_factory=dict, description="More flat values that rules can filter by.")
    history_before: Annotated[datetime, BeforeValidator(_since, json_schema_input_type=_Day)] | None = Field(
        default=None,
        description="Events from before this day build what Linger knows of customers, and no rule acts on them.",
    )
    own_max_silence: Duration | None = Field(
        default=None,
        alias="max_silence",
        description="If nothing that the source sends becomes an event for longer, the source counts as broken, and "
        "the rules that need it wait. Choose a time well above its longest quiet time, at night and on holidays. It "
        "may be left out if every case has one; the longest of them counts then.",
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

    # --- what is written, in one form ---

    @property
    def name(self) -> str:
        """What metrics and messages call the source: its topic, or its pattern between slashes.

        No topic of Kafka can have a slash in its name.
        """
        return self.one_topic if self.one_topic is not None else f"/{self.pattern}/"

    @property
    def topic(self) -> str:
        """The topic; for a source with a pattern its `name`. `SourcesFile.expanded` leaves no such source."""
        return self.name

    @property
    def pattern(self) -> str | None:
        """The pattern of the topics' names, None for a single topic."""
        return None if self.topics is None else self.topics.pattern

    @property
    def max_silence(self) -> timedelta:
        """How long the source may bring no event."""
        if self.own_max_silence is not None:
            return self.own_max_silence
        return max(case.max_silence for case in self.one_of or () if case.max_silence is not None)

    def silence_of(self, event_type: str) -> timedelta | None:
        """Return how long the source may bring no event of a type, if that is a limit of its own.

        The shortest counts if several cases of the type have one.
        """
        of_cases = [case.max_silence for case in self.one_of or () if case.event == event_type and case.max_silence]
        return self.type_max_silence.get(event_type) or min(of_cases, default=None)

    def types(self) -> tuple[str, ...]:
        """Return the event types of this source."""
        if self.one_of is not None:
            return tuple(dict.fromkeys(case.event for case in self.one_of if case.event))
        return tuple(self.events) if self.event is None else (self.event,)

    def cases(self) -> tuple[Case, ...]:
        """Return the kinds of records that become events, as `every_case` does."""
        return tuple(case for case in self.every_case() if case.event)

    def every_case(self) -> tuple[Case, ...]:
        """Return the kinds of records, each named, and with the fields and attributes that all share.

        A source with `event` has one. A canonical source has none. What `only_when` of the source says is not
        repeated in the cases.
        """
        if self.one_of is None:
            if self.event is None:
                return ()
            fields = self.fields if self.fields is not None else Fields()
            return (Case(event=self.event, name=self.event, fields=fields, attributes=self.attributes),)
        found: list[Case] = []
        taken = {case.name for case in self.one_of}
        for case in self.one_of:
            name, number = case.label(), 1
            while case.name is None and name in taken:
                number += 1
                name = f"{case.label()} {number}"
            taken.add(name)
            merged = {
                "name": name,
                "fields": case.fields.over(self.fields),
                "attributes": {**self.attributes, **case.attributes},
            }
            found.append(case.model_copy(update=merged if case.event else {"name": name}))
        return tuple(found)

    def is_topic_of(self, topic: str) -> bool:
        """Return whether the source reads a topic."""
        if self.pattern is None:
            return topic == self.one_topic
        return compiled_pattern(self.pattern).fullmatch(topic) is not None

    def of_topic(self, topic: str) -> "Source":
        """Return the source that reads one of the topics of a pattern."""
        return self.model_copy(update={"one_topic": topic, "topics": None})

    def has_many(self) -> bool:
        """Return whether one record can become several events: by `each`, or as a batch of CloudEvents."""
        return any(step.kind in ("each", "cloudevents") for step in self.unwrap)

    def hashes(self) -> bool:
        """Return whether a value is to be hashed."""
        return any(place.hashed for case in self.cases() for place in case.places())

    # --- whether it fits together ---

    @model_validator(mode="after")
    def _one_of_two(self) -> "Source":
        if (self.one_topic is None) == (self.topics is None):
            found = "both" if self.topics is not None else "neither"
            raise InconsistentEntries(f"needs either 'topic' or 'topics', found {found}", "topics", "topic")
        return self

    @model_validator(mode="after")
    def _consistent(self) -> "Source":
        if self.format == "canonical":
            self._check_canonical()
        else:
            self._check_mapped()
        return self

    @model_validator(mode="after")
    def _limits_of_its_types(self) -> "Source":
        if other := sorted(set(self.type_max_silence) - set(self.types())):
            message = f"'type_max_silence' names {', '.join(other)}, which this source does not bring"
            raise InconsistentEntries(message, "type_max_silence")
        for number, case in enumerate(self.one_of or ()):
            if case.max_silence is not None and case.event in self.type_max_silence:
                message = f"'type_max_silence' names {case.event} too: keep one of the two"
                raise InconsistentEntries(message, "max_silence", under=("one_of", number))
        if self.own_max_silence is None:
            if self.one_of is None:
                message = "'max_silence' is missing; write for example 'max_silence: 3 days'"
                raise InconsistentEntries(message, "topic", "topics")
            if lacking := [case.event for case in self.one_of if case.event and case.max_silence is None]:
                message = f"'max_silence' is missing: at the source, or at the case of {lacking[0]}"
                raise InconsistentEntries(message, "topic", "topics")
        return self

    def _check_canonical(self) -> None:
        if self.fields is not None or self.attributes or self.event is not None or self.one_of is not None:
            message = "a canonical source has 'events', but no 'event', 'one_of', 'fields' or 'attributes'"
            keys = ("events",) if self.events else ("event", "one_of", "fields", "attributes")
            raise InconsistentEntries(message, *keys)
        if self.unwrap:
            message = "'unwrap' is for other payloads: a canonical record is one event as it is"
            raise InconsistentEntries(message, "unwrap")
        if not self.events:
            raise InconsistentEntries("a canonical source needs 'events': the event types of its records", "events")

    def _check_mapped(self) -> None:
        if self.without:
            raise InconsistentEntries("'without' leaves out cases of a pack, and there is no 'pack'", "without")
        if self.events:
            raise InconsistentEntries("'events' is for canonical sources; write 'event'", "events")
        if self.event is not None and self.one_of is not None:
            raise InconsistentEntries("'event' and 'one_of' cannot be combined: keep one", "event")
        if self.one_of is None:
            if self.event is None or self.fields is None:
                raise InconsistentEntries("needs 'event' and 'fields'", "event", "fields")
            _check_fields(self.cases()[0], self.fields, ())
        else:
            self._check_cases(self.one_of)
        self._check_topic()
        if any(step.kind == "each" for step in self.unwrap):
            self._check_ids_of_items()
        else:
            _check_no_whole(self)

    def _check_topic(self) -> None:
        """Refuse a condition on the topic that this topic does not meet: the body's field `topic` is meant."""
        cases = enumerate(self.one_of or ())
        for under, conditions in (
            ((), self.only_when),
            *((("one_of", number), case.only_when) for number, case in cases),
        ):
            wanted = conditions.get("topic")
            if self.one_topic is None or not isinstance(wanted, str | list):
                continue
            if self.one_topic in (wanted if isinstance(wanted, list) else [wanted]):
                continue
            message = (
                f"'topic' is the name of the topic, which is '{self.one_topic}'; for a field of the body with that "
                "name, write '\"topic\"' with both kinds of quotation marks"
            )
            raise InconsistentEntries(message, "topic", under=(*under, "only_when"))

    def _check_cases(self, written: list[Case]) -> None:
        names = [case.name for case in written if case.name is not None]
        if not self.types():
            raise InconsistentEntries("no case has an event, so the source brings nothing", "one_of")
        for number, (case, own) in enumerate(zip(self.every_case(), written, strict=True)):
            under = ("one_of", number)
            if case.name in (NO_CASE, TOMBSTONE, ONLY_WHEN):
                message = f"'{case.name}' is what records are counted as that become no event"
                raise InconsistentEntries(message, "name", under=under, is_value=True)
            if own.name is not None and names.count(own.name) > 1:
                message = f"two cases are called '{own.name}'"
                raise InconsistentEntries(message, "name", under=under, is_value=True)
            if not own.only_when and number < len(written) - 1:
                message = "this case has no 'only_when', so it takes every record, and those below it none"
                raise InconsistentEntries(message, "event", "skip", "refuse", under=under)
            if not case.event:
                continue
            if not case.fields.given():
                raise InconsistentEntries("needs 'fields'", "fields", "event", under=under)
            _check_fields(case, own.fields, under)

    def _check_ids_of_items(self) -> None:
        for number, case in enumerate(self.cases()):
            where = case.fields.event_id
            if where is not None and all(place.is_of_the_record for place in places_of(where)):
                message = (
                    "every item of a record would have the same event_id, and all but a customer's first would be "
                    "dropped as duplicates; join it with a field of the item, or with {position: true}"
                )
                under: tuple[str | int, ...] = () if self.one_of is None else ("one_of", number)
                raise InconsistentEntries(message, "fields", "event", under=under)


def _check_no_whole(source: Source) -> None:
    """Check that places in a whole record are only written where records have items."""
    for case in source.cases():
        for place in case.places():
            if place.whole is not None:
                message = f"'whole: {place.whole}' is for items of 'unwrap: each'; here, write 'path'"
                raise InconsistentEntries(message, "fields", "attributes", "one_of")


def _check_fields(case: Case, own: Fields, under: tuple[str | int, ...]) -> None:
    """Check that a case has the fields of its type, and no others."""
    keys = ("fields", "event") if under else ("fields",)
    given = case.fields.given()
    if missing := [name for name in _COMMON if name not in given]:
        words = ", ".join(f"'{name}'" for name in missing)
        message = f"{words} {'is' if len(missing) == 1 else 'are'} missing under 'fields'"
        raise InconsistentEntries(message, *keys, under=under)
    required, optional = _FIELDS_OF.get(case.event, (set(), _MONEY))
    if lacking := required - given:
        message = f"a {case.event} also needs the fields {', '.join(sorted(lacking))}"
        raise InconsistentEntries(message, *keys, under=under)
    if extra := given - {*_COMMON} - required - optional:
        message = f"a {case.event} has no {', '.join(sorted(extra))}; use 'attributes' for other values"
        # The one that is written here, if it is; else it is one that all cases share.
        at = sorted(extra & own.given())
        raise InconsistentEntries(message, *(at or keys), under=(*under, "fields") if at else under)
    if len(money := given & _MONEY) == 1:
        (one,), (other,) = money, _MONEY - money
        message = f"'{one}' needs '{other}' beside it"
        raise InconsistentEntries(message, one, *keys, under=(*under, "fields") if one in own.given() else under)
    if case.event not in BUILT_IN and (twice := sorted(money & set(case.attributes))):
        message = f"'{twice[0]}' is under 'fields' already"
        raise InconsistentEntries(message, "attributes", *keys, under=under)


def _as_forget_after(value: Any) -> timedelta:
    years = _YEARS.fullmatch(value.strip()) if isinstance(value, str) else None
    duration = timedelta(days=_DAYS_OF_YEAR * int(years[1])) if years else None
    if duration is None:
        duration = parse_duration(value)
    if duration < _SHORTEST_MEMORY:
        raise ValueError(f"'{value}' is too short: a customer is known for at least 30 days after a sign of life")
    if duration > _LONGEST_MEMORY:
        raise ValueError(f"'{value}' is longer than ten years")
    return duration


ForgetAfter = Annotated[
    timedelta,
    BeforeValidator(_as_forget_after),
    PlainSerializer(write_duration, return_type=str),
    WithJsonSchema(
        {"type": "string", "pattern": r"^\d{1,6}\s+([Ss]econd|[Mm]inute|[Hh]our|[Dd]ay|[Ww]eek|[Yy]ear)s?$"}
    ),
]
"""A duration, also in years of 365 days: the months in which customers are forgotten are not exact anyway."""


class DeclaredType(Strict):
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


class DeclaredAction(Strict):
    """An action of your own; its records go to the topic that has its name after the prefix."""

    about: Annotated[str, Field(max_length=500)] | None = Field(
        default=None, description="What is done with it, for colleagues.", examples=["Offer more to who is content."]
    )


NO_ACTIONS: Final = frozenset(
    {
        "activity",
        "audit",
        "book",
        "dead-letter",
        "decisions",
        "marks",
        "pauses",
        "requests",
        "stages",
    }
)
"""What no action can be called: topics of Linger have these names."""


class SourcesFile(Strict):
    """The content of `sources.yaml`."""

    actions: Annotated[dict[Annotated[str, Field(pattern=ACTION_PATTERN)], DeclaredAction], Field(max_length=32)] = (
        Field(
            default_factory=dict,
            description="Your own actions beside at-risk and win-back, each with a topic of its own: after a change, "
            "run `linger topics create`.",
            examples=[{"grow": {"about": "Offer more to who is content."}, "thank-you": {}}],
        )
    )
    event_types: dict[TypeName, DeclaredType] = Field(
        default_factory=dict, description="Your own event types.", examples=[{"complaint": {"description": "…"}}]
    )
    attribute_types: Annotated[dict[Reference, Declared], Field(max_length=1000)] = Field(
        default_factory=dict,
        description="As what the value of an attribute counts, however it is written, and whether it is personal; by "
        "event type and attribute, with a dot between. It applies wherever such an event enters.",
        examples=[{"nps.score": "number", "profile.newsletter": "true/false", "profile.email": {"personal": True}}],
    )
    forget_after: ForgetAfter | None = Field(
        default=None,
        alias="forget after",
        description="How long after the last sign of life a customer is forgotten, at the next start of a month in "
        "UTC; at least 30 days. Signs of life are a purchase, a login, a reactivation, and the types that have 'sign "
        "of life: true'. Without it, no customer is forgotten.",
        examples=["3 years", "400 days"],
    )
    sources: Annotated[list[Source], Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _own_actions(self) -> "SourcesFile":
        if again := sorted(set(self.actions) & set(BUILT_IN_ACTIONS)):
            raise InconsistentEntries(f"'actions' declares {', '.join(again)}, which Linger has already", "actions")
        if taken := sorted(set(self.actions) & NO_ACTIONS):
            message = f"no action can be called {', '.join(taken)}: it is a topic of Linger"
            raise InconsistentEntries(message, "actions")
        return self

    @model_validator(mode="after")
    def _typed(self) -> "SourcesFile":
        for reference, declared in self.attribute_types.items():
            kind = declared.type if isinstance(declared, DeclaredAttribute) else declared
            if (problem := self._misdeclared(reference, kind)) is not None:
                raise InconsistentEntries(f"'attribute_types' names {reference}, but {problem}", "attribute_types")
        return self

    def _misdeclared(self, reference: str, kind: AttributeType | None) -> str | None:
        """Return why an attribute cannot be declared, or not with this type; None if it can."""
        event_type, _, attribute = reference.partition(".")
        known = {*BUILT_IN, *self.event_types}
        if event_type not in known:
            return f"there is no event type '{event_type}'; known are {', '.join(sorted(known))}"
        if reference in BUILT_IN_TYPES:
            own = BUILT_IN_TYPES[reference]
            return None if kind in (None, own) else f"it is Linger's own field, of the type {own}"
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
        cases = [case for source in mapped for case in source.cases() if case.event == event_type]
        return {name for case in cases for name in {*case.attributes, *(case.fields.given() & _MONEY)}}

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
                    f"source '{source.name}' gives {', '.join(unknown)}, which 'event_types' does not declare; "
                    f"known are {', '.join(sorted(known))}",
                    "event_types",
                )
        return self

    def types_of_attributes(self) -> dict[str, AttributeType]:
        """Return the declared types, by `type.attribute`."""
        types = {
            reference: declared.type if isinstance(declared, DeclaredAttribute) else declared
            for reference, declared in self.attribute_types.items()
        }
        return {reference: kind for reference, kind in types.items() if kind is not None}

    def personal(self) -> frozenset[str]:
        """Return the personal attributes, as `type.attribute`."""
        return frozenset(
            reference
            for reference, declared in self.attribute_types.items()
            if isinstance(declared, DeclaredAttribute) and declared.personal
        )

    def signs_of_life(self) -> frozenset[str]:
        """Return the event types that show that a customer is back."""
        return SIGNS_OF_LIFE | {name for name, declared in self.event_types.items() if declared.sign_of_life}

    def expanded(self, topics: Collection[str]) -> "SourcesFile":
        """Return the same with a source for each topic that a pattern matches, and without patterns.

        A topic that has a source of its own belongs to that one, any other to the first pattern that matches.

        Args:
            topics: the topics that exist.
        """
        if all(source.pattern is None for source in self.sources):
            return self
        taken = {source.topic for source in self.sources if source.pattern is None}
        sources: list[Source] = []
        for source in self.sources:
            if source.pattern is None:
                sources.append(source)
                continue
            of_pattern = sorted(topic for topic in topics if topic not in taken and source.is_topic_of(topic))
            taken.update(of_pattern)
            sources += [source.of_topic(topic) for topic in of_pattern]
        return self.model_copy(update={"sources": sources})

    def hashes(self) -> bool:
        """Return whether a value is to be hashed, for which `LINGER_ID_KEY` is needed."""
        return any(source.hashes() for source in self.sources)
