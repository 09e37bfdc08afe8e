"""Stops single source partitions, and lets them go on: a broken source stops itself alone."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from workers.dead_letters.limit import Excess
from workers.intake.conversion import Conversion
from workers.intake.cursor import Cursor
from workers.kafka.records import TopicPartition
from workers.state.stopped_sources import Stop

_SHOWN: Final = 8
"""At most this number of partitions is named."""


class Stopping:
    """The stopped partitions of one worker.

    Attributes:
        cursors: the partitions that the worker reads.
        knows_owners: whether the owners of all activity partitions are known to distinguish items.
    """

    def __init__(self, conversion: Conversion, wake: Callable[[], object]) -> None:
        self._conversion = conversion
        self._wake = wake
        self.cursors: Mapping[TopicPartition, Cursor] = {}
        self.knows_owners = False

    def take_over(self, conversion: Conversion, cursors: Mapping[TopicPartition, Cursor]) -> None:
        """Judge records by other sources from now on."""
        self._conversion, self.cursors = conversion, cursors
        for partition, cursor in cursors.items():
            cursor.waits = partition.topic in conversion.with_items and not self.knows_owners
            if cursor.stop is not None and cursor.stop.cause == "older_release" and not cursor.waits:
                cursor.stop = None

    def stops(self) -> dict[TopicPartition, Stop]:
        """Return the partitions of this worker that are stopped; see `Stop.offset` for what was forwarded."""
        return {
            partition: replace(cursor.stop, offset=cursor.offset) if cursor.is_held else cursor.stop
            for partition, cursor in self.cursors.items()
            if cursor.stop is not None
        }

    def note_older_owners(self, partitions: Sequence[int], now_ms: int) -> None:
        """Stop the sources whose records hold several events while an older release owns activity partitions.

        Args:
            partitions: those whose owner is a worker of an older release; if there is none, these sources go on.
            now_ms: Linger's clock.
        """
        self.knows_owners = not partitions
        problem = _older_owners(partitions)
        for place, cursor in self.cursors.items():
            if place.topic not in self._conversion.with_items:
                continue
            cursor.waits = not self.knows_owners
            stop = cursor.stop
            if stop is None and partitions:
                cursor.stop = Stop("older_release", problem, now_ms, cursor.offset)
            elif stop is not None and stop.cause == "older_release":
                cursor.stop = replace(stop, problem=problem) if partitions else None
        if not partitions:
            self._wake()

    def has_room(self, partition: TopicPartition) -> bool:
        """Return whether more of a partition may be fetched, to look ahead of what it stopped at."""
        cursor = self.cursors.get(partition)
        return cursor is not None and not cursor.is_full

    def stop_undecodable(self, partition: TopicPartition, offset: int, problem: str, now_ms: int) -> None:
        """Note that a batch of a partition cannot be decoded; what was fetched before it is passed on."""
        cursor = self.cursors.get(partition)
        if cursor is not None and cursor.stop is None:
            text = f"its batch at offset {offset} cannot be decoded: {problem}"
            cursor.stop = Stop("undecodable", text, now_ms, offset)

    def go_on_if_decoded(self, partition: TopicPartition) -> None:
        """Go on with a partition that could not be decoded, if the records after that place have arrived."""
        cursor = self.cursors.get(partition)
        if cursor is None or cursor.stop is None or cursor.stop.cause != "undecodable":
            return
        if cursor.queued > cursor.stop.offset or 0 < cursor.queue.log_end <= cursor.stop.offset:
            cursor.stop = None

    def go_on_if_readable(self, topic: str) -> None:
        """Go on with a topic that had too many dead letters, if what waits shows that the cause is over.

        Nothing is sent to find that out.
        """
        held = self._held(topic)
        stop = next((cursor.stop for cursor in held if cursor.stop is not None), None)
        waiting = sorted((queued for cursor in held for queued in cursor.queue.records), key=lambda queued: queued[0])
        if stop is not None and self._conversion.limits[topic].is_over(
            stop.run, stop.unreadable, stop.seen, [self._conversion.is_readable(record) for _, _, record in waiting]
        ):
            self._go_on(held, lambda cursor: cursor.queued)

    def go_on_at_once(self, topic: str) -> None:
        """Go on with a topic that had too many dead letters, because an operator wants it so.

        Everything up to its present end is let through; what comes later counts for the limit again.
        """
        self._go_on(self._held(topic), lambda cursor: max(cursor.queued, cursor.queue.log_end))

    def _held(self, topic: str) -> list[Cursor]:
        return [
            cursor
            for partition, cursor in self.cursors.items()
            if partition.topic == topic and cursor.has_dead_letters
        ]

    def _go_on(self, cursors: Sequence[Cursor], forgiven_until: Callable[[Cursor], int]) -> None:
        for cursor in cursors:
            cursor.stop, cursor.forgiven_until = None, forgiven_until(cursor)
        self._wake()

    def hold(self, topic: str, excess: Excess, now_ms: int) -> None:
        """Stop every partition of a topic, because too many of its records cannot be read."""
        for partition, cursor in self.cursors.items():
            if partition.topic == topic and cursor.stop is None:
                numbers = excess.run, excess.unreadable, excess.seen
                cursor.stop = Stop("dead_letters", excess.problem, now_ms, cursor.offset, *numbers)


def _older_owners(partitions: Sequence[int]) -> str:
    numbers = ", ".join(map(str, partitions[:_SHOWN])) + (", …" if len(partitions) > _SHOWN else "")
    return (
        "its records hold several events each, and workers of an older release, which cannot distinguish these, own "
        f"partition{'s' * (len(partitions) > 1)} {numbers} of the activity topic. It goes on once every worker is of "
        "this release"
    )
