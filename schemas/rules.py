"""Rule files: the closed grammar that marketers write.

A rule reads aloud as a sentence. There is nothing to evaluate in it: every key is listed here, unknown keys
are errors, and each condition's cost is bounded when it is loaded.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    Tag,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from schemas.actions import ActionName
from schemas.durations import DURATION_SCHEMA, Days, Duration, parse_duration, write_duration
from schemas.events import TYPE_PATTERN

MAX_CONDITIONS: Final = 32
MAX_NESTING: Final = 6
LONGEST_WINDOW: Final = timedelta(days=730)

RULE_ID_PATTERN: Final = r"^[a-z][a-z0-9-]{1,62}[a-z0-9]$"
ATTRIBUTE_PATTERN: Final = r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"
REFERENCE_PATTERN: Final = r"^[a-z][a-z0-9_-]{0,63}\.[A-Za-z_][A-Za-z0-9_]{0,63}$"

TypeName = Annotated[str, Field(pattern=TYPE_PATTERN)]
Attribute = Annotated[str, Field(pattern=ATTRIBUTE_PATTERN)]
Plain = str | int | float | bool


class _Strict(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )


def _bounded_window(window: timedelta) -> timedelta:
    if window > LONGEST_WINDOW:
        raise ValueError(f"a window can be {LONGEST_WINDOW.days} days long at most, found {write_duration(window)}")
    return window


class Comparison(_Strict):
    """A number compared with bounds."""

    at_least: Decimal | None = Field(default=None, alias="at least", description="This much or more.")
    at_most: Decimal | None = Field(default=None, alias="at most", description="This much or less.")

    @model_validator(mode="after")
    def _bounded(self) -> "Comparison":
        if self.at_least is None and self.at_most is None:
            raise ValueError("needs 'at least' or 'at most'")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"'at least: {self.at_least}' is above 'at most: {self.at_most}': can never hold")
        return self


class Different(_Strict):
    """Any value but these."""

    other_than: Plain | list[Plain] = Field(alias="other than", description="A value, or a list of values.")


def _filter_kind(value: Any) -> str:
    if isinstance(value, dict):
        return "different" if "other than" in value or "other_than" in value else "comparison"
    if isinstance(value, Comparison | Different):
        return "different" if isinstance(value, Different) else "comparison"
    return "any of" if isinstance(value, list) else "equal"


Filter = Annotated[
    Annotated[Plain, Tag("equal")]
    | Annotated[list[Plain], Tag("any of")]
    | Annotated[Comparison, Tag("comparison")]
    | Annotated[Different, Tag("different")],
    Discriminator(_filter_kind),
]
Where = Annotated[
    dict[Attribute, Filter],
    Field(
        min_length=1,
        max_length=8,
        description="Only events whose attributes match count.",
        examples=[{"currency": "EUR"}, {"plan": ["gold", "silver"]}, {"amount": {"at least": 50}}],
    ),
]


class _Windowed(Comparison):
    where: Where | None = None
    within: Annotated[Days, AfterValidator(_bounded_window)] | None = Field(
        default=None,
        description="The last N days, today included; left out, it means ever.",
        examples=["90 days"],
    )


class Count(_Windowed):
    """How often something happened."""

    count: TypeName = Field(description="The event type to count.", examples=["purchase"])

    @field_validator("at_least", "at_most")
    @classmethod
    def _whole(cls, bound: Decimal | None) -> Decimal | None:
        # Not `bound % 1`: decimal refuses that for numbers above 10^28 with an error that is no ValueError.
        if bound is not None and (bound < 0 or bound != bound.to_integral_value()):
            raise ValueError(f"events are counted in whole numbers, found {bound}")
        return bound


class Sum(_Windowed):
    """What an attribute adds up to."""

    sum: Annotated[str, Field(pattern=REFERENCE_PATTERN)] = Field(
        description="Event type and attribute, with a dot between.", examples=["purchase.amount"]
    )


class Absent(_Strict):
    """Something did not happen for a while."""

    none: TypeName = Field(description="The event type that did not happen.", examples=["purchase"])
    for_: Annotated[Duration, AfterValidator(_bounded_window)] = Field(
        alias="for", description="For how long it did not happen.", examples=["45 days"]
    )
    where: Where | None = None


class Status(_Strict):
    """Whether the customer has cancelled: from a cancellation until the next purchase."""

    status: Literal["active", "cancelled"]


class All(_Strict):
    """Every one of these holds."""

    all: Annotated[list["Condition"], Field(min_length=1, max_length=MAX_CONDITIONS)]


class Any_(_Strict):  # noqa: N801 (`Any` is typing's)
    """At least one of these holds."""

    model_config = ConfigDict(title="Any")
    any: Annotated[list["Condition"], Field(min_length=1, max_length=MAX_CONDITIONS)]


class Not(_Strict):
    """This does not hold."""

    not_: "Condition" = Field(alias="not")


_KINDS: Final[dict[str, str]] = {
    "count": "count",
    "sum": "sum",
    "none": "none",
    "status": "status",
    "all": "all",
    "any": "any",
    "not": "not",
    "not_": "not",
}


def _condition_kind(value: Any) -> str | None:
    if isinstance(value, BaseModel):
        value = dict(value)
    if not isinstance(value, dict):
        return None
    return next((_KINDS[key] for key in value if isinstance(key, str) and key in _KINDS), None)


Condition = Annotated[
    Annotated[Count, Tag("count")]
    | Annotated[Sum, Tag("sum")]
    | Annotated[Absent, Tag("none")]
    | Annotated[Status, Tag("status")]
    | Annotated[All, Tag("all")]
    | Annotated[Any_, Tag("any")]
    | Annotated[Not, Tag("not")],
    Discriminator(
        _condition_kind,
        custom_error_type="no_condition",
        custom_error_message="expected a condition: one of count, sum, none, status, all, any, not",
    ),
]


def _again_after(value: Any) -> Any:
    return None if value in ("never", None) else parse_duration(value)


AgainAfter = Annotated[
    timedelta | None,
    BeforeValidator(_again_after),
    PlainSerializer(lambda pause: "never" if pause is None else write_duration(pause), return_type=str),
    WithJsonSchema({"anyOf": [{"const": "never"}, DURATION_SCHEMA]}),
]


class Rule(_Strict):
    """One rule: when it holds, which action it asks for."""

    id: Annotated[str, Field(pattern=RULE_ID_PATTERN)] = Field(
        description="Names the rule for ever: small letters, digits, hyphens.",
        examples=["regular-gone-quiet"],
    )
    title: Annotated[str, Field(min_length=3, max_length=120)] = Field(
        description="What people call it.", examples=["A regular buyer has gone quiet"]
    )
    description: Annotated[str, Field(max_length=2000)] | None = Field(
        default=None, description="Why this rule exists, for colleagues."
    )
    status: Literal["draft", "shadow", "live", "paused"] = Field(
        default="draft",
        description="draft and paused: not evaluated; shadow: decided and reported, nothing is sent; live: sent.",
    )
    when: Condition = Field(description="The condition.")
    action: ActionName = Field(description="What to ask for when the condition becomes true.")
    template: Annotated[str, Field(min_length=1, max_length=120)] = Field(
        description="Which message the mailer uses.", examples=["we-miss-you"]
    )
    variables: Annotated[
        dict[Attribute, Annotated[str, Field(pattern=REFERENCE_PATTERN)]],
        Field(max_length=16),
    ] = Field(
        default_factory=dict,
        description="Template variables: a name and the attribute of the customer's latest event of a type.",
        examples=[{"reason": "cancellation.reason"}],
    )
    again_after: AgainAfter = Field(
        alias="again after",
        default=timedelta(days=30),
        description="How long the rule keeps silent for a customer after it acted.",
        examples=["90 days", "never"],
    )
    expires_after: Duration = Field(
        alias="expires after",
        description="How long the action is worth carrying out; then it is too late.",
        examples=["14 days"],
    )

    @model_validator(mode="after")
    def _bounded(self) -> "Rule":
        conditions, nesting = _size(self.when)
        if conditions > MAX_CONDITIONS:
            raise ValueError(f"has {conditions} conditions, at most {MAX_CONDITIONS}")
        if nesting > MAX_NESTING:
            raise ValueError(f"conditions are nested {nesting} deep, at most {MAX_NESTING}")
        return self


def _size(condition: Any) -> tuple[int, int]:
    children: list[Any] = []
    if isinstance(condition, All):
        children = condition.all
    elif isinstance(condition, Any_):
        children = condition.any
    elif isinstance(condition, Not):
        children = [condition.not_]
    if not children:
        return 1, 1
    sizes = [_size(child) for child in children]
    return sum(size for size, _ in sizes), 1 + max(depth for _, depth in sizes)


class RuleFile(_Strict):
    """A file in `rules/`: one or several rules."""

    rules: Annotated[list[Rule], Field(min_length=1, max_length=500)]


for _model in (All, Any_, Not, Rule, RuleFile):
    _model.model_rebuild()
