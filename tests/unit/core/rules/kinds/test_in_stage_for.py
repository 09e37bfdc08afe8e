"""Laws of `in stage for`: how long the customer has stood on the present stage."""

from schemas.actions import Reason
from tests.support.looked_at import LookedAt
from workers.core.customer.stage import UP

MS = 1 / 86_400_000


def test_it_begins_anew_with_every_move() -> None:
    one = LookedAt({"in stage for": "20 days"})
    one.saw("purchase", 0)
    one.stands("newcomer", 0)
    assert (one.at(20 - MS), one.flip(20 - MS)) == ("false", 20)
    assert (one.at(20), one.flip(20)) == ("true", 30)
    assert (one.at(30), one.flip(30)) == ("false", 50)
    assert (one.at(50), one.flip(50)) == ("true", 90)


def test_of_who_did_not_move_there_it_is_known_only_when_it_is_long_enough() -> None:
    one = LookedAt({"in stage for": "5 days"})
    one.saw("purchase", 1, 2, 3)
    one.stands("loyal", 3)
    assert (one.at(4), one.flip(4)) == ("not observable", 8)
    assert one.at(8) == "true"
    one.stands("loyal", 3, "newcomer", UP)
    assert (one.at(4), one.flip(4)) == ("false", 8)


def test_the_reason_says_since_when() -> None:
    one = LookedAt({"in stage for": "5 days"})
    one.saw("purchase", 1, 2, 3)
    one.stands("loyal", 3, "newcomer", UP)
    assert one.reasons(9) == [
        Reason("on the same stage for at least 5 days", "since 2024-01-04 00:00 UTC", "at least 5 days")
    ]
