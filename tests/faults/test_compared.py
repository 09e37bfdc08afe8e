"""What the faults find wrong in the figures of an experiment, and what they do not."""

from collections import Counter

import pytest
from msgspec import structs

from schemas.experiments import ASSIGNED, LATER, WON
from tests.faults.compared import COMPARED_RULE, Compared, Counts, compare_figures, counted, entered
from tests.support.builders import day, event, rule, rules, watched
from tests.support.decided import decide

RULES = rules(
    rule(
        COMPARED_RULE,
        when={"latest": "purchase.amount", "at least": 40},
        hold_out="30%",
        variants={"short": "50%", "long": "50%"},
        success="purchase within 20 days",
        again_after="3 days",
    )
)
ARMS = RULES.by_id[COMPARED_RULE].hold_out
NAMES = [f"c{number}" for number in range(40)]
EVENTS = [
    event("purchase", at, event_id=f"{name}-{at}", customer=name, amount=amount)
    for name in NAMES
    # A large purchase, a small one, and another large one in time and too soon; then one long afterwards.
    for at, amount in ((1, 50), (5 if int(name[1:]) % 2 else 30, 10), (6 if int(name[1:]) % 2 else 31, 60), (60, 20))
]


def decided() -> tuple[Counter[str], dict[str, Counts]]:
    """Return what one thread counts of these events, and what is counted of what it decides."""
    figures: Counter[str] = Counter()
    records = []
    for name in NAMES:
        own = [one for one in EVENTS if one.customer_id == name]
        outcome = decide(name, None, own, RULES, watched(RULES), day(100))
        figures.update(outcome.experiments)
        # What is published says the arm, too.
        arm = None if ARMS is None else ARMS.of(name)
        records += [structs.replace(record, arm=arm) for record in outcome.decisions]
    return figures, counted(entered(records), EVENTS, day(100))


FIGURES, EXPECTED = decided()
FINISHED = {arm: counts.assigned for arm, counts in EXPECTED.items()}


def compared(fields: dict[str, int]) -> Compared:
    return compare_figures(EXPECTED, [fields], FINISHED)


def test_nothing_is_wrong_with_what_one_thread_counts() -> None:
    found = compared(dict(FIGURES))
    assert (found.missing, found.too_much, found.customers) == ([], [], len(NAMES))
    assert {*EXPECTED} == {"short", "long", "held out"}
    for counts in EXPECTED.values():
        assert 0 < counts.won < counts.assigned == counts.over
        assert counts.later == counts.assigned


@pytest.mark.parametrize("what", [ASSIGNED, WON, LATER])
def test_a_figure_that_is_lost_or_doubled_is_found(what: str) -> None:
    name = next(name for name in FIGURES if name.endswith(f"|{what}"))
    less = compared({**FIGURES, name: FIGURES[name] - 1})
    assert ([text.partition(" of ")[0] for text in less.missing], less.too_much) == ([what], [])
    more = compared({**FIGURES, name: FIGURES[name] + 1})
    assert (more.missing, [text.partition(" of ")[0] for text in more.too_much]) == ([], [what])


def test_customers_of_another_arm_and_those_who_are_finished_too_early_are_found() -> None:
    name = next(name for name in FIGURES if f"|held out|{day(1) // 86_400_000}|{ASSIGNED}" in name)
    moved = {**FIGURES, name: 0, name.replace("held out", "short"): FIGURES[name.replace("held out", "short")] + 3}
    found = compared(moved)
    assert (len(found.missing), len(found.too_much)) == (1, 1)
    early = counted(entered([]), EVENTS, day(100))
    assert compare_figures(early, [], {"short": 1}).too_much
    assert not any(counts.over for counts in counted({"c1": {day(1): "short"}}, EVENTS, day(21)).values())
