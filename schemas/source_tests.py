"""`*_test.yaml` beside `sources.yaml`: a given record, and the event that it is to become."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator, Discriminator, Field, Tag, model_validator

from schemas.places import Path, Plain, Strict
from schemas.refusals import InconsistentEntries
from schemas.sources import CASE_PATTERN, PACK_PATTERN, REASON_PATTERN, TopicName, TypeName

__all__ = [
    "ExpectedEvent",
    "ExpectedRefusal",
    "ExpectedSkip",
    "Expectation",
    "GivenRecord",
    "SourceTest",
    "SourceTestFile",
]

_Name = Annotated[str, Field(min_length=1, max_length=120)]
_Id = Annotated[
    str, BeforeValidator(lambda value: str(value) if type(value) is int else value, json_schema_input_type=str | int)
]
_Address = Annotated[str, Field(pattern=r"^https?://\S+$", max_length=500)]


class GivenRecord(Strict):
    """A record of a source topic: whole, or like another one with some changes."""

    like: _Name | None = Field(
        default=None, description="The name of a record under `records`, which this one changes."
    )
    value: Any = Field(
        default=None,
        description="The record's value: a JSON document, or a text for bytes that are none; null for a tombstone.",
    )
    file: Annotated[str, Field(pattern=r"^[\w][\w./ -]{0,200}$")] | None = Field(
        default=None, description="Instead of `value`: a file beside this one with the bytes of the value."
    )
    set: dict[Path, Any] = Field(
        default_factory=dict, description="By path, what the value has instead.", examples=[{"customer.id": None}]
    )
    remove: Annotated[list[Path], Field(max_length=64)] = Field(
        default_factory=list, description="Paths that the value does not have."
    )
    headers: dict[str, str | None] = Field(
        default_factory=dict, description="Kafka headers; null takes one away that the other record has."
    )
    key: str | None = Field(default=None, description="The Kafka key.")
    timestamp: AwareDatetime | None = Field(
        default=None, description="Kafka's timestamp; by default 2026-10-03T16:15:00Z."
    )
    documentation: _Address | None = Field(
        default=None, description="The address of the public page that shows such a record."
    )

    @model_validator(mode="after")
    def _one_value(self) -> "GivenRecord":
        given = [key for key in ("like", "value", "file") if key in self.model_fields_set]
        if len(given) != 1:
            found = ", ".join(given) or "none"
            raise InconsistentEntries(f"needs exactly one of like, value, file; found {found}", *given[1:])
        return self


class ExpectedEvent(Strict):
    """An event, with every field that it has: what is not written here must not be there."""

    type: TypeName = Field(description="The event type.")
    event_id: _Id
    customer_id: _Id
    occurred_at: AwareDatetime
    amount: Decimal | None = None
    currency: str | None = None
    order_id: _Id | None = None
    what: str | None = None
    reason: str | None = None
    effective_at: datetime | None = None
    attributes: dict[str, Plain] = Field(default_factory=dict)
    case: Annotated[str, Field(pattern=CASE_PATTERN)] | None = Field(
        default=None, description="The case that makes it; not checked without."
    )


class ExpectedSkip(Strict):
    """No event: the record is not known's activity."""

    skipped: Annotated[str, Field(max_length=64)] = Field(
        description="By what: a case that skips, only_when, no case, tombstone.", examples=["test orders", "no case"]
    )


class ExpectedRefusal(Strict):
    """A dead letter."""

    refused: Annotated[str, Field(pattern=REASON_PATTERN)] = Field(
        description="Its reason.", examples=["missing_field", "unresolved_customer"]
    )
    field: str | None = Field(default=None, description="The field that it is about; not checked without.")


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "skip" if "skipped" in value else "refusal" if "refused" in value else "event"
    if isinstance(value, ExpectedSkip):
        return "skip"
    return "refusal" if isinstance(value, ExpectedRefusal) else "event"


Expectation = Annotated[
    Annotated[ExpectedEvent, Tag("event")]
    | Annotated[ExpectedSkip, Tag("skip")]
    | Annotated[ExpectedRefusal, Tag("refusal")],
    Discriminator(_kind),
]


def _is_list(value: Any) -> str:
    return "each" if isinstance(value, list) else "one"


class SourceTest(Strict):
    """A record, and the event that it becomes or why there is none."""

    name: _Name = Field(description="What the sample shows, as a sentence.")
    topic: TopicName | None = Field(
        default=None, description="The topic of the record; by default that of the only source."
    )
    given: Annotated[
        Annotated[GivenRecord, Tag("record")] | Annotated[_Name, Tag("name")],
        Discriminator(lambda value: "name" if isinstance(value, str) else "record"),
    ] = Field(description="A record, or the name of one under `records`.")
    expect: Annotated[
        Annotated[Expectation, Tag("one")] | Annotated[list[Expectation], Field(max_length=100), Tag("each")],
        Discriminator(_is_list),
    ] = Field(
        description="The event, or why there is none; a list with one entry for each item, if `unwrap` gives several."
    )
    documentation: _Address | None = Field(
        default=None, description="The address of the public page that shows such a record."
    )


class SourceTestFile(Strict):
    """A file `*_test.yaml` beside `sources.yaml`; its `samples` distinguish it from the tests of rules."""

    pack: Annotated[str, Field(pattern=PACK_PATTERN)] | None = Field(
        default=None, description="Try the pack as it is shipped, instead of the file of sources."
    )
    sources: Annotated[str, Field(pattern=r"^[\w][\w./ -]{0,200}$")] = Field(
        default="sources.yaml", description="The file of sources, beside this one."
    )
    topic: TopicName | None = Field(default=None, description="The topic of all samples that name none.")
    records: Annotated[dict[str, GivenRecord], Field(max_length=200)] = Field(
        default_factory=dict, description="Records that samples name."
    )
    samples: Annotated[list[SourceTest], Field(min_length=1, max_length=500)]
