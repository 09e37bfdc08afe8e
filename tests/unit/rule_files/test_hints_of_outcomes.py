"""What is measured of rules, as people write it."""

import pytest

from workers.rule_files.hints.outcomes import as_points, as_share_of_all, as_success


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("purchase in 30 days", "purchase within 30 days"),
        ("a purchase within 30d", "purchase within 30 days"),
        ("Purchase < 2 weeks", "purchase within 2 weeks"),
        ("purchase: 30 days", "purchase within 30 days"),
        ("purchase", None),
        ("30 days", None),
        ("purchase within a while", None),
    ],
)
def test_a_success_in_other_words_is_understood_as_a_whole_or_not_at_all(written: str, meant: str | None) -> None:
    assert as_success(written) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("3", "3 points"),
        ("3%", "3 points"),
        ("1 pp", "1 point"),
        ("2,5 percentage points", "2.5 points"),
        ("60", None),
    ],
)
def test_points_in_other_words_are_understood(written: str, meant: str | None) -> None:
    assert as_points(written) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("5%", "5% of everybody"),
        ("5% of all customers", "5% of everybody"),
        ("0.05", "5% of everybody"),
        ("few", None),
    ],
)
def test_a_share_of_all_customers_in_other_words_is_understood(written: str, meant: str | None) -> None:
    assert as_share_of_all(written) == meant
