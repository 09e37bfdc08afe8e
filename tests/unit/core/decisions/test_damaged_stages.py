"""Laws of stored stages that are damaged: a stage that the ladder does not have is not published, and is no move."""

from typing import Final

import pytest

from schemas.ladders import Ladder
from schemas.rules import RuleBook
from tests.support.builders import DAY, START
from tests.support.looked_at import TYPES
from workers.core.coverage import Coverage
from workers.core.customer.stage import UP, code_of_stage
from workers.core.decisions.decide import decide, decider_of
from workers.core.events.decoding import DecodedEvent
from workers.core.rules.rule_compiler import compile_rules

LADDER: Final = Ladder.model_validate(
    {
        "name": "by-score",
        "status": "live",
        "steps": [{"stage": "happy", "when": {"latest": "nps.score", "at least": 9}}],
        "otherwise": "others",
    }
)


@pytest.mark.parametrize("code", [0, code_of_stage("of-no-ladder")])
def test_a_stage_that_the_ladder_does_not_have_is_not_published(code: int) -> None:
    rules = compile_rules(RuleBook(ladders=(LADDER,)), TYPES)
    keys = [spec.key for spec in rules.specs()]
    observed = Coverage(dict.fromkeys(keys, 0), complete=frozenset(keys))
    event = DecodedEvent("e1", "purchase", "ada", START, {})
    stored = decide("ada", None, (event,), rules, observed, layout=4).stored
    assert stored is not None
    decider = decider_of(rules)
    stage = decider.read(stored).stage
    stage.code, stage.direction, stage.from_code = code, UP, code_of_stage("happy")
    outcome = decide("ada", decider.stored.write(4), (), rules, observed, START + DAY, 4)
    assert outcome.stages() == []
    assert (outcome.stage(), outcome.is_unpublished) == (None, False)
