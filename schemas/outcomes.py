"""How it is measured whether rules help: what counts as a success, and how customers are divided."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    PlainSerializer,
    Tag,
    WithJsonSchema,
)

from schemas.conditions import Currency, Percent, Span, Strict, TypeName, Where
from schemas.durations import parse_duration, write_duration
from schemas.experiments import ARMS
from schemas.refusals import WrongFormat, not_in_format

_NAME: Final = r"^[a-z][a-z0-9-]{0,39}$"
_SUCCESS: Final = re.compile(r"([a-z][a-z0-9_-]{0,63})\s+within\s+(.+)")
_POINTS: Final = re.compile(r"(\d{1,2}(?:\.\d{1,2})?)\s+points?")
_OF_ALL: Final = re.compile(r"(\d{1,2}(?:\.\d{1,2})?)\s*%\s+of\s+everybody")
_CAP: Final = re.compile(r"(\d{1,7}(?:\.\d{1,2})?)(?:\s+([A-Z]{3}))?")
_LARGEST_CAP: Final = 1_000_000
_WHOLE: Final = 100


class Success(Strict):
    """What counts as a success."""

    event: TypeName = Field(description="The event type.", examples=["purchase"])
    where: Where | None = None
    within: Span = Field(description="How long after the customer entered the experiment.", examples=["30 days"])


def in_words(success: Success) -> str:
    """Return a success without its `where`: `purchase within 30 days`."""
    return f"{success.event} within {write_duration(success.within)}"


def _read_success(value: Any) -> Any:
    if isinstance(value, Success):
        return value
    match = _SUCCESS.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise not_in_format("an event type and a time such as 'purchase within 30 days'", value, "success")
    return Success(event=match[1], within=parse_duration(match[2]))


def _kind(value: Any) -> str:
    if isinstance(value, Success):
        return "text" if value.where is None else "mapping"
    return "mapping" if isinstance(value, dict) else "text"


SuccessAsWritten = Annotated[
    Annotated[
        Success,
        BeforeValidator(_read_success),
        PlainSerializer(in_words, return_type=str),
        WithJsonSchema(
            {"type": "string", "pattern": r"^\S+\s+within\s+.+$", "examples": ["purchase within 30 days"]}
        ),
        Tag("text"),
    ]
    | Annotated[Success, Tag("mapping")],
    Discriminator(_kind),
]
IN_30_DAYS: Final = Success(event="purchase", within=timedelta(days=30))
"""Of a rule that asks for `at-risk` or `win-back` and says nothing of it."""
_OF_ITSELF: Final = frozenset({"at-risk", "win-back"})


def success_of(action: str, said: Success | None) -> Success | None:
    """Return what counts as a success of a rule; None if it does not say it, and nothing else does.

    Args:
        action: that it asks for.
        said: by the rule, or for every rule.
    """
    return IN_30_DAYS if said is None and action in _OF_ITSELF else said


def share_left_out(percent: Decimal) -> Decimal:
    """Refuse a share that leaves out no one, or more customers than it leaves in."""
    if not 0 < percent <= 50:
        raise ValueError(f"from more than 0% up to 50% of the customers can be held out, found {percent}%")
    return percent


LeftOut = Annotated[Percent, AfterValidator(share_left_out)]


def _read_share_of_all(value: Any) -> Any:
    if isinstance(value, Decimal):
        return value
    match = _OF_ALL.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise not_in_format("'5% of everybody'", value, "share of all")
    return Decimal(match[1])


LeftOutOfAll = Annotated[
    Decimal,
    BeforeValidator(_read_share_of_all),
    AfterValidator(share_left_out),
    PlainSerializer(lambda percent: f"{percent:f}% of everybody", return_type=str),
    WithJsonSchema({"type": "string", "pattern": _OF_ALL.pattern, "examples": ["5% of everybody"]}),
]


def _read_points(value: Any) -> Any:
    if isinstance(value, Decimal):
        return value
    match = _POINTS.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or not 0 < Decimal(match[1]) <= 50:
        raise not_in_format("points of a hundred such as '3 points' (up to 50)", value, "points")
    return Decimal(match[1])


Points = Annotated[
    Decimal,
    BeforeValidator(_read_points),
    PlainSerializer(lambda points: f"{points:f} point" + ("" if points == 1 else "s"), return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{_POINTS.pattern}$", "examples": ["3 points"]}),
]
SMALLEST_DIFFERENCE: Final = Decimal(3)
"""Points, where nothing is said."""


def _all_treated(variants: dict[str, Decimal]) -> dict[str, Decimal]:
    if taken := variants.keys() & set(ARMS):
        raise WrongFormat(f"'{min(taken)}' is the name of an arm of every experiment: choose another one")
    if any(not share for share in variants.values()):
        raise ValueError("a variant needs more than 0%")
    if (whole := sum(variants.values())) != _WHOLE:
        raise ValueError(f"the variants share out all who get something, so 100% together, found {whole:f}%")
    return variants


Variants = Annotated[
    dict[Annotated[str, Field(pattern=_NAME)], Percent],
    Field(min_length=2, max_length=8),
    AfterValidator(_all_treated),
]


class Cap(Strict):
    """The most that counts of one customer's money."""

    amount: Decimal = Field(gt=0, le=1_000_000, decimal_places=2)
    currency: Currency | None = None

    def words(self) -> str:
        """Return it as it is written: `500` or `500 EUR`."""
        return f"{self.amount:f}" if self.currency is None else f"{self.amount:f} {self.currency}"


def _read_cap(value: Any) -> Any:
    if isinstance(value, Cap | dict):
        return value
    match = _CAP.fullmatch(str(value).strip())
    if isinstance(value, bool) or match is None or not 0 < Decimal(match[1]) <= _LARGEST_CAP:
        raise not_in_format("an amount up to 1,000,000, best with its currency, such as '500 EUR'", value)
    return Cap(amount=Decimal(match[1]), currency=match[2])


CapAsWritten = Annotated[
    Cap,
    BeforeValidator(_read_cap),
    PlainSerializer(Cap.words, return_type=str),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "maximum": _LARGEST_CAP},
                {"type": "string", "pattern": f"^{_CAP.pattern}$"},
            ],
            "examples": ["500 EUR"],
        }
    ),
]
