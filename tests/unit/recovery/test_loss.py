"""Laws of what is said of a loss."""

from workers.recovery.loss import Loss


def test_a_loss_says_how_many_records_are_gone_and_counts_each_kind_of_it() -> None:
    begin, *counted = Loss((1, 2), 12_000, 30, 20, 5, 3, 4).sentences()
    assert begin.startswith("the log of 2 partitions has lost its beginning: 12,000 records of it were deleted")
    assert [line.rpartition(": ")[2] for line in counted] == ["30", "20", "5", "3", "4", "0"]


def test_where_nothing_is_stored_no_figure_is_made_up() -> None:
    _, said = Loss((1,), 12_000).sentences()
    assert "cannot be counted" in said
