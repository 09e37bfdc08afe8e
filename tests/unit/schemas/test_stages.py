"""Laws of the records of stages."""

from uuid import UUID, uuid5

import pytest

from schemas.stages import stage_id


@pytest.mark.parametrize(
    ("customer", "came_from", "stage"),
    [("ada", None, "newcomer"), ("Ünal", "quiet", "lost"), ("c-1\n2", "active", "regular"), ("", None, "quiet")],
)
def test_the_id_of_a_stage_is_a_uuid_of_its_customer_moment_and_stages(
    customer: str, came_from: str | None, stage: str
) -> None:
    for at_ms in (0, 1_704_067_200_000, 7_258_118_400_001):
        name = f"{at_ms}\n{came_from or ''}\n{stage}\n{customer}"
        assert stage_id(customer, at_ms, came_from, stage) == str(
            uuid5(UUID("0b9a3c52-55f4-5b0e-8f0e-6c696e676572"), name)
        )
