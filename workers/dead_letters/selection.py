"""The operator's selection of dead letters, and what a replay or a discard would do with each.

Pure: knows no clock, no Kafka and no Redis; it gets dead letters and dispositions as values.
"""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from workers.dead_letters.disposition import Dispositions, RecordedDisposition
from workers.dead_letters.record import DeadLetter, Position

__all__ = [
    "Disposition",
    "Group",
    "Plan",
    "Selection",
    "group_dead_letters",
    "plan_discard",
    "plan_replay",
]

# The fault is in the record itself: no sources.yaml can make it readable, so it would only become a dead letter
# again.
_HOPELESS: Final = frozenset({"empty", "too_large", "not_json", "too_deep", "wrong_key"})


@dataclass(frozen=True, slots=True)
class Selection:
    """The dead letters that an operator selects; None and empty fields do not narrow the selection.

    Attributes:
        reason: why the record could not be read.
        topic: the topic it came from.
        since_ms: written to the dead-letter topic at this time or later, UTC epoch milliseconds.
        positions: only dead letters at these positions.
        again: whether to include dead letters that were replayed or discarded before.
    """

    reason: str | None = None
    topic: str | None = None
    since_ms: int | None = None
    positions: frozenset[Position] = frozenset()
    again: bool = False

    def matches(self, dead_letter: DeadLetter) -> bool:
        """Return whether a dead letter is selected."""
        return (
            self.reason in (None, dead_letter.reason)
            and self.topic in (None, dead_letter.topic)
            and (self.since_ms is None or dead_letter.at_ms >= self.since_ms)
            and (not self.positions or dead_letter.position in self.positions)
        )

    def names(self, dead_letter: DeadLetter) -> bool:
        """Return whether the operator asked for exactly this dead letter, or for exactly its reason."""
        return self.reason is not None or dead_letter.position in self.positions


class Disposition(StrEnum):
    """What a replay or a discard does with a dead letter; the texts are shown to operators."""

    TAKEN = "taken"
    REPLAYED = "replayed before"
    DISCARDED = "discarded before"
    COPY = "a copy of another one"
    CUT = "only its beginning was kept; the source still holds it"
    EXHAUSTED = "replayed too often already"
    HOPELESS = "no setting can make it readable"
    NO_TOPIC = "its topic does not exist any more"
    NOT_LINGERS = "not written by Linger"


_BEFORE: Final[dict[RecordedDisposition, Disposition]] = {
    "replayed": Disposition.REPLAYED,
    "discarded": Disposition.DISCARDED,
}


@dataclass(slots=True)
class Group:
    """Dead letters with the same reason from the same topic.

    Attributes:
        reason: why the records could not be read.
        topic: the topic they came from; empty if Linger did not write them.
        count: all of them.
        replayed: those that were replayed.
        discarded: those that were discarded.
        oldest_ms, newest_ms: when the first and the last of them were written, UTC epoch milliseconds.
        example: the newest one without a disposition, otherwise the newest.
        rank: of the example: whether it has no disposition, and when it was written.
    """

    reason: str
    topic: str
    count: int = 0
    replayed: int = 0
    discarded: int = 0
    oldest_ms: int = 0
    newest_ms: int = 0
    example: Position = (0, 0)
    rank: tuple[bool, int] = (False, -1)

    def add(self, dead_letter: DeadLetter, recorded: RecordedDisposition | None) -> None:
        """Count one dead letter with its disposition."""
        rank = (recorded is None, dead_letter.at_ms)
        self.rank, self.example = max((self.rank, self.example), (rank, dead_letter.position))
        self.oldest_ms = min(self.oldest_ms, dead_letter.at_ms) if self.count else dead_letter.at_ms
        self.newest_ms = max(self.newest_ms, dead_letter.at_ms)
        self.count += 1
        self.replayed += recorded == "replayed"
        self.discarded += recorded == "discarded"


async def group_dead_letters(
    dead_letters: AsyncIterator[DeadLetter], selection: Selection, dispositions: Dispositions
) -> list[Group]:
    """Count dead letters by reason and topic, the most frequent first."""
    groups: dict[tuple[str, str], Group] = {}
    async for dead_letter in dead_letters:
        if selection.matches(dead_letter):
            key = (dead_letter.reason, dead_letter.topic)
            groups.setdefault(key, Group(*key)).add(dead_letter, dispositions.of(dead_letter.position))
    return sorted(groups.values(), key=lambda group: (-group.count, group.topic, group.reason))


