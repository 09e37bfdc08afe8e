"""Laws of refusals: what a reader needs beside the sentence is in fields."""

import pytest

from schemas.durations import parse_duration
from schemas.refusals import InconsistentEntries, WrongFormat, not_in_format


def test_a_refusal_is_a_value_error_with_its_format() -> None:
    refusal = not_in_format("a time of day such as '21:00'", "noon", "time of day")
    assert isinstance(refusal, ValueError)
    assert str(refusal) == "expected a time of day such as '21:00', found 'noon'"
    assert (refusal.expected, refusal.format) == ("a time of day such as '21:00'", "time of day")


@pytest.mark.parametrize("written", ["45", "45 dogs"])
def test_a_text_that_is_no_duration_says_what_format_it_should_have(written: str) -> None:
    with pytest.raises(WrongFormat) as raised:
        parse_duration(written)
    assert raised.value.format == "duration"


def test_entries_that_do_not_fit_together_name_their_keys() -> None:
    refusal = InconsistentEntries("'every' and 'times' go together", "every", "times")
    assert (refusal.keys, refusal.is_value) == (("every", "times"), False)
