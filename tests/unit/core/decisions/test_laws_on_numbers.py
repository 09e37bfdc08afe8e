"""The laws of deciding, told as stories for the core on objects, hold for the core on numbers.

Every test of the modules below runs once more, with the other core behind the same call.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Final

import pytest

from tests.unit.core.objects.decisions import (
    test_admission,
    test_decide,
    test_history,
    test_meaning,
    test_order,
    test_typed_values,
)
from workers.core.coverage import Coverage
from workers.core.decisions.decide import decide
from workers.core.events.decoding import DecodedEvent
from workers.core.objects.customer import codec
from workers.core.objects.customer.activity import Activity
from workers.core.objects.decisions.decide import Outcome
from workers.core.rules.rule_set import RuleSet

MODULES: Final[tuple[ModuleType, ...]] = (
    test_admission,
    test_decide,
    test_history,
    test_meaning,
    test_order,
    test_typed_values,
)


def decide_on_numbers(
    customer_id: str,
    activity: Activity | None,
    events: Sequence[DecodedEvent],
    rules: RuleSet,
    observed: Coverage,
    upto_ms: int = 0,
) -> Outcome:
    """Decide with the core on numbers, for callers of the core on objects."""
    stored = None if activity is None else codec.encode(activity)
    found = decide(customer_id, stored, events, rules, observed, upto_ms, layout=3)
    known = {} if activity is None else codec.codes_of(activity.episodes)
    outcome = Outcome(None if found.stored is None else codec.decode(found.stored, {**known, **rules.codes}))
    outcome.decisions = found.decisions()
    outcome.folded, outcome.duplicates, outcome.due_ms = found.folded, found.duplicates, found.due_ms
    outcome.waiting, outcome.not_understood, outcome.left_out = found.waiting, found.not_understood, found.left_out
    return outcome


@pytest.fixture(autouse=True)
def on_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in MODULES:
        if hasattr(module, "decide"):
            monkeypatch.setattr(module, "decide", decide_on_numbers)


for _module in MODULES:
    globals().update({name: law for name, law in vars(_module).items() if name.startswith("test_") and callable(law)})
