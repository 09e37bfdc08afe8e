"""The types of attributes: of Linger's own fields, declared in `sources.yaml`, or needed by the rules."""

from collections.abc import Iterable, Mapping
from typing import Any

from schemas.attribute_types import BUILT_IN_TYPES, AttributeType, told_apart_in, uses_of
from schemas.conditions import expanded
from schemas.outcomes import Success
from schemas.rules import Rule, RuleBook
from schemas.variables import measurement_of


def types_of_attributes(book: RuleBook, *, with_drafts: bool = False) -> dict[str, AttributeType]:
    """Return the type of every attribute that has one, by `type.attribute`.

    Linger's own fields come before declared types, and those before what the rules need. If rules need different
    types of an attribute, it has none; `linger rules check` refuses them.

    Args:
        book: without problems.
        with_drafts: whether drafts need types, too. A worker does not evaluate them, so they must change nothing.
    """
    needed: dict[str, AttributeType | None] = {}
    for use in () if book.value is None else book.value.attribute_uses():
        needed[use.reference] = use.kind
    for rule in book.rules:
        if rule.status == "draft" and not with_drafts:
            continue
        measurements = [measurement_of(variable) for variable in rule.variables.values()]
        for reader in (*conditions_in(rule, book.define), *measurements):
            for use in uses_of(reader):
                needed[use.reference] = use.kind if needed.get(use.reference, use.kind) == use.kind else None
    for ladder in book.ladders:
        if ladder.status == "draft" and not with_drafts:
            continue
        for step in ladder.steps:
            for use in uses_of(expanded(step.when, book.define)):
                needed[use.reference] = use.kind if needed.get(use.reference, use.kind) == use.kind else None
    following = {reference: kind for reference, kind in needed.items() if kind is not None}
    return {**following, **book.attribute_types, **BUILT_IN_TYPES}


def conditions_in(rule: Rule, define: Mapping[str, Any]) -> Iterable[Any]:
    """Return `when` and `unless` of a rule, with named conditions replaced by their content."""
    written = [rule.when] if rule.unless is None else [rule.when, rule.unless]
    return [expanded(condition, define) for condition in written]


def attributes_in(condition: Any) -> set[str]:
    """Return every attribute that a condition without `meets` reads, as `type.attribute`."""
    return {*(use.reference for use in uses_of(condition)), *told_apart_in(condition)}


def attributes_of_success(success: Success) -> set[str]:
    """Return every attribute by which events are a success or not, as `type.attribute`."""
    return {f"{success.event}.{attribute}" for attribute in success.where or ()}


def to_convert(
    types: Mapping[str, AttributeType], read: Iterable[str]
) -> dict[str, tuple[tuple[str, AttributeType], ...]]:
    """Return by event type the attributes to convert when an event is folded, and their types.

    Args:
        types: by `type.attribute`.
        read: the attributes that rules and templates read. Others are folded as they come, and cost nothing.
    """
    by_type: dict[str, list[tuple[str, AttributeType]]] = {}
    for reference in sorted(set(read)):
        kind = types.get(reference)
        if kind is not None and reference not in BUILT_IN_TYPES:
            event_type, _, attribute = reference.partition(".")
            by_type.setdefault(event_type, []).append((attribute, kind))
    return {event_type: tuple(found) for event_type, found in by_type.items()}
