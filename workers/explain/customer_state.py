"""Everything that explaining one customer needs, read from Redis: what is stored, what is watched, which rules count.

What is here must not know how it is explained.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from schemas.actions import action_id
from schemas.sources import SourcesFile
from workers.clock import Clock
from workers.core.coverage import Coverage, complete_series
from workers.core.customer import codec
from workers.core.customer.activity import Activity
from workers.core.rules.rule_set import RuleSet
from workers.core.watermarks import (
    NO_WATERMARK_MS,
    Progress,
    complete_types,
    sent_to,
    silent_sources,
    watermarks_by_type,
)
from workers.explain.why_report import in_words
from workers.kafka.partitioner import partition_of
from workers.rule_files.known_names import event_types
from workers.state.meta import since_by_series
from workers.state.rule_sets import as_active, newest_generation
from workers.state.store import Store

BEHIND_MS: Final = 60_000
"""A source that is seen less far than this is said to be behind; below it, it is just being read."""


@dataclass(frozen=True, slots=True)
class CustomerFacts:
    """One customer, and what is around.

    Attributes:
        rules: as they count in the newest generation.
        observed: of the customer's partition.
        now_ms: what the clock showed before anything else was read.
        troubles: what is the matter with the sources of a type, by type; only where something is.
        held: ids of rules whose latest action is held by their pace.
        notes: what is to be said beforehand.
    """

    activity: Activity
    rules: RuleSet
    observed: Coverage
    now_ms: int
    troubles: Mapping[str, str]
    held: frozenset[str]
    notes: tuple[str, ...]


async def read_customer(
    store: Store, clock: Clock, sources: SourcesFile, rules: RuleSet, partitions: int, customer_id: str
) -> CustomerFacts | None:
    """Read one customer; None if nothing is known of them.

    Raises:
        UnknownLayout: if a newer version of Linger wrote what is stored.
        Transient: if Redis does not answer.
    """
    partition = partition_of(customer_id, partitions)
    now_ms = (await clock.read()).now_ms
    progress = await store.progress()
    decided_ms = await read_decided(store, partition)
    meta = await store.meta(partition)
    raw = await store.activity(partition, customer_id)
    if raw is None:
        return None
    in_force = await as_active(store, rules)
    activity = codec.decode(raw, in_force.codes)
    notes = []
    if not in_force.generation and await newest_generation(store):
        notes.append("the rule files are not the rules that the workers have loaded; this is what the files say")
    is_behind = int(meta.get("offset", 0)) < sent_to(partition, progress.values())
    until = seen_until(sources, progress, now_ms, decided_ms if is_behind else None)
    return CustomerFacts(
        activity=activity,
        rules=in_force,
        observed=watched_as(meta, sources, until),
        now_ms=now_ms,
        troubles=find_troubles(sources, progress, now_ms, partition if is_behind else None),
        held=await _held(store, partition, customer_id, activity),
        notes=tuple(notes),
    )


def watched_as(meta: Mapping[str, str], sources: SourcesFile, until: Mapping[str, int]) -> Coverage:
    """Return what a partition has watched, as its worker takes it from `meta` for the next step.

    A series that only a rule of today asks for is not watched before a worker has taken a step with that rule.
    """
    # Empty of a series that no rule asks for any more.
    since = since_by_series(meta)
    return Coverage(since, until, complete_series(since, complete_types(sources)))


def seen_until(
    sources: SourcesFile, progress: Mapping[tuple[str, int], Progress], now_ms: int, decided_ms: int | None
) -> dict[str, int]:
    """Return until when each type has been seen in a partition.

    Args:
        sources: where the types come from; what comes from none has been seen until now.
        progress: of all source partitions.
        now_ms: the clock, read before the progress.
        decided_ms: until when the partition is decided, if it has not yet read all that intake sent it.
    """
    seen = watermarks_by_type(sources, progress)
    most_ms = now_ms if decided_ms is None else decided_ms
    return {name: min(most_ms, seen.get(name, now_ms)) for name in event_types(sources)}


def find_troubles(
    sources: SourcesFile, progress: Mapping[tuple[str, int], Progress], now_ms: int, unread: int | None
) -> dict[str, str]:
    """Return what is the matter with each type that is not seen until just now.

    Args:
        sources: where the types come from.
        progress: of all source partitions.
        now_ms: the clock.
        unread: number of the partition, if it has not yet read all that intake sent it.
    """
    silent = silent_sources(sources, progress, now_ms)
    troubles: dict[str, str] = {}
    if unread is not None:
        text = f"activity partition {unread} is not read to its end yet"
        troubles = dict.fromkeys(event_types(sources), text)
    for source in sources.sources:
        parts = [one for (topic, _), one in progress.items() if topic == source.topic]
        if source.topic in silent:
            text = f"its source {source.topic} is silent since {in_words(max(one.last_record_ms for one in parts))}"
        elif not parts:
            text = f"its source {source.topic} has not been read yet"
        elif (watermark_ms := min(one.watermark_ms for one in parts)) < now_ms - BEHIND_MS:
            text = f"its source {source.topic} is read only until {in_words(watermark_ms)}"
        else:
            continue
        for name in source.types():
            troubles.setdefault(name, text)
    return troubles


async def read_decided(store: Store, partition: int) -> int:
    """Return until when a partition is decided."""
    raw = (await store.redis.call([("HGET", store.keys.seen, str(partition))]))[0]
    return NO_WATERMARK_MS if raw is None else int(raw.split()[0])


async def _held(store: Store, partition: int, customer_id: str, activity: Activity) -> frozenset[str]:
    acted = {
        action_id(rule_id, customer_id, episode.acted_ms): rule_id
        for rule_id, episode in activity.episodes.items()
        if episode.acted_ms
    }
    return frozenset(acted[name] for name in await store.held_actions.records(partition, list(acted)))
