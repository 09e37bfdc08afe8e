"""One activity partition that this worker owns: its copy of the state in Redis.

It knows nothing of other partitions, of records or of timers.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from schemas.durations import DAY_MS
from workers.core import meaning
from workers.core.coverage import Coverage, complete_series
from workers.core.direct_producers import DirectProducerProgress
from workers.core.rules.rule_set import RuleSet
from workers.core.watermarks import PartitionWatermarks
from workers.outbox.outbox import Outbox
from workers.processor.days.counting import OPEN_DAYS, Counted
from workers.processor.source_view import SourceView
from workers.state.keys import STAGE_TO_PUBLISH, list_of
from workers.state.marks.mark import Mark
from workers.state.meta import (
    CLOSED_BEFORE,
    FORGOTTEN,
    GENERATION,
    LISTED,
    MEANING,
    PARTITIONS,
    RULES,
    SWEPT,
    Meta,
    is_since,
    layout_of,
    listed_in,
    since_field,
    types_watched,
)
from workers.state.step import WriteSet
from workers.state.store import Store


@dataclass(slots=True)
class OwnedPartition:
    """One activity partition that this worker owns.

    Attributes:
        number: its number in the activity topic.
        meta: as the last committed step wrote it.
        outbox: publishes what the partition decided.
        watermarks: up to when each event type is complete here.
        direct_producers: progress of the direct producers in this partition.
        since: since when each series is watched; None until the sources have reported.
        lock: held by the step that is being taken; one step at a time.
        lost_at: when another worker turned out to own the partition (monotonic seconds); None while it is ours.
        stopped: its state and its log do not match, or the log cannot be read. It stays claimed; no step is taken.
        outdated: it is stopped because newer rules have decided for it.
        fresh: nothing was stored for it when it was claimed, and no step has been taken since.
        earliest: the first offset of its log when it was claimed.
        meant: up to when each event type had been seen when the present meaning of rules began (milliseconds); empty
            if it has always held here.
        marks: who of its customers is suppressed, opted out or erased, by ref; as the last committed step wrote it.
        lost_steps: Redis lost steps outside a delivery, so the records they folded must be read again.
        unread_ms: when the first record was written that is here and not folded yet; None if none is.
        open_days: of the book, what it has counted and not closed.
        is_replayed: it is rebuilt: what was done is not counted again.
        is_read: all that a claim reads of it is here: its marks and its open days, too. No step is taken before.
    """

    number: int
    meta: Meta
    outbox: Outbox
    watermarks: PartitionWatermarks
    direct_producers: DirectProducerProgress
    since: dict[str, int] | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    lost_at: float | None = None
    stopped: bool = False
    outdated: bool = False
    fresh: bool = False
    earliest: int = 0
    meant: Mapping[str, int] = field(default_factory=dict)
    marks: dict[bytes, Mark] = field(default_factory=dict)
    lost_steps: bool = False
    unread_ms: int | None = None
    open_days: Counted = field(default_factory=Counted)
    is_replayed: bool = False
    is_read: bool = True

    @property
    def closed_before(self) -> int:
        """The day before which all days of the book are closed, counted from 1970."""
        return int(self.meta.fields.get(CLOSED_BEFORE) or 0)

    @property
    def due_before(self) -> int:
        """The day before which all days of the book are to be closed, by what has been seen."""
        return min(self.watermarks.by_type.values(), default=0) // DAY_MS - OPEN_DAYS

    def close_what_is_empty(self) -> int:
        """Return the day before which all are closed from this step on, if no day is left to be closed."""
        if self.due_before <= self.open_days.oldest and not self.is_replayed:
            return max(self.due_before, self.closed_before)
        return self.closed_before

    @property
    def swept(self) -> int:
        """The generation of rules to which every customer has been migrated."""
        return int(self.meta.fields.get(SWEPT, 0))

    @property
    def forgotten(self) -> tuple[int, int]:
        """Up to which moment customers have been forgotten, and by which `forget after`; both in milliseconds."""
        upto_ms, after_ms = (self.meta.fields.get(FORGOTTEN) or "0 0").split()
        return int(upto_ms), int(after_ms)

    @property
    def layout(self) -> int:
        """The layout in which its customers are written."""
        return layout_of(self.meta.fields)

    @property
    def is_usable(self) -> bool:
        """Whether this worker may take steps with it."""
        return self.is_read and self.lost_at is None and not self.stopped

    def resolve_since(self, sources: SourceView, rules: RuleSet) -> bool:
        """Set `since` from the stored fields and the sources, once for each rule set and generation of sources.

        Returns:
            False if the sources have not reported yet.
        """
        if self.since is not None:
            return True
        type_starts = sources.watched_since()
        if type_starts is None:
            return False
        fields = self.meta.fields
        untouched = not any(map(is_since, fields))
        earliest = sources.earliest_since()
        since = {}
        for spec in rules.specs():
            stored = fields.get(since_field(spec.key))
            if not stored:
                type_ms = type_starts.get(spec.type, sources.now_ms)
                # A series that a new rule needs does not contain what was folded before.
                is_old = untouched or (spec.matches is None and spec.key == spec.type)
                since_ms = type_ms if is_old else sources.now_ms
            else:
                since_ms = int(stored)
            since[spec.key] = max(since_ms, earliest.get(spec.type, 0))
        self.since = since
        return True

    def advance_direct(self, sources: SourceView) -> None:
        """Raise the watermarks of the types that only direct producers bring, by their records folded here."""
        self.watermarks.advance(sources.direct_types, self.direct_producers.watermark_ms, sources.type_limits)

    def coverage(self, complete_types: Collection[str]) -> Coverage:
        """Return what has been watched here, and up to when."""
        since = self.since or {}
        return Coverage(since, self.watermarks.by_type, complete_series(since, complete_types), self.meant)

    def waits_for_nothing(self) -> dict[str, int]:
        """Return by event type 0, so that a customer who is gone waits for none of them."""
        lists = map(list_of, listed_in(self.meta.fields))
        return dict.fromkeys(
            {*self.watermarks.by_type, *types_watched(self.meta.fields), STAGE_TO_PUBLISH, *lists}, 0
        )

    def listed(self, rules: RuleSet) -> set[str]:
        """Return the stages whose customers are listed, or were until every customer has been swept."""
        return listed_in(self.meta.fields) | (rules.ladder.listed if rules.ladder is not None else set())

    def stamp(self, changes: WriteSet, rules: RuleSet, partitions: int) -> None:
        """Add to a step the rules that decided it, and since when their series are watched.

        Only fields whose value changes are added.

        Args:
            changes: of the step.
            rules: that decided it.
            partitions: how many the activity topic has.
        """
        stamps: dict[str, str] = {
            RULES: rules.hash,
            GENERATION: str(rules.generation),
            PARTITIONS: str(partitions),
        }
        if self.fresh:
            stamps[MEANING] = f"{meaning.MEANING} {rules.meaning_generation}"
        for spec in rules.specs():
            if self.since is not None:
                stamps[since_field(spec.key)] = str(self.since[spec.key])
        if self.fresh:
            stamps[SWEPT] = str(rules.generation)
        fields = self.meta.fields
        if listed := self.listed(rules):
            stamps[LISTED] = " ".join(sorted(listed))
        # From now on, a series that no rule needs is not folded, so a later rule must not trust its old start.
        for name, value in fields.items():
            if value and is_since(name) and name not in stamps and self.since is not None:
                stamps[name] = ""
        changes.fields.update((name, value) for name, value in stamps.items() if fields.get(name) != value)
        self.fresh = False

    async def commit(self, store: Store, changes: WriteSet) -> None:
        """Take one step that reads no customer. The caller holds the lock.

        Raises:
            Fenced: if another worker owns the partition.
            Transient: if it is unknown whether the step was taken.
        """
        async with store.step(self.number, self.meta) as step:
            await step.read(())
            await step.commit(changes)
