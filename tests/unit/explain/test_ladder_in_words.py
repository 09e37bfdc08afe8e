"""Laws of what `explain` says of a rule that reads a ladder: every type of the ladder can change it, or hold it."""

from schemas.rules import RuleBook
from tests.support.builders import rule
from tests.support.looked_at import LADDER
from workers.explain.sentences import checked_after


def test_a_rule_that_reads_a_stage_is_checked_after_every_event_of_its_ladder() -> None:
    book = RuleBook(ladders=(LADDER,))
    reads = rule(when={"all": [{"stage": "quiet"}, {"count": "login", "at least": 1}]})
    assert checked_after(reads, book) == (
        "After every login or purchase. Also when time alone changes the customer's stage."
    )
    plain = rule(when={"count": "login", "at least": 1})
    assert checked_after(plain, book) == "After every login. Time alone changes nothing."
