"""The conditions of rules: a closed grammar in the words of marketers.

Every condition is one mapping whose first word names its kind (`count: purchase`, `none: login`). Conditions contain
no code: this module lists every key, unknown keys are errors, and the cost of a condition is bounded when it loads.
"""

import re
from collections.abc import Callable, Mapping
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
    model_validator,
)

from schemas.durations import DURATION_SCHEMA, Days, Duration, parse_duration, write_duration
from schemas.events import TYPE_PATTERN
from schemas.refusals import InconsistentEntries, not_in_format

MAX_CONDITIONS: Final = 32
MAX_NESTING: Final = 6
MAX_DISTINCT: Final = 32
"""The most values of an attribute that are distinguished; more count as this number."""
LONGEST_WINDOW: Final = timedelta(days=730)

ATTRIBUTE_PATTERN: Final = r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"
REFERENCE_PATTERN: Final = r"^[a-z][a-z0-9_-]{0,63}\.[A-Za-z_][A-Za-z0-9_]{0,63}$"
DEFINITION_PATTERN: Final = r"^[a-z][a-z0-9 -]{1,62}[a-z0-9]$"

TypeName = Annotated[str, Field(pattern=TYPE_PATTERN)]
Attribute = Annotated[str, Field(pattern=ATTRIBUTE_PATTERN)]
Reference = Annotated[str, Field(pattern=REFERENCE_PATTERN)]
Plain = str | int | float | bool

_NUMBER: Final = r"-?\d{1,12}(?:\.\d{1,4})?"
_BETWEEN: Final = re.compile(rf"({_NUMBER})\s+and\s+({_NUMBER})")
_PERCENT: Final = re.compile(r"(\d{1,4}(?:\.\d{1,2})?)\s*%")
_TIMES: Final = re.compile(r"(\d{1,3}(?:\.\d{1,2})?)\s+times")


