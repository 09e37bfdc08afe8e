"""Laws of `latest`: the newest value of an attribute."""

from typing import Any

import pytest

from schemas.attribute_types import AttributeType
from tests.unit.core.rules.kinds.looks import (
    NEVER,
    NOW,
    looked,
    reason,
)
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE, Basis
from workers.core.rules.kinds.latest import LatestValue


@pytest.mark.parametrize(
    ("kind", "kept", "truth", "said"),
    [
        (None, "7", FALSE, "7"),
        ("number", "7", TRUE, 7),
        ("number", "seven", NOT_OBSERVABLE, None),
        (None, 7, TRUE, 7),
        (None, 7.0, TRUE, 7.0),
        (None, True, FALSE, True),
    ],
)
def test_the_latest_value_counts_as_the_type_of_its_attribute(
    kind: AttributeType | None, kept: Any, truth: int, said: Any
) -> None:
    found = looked({"latest": "nps.score", "is": 7}, {} if kind is None else {"nps.score": kind})
    assert found.evaluate(NOW) == (NOT_OBSERVABLE, NEVER)
    assert reason(found)["observed"] is None
    found.customer.attributes = {"nps.score": (kept, NOW)}
    for _ in range(2):
        assert found.evaluate(NOW) == (truth, NEVER)
    assert reason(found)["observed"] == said
    assert type(reason(found)["observed"]) is type(said)


def test_a_latest_value_is_tested_once_and_another_one_anew() -> None:
    found = looked({"latest": "nps.score", "at most": 6})
    tested: list[Any] = []

    def passes(value: Any) -> bool:
        tested.append(value)
        return bool(value <= 6)

    condition = LatestValue(Basis(found.customer, 0, b"", b"", b""), "nps.score", passes, None)
    for value, truth in ((5, TRUE), (5, TRUE), (9, FALSE), (5, TRUE)):
        found.customer.attributes = {"nps.score": (value, NOW)}
        assert condition.look(NOW) == truth
    assert tested == [5, 9, 5]
