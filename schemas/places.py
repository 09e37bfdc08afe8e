"""Places: where a source record has a value, and what is done to the value."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from schemas.events import Currency
from schemas.expressions import Search
from schemas.refusals import InconsistentEntries, WrongFormat

_KEY: Final = r'(?:"(?:[^"\\]|\\["\\])*"|[^.\[\]\s"][^.\[\]\s]*)(?:\[-?[0-9]{1,4}\])*'
PATH_PATTERN: Final = rf"^{_KEY}(?:\.{_KEY})*$"

Path = Annotated[str, Field(pattern=PATH_PATTERN, max_length=300)]
Plain = str | int | float | bool | None


class Strict(BaseModel):
    """A mapping that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"'{name}' is not a time zone; write for example 'Europe/Berlin' or 'UTC'"
        raise WrongFormat(message, "time zone") from None
    return name


_PLACES: Final = ("path", "header", "key", "topic", "position", "constant", "timestamp", "find", "join", "whole")


class Place(Strict):
    """Where to find a value, by exactly one of its first ten keys, and what is done to it."""

    path: Path | None = Field(
        default=None, description="In the JSON body.", examples=["customer.id", "lines[0].sku", 'traits."Order ID"']
    )
    header: str | None = Field(
        default=None, description="In the Kafka header with this name, in small letters or capitals."
    )
    key: Literal[True] | None = Field(default=None, description="The record's Kafka key, as text.")
    topic: Literal[True] | None = Field(default=None, description="The name of the topic.")
    position: Literal[True] | None = Field(
        default=None,
        description="`topic:partition:offset`, for sources whose events have no id.",
    )
    constant: Plain = Field(default=None, description="Always this value.")
    timestamp: Literal[True] | None = Field(
        default=None, description="Kafka's own timestamp of the record; elsewhere than in a time, milliseconds."
    )
    find: Search | None = Field(
        default=None,
        description="What this JMESPath expression finds in the JSON body.",
        examples=["meta_data[?key=='consent'].value | [0]"],
    )
    join: "Annotated[list[Where], Field(min_length=2, max_length=16)] | None" = Field(
        default=None, description="The texts at these places with ':' between; nothing if one of them is missing."
    )
    whole: Path | None = Field(
        default=None, description="A path in the whole record, from which `unwrap: each` took an item."
    )
    nothing: Annotated[list[Plain], Field(min_length=1, max_length=64)] = Field(
        default_factory=list,
        description="Values that mean that there is none. A number is also meant when it is a text there; a text "
        "that ends in * stands for every text that begins so.",
        examples=[[0, "$RCAnonymousID:*"]],
    )
    lower: Literal[True] | None = Field(default=None, description="In small letters, without blanks around it.")
    hashed: Literal[True] | None = Field(
        default=None, description="Replaced by its HMAC-SHA256 with the key LINGER_ID_KEY: 32 characters."
    )
    words: Annotated[dict[str, Plain], Field(min_length=1, max_length=1000)] | None = Field(
        default=None,
        description="What values are called here, by what they are called there; others stay as they are.",
        examples=[{"3": "canceled"}],
    )

    @model_validator(mode="after")
    def _one_place(self) -> "Place":
        named = [name for name in _PLACES if name in self.model_fields_set]
        if len(named) != 1:
            found = ", ".join(named) or "none"
            raise ValueError(f"needs exactly one of {', '.join(_PLACES)}; found {found}")
        return self

    @property
    def is_constant(self) -> bool:
        """Whether the value is written in the file."""
        return "constant" in self.model_fields_set

    @property
    def is_of_the_record(self) -> bool:
        """Whether every item of a record has the same value here."""
        if self.join is not None:
            return all(place.is_of_the_record for part in self.join for place in places_of(part))
        return self.path is None and self.find is None and not self.position

    def with_parts(self) -> "Iterator[Place]":
        """Yield this place, and those that it joins."""
        yield self
        for part in self.join or ():
            for place in places_of(part):
                yield from place.with_parts()


