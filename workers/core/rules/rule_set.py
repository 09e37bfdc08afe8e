"""Rule set: the compiled rule files, indexed by what can change each rule.

Two workers decide alike if the hashes of their rule sets are equal.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from schemas import actions
from schemas.attribute_types import AttributeType
from schemas.experiments import EVERY_RULE
from schemas.value import Valuation
from workers.core.book.meant import Meant
from workers.core.customer.specs import AttributeSpec, EventTypeSpec, SeriesSpec, Specs
from workers.core.experiments.arms import Arms
from workers.core.experiments.experiment import Experiment
from workers.core.rules.contact_policy import ContactPolicy

Required = tuple[tuple[str, int, int], ...]
"""Event types, with the least and the greatest number of events of each."""


@dataclass(frozen=True)
class Pace:
    """The rate limit of a rule, over all customers.

    Attributes:
        most: the most actions in a period.
        seconds: length of the period.
        spread: whether actions above the limit are released in later periods; otherwise the operator decides.
    """

    most: int
    seconds: int
    spread: bool


@dataclass(frozen=True)
class Rule:
    """One compiled rule; durations in milliseconds.

    Attributes:
        id: the rule's id.
        version: short hash of its content.
        identity: the rule as named in actions.
        action: the action that it requests.
        shadow: whether it is decided and reported without an action.
        paused: whether it begins episodes without an action.
        when: the condition as written, with `unless` in it and every `meets` replaced.
        template: the message that it requests.
        variables: by name of a variable, what fills it (`schemas.variables`).
        channel, locale, labels: constants of its actions; None for none.
        again_after_ms: the cool-down after an action, None for never again.
        again_every_ms: how often it asks again while it still holds, 0 for not at all.
        most_times: how often it asks in one episode at most, the first time included; 0 for as long as it holds.
        expires_after_ms: how long after the start of the episode its action can be carried out.
        for_ms: how long the condition must hold before the rule does, 0 for at once.
        types: all event types that can change its truth.
        can_turn_false: the types whose unseen events could make it stop holding.
        priority: a rule with a higher one takes precedence while its action is open; 0 without a priority.
        instead_of: ids of the rules that it replaces.
        hold_out: how it divides customers to measure its effect; None if it does not.
        pace: its rate limit, None without one.
        includes_existing: whether it also acts for customers who matched it before it went live.
        takes_back: whether its action is taken back when it no longer holds; otherwise only for other reasons.
        requires: how many events must have been seen for the rule to hold.
        group: the name of its group in stored layout 3 (`groups_of_3`).
        needed_to_decide: types that must have been seen up to a due time before it is decided: its own, and those of
            competing rules, so that no rule is decided ahead of the others.
        needed_to_admit: types that must have been seen before an action is admitted: `can_turn_false`, those that
            decide competing rules, and those that decide about contact.
        conflict_group: number of the group of competing rules that it belongs to; -1 for none.
        rank: of rules that begin at the same moment, the lowest rank is decided first.
        yields_to: ids of rules that replace this one.
        audience_hash: hash of everything that decides which customers the rule means.
        reads_tenure: whether it also reads since when the customer is known.
        by_value: whether, of the actions that its pace holds, those for customers of the greatest value go first.
        since_generation, live_since_ms: the rule set in which it got this hash, and when that set was loaded; 0 for
            always.
        whom: hash of the conditions alone that say which customers it means.
        programme: how all rules together divide customers; None if they do not.
    """

    id: str
    version: str
    identity: actions.Rule
    action: actions.ActionName
    shadow: bool
    paused: bool
    when: Any
    template: str
    variables: Mapping[str, Any]
    channel: str | None
    locale: str | None
    labels: Mapping[str, actions.Number] | None
    again_after_ms: int | None
    expires_after_ms: int
    for_ms: int
    types: frozenset[str]
    can_turn_false: frozenset[str]
    priority: int
    instead_of: tuple[str, ...]
    hold_out: Arms | None
    pace: Pace | None
    includes_existing: bool
    takes_back: bool
    audience_hash: str
    requires: Required = ()
    group: str = ""
    needed_to_decide: frozenset[str] = frozenset()
    needed_to_admit: frozenset[str] = frozenset()
    conflict_group: int = -1
    rank: int = 0
    yields_to: tuple[str, ...] = ()
    reads_tenure: bool = False
    by_value: bool = False
    since_generation: int = 0
    live_since_ms: int = 0
    again_every_ms: int = 0
    most_times: int = 0
    whom: str = ""
    programme: Arms | None = None


@dataclass(frozen=True)
class Ladder:
    """The live ladder, compiled.

    Attributes:
        name: its name.
        stages: the names of its stages, from the top.
        steps: the conditions of all stages but the lowest, with every `meets` replaced.
        listed: the stages whose customers can be listed.
        pace: how fast stages are published that are no move.
        types: all event types that can change where someone stands.
        reads_tenure: whether it also reads since when the customer is known.
        hash: of everything that decides where customers stand.
        since_generation, live_since_ms: the rule set in which it got this hash, and when that set was loaded; 0 for
            always.
    """

    name: str
    stages: tuple[str, ...]
    steps: tuple[Any, ...]
    listed: frozenset[str]
    pace: Pace
    types: frozenset[str]
    reads_tenure: bool
    hash: str
    since_generation: int = 0
    live_since_ms: int = 0


LADDER: Final = "*ladder"
"""Stands for the live ladder among the ids of rules; no rule has this id."""


@dataclass(frozen=True)
class RuleSet:
    """All rules that are evaluated (live, shadow and paused), in the order of their ids.

    Attributes:
        rules: the rules.
        hash: over everything in the rule files, including rules that are not evaluated.
        contact_policy: limits over all rules, and who may be contacted.
        facts: by event type, everything that is kept of its events.
        groups: by name, the rules of each group of stored layout 3.
        requires: by group, how many events must have been seen for its rules to hold.
        returns: event types that end a cancellation.
        signs_of_life: event types that show that a customer is back.
        references: by event type, the attributes of its latest event that templates use.
        declared: the event types beyond the built-in ones.
        attribute_types: by event type, the attributes that are converted when an event is folded, and their types.
        kept_raw: by event type, the attributes among them whose latest value is kept as it came: those that decide
            about contact. A value that is neither yes nor no must not leave an earlier yes standing.
        by_id: the rules by id.
        brake: the most actions of all rules together in an hour; None if it follows from the past.
        collected: what the conditions need kept; `facts` is made from it.
        generation: number of this rule set among all activated ones; 0 if not activated.
        former: by version, earlier versions of rules whose actions may still wait.
        contents: by version, what each rule says, as JSON; a rule set of another release can be compiled from it.
        deciders: the one `decisions.decide.Decider` of this rule set, once it has decided.
        meaning_generation, meaning_since_ms: the rule set with which the present meaning of rules began
            (`workers.core.meaning`), and when that set was loaded; 0 for always.
        forget_after_ms: how long after the last sign of life a customer is forgotten; 0 for never.
        ladder: the live ladder; None if there is none.
        value: what a customer is worth, as it is declared; None if it is not.
        experiments: what is measured of the rules; that over all rules last, if there is one.
        meant: which events mean what in the book.
    """

    rules: tuple[Rule, ...]
    hash: str
    contact_policy: ContactPolicy
    facts: Mapping[str, EventTypeSpec]
    groups: Mapping[str, tuple[Rule, ...]]
    requires: Mapping[str, Required]
    returns: tuple[str, ...]
    signs_of_life: frozenset[str]
    references: Mapping[str, tuple[str, ...]]
    collected: Specs = field(repr=False, compare=False)
    declared: frozenset[str] = frozenset()
    attribute_types: Mapping[str, tuple[tuple[str, AttributeType], ...]] = field(default_factory=dict)
    kept_raw: Mapping[str, tuple[AttributeSpec, ...]] = field(default_factory=dict)
    by_id: Mapping[str, Rule] = field(default_factory=dict)
    brake: int | None = None
    generation: int = 0
    meaning_generation: int = 0
    meaning_since_ms: int = 0
    forget_after_ms: int = 0
    ladder: Ladder | None = None
    value: Valuation | None = None
    meant: Meant = field(default_factory=Meant)
    former: Mapping[str, Rule] = field(default_factory=dict, repr=False, compare=False)
    contents: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    experiments: tuple[Experiment, ...] = ()
    deciders: list[Any] = field(init=False, default_factory=list, repr=False, compare=False)

    def specs(self) -> Iterable[SeriesSpec]:
        """Yield every series of every type."""
        for facts in self.facts.values():
            yield from facts.series

    def as_activated(
        self,
        generation: int,
        since: Mapping[str, tuple[int, int]],
        meaning_since: tuple[int, int] = (0, 0),
        former: Mapping[str, Rule] | None = None,
        experiments: "tuple[Experiment, ...] | None" = None,
    ) -> "RuleSet":
        """Return the same rules as the `generation`-th set.

        Args:
            generation: its number.
            since: by rule id, the generation in which the rule got its `audience_hash`, and when that set was loaded;
                under `LADDER` the same of the ladder and its hash.
            meaning_since: the generation with which the present meaning of rules began, and when it was loaded.
            former: by version, earlier versions of rules whose actions may still wait; those of this set if left out.
            experiments: with their keys, salts and beginnings; those of this set if left out.
        """
        measured = self.experiments if experiments is None else experiments
        salts = {rule_id: one.arms.salt for one in measured if one.name != EVERY_RULE for rule_id in one.rules}
        known = {
            rule.id: replace(rule, since_generation=since[rule.id][0], live_since_ms=since[rule.id][1])
            if rule.id in since
            else rule
            for rule in (_divided_by(rule, salts.get(rule.id)) for rule in self.rules)
        }
        ladder = self.ladder
        if ladder is not None and LADDER in since:
            ladder = replace(ladder, since_generation=since[LADDER][0], live_since_ms=since[LADDER][1])
        return replace(
            self,
            rules=tuple(known.values()),
            ladder=ladder,
            groups={name: tuple(known[rule.id] for rule in group) for name, group in self.groups.items()},
            by_id=known,
            generation=generation,
            meaning_generation=meaning_since[0],
            meaning_since_ms=meaning_since[1],
            former=self.former if former is None else former,
            experiments=measured,
        )


def _divided_by(rule: Rule, salt: str | None) -> Rule:
    """Return a rule that divides customers as its experiment has done since it began."""
    if salt is None or rule.hold_out is None or rule.hold_out.salt == salt:
        return rule
    return replace(rule, hold_out=replace(rule.hold_out, salt=salt))
