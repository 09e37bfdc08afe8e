"""Laws of `moved`: the customer came to the present stage by a move."""

from schemas.actions import Reason
from tests.support.looked_at import LookedAt
from workers.core.customer.stage import UP


def test_it_holds_from_the_move_on_until_the_next_one() -> None:
    one = LookedAt({"moved": "up", "from": "newcomer"})
    one.saw("purchase", 0)
    one.stands("newcomer", 0)
    assert (one.at(0), one.flip(0)) == ("false", 30)
    assert (one.at(30), one.flip(30)) == ("true", 90)
    assert (one.at(90), one.flip(90)) == ("false", None)  # from 'quiet'


def test_within_ends_it() -> None:
    one = LookedAt({"moved": "up", "within": "7 days"})
    one.saw("purchase", 0)
    one.stands("newcomer", 0)
    assert (one.at(30), one.flip(30)) == ("true", 37)
    assert (one.at(37), one.flip(37)) == ("false", 90)


def test_a_stage_that_is_first_known_is_no_move() -> None:
    one = LookedAt({"moved": "down"})
    one.saw("purchase", 1, 2, 3)
    one.stands("loyal", 3)
    assert one.at(3) == "false"
    one.stands("loyal", 3, "newcomer", UP)
    assert one.at(3) == "false"


def test_the_reason_says_from_where_to_where() -> None:
    one = LookedAt({"moved": "up"})
    one.saw("purchase", 0)
    one.stands("newcomer", 0)
    observed = "from newcomer to quiet on 2024-01-31 00:00 UTC"
    assert one.reasons(31) == [Reason("moved up", observed, "up")]
    assert one.reasons(3) == [Reason("moved up", "no move", "up")]
