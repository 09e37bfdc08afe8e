"""Deciding as workers do: between any two turns, nothing of a customer is kept but stored bytes.

What is stored is looked at as named facts (`workers.customer_facts`), and asked by the conditions of a rule set.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from schemas.actions import Action, Decision, Reason
from schemas.stages import StageRecord
from tests.support.builders import day, watched
from workers.core.coverage import Coverage
from workers.core.customer.candidate import Evidence
from workers.core.customer.standing import AS_ANYBODY, Standing
from workers.core.decisions import decide as core
from workers.core.decisions.decide import Decider, decider_of
from workers.core.decisions.program import ActiveRule
from workers.core.decisions.wording import reasons_of
from workers.core.events.decoding import DecodedEvent
from workers.core.rules.rule_set import Rule, RuleSet
from workers.customer_facts.facts import CustomerFacts
from workers.customer_facts.facts_of import facts_of, take_facts
from workers.customer_facts.texts import Moment, moment_text

LAYOUTS: Final = (3, 4)
LATEST_LAYOUT: Final = LAYOUTS[-1]


@dataclass
class Decided:
    """What was decided of one customer; it stays valid when the next one is decided.

    Attributes:
        stored: the new state, None if there is none yet.
        decisions: in order.
        due_ms, waiting, folded, duplicates, not_understood, left_out, unnamed: as of `Outcome`.
        rules: under which it was decided.
        stages: what is published of the customer's stage, in order, as of `Outcome`.
        experiments: what is added to figures of experiments, as of `Outcome`.
    """

    stored: bytes | None
    decisions: list[Action | Decision]
    due_ms: int
    waiting: dict[str, int]
    folded: int
    duplicates: int
    not_understood: list[str]
    left_out: list[tuple[str, str, str, str]]
    unnamed: list[str]
    rules: RuleSet = field(repr=False, compare=False)
    stages: list[StageRecord | None] = field(default_factory=list)
    experiments: dict[str, int] = field(default_factory=dict)

    @property
    def is_known(self) -> bool:
        """Whether anything is stored."""
        return self.stored is not None

    @property
    def facts(self) -> CustomerFacts:
        """What is stored now, as named facts."""
        assert self.stored is not None
        return facts_in(self.stored, self.rules)


def decide(
    customer_id: str,
    stored: bytes | None,
    events: Sequence[DecodedEvent],
    rules: RuleSet,
    observed: Coverage,
    upto_ms: int = 0,
    layout: int = LATEST_LAYOUT,
    standing: Standing = AS_ANYBODY,
) -> Decided:
    """Decide one customer; arguments as of `workers.core.decisions.decide.decide`."""
    return _as_decided(core.decide(customer_id, stored, events, rules, observed, upto_ms, layout, standing), rules)


def publish_stage(
    customer_id: str,
    stored: bytes,
    rules: RuleSet,
    observed: Coverage,
    upto_ms: int,
    standing: Standing = AS_ANYBODY,
) -> Decided:
    """Publish where a customer stands, even if that is no move; arguments as of `Decider.publish_stage`."""
    outcome = decider_of(rules).publish_stage(customer_id, stored, observed, upto_ms, LATEST_LAYOUT, standing)
    return _as_decided(outcome, rules)


def _as_decided(outcome: core.Outcome, rules: RuleSet) -> Decided:
    return Decided(
        outcome.stored,
        outcome.decisions(),
        outcome.due_ms,
        outcome.waiting,
        outcome.folded,
        outcome.duplicates,
        outcome.not_understood,
        outcome.left_out,
        outcome.unnamed,
        rules,
        outcome.stages(),
        dict(outcome.experiments),
    )


def moment(at_day: float) -> Moment:
    """Return a day as named facts write it."""
    return moment_text(day(at_day))


def facts_in(stored: bytes, rules: RuleSet) -> CustomerFacts:
    """Return what is stored of a customer as named facts."""
    decider = decider_of(rules)
    decider.read(stored)
    return facts_of(decider.names)


def stored_of(facts: CustomerFacts, rules: RuleSet, layout: int = LATEST_LAYOUT) -> bytes:
    """Return a customer who has these facts, as stored bytes."""
    decider = decider_of(rules)
    decider.program.begin()
    take_facts(decider.names, facts)
    return decider.stored.write(layout)


def in_layout(stored: bytes, rules: RuleSet, layout: int) -> bytes:
    """Return a stored customer in another layout."""
    decider = decider_of(rules)
    decider.read(stored)
    return decider.stored.write(layout)


def truth_of(
    stored: bytes, rules: RuleSet, at_ms: int, observed: Coverage, rule_id: str | None = None
) -> tuple[int, int]:
    """Return whether a rule holds for a stored customer at a moment, and when time alone changes that.

    Args:
        stored: the customer.
        rules: the rule set.
        at_ms: the moment.
        observed: since when each type is watched.
        rule_id: the rule; the only one if left out.
    """
    condition = _asked(stored, rules, observed, rule_id).condition
    truth: int = condition.look(at_ms)
    return truth, condition.flip_ms


def reasons_for(
    stored: bytes, rules: RuleSet, at_ms: int, observed: Coverage, rule_id: str | None = None
) -> tuple[Reason, ...]:
    """Return why a rule holds for a stored customer at a moment; arguments as of `truth_of`."""
    rule = _asked(stored, rules, observed, rule_id)
    evidence = Evidence(decider_of(rules).program.customer.most_conditions)
    rule.condition.look(at_ms)
    rule.condition.note(evidence, at_ms)
    return reasons_of(rule.condition, evidence)


def _asked(stored: bytes, rules: RuleSet, observed: Coverage, rule_id: str | None) -> ActiveRule:
    decider: Decider = decider_of(rules)
    decider.read(stored)
    decider.program.observe(observed)
    (rule,) = [one for one in decider.program.rules if rule_id in (None, one.id)]
    return rule


class OneCustomer:
    """One customer under a rule set that may change.

    Attributes:
        name: of the customer.
        stored: what is known, None for nothing yet.
        decisions: all of them so far.
        due_ms: the next due time, 0 for none.
        layout: in which the customer is stored.
    """

    layout = LATEST_LAYOUT

    def __init__(self, rules: RuleSet, name: str = "ada") -> None:
        self.name = name
        self.stored: bytes | None = None
        self.decisions: list[Action | Decision] = []
        self.due_ms = 0
        self._former: dict[str, Rule] = {}
        self.rules = rules

    @property
    def rules(self) -> RuleSet:
        """The rule set in force; one that is put in its place knows what waits of the rules before."""
        return self._rules

    @rules.setter
    def rules(self, rules: RuleSet) -> None:
        if self._former:
            rules = replace(rules, former=dict(self._former))
        self._former |= {rule.version: rule for rule in rules.rules}
        self._rules = rules

    @property
    def facts(self) -> CustomerFacts:
        """What is known of the customer."""
        assert self.stored is not None
        return facts_in(self.stored, self.rules)

    def decide(
        self, events: Sequence[DecodedEvent] = (), observed: Coverage | None = None, upto_ms: int = 0
    ) -> Decided:
        """Fold events, and decide what follows, also from the time that passed up to a moment, if one is given."""
        seen = watched(self.rules) if observed is None else observed
        decided = decide(self.name, self.stored, events, self.rules, seen, upto_ms, self.layout)
        self.stored, self.due_ms = decided.stored, decided.due_ms
        self.decisions += decided.decisions
        return decided
