"""`all`, `any`, `not` and `meets`, and any condition: one mapping whose first word names its kind."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, get_args

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from schemas.conditions.after_then import Followed
from schemas.conditions.after_without import Unfollowed
from schemas.conditions.average import Average
from schemas.conditions.change import Change
from schemas.conditions.compared import Compared, is_measurement
from schemas.conditions.count import Count
from schemas.conditions.date import Date
from schemas.conditions.days_with import DaysWith
from schemas.conditions.distinct import Distinct
from schemas.conditions.elementary import Elementary
from schemas.conditions.first import First
from schemas.conditions.in_stage_for import InStage
from schemas.conditions.known_for import Known
from schemas.conditions.last import Last
from schemas.conditions.latest import Latest
from schemas.conditions.moved import Moved
from schemas.conditions.none import Absent
from schemas.conditions.overdue import Overdue
from schemas.conditions.stage import Stage
from schemas.conditions.status import Status
from schemas.conditions.sum import Sum
from schemas.conditions.value import Value
from schemas.conditions.words import Strict
from schemas.refusals import InconsistentEntries

MAX_CONDITIONS: Final = 32
MAX_NESTING: Final = 6
DEFINITION_PATTERN: Final = r"^[a-z][a-z0-9 -]{1,62}[a-z0-9]$"


class Meets(Strict):
    """A named condition, defined under `define`."""

    meets: Annotated[str, Field(pattern=DEFINITION_PATTERN)] = Field(
        description="The name.", examples=["regular customer"]
    )


class All(Strict):
    """Every one of these holds."""

    all: Annotated[list["Condition"], Field(min_length=1, max_length=MAX_CONDITIONS)] = Field(
        description="Every one of these holds."
    )


class Any_(Strict):  # noqa: N801 (`Any` is typing's)
    """At least one of these holds."""

    model_config = ConfigDict(title="Any")
    any: Annotated[list["Condition"], Field(min_length=1, max_length=MAX_CONDITIONS)] = Field(
        description="At least one of these holds."
    )


class Not(Strict):
    """This does not hold."""

    not_: "Condition" = Field(alias="not", description="This does not hold.")


_Written = (
    Annotated[Count, Tag("count")]
    | Annotated[Sum, Tag("sum")]
    | Annotated[Value, Tag("value")]
    | Annotated[Average, Tag("average")]
    | Annotated[Distinct, Tag("distinct")]
    | Annotated[DaysWith, Tag("days with")]
    | Annotated[Absent, Tag("none")]
    | Annotated[Last, Tag("last")]
    | Annotated[First, Tag("first")]
    | Annotated[Known, Tag("known for")]
    | Annotated[Change, Tag("change")]
    | Annotated[Overdue, Tag("overdue")]
    | Annotated[Followed, Tag("after then")]
    | Annotated[Unfollowed, Tag("after without")]
    | Annotated[Latest, Tag("latest")]
    | Annotated[Date, Tag("date")]
    | Annotated[Status, Tag("status")]
    | Annotated[Stage, Tag("stage")]
    | Annotated[InStage, Tag("in stage for")]
    | Annotated[Moved, Tag("moved")]
    | Annotated[Compared, Tag("compared")]
    | Annotated[Meets, Tag("meets")]
    | Annotated[All, Tag("all")]
    | Annotated[Any_, Tag("any")]
    | Annotated[Not, Tag("not")]
)

_BY_TAG: Final = {tag.tag: kind for kind, tag in map(get_args, get_args(_Written))}

ELEMENTARY: Final[Mapping[str, type[Elementary]]] = {
    tag: kind for tag, kind in _BY_TAG.items() if issubclass(kind, Elementary)
}
"""The elementary conditions by the tags of their kinds (`condition_kind`)."""

CONDITION_WORDS: Final = tuple(
    dict.fromkeys("after" if tag.startswith("after ") else tag for tag in _BY_TAG if tag != "compared")
)
"""The first words of conditions, in the order of the reference. That of `Compared` is the one of another kind."""

_WORDS: Final = {written: word for word in CONDITION_WORDS for written in (word, word.replace(" ", "_"))} | {
    "not_": "not"
}
"""The words by how they are written: a blank is `_` in Python."""


def condition_kind(value: Any) -> str | None:
    """Return the kind of a condition: the first key that is a condition's word, or None if there is none."""
    if isinstance(value, BaseModel):
        value = {name: content for name, content in value if content is not None}
    if not isinstance(value, dict):
        return None
    word = next((_WORDS[key] for key in value if isinstance(key, str) and key in _WORDS), None)
    if word == "after":
        return "after then" if "then" in value else "after without"
    bounds = (bound for key, bound in value.items() if str(key).replace("_", " ") in Compared.against)
    if word in Compared.one_of and any(map(is_measurement, bounds)):
        return "compared"
    return word


Condition = Annotated[
    _Written,
    Discriminator(
        condition_kind,
        custom_error_type="no_condition",
        custom_error_message=f"expected a condition: one of {', '.join(CONDITION_WORDS)}",
    ),
]


for _model in (All, Any_, Not):
    _model.model_rebuild()


def parts_of(condition: Any) -> list[Any]:
    """Return the conditions directly inside a combination; empty for an elementary condition."""
    match condition:
        case All(all=parts) | Any_(any=parts):
            return list(parts)
        case Not(not_=part):
            return [part]
    return []


def size_of(condition: Any) -> tuple[int, int]:
    """Return the number of elementary conditions, and the depth of nesting."""
    parts = parts_of(condition)
    if not parts:
        return 1, 1
    sizes = [size_of(part) for part in parts]
    return sum(size for size, _ in sizes), 1 + max(depth for _, depth in sizes)


def changed(condition: Any, change: Callable[[Any], Any]) -> Any:
    """Return the condition with every part changed that has no parts itself: elementary ones, and `meets`."""
    match condition:
        case All(all=parts):
            return All(all=[changed(part, change) for part in parts])
        case Any_(any=parts):
            return Any_(any=[changed(part, change) for part in parts])
        case Not(not_=part):
            return Not(not_=changed(part, change))
    return change(condition)


def replaced(condition: Any, replace: Callable[[Meets], Any]) -> Any:
    """Return the condition with every `meets` replaced."""
    return changed(condition, lambda part: replace(part) if isinstance(part, Meets) else part)


def expanded(condition: Any, define: Mapping[str, Any]) -> Any:
    """Return a condition in which every `meets`, at any depth, is replaced by the condition that it names.

    Args:
        condition: as it was written.
        define: named conditions, which may name one another, from a book without problems: no name is missing or
            refers to itself, and the result is no larger than a rule may be.

    Raises:
        KeyError: for a name that is not defined.
    """

    def meant(meets: Meets) -> Any:
        return expanded(define[meets.meets], define)

    return replaced(condition, meant)


def check_size(conditions: list[Any]) -> None:
    """Refuse conditions that would cost too much.

    Raises:
        ValueError: for more conditions, or deeper nesting, than a rule may have.
    """
    sizes = [size_of(condition) for condition in conditions]
    number, nesting = sum(size for size, _ in sizes), max(depth for _, depth in sizes)
    if number > MAX_CONDITIONS:
        raise InconsistentEntries(f"has {number} conditions, at most {MAX_CONDITIONS}", "when")
    if nesting > MAX_NESTING:
        raise InconsistentEntries(f"conditions are nested {nesting} deep, at most {MAX_NESTING}", "when")
