"""How much: which value looks like the amount of a purchase, in which unit, and where its currency is."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import iso4217

from workers.source_trial.guessing.guess import Guess, place_of, yaml_text
from workers.source_trial.guessing.leaves import Leaf
from workers.source_trial.guessing.vocabulary import words_of

__all__ = ["MoneyGuess", "money_of", "with_comma"]

_DECIMAL: Final = re.compile(r"\d{1,15}(\.\d{1,10})?")
_COMMA: Final = re.compile(r"[0-9.]{1,15},[0-9]{1,2}")
_GOOD: Final = {
    **dict.fromkeys(("grand",), 30),
    **dict.fromkeys(("total", "gross", "paid"), 25),
    **dict.fromkeys(("amount", "revenue", "value", "cent"), 15),
    **dict.fromkeys(("price", "sum", "turnover", "spend", "money", "cents", "minor", "centamount", "charged"), 10),
    "mc": 5,
}
_BAD: Final = {
    **dict.fromkeys(
        ("tax", "vat", "shipping", "discount", "discounts", "fee", "fees", "tip", "refund", "refunded"), 60
    ),
    **dict.fromkeys(("remaining", "due", "net", "balance", "unit", "base", "item", "items", "quantity", "qty"), 40),
    **dict.fromkeys(
        ("subtotal", "settlement", "credit", "earnings", "outstanding", "before", "previous", "rate"), 40
    ),
    **dict.fromkeys(("count", "number", "percentage", "percent", "points", "weight", "id", "duties", "deposit"), 60),
    **dict.fromkeys(("breakdown", "presentment", "approved", "authorized", "exchange", "probability", "version"), 20),
    **dict.fromkeys(
        ("time", "timestamp", "at", "date", "lifetime", "mrr", "usd", "original", "stock", "product"), 30
    ),
}
_MINOR_WORDS: Final = frozenset({"cents", "cent", "minor", "pence", "subunits", "centamount"})
_MICRO_WORDS: Final = frozenset({"micros", "micro"})
_DIGITS: Final = frozenset({"fractiondigits", "exponent", "precision", "decimals", "scale", "minorunits"})
_CURRENCY_WORDS: Final = frozenset({"currency", "curr", "ccy", "cur"})
_WHOLE: Final = frozenset({"transaction", "transactions", "payment", "payments", "charge", "charges"})
_OF_A_LIFE: Final = frozenset({"subscription", "customer", "user", "account", "contact", "profile"})
"""What they have paid in all is not what they paid now."""
_RIVALS: Final = 6
_LEAST: Final = 10
_SMALLEST_MINOR: Final = 100


@dataclass(frozen=True, slots=True)
class MoneyGuess:
    """The amount of a purchase with its currency; each says whether it needs a look."""

    amount: Guess
    currency: Guess


def money_of(leaves: Sequence[Leaf]) -> MoneyGuess | None:
    """Guess the amount and the currency of a purchase; None if nothing looks like an amount."""
    currencies = [leaf for leaf in leaves if _is_currency(leaf)]
    scored = [(_score(leaf, currencies), leaf) for leaf in leaves if _is_amount(leaf)]
    found = sorted(((score, leaf) for score, leaf in scored if score >= _LEAST), key=lambda each: -each[0])
    if not found:
        return None
    best, amount = found[0]
    rivals = [leaf for score, leaf in found[1:] if score >= best - _RIVALS and _differ(leaf, amount)]
    currency = min(currencies, key=lambda leaf: _distance(leaf, amount), default=None)
    guessed = _with_unit(amount, currency, leaves)
    if amount.in_list:
        guessed = guessed.doubted(f"{guessed.why}: that of the first entry of a list; is it the only one?")
    elif rivals and guessed.is_sure:
        guessed = guessed.doubted(f"{guessed.why}; or is it {rivals[0].place}?")
    return MoneyGuess(guessed, _currency(currency))


def with_comma(leaves: Sequence[Leaf]) -> Leaf | None:
    """Return what looks like an amount written with a decimal comma, which no mapping reads; None if nothing does."""
    for leaf in leaves:
        values = list(leaf.values.values())
        if {*leaf.words} & {*_GOOD} and values and all(_COMMA.fullmatch(str(value)) for value in values):
            return leaf
    return None


def _currency(leaf: Leaf | None) -> Guess:
    if leaf is None:
        return Guess("{constant: XXX}", "no value names a currency; XXX stands for none: write yours", is_sure=False)
    codes = ", ".join(str(code) for code in sorted({str(value).upper() for value in leaf.values.values()})[:4])
    return Guess(place_of(leaf), f"{leaf.seen()}: {codes}", leaf=leaf)


def _differ(one: Leaf, other: Leaf) -> bool:
    return any(str(other.values.get(number, value)) != str(value) for number, value in one.values.items())


def _is_currency(leaf: Leaf) -> bool:
    values = list(leaf.values.values())
    named = bool({*leaf.words} & _CURRENCY_WORDS) or any("currency" in word for word in leaf.words)
    return bool(values) and named and all(_code(value) is not None for value in values)


def _code(value: Any) -> iso4217.Currency | None:
    try:
        return iso4217.Currency(str(value).strip().upper())
    except ValueError:
        return None


def _is_amount(leaf: Leaf) -> bool:
    values = list(leaf.values.values())
    return bool(values) and all(map(_is_number, values)) and any(float(value) > 0 for value in values)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, int | float):
        return 0 <= value < 1e15
    return isinstance(value, str) and _DECIMAL.fullmatch(value) is not None


def _score(leaf: Leaf, currencies: Sequence[Leaf]) -> int:
    own = leaf.words
    above = [word for parent in leaf.parents[:2] for word in words_of(parent)]
    good = [_GOOD[word] for word in own if word in _GOOD]
    if not good and not any(word in _MINOR_WORDS | _MICRO_WORDS for word in own):
        return 0
    score = sum(good) or 10
    score += max((_GOOD[word] for word in above if word in _GOOD), default=0) // 2
    score -= sum(_BAD.get(word, 0) for word in own) + sum(_BAD.get(word, 0) for word in above) // 2
    if any(leaf.steps[:-1] == currency.steps[:-1] for currency in currencies if leaf.find is None):
        score += 12
    if leaf.in_list:
        # The first line of an order is not all of it; the first payment of a record mostly is.
        score -= 8 if {*above} & _WHOLE else 25
    elif {*above} & _WHOLE:
        score += 6
    if {"total", "revenue"} <= {*own} and {*above} & _OF_A_LIFE:
        score -= 45
    if "before" in leaf.parents:
        score -= 80
    missing = leaf.documents - len(leaf.values)
    return score - leaf.depth - 30 * missing // max(1, leaf.documents)


def _distance(currency: Leaf, amount: Leaf) -> tuple[int, int, int]:
    shared = 0
    for one, other in zip(currency.steps[:-1], amount.steps[:-1], strict=False):
        if one != other:
            break
        shared += 1
    between = len(currency.steps) + len(amount.steps) - 2 * shared
    words = {*currency.words}
    return between, int(bool(words & {"base", "global", "display", "presentment"})), -len(currency.values)


def _with_unit(leaf: Leaf, currency: Leaf | None, leaves: Sequence[Leaf]) -> Guess:
    """Return an amount with its unit: by what stands beside it, by its name, or else by how its values look."""
    seen = f"{leaf.seen()}, such as {leaf.example()}"
    values = list(leaf.values.values())
    digits = next((other for other in leaves if _tells_digits(other) and other.steps[:-1] == leaf.steps[:-1]), None)
    words = {*leaf.words} | ({*words_of(leaf.parents[0])} if leaf.parents else set())
    if digits is not None and leaf.find is None:
        return Guess(
            place_of(leaf, decimals=yaml_text(digits.place, in_flow=True)),
            f"{seen}; {digits.place} says its decimals",
            leaf=leaf,
        )
    if words & _MICRO_WORDS:
        return Guess(place_of(leaf, decimals="6"), f"{seen}; its name says millionths", leaf=leaf)
    if not all(_is_whole(value) for value in values):
        return Guess(place_of(leaf), seen, leaf=leaf)
    minor = place_of(leaf, unit="minor") if currency is not None else place_of(leaf, decimals="2")
    if words & _MINOR_WORDS:
        return Guess(minor, f"{seen}; its name says minor units", leaf=leaf)
    small_letters = currency is not None and any(str(code).islower() for code in currency.values.values())
    # A shop with two decimals has written 64.00 or 64.35 at some time, if its amounts are in major units.
    if (small_letters or len(values) >= 5 or isinstance(values[0], str) or "money" in words) and (
        max(float(value) for value in values) >= _SMALLEST_MINOR
    ):
        why = "whole numbers only" + (", and a currency in small letters" if small_letters else "")
        return Guess(minor, f"{seen}: {why}, so minor units; {_both(values[0], currency)}?", is_sure=False, leaf=leaf)
    if isinstance(values[0], int) and max(values) >= _SMALLEST_MINOR:
        return Guess(minor, f"{seen}: a whole number, {_both(values[0], currency)}?", is_sure=False, leaf=leaf)
    return Guess(place_of(leaf), f"{seen}: whole numbers, taken as they are", is_sure=False, leaf=leaf)


def _both(value: Any, currency: Leaf | None) -> str:
    code = "" if currency is None else " " + str(next(iter(currency.values.values()))).upper()
    return f"is it {int(value) / 100:.2f}{code} (unit: minor) or {value}{code}"


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, str) and "." not in value)


def _tells_digits(leaf: Leaf) -> bool:
    name = "".join(leaf.words)
    return name in _DIGITS and all(isinstance(value, int) and 0 <= value <= 6 for value in leaf.values.values())
