"""Dispositions of dead letters: which were replayed or discarded, remembered in Redis.

One small hash for each block of offsets of a partition of the dead-letter topic holds the offsets as runs
(`0-99,105`): a million dead letters replayed in a row take a few kilobytes. A set lists the existing blocks.
Dispositions belong to one topic: a recreated topic has another id, and the dispositions of the old one are void.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from workers.dead_letters.record import Position
from workers.state.connection import text_fields
from workers.state.store import Store

__all__ = ["BLOCK", "DispositionLog", "Dispositions", "RecordedDisposition", "read_runs", "write_runs"]

BLOCK: Final = 10_000
"""Offsets in one hash."""

RecordedDisposition = Literal["replayed", "discarded"]
"""What an operator did with a dead letter; also the name of its field in a block."""

_RECORDED: Final[tuple[RecordedDisposition, ...]] = ("replayed", "discarded")

Block = tuple[int, int]
"""Partition, and the first offset divided by `BLOCK`."""


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
    """Read the output of `write_runs` as first and last offset of each run."""
    pairs = [part.partition("-") for part in text.split(",") if part]
    return [(int(first), int(last or first)) for first, _, last in pairs]


@dataclass(frozen=True, slots=True)
class _Runs:
    """Runs of offsets, in order.

    Attributes:
        firsts: the first offset of each run.
        lasts: the last offset of each run.
    """

    firsts: list[int]
    lasts: list[int]

    def __contains__(self, offset: int) -> bool:
        index = bisect_right(self.firsts, offset) - 1
        return index >= 0 and offset <= self.lasts[index]


class Dispositions:
    """The dispositions at the time of reading; later ones are not included.

    Args:
        blocks: by block, the fields of its hash.
    """

    def __init__(self, blocks: Mapping[Block, Mapping[str, str]]) -> None:
        self._blocks: dict[Block, dict[RecordedDisposition, _Runs]] = {}
        for block, fields in blocks.items():
            runs = {disposition: read_runs(fields.get(disposition, "")) for disposition in _RECORDED}
            self._blocks[block] = {
                disposition: _Runs([first for first, _ in pairs], [last for _, last in pairs])
                for disposition, pairs in runs.items()
            }

    def of(self, position: Position) -> RecordedDisposition | None:
        """Return the disposition of a dead letter, None if it has none."""
        partition, offset = position
        block = self._blocks.get((partition, offset // BLOCK))
        if block is None:
            return None
        return next((disposition for disposition in _RECORDED if offset in block[disposition]), None)


class DispositionLog:
    """The dispositions of one dead-letter topic.

    Args:
        store: holds them.
        topic_id: the id of the topic; None if the broker reports no ids.
    """

    def __init__(self, store: Store, topic_id: str | None) -> None:
        self._redis = store.redis
        self._index_key = store.keys.dead_letters
        self._topic_id = topic_id or "-"

    async def read(self) -> Dispositions:
        """Return all dispositions. Two round trips."""
        return Dispositions(
            {block: fields for block, fields in (await self._blocks()).items() if self._is_mine(fields)}
        )

    async def read_for(self, positions: Iterable[Position]) -> Dispositions:
        """Return the dispositions of these dead letters, and perhaps of others. One round trip."""
        blocks = sorted({(partition, offset // BLOCK) for partition, offset in positions})
        answers = await self._redis.call([("HGETALL", self._key(block)) for block in blocks])
        fields = {block: text_fields(answer) for block, answer in zip(blocks, answers, strict=True)}
        return Dispositions({block: stored for block, stored in fields.items() if self._is_mine(stored)})

    async def record(self, disposition: RecordedDisposition, positions: Iterable[Position]) -> None:
        """Record the disposition of dead letters, replacing an earlier one. Atomic for each block.

        Raises:
            Transient: if Redis does not answer; a part may be recorded, and recording again does no harm.
        """
        blocks: dict[Block, set[int]] = {}
        for partition, offset in positions:
            blocks.setdefault((partition, offset // BLOCK), set()).add(offset)
        if blocks:
            # The index first: a listed block that does not exist is harmless, an unlisted one is lost.
            await self._redis.call([("SADD", self._index_key, *(_block_text(block) for block in blocks))])
        for block, offsets in blocks.items():
            await self._redis.rewrite(self._key(block), partial(self._with, disposition, offsets))

    async def forget_below(self, starts: Mapping[int, int]) -> int:
        """Delete dispositions of dead letters that Kafka has deleted, and of an older topic of the same name.

        Args:
            starts: the earliest offset of each partition of the dead-letter topic.

        Returns:
            The number of blocks deleted.
        """
        obsolete = [
            block
            for block, fields in (await self._blocks()).items()
            if (fields and not self._is_mine(fields)) or (block[1] + 1) * BLOCK <= starts.get(block[0], 0)
        ]
        if obsolete:
            keys = [self._key(block) for block in obsolete]
            texts = [_block_text(block) for block in obsolete]
            await self._redis.call([("DEL", *keys), ("SREM", self._index_key, *texts)])
        return len(obsolete)

    async def _blocks(self) -> dict[Block, dict[str, str]]:
        texts = (await self._redis.call([("SMEMBERS", self._index_key)]))[0]
        blocks = [_read_block(text.decode()) for text in texts]
        return {block: await self._redis.fields(self._key(block)) for block in sorted(blocks)}

    def _with(self, disposition: RecordedDisposition, added: set[int], stored: Mapping[str, str]) -> dict[str, str]:
        """Return a block's fields with further offsets of one disposition."""
        fields = {"topic": self._topic_id}
        for field in _RECORDED:
            runs = read_runs(stored.get(field, "")) if self._is_mine(stored) else []
            offsets = {offset for first, last in runs for offset in range(first, last + 1)}
            fields[field] = write_runs(offsets | added if field == disposition else offsets - added)
        return fields

    def _is_mine(self, fields: Mapping[str, str]) -> bool:
        return fields.get("topic") == self._topic_id

    def _key(self, block: Block) -> str:
        return f"{self._index_key}:{_block_text(block)}"


def _block_text(block: Block) -> str:
    return f"{block[0]}:{block[1]}"


def _read_block(text: str) -> Block:
    partition, _, number = text.partition(":")
    return int(partition), int(number)
