from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from workers.core.months import month_at, month_from

moments = st.datetimes(datetime(1970, 1, 1), datetime(2400, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))


def ms(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


@given(moments)
def test_a_month_starts_on_its_first_day(at: datetime) -> None:
    assert month_at(ms(at)) == ms(datetime(at.year, at.month, 1, tzinfo=UTC))


@given(moments)
def test_the_next_start_of_a_month_is_not_before_the_moment(at: datetime) -> None:
    start = datetime(at.year, at.month, 1, tzinfo=UTC)
    following = date(at.year + at.month // 12, at.month % 12 + 1, 1)
    expected = start if at == start else datetime(following.year, following.month, 1, tzinfo=UTC)
    assert month_from(ms(at)) == ms(expected)
