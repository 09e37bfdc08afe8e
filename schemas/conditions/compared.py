"""`distinct: login.contact, less than: 30% of latest subscription.seats, within: 30 days`.

Any condition that counts or measures, but with another measurement of the customer as its bound.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final, NamedTuple

from pydantic import BeforeValidator, Field, PlainSerializer, TypeAdapter, WithJsonSchema, model_validator

from schemas.conditions.elementary import Elementary
from schemas.conditions.filters import Where
from schemas.conditions.uses import AttributeUse
from schemas.conditions.words import REFERENCE_PATTERN, Reference, TypeName, Window
from schemas.durations import DURATION_SCHEMA, write_duration
from schemas.events import TYPE_PATTERN
from schemas.refusals import InconsistentEntries, not_in_format

MEASURES: Final = ("count", "sum", "average", "distinct", "days with", "latest")
"""What can be measured, by the words of conditions."""
_OF_EVENTS: Final = ("count", "days with")
_OF_NUMBERS: Final = ("sum", "average", "latest")

_WHOLE: Final = Decimal(100)
_MEASURES: Final = "|".join(MEASURES)
_SHARE: Final = r"\d{1,4}(?:\.\d{1,2})?"
_WRITTEN: Final = re.compile(
    rf"(?:({_SHARE})\s*%\s+of\s+)?({_MEASURES})\s+(?:of\s+)?(\S+)(?:\s+within\s+(.+))?", re.ASCII
)
_MEANT: Final = re.compile(rf"[\d.]+\s*%\s+of\b|(?:{_MEASURES})\s")
_WINDOW: Final = TypeAdapter[timedelta](Window)
_EXAMPLE: Final = "30% of latest subscription.seats"


class Measurement(NamedTuple):
    """A measurement of the customer, or a share of it, as a bound.

    Attributes:
        share: in percent.
        word: one of `MEASURES`.
        named: the event type, with an attribute for what measures one.
        within: the last days, today included; None if all that ever happened counts.
    """

    share: Decimal
    word: str
    named: str
    within: timedelta | None

    def __str__(self) -> str:
        share = "" if self.share == _WHOLE else f"{self.share:f}% of "
        window = "" if self.within is None else f" within {write_duration(self.within)}"
        return f"{share}{self.word} {self.named}{window}"


def is_measurement(value: Any) -> bool:
    """Return whether a bound is a measurement, or was probably meant to be one."""
    return isinstance(value, Measurement) or (isinstance(value, str) and _MEANT.match(value.strip()) is not None)


def read_measurement(value: Any) -> Measurement:
    """Return the measurement that a bound is.

    Raises:
        ValueError: if it is none, or cannot be measured.
    """
    if isinstance(value, Measurement):
        return value
    if not is_measurement(value):
        raise ValueError(
            f"beside a measurement such as '{_EXAMPLE}', no other bound is possible: write {value} in a condition of "
            "its own, under 'all'"
        )
    if (match := _WRITTEN.fullmatch(value.strip())) is None:
        raise not_in_format(f"a measurement such as '{_EXAMPLE}'", value, "measurement")
    share, word, named, window = match.groups()
    of_events = word in _OF_EVENTS
    if re.fullmatch(TYPE_PATTERN if of_events else REFERENCE_PATTERN, named) is None:
        wanted = "an event type" if of_events else "an event type and an attribute, with a dot between"
        raise ValueError(f"after '{word}' comes {wanted}, found '{named}'")
    if word == "latest" and window is not None:
        raise ValueError("the latest value has no window: leave out 'within'")
    if word == "days with" and window is None:
        raise ValueError("days are counted in a window: write for example 'within 28 days' at the end")
    if share is not None and not Decimal(share):
        raise ValueError("a share must be more than 0%")
    within = None if window is None else _WINDOW.validate_python(window)
    return Measurement(_WHOLE if share is None else Decimal(share), word, named, within)


_DURATION: Final = DURATION_SCHEMA["pattern"].removeprefix("^").removesuffix("$")

Measured = Annotated[
    Measurement,
    BeforeValidator(read_measurement),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": rf"^({_SHARE}\s*%\s+of\s+)?({_MEASURES})\s+(of\s+)?\S+(\s+within\s+{_DURATION})?$",
            "examples": [_EXAMPLE, "50% of count login within 90 days"],
        }
    ),
]

_BOUNDS: Final[Mapping[str, str]] = {
    "at_least": "at least",
    "at_most": "at most",
    "more_than": "more than",
    "fewer_than": "fewer than",
    "less_than": "less than",
}


class Compared(Elementary):
    """A measurement of the customer whose bound is another one, or a share of it."""

    one_of: ClassVar = MEASURES
    against: ClassVar = tuple(_BOUNDS.values())

    count: TypeName | None = Field(default=None, description="The event type to count.", examples=["login"])
    sum: Reference | None = Field(default=None, description="The attribute to add up.", examples=["purchase.amount"])
    average: Reference | None = Field(
        default=None, description="The attribute whose mean is taken.", examples=["purchase.amount"]
    )
    distinct: Reference | None = Field(
        default=None, description="The attribute whose different values count.", examples=["login.contact"]
    )
    days_with: TypeName | None = Field(
        default=None, alias="days with", description="The event type whose days count.", examples=["login"]
    )
    latest: Reference | None = Field(
        default=None, description="The attribute whose latest value counts.", examples=["subscription.seats"]
    )
    where: Where | None = None
    within: Window | None = Field(
        default=None, description="The last N days, including today. By default: ever.", examples=["30 days"]
    )
    at_least: Measured | None = Field(default=None, alias="at least", description="This much or more.")
    at_most: Measured | None = Field(default=None, alias="at most", description="This much or less.")
    more_than: Measured | None = Field(default=None, alias="more than", description="More than this.")
    fewer_than: Measured | None = Field(
        default=None, alias="fewer than", description="Fewer than this; the same as `less than`."
    )
    less_than: Measured | None = Field(
        default=None, alias="less than", description="Less than this; the same as `fewer than`."
    )

    @model_validator(mode="after")
    def _one_comparison(self) -> "Compared":
        words = [word for word in MEASURES if self._of(word) is not None]
        if len(words) != 1:
            raise InconsistentEntries(f"'{words[0]}' and '{words[1]}' are two conditions: keep one", words[1])
        bounds = [key for name, key in _BOUNDS.items() if getattr(self, name) is not None]
        if len(bounds) != 1:
            message = f"'{bounds[0]}' and '{bounds[1]}': with a measurement as a bound, a condition has only one"
            raise InconsistentEntries(message, bounds[1])
        if self.word == "latest" and (self.within is not None or self.where is not None):
            key = "within" if self.within is not None else "where"
            raise InconsistentEntries(f"'{key}' is not possible with 'latest'", key)
        if self.word == "days with" and self.within is None:
            raise InconsistentEntries("'within' is missing: days are counted in a window", "days with")
        key, to = self.bound
        if self.where is None and (self.word, self.named, self.within) == (to.word, to.named, to.within):
            message = f"'{self.word} {self.named}' is compared with itself"
            if self.word == "latest":
                message += ": what it was before is 'was:', how much it has changed 'down by:' or 'up by:'"
            raise InconsistentEntries(message, key, is_value=True)
        return self

    def _of(self, word: str) -> str | None:
        named: str | None = getattr(self, word.replace(" ", "_"))
        return named

    @property
    def word(self) -> str:
        """What is measured, one of `MEASURES`."""
        return next(word for word in MEASURES if self._of(word) is not None)

    @property
    def named(self) -> str:
        """The event type that is measured, perhaps with a dot and an attribute."""
        return self._of(self.word) or ""

    @property
    def bound(self) -> tuple[str, Measurement]:
        """The word of the bound, such as `less than`, and what it is."""
        return next((key, to) for name, key in _BOUNDS.items() if (to := getattr(self, name)) is not None)

    @property
    def sides(self) -> tuple[tuple[str, str], tuple[str, str]]:
        """What is measured on both sides: the word, and what it is about."""
        to = self.bound[1]
        return (self.word, self.named), (to.word, to.named)

    def events(self) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
        """Yield the events of both sides."""
        yield from super().events()
        yield self.bound[1].named.partition(".")[0], None

    def observed(self) -> set[str]:
        """Return what both sides are about."""
        return {named for _, named in self.sides}

    def uses(self) -> Iterator[AttributeUse]:
        """Yield the uses of its `where`, and of the attributes that must be numbers."""
        yield from super().uses()
        for word, named in self.sides:
            if word in _OF_NUMBERS:
                yield AttributeUse(named, "number")

    def told_apart(self) -> tuple[str, ...]:
        """Return the attributes whose values are counted."""
        return tuple(named for word, named in self.sides if word == "distinct")