class Strict(BaseModel):
    """A mapping that refuses unknown keys; spaces in keys are underscores in Python."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )


# -- numbers and times in words --------------------------------------------------------------------------------


def _bounded_window(window: timedelta) -> timedelta:
    if window > LONGEST_WINDOW:
        raise ValueError(f"a window can be {LONGEST_WINDOW.days} days long at most, found {write_duration(window)}")
    return window


Window = Annotated[Days, AfterValidator(_bounded_window)]
Span = Annotated[Duration, AfterValidator(_bounded_window)]


def _read_between(value: Any) -> Any:
    if isinstance(value, tuple | list) and len(value) == 2 and all(isinstance(bound, Decimal) for bound in value):
        return tuple(value)
    match = _BETWEEN.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise not_in_format("two numbers such as '3 and 10'", value, "two numbers")
    low, high = Decimal(match[1]), Decimal(match[2])
    if low > high:
        raise ValueError(f"'{value}': the smaller number comes first")
    return low, high


Between = Annotated[
    tuple[Decimal, Decimal],
    BeforeValidator(_read_between),
    PlainSerializer(lambda bounds: f"{bounds[0]:f} and {bounds[1]:f}", return_type=str),
    WithJsonSchema(
        {"type": "string", "pattern": rf"^{_NUMBER}\s+and\s+{_NUMBER}$", "examples": ["3 and 10"]},
    ),
]


def _read_percent(value: Any) -> Any:
    if isinstance(value, Decimal):
        return value
    match = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise not_in_format("a percentage such as '50%'", value, "percentage")
    return Decimal(match[1])


Percent = Annotated[
    Decimal,
    BeforeValidator(_read_percent),
    PlainSerializer(lambda percent: f"{percent:f}%", return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,4}(\.\d{1,2})?\s*%$", "examples": ["50%"]}),
]


def _read_times(value: Any) -> Any:
    if isinstance(value, Decimal):
        return value
    match = _TIMES.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or not Decimal(1) <= Decimal(match[1]) <= Decimal(100):
        raise not_in_format("how many times, such as '2.5 times' (1 to 100)", value, "times")
    return Decimal(match[1])


Times = Annotated[
    Decimal,
    BeforeValidator(_read_times),
    PlainSerializer(lambda times: f"{times:f} times", return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,3}(\.\d{1,2})?\s+times$", "examples": ["2.5 times"]}),
]


def _read_age(value: Any) -> Any:
    return parse_duration(value.strip().removesuffix(" ago") if isinstance(value, str) else value)


Age = Annotated[
    timedelta,
    BeforeValidator(_read_age),
    PlainSerializer(lambda age: f"{write_duration(age)} ago", return_type=str),
    WithJsonSchema(
        {**DURATION_SCHEMA, "pattern": DURATION_SCHEMA["pattern"][:-1] + r"(\s+ago)?$", "examples": ["30 days ago"]}
    ),
]


def _read_ages(value: Any) -> Any:
    if isinstance(value, tuple | list) and len(value) == 2 and all(isinstance(age, timedelta) for age in value):
        return tuple(value)
    parts = value.strip().removesuffix(" ago").split(" and ") if isinstance(value, str) else []
    if len(parts) != 2:
        raise not_in_format("two durations such as '30 days and 90 days ago'", value, "two ages")
    low, high = parse_duration(parts[0]), parse_duration(parts[1])
    if low > high:
        raise ValueError(f"'{value}': the shorter time comes first")
    return low, high


Ages = Annotated[
    tuple[timedelta, timedelta],
    BeforeValidator(_read_ages),
    PlainSerializer(lambda ages: f"{write_duration(ages[0])} and {write_duration(ages[1])} ago", return_type=str),
    WithJsonSchema({"type": "string", "examples": ["30 days and 90 days ago"]}),
]


class Bounds(Strict):
    """Bounds for a number: a lower bound, an upper bound, or both."""

    at_least: Decimal | None = Field(default=None, alias="at least", description="This much or more.", examples=[3])
    at_most: Decimal | None = Field(default=None, alias="at most", description="This much or less.", examples=[10])
    more_than: Decimal | None = Field(default=None, alias="more than", description="More than this.", examples=[2])
    fewer_than: Decimal | None = Field(
        default=None, alias="fewer than", description="Fewer than this; the same as `less than`.", examples=[5]
    )
    less_than: Decimal | None = Field(
        default=None, alias="less than", description="Less than this; the same as `fewer than`.", examples=[99.9]
    )
    exactly: Decimal | None = Field(default=None, description="This much, no more and no less.", examples=[1])
    between: Between | None = Field(default=None, description="Two numbers, both included.", examples=["3 and 10"])

    @model_validator(mode="after")
    def _sensible(self) -> "Bounds":
        given = {name: bound for name in BOUND_WORDS if (bound := getattr(self, name)) is not None}
        words = [BOUND_WORDS[name] for name in given]
        if not words and not self._may_be_unbounded():
            raise ValueError("needs a bound: one of at least, at most, more than, fewer than, exactly, between")
        if len(words) > 1 and {"exactly", "between"} & set(words):
            raise InconsistentEntries(f"'{words[0]}' and '{words[1]}' cannot be combined: keep one", words[0])
        for side in (("at_least", "more_than"), ("at_most", "fewer_than", "less_than")):
            twice = [BOUND_WORDS[name] for name in side if name in given]
            if len(twice) > 1:
                message = f"'{twice[0]}' and '{twice[1]}' are two bounds on the same side: keep one"
                raise InconsistentEntries(message, twice[0])
        low, high = self.limits()
        # There is no whole number strictly between neighbours, but there are other numbers.
        if low is not None and high is not None and (low[0] > high[0] or (low[0] == high[0] and (low[1] or high[1]))):
            raise InconsistentEntries(f"{self.words()} can never hold: no number is both", *words)
        return self

    def _may_be_unbounded(self) -> bool:
        return False

    def _keys_of(self, bound: Decimal) -> list[str]:
        """Return the keys that have a bound as their only number."""
        return [word for name, word in BOUND_WORDS.items() if getattr(self, name) == bound]

    def limits(self) -> tuple[tuple[Decimal, bool] | None, tuple[Decimal, bool] | None]:
        """Return the lower and the upper limit, each with whether it is excluded; None for no limit."""
        if self.exactly is not None:
            return (self.exactly, False), (self.exactly, False)
        if self.between is not None:
            return (self.between[0], False), (self.between[1], False)
        low = high = None
        if self.at_least is not None:
            low = (self.at_least, False)
        elif self.more_than is not None:
            low = (self.more_than, True)
        if self.at_most is not None:
            high = (self.at_most, False)
        elif (upper := self.fewer_than if self.fewer_than is not None else self.less_than) is not None:
            high = (upper, True)
        return low, high

    def words(self) -> str:
        """Return the bounds as they were written, such as `at least 3 and at most 10`."""
        parts = []
        for name, word in BOUND_WORDS.items():
            bound = getattr(self, name)
            if name == "between" and bound is not None:
                parts.append(f"between {bound[0]:f} and {bound[1]:f}")
            elif bound is not None:
                parts.append(f"{word} {bound:f}")
        return " and ".join(parts)


BOUND_WORDS: Final = {
    "at_least": "at least",
    "at_most": "at most",
    "more_than": "more than",
    "fewer_than": "fewer than",
    "less_than": "less than",
    "exactly": "exactly",
    "between": "between",
}


# -- which events ----------------------------------------------------------------------------------------------


class Different(Strict):
    """Any value except these."""

    other_than: Plain | list[Plain] = Field(
        alias="other than", description="A value, or a list of values.", examples=["gift card"]
    )


def _filter_kind(value: Any) -> str:
    if isinstance(value, dict):
        return "different" if "other than" in value or "other_than" in value else "comparison"
    if isinstance(value, Bounds | Different):
        return "different" if isinstance(value, Different) else "comparison"
    return "any of" if isinstance(value, list) else "equal"


Filter = Annotated[
    Annotated[Plain, Tag("equal")]
    | Annotated[list[Plain], Field(min_length=1, max_length=64), Tag("any of")]
    | Annotated[Bounds, Tag("comparison")]
    | Annotated[Different, Tag("different")],
    Discriminator(_filter_kind),
]
Where = Annotated[
    dict[Attribute, Filter],
    Field(
        min_length=1,
        max_length=8,
        description="Counts only events whose attributes match all of these.",
        examples=[{"currency": "EUR"}, {"plan": ["gold", "silver"]}, {"amount": {"at least": 50}}],
    ),
]


# -- elementary conditions -------------------------------------------------------------------------------------


class _Windowed(Bounds):
    where: Where | None = None
    within: Window | None = Field(
        default=None,
        description="The last N days, including today. By default: ever.",
        examples=["90 days"],
    )


class _Whole(_Windowed):
    @model_validator(mode="after")
    def _whole(self) -> "_Whole":
        for limit in self.limits():
            # Not `bound % 1`: for numbers above 10^28, decimal raises an error that is not a ValueError.
            if limit is not None and (limit[0] < 0 or limit[0] != limit[0].to_integral_value()):
                message = f"events are counted in whole numbers, found {limit[0]}"
                raise InconsistentEntries(message, *self._keys_of(limit[0]), is_value=True)
        low, high = self.limits()
        if low and high and low[0] + low[1] > high[0] - high[1]:
            message = f"{self.words()} can never hold: no whole number is both"
            raise InconsistentEntries(message, *BOUND_WORDS.values())
        if high and high[0] - high[1] < 0:
            message = f"{self.words()} can never hold: nothing happens less than 0 times"
            raise InconsistentEntries(message, *BOUND_WORDS.values())
        return self


class Count(_Whole):
    """How often something happened."""

    count: TypeName = Field(description="The event type to count.", examples=["purchase"])


class Sum(_Windowed):
    """The sum of an attribute."""

    sum: Reference = Field(description="Event type and attribute, with a dot between.", examples=["purchase.amount"])


class Average(_Windowed):
    """The mean of an attribute over the events that have it; false if there are none."""

    average: Reference = Field(
        description="Event type and attribute, with a dot between.", examples=["purchase.amount"]
    )


class Distinct(_Whole):
    """How many different values an attribute had."""

    distinct: Reference = Field(
        description="Event type and attribute, with a dot between.", examples=["purchase.category"]
    )

    @model_validator(mode="after")
    def _countable(self) -> "Distinct":
        for limit in self.limits():
            if limit is not None and limit[0] > MAX_DISTINCT:
                message = f"at most {MAX_DISTINCT} different values can be distinguished, found {limit[0]}"
                raise InconsistentEntries(message, *self._keys_of(limit[0]), is_value=True)
        return self


class Absent(Strict):
    """Something did not happen for a while."""

    none: TypeName = Field(description="The event type that did not happen.", examples=["purchase"])
    for_: Span = Field(alias="for", description="For how long it did not happen.", examples=["45 days"])
    where: Where | None = None


class _Aged(Strict):
    where: Where | None = None
    at_least: Age | None = Field(
        default=None, alias="at least", description="This long ago or longer.", examples=["30 days ago"]
    )
    at_most: Age | None = Field(
        default=None, alias="at most", description="This long ago or less.", examples=["7 days ago"]
    )
    between: Ages | None = Field(
        default=None, description="Two ages, both included.", examples=["30 days and 90 days ago"]
    )

    @model_validator(mode="after")
    def _bounded(self) -> "_Aged":
        if self.between is not None and (self.at_least is not None or self.at_most is not None):
            message = "'between' cannot be combined with 'at least' or 'at most': it sets both"
            raise InconsistentEntries(message, "between")
        low, high = self.ages()
        if low is None and high is None:
            raise ValueError("needs 'at least', 'at most' or 'between', such as 'at most: 7 days ago'")
        if low is not None and high is not None and low > high:
            message = f"at least {write_duration(low)} and at most {write_duration(high)} ago can never hold"
            raise InconsistentEntries(message, "at least", "at most")
        return self

    def ages(self) -> tuple[timedelta | None, timedelta | None]:
        """Return the lowest and the highest age, both included; None for no bound."""
        return self.between if self.between is not None else (self.at_least, self.at_most)


class Last(_Aged):
    """How long ago something last happened; false if it never happened."""

    last: TypeName = Field(description="The event type.", examples=["purchase"])


class First(_Aged):
    """How long ago something happened for the first time ever."""

    first: TypeName = Field(description="The event type.", examples=["purchase"])


class Known(Strict):
    """How long the customer has been known, since the first event of any type."""

    known_for: Span = Field(alias="known for", description="This long or longer.", examples=["90 days"])


class Change(Strict):
    """How a window compares with the window of equal length before it."""

    change: Annotated[str, Field(pattern=rf"{TYPE_PATTERN[:-1]}$|{REFERENCE_PATTERN}")] = Field(
        description="An event type to count, or a type and an attribute to add up, with a dot between.",
        examples=["login", "purchase.amount"],
    )
    where: Where | None = None
    down_by: Percent | None = Field(
        default=None, alias="down by", description="Down by this share or more.", examples=["50%"]
    )
    up_by: Percent | None = Field(
        default=None, alias="up by", description="Up by this share or more.", examples=["100%"]
    )
    within: Window = Field(
        description="Length of both windows: the last N days, and the N days before.", examples=["30 days"]
    )
    from_at_least: Annotated[Decimal, Field(gt=0)] = Field(
        alias="from at least",
        description="The least that the window before must have, so that noise does not count.",
        examples=[6],
    )

    @model_validator(mode="after")
    def _one_way(self) -> "Change":
        if (self.down_by is None) == (self.up_by is None):
            raise InconsistentEntries("needs either 'down by' or 'up by'", "down by")
        if self.down_by is not None and not 0 < self.down_by <= 100:
            message = f"something can fall by more than 0% and by 100% at most, found {self.down_by}%"
            raise InconsistentEntries(message, "down by", is_value=True)
        if self.up_by is not None and self.up_by <= 0:
            raise InconsistentEntries("'up by' must be more than 0%", "up by")
        if 2 * self.within > LONGEST_WINDOW:
            raise ValueError(
                f"compares two windows of {write_duration(self.within)}: together at most {LONGEST_WINDOW.days} days"
            )
        return self


class Overdue(Strict):
    """The customer's last event is longer ago than their own rhythm explains.

    The customer's usual gap is the mean gap between days with the event, as if there had been two more gaps of
    length `usual gap`: (2 x usual gap + last - first) / (2 + days - 1).
    """

    overdue: TypeName = Field(description="The event type.", examples=["purchase"])
    where: Where | None = None
    by: Times = Field(description="How many times the customer's usual gap.", examples=["2.5 times"])
    usual_gap: Span = Field(
        alias="usual gap",
        description="The usual gap of all customers. It counts for newcomers; regulars have their own.",
        examples=["40 days"],
    )
    at_least: Span = Field(alias="at least", description="Never sooner than this.", examples=["30 days"])


class EventFilter(Strict):
    """An event type, and which of its events."""

    event: TypeName = Field(description="The event type.", examples=["cancellation"])
    where: Where | None = None


def _event_kind(value: Any) -> str:
    return "filtered" if isinstance(value, dict | EventFilter) else "plain"


Which = Annotated[
    Annotated[TypeName, Tag("plain")] | Annotated[EventFilter, Tag("filtered")], Discriminator(_event_kind)
]


def event_and_filter(which: "str | EventFilter") -> tuple[str, dict[str, Any] | None]:
    """Return the event type that is meant, and its `where`; None for every event of the type."""
    return (which, None) if isinstance(which, str) else (which.event, which.where)


class Followed(Strict):
    """The latest event of one type was followed by another in time; true until the first happens again."""

    after: Which = Field(description="What happened first.", examples=["complaint"])
    then: Which = Field(description="What followed.", examples=["purchase"])
    within: Span = Field(description="How soon it followed.", examples=["2 days"])


class Unfollowed(Strict):
    """An event happened, and another did not follow; true until it follows, or the first happens again."""

    after: Which = Field(description="What happened first.", examples=["cart"])
    without: Which = Field(description="What did not follow.", examples=["purchase"])
    for_: Span = Field(alias="for", description="For how long it did not follow.", examples=["2 days"])


class Latest(Bounds):
    """The latest known value of an attribute: a plan, a country, the score of the last answer."""

    latest: Reference = Field(
        description="Event type and attribute, with a dot between.", examples=["profile.plan", "nps.score"]
    )
    is_: Plain | Annotated[list[Plain], Field(min_length=1, max_length=64)] | None = Field(
        default=None, alias="is", description="This value, or one of these.", examples=["gold"]
    )
    is_not: Plain | Annotated[list[Plain], Field(min_length=1, max_length=64)] | None = Field(
        default=None, alias="is not", description="Any value except this, or except these.", examples=["gold"]
    )

    @model_validator(mode="after")
    def _one_test(self) -> "Latest":
        bounded = any(limit is not None for limit in self.limits())
        if bounded + (self.is_ is not None) + (self.is_not is not None) != 1:
            key = "is" if self.is_ is not None else "is not" if self.is_not is not None else "at most"
            raise InconsistentEntries("needs one of: 'is', 'is not', or bounds such as 'at most: 6'", key)
        return self

    def _may_be_unbounded(self) -> bool:
        return True


class Date(Strict):
    """A date in an event, such as the end of a subscription or a benefit."""

    date: Reference = Field(
        description="Event type and attribute, with a dot between. The latest value counts.",
        examples=["cancellation.effective_at"],
    )
    in_the_next: Duration | None = Field(
        default=None, alias="in the next", description="The date is ahead, at most this far.", examples=["30 days"]
    )
    passed_for: Duration | None = Field(
        default=None, alias="passed for", description="The date passed at least this long ago.", examples=["3 days"]
    )

    @model_validator(mode="after")
    def _one_side(self) -> "Date":
        if (self.in_the_next is None) == (self.passed_for is None):
            raise InconsistentEntries("needs either 'in the next' or 'passed for'", "in the next")
        return self


class Status(Strict):
    """Whether the customer has cancelled: from a cancellation until the next purchase or reactivation."""

    status: Literal["active", "cancelled"] = Field(description="The status that the customer must have.")
    for_: Span | None = Field(
        default=None, alias="for", description="For at least this long. By default: at once.", examples=["30 days"]
    )

    @model_validator(mode="after")
    def _since(self) -> "Status":
        if self.for_ is not None and self.status == "active":
            raise InconsistentEntries("'for' goes with 'status: cancelled' only", "for")
        return self


class Meets(Strict):
    """A named condition, defined under `define`."""

    meets: Annotated[str, Field(pattern=DEFINITION_PATTERN)] = Field(
        description="The name.", examples=["regular customer"]
    )


# -- combinations ----------------------------------------------------------------------------------------------


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


CONDITION_WORDS: Final = (
    "count",
    "sum",
    "average",
    "distinct",
    "none",
    "last",
    "first",
    "known for",
    "change",
    "overdue",
    "after",
    "latest",
    "date",
    "status",
    "meets",
    "all",
    "any",
    "not",
)
"""The first words of conditions, in the order of the reference."""

_KINDS: Final[dict[str, str]] = {word: word for word in CONDITION_WORDS} | {
    "known_for": "known for",
    "not_": "not",
}


def condition_kind(value: Any) -> str | None:
    """Return the kind of a condition: the first key that is a condition's word, or None if there is none."""
    if isinstance(value, BaseModel):
        value = {name: content for name, content in value if content is not None}
    if not isinstance(value, dict):
        return None
    kind = next((_KINDS[key] for key in value if isinstance(key, str) and key in _KINDS), None)
    if kind == "after":
        return "after then" if "then" in value else "after without"
    return kind


