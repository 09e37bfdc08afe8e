"""Laws of `stage`: the customer stands on a step of the live ladder."""

from schemas.actions import Reason
from tests.support.looked_at import LADDER, LookedAt
from workers.core.rules import whole_conditions


def test_it_changes_exactly_when_the_ladder_does() -> None:
    one = LookedAt({"stage": "quiet"})
    one.saw("purchase", 1, 3)
    assert (one.at(3), one.flip(3)) == ("false", 33)
    assert (one.at(33), one.flip(33)) == ("true", 93)
    assert (one.at(93), one.flip(93)) == ("false", None)


def test_several_stages_are_one_condition() -> None:
    one = LookedAt({"stage": ["quiet", "lost"]})
    one.saw("purchase", 1, 3)
    assert (one.at(33), one.flip(33)) == ("true", None)


def test_while_a_step_above_is_not_certainly_false_no_stage_is_known() -> None:
    one = LookedAt({"stage": "newcomer"})
    one.saw("purchase", 1)
    one.watched("purchase", 0)
    assert one.at(1) == "not observable"  # there may have been more purchases before
    one.saw("purchase", 1, 2, 3)
    loyal = LookedAt({"stage": "loyal"})
    loyal.saw("purchase", 1, 2, 3)
    loyal.watched("purchase", 0)
    assert loyal.at(3) == "true"


def test_the_reason_names_the_stage() -> None:
    one = LookedAt({"stage": "quiet"})
    one.saw("purchase", 1, 3)
    assert one.reasons(34) == [Reason("on the stage 'quiet'", "quiet", "quiet")]


def test_it_reads_the_ladder_and_no_type_of_its_own() -> None:
    one = LookedAt({"not": {"stage": "quiet"}})
    assert whole_conditions.types_of(one.when) == set()
    assert whole_conditions.reads_ladder(one.when)
    assert one.ladder is not None
    assert one.ladder.types == {"purchase"}
    assert LADDER.stages() == ("lost", "quiet", "loyal", "newcomer")
