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


def no_type(when: Any) -> set[str]:
    """Return no event type."""
    return set()


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
        quiet_after, changes_at_once: only for the names of groups in stored layout 3 (`groups_of_3`), so a new kind
            has neither. The types after whose event it is certainly not true for a while; and the types whose event,
            for a customer who had cancelled or not, could raise or lower its truth at once: None for those that can
            turn it.
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
    quiet_after: Callable[[Any], set[str]] = no_type
    changes_at_once: Callable[[Any, bool, bool], set[str]] | None = None
