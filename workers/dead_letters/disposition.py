"""Notes on dead letters: which were replayed or discarded, remembered in Redis.

One small hash for each block of offsets of a partition of the dead-letter topic, with the offsets as runs
(`0-99,105`): a million letters that were replayed in a row take a few kilobytes. A set names the blocks that there
are. Notes belong to one topic: if it was deleted and made anew, its id is another one, and what was noted of the old
one is void.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from workers.state.store import Store

__all__ = ["BLOCK", "Noted", "DispositionLog", "Dispositions", "Place", "read_runs", "write_runs"]

BLOCK: Final = 10_000
"""Offsets in one hash."""

Place = tuple[int, int]
"""Partition and offset in the dead-letter topic."""

Noted = Literal["replayed", "discarded"]
_KINDS: Final[tuple[Noted, ...]] = ("replayed", "discarded")


def write_runs(offsets: Iterable[int]) -> str:
    """Write offsets as runs, such as `0-99,105`."""
    runs: list[list[int]] = []
    for offset in sorted(set(offsets)):
        if runs and runs[-1][1] == offset - 1:
            runs[-1][1] = offset
        else:
            runs.append([offset, offset])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def read_runs(text: str) -> list[tuple[int, int]]:
    """Read what `write_runs` wrote, as first and last offset of each run."""
    pairs = [part.partition("-") for part in text.split(",") if part]
    return [(int(first), int(last or first)) for first, _, last in pairs]


@dataclass(frozen=True, slots=True)
class _Runs:
    """Offsets of one kind in one block, in order."""

    firsts: list[int]
    lasts: list[int]

    def __contains__(self, offset: int) -> bool:
        index = bisect_right(self.firsts, offset) - 1
        return index >= 0 and offset <= self.lasts[index]


class Dispositions:
    """What was noted when they were read; later notes are not seen."""

    def __init__(self, blocks: Mapping[Place, Mapping[str, str]]) -> None:
        self._blocks: dict[Place, dict[Noted, _Runs]] = {}
        for block, fields in blocks.items():
            runs = {kind: read_runs(fields.get(kind, "")) for kind in _KINDS}
            self._blocks[block] = {
                kind: _Runs([first for first, _ in pairs], [last for _, last in pairs])
                for kind, pairs in runs.items()
            }

    def of(self, place: Place) -> Noted | None:
        """Return what became of a letter, None if nothing did."""
        partition, offset = place
        block = self._blocks.get((partition, offset // BLOCK))
        if block is None:
            return None
        return next((kind for kind in _KINDS if offset in block[kind]), None)


class DispositionLog:
    """The notes on one dead-letter topic.

    Args:
        store: where they are.
        namespace: the prefix of Linger's keys.
        topic_id: which topic of its name it is; None where the broker does not tell.
    """

    def __init__(self, store: Store, namespace: str, topic_id: str | None) -> None:
        self._store = store
        self._prefix = f"{namespace}:dead-letters"
        self._topic_id = topic_id or "-"

    async def read(self) -> Dispositions:
        """Return everything that is noted. Two round trips."""
        return Dispositions(
            {block: fields for block, fields in (await self._blocks()).items() if self._is_mine(fields)}
        )

    async def note(self, kind: Noted, places: Iterable[Place]) -> None:
        """Note what became of letters; what was noted of them before is replaced. Atomic for each block.

        Raises:
            Transient: if Redis does not answer; a part may be noted, and noting again does no harm.
        """
        blocks: dict[Place, set[int]] = {}
        for partition, offset in places:
            blocks.setdefault((partition, offset // BLOCK), set()).add(offset)
        if blocks:
            # The index first: a block that is named but not there is harmless, the other way round it is lost.
            await self._store.redis.call([("SADD", self._prefix, *(_name(block) for block in blocks))])
        for block, offsets in blocks.items():
            await self._store.redis.rewrite(self._key(block), partial(self._with, kind, offsets))

    async def forget_below(self, starts: Mapping[int, int]) -> int:
        """Drop notes on letters that Kafka has deleted, and on an older topic of the same name.

        Args:
            starts: the earliest offset of each partition of the dead-letter topic.

        Returns:
            How many blocks were dropped.
        """
        gone = [
            block
            for block, fields in (await self._blocks()).items()
            if (fields and not self._is_mine(fields)) or (block[1] + 1) * BLOCK <= starts.get(block[0], 0)
        ]
        if gone:
            keys = [self._key(block) for block in gone]
            await self._store.redis.call([("DEL", *keys), ("SREM", self._prefix, *(_name(block) for block in gone))])
        return len(gone)

    async def _blocks(self) -> dict[Place, dict[str, str]]:
        names = (await self._store.redis.call([("SMEMBERS", self._prefix)]))[0]
        blocks = [_block(name.decode()) for name in names]
        return {block: await self._store.redis.fields(self._key(block)) for block in sorted(blocks)}

    def _with(self, kind: Noted, new: set[int], known: Mapping[str, str]) -> dict[str, str]:
        """Return a block's fields with further offsets of a kind."""
        fields = {"topic": self._topic_id}
        for one in _KINDS:
            runs = read_runs(known.get(one, "")) if self._is_mine(known) else []
            offsets = {offset for first, last in runs for offset in range(first, last + 1)}
            fields[one] = write_runs(offsets | new if one == kind else offsets - new)
        return fields

    def _is_mine(self, fields: Mapping[str, str]) -> bool:
        return fields.get("topic") == self._topic_id

    def _key(self, block: Place) -> str:
        return f"{self._prefix}:{_name(block)}"


def _name(block: Place) -> str:
    return f"{block[0]}:{block[1]}"


def _block(name: str) -> Place:
    partition, _, number = name.partition(":")
    return int(partition), int(number)
