"""The names that rules may use: event types and their attributes, as sources declare them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from schemas.events import BUILT_IN
from schemas.sources import SourcesFile

_COMMON: Final = frozenset({"event_id", "customer_id", "occurred_at"})
_NO_ATTRIBUTES: Final = _COMMON | {"type", "attributes"}


@dataclass(frozen=True, slots=True)
class KnownNames:
    """What `sources.yaml` says that there is.

    Attributes:
        types: every event type, built-in and declared; None if that is not known, and nothing is checked.
        attributes: by event type, every attribute that its events can have; types that are left out can have any.
    """

    types: Collection[str] | None = None
    attributes: Mapping[str, Collection[str]] | None = None


def event_types(sources: SourcesFile) -> list[str]:
    """Return every event type there is: built-in and declared."""
    return [*BUILT_IN, *sources.event_types]


def event_attributes(sources: SourcesFile) -> dict[str, frozenset[str]]:
    """Return every attribute that events are given, by type.

    A type is left out if its events can have any attributes: if Linger's own events are read from a topic, or if
    nothing gives such events yet.
    """
    found: dict[str, set[str]] = {}
    anything = {name for source in sources.sources if source.fields is None for name in source.types()}
    for source in sources.sources:
        if source.event is not None and source.fields is not None:
            fields = {str(name) for name in source.fields.model_fields_set} - _COMMON
            found.setdefault(source.event, set()).update(fields, source.attributes)
    return {name: frozenset(attributes) for name, attributes in found.items() if name not in anything}


def built_in_attributes(name: str) -> frozenset[str]:
    """Return the fields that Linger itself has for a type of event, such as `amount` of a purchase."""
    return frozenset(BUILT_IN[name].model_fields) - _NO_ATTRIBUTES if name in BUILT_IN else frozenset()


def known_names(sources: SourcesFile | None) -> KnownNames:
    """Return what rules can name; without sources, the built-in event types with any attributes.

    A field that Linger itself has can be named even if no source fills it yet.
    """
    if sources is None:
        return KnownNames(tuple(BUILT_IN))
    given = event_attributes(sources)
    return KnownNames(tuple(event_types(sources)), {name: given[name] | built_in_attributes(name) for name in given})
