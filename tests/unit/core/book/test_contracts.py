"""Contracts that come and go within a month: who churned is who had one at its start and has none at its end."""

import pytest

from schemas.rules import RuleBook, RuleFile
from tests.support.builders import event, watched
from workers.core.decisions.decide import Decider
from workers.core.rules.rule_compiler import compile_rules

BOOK = RuleBook(book=RuleFile.model_validate({"book": {"contract": "renewal"}}).book)
TYPES = ("purchase", "login", "cancellation", "renewal")


def facts_of(*days: tuple[str, float]) -> dict[str, int]:
    """The facts of the second month, days 31 to 59, of one customer."""
    rules = compile_rules(BOOK, TYPES)
    decider = Decider(rules)
    events = [event(kind, day) for kind, day in days]
    decider.decide("ada", None, events, watched(rules), 0, 4)
    found: dict[str, int] = {}
    for day, name, number in decider.take_facts():
        if day >= events[0].at_ms // 86_400_000 - int(days[0][1]) + 31:
            found[name] = found.get(name, 0) + number
    return found


def left(facts: dict[str, int]) -> int:
    return facts.get("contract_ended", 0) - facts.get("contract_ended_young", 0) - facts.get("contract_back_young", 0)


BEGIN, END = "renewal", "cancellation"


@pytest.mark.parametrize(
    ("days", "churned"),
    [
        (((BEGIN, 5), (END, 40)), 1),
        (((BEGIN, 5), (END, 40), (BEGIN, 45)), 0),
        (((BEGIN, 5), (END, 40), (BEGIN, 45), (END, 50)), 1),
        (((BEGIN, 5), (END, 40), (BEGIN, 45), (END, 50), (BEGIN, 55)), 0),
        (((BEGIN, 35), (END, 40)), 0),
        (((BEGIN, 35), (END, 40), (BEGIN, 45)), 0),
        (((BEGIN, 35), (END, 40), (BEGIN, 45), (END, 50)), 0),
    ],
)
def test_who_churned_had_a_contract_at_the_start_of_the_month_and_has_none_at_its_end(
    days: tuple[tuple[str, float], ...], churned: int
) -> None:
    assert left(facts_of(*days)) == churned
