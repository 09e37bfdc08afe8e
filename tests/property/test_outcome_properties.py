"""Laws of experiments: arms differ only in what is published, and who won does not depend on what was seen first."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from schemas.actions import Action
from schemas.durations import DAY_MS
from tests.property.test_decide_properties import STEPS, history
from tests.support.builders import DAY, START, rule, rules, watched
from tests.support.decided import OneCustomer, decide
from tests.support.examples import examples
from workers.core.coverage import Coverage
from workers.core.events.decoding import DecodedEvent, epoch_ms
from workers.core.experiments.arms import Arms
from workers.core.rules.rule_set import RuleSet

END = START + 700 * DAY
WINDOW: Final = 20 * DAY_MS
PARTS = (
    rule(
        "quiet",
        when={
            "all": [{"count": "purchase", "at least": 2, "within": "60 days"}, {"none": "purchase", "for": "9 days"}]
        },
        again_after="20 days",
        priority=50,
        hold_out="50%",
        experiment="both",
        success="purchase within 20 days",
    ),
    rule("first", when={"none": "purchase", "for": "5 days"}, for_="2 days", priority=20),
    rule(
        "dry",
        when={"all": [{"count": "login", "at least": 2, "within": "20 days"}, {"none": "login", "for": "4 days"}]},
        unless={"status": "cancelled"},
        priority=70,
        hold_out="50%",
        experiment="both",
        success="purchase within 20 days",
    ),
    rule("gone", when={"status": "cancelled"}, action="win-back"),
    rule("idle", when={"none": "login", "for": "6 days"}, hold_out="50%", again_after="9 days"),
)
LIMITS: Final[dict[str, Any]] = {
    "limits": [{"at most": "2 actions", "within": "12 days"}, {"at most": "1 action", "per": "calendar day"}],
    "quiet_hours": {"from": "22:00", "until": "07:00"},
    "time_zone": {"otherwise": "Europe/Berlin"},
}
SETS = {
    "ranks": rules(*PARTS),
    "limits": rules(*PARTS, **LIMITS),
    "all": rules(*PARTS, hold_out="5% of everybody", success="login within 3 days", **LIMITS),
}


def with_share(ruleset: RuleSet, share: int) -> RuleSet:
    """The same rules, by which this share of the customers is held out."""

    def divided(arms: Arms | None) -> Arms | None:
        return None if arms is None else replace(arms, share=Decimal(share))

    known = {
        one.id: replace(one, hold_out=divided(one.hold_out), programme=divided(one.programme))
        for one in ruleset.rules
    }
    groups = {name: tuple(known[one.id] for one in group) for name, group in ruleset.groups.items()}
    return replace(ruleset, rules=tuple(known.values()), by_id=known, groups=groups)


NONE_HELD_OUT = {name: with_share(one, 0) for name, one in SETS.items()}
ALL_HELD_OUT = {name: with_share(one, 100) for name, one in SETS.items()}


class Customer(OneCustomer):
    """One customer, stored and read again between any two turns, and what was counted."""

    def __init__(self, ruleset: RuleSet) -> None:
        super().__init__(ruleset)
        self.counted: Counter[str] = Counter()

    def turn(self, events: Sequence[DecodedEvent], observed: Coverage, upto_ms: int = 0) -> None:
        decided = decide(self.name, self.stored, events, self.rules, observed, upto_ms)
        self.stored = decided.stored
        self.decisions += decided.decisions
        self.counted.update(decided.experiments)

    def figures(self) -> dict[str, int]:
        self.turn([], watched(self.rules), END)
        return {name: number for name, number in self.counted.items() if number}


def oracle(ruleset: RuleSet, events: Sequence[DecodedEvent]) -> dict[str, int]:
    customer = Customer(ruleset)
    customer.turn(events, watched(ruleset))
    return customer.figures()


def without_arm(figures: dict[str, int]) -> dict[str, int]:
    return {"|".join(name.split("|")[::2]) + name.split("|")[-1]: number for name, number in figures.items()}


NAMES = st.sampled_from(sorted(SETS))


@given(name=NAMES, steps=STEPS, late=st.booleans())
@examples(300)
def test_the_arms_differ_only_in_what_is_published(
    name: str, steps: list[tuple[str, float, float, int]], late: bool
) -> None:
    events = history(steps, late)
    treated, held_out = Customer(NONE_HELD_OUT[name]), Customer(ALL_HELD_OUT[name])
    for one in events:
        treated.turn([one], watched(treated.rules))
        held_out.turn([one], watched(held_out.rules))
        first, second = treated.facts, held_out.facts
        assert {key: entry.entered for key, entry in first.experiments.items()}.items() >= {
            key: entry.entered for key, entry in second.experiments.items()
        }.items()
        first.experiments = second.experiments = {}
        for episode in second.episodes.values():
            episode.is_silent = False
        assert first == second
    treated.figures()
    held_out.figures()
    experimental = {one.id for one in PARTS if one.hold_out is not None or name == "all"}

    def said(customer: Customer, *, of_others: bool) -> list[tuple[str, str, float]]:
        found: list[tuple[str, str, float]] = []
        for one in customer.decisions:
            word: str = one.status if isinstance(one, Action) else one.decision
            if (one.rule.id not in experimental) == of_others and word != "retracted":
                found.append((one.rule.id, "active" if word == "held_out" else word, one.decided_at.timestamp()))
        return found

    assert said(treated, of_others=True) == said(held_out, of_others=True)
    assert said(treated, of_others=False) == said(held_out, of_others=False)
    assert not any(isinstance(one, Action) and one.rule.id in experimental for one in held_out.decisions)
    if name != "all":
        assert without_arm(dict(treated.counted)) == without_arm(dict(held_out.counted))


@given(name=NAMES, steps=STEPS, late=st.booleans(), borders=st.lists(st.integers(0, 14), max_size=6))
@examples(150)
def test_the_borders_of_batches_change_no_figure(
    name: str, steps: list[tuple[str, float, float, int]], late: bool, borders: list[int]
) -> None:
    events, customer = history(steps, late), Customer(SETS[name])
    for start, end in pairwise(sorted({0, *borders, len(events)})):
        customer.turn(events[start:end], watched(SETS[name]))
    assert customer.figures() == oracle(SETS[name], events)


@given(name=NAMES, steps=STEPS, lags=st.lists(st.integers(0, 10_000), min_size=42, max_size=42))
@examples(300)
def test_types_that_lag_change_no_figure(
    name: str, steps: list[tuple[str, float, float, int]], lags: list[int]
) -> None:
    events, customer = history(steps, late=False), Customer(SETS[name])
    for serial, event in enumerate(events):
        until = {}
        for place, kind in enumerate(("purchase", "login", "cancellation")):
            rest = [later.at_ms for later in events[serial + 1 :] if later.type == kind]
            until[kind] = max(START, min(rest, default=END) - 1 - lags[serial * 3 + place] ** 2 * 10)
        observed = replace(watched(SETS[name]), until=until)
        customer.turn([event], observed)
        customer.turn([], observed, max(until.values()))
    assert customer.figures() == oracle(SETS[name], events)


@given(steps=STEPS, late=st.lists(st.floats(0, 30), min_size=14, max_size=14))
@examples(150)
def test_when_a_success_is_read_does_not_matter(
    steps: list[tuple[str, float, float, int]], late: list[float]
) -> None:
    """A purchase that no rule reads: what it does is count."""
    ruleset = rules(
        rule("dry", when={"none": "login", "for": "4 days"}, hold_out="50%", success="purchase within 20 days"),
        types=("purchase", "login", "cancellation"),
    )
    events = history(steps, late=False)
    buys = [one for one in events if one.type == "purchase"]
    delayed = sorted(
        [(one.at_ms + (late[place] * DAY_MS if one in buys else 0), place) for place, one in enumerate(events)]
    )
    in_time, held_up = Customer(ruleset), Customer(ruleset)
    known = min((one.at_ms for one in events if one.type == "login"), default=None)
    in_order = [one for one in events if known is not None and one.at_ms >= known]
    in_time.turn(in_order, watched(ruleset))
    held_up.turn([events[place] for _, place in delayed if events[place] in in_order], watched(ruleset))
    assert in_time.figures() == held_up.figures()


@given(name=st.sampled_from(["ranks", "limits"]), steps=STEPS)
@examples(300)
def test_a_naive_judge_counts_the_same(name: str, steps: list[tuple[str, float, float, int]]) -> None:
    events, customer = history(steps, late=False), Customer(SETS[name])
    for one in events:
        customer.turn([one], watched(SETS[name]))
    figures = customer.figures()
    for experiment in SETS[name].experiments:
        starts = [
            epoch_ms(one.decided_at)
            for one in customer.decisions
            if one.rule.id in experiment.rules
            and (one.status == "active" if isinstance(one, Action) else one.decision == "held_out")
        ]
        own = {key: number for key, number in figures.items() if key.startswith(experiment.key)}
        if not starts:
            assert own == {}
            continue
        arm = experiment.arms.of("ada")
        start = min(starts)
        won = any(one.type == "purchase" and start < one.at_ms <= start + experiment.within_ms for one in events)
        cohort = f"{experiment.key}|{arm}|{start // DAY_MS}|"
        assert own.get(f"{cohort}n") == 1
        assert own.get(f"{cohort}won", 0) == won
        assert own.get(f"{experiment.key}|{arm}|later", 0) == len(starts) - 1
