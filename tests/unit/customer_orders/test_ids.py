"""Laws of lists of ids: an id is taken as it is, each once, and every wrong line is named."""

import pytest

from workers.customer_orders.ids import MOST_IDS, by_partition, ids_in, one_id
from workers.errors import StartupError
from workers.kafka.partitioner import partition_of


@pytest.mark.parametrize("text", ["ada\n b b \nZoë\n", "ada\r\n b b \r\nZoë", "\ufeffada\n b b \nZoë"])
def test_ids_are_taken_line_by_line_without_removing_a_space(text: str) -> None:
    assert ids_in(text.encode(), "a file") == ["ada", " b b ", "Zoë"]


def test_an_id_that_comes_twice_is_there_once_at_its_first_place() -> None:
    assert ids_in(b"b\na\nb\n", "a file") == ["b", "a"]


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "a file has no customer's id; write one a line"),
        (b"ada\n\nbob\n", "a file, line 2: the id is empty"),
        (b"ada\n \n", "a file, line 2: the id is empty"),
        (b"x" * 257, "a file, line 1: the id has 257 bytes, at most 256: 'xxxxxxxxxxxxxxxxxxxx…'"),
    ],
)
def test_a_line_that_no_customer_can_have_is_refused(raw: bytes, problem: str) -> None:
    with pytest.raises(StartupError) as refused:
        ids_in(raw, "a file")
    assert refused.value.problems == (problem,)


def test_a_file_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(StartupError, match="a file is not UTF-8"):
        ids_in(b"\xff\n", "a file")


def test_of_many_wrong_lines_the_first_are_named_and_the_others_counted() -> None:
    with pytest.raises(StartupError) as refused:
        ids_in(b"\n" * 101, "a file")
    assert len(refused.value.problems) == 21
    assert refused.value.problems[-1] == "and 81 more lines"


def test_a_list_may_have_this_many_ids_and_not_one_more() -> None:
    longest = b"".join(b"%d\n" % number for number in range(MOST_IDS))
    assert len(ids_in(longest, "a file")) == MOST_IDS
    with pytest.raises(StartupError, match="more than 100,000 ids"):
        ids_in(longest + b"x\n", "a file")
    with pytest.raises(StartupError, match="more than 100,000 ids"):
        ids_in(b"x" * (MOST_IDS * 258 + 1), "a file")


def test_one_id_passes_the_same_checks() -> None:
    assert one_id(" ada ") == [" ada "]
    for wrong in ("", "  ", "x" * 257):
        with pytest.raises(StartupError, match="the customer's id"):
            one_id(wrong)


def test_every_id_is_under_its_partition() -> None:
    ids = [f"c{number}" for number in range(100)]
    grouped = by_partition(ids, 8)
    assert sorted(name for names in grouped.values() for name in names) == sorted(ids)
    assert all(partition_of(name, 8) == partition for partition, names in grouped.items() for name in names)
