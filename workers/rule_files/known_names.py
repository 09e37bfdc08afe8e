"""The names that rules can use: event types and their attributes, as `sources.yaml` declares them. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from schemas.actions import BUILT_IN_ACTIONS
from schemas.attribute_types import AttributeType
from schemas.events import BUILT_IN, SIGNS_OF_LIFE
from schemas.sources import SourcesFile
from workers.rule_files.values.kinds import TypeOf, types_with

_COMMON: Final = frozenset({"event_id", "customer_id", "occurred_at"})
_NO_ATTRIBUTES: Final = _COMMON | {"type", "attributes", "history_until"}


@dataclass(frozen=True, slots=True)
class KnownNames:
    """The names that rules can use.

    Attributes:
        types: every event type, built-in and declared; None if they are unknown, so that nothing is checked.
        attributes: by event type, every attribute that its events can have. Other types can have any attribute.
        attribute_types: the declared types of attributes, by `type.attribute`.
        signs_of_life: the event types that show that a customer is back.
        personal: the personal attributes, as `type.attribute`.
        forget_after: how long after the last of these a customer is forgotten; None for never.
        actions: the names of actions, built-in and declared; None if they are unknown, so that they are not checked.
    """

    types: Collection[str] | None = None
    attributes: Mapping[str, Collection[str]] | None = None
    attribute_types: Mapping[str, AttributeType] = field(default_factory=dict)
    signs_of_life: frozenset[str] = SIGNS_OF_LIFE
    personal: frozenset[str] = frozenset()
    forget_after: timedelta | None = None
    actions: Collection[str] | None = BUILT_IN_ACTIONS

    @property
    def type_of(self) -> TypeOf:
        """The function that knows the types of Linger's own fields and the declared ones."""
        return types_with(self.attribute_types)


def event_types(sources: SourcesFile) -> list[str]:
    """Return all event types, first the built-in and then the declared ones."""
    return [*BUILT_IN, *sources.event_types]


def event_attributes(sources: SourcesFile) -> dict[str, frozenset[str]]:
    """Return by event type the attributes that its sources fill.

    A type is left out if its events can have any attribute: if a canonical source provides it, or no source does.
    """
    attributes: dict[str, set[str]] = {}
    canonical = [source for source in sources.sources if source.format == "canonical"]
    unlimited = {event_type for source in canonical for event_type in source.types()}
    for source in sources.sources:
        for case in source.cases():
            attributes.setdefault(case.event, set()).update(case.fields.given() - _COMMON, case.attributes)
    return {event_type: frozenset(names) for event_type, names in attributes.items() if event_type not in unlimited}


def built_in_attributes(event_type: str) -> frozenset[str]:
    """Return Linger's own fields of an event type, such as `amount` of a purchase."""
    return frozenset(BUILT_IN[event_type].model_fields) - _NO_ATTRIBUTES if event_type in BUILT_IN else frozenset()


def known_types(sources: SourcesFile | None) -> KnownNames:
    """Return the event types that rules can use, with any attribute; without sources, the built-in types."""
    if sources is None:
        return KnownNames(tuple(BUILT_IN))
    types = tuple(event_types(sources))
    return KnownNames(
        types,
        None,
        sources.types_of_attributes(),
        sources.signs_of_life(),
        sources.personal(),
        sources.forget_after,
        (*BUILT_IN_ACTIONS, *sources.actions),
    )


def known_names(sources: SourcesFile | None) -> KnownNames:
    """Return the names that rules can use; without sources, the built-in event types with any attribute.

    Linger's own fields of an event type are among them even if no source fills them yet.
    """
    if sources is None:
        return known_types(None)
    attributes = {
        event_type: filled | built_in_attributes(event_type)
        for event_type, filled in event_attributes(sources).items()
    }
    return replace(known_types(sources), attributes=attributes)
