"""Laws of the mark of an unfinished rebuild."""

import pytest

from workers.recovery.mark import RebuildMark


@pytest.mark.parametrize("rules_lost", [False, True])
@pytest.mark.parametrize("is_wiping", [False, True])
@pytest.mark.parametrize("counts", [False, True])
def test_a_mark_is_read_as_it_was_written(rules_lost: bool, is_wiping: bool, counts: bool) -> None:
    mark = RebuildMark(rules_lost, 1_704_067_200_000, is_wiping, counts)
    assert RebuildMark.parse(mark.encode()) == mark


def test_marks_are_stored_in_the_same_words_as_ever() -> None:
    mark = RebuildMark(rules_lost=True, decided_ms=5)
    assert mark.encode() == "rules-lost:5"
    assert mark.while_wiping().encode() == "wiping rules-lost:5"
    assert RebuildMark(rules_lost=False, decided_ms=0).encode() == "rules-known:0"


def test_a_text_that_is_no_mark_is_refused() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        RebuildMark.parse("rules-known")
