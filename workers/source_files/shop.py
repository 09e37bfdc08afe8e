"""The sources of a simulated shop: an operator's own, and those of the streams that only the shop has."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

from schemas.sources import Source, SourcesFile
from workers.errors import StartupError
from workers.source_files.reading import load_sources

__all__ = ["further_sources", "with_the_shop"]

_FILE: Final = Path(__file__).with_name("shop.yaml")


def with_the_shop(own: SourcesFile, topics: Collection[str]) -> SourcesFile:
    """Return the sources of some topics of the shop, with the event types that they need.

    Args:
        own: what an operator has; it goes before what the shop says.
        topics: those that are read.
    """
    shop = _shop()
    chosen = [source for source in own.sources if source.topic in topics]
    further = further_sources({source.topic for source in chosen})
    return own.model_copy(
        update={
            "event_types": {**shop.event_types, **own.event_types},
            "sources": [*chosen, *(source for source in further if source.topic in topics)],
        }
    )


def further_sources(read: Collection[str], types: Iterable[str] | None = None) -> list[Source]:
    """Return the sources of the streams that only the shop has.

    Args:
        read: topics that are read already; they are left out.
        types: the declared event types; sources of others are left out. None for any.
    """
    declared = None if types is None else frozenset(types)
    return [
        source
        for source in _shop().sources
        if source.topic not in read and (declared is None or source.event in declared)
    ]


def _shop() -> SourcesFile:
    shop, problems = load_sources(_FILE)
    if shop is None or problems:
        raise StartupError([str(problem) for problem in problems])
    return shop
