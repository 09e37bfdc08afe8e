"""One command's work on dead letters: list, find, replay and discard, over Kafka and Redis.

It prints nothing and knows no clock; `workers.dead_letters.report` prints.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from workers.dead_letters.disposition import DispositionLog, Dispositions, RecordedDisposition
from workers.dead_letters.reader import DeadLetterReader, opened_dead_letters
from workers.dead_letters.record import DeadLetter, Position, position_text
from workers.dead_letters.replay import ReplayResult, replay
from workers.dead_letters.selection import (
    Group,
    Plan,
    Selection,
    group_dead_letters,
    plan_discard,
    plan_replay,
)
from workers.errors import LingerError, StartupError
from workers.kafka.range_reader import Advance
from workers.settings import Settings
from workers.state.store import Store

__all__ = ["Session", "opened_session"]


@asynccontextmanager
async def opened_session(settings: Settings, store: Store) -> "AsyncIterator[Session]":
    """Open the dead-letter topic and read its dispositions, for the duration of a `with` block.

    Raises:
        StartupError: if the topic does not exist, or Kafka does not answer.
        Transient: if Redis does not answer.
    """
    async with opened_dead_letters(settings) as reader:
        log = DispositionLog(store, reader.topic_id)
        yield Session(settings, reader, log, await log.read())


class Session:
    """Dead letters and their dispositions, for one command.

    Args:
        settings: the connection and the names of the topics.
        reader: reads the dead letters.
        log: takes the dispositions that the command makes.
        dispositions: the dispositions when the command began.
    """

    def __init__(
        self, settings: Settings, reader: DeadLetterReader, log: DispositionLog, dispositions: Dispositions
    ) -> None:
        self._settings = settings
        self._reader = reader
        self._log = log
        self._dispositions = dispositions

    @property
    def size(self) -> int:
        """The number of offsets that reading all dead letters passes."""
        return self._reader.size

    async def groups(self, selection: Selection, advance: Advance) -> list[Group]:
        """Count the selected dead letters by reason and topic, the most frequent first."""
        return await group_dead_letters(self._reader.read_all(advance), selection, self._dispositions)

    async def find(self, position: Position) -> tuple[DeadLetter, RecordedDisposition | None]:
        """Return one dead letter and its disposition.

        Raises:
            StartupError: if the topic cannot have one at this position.
            LingerError: if it has none there.
        """
        self._require_readable([position])
        async for dead_letter in self._reader.read_at([position]):
            return dead_letter, self._dispositions.of(position)
        raise LingerError(f"there is no dead letter at {position_text(position)}")

    async def plan_replay(self, selection: Selection, max_replays: int, advance: Advance) -> Plan:
        """Plan a replay of the selected dead letters that were not replayed `max_replays` times yet.

        Raises:
            StartupError: if a selected position has no dead letter.
        """
        self._require_readable(selection.positions)
        plan = await plan_replay(
            self._reader.read_all(advance),
            selection,
            self._dispositions,
            self._reader.partitions_of,
            max_replays=max_replays,
        )
        _require_matched(plan, selection)
        return plan

    async def replay(self, plan: Plan, advance: Advance) -> ReplayResult:
        """Carry out a planned replay.

        Raises:
            LingerError: if Kafka did not take a record; the dispositions of those sent before are recorded.
        """
        result = await replay(self._settings, self._reader, plan, self._log, advance)
        await self._log.forget_below(self._reader.starts)
        return result

    async def plan_discard(self, selection: Selection, advance: Advance) -> Plan:
        """Plan to discard the selected dead letters.

        Raises:
            StartupError: if a selected position has no dead letter.
        """
        self._require_readable(selection.positions)
        plan = await plan_discard(self._reader.read_all(advance), selection, self._dispositions)
        _require_matched(plan, selection)
        return plan

    async def discard(self, plan: Plan) -> None:
        """Record the dead letters of a plan as discarded."""
        await self._log.record("discarded", plan.positions)
        await self._log.forget_below(self._reader.starts)

    def _require_readable(self, positions: Iterable[Position]) -> None:
        """Raise `StartupError` if any of these positions is outside the topic, naming each."""
        bounds = self._reader.bounds
        problems = []
        for position in sorted(positions):
            partition, offset = position
            text = position_text(position)
            if partition not in bounds:
                problems.append(f"there is no dead letter at {text}: the topic has {len(bounds)} partitions")
            elif offset < bounds[partition].earliest:
                problems.append(f"Kafka has deleted the dead letter at {text} (retention of the topic)")
        if problems:
            raise StartupError(problems)


def _require_matched(plan: Plan, selection: Selection) -> None:
    missing = sorted(selection.positions - plan.matched)
    if missing:
        is_narrowed = selection.reason or selection.topic or selection.since_ms
        hint = ", or the options exclude it" if is_narrowed else ""
        raise StartupError([f"there is no dead letter at {position_text(position)}{hint}" for position in missing])
