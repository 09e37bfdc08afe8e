"""Laws of dispositions: offsets as runs, and exactly the recorded ones."""

from collections.abc import Iterable

import pytest

from workers.dead_letters.disposition import Dispositions, read_runs, write_runs


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
