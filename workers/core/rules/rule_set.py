"""Rule set: everything rule files say, compiled, and indexed by what can change it.

Compiling is pure and happens once per load; the hash over everything says whether two workers decide alike.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from schemas import actions
from workers.core.conditions.truth import Condition
from workers.core.customer.specs import EventTypeSpec, SeriesSpec
from workers.core.rules.contact_policy import ContactPolicy

Required = tuple[tuple[str, int, int], ...]
"""Event types, and how many events of each there must have been: at least, and at most."""


@dataclass(frozen=True)
class HoldOut:
    """Which share of the customers a rule leaves out, to measure its effect."""

    experiment: str
    share: Decimal
    key: bytes


@dataclass(frozen=True)
class Pace:
    """The most actions of a rule in a stretch of time; above it they are held, or spread over time."""

    most: int
    seconds: int
    spread: bool


@dataclass(frozen=True)
class Rule:
    """One compiled rule; durations in milliseconds.

    Attributes:
        identity: the rule as actions name it.
        again_after_ms: None for never again.
        for_ms: how long the condition must hold before the rule does, 0 for at once.
        types: every event type that can change its truth.
        needs: the types whose unseen events could make it stop holding.
        quiet_ms: by type, for how long the rule certainly does not hold after an event that is the latest.
        lowered_ms: by type, and whether the customer had cancelled, for how long such an event only makes it less
            likely that the rule holds.
        requires: how many events must have been seen for the rule to hold.
        group: name of some rules that read and require the same types, and compete with the same rules.
        reads: types that must have been seen up to a due time before it is decided: its own, and those of the
            rules it competes with, so that no rule is decided ahead of the others.
        waits: types that must have been seen before an action is admitted: those it needs, those that decide about
            competing rules, and those that decide about contact.
        conflict_group: number of the rules it competes with, itself included; -1 for none.
        rank: among rules that begin at the same moment, the lower one is asked first.
        yields_to: ids of rules that stand instead of this one.
        audience_hash: hash of what decides whether a customer already matched the rule when it went live.
        since_generation, live_since_ms: the rule set in which it got this hash, and when that was loaded; 0 for
            always.
    """

    id: str
    version: str
    identity: actions.Rule
    action: actions.ActionName
    shadow: bool
    paused: bool
    condition: Condition
    template: str
    variables: Mapping[str, str]
    again_after_ms: int | None
    expires_after_ms: int
    for_ms: int
    types: frozenset[str]
    can_turn_false: frozenset[str]
    priority: int
    instead_of: tuple[str, ...]
    hold_out: HoldOut | None
    pace: Pace | None
    includes_existing: bool
    audience_hash: str
    quiet_ms: Mapping[str, int] = field(default_factory=dict)
    lowered_ms: Mapping[tuple[str, bool], int] = field(default_factory=dict)
    requires: Required = ()
    group: str = ""
    needed_to_decide: frozenset[str] = frozenset()
    needed_to_admit: frozenset[str] = frozenset()
    conflict_group: int = -1
    rank: int = 0
    yields_to: tuple[str, ...] = ()
    since_generation: int = 0
    live_since_ms: int = 0


@dataclass(frozen=True)
class Response:
    """What an event of a type can do to a group of rules without an episode.

    Attributes:
        group: its name.
        rules: their ids.
        lowered_ms: for how long none of them comes to hold sooner than it would have without the event.
        quiet_ms: for how long none of them comes to hold at all. If both are 0, the rules have to be asked.
    """

    group: str
    rules: tuple[str, ...]
    lowered_ms: int
    quiet_ms: int


@dataclass(frozen=True)
class Responding:
    """Groups of rules that require the same, and what an event of some type can do to them.

    Attributes:
        least, beyond: with how many events of the type it becomes possible that they hold, and impossible again.
        others: what they require of other types.
        responses: one for each group.
    """

    least: int
    beyond: int
    others: Required
    responses: tuple[Response, ...]


@dataclass(frozen=True)
class RuleSet:
    """All rules that are evaluated (live, shadow and paused), in the order of their ids.

    Attributes:
        hash: over everything the rule files say, also what is not evaluated.
        contact_policy: limits over all rules, and who may be contacted.
        facts: by event type, what is kept of its events.
        groups: by name, rules that read and require the same types.
        requires: by group, how many events must have been seen for its rules to hold.
        responses: by event type, and whether the customer had cancelled, what its events can do to the groups that
            read it, by what these require.
        returns: event types that end a cancellation.
        references: by event type, the attributes of its latest event that templates use.
        declared: the event types beyond the built-in ones.
        codes: ids by what stands for them in stored activities.
        conflict_groups: by number, the groups of the rules that compete in it.
        generation: number of this rule set among all activated ones; 0 if not activated.
    """

    rules: tuple[Rule, ...]
    hash: str
    contact_policy: ContactPolicy
    facts: Mapping[str, EventTypeSpec]
    groups: Mapping[str, tuple[Rule, ...]]
    requires: Mapping[str, Required]
    responses: Mapping[tuple[str, bool], tuple[Responding, ...]]
    returns: tuple[str, ...]
    references: Mapping[str, tuple[str, ...]]
    declared: frozenset[str] = frozenset()
    by_id: Mapping[str, Rule] = field(default_factory=dict)
    codes: Mapping[bytes, str] = field(default_factory=dict)
    conflict_groups: Mapping[int, frozenset[str]] = field(default_factory=dict)
    generation: int = 0

    def plans(self) -> Iterable[SeriesSpec]:
        """Iterate over every series of every type."""
        for facts in self.facts.values():
            yield from facts.series

    def as_activated(self, generation: int, since: Mapping[str, tuple[int, int]]) -> "RuleSet":
        """Return the same rules as the `generation`-th set.

        Args:
            generation: its number.
            since: by rule id, the generation in which the rule got its `audience_hash`, and when that was loaded.
        """
        known = {
            rule.id: replace(rule, since_generation=since[rule.id][0], live_since_ms=since[rule.id][1])
            if rule.id in since
            else rule
            for rule in self.rules
        }
        return replace(
            self,
            rules=tuple(known.values()),
            groups={name: tuple(known[rule.id] for rule in group) for name, group in self.groups.items()},
            by_id=known,
            generation=generation,
        )
