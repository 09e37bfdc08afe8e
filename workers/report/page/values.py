"""Values of a report as numbers for charts, and as cells of tables. Pure."""

from collections.abc import Callable, Sequence
from typing import Final

from workers.report.document import Count, Day, Incomplete, Interval, Missing, Money, Month, Number, Share, Value
from workers.report.words.language import Language

_UNIT: Final = 10_000
"""Amounts are given in this part of a currency."""
_HUNDREDTH: Final = 0.01
_GREAT: Final = 0.1
"""If one of them is this great, charts say shares without decimals."""
_MOST_PLACES: Final = 4
_USUAL_PLACES: Final = 1
_EXACT: Final = 1e-9


def plain(value: Value) -> Value:
    """Return a value without the mark that it can still change."""
    return plain(value.value) if isinstance(value, Incomplete) else value


def number_of(value: Value) -> float | None:
    """Return how far a value reaches along an axis; None if it is no number."""
    match plain(value):
        case Count(number) | Number(number):
            return number
        case Share() as share:
            return share.ratio
        case Money(amount):
            return amount / _UNIT
        case Interval(middle=middle):
            return number_of(middle)
    return None


def is_time(values: Sequence[Value]) -> bool:
    """Return whether all values are days or months."""
    return bool(values) and all(isinstance(plain(value), Day | Month) for value in values)


def open_from(values: Sequence[Value]) -> int:
    """Return from which place on, up to the end, no value is final; the number of values if the last one is."""
    place = len(values)
    while place and isinstance(values[place - 1], Incomplete | Missing):
        place -= 1
    while place < len(values) and isinstance(values[place], Missing):
        place += 1
    return place


def rounded_by(values: Sequence[Value], language: Language) -> Callable[[float], str] | None:
    """Return what writes shares that are no ticks: without decimals if some are great; None for all other values."""
    shares = [value.ratio for one in values if isinstance(value := plain(one), Share)]
    if not shares:
        return None
    places = int(max(shares) < _GREAT)
    return lambda number: language.formats.share(number, places)


def said_by(values: Sequence[Value], language: Language) -> Callable[[float], str]:
    """Return what writes numbers of an axis, of the kind that these values have."""
    known = next((one for one in map(plain, values) if not isinstance(one, Missing)), None)
    formats = language.formats
    match known:
        case Share():
            return lambda number: formats.share(number, _places(number * 100))
        case Money(_, currency):
            return lambda number: formats.money(round(number * _UNIT), currency)
    return lambda number: formats.number(number, _places(number))


def finest_of(values: Sequence[Value]) -> float:
    """Return the smallest step that an axis of these values may have; 0 for any."""
    kinds = {type(one) for one in map(plain, values)} - {Missing}
    if kinds <= {Count}:
        return 1.0
    return _HUNDREDTH if kinds == {Money} else 0.0


def _places(number: float) -> int:
    """Return how many decimals a round number has, and few for one that is not round."""
    return next(
        (places for places in range(_MOST_PLACES) if abs(round(number, places) - number) < _EXACT), _USUAL_PLACES
    )
