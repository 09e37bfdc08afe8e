"""Program: the rules of a rule set, bound to the one `Customer` whose objects they read.

It is made once for a rule set and used for one customer after the other.
"""

from collections.abc import Sequence
from typing import Final

from schemas.conditions import size_of
from schemas.outcomes import Success
from workers.core.conditions.condition import Condition
from workers.core.conditions.ladder import ActiveLadder
from workers.core.coverage import FOREVER_MS, Coverage
from workers.core.customer.customer import Customer
from workers.core.customer.episode import Episode
from workers.core.customer.folding import TypeFolding
from workers.core.customer.series import Series
from workers.core.customer.specs import Specs
from workers.core.decisions.known import Carried, KnownStage, KnownValue
from workers.core.memory import Numbers
from workers.core.rules.binding import Binding
from workers.core.rules.rule_set import Ladder, Rule, RuleSet
from workers.core.rules.value import Worth, require_value, worth_of
from workers.core.rules.variables import Variable, compile_variables
from workers.core.rules.whole_conditions import compile_whole

_GROUP_SIZE: Final = 16
"""Rules of a group: a due time looks at all of its group."""
_NEVER: Final = -1


class Needed:
    """How many events of a series a rule needs to hold, and what it needs besides; followed without checks of types.

    Attributes:
        series: the customer's.
        least, most: how many of its events.
        following: the next one, None at the end.
    """

    __slots__ = ("following", "least", "most", "series")

    def __init__(self, series: Series, least: int, most: int, following: "Needed | None") -> None:
        self.series = series
        self.least = least
        self.most = most
        self.following = following


class ActiveRule:
    """A rule in force, and what is known of it for the customer who is looked at; durations in milliseconds.

    Attributes:
        place: its place in the rule set, which is the order of the rules' ids.
        rule: as compiled; the fields below that are not explained are its own.
        condition: when it holds.
        conditions: how many elementary conditions it has.
        episode: the customer's.
        group: its group.
        circle: number of the rules with which it competes, of its own if there are none.
        again_after_ms: -1 for never again.
        again_every_ms, most_times: 0 for a rule that asks once in an episode, and for as often as it holds.
        yields_to, instead_of: the rules that replace this one, and those that it replaces.
        decided_until_ms, admitted_until_ms: up to when every type has been seen that must have been before it is
            decided by time, and before an action of it is admitted.
        meant_until_ms: up to when it was decided by an earlier meaning of rules; -1 if it never was.
        flip_ms: when time alone changes it next, if its group `is_timed`.
        next_in_group: the next rule of its group, None for the last one.
        variables: of its template.
    """

    __slots__ = (
        "_turned_false",
        "admitted_until_ms",
        "again_after_ms",
        "again_every_ms",
        "circle",
        "condition",
        "conditions",
        "conflict_group",
        "decided_until_ms",
        "episode",
        "expires_after_ms",
        "flip_ms",
        "for_ms",
        "group",
        "id",
        "includes_existing",
        "instead_of",
        "live_since_ms",
        "meant_until_ms",
        "most_times",
        "needed",
        "next_in_group",
        "paused",
        "place",
        "priority",
        "rank",
        "reads_tenure",
        "rule",
        "shadow",
        "since_generation",
        "takes_back",
        "turned_false",
        "variables",
        "yields_to",
    )

    def __init__(
        self, place: int, rule: Rule, condition: Condition, conditions: int, customer: Customer, group: "Group"
    ) -> None:
        self.place = place
        self.rule = rule
        self.id = rule.id
        self.condition = condition
        self.conditions = conditions
        self.episode: Episode = customer.episodes[place]
        self.group = group
        self.shadow = rule.shadow
        self.paused = rule.paused
        self.includes_existing = rule.includes_existing
        self.takes_back = rule.takes_back
        self.reads_tenure = rule.reads_tenure
        self.again_after_ms = _NEVER if rule.again_after_ms is None else rule.again_after_ms
        self.again_every_ms = rule.again_every_ms
        self.most_times = rule.most_times
        self.expires_after_ms = rule.expires_after_ms
        self.for_ms = rule.for_ms
        self.live_since_ms = rule.live_since_ms
        self.since_generation = rule.since_generation
        self.priority = rule.priority
        self.rank = rule.rank
        self.conflict_group = rule.conflict_group
        self.circle = 0
        self.yields_to: list[ActiveRule] = []
        self.instead_of: list[ActiveRule] = []
        self.decided_until_ms = self.admitted_until_ms = FOREVER_MS
        self.meant_until_ms = _NEVER
        self.flip_ms = FOREVER_MS
        self.next_in_group: ActiveRule | None = None
        self.variables: list[Variable] = []
        self.needed: Needed | None = None
        for name, least, most in reversed(rule.requires):
            self.needed = Needed(customer.by_key[name], least, most, self.needed)
        turned = Numbers(0)
        self._turned_false = turned
        self.turned_false = turned.numbers()

    def know_types(self, types: "list[EventType]") -> None:
        """Take over the places of the event types."""
        turned = Numbers(len(types) + 1)  # one more for what is of an unknown type
        self._turned_false = turned
        self.turned_false = turned.numbers()
        for kind in types:
            self.turned_false[kind.place] = kind.name in self.rule.can_turn_false

    def can_hold(self) -> bool:
        """Return whether the customer has as many events as the rule requires."""
        needed = self.needed
        while needed is not None:
            total = needed.series.total if needed.series.is_present else 0
            if total < needed.least or total > needed.most:
                return False
            needed = needed.following
        return True

    def observe(self, observed: Coverage) -> None:
        """Take over how far its types have been seen."""
        self.decided_until_ms = self.admitted_until_ms = FOREVER_MS
        for name in self.rule.needed_to_decide:
            self.decided_until_ms = min(self.decided_until_ms, observed.until.get(name, FOREVER_MS))
        for name in self.rule.needed_to_admit:
            self.admitted_until_ms = min(self.admitted_until_ms, observed.until.get(name, FOREVER_MS))
        self.meant_until_ms = _NEVER
        if observed.meant:
            self.meant_until_ms = FOREVER_MS
            for name in self.rule.needed_to_decide:
                self.meant_until_ms = min(self.meant_until_ms, observed.meant.get(name, 0))


