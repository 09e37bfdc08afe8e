"""Where there is a shortcut, its result is that of the long way."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from schemas.actions import action_id
from workers.core.events.attribute_types import LATEST_YEAR_MS
from workers.core.events.decoding import scaled
from workers.core.events.filters import scaled_number
from workers.core.text import Text

ACTIONS = UUID("5c1a6a1e-2f0c-5d0e-9a55-6c696e676572")


@given(st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True), st.text(max_size=20), st.integers(0, 1 << 60))
def test_an_action_id_is_a_uuid_of_version_five(rule: str, customer: str, start_ms: int) -> None:
    assert action_id(rule, customer, start_ms) == str(uuid5(ACTIONS, f"{rule}\n{start_ms}\n{customer}"))


@given(st.integers(0, LATEST_YEAR_MS - 1))
def test_a_moment_is_worded_to_the_minute(at_ms: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
    text = Text()
    text.moment(at_ms)
    assert text.made().decode() == moment.strftime("%Y-%m-%d %H:%M UTC")


@given(
    st.decimals()
    | st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**14), max_value=10**14)
)
def test_a_number_is_scaled_as_it_was(number: Decimal) -> None:
    assert scaled_number(number) == (scaled(number) if number.is_finite() else None)
