"""Answers to the question whether a customer may be written to: which spellings mean yes, and which no."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from math import isfinite
from typing import Any, Final

_BETWEEN_WORDS: Final = re.compile(r"(?<=[^\s_-])[\s_-]+(?=[^\s_-])")
"""Not before the first word: `-1` is not `1`."""
_LONGEST: Final = 200

TRUTHS: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1", "1.0"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0", "0.0"), False),
}
"""Words that only answer a question. They change sides if the question is whether the customer opted *out*."""

WORDS: Final[Mapping[str, bool]] = {
    **dict.fromkeys(
        (
            *("opted in", "opt in", "optin", "optedin", "double opt in", "subscribed", "subscribe"),
            *("granted", "grant", "given", "accepted", "accept", "allowed", "allow", "agreed", "agree"),
            *("consented", "consent", "confirmed", "approved", "enabled", "permitted"),
        ),
        True,
    ),
    **dict.fromkeys(
        (
            *("opted out", "opt out", "optout", "optedout", "unsubscribed", "unsubscribe", "not subscribed"),
            *("withdrawn", "withdraw", "revoked", "denied", "deny", "declined", "decline", "refused", "rejected"),
            *("reject", "not granted", "not given", "not allowed", "disallowed", "disagreed", "disabled", "blocked"),
            *("objected", "suppressed", "do not contact", "never"),
        ),
        False,
    ),
}
"""Words that say what was answered, to either question."""


def spelling_of(value: Any) -> str:
    """Return a value as it is compared: without blanks around it and without case; `opt_out` is `opt out`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal) and isfinite(value) and value == int(value):
        return str(int(value))
    return _BETWEEN_WORDS.sub(" ", str(value)[:_LONGEST].strip()).casefold()


def answers(opted_in: Iterable[Any], opted_out: Iterable[Any]) -> dict[str, bool]:
    """Return by spelling whether it means yes: the common ones, and those that a rule file names, which come first.

    Where `opted out` names `true` (or another word of that side), or `opted in` names `false`, the attribute says
    whether the customer opted out: then every yes of `TRUTHS` means no, and every no means yes.
    """
    named = {
        **dict.fromkeys(map(spelling_of, opted_in), True),
        **dict.fromkeys(map(spelling_of, opted_out), False),
    }
    agree = {TRUTHS[word] == means for word, means in named.items() if word in TRUTHS}
    truths = {word: not means for word, means in TRUTHS.items()} if agree == {False} else TRUTHS
    return {**truths, **WORDS, **named}
