"""Kind: what the rest of Linger asks of a kind of condition, without knowing which one it is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from schemas.actions import Number
from schemas.conditions import Elementary
from workers.core.conditions.condition import Condition, OfOneSeries
from workers.core.phrases import Said
from workers.core.rules.binding import Binding
from workers.core.rules.claims import Claim


def types_named(when: Elementary) -> set[str]:
    """Return the event types that a condition names."""
    return {name for name, _ in when.events()}


def first_named(when: Elementary) -> set[str]:
    """Return the event type that a condition names first."""
    name, _ = next(when.events())
    return {name}


def no_type(*_: Any) -> set[str]:
    """Return no event type."""
    return set()


def one_event(when: Elementary) -> dict[str, int]:
    """Return one event of the type that a condition names first."""
    return dict.fromkeys(first_named(when), 1)


def any_number(*_: Any) -> dict[str, int]:
    """Return no numbers of events: the condition may be true with any."""
    return {}


def nothing(*_: Any) -> tuple[()]:
    """Return nothing."""
    return ()


def never(*_: Any) -> bool:
    """Return False."""
    return False


def always(*_: Any) -> bool:
    """Return True."""
    return True


def changes_perhaps(when: Any, condition: Any, truth: int, observed: Number, events: str) -> str | None:
    """Word that the next event can change a condition: that is all that can be said."""
    return f"can change with the next {events}"


def of_that_kind(condition: OfOneSeries, events: str) -> str:
    """Word the events of a condition: not every one counts if it has a filter, or adds something up."""
    return f"{events} of that kind" if condition.series.key != condition.series.type else events


def order_unknown(when: Any, is_known: bool) -> tuple[str | None, str]:
    """Return no type, and that too little is known of the order of events."""
    return None, "events arrived too late to determine their order"


def value_unknown(when: Elementary, is_known: bool) -> tuple[str | None, str]:
    """Return the type of the attribute that a condition names, and that it was never there, or is no date."""
    event_type, attribute = when.named.split(".", 1)
    if is_known:
        return event_type, f"the latest '{attribute}' of a '{event_type}' event is no date"
    return event_type, f"no '{event_type}' event had the attribute '{attribute}' yet"


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
        where_declared: those of its types that it reads only where the operator has declared them.
        reads_tenure: whether it reads since when the customer is known.
        reads_ladder: whether it reads where the customer stands, so that every type of the ladder can turn it.
        claims: its content as statements that can be compared, or those of its opposite (`holds=False`); nothing if
            that is too complex.
        says_only_its_claims: whether the claims are all that it, or its opposite, says.
        times: the times after which it is checked, besides after events, each as part of a sentence.
        needs: what must be known for it to hold, or its opposite: for how long the customer must be known, or a
            phrase for the customers where it cannot be known.
        looks_back: how far back it looks; None for the longest duration in it.
        windows: how many windows of the length `within` it looks back; 0 if `within` is no window of the past.
        changed_by: how events change it, as the end of a sentence; None if none can. Called with the condition, its
            compiled form, its truth, the value that is observed, and the words of the events that can turn it.
        nearly: in which small thing a text that is observed differs from one with which it would be true; None if it
            is true with it, or differs in more. Called with its compiled form.
        untold: why it is not observable though everything was watched: the event type concerned, None for several,
            and the words. Called with whether there is a value of the attribute that it names.
        quiet_after, changes_at_once: only for the names of groups in stored layout 3 (`groups_of_3`), so a new kind
            has neither. The types after whose event it is certainly not true for a while; and the types whose event,
            for a customer who had cancelled or not, could raise or lower its truth at once: None for those that can
            turn it.
    """

    word: str
    model: type[Elementary]
    said: Callable[..., Said]
    compile: Callable[[Any, Binding], Condition]
    types: Callable[[Any], set[str]] = types_named
    can_turn_false: Callable[[Any], set[str]] = types_named
    can_turn_true: Callable[[Any], set[str]] = types_named
    least_events: Callable[[Any], dict[str, int]] = any_number
    most_events: Callable[[Any], dict[str, int]] = any_number
    where_declared: frozenset[str] = frozenset()
    reads_tenure: bool = False
    reads_ladder: bool = False
    claims: Callable[[Any, bool], Iterable[Claim]] = nothing
    says_only_its_claims: Callable[[Any, bool], bool] = never
    times: Callable[[Any], Iterable[str]] = nothing
    needs: Callable[[Any, bool], Iterable[timedelta | str]] = nothing
    looks_back: Callable[[Any], timedelta] | None = None
    windows: int = 1
    changed_by: Callable[[Any, Any, int, Any, str], str | None] = changes_perhaps
    nearly: Callable[[Any, str], str | None] | None = None
    untold: Callable[[Any, bool], tuple[str | None, str]] = order_unknown
    quiet_after: Callable[[Any], set[str]] = no_type
    changes_at_once: Callable[[Any, bool, bool], set[str]] | None = None
