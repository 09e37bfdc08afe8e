"""Laws of damage: a stored customer may be any bytes. To decide ends soon, and leaves nothing for the next one."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from random import Random
from typing import Final

import pytest
from msgspec import DecodeError

from tests.support.decided import LATEST_LAYOUT, LAYOUTS, Decided, decide, in_layout
from tests.support.fuzzing import damaged, seeds, seeds_for, within_seconds
from tests.support.stories import TurnOfStory, story
from workers.core.decisions.decide import decider_of
from workers.core.rules.rule_set import Rule
from workers.customer_facts.facts_of import facts_of

BYTES: Final = bytes(range(256))
SECONDS: Final = 1.0
TIMES: Final = 12
"""How often what is stored before a turn is damaged."""
REFUSED: Final = (ValueError, OverflowError, KeyError, DecodeError)
"""What a worker makes a dead letter of. An IndexError is none: it is a place outside the memory of an object."""


def decided(turn: TurnOfStory, stored: bytes | None) -> Decided:
    return decide("ada", stored, turn.events, turn.rules, turn.observed, turn.upto_ms)


def is_decided(turn: TurnOfStory, stored: bytes) -> bool:
    """Decide on damaged bytes; return whether they were not refused."""
    try:
        with within_seconds(SECONDS, stored.hex()):
            after = decided(turn, stored)
    except REFUSED:
        return False
    if after.stored is not None:
        decider = decider_of(turn.rules)
        decider.read(after.stored)
        facts_of(decider.names)
        assert decider.stored.write(LATEST_LAYOUT) == after.stored
    return True


def knowing_former_rules(turns: Sequence[TurnOfStory]) -> Iterator[TurnOfStory]:
    """Yield the turns, each with a rule set that knows the rules before it."""
    former: dict[str, Rule] = {}
    for rules, several in groupby(turns, lambda turn: turn.rules):
        knowing = replace(rules, former=dict(former))
        former |= {rule.version: rule for rule in rules.rules}
        for turn in several:
            yield replace(turn, rules=knowing)


def damage(chance: Random, turns: Sequence[TurnOfStory]) -> int:
    """Damage what is stored before each turn, and decide; return how often it was read even so."""
    stored, taken = None, 0
    for turn in knowing_former_rules(turns):
        after = decided(turn, stored)
        if stored is not None:
            originals = [stored, in_layout(stored, turn.rules, LAYOUTS[0])]
            taken += sum(is_decided(turn, damaged(chance, originals, BYTES)) for _ in range(TIMES))
            assert decided(turn, stored) == after, "the customer after a damaged one is decided as before"
        stored = after.stored
    return taken


def fuzz(rounds: Iterator[int], number: int) -> None:
    taken = 0
    for seed in rounds:
        chance = Random(seed)
        taken += sum(damage(chance, story(chance)) for _ in range(number))
    assert taken > number, "hardly anything is still read, so nothing is decided"


def test_deciding_on_damaged_customers_ends_soon_and_leaves_nothing_for_the_next() -> None:
    fuzz(seeds(1), 15)


@pytest.mark.long
def test_damaged_customers_are_decided_for_minutes(fuzz_minutes: float) -> None:
    fuzz(seeds_for(fuzz_minutes), 20)
