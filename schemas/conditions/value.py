"""`value: at least 480`, `value: {at least: 100, less than: 480}`, `value: top 20%`."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final, NamedTuple

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, WithJsonSchema, model_validator
from pydantic.json_schema import SkipJsonSchema

from schemas.conditions.bounds import BOUND_WORDS, Bounds
from schemas.conditions.elementary import Elementary
from schemas.conditions.uses import AttributeUse
from schemas.conditions.words import Between, Percent, Reference, Strict, Window
from schemas.refusals import InconsistentEntries, not_in_format

COST_OF_WINNING: Final = "cost of winning"
"""Stands for the cost of winning a customer, in place of an amount."""
CURRENCY_ATTRIBUTE: Final = "currency"
"""The attribute of an event that says in which currency its amounts are."""
RATE_DIGITS: Final = 6
"""Decimal places of a rate."""

_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_AMOUNT: Final = re.compile(r"-?(?:\d{1,3}(?:,\d{3}){1,3}|\d{1,12})(?:\.\d{1,4})?")
_IN_ONE_TEXT: Final = re.compile(r"(at\s+least|at\s+most|more\s+than|less\s+than|between|top(?=.*%))\s+(\S.*)")
_EXPECTED: Final = "a value such as 'at least 480', 'top 20%' or {at least: 100, less than: 480}"


def _read_currency(value: Any) -> Any:
    if not isinstance(value, str) or _CURRENCY.fullmatch(value) is None:
        raise not_in_format("a currency such as 'EUR'", value, "currency")
    return value


Currency = Annotated[
    str, BeforeValidator(_read_currency), WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$"})
]


def _read_amount(value: Any) -> Any:
    if value == COST_OF_WINNING or isinstance(value, Decimal):
        return value
    text = str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    if _AMOUNT.fullmatch(text) is None:
        raise not_in_format(f"an amount such as 480, or '{COST_OF_WINNING}'", value, "amount")
    return Decimal(text.replace(",", ""))


Amount = Annotated[
    Decimal | str,
    BeforeValidator(_read_amount),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"const": COST_OF_WINNING}], "examples": [480]}),
]
"""An amount of money, or `cost of winning`."""


class Part(NamedTuple):
    """Events whose amounts are part of a customer's value.

    Attributes:
        reference: the attribute with the amount, as `type.attribute`.
        currency: events of this currency count; None for all.
        rate: what one unit of it is worth.
        is_less: whether it lowers the value.
    """

    reference: str
    currency: str | None
    rate: Decimal
    is_less: bool

    @property
    def type(self) -> str:
        """The event type."""
        return self.reference.partition(".")[0]

    @property
    def where(self) -> dict[str, str] | None:
        """The filter of its events."""
        return None if self.currency is None else {CURRENCY_ATTRIBUTE: self.currency}


class Measured(Strict):
    """How the value of a customer is measured."""

    revenue: Annotated[list[Reference], Field(min_length=1, max_length=8)] = Field(
        description="The attributes of events that add up to what a customer brings.",
        examples=[["purchase.amount", "renewal.amount"]],
    )
    less: Annotated[list[Reference], Field(max_length=8)] = Field(
        default_factory=list, description="What lowers it, such as refunds.", examples=[["refund.amount"]]
    )
    currency: Currency | None = Field(
        default=None,
        description="The currency of the value. With it, only events of this currency count, and those with a rate. "
        "Without it, amounts are added up as they are.",
        examples=["EUR"],
    )
    rates: Annotated[
        dict[Currency, Annotated[Decimal, Field(gt=0, le=1_000_000, decimal_places=RATE_DIGITS)]], Field(max_length=8)
    ] = Field(
        default_factory=dict,
        description="For other currencies, what one unit is worth in `currency`. The rates are fixed.",
        examples=[{"USD": 0.92}],
    )
    within: Window | None = Field(
        default=None, description="The last N days, including today. By default: ever.", examples=["365 days"]
    )

    @model_validator(mode="after")
    def _consistent(self) -> "Measured":
        if self.rates and self.currency is None:
            raise InconsistentEntries("'rates' need the 'currency' into which they convert", "rates")
        if self.currency in self.rates:
            raise InconsistentEntries(f"{self.currency} is the currency of the value, and needs no rate", "rates")
        both = [one for one in self.revenue if one in self.less]
        if both:
            raise InconsistentEntries(f"{both[0]} cannot be both, revenue and what lowers it", "less")
        for key, references in (("revenue", self.revenue), ("less", self.less)):
            if len(set(references)) < len(references):
                raise InconsistentEntries("an attribute is named twice, and would count twice", key)
        return self

    def parts(self) -> Iterator[Part]:
        """Yield what adds up to the value."""
        currencies: list[tuple[str | None, Decimal]] = [(self.currency, Decimal(1)), *self.rates.items()]
        for references, is_less in ((self.revenue, False), (self.less, True)):
            for reference in references:
                for currency, rate in currencies:
                    yield Part(reference, currency, rate, is_less)

    def types(self, *, is_less: bool | None = None) -> list[str]:
        """Return the event types that it adds up: all, only those that lower it, or only the others."""
        references = (*(() if is_less else self.revenue), *(() if is_less is False else self.less))
        return list(dict.fromkeys(reference.partition(".")[0] for reference in references))

    def attribute_uses(self) -> Iterator[AttributeUse]:
        """Yield every use of an attribute that needs a type."""
        for reference in (*self.revenue, *self.less):
            yield AttributeUse(reference, "number")
        if self.currency is not None:
            for name in self.types():
                yield AttributeUse(f"{name}.{CURRENCY_ATTRIBUTE}", "text", self.currency)


class MeasuredAs(Measured):
    """How the value is measured, for one condition; the amounts are those that it names.

    Attributes:
        amounts: by `top 20%` or `cost of winning`, the amount.
    """

    amounts: dict[str, Decimal] = Field(default_factory=dict)


class Worth(Strict):
    """Bounds for the value of a customer."""

    at_least: Amount | None = Field(default=None, alias="at least", description="This much or more.", examples=[480])
    at_most: Amount | None = Field(default=None, alias="at most", description="This much or less.", examples=[100])
    more_than: Amount | None = Field(default=None, alias="more than", description="More than this.", examples=[0])
    less_than: Amount | None = Field(
        default=None, alias="less than", description="Less than this.", examples=[100, COST_OF_WINNING]
    )
    between: Between | None = Field(default=None, description="Two amounts, both included.", examples=["100 and 480"])
    top: Percent | None = Field(
        default=None,
        description="Among this share of all customers, by the threshold that `linger rules tune` has measured.",
        examples=["20%"],
    )

    @model_validator(mode="after")
    def _sensible(self) -> "Worth":
        if self.top is not None and any(getattr(self, key) is not None for key in _BOUND_KEYS):
            raise InconsistentEntries(
                "'top' stands alone: for a part of the top, combine two values under 'all'", "top"
            )
        if self.top is not None and not 0 < self.top < 100:
            raise InconsistentEntries(
                f"a share between 0% and 100% is meant, found {self.top:f}%", "top", is_value=True
            )
        if self.top is None:
            Bounds.model_validate(
                {key: one for key, one in self._entries() if not isinstance(one, str)} or {"at_least": 0}
            )
            if not any(True for _ in self._entries()):
                raise ValueError(f"needs a bound: expected {_EXPECTED}")
        return self

    def _entries(self) -> Iterator[tuple[str, Any]]:
        for key in _BOUND_KEYS:
            if (bound := getattr(self, key)) is not None:
                yield key, bound

    def names(self) -> list[str]:
        """Return the amounts that are named and must be known: `top 20%`, `cost of winning`."""
        if self.top is not None:
            return [top(self.top)]
        return [COST_OF_WINNING] if any(bound == COST_OF_WINNING for _, bound in self._entries()) else []

    def bounds(self, amounts: Mapping[str, Decimal]) -> Bounds | None:
        """Return the bounds with every named amount filled in; None if one is not known.

        Raises:
            ValueError: no amount is within them.
        """
        names = self.names()
        if any(name not in amounts for name in names):
            return None
        if self.top is not None:
            return Bounds(at_least=amounts[names[0]])
        return Bounds.model_validate({key: amounts.get(bound, bound) for key, bound in self._entries()})

    def words(self) -> str:
        """Return the bounds as they were written."""
        if self.top is not None:
            return self.names()[0]
        parts = [
            f"between {bound[0]:f} and {bound[1]:f}"
            if isinstance(bound, tuple)
            else f"{BOUND_WORDS[key]} {_shown(bound)}"
            for key, bound in self._entries()
        ]
        return " and ".join(parts)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: GetJsonSchemaHandler) -> Any:
        """Add the form in one text."""
        schema = handler(core_schema)
        text = {
            "type": "string",
            "pattern": r"^(at\s+least|at\s+most|more\s+than|less\s+than|between|top)\s+\S.*$",
            "examples": ["at least 480", "top 20%", f"less than {COST_OF_WINNING}"],
        }
        return {"description": schema.pop("description", ""), "anyOf": [text, schema]}


_BOUND_KEYS: Final = ("at_least", "at_most", "more_than", "less_than", "between")


def top(share: Decimal) -> str:
    """Name the customers of the greatest value: `top 20%`."""
    return f"top {share.normalize():f}%"


def _shown(bound: Decimal | str) -> str:
    return bound if isinstance(bound, str) else f"{bound:f}"


def _read_worth(value: Any) -> Any:
    if isinstance(value, Worth | dict):
        return value
    match = _IN_ONE_TEXT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise not_in_format(_EXPECTED, value, "value")
    return {" ".join(match[1].split()): match[2].strip()}


class Value(Elementary):
    """What a customer is worth, measured as `value` of a rule file says."""

    also_written: ClassVar = {"value": "worth clv ltv lifetime_value customer_value customer_lifetime_value revenue"}
    begun: ClassVar = dict.fromkeys(
        ("top", "best", "tier", "value tier"), "write the share after 'value', such as 'value: top 20%'"
    )
    elsewhere: ClassVar = {
        "within": "the period is the same for all rules: it stands under 'value', at the top of a file",
        **dict.fromkeys(
            ("at least", "at most", "more than", "less than", "fewer than", "between", "exactly"),
            "the bound is part of the value, such as 'value: at least 480'; one attribute is added up with 'sum:'",
        ),
    }

    value: Annotated[Worth, BeforeValidator(_read_worth)] = Field(
        description="How much.", examples=["at least 480", {"at least": 100, "less than": 480}, "top 20%"]
    )
    measured: SkipJsonSchema[MeasuredAs | None] = Field(
        default=None,
        alias="(measured)",
        description="How the value is measured: filled in when rule files are read together, never in a file.",
    )

    def events(self) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
        """Yield the events that add up to the value."""
        for part in () if self.measured is None else self.measured.parts():
            yield part.type, part.where

    def uses(self) -> Iterator[AttributeUse]:
        """Yield every use of an attribute that needs a type."""
        if self.measured is not None:
            yield from self.measured.attribute_uses()

    def observed(self) -> set[str]:
        """Return the attributes that it adds up."""
        return set() if self.measured is None else {*self.measured.revenue, *self.measured.less}

    def shares(self) -> set[Decimal]:
        """Return the share of the top that it asks for, if it does."""
        return set() if self.value.top is None else {self.value.top}

    def bounds(self) -> Bounds | None:
        """Return the bounds as amounts; None while they are not known."""
        return self.value.bounds({} if self.measured is None else self.measured.amounts)

    def measured_by(self, measured: Measured | None, amounts: Mapping[str, Decimal]) -> "Value":
        """Return the condition with how the value is measured; without, if an amount that it names is not known."""
        named = {name: amounts[name] for name in self.value.names() if name in amounts}
        how = None
        if measured is not None and self._is_possible(named):
            own = {name: getattr(measured, name) for name in Measured.model_fields}
            how = MeasuredAs(**own, amounts=named)
        return self.model_copy(update={"measured": how})

    def _is_possible(self, amounts: Mapping[str, Decimal]) -> bool:
        try:
            return self.value.bounds(amounts) is not None
        except ValueError:
            return False
