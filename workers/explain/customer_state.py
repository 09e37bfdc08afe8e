"""Reads a `CustomerSnapshot` from Redis: the stored state, the coverage and the active rules.

It must not know how they are explained.
"""

from collections.abc import Mapping
from typing import Final

from schemas.actions import action_id
from schemas.sources import SourcesFile
from workers.clock import Clock
from workers.core.coverage import Coverage, complete_series
from workers.core.decisions.decide import decider_of
from workers.core.rules.rule_set import RuleSet
from workers.core.watermarks import (
    Progress,
    complete_types,
    sent_to,
    silent_sources,
    silent_types,
    watermarks_in_partition,
)
from workers.explain.snapshot import CustomerSnapshot
from workers.explain.stored_activity import read_activity
from workers.explain.why_report import in_words
from workers.kafka.partitioner import partition_of
from workers.rule_files.known_names import event_types
from workers.state.meta import meant_in, rules_held, since_by_series
from workers.state.rule_sets.activation import as_active, newest_generation
from workers.state.source_sets.stored import as_agreed
from workers.state.store import Store

BEHIND_MS: Final = 60_000
"""A source whose watermark is older than this is reported as behind; a younger one is being read normally."""

_HOLDERS: Final = {"pause": "a pause", "brake": "the brake"}


async def read_customer(
    store: Store, clock: Clock, sources: SourcesFile, rules: RuleSet, partitions: int, customer_id: str
) -> CustomerSnapshot | None:
    """Read one customer; return None if no event of the customer has arrived.

    Raises:
        UnknownLayout: if another version of Linger wrote the state, or it is damaged.
        Transient: if Redis does not answer.
    """
    partition = partition_of(customer_id, partitions)
    # The clock first: a type counts as seen until now only if nothing read later can be newer.
    now_ms = (await clock.read()).now_ms
    progress = await store.progress()
    sources = (await as_agreed(store, sources)).counted
    decided_ms = await store.decided_ms(partition)
    meta = await store.meta(partition)
    raw = await store.activity(partition, customer_id)
    if raw is None:
        return None
    active = await as_active(store, rules)
    read_activity(raw, active)  # what cannot be shown is refused
    notes = []
    if not active.generation and await newest_generation(store):
        notes.append("the rule files differ from the rules that the workers have loaded; this explains the files")
    is_behind = _is_behind(partition, meta, progress)
    return CustomerSnapshot(
        customer_id=customer_id,
        stored=raw,
        rules=active,
        coverage=coverage_in(partition, meta, sources, progress, now_ms, decided_ms),
        now_ms=now_ms,
        source_problems=find_source_problems(sources, progress, now_ms, partition if is_behind else None),
        held_rules=await _held_rules(store, partition, customer_id, raw, active, meta),
        notes=tuple(notes),
    )


def coverage_in(
    partition: int,
    meta: Mapping[str, str],
    sources: SourcesFile,
    progress: Mapping[tuple[str, int], Progress],
    now_ms: int,
    decided_ms: int,
) -> Coverage:
    """Return what has been watched in a partition, and up to when.

    Args:
        partition: its number.
        meta: of the partition, read last.
        sources: where the types come from.
        progress: of all source partitions.
        now_ms: the clock, read first.
        decided_ms: until when the partition is decided.
    """
    is_behind = _is_behind(partition, meta, progress)
    return coverage_of(
        meta, sources, watermarks_in_partition(sources, progress, now_ms, decided_ms if is_behind else None)
    )


def _is_behind(partition: int, meta: Mapping[str, str], progress: Mapping[tuple[str, int], Progress]) -> bool:
    """Return whether a partition has not yet read everything that intake sent it."""
    return int(meta.get("offset", 0)) < sent_to(partition, progress.values())


def coverage_of(meta: Mapping[str, str], sources: SourcesFile, watermarks: Mapping[str, int]) -> Coverage:
    """Return the coverage of a partition, as its worker takes it from `meta` for the next step.

    A series that only a new rule needs is not watched before a worker has made a step with that rule.
    """
    # Leaves out series that no rule needs any more.
    since = since_by_series(meta)
    return Coverage(since, watermarks, complete_series(since, complete_types(sources)), meant_in(meta))


def find_source_problems(
    sources: SourcesFile, progress: Mapping[tuple[str, int], Progress], now_ms: int, unread_partition: int | None
) -> dict[str, str]:
    """Return why a type is not seen until now, by type.

    Args:
        sources: where the types come from.
        progress: of all source partitions.
        now_ms: the clock.
        unread_partition: the activity partition, if it has not yet read everything that intake sent it.
    """
    silent = silent_sources(sources, progress, now_ms)
    problems: dict[str, str] = {}
    if unread_partition is not None:
        text = f"activity partition {unread_partition} is not read to its end yet"
        problems = dict.fromkeys(event_types(sources), text)
    for source in sources.sources:
        reports = [report for (topic, _), report in progress.items() if topic == source.topic]
        if source.topic in silent:
            text = f"its source {source.topic} is silent since {in_words(silent[source.topic])}"
        elif not reports:
            text = f"its source {source.topic} has not been read yet"
        elif (watermark_ms := min(report.watermark_ms for report in reports)) < now_ms - BEHIND_MS:
            text = f"its source {source.topic} is read only until {in_words(watermark_ms)}"
        else:
            continue
        for event_type in source.types():
            problems.setdefault(event_type, text)
    for event_type, last_event_ms in silent_types(sources, progress, now_ms).items():
        text = f"no source has brought one since {in_words(last_event_ms)}, longer than its own max_silence"
        problems.setdefault(event_type, text)
    return problems


async def _held_rules(
    store: Store, partition: int, customer_id: str, raw: bytes, rules: RuleSet, meta: Mapping[str, str]
) -> dict[str, str]:
    decider = decider_of(rules)
    decider.read(raw)
    rule_ids = {
        action_id(rule.id, customer_id, rule.episode.acted_ms): rule.id
        for rule in decider.program.rules
        if rule.episode.acted_ms
    }
    held = await store.held_actions.records(partition, list(rule_ids))
    return {rule_ids[held_id]: _held_by(rule_ids[held_id], rules, meta) for held_id in held}


def _held_by(rule_id: str, rules: RuleSet, meta: Mapping[str, str]) -> str:
    """Return what holds the actions of a rule in a partition; there may be more than one reason."""
    reasons = [words for because, words in _HOLDERS.items() if rule_id in rules_held(meta, because)]
    rule = rules.by_id.get(rule_id)
    if not reasons or (rule is not None and rule.pace is not None):
        reasons.insert(0, "the rule's pace")
    return " or ".join(reasons)
