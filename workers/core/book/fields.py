"""The fields of the book: what is counted, by UTC day, over all customers together.

A book is: UTC day (days since 1970) → field → whole number. A field is a name and up to two labels,
`reason:too expensive`, `move:member:lapsed`. Amounts are ten-thousandths of a currency. The grammar is closed:
`FACTS` and `DOINGS` have every name. Labels are declared values and values of declared attributes, never an id and
never free text.

*Facts* are a function of the log's order: each event is classified once, when it is folded. *Doings* are counted
where they are decided. A rebuild counts facts again, but for those that are lasting (`is_lasting`).
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

EVENTS: Final = "events"
LATE: Final = "late"
REVENUE: Final = "revenue"
REFUNDS: Final = "refunds"
REVENUE_NEW: Final = "revenue_new"
NEW: Final = "new"
FIRST: Final = "first"
SECOND: Final = "second"
SECOND_AFTER: Final = "second_after"
BUYERS: Final = "buyers"
BACK: Final = "back"
CANCELLED: Final = "cancelled"
REASON: Final = "reason"
REASON_VALUE: Final = "reason_value"
COMPLAINT: Final = "complaint"
COMPLAINT_VALUE: Final = "complaint_value"
CONTRACT_BEGUN: Final = "contract_begun"
CONTRACT_ENDED: Final = "contract_ended"
CONTRACT_ENDED_YOUNG: Final = "contract_ended_young"
CONTRACT_BACK_YOUNG: Final = "contract_back_young"
NPS: Final = "nps"
NPS_AGAIN: Final = "nps_again"
MOVE: Final = "move"
AFTER_CLOSING: Final = "after_closing"

ACTED: Final = "acted"
SHADOW: Final = "shadow"
HELD: Final = "held"
HELD_OUT: Final = "held_out"
RETRACTED: Final = "retracted"
REFUSED: Final = "refused"

FACTS: Final[Mapping[str, int]] = {
    EVENTS: 1,  # by type
    LATE: 1,  # by type: older than the customer's latest event
    REVENUE: 1,  # by currency, as all amounts
    REFUNDS: 1,
    REVENUE_NEW: 1,  # the part of it by customers whose first purchase is in the same month
    NEW: 0,  # a customer's first event
    FIRST: 0,  # a customer's first purchase, and the second
    SECOND: 0,
    SECOND_AFTER: 1,  # how long after the first, one of `SECOND_WITHIN` or `MORE`
    BUYERS: 1,  # a customer's first purchase in the month; by the month of the first purchase ever
    BACK: 0,  # a purchase after a break
    CANCELLED: 1,  # VOLUNTARY or INVOLUNTARY
    REASON: 1,  # of a cancellation
    REASON_VALUE: 2,  # by reason and currency: the value that left
    COMPLAINT: 1,  # by subject
    COMPLAINT_VALUE: 2,  # by subject and currency: the value of who complains
    CONTRACT_BEGUN: 0,
    CONTRACT_ENDED: 0,
    CONTRACT_ENDED_YOUNG: 0,  # begun in the same month
    CONTRACT_BACK_YOUNG: 0,  # begun again in the month in which it ended
    NPS: 1,  # by score, 0 to 10
    NPS_AGAIN: 1,  # the answer of the same month that another one replaces
    MOVE: 2,  # from one stage to another
    AFTER_CLOSING: 0,  # on the day on which it comes: an event of a day that is closed
}
"""How many labels each fact has."""

DOINGS: Final[Mapping[str, int]] = {
    ACTED: 1,  # by rule, as all doings
    SHADOW: 1,
    HELD: 1,
    HELD_OUT: 1,
    RETRACTED: 2,  # by rule and reason
    REFUSED: 2,  # by rule and reason
}
"""How many labels each doing has."""

VOLUNTARY: Final = "voluntary"
INVOLUNTARY: Final = "involuntary"
NO_CURRENCY: Final = "-"
"""Stands for a currency that is not said."""
NO_LABEL: Final = "-"
"""Stands for a value that is not said."""
OTHER: Final = "other"
_MOST_WORDS: Final = 4
_FREE: Final = re.compile(r"""[,;!?@"]|[^\W\d_]\.|\d{5}""")
"""Stands for all values but the most frequent ones of a day."""
MORE: Final = "more"
SECOND_WITHIN: Final = (30, 90, 180)
"""Days between the first and the second purchase. A label says the first of these that they do not exceed."""
LONGEST_LABEL: Final = 40
MOST_VALUES: Final = 50
"""How many values of a day have a field of their own."""

