"""The core on numbers decides as the core on objects does: everything, in order, also late and repeated events.

Compared are the decisions, what was folded, repeated, left out and not understood, the watermarks that are waited
for, the due times, and the state as facts. What may differ is a list with a test each; docs/decisions.md says why.
Goes with the core on objects; what may differ is stated of the new one in
tests/unit/core/decisions/test_otherwise.py.
"""

from dataclasses import replace
from random import Random
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from schemas.rules import Rule
from tests.support.alike import told_alike
from tests.support.builders import day, event, rule, rules, watched
from tests.support.examples import examples
from tests.support.stories import story
from workers.core.coverage import Coverage
from workers.core.decisions.decide import Outcome, decide
from workers.core.events.decoding import DecodedEvent
from workers.core.objects.decisions.decide import Outcome as OutcomeOfObjects
from workers.core.objects.decisions.decide import decide as decide_with_objects

CHANCE: Final = st.randoms(use_true_random=False)
TYPES: Final = ("purchase", "login", "cancellation", "nps")


@given(CHANCE)
@examples(2000)
def test_under_the_same_rules(chance: Random) -> None:
    told_alike(story(chance, changes=False, lags=False))


@given(CHANCE)
@examples(2000)
def test_while_types_lag(chance: Random) -> None:
    told_alike(story(chance, changes=False))


@given(CHANCE)
@examples(2000)
def test_while_rules_change(chance: Random) -> None:
    told_alike(story(chance))


@given(CHANCE)
@examples(2000)
def test_while_what_waits_is_stored_as_numbers(chance: Random) -> None:
    told_alike(story(chance), layout=4)


@given(CHANCE)
@examples(1000)
def test_but_for_what_cannot_be_known_although_the_core_on_objects_leaves_looks_out(chance: Random) -> None:
    told_alike(story(chance), shortcuts=True, layout=4)


# -- what may differ ----------------------------------------------------------------------------------------------


def both(
    *content: Rule, events: list[DecodedEvent], upto_day: float = 0, **observed: Any
) -> tuple[OutcomeOfObjects, Outcome]:
    """Let both cores decide for a new customer."""
    compiled = rules(*content, types=TYPES)
    coverage: Coverage = replace(watched(compiled), **observed)
    upto_ms = day(upto_day) if upto_day else 0
    return (
        decide_with_objects("ada", None, events, compiled, coverage, upto_ms),
        decide("ada", None, events, compiled, coverage, upto_ms),
    )


def test_while_a_rule_waits_the_core_on_objects_may_look_too_early_at_another_one() -> None:
    # The silence becomes true on day 6, the rule does not.
    never = {"all": [{"none": "login", "for": "6 days"}, {"not": {"count": "login", "at least": 1}}]}
    with_objects, with_numbers = both(
        rule("waits", when={"none": "purchase", "for": "3 days"}),
        rule("never", when=never),
        events=[event("purchase", 0), event("login", 0)],
        upto_day=4,
        until={"purchase": day(1)},
    )
    assert with_objects.decisions == with_numbers.decisions() == []
    assert with_objects.waiting == with_numbers.waiting == {"purchase": day(3)}
    assert with_objects.due_ms == day(6)
    assert with_numbers.due_ms == 0


def test_a_rule_that_becomes_unknown_by_time_alone_is_looked_at_by_the_core_on_numbers_only() -> None:
    silence = rule("silence", when={"none": "purchase", "for": "1 day"})
    events = [event("login", 1), event("purchase", 2), event("login", 6)]
    since = dict.fromkeys(TYPES, day(15))
    with_objects, with_numbers = both(silence, events=events, since=since, complete=frozenset())
    assert with_objects.decisions == []
    (unknown,) = with_numbers.decisions()
    assert getattr(unknown, "decision", None) == "not_observable"
    assert unknown.episode_started_at.timestamp() * 1000 == day(3)
