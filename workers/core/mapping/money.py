"""Amounts in minor units, and how currencies are written. Exact: no amount is ever a binary fraction. Pure."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from iso4217 import Currency

from schemas.events import InvalidEvent, Unusable
from schemas.places import Money
from workers.core.mapping.places import Context, compile_place, is_empty, path_finder
from workers.core.mapping.record import SourceRecord
from workers.core.mapping.words import in_words, shown

FindAmount = Callable[[Any, SourceRecord, Any], Any]
"""`find(document, record, currency)` -> the amount in the currency itself, None for nothing."""

DecimalsOf = Callable[[Any, SourceRecord, Any], int]
"""`decimals(document, record, currency)` -> how many digits of a minor amount are behind the point."""

_ISO: Final[Mapping[str, int | None]] = {currency.code: currency.exponent for currency in Currency}
_LONGEST: Final = 40
_MOST_DECIMALS: Final = 12
_FEWEST_LETTERS: Final = 3


def currency_of(value: Any) -> Any:
    """Return a currency in capitals and without blanks around it; what cannot be one is returned as it is."""
    if value.__class__ is str and value.isascii() and (stripped := value.strip().upper()) != value:
        return stripped
    return value


def compile_amount(places: Sequence[Money], context: Context) -> FindAmount:
    """Compile the places of an amount; at least one is in minor units."""
    compiled = [
        (compile_place(place, context), compile_decimals(place) if place.is_minor else None, in_words(place))
        for place in places
    ]
    is_list = len(compiled) > 1

    def amount(document: Any, record: SourceRecord, currency: Any) -> Any:
        for find, decimals, at in compiled:
            value = find(document, record)
            if value is None or (is_list and (is_empty(value) or value.__class__ is Unusable)):
                continue
            if value.__class__ is Unusable:
                raise InvalidEvent(value.reason, f"'amount' cannot be read at {at}: {value.reason}", field="amount")
            if decimals is None:
                return value
            return in_major_unit(value, decimals(document, record, currency), at)
        return None

    return amount


def in_major_unit(value: Any, decimals: int, at: str) -> Decimal:
    """Return an amount in minor units in the currency itself, exactly.

    Args:
        value: a number, or a number as text.
        decimals: how many of its digits are behind the point.
        at: where it was found, in words.

    Raises:
        InvalidEvent: `impossible_amount`, `not_finite_amount`, or `fractional_minor_amount`: an amount
            in the currency itself would become a hundred times too small.
    """
    number = _exact(value)
    if number is None:
        detail = f"'amount': expected a number of minor units, found {shown(value)}; read from {at}"
        raise InvalidEvent("impossible_amount", detail, field="amount")
    sign, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int):
        detail = f"'amount': expected a finite number, found {shown(value)}; read from {at}"
        raise InvalidEvent("not_finite_amount", detail, field="amount")
    if exponent < 0 and any(digits[exponent:]):
        detail = (
            f"'amount': expected a whole number of minor units, found {shown(value)}; is it in the currency itself, "
            f"so that 'unit: minor' or 'decimals' has to go? Read from {at}"
        )
        raise InvalidEvent("fractional_minor_amount", detail, field="amount")
    # Not `scaleb`, which rounds to 28 digits.
    return Decimal((sign, digits, exponent - decimals))


def _exact(value: Any) -> Decimal | None:
    kind = value.__class__
    if kind is int:
        return Decimal(value)
    if kind is float:
        return Decimal(repr(value))
    if kind is Decimal:
        return Decimal(value)
    if kind is str and len(value) <= _LONGEST and value.isascii() and "_" not in value:
        try:
            number = Decimal(value.strip())
        except InvalidOperation:
            return None
        return number if not number.is_finite() or abs(number.adjusted()) <= _LONGEST else None
    return None


def compile_decimals(place: Money) -> DecimalsOf:
    """Return what gives the decimals of amounts at a place; it raises `InvalidEvent` if nothing says them."""
    written = place.decimals
    if isinstance(written, int):
        return lambda *_: written
    if isinstance(written, str):
        return _at_path(written)
    return _by_currency(written or {})


def _at_path(path: str) -> DecimalsOf:
    find = path_finder(path)

    def decimals(document: Any, record: SourceRecord, _: Any) -> int:
        found = find(document, record)
        if found.__class__ is str and found.isascii() and found.isdigit() and len(found) <= _FEWEST_LETTERS:
            found = int(found)
        if found.__class__ is float and found.is_integer():
            found = int(found)
        if found.__class__ is not int or not 0 <= found <= _MOST_DECIMALS:
            detail = (
                f"'amount': its decimals at path '{path}' must be a whole number from 0 to {_MOST_DECIMALS}, found "
                f"{shown(found)}"
            )
            raise InvalidEvent("unknown_decimals", detail, field="amount")
        return int(found)

    return decimals


def _by_currency(exceptions: Mapping[str, int]) -> DecimalsOf:
    def decimals(_: Any, __: SourceRecord, currency: Any) -> int:
        known = exceptions.get(currency, _ISO.get(currency)) if currency.__class__ is str else None
        if known is None:
            detail = f"'amount' is in minor units; ISO 4217 has no decimals for {shown(currency)}: write 'decimals'"
            raise InvalidEvent("unknown_decimals", detail, field="amount")
        return known

    return decimals