_LASTING: Final = frozenset({*DOINGS, MOVE, AFTER_CLOSING})
_AMOUNTS: Final = frozenset({REVENUE, REFUNDS, REVENUE_NEW, REASON_VALUE, COMPLAINT_VALUE})
_VALUES: Final = {REASON: REASON, REASON_VALUE: REASON, COMPLAINT: COMPLAINT, COMPLAINT_VALUE: COMPLAINT}
"""By name, the name whose numbers say which values are frequent."""


def label(value: object) -> str:
    """Return a value as a label: at most 40 characters, without a colon, a bar or a control character."""
    text = str(value)[:LONGEST_LABEL]
    return "".join("_" if one in ":|" or not one.isprintable() else one for one in text) or NO_LABEL


def said_label(value: object) -> str:
    """Return what a customer's event says as a label: a short name of a few words, anything else is `OTHER`.

    What looks like free text, an address or a number of something could name a person, and the book names no one.
    """
    text = str(value)
    is_name = len(text) <= LONGEST_LABEL and len(text.split()) <= _MOST_WORDS and not _FREE.search(text)
    return label(text) if is_name else OTHER


def field(name: str, *labels: object) -> str:
    """Return a field.

    Raises:
        ValueError: if there is no such name, or it has another number of labels.
    """
    number = FACTS.get(name, DOINGS.get(name, -1))
    if number != len(labels):
        raise ValueError(f"the book has no '{name}' with {len(labels)} labels")
    return ":".join((name, *map(label, labels)))


def parts_of(field: str) -> tuple[str, ...]:
    """Return the name of a field, and its labels."""
    return tuple(field.split(":"))


def is_doing(field: str) -> bool:
    """Return whether a field counts what was done, not what happened."""
    return parts_of(field)[0] in DOINGS


def is_amount(field: str) -> bool:
    """Return whether a field holds ten-thousandths of a currency."""
    return parts_of(field)[0] in _AMOUNTS


def is_lasting(field: str) -> bool:
    """Return whether a rebuild leaves a field alone: it counts what the log alone does not say."""
    return parts_of(field)[0] in _LASTING


def value_of(field: str) -> tuple[str, str] | None:
    """Return the name that counts the values of a field, and its value; None if it has none that can be any."""
    name, *labels = parts_of(field)
    counted = _VALUES.get(name)
    return None if counted is None else (counted, labels[0])


def as_other(field: str) -> str:
    """Return a field that has a value as that of all other values."""
    name, _, *rest = parts_of(field)
    return ":".join((name, OTHER, *rest))


def with_most_frequent(fields: Mapping[str, int]) -> Counter[str]:
    """Return the fields of a day in which the 50 most frequent values stay; of equal ones, the first by name."""
    numbers: dict[str, Counter[str]] = {}
    for name in fields:
        value = value_of(name)
        if value is not None:
            counted = numbers.setdefault(value[0], Counter())
            counted[value[1]] += fields[name] if parts_of(name)[0] == value[0] else 0
    frequent = {name: _most_frequent(counted) for name, counted in numbers.items()}
    kept: Counter[str] = Counter()
    for name, number in fields.items():
        value = value_of(name)
        stays = value is None or value[1] in frequent[value[0]]
        kept[name if stays else as_other(name)] += number
    return kept


def _most_frequent(numbers: Mapping[str, int]) -> Iterable[str]:
    ordered = sorted((value for value in numbers if value != OTHER), key=lambda value: (-numbers[value], value))
    return {*ordered[:MOST_VALUES], OTHER}
