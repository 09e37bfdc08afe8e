"""Kind: what the rest of Linger asks of a kind of condition, without knowing which one it is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workers.core.conditions.condition import Condition
from workers.core.phrases import Said
from workers.core.rules.binding import Binding


def nothing(when: Any) -> dict[str, int]:
    """Return no numbers of events: the condition may be true with any."""
    return {}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of condition; `when` is a condition of the kind as written (`schemas.conditions`).

    Attributes:
        word: its word in rule files (`schemas.conditions.condition_kind`).
        model: how it is written.
        said: words it; with `holds=False`, its opposite.
        compile: makes the condition of the customer of a rule set.
        types: the event types that can change its truth.
        can_turn_false, can_turn_true: the types whose unseen events could turn it from true to false, and from false
            to true.
        least_events, most_events: by event type, the fewest and the most seen events with which it can be true; types
            without a bound are missing.
        reads_tenure: whether it reads since when the customer is known.
        where_declared: those of its types that it reads only where the operator has declared them.
    """

    word: str
    model: type
    said: Callable[..., Said]
    compile: Callable[[Any, Binding], Condition]
    types: Callable[[Any], set[str]]
    can_turn_false: Callable[[Any], set[str]]
    can_turn_true: Callable[[Any], set[str]]
    least_events: Callable[[Any], dict[str, int]] = nothing
    most_events: Callable[[Any], dict[str, int]] = nothing
    reads_tenure: bool = False
    where_declared: frozenset[str] = frozenset()
