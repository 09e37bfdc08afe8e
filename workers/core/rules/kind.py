"""Kind: what the rest of Linger asks of a kind of condition, without knowing which one it is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from workers.core.conditions.condition import Condition
from workers.core.phrases import Said
from workers.core.rules.binding import Binding
from workers.core.rules.claims import Claim, no_claim


def nothing(when: Any) -> dict[str, int]:
    """Return no numbers of events: the condition may be true with any."""
    return {}


def no_type(when: Any) -> set[str]:
    """Return no event type."""
    return set()


def no_text(when: Any) -> tuple[str, ...]:
    """Return no text."""
    return ()


def by_chance(when: Any) -> bool:
    """Return False: it is not known before."""
    return False


def no_need(when: Any, holds: bool) -> tuple[timedelta | str, ...]:
    """Return nothing that must be known."""
    return ()


def never(when: Any, holds: bool) -> bool:
    """Return False: its claims are not all that it says."""
    return False


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
        claims: its content as statements that can be compared, or those of its opposite (`holds=False`); nothing if
            that is too complex.
        says_only_its_claims: whether the claims are all that it, or its opposite, says.
        times: the times after which it is checked, besides after events, each as part of a sentence.
        needs: what must be known for it to hold, or its opposite: for how long the customer must be known, or a
            phrase for the customers where it cannot be known.
        looks_back: how far back it looks; None for the longest duration in it.
        changed_by: how much more of something would change it, as the end of a sentence; None if nothing could.
            Called with the condition, its compiled form, its truth and the number that is observed. None if the next
            event is all that can be said.
        changes_with_next: whether the next event of one of its types surely changes it.
        of_that_kind: whether it is said of events "of that kind", where not every event of a type counts.
        nearly: in which small thing a text that is observed differs from one with which it would be true; None if it
            is true with it, or differs in more. Called with its compiled form.
        windows: how many windows of the length `within` it looks back; 0 if `within` is no window of the past.
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
    claims: Callable[[Any, bool], Iterable[Claim]] = no_claim
    says_only_its_claims: Callable[[Any, bool], bool] = never
    times: Callable[[Any], Iterable[str]] = no_text
    needs: Callable[[Any, bool], Iterable[timedelta | str]] = no_need
    looks_back: Callable[[Any], timedelta] | None = None
    changed_by: Callable[[Any, Any, int, float], str | None] | None = None
    changes_with_next: Callable[[Any], bool] = by_chance
    of_that_kind: bool = False
    nearly: Callable[[Any, str], str | None] | None = None
    windows: int = 1
    where_declared: frozenset[str] = frozenset()
    quiet_after: Callable[[Any], set[str]] = no_type
    changes_at_once: Callable[[Any, bool, bool], set[str]] | None = None