Condition = Annotated[
    Annotated[Count, Tag("count")]
    | Annotated[Sum, Tag("sum")]
    | Annotated[Average, Tag("average")]
    | Annotated[Distinct, Tag("distinct")]
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
    | Annotated[Meets, Tag("meets")]
    | Annotated[All, Tag("all")]
    | Annotated[Any_, Tag("any")]
    | Annotated[Not, Tag("not")],
    Discriminator(
        condition_kind,
        custom_error_type="no_condition",
        custom_error_message=f"expected a condition: one of {', '.join(CONDITION_WORDS)}",
    ),
]

AnyCondition = (
    Count
    | Sum
    | Average
    | Distinct
    | Absent
    | Last
    | First
    | Known
    | Change
    | Overdue
    | Followed
    | Unfollowed
    | Latest
    | Date
    | Status
    | Meets
    | All
    | Any_
    | Not
)

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


def replaced(condition: Any, replace: Callable[[Meets], Any]) -> Any:
    """Return the condition with every `meets` replaced."""
    match condition:
        case Meets():
            return replace(condition)
        case All(all=parts):
            return All(all=[replaced(part, replace) for part in parts])
        case Any_(any=parts):
            return Any_(any=[replaced(part, replace) for part in parts])
        case Not(not_=part):
            return Not(not_=replaced(part, replace))
    return condition


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
