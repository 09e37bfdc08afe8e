"""Laws of dispositions: offsets as runs, and exactly the recorded ones."""

import asyncio
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from workers.dead_letters.disposition import DispositionLog, Dispositions, read_runs, write_runs


@pytest.mark.parametrize(
    ("offsets", "text"),
    [([], ""), ([5], "5"), ([3, 1, 2, 2], "1-3"), ([1, 3, 4, 9], "1,3-4,9"), (range(10_000, 20_000), "10000-19999")],
)
def test_offsets_are_noted_as_runs(offsets: Iterable[int], text: str) -> None:
    assert write_runs(offsets) == text
    assert [offset for first, last in read_runs(text) for offset in range(first, last + 1)] == sorted(set(offsets))


def test_notes_know_exactly_what_was_noted() -> None:
    dispositions = Dispositions({(1, 0): {"replayed": "1-3,7", "discarded": "5"}, (1, 2): {"replayed": "20000"}})
    dispositions_by_offset = {offset: dispositions.of((1, offset)) for offset in (0, 1, 3, 4, 5, 6, 7, 8, 20_000)}
    assert {offset for offset, kind in dispositions_by_offset.items() if kind == "replayed"} == {1, 3, 7, 20_000}
    assert {offset for offset, kind in dispositions_by_offset.items() if kind == "discarded"} == {5}
    assert dispositions.of((0, 1)) is None


def test_only_the_blocks_of_the_dead_letters_that_are_asked_for_are_read_all_at_once() -> None:
    asked: list[Sequence[tuple[Any, ...]]] = []

    async def call(commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        asked.append(commands)
        fields = {b"topic": b"id-1", b"replayed": b"10001"}
        return [fields if name == "shop:dead-letters:1:1" else {b"topic": b"an older topic"} for _, name in commands]

    store: Any = SimpleNamespace(
        redis=SimpleNamespace(call=call), keys=SimpleNamespace(dead_letters="shop:dead-letters")
    )
    dispositions = asyncio.run(DispositionLog(store, "id-1").read_for([(1, 10_001), (1, 10_002), (0, 5)]))
    assert asked == [[("HGETALL", "shop:dead-letters:0:0"), ("HGETALL", "shop:dead-letters:1:1")]]
    assert [dispositions.of(position) for position in ((1, 10_001), (1, 10_002), (0, 5))] == ["replayed", None, None]
