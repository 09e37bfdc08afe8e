"""Template variables: what goes into the message, as `purchase.amount` or as a measurement."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Final, get_args

from pydantic import BaseModel, Discriminator, Field, Tag

from schemas.conditions.elementary import Elementary, Way
from schemas.conditions.filters import Where
from schemas.conditions.words import Plain, Reference, TypeName, Window

MOST_VARIABLES: Final = 16


class Measurement(Elementary):
    """A value for the message: what is known of the customer when the rule asks for its action."""

    otherwise: Plain | None = Field(
        default=None, description="The value if it is not known. By default: null.", examples=["friend"]
    )


class _Filtered(Measurement):
    where: Where | None = None


class _Windowed(_Filtered):
    within: Window | None = Field(
        default=None, description="The last N days, including today. By default: ever.", examples=["365 days"]
    )


class OfLatestEvent(Measurement):
    """The attribute of the latest event of its type, also if that event has no such value."""

    naming: ClassVar = "latest_event"

    latest_event: Reference = Field(
        alias="latest event",
        description="Event type and attribute, with a dot between.",
        examples=["cancellation.reason"],
    )


class LastKnown(Measurement):
    """The attribute of the latest event that has a value for it."""

    naming: ClassVar = "last_known"
    also_written: ClassVar = {"last known": "latest known current latest_known attribute date"}

    last_known: Reference = Field(
        alias="last known",
        description="Event type and attribute, with a dot between.",
        examples=["profile.email"],
    )


class SumOf(_Windowed):
    """The sum of an attribute."""

    naming: ClassVar = "sum"
    compares: ClassVar[Way | None] = "sum"

    sum: Reference = Field(description="Event type and attribute, with a dot between.", examples=["purchase.amount"])


class CountOf(_Windowed):
    """How often something happened."""

    naming: ClassVar = "count"

    count: TypeName = Field(description="The event type to count.", examples=["purchase"])


class AverageOf(_Windowed):
    """The mean of an attribute over the events that have it, to four decimals."""

    naming: ClassVar = "average"
    compares: ClassVar[Way | None] = "mean"

    average: Reference = Field(
        description="Event type and attribute, with a dot between.", examples=["purchase.amount"]
    )


class DaysSince(_Filtered):
    """How many whole days ago something last happened."""

    naming: ClassVar = "days_since"
    also_written: ClassVar = {"days since": "days_ago days age how_long since time_since"}

    days_since: TypeName = Field(alias="days since", description="The event type.", examples=["purchase"])


class FirstDay(_Filtered):
    """The UTC day on which something first happened, such as `2025-01-31`."""

    naming: ClassVar = "first"

    first: TypeName = Field(description="The event type.", examples=["purchase"])


class LastDay(_Filtered):
    """The UTC day on which something last happened, such as `2025-01-31`."""

    naming: ClassVar = "last"

    last: TypeName = Field(description="The event type.", examples=["purchase"])


class MostSeen(_Windowed):
    """The value that the latest 32 events had most often; of several, the one that was seen last."""

    naming: ClassVar = "top"
    also_written: ClassVar = {"top": "most most_seen most_often most_frequent favourite favorite mode"}

    top: Reference = Field(
        description="Event type and attribute, with a dot between.", examples=["purchase.category"]
    )

    def told_apart(self) -> tuple[str, ...]:
        """Return the attribute."""
        return (self.top,)


_Written = (
    Annotated[Reference, Tag("attribute")]
    | Annotated[OfLatestEvent, Tag("latest event")]
    | Annotated[LastKnown, Tag("last known")]
    | Annotated[SumOf, Tag("sum")]
    | Annotated[CountOf, Tag("count")]
    | Annotated[AverageOf, Tag("average")]
    | Annotated[DaysSince, Tag("days since")]
    | Annotated[FirstDay, Tag("first")]
    | Annotated[LastDay, Tag("last")]
    | Annotated[MostSeen, Tag("top")]
)

MEASUREMENTS: Final[Mapping[str, type[Measurement]]] = {
    tag.tag: kind for kind, *_, tag in map(get_args, get_args(_Written)) if tag.tag != "attribute"
}
"""The measurements by the word that names each."""


def variable_kind(value: Any) -> str | None:
    """Return the kind of a variable: `attribute` for a text, otherwise the first key that names a measurement."""
    if isinstance(value, BaseModel):
        value = {name: content for name, content in value if content is not None}
    if not isinstance(value, Mapping):
        return "attribute" if isinstance(value, str) else None
    words = (str(key).replace("_", " ") for key in value)
    return next((word for word in words if word in MEASUREMENTS), None)


Variable = Annotated[
    _Written,
    Discriminator(
        variable_kind,
        custom_error_type="no_variable",
        custom_error_message=f"expected an attribute such as 'purchase.amount', or one of {', '.join(MEASUREMENTS)}",
    ),
]


def measurement_of(variable: Any) -> Measurement:
    """Return a variable as a measurement: an attribute alone is that of the latest event."""
    return OfLatestEvent(latest_event=variable) if isinstance(variable, str) else variable


def window_of(variable: Measurement) -> timedelta | None:
    """Return the window that a measurement covers; None without one."""
    window: timedelta | None = getattr(variable, "within", None)
    return window