class Group:
    """Rules that read the same types and compete with the same rules.

    Attributes:
        place: its number; the customer's `flips` have its next change.
        rules: at most 16, in the order of their ids.
        first: the first of them; the others follow (`ActiveRule.next_in_group`). None if there is none.
        conflict_group: of all of them, -1 for none.
        is_timed: whether the `flip_ms` of its rules are those of the customer who is looked at.
    """

    __slots__ = ("conflict_group", "first", "is_timed", "place", "rules")

    def __init__(self, place: int, conflict_group: int) -> None:
        self.place = place
        self.conflict_group = conflict_group
        self.rules: list[ActiveRule] = []
        self.first: ActiveRule | None = None
        self.is_timed = False

    def add(self, rule: ActiveRule) -> None:
        """Add a rule; those before it are there already."""
        if self.rules:
            self.rules[-1].next_in_group = rule
        else:
            self.first = rule
        self.rules.append(rule)


class EventType:
    """An event type, and what an event of it concerns.

    Attributes:
        place: its number.
        name: its name.
        folding: folds its events; None if nothing is kept of them.
        groups: those that read it.
        others: all other groups.
        is_sign_of_life: whether such an event shows that a customer is back.
        asks_consent: whether it says who may be contacted.
        moves: whether such an event can change where a customer stands on the ladder.
        is_plain: whether nothing but the plain series is kept of its events, and no attribute of them is read.
        is_success: whether such an event may be a success of an experiment.
    """

    __slots__ = (
        "asks_consent",
        "folding",
        "groups",
        "is_plain",
        "is_sign_of_life",
        "is_success",
        "moves",
        "name",
        "others",
        "place",
    )

    def __init__(
        self,
        place: int,
        name: str,
        folding: TypeFolding | None,
        is_sign_of_life: bool,
        asks_consent: bool,
        is_read: bool = False,
        successes: Sequence[Success] = (),
    ) -> None:
        self.place = place
        self.name = name
        self.folding = folding
        self.is_sign_of_life = is_sign_of_life
        self.asks_consent = asks_consent
        self.is_plain = folding is not None and folding.is_plain and not asks_consent and not is_read
        self.is_success = len(successes) > 0
        if self.is_success and (any(one.where for one in successes) or folding is None or folding.adds != "amount"):
            self.is_plain = False
        self.moves = False
        self.groups: list[Group] = []
        self.others: list[Group] = []


