"""Tests of values: the `where` of an event and the `latest` of an attribute, compiled to functions.

A value is compared without conversion: the text "5" is not the number 5, and true is not 1. Numbers are compared
exactly; a float counts as the decimal number it is written as. A value that is not a text, number or true/false
passes no test. Knows no customer and no clock.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from hashlib import blake2b
from math import isfinite
from typing import Any, Final

from schemas.conditions import Bounds, Different
from workers.core.events.decoding import UNIT, DecodedEvent, scaled

Matcher = Callable[[DecodedEvent], bool]
"""Returns whether an event matches."""
Test = Callable[[Any], bool]
"""Returns whether a value matches; never raises."""

_LARGEST: Final = scaled(10**15)
_BOUND: Final = Decimal(_LARGEST // UNIT)
_SHORT_NUMBER: Final = re.compile(r"-?\d{1,16}(\.\d{1,10})?", re.ASCII)


def matcher_of(where: Mapping[str, Any] | None) -> Matcher | None:
    """Return the matcher of a `where`; None if every event matches."""
    if not where:
        return None
    tests = [(name, value_test(value)) for name, value in where.items()]
    if len(tests) == 1:
        ((only, passes),) = tests
        return lambda event: passes(event.attributes.get(only))

    def matches(event: DecodedEvent) -> bool:
        attributes = event.attributes
        return all(passes(attributes.get(name)) for name, passes in tests)

    return matches


def carries_number(attribute: str, matches: Matcher | None) -> Matcher:
    """Return a matcher for the events among those of `matches` (None: all) whose attribute is a number."""

    def carries(event: DecodedEvent) -> bool:
        return scaled_number(event.attributes.get(attribute)) is not None and (matches is None or matches(event))

    return carries


def carries_value(attribute: str) -> Matcher:
    """Return a matcher for the events whose attribute has a value that is kept: a text, a number, true or false."""
    return lambda event: is_plain(event.attributes.get(attribute))


def value_test(wanted: Any) -> Test:
    """Return the test of a filter.

    Args:
        wanted: as in rule files: a text, number or true/false, a list of them (any one), `Bounds`, or `Different`
            (any value except these).
    """
    match wanted:
        case Bounds():
            return _between(wanted)
        case Different(other_than=other):
            refuses = value_test(other)
            return lambda value: is_plain(value) and not refuses(value)
        case list():
            return _one_of(wanted)
        case str():
            return lambda value: value.__class__ is str and value == wanted
        case bool():
            return lambda value: value is wanted
    return _one_of([wanted])


def is_plain(value: Any) -> bool:
    """Return whether rules can name a value: a text, a number, true or false."""
    return value.__class__ is str or value.__class__ is bool or exact_number(value) is not None


def exact_number(value: Any) -> int | Decimal | None:
    """Return a number exactly; None if the value is true, false, infinite or not a number."""
    if isinstance(value, int):
        return None if isinstance(value, bool) else value
    if isinstance(value, float):
        return Decimal(str(value)) if isfinite(value) else None
    return value if isinstance(value, Decimal) and value.is_finite() else None


def scaled_number(value: Any) -> int | None:
    """Return a number in whole ten-thousandths, rounded half to even and bounded; None if it is not a number."""
    if value.__class__ is int:
        return max(-_LARGEST, min(_LARGEST, value * UNIT))
    if value.__class__ is Decimal and value.is_finite() and -_BOUND <= value <= _BOUND:
        # A number with at most four decimals needs no rounding.
        number = value * UNIT
        if (whole := int(number)) == number:
            return whole
    return None if exact_number(value) is None else scaled(value)


def fingerprint_of(value: Any) -> int | None:
    """Return a 32-bit hash of a value, for counting distinct values; None if it is not a plain value.

    A number, true or false counts as the text that a table has for it: `1` and `"1"` are one value. Two different
    texts stay two values: `"1.10"` is not `"1.1"`, nor `"007"` `"7"`.
    """
    if value.__class__ is str:
        text = _text_as_plain(value) or f"str {value}"
    elif value.__class__ is bool:
        text = f"bool {value}"
    elif (number := exact_number(value)) is not None:
        # 1, 1.0 and 1.00 are one value.
        text = f"number {_shortest(number)}"
    else:
        return None
    return _hashed(text)


def fingerprint_of_text_0_1(text: str) -> int:
    """Return the hash of a text that series filled by release 0.1 still hold: `"1"` was not `1`."""
    return _hashed(f"str {text}")


def _hashed(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(errors="replace"), digest_size=4).digest(), "big")


def _text_as_plain(text: str) -> str | None:
    """Return what is hashed of the number, true or false that a table writes as this text; None if there is none."""
    if text in ("true", "false"):
        return f"bool {text.capitalize()}"
    if _SHORT_NUMBER.fullmatch(text) is None or _shortest(Decimal(text)) != text:
        return None
    return f"number {text}"


def _one_of(wanted: list[Any]) -> Test:
    texts = frozenset(choice for choice in wanted if isinstance(choice, str))
    truths = tuple(choice for choice in wanted if isinstance(choice, bool))
    # No float equals the exact decimal 19.99: numbers are compared as they are written.
    numbers = frozenset(
        number
        for choice in wanted
        if not isinstance(choice, str | bool) and (number := exact_number(choice)) is not None
    )

    def is_one_of(value: Any) -> bool:
        kind = value.__class__
        if kind is str:
            return value in texts
        if kind is bool:
            return value in truths
        number = exact_number(value)
        return number is not None and number in numbers

    return is_one_of


def _between(bounds: Bounds) -> Test:
    low, high = bounds.limits()
    least, most = None if low is None else _quick(low[0]), None if high is None else _quick(high[0])
    above, below = low is not None and low[1], high is not None and high[1]

    def is_between(value: Any) -> bool:
        number = exact_number(value)
        if number is None:
            return False
        if least is not None and (number < least or (above and number == least)):
            return False
        return most is None or not (number > most or (below and number == most))

    return is_between


def _quick(bound: Decimal) -> int | Decimal:
    """Return a whole bound as an int, which compares faster."""
    # Beyond 28 digits `to_integral_value` may fail; such a bound stays a Decimal.
    return int(bound) if bound.adjusted() < 18 and bound == bound.to_integral_value() else bound


def _shortest(number: int | Decimal) -> str:
    """Return the same text for equal numbers (of up to 28 digits)."""
    if number.__class__ is int and -_LARGEST < number < _LARGEST:
        return str(number)
    try:
        number = Decimal(number).normalize()
        return str(int(number)) if number.adjusted() < 17 and number == int(number) else str(number)
    except ArithmeticError:  # beyond the range of decimals
        return "beyond"