def _as_place(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


def _is_list(value: Any) -> str:
    return "first of" if isinstance(value, list | tuple) else "place"


def _all_reached(places: list[Any]) -> list[Any]:
    for number, place in enumerate(places[:-1], 1):
        if place.is_constant or place.topic or place.position:
            raise ValueError(f"place {number} always holds something, so those after it are never reached")
    return places


Where = Annotated[
    Annotated[Place, BeforeValidator(_as_place, json_schema_input_type=Path | Place), Tag("place")]
    | Annotated[
        list[Annotated[Place, BeforeValidator(_as_place, json_schema_input_type=Path | Place)]],
        Field(min_length=1, max_length=16, description="The first of these places that holds something."),
        AfterValidator(_all_reached),
        Tag("first of"),
    ],
    Discriminator(_is_list),
]
"""A place, or a list: its first place that holds something counts."""

AnyPlace = TypeVar("AnyPlace", bound=Place)


def places_of(where: AnyPlace | list[AnyPlace]) -> tuple[AnyPlace, ...]:
    """Return the places of a field, in the order in which they are looked at."""
    return tuple(where) if isinstance(where, list) else (where,)


Place.model_rebuild()


# --- times ------------------------------------------------------------------------------------------------------

_LETTERS: Final = re.compile(r"%(.)", re.DOTALL)
TIME_WORDS: Final = ("iso", "seconds", "milliseconds", "microseconds", "nanoseconds", "days")


def _time_format(written: str) -> str:
    if written in TIME_WORDS:
        return written
    if "%" not in written:
        words = ", ".join(f"'{word}'" for word in TIME_WORDS)
        raise WrongFormat(f"'{written}' is none of {words}, and no format such as '%d/%m/%Y'", "time format")
    if "%Z" in written:
        raise ValueError("'%Z' reads names of zones that say no offset; write '%z', or the name as it is and 'zone'")
    lacks = ValueError(f"'{written}' lacks the year, the month or the day")
    letters = {*_LETTERS.findall(written)}
    if "d" in letters and not letters & {*"YyGcx"}:
        raise lacks  # later versions of Python do not read it
    sample = datetime(2000, 12, 31, 23, 59, 58, tzinfo=UTC)
    try:
        read = datetime.strptime(sample.strftime(written), written)
    except ValueError as error:
        raise ValueError(f"'{written}' is no format of times: {error}") from None
    if read.date() != sample.date():
        raise lacks
    return written


class When(Place):
    """Where to find a time, and its format."""

    format: Annotated[str, Field(max_length=100), AfterValidator(_time_format)] = Field(
        default="iso",
        description="iso: ISO 8601 text; seconds, milliseconds, microseconds, nanoseconds, days: since 1970, as a "
        "number or text; or the format of a text in the letters of strptime.",
        examples=[*TIME_WORDS, "%d/%m/%Y %H:%M"],
    )
    zone: Annotated[str, AfterValidator(_zone)] | None = Field(
        default=None,
        description="The zone of texts that have none, and of days.",
        examples=["Europe/Berlin"],
    )

    @model_validator(mode="after")
    def _readable(self) -> "When":
        if self.timestamp:
            written = [key for key in ("format", "zone") if key in self.model_fields_set]
            if written:
                message = f"'{written[0]}' is not for Kafka's own timestamp, which has one format only"
                raise InconsistentEntries(message, *written)
        if "%" in self.format and "%z" not in self.format and self.zone is None:
            message = f"a text of the format '{self.format}' has no zone; write for example 'zone: Europe/Berlin'"
            raise InconsistentEntries(message, "format")
        return self


WhenField = Annotated[
    Annotated[When, BeforeValidator(_as_place, json_schema_input_type=Path | When), Tag("place")]
    | Annotated[
        list[Annotated[When, BeforeValidator(_as_place, json_schema_input_type=Path | When)]],
        Field(min_length=1, max_length=16, description="The first of these places that holds something."),
        AfterValidator(_all_reached),
        Tag("first of"),
    ],
    Discriminator(_is_list),
]


# --- money ------------------------------------------------------------------------------------------------------

Decimals = Annotated[int, Field(ge=0, le=12, strict=True)]


def _decimals_kind(value: Any) -> str:
    if isinstance(value, dict):
        return "table"
    return "path" if isinstance(value, str) else "number"


class Money(Place):
    """Where to find an amount, and its unit."""

    unit: Literal["minor", "major"] | None = Field(
        default=None,
        description="minor: cents and the like, a hundred of which are one in most currencies (ISO 4217 says in "
        "which); major, the default: the currency itself.",
    )
    decimals: (
        Annotated[
            Annotated[Decimals, Tag("number")]
            | Annotated[Path, Tag("path")]
            | Annotated[dict[Currency, Decimals], Field(min_length=1, max_length=200), Tag("table")],
            Discriminator(_decimals_kind),
        ]
        | None
    ) = Field(
        default=None,
        description="Digits of a minor amount after the point: a number, the path to one, or a table of "
        "the currencies for which the system differs from ISO 4217. By default as ISO 4217 says.",
        examples=[2, "data.fractionDigits"],
    )

    @model_validator(mode="after")
    def _minor(self) -> "Money":
        if self.unit == "major" and self.decimals is not None:
            raise InconsistentEntries("'decimals' is for amounts in minor units; write 'unit: minor'", "decimals")
        return self

    @property
    def is_minor(self) -> bool:
        """Whether the amount is in minor units."""
        return self.unit == "minor" or self.decimals is not None


MoneyField = Annotated[
    Annotated[Money, BeforeValidator(_as_place, json_schema_input_type=Path | Money), Tag("place")]
    | Annotated[
        list[Annotated[Money, BeforeValidator(_as_place, json_schema_input_type=Path | Money)]],
        Field(min_length=1, max_length=16, description="The first of these places that holds something."),
        AfterValidator(_all_reached),
        Tag("first of"),
    ],
    Discriminator(_is_list),
]


# --- the fields of an event -------------------------------------------------------------------------------------


def _distinguishing(where: Place | list[Place]) -> Place | list[Place]:
    for place in places_of(where):
        parts = list(place.with_parts())
        if all(part.join is not None or part.topic or part.is_constant for part in parts):
            same = "topic" if parts[-1].topic else "constant"
            raise ValueError(
                f"a {same} is the same for every record, so every event after the first would be dropped as a "
                "duplicate; write 'position: true' for records that have no id of their own"
            )
        if place.timestamp:
            raise ValueError(
                "records can have the same timestamp, and all but one of them would be dropped as duplicates; write "
                "'position: true' for records that have no id of their own"
            )
    return where


def _somebody(where: Place | list[Place]) -> Place | list[Place]:
    if isinstance(where, list) and any(place.is_constant or place.topic for place in where):
        raise ValueError(
            "a constant would make one customer of all who have no other id; leave it out, and give the condition "
            "'given: true' in 'only_when' if such records are to be skipped"
        )
    return where


class Fields(Strict):
    """Where to find the fields of the canonical event."""

    event_id: Annotated[Where, AfterValidator(_distinguishing)] | None = None
    customer_id: Annotated[Where, AfterValidator(_somebody)] | None = None
    occurred_at: WhenField | None = None
    amount: MoneyField | None = None
    currency: Where | None = None
    order_id: Where | None = None
    what: Where | None = None
    reason: Where | None = None
    effective_at: WhenField | None = None

    def given(self) -> set[str]:
        """Return the fields that have a place."""
        return {name for name in self.model_fields_set if getattr(self, name) is not None}

    def over(self, shared: "Fields | None") -> "Fields":
        """Return these fields, and those of `shared` that are not among them; one that is null here has no place."""
        if shared is None:
            return self
        written = {name: getattr(part, name) for part in (shared, self) for name in part.model_fields_set}
        return Fields.model_construct(_fields_set=set(written), **written)

    def places(self) -> Iterator[Place]:
        """Yield every place, also those inside others."""
        for name in sorted(self.given()):
            for place in places_of(getattr(self, name)):
                yield from place.with_parts()
