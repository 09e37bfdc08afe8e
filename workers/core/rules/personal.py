"""Personal attributes: what the words of a condition must not say of them. Pure.

It is decided once for a rule set, where its conditions are compiled. What a condition decides does not change.
"""

from collections.abc import Collection, Mapping
from typing import Any

from schemas.attribute_types import told_apart_in
from schemas.conditions import Bounds, Different, Elementary, EventFilter
from workers.core.conditions.condition import PERSONAL

__all__ = ["PERSONAL", "masked", "observes"]


def observes(when: Elementary, personal: Collection[str]) -> bool:
    """Return whether the value that a condition observes comes from a personal attribute.

    The attribute is the one that it compares, adds up or counts the values of. Of a `where` it observes nothing.

    Args:
        when: an elementary condition as written.
        personal: the personal attributes, as `type.attribute`.
    """
    return bool(personal) and not (when.observed() | told_apart_in(when)).isdisjoint(personal)


def masked(when: Any, personal: Collection[str]) -> Any:
    """Return an elementary condition with `PERSONAL` in place of the values of personal attributes, for its words.

    Values that it asks for are masked, and a number that it asks for exactly. Bounds stay.

    Args:
        when: the condition as written; it is returned itself if it has no such value.
        personal: as for `observes`.
    """
    if not personal:
        return when
    changes: dict[str, Any] = {}
    event_type = when.named.partition(".")[0]
    if (where := _where(event_type, getattr(when, "where", None), personal)) is not None:
        changes["where"] = where
    for key in when.steps:
        step = getattr(when, key, None)
        if isinstance(step, EventFilter) and (where := _where(step.event, step.where, personal)) is not None:
            changes[key] = step.model_copy(update={"where": where})
    if when.compares == "value" and when.named in personal:
        changes |= _value(when)
    return when.model_copy(update=changes) if changes else when


def _where(event_type: str, where: Mapping[str, Any] | None, personal: Collection[str]) -> dict[str, Any] | None:
    """Return a filter with its personal values masked; None if it has none."""
    hidden = {name for name, wanted in (where or {}).items() if f"{event_type}.{name}" in personal and _names(wanted)}
    if where is None or not hidden:
        return None
    return {name: _hidden(wanted) if name in hidden else wanted for name, wanted in where.items()}


def _hidden(wanted: Any) -> Any:
    return wanted.model_copy(update={"other_than": PERSONAL}) if isinstance(wanted, Different) else PERSONAL


def _names(wanted: Any) -> bool:
    """Return whether a filter names values, and not only bounds."""
    return not isinstance(wanted, Bounds) or _is_exact(wanted)


def _is_exact(bounds: Bounds) -> bool:
    low, high = bounds.limits()
    return low is not None and high is not None and low[0] == high[0]


def _value(when: Any) -> dict[str, Any]:
    """Return what changes in a condition on the latest value."""
    changes: dict[str, Any] = {}
    if when.was is not None and _names(when.was):
        changes["was"] = _hidden(when.was)
    if when.is_not is not None:
        return {**changes, "is_not": PERSONAL}
    if (when.is_ is not None and not when.asks_whether_known) or _is_exact(when):
        return {**changes, **dict.fromkeys(Bounds.model_fields), "is_": PERSONAL}
    return changes
