"""`only_when` in `sources.yaml`: which records of a source become events, in the words of a rule's `where`."""

import re
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from schemas.conditions import Bounds, Strict
from schemas.expressions import Pattern, compiled_search
from schemas.places import PATH_PATTERN, Plain
from schemas.refusals import InconsistentEntries, WrongFormat

_PATH: Final = re.compile(PATH_PATTERN)
HEADER: Final = "header "
"""Begins the key of a condition on a Kafka header."""
OF_THE_RECORD: Final = ("key", "topic")
FIND: Final = "find"


def _condition_key(written: str) -> str:
    if written.startswith(HEADER) and written.removeprefix(HEADER).strip():
        return written
    if len(written) > 300 or _PATH.fullmatch(written) is None:
        raise WrongFormat(f"'{written}' is no path, no 'header NAME' and none of 'key', 'topic', 'find'", "condition")
    return written


ConditionKey = Annotated[str, AfterValidator(_condition_key)]


class AnyExcept(Strict):
    """Any value except these; a record without a value does not match."""

    other_than: Plain | list[Plain] = Field(
        alias="other than", description="A value, or a list of values.", examples=["test"]
    )


class Given(Strict):
    """Whether there is a value: not null, no empty text, list or object."""

    given: bool = Field(description="true: there is a value; false: there is none.", examples=[True])


class Matching(Strict):
    """A text in which a pattern is found."""

    matches: Pattern = Field(description="A pattern of RE2, found anywhere in the text.", examples=["(?i)^order "])


class FromTo(Strict):
    """A number between two, both included."""

    from_: Decimal = Field(alias="from", description="The smallest number.", examples=[1])
    to: Decimal = Field(description="The largest number.", examples=[10])

    @model_validator(mode="after")
    def _ordered(self) -> "FromTo":
        if self.from_ > self.to:
            raise InconsistentEntries(f"no number is from {self.from_} to {self.to}", "from", "to")
        return self


_KIND_BY_WORD: Final = {
    "other than": "different",
    "other_than": "different",
    "given": "given",
    "matches": "matching",
    "from": "range",
    "to": "range",
}


def _value_kind(value: Any) -> str:
    if isinstance(value, dict):
        return next((_KIND_BY_WORD[word] for word in value if word in _KIND_BY_WORD), "comparison")
    if isinstance(value, list):
        return "any of"
    kinds: dict[type, str] = {
        AnyExcept: "different",
        Given: "given",
        Matching: "matching",
        FromTo: "range",
        Bounds: "comparison",
    }
    return kinds.get(type(value), "equal")


ConditionValue = Annotated[
    Annotated[Plain, Tag("equal")]
    | Annotated[list[Plain], Field(min_length=1, max_length=256), Tag("any of")]
    | Annotated[Bounds, Tag("comparison")]
    | Annotated[AnyExcept, Tag("different")]
    | Annotated[Given, Tag("given")]
    | Annotated[Matching, Tag("matching")]
    | Annotated[FromTo, Tag("range")],
    Discriminator(_value_kind),
]
"""A value, a list (one of its values is enough), or a comparison."""


def _searches(conditions: dict[str, Any]) -> dict[str, Any]:
    if FIND in conditions:
        expression = conditions[FIND]
        if not isinstance(expression, str):
            raise InconsistentEntries("'find' needs a JMESPath expression as a text", FIND, is_value=True)
        try:
            compiled_search(expression)
        except ValueError as error:
            raise InconsistentEntries(str(error), FIND, is_value=True) from None
    return conditions


OnlyWhen = Annotated[
    dict[ConditionKey, ConditionValue],
    Field(max_length=64),
    AfterValidator(_searches),
]
"""By key, what a record must have there; all must hold.

A key is a path, `header NAME`, `key`, `topic` or `find`. The value of `find` is a JMESPath expression, which must
find something other than false, null, and an empty text, list or object.
"""
