"""Laws of `latest`: the newest value of an attribute."""

import re
from typing import Any, Final

import pytest
from pydantic import ValidationError

from schemas.attribute_types import AttributeType
from tests.support.builders import day
from tests.support.looked_at import READ, LookedAt
from tests.unit.core.rules.kinds.looks import (
    NEVER,
    NOW,
    looked,
    reason,
)
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE, Basis
from workers.core.customer.folding import TypeFolding
from workers.core.events.decoding import DecodedEvent
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


def reported(found: LookedAt, *reports: tuple[float, Any]) -> None:
    """Fold events with a score, each a day and the value, in the order in which they arrive."""
    customer = found.customer
    folding = TypeFolding(customer, found.specs.facts_by_type()["nps"])
    for serial, (at_day, value) in enumerate(reports):
        customer.at_ms = max(customer.at_ms, day(at_day))
        attributes = {} if value is None else {"score": value}
        folding.fold(DecodedEvent(f"e{serial}", "nps", "ada", day(at_day), attributes))


FELL: Final = {"latest": "nps.score", "at most": 6, "was": {"at least": 9}}


def test_what_it_was_is_the_report_before_the_latest_one_in_the_order_of_time() -> None:
    one = LookedAt(FELL)
    reported(one, (1, 6))
    assert one.at(1) == "not observable"
    one.clear()
    reported(one, (1, 9), (5, 6))
    assert one.at(5) == "true"
    assert one.reasons(5)[0].observed == "6 after 9"
    reported(one, (3, 7))  # late, and between the two
    assert one.at(5) == "false"
    reported(one, (2, 10))  # later still, and before it
    assert one.at(5) == "false"


def test_a_second_report_of_the_same_value_ends_it() -> None:
    one = LookedAt(FELL)
    reported(one, (1, 9), (5, 6), (6, 6))
    assert one.at(6) == "false"


def test_an_event_without_the_attribute_reports_nothing() -> None:
    one = LookedAt(FELL)
    reported(one, (1, 9), (5, 6), (6, None))
    assert one.at(6) == "true"


def test_what_it_was_is_certain_only_if_every_report_since_was_kept() -> None:
    one = LookedAt(FELL)
    one.watched("nps", 2)
    reported(one, (1, 9), (5, 6))
    assert one.at(5) == "not observable"
    reported(one, (6, 9), (7, 4))
    assert one.at(7) == "true"


def test_a_value_is_unknown_only_if_every_event_was_seen() -> None:
    unknown, given = (LookedAt({"latest": "nps.score", "is": state}) for state in ("unknown", "given"))
    for one in (unknown, given):
        one.watched("nps", 1)
    assert (unknown.at(3), given.at(3)) == ("not observable", "not observable")
    for one in (unknown, given):
        one.clear()
    assert (unknown.at(3), given.at(3)) == ("true", "false")
    assert unknown.reasons(3)[0].observed == "unknown"
    for one in (unknown, given):
        reported(one, (2, None))
    assert (unknown.at(3), given.at(3)) == ("true", "false")
    for one in (unknown, given):
        reported(one, (2, 7))
    assert (unknown.at(3), given.at(3)) == ("false", "true")
    assert given.reasons(3)[0].observed == "given"


def test_the_text_unknown_is_a_value_in_a_list() -> None:
    one = LookedAt({"latest": "nps.score", "is": ["unknown"]})
    assert one.at(3) == "not observable"
    reported(one, (2, "unknown"))
    assert one.at(3) == "true"


def test_the_level_of_days_ago_moves_with_time() -> None:
    one = LookedAt({"latest": "nps.score", "down by": "20%", "compared with": "30 days ago"})
    reported(one, (0, 50), (40.5, 38))
    assert (one.at(40.5), one.flip(40.5)) == ("true", 70)
    assert one.reasons(40.5)[0].observed == "38 after 50"
    assert (one.at(70), one.flip(70)) == ("false", None)


def test_only_the_last_report_of_a_day_is_its_level_even_if_it_comes_first() -> None:
    one = LookedAt({"latest": "nps.score", "down by": "20%", "compared with": "2 days ago"})
    reported(one, (1.5, 50), (1.2, 10), (3.5, 40))
    assert one.at(3.5) == "true"
    assert one.series("nps").days.number == 2


def test_of_the_days_before_those_that_are_asked_for_one_is_kept() -> None:
    one = LookedAt({"latest": "nps.score", "down by": "20%", "compared with": "30 days ago"})
    reported(one, *((number, 50) for number in range(100)))
    assert one.series("nps").days.number == 31
    reported(one, (20, 7))  # what is older than that one changes nothing
    assert one.series("nps").days.number == 31


def test_without_a_level_of_that_day_it_is_not_observable() -> None:
    one = LookedAt({"latest": "nps.score", "down by": "20%", "compared with": "30 days ago"})
    assert one.at(3) == "not observable"
    reported(one, (1, 50), (2, 10))
    assert (one.at(3), one.flip(3)) == ("not observable", 31)


@pytest.mark.parametrize(
    ("before", "latest", "truth"), [(50, 40, "true"), (50, 41, "false"), (0, 0, "false"), (-5, -9, "false")]
)
def test_a_level_falls_by_a_share_of_what_was_above_zero(before: int, latest: int, truth: str) -> None:
    one = LookedAt({"latest": "nps.score", "down by": "20%"})
    reported(one, (1, before), (2, latest))
    assert one.at(2) == truth


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"down by": "20%", "at most": 6}, "'down by' cannot stand beside 'at most'"),
        ({"down by": "20%", "was": 9}, "'down by' cannot stand beside 'was'"),
        ({"down by": "20%", "up by": "20%"}, "needs either 'down by' or 'up by'"),
        ({"down by": "120%"}, "by 100% at most, found 120%"),
        ({"at most": 6, "compared with": "30 days ago"}, "'compared with' belongs to 'down by' or 'up by'"),
        ({"down by": "20%", "compared with": "36 hours ago"}, "expected 1 to 730 whole days ago"),
        ({"is": "unknown", "was": 9}, "asks for no value"),
        ({}, "needs one of: 'is' (a value, unknown or given), 'is not', 'was', or bounds"),
    ],
)
def test_what_cannot_be_asked_together_is_refused(more: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(said)):
        READ({"latest": "nps.score", **more})