@dataclass(slots=True)
class Plan:
    """What a replay or a discard would do.

    Attributes:
        positions: the dead letters to send or discard.
        copies: further copies of these (a dead letter may be written twice), or copies of dead letters with a
            disposition. They are recorded as replayed without being sent.
        counts: dead letters by disposition, reason and topic.
        examples: one position for each entry of `counts`.
        cut: dead letters whose value was cut, with the source position of the whole record.
        matched: the positions of all dead letters that the selection matches.
    """

    positions: list[Position] = field(default_factory=list)
    copies: list[Position] = field(default_factory=list)
    counts: Counter[tuple[Disposition, str, str]] = field(default_factory=Counter)
    examples: dict[tuple[Disposition, str, str], Position] = field(default_factory=dict)
    cut: list[tuple[Position, tuple[str, int, int]]] = field(default_factory=list)
    matched: set[Position] = field(default_factory=set)

    def count(self, disposition: Disposition, reason: str, topic: str, position: Position) -> None:
        """Count one dead letter."""
        self.counts[disposition, reason, topic] += 1
        self.examples[disposition, reason, topic] = position

    def rows(self) -> list[tuple[tuple[Disposition, str, str], int]]:
        """Return the entries of `counts` in the order of `Disposition`, the most frequent first."""
        order = list(Disposition)
        return sorted(self.counts.items(), key=lambda row: (order.index(row[0][0]), -row[1], row[0]))


async def plan_discard(
    dead_letters: AsyncIterator[DeadLetter], selection: Selection, dispositions: Dispositions
) -> Plan:
    """Choose the dead letters to discard: all selected ones without a disposition."""
    plan = Plan()
    async for dead_letter in dead_letters:
        if not selection.matches(dead_letter):
            continue
        plan.matched.add(dead_letter.position)
        recorded = dispositions.of(dead_letter.position)
        disposition = Disposition.TAKEN if recorded is None else _BEFORE[recorded]
        plan.count(disposition, dead_letter.reason, dead_letter.topic, dead_letter.position)
        if disposition is Disposition.TAKEN:
            plan.positions.append(dead_letter.position)
    return plan


async def plan_replay(
    dead_letters: AsyncIterator[DeadLetter],
    selection: Selection,
    dispositions: Dispositions,
    topic_exists: Callable[[str], Awaitable[object]],
    *,
    max_replays: int,
) -> Plan:
    """Choose the dead letters to send again.

    Args:
        dead_letters: all of them; a copy is recognised only if its original is among them.
        selection: which are selected.
        dispositions: what was done with them before.
        topic_exists: awaited with the name of a topic; the result is true if it exists.
        max_replays: a record that was replayed this often is not sent again.
    """
    plan = Plan()
    done: set[bytes] = set()
    candidates: list[tuple[bytes, str, str, Position]] = []
    async for dead_letter in dead_letters:
        position = dead_letter.position
        recorded = None if selection.again else dispositions.of(position)
        if recorded is not None:
            done.add(dead_letter.digest())
        if not selection.matches(dead_letter):
            continue
        plan.matched.add(position)
        disposition = _disposition(dead_letter, recorded, selection, max_replays)
        if disposition is Disposition.TAKEN and not await topic_exists(dead_letter.topic):
            disposition = Disposition.NO_TOPIC
        if disposition is Disposition.CUT and dead_letter.source is not None:
            plan.cut.append((position, dead_letter.source))
        if disposition is Disposition.TAKEN:
            candidates.append((dead_letter.digest(), dead_letter.reason, dead_letter.topic, position))
        else:
            plan.count(disposition, dead_letter.reason, dead_letter.topic, position)
    # Only after all were read: a copy may be read before the dead letter that has the disposition.
    for digest, reason, topic, position in candidates:
        is_copy = digest in done
        done.add(digest)
        (plan.copies if is_copy else plan.positions).append(position)
        plan.count(Disposition.COPY if is_copy else Disposition.TAKEN, reason, topic, position)
    return plan


def _disposition(
    dead_letter: DeadLetter, recorded: RecordedDisposition | None, selection: Selection, max_replays: int
) -> Disposition:
    if recorded is not None:
        return _BEFORE[recorded]
    if dead_letter.source is None:
        return Disposition.NOT_LINGERS
    if dead_letter.cut_from is not None:
        return Disposition.CUT
    if dead_letter.replays >= max_replays:
        return Disposition.EXHAUSTED
    if dead_letter.reason in _HOPELESS and not selection.names(dead_letter):
        return Disposition.HOPELESS
    return Disposition.TAKEN