class Program:
    """A rule set, ready to decide.

    Attributes:
        rule_set: the rules as compiled.
        customer: the one customer whose objects everything reads.
        rules: in the order of their ids.
        by_id: the same by id.
        groups: of rules.
        types: by name.
        unknown_type: stands for every type that the rule set does not know: nothing is kept of its events.
        circles: how many circles of competing rules there are, those of a single rule included.
        rivals: by conflict group, the groups of its rules.
        carried: what else goes with every action.
        worth: what the customer is worth; None if no file says it.
        all_decided_ms: up to when every type has been seen that any rule must have seen to be decided by time.
        ladder: on which the customer stands; None if there is none.
    """

    def __init__(self, rule_set: RuleSet) -> None:
        specs, ordered = rule_set.collected, rule_set.rules
        series = sorted(rule_set.specs(), key=lambda one: one.key)
        grouped = _grouped(ordered)
        conditions = max((size_of(rule.when)[0] for rule in ordered), default=0)
        self.rule_set = rule_set
        timed = len(grouped) + (rule_set.ladder is not None)
        self.customer = Customer(series, len(ordered), timed, conditions)
        self.ladder: ActiveLadder | None = None
        if rule_set.ladder is not None:
            self.ladder = bound_ladder(rule_set.ladder, self.customer, specs)
        self.groups: list[Group] = []
        group_of: dict[int, Group] = {}
        for places in grouped:
            group = Group(len(self.groups), ordered[places[0]].conflict_group)
            self.groups.append(group)
            group_of.update(dict.fromkeys(places, group))
        self.rules: list[ActiveRule] = []
        for place, rule in enumerate(ordered):
            binding = Binding(self.customer, specs, ladder=self.ladder)
            condition = compile_whole(rule.when, binding)
            active = ActiveRule(place, rule, condition, binding.places, self.customer, group_of[place])
            active.variables = compile_variables(rule.variables, binding)
            self.rules.append(active)
            active.group.add(active)
        self.by_id: dict[str, ActiveRule] = {rule.id: rule for rule in self.rules}
        self.types = {name: self._type(place, name) for place, name in enumerate(sorted(rule_set.facts))}
        self.unknown_type = EventType(len(self.types), "", None, False, False)
        self.unknown_type.others.extend(self.groups)
        self.rivals: list[list[Group]] = []
        self._bring_together()
        self.customer.forget_after(rule_set.forget_after_ms, rule_set.signs_of_life)
        self.worth: Worth | None = None
        self.carried = Carried([])
        if rule_set.value is not None:
            keys = require_value(rule_set.value, specs)
            self.worth = worth_of(rule_set.value, self.customer, [self.customer.by_key[key] for key in keys])
            self.carried.parts.append(KnownValue(self.worth, rule_set.value))
        if self.ladder is not None:
            self.carried.parts.append(KnownStage(self.ladder))
        self._observed: Coverage | None = None
        self.all_decided_ms = FOREVER_MS

    def _type(self, place: int, name: str) -> EventType:
        folding = TypeFolding(self.customer, self.rule_set.facts[name], self.rule_set.references.get(name, ()))
        kind = EventType(
            place,
            name,
            folding,
            name in self.rule_set.signs_of_life,
            name in self.rule_set.contact_policy.types,
            name in self.rule_set.attribute_types or any(name == read for read, _ in self.rule_set.meant.read()),
            [one.success for one in self.rule_set.experiments if one.success.event == name],
        )
        kind.moves = self.ladder is not None and name in self.ladder.types
        for group in self.groups:
            reads = name in group.rules[0].rule.types
            (kind.groups if reads else kind.others).append(group)
        return kind

    def _bring_together(self) -> None:
        """Let every rule know the rules with which it competes, and its circle."""
        types = list(self.types.values())
        self.circles = 1 + max((rule.conflict_group for rule in self.rules), default=-1)
        self.rivals = [[] for _ in range(self.circles)]
        for group in self.groups:
            if group.conflict_group >= 0:
                self.rivals[group.conflict_group].append(group)
        for rule in self.rules:
            rule.know_types(types)
            rule.yields_to = [self.by_id[name] for name in rule.rule.yields_to if name in self.by_id]
            rule.instead_of = [self.by_id[name] for name in rule.rule.instead_of if name in self.by_id]
            rule.circle = rule.conflict_group
            if rule.circle < 0:
                rule.circle = self.circles
                self.circles += 1

    def observe(self, observed: Coverage) -> None:
        """Take over since when and up to when every type is seen; costs nothing for the same object again."""
        if observed is self._observed:
            return
        self._observed = observed
        self.customer.observe(observed)
        if self.ladder is not None:
            self.ladder.observe(observed)
        self.all_decided_ms = FOREVER_MS
        for rule in self.rules:
            rule.observe(observed)
            self.all_decided_ms = min(self.all_decided_ms, rule.decided_until_ms)

    def begin(self) -> None:
        """Begin with a customer who is not known."""
        self.customer.clear()
        if self.ladder is not None:
            self.ladder.is_stale = True
        for group in self.groups:
            group.is_timed = False


def bound_ladder(ladder: Ladder, customer: Customer, specs: Specs) -> ActiveLadder:
    """Return a ladder, compiled for the customer of a rule set."""
    bindings = [Binding(customer, specs) for _ in ladder.steps]
    steps = list(map(compile_whole, ladder.steps, bindings))
    return ActiveLadder(ladder, customer, steps, max(binding.places for binding in bindings))


def _grouped(rules: tuple[Rule, ...]) -> list[list[int]]:
    """Return the places of the rules of each group."""
    groups: list[list[int]] = []
    open_groups: dict[tuple[frozenset[str], int], list[int]] = {}
    for place, rule in enumerate(rules):
        alike = rule.types, rule.conflict_group
        group = open_groups.get(alike)
        if group is None or len(group) == _GROUP_SIZE:
            group = open_groups[alike] = []
            groups.append(group)
        group.append(place)
    return groups
