"""Rule set: everything rule files say, compiled, and indexed by what can change it.

Compiling is pure and happens once per load; the hash over everything says whether two workers decide alike.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter
from itertools import permutations
from typing import Any, Final

from schemas import actions, conditions
from schemas import rules as written
from schemas.conditions import expanded
from schemas.durations import duration_ms
from schemas.rules import RuleBook, pace_seconds
from workers.core.conditions.truth import Condition
from workers.core.coverage import FOREVER_MS
from workers.core.customer.codec import codes_of
from workers.core.customer.specs import FactPlan, Plans, SeriesPlan, digest_of
from workers.core.rules.condition_compiler import compile_condition, most_events, required_events, types_of
from workers.core.rules.contact_policy import Control, compile_control

HOLD_OUT_KEY: Final = b"linger"
"""Places customers in experiments when the operator gives no key."""

Required = tuple[tuple[str, int, int], ...]
"""Event types, and how many events of each there must have been: at least, and at most."""

_GROUP_SIZE: Final = 4
_BUILT_IN: Final = frozenset({"purchase", "login", "cancellation"})


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
        needs: the types of which an unseen event could make it stop holding.
        quiet_ms: by type, for how long the rule certainly does not hold after an event that is the latest.
        lowered_ms: by type, and whether the customer had cancelled, for how long such an event only makes it less
            likely that the rule holds.
        requires: how many events must have been seen for the rule to hold.
        group: name of some rules that read and require the same types, and compete with the same rules.
        reads: types that must have been seen until a due time before it is decided: its own, and those of the
            rules it competes with, so that none of them runs ahead.
        waits: types that must have been seen before an action is admitted: what it needs, whatever decides about
            the rules it competes with, and who may be written to.
        circle: number of the rules it competes with, itself included; -1 for none.
        rank: among rules that begin at the same moment, the lower one is asked first.
        yields_to: ids of rules that stand instead of this one.
        stance: hash of what decides whether somebody already met the rule when it went live.
        since_generation, live_since_ms: the rule set in which it took this stance, and when that was loaded; 0 for
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
    needs: frozenset[str]
    priority: int
    instead_of: tuple[str, ...]
    hold_out: HoldOut | None
    pace: Pace | None
    includes_existing: bool
    stance: str
    quiet_ms: Mapping[str, int] = field(default_factory=dict)
    lowered_ms: Mapping[tuple[str, bool], int] = field(default_factory=dict)
    requires: Required = ()
    group: str = ""
    reads: frozenset[str] = frozenset()
    waits: frozenset[str] = frozenset()
    circle: int = -1
    rank: int = 0
    yields_to: tuple[str, ...] = ()
    since_generation: int = 0
    live_since_ms: int = 0


@dataclass(frozen=True)
class Response:
    """What an event of some type can do to a group of rules none of which has an episode.

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
        control: what holds for every rule.
        facts: by event type, what is kept of its events.
        groups: by name, rules that read and require the same types.
        requires: by group, how many events must have been seen for its rules to hold.
        responses: by event type, and whether the customer had cancelled, what its events can do to the groups that
            read it, by what these require.
        returns: event types that end a cancellation.
        references: by event type, the attributes of its latest event that templates use.
        declared: the event types beyond the built-in ones.
        codes: ids by what stands for them in stored activities.
        circles: by number, the groups of the rules that compete in it.
        generation: counts the rule sets that were in force; 0 if nobody counts.
    """

    rules: tuple[Rule, ...]
    hash: str
    control: Control
    facts: Mapping[str, FactPlan]
    groups: Mapping[str, tuple[Rule, ...]]
    requires: Mapping[str, Required]
    responses: Mapping[tuple[str, bool], tuple[Responding, ...]]
    returns: tuple[str, ...]
    references: Mapping[str, tuple[str, ...]]
    declared: frozenset[str] = frozenset()
    by_id: Mapping[str, Rule] = field(default_factory=dict)
    codes: Mapping[bytes, str] = field(default_factory=dict)
    circles: Mapping[int, frozenset[str]] = field(default_factory=dict)
    generation: int = 0

    def plans(self) -> Iterable[SeriesPlan]:
        """Iterate over every series of every type."""
        for facts in self.facts.values():
            yield from facts.series

    def in_force(self, generation: int, since: Mapping[str, tuple[int, int]]) -> "RuleSet":
        """Return the same rules as the `generation`-th set.

        Args:
            generation: its number.
            since: by rule id, the generation in which the rule took its stance, and when that was loaded.
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


def compile_rules(book: RuleBook, types: Iterable[str], hold_out_key: bytes = HOLD_OUT_KEY) -> RuleSet:
    """Compile everything that rule files say.

    Args:
        book: ids are unique, and every named condition is there.
        types: every event type there is, built-in and declared.
        hold_out_key: places customers in experiments; at most 64 bytes.
    """
    ordered = sorted((_expanded(rule, book.define) for rule in book.rules), key=lambda rule: rule.id)
    evaluated = [rule for rule in ordered if rule.status != "draft"]
    control = compile_control(book.for_every_rule)
    read = {name for rule in evaluated for part in _conditions_of(rule) for name in types_of(part)}
    known = sorted(set(types) | read | {reference.split(".", 1)[0] for reference in control.traits})
    plans = Plans(known)
    for reference in sorted(control.traits):
        plans.need_trait(reference)
    compiled = _grouped(_competing([_compile(rule, plans, hold_out_key) for rule in evaluated], control))
    references: dict[str, set[str]] = {}
    for one in evaluated:
        for reference in one.variables.values():
            name, attribute = reference.split(".", 1)
            references.setdefault(name, set()).add(attribute)
    groups: dict[str, list[Rule]] = {}
    for rule in compiled:
        groups.setdefault(rule.group, []).append(rule)
    return RuleSet(
        rules=tuple(compiled),
        # What is stored names groups of rules, so whatever changes them makes another rule set.
        hash=digest_of(
            [
                [_content(rule) for rule in ordered],
                _dumped(book.for_every_rule),
                [(rule.id, rule.group, sorted(rule.types), rule.requires) for rule in compiled],
            ]
        ),
        control=control,
        facts=plans.facts_by_type(),
        groups={name: tuple(group) for name, group in groups.items()},
        requires={name: group[0].requires for name, group in groups.items()},
        responses={
            (kind, was_cancelled): _responses(kind, was_cancelled, groups)
            for kind in known
            for was_cancelled in (False, True)
        },
        returns=plans.returns,
        references={name: tuple(sorted(attributes)) for name, attributes in references.items()},
        declared=frozenset(known) - _BUILT_IN,
        by_id={rule.id: rule for rule in compiled},
        codes=codes_of(rule.id for rule in compiled),
        circles={
            number: frozenset(rule.group for rule in compiled if rule.circle == number)
            for number in {rule.circle for rule in compiled if rule.circle >= 0}
        },
    )


def _conditions_of(rule: written.Rule) -> list[Any]:
    return [rule.when] if rule.unless is None else [rule.when, rule.unless]


def _expanded(rule: written.Rule, define: Mapping[str, Any]) -> written.Rule:
    """Return a rule in which names of conditions are replaced by the conditions."""
    changes = {"when": expanded(rule.when, define)}
    if rule.unless is not None:
        changes["unless"] = expanded(rule.unless, define)
    return rule.model_copy(update=changes)


def _dumped(model: Any, **options: Any) -> Any:
    return model.model_dump(mode="json", by_alias=True, exclude_none=True, **options)


def _content(rule: written.Rule) -> Any:
    """Return what a rule says; its examples and its description decide nothing."""
    return _dumped(rule, exclude={"examples", "description"})


def _compile(rule: written.Rule, plans: Plans, hold_out_key: bytes) -> Rule:
    when: Any = rule.when
    if rule.unless is not None:
        when = conditions.All(all=[rule.when, conditions.Not(not_=rule.unless)])
    condition = compile_condition(when, plans)
    content = _content(rule)
    version = digest_of(content)
    stance = {name: content.get(name) for name in ("when", "unless", "for", "existing")}
    return Rule(
        id=rule.id,
        version=version,
        identity=actions.Rule(rule.id, version),
        action=rule.action,
        shadow=rule.status == "shadow",
        paused=rule.status == "paused",
        condition=condition,
        template=rule.template,
        variables=dict(rule.variables),
        again_after_ms=None if rule.again_after is None else duration_ms(rule.again_after),
        expires_after_ms=duration_ms(rule.expires_after),
        for_ms=0 if rule.for_ is None else duration_ms(rule.for_),
        types=condition.types,
        needs=condition.needs,
        lowered_ms={
            (name, was_cancelled): condition.lowered_ms(name, was_cancelled)
            for name in sorted(condition.types)
            for was_cancelled in (False, True)
        },
        quiet_ms={name: condition.quiet_ms(name) for name in sorted(condition.types)},
        requires=_range_of_events(when),
        priority=rule.priority or 0,
        instead_of=tuple(rule.instead_of or ()),
        hold_out=None if rule.hold_out is None else HoldOut(rule.experiment or rule.id, rule.hold_out, hold_out_key),
        pace=None if rule.pace is None else Pace(rule.pace[0], pace_seconds(rule.pace), rule.over_pace == "spread"),
        includes_existing=rule.existing == "include",
        stance=digest_of([stance, rule.status == "live"]),
    )


def _range_of_events(when: Any) -> Required:
    least, most = required_events(when), most_events(when)
    # Nobody has more events than FOREVER_MS: a larger bound is taken for it.
    return tuple(
        (name, min(least.get(name, 0), FOREVER_MS), min(most.get(name, FOREVER_MS), FOREVER_MS))
        for name in sorted({*least, *most})
    )


def _responses(kind: str, was_cancelled: bool, groups: Mapping[str, Sequence[Rule]]) -> tuple[Responding, ...]:
    """Find out what an event of a type can do to each group that reads it."""
    found: dict[Required, list[Response]] = {}
    for name, rules in groups.items():
        if kind not in rules[0].types:
            continue
        response = Response(
            group=name,
            rules=tuple(rule.id for rule in rules),
            lowered_ms=min(rule.lowered_ms[kind, was_cancelled] for rule in rules),
            quiet_ms=min(rule.quiet_ms[kind] for rule in rules),
        )
        found.setdefault(rules[0].requires, []).append(response)
    return tuple(_responding(kind, required, responses) for required, responses in found.items())


def _responding(kind: str, required: Required, responses: Sequence[Response]) -> Responding:
    own = next(((least, most + 1) for name, least, most in required if name == kind), (0, FOREVER_MS + 1))
    return Responding(*own, tuple(one for one in required if one[0] != kind), tuple(responses))


def _manner(rule: Rule) -> tuple[tuple[bool, bool], ...]:
    """Return how a rule responds to events, so that those in a group respond alike."""
    return tuple((lowered > 0, rule.quiet_ms[kind] > 0) for (kind, _), lowered in rule.lowered_ms.items())


def _grouped(rules: Sequence[Rule]) -> list[Rule]:
    """Put rules that read, require and react to the same types, and compete with the same rules, into groups.

    They are small enough that a due time looks at few rules besides its own.
    """
    members: dict[Any, int] = {}
    names: dict[Any, str] = {}
    grouped = []
    for rule in rules:
        alike = (rule.types, rule.requires, _manner(rule), rule.circle)
        place = members[alike] = members.get(alike, -1) + 1
        name = names.setdefault((alike, place // _GROUP_SIZE), str(len(names)))
        grouped.append(replace(rule, group=name))
    return grouped


def _competing(rules: list[Rule], control: Control) -> list[Rule]:
    """Find out which rules compete for the same customer, and who is asked first.

    What becomes of one action of a circle depends on the others, so it is admitted only when all types that decide
    about any of them have been seen. A limit over all rules puts all of them into one circle.
    """
    by_id = {rule.id: rule for rule in rules}
    acting = [rule for rule in rules if not rule.shadow and not rule.paused]
    yields_to: dict[str, list[str]] = {rule.id: [] for rule in rules}
    rivals: dict[str, set[str]] = {rule.id: set() for rule in rules}
    for rule, other in permutations(acting, 2):
        if other.id in rule.instead_of:
            yields_to[other.id].append(rule.id)
        if other.id in rule.instead_of or rule.priority > other.priority > 0 or control.remembers_ms:
            rivals[rule.id].add(other.id)
            rivals[other.id].add(rule.id)
    ranks = {name: rank for rank, name in enumerate(_ranking(rules))}
    circles = _circles(rivals)
    found = []
    for rule in rules:
        circle = circles.get(rule.id, (-1, frozenset()))
        shared = frozenset[str]().union(*(by_id[name].types for name in circle[1]))
        found.append(
            replace(
                rule,
                reads=rule.types | shared,
                waits=rule.needs | shared | control.types,
                circle=circle[0],
                rank=ranks[rule.id],
                yields_to=tuple(yields_to[rule.id]),
            )
        )
    return found


def _ranking(rules: Sequence[Rule]) -> list[str]:
    """Return the ids so that who stands instead of another comes before it, then by priority, then by id."""
    by_priority = [rule.id for rule in sorted(rules, key=lambda rule: (-rule.priority, rule.id))]
    places = {name: place for place, name in enumerate(by_priority)}
    sorter: TopologicalSorter[str] = TopologicalSorter({name: [] for name in by_priority})
    for rule in rules:
        for other in rule.instead_of:
            if other in places:
                sorter.add(other, rule.id)
    try:
        sorter.prepare()
    except CycleError:
        return by_priority  # `linger rules check` refuses it; here any fixed order will do
    ranking: list[str] = []
    ready: list[str] = []
    while sorter.is_active():
        ready = sorted([*ready, *sorter.get_ready()], key=places.__getitem__)
        ranking.append(ready.pop(0))
        sorter.done(ranking[-1])
    return ranking


def _circles(rivals: Mapping[str, set[str]]) -> dict[str, tuple[int, frozenset[str]]]:
    """Return by rule id the number and the members of its circle; rules without rivals are left out."""
    circles: dict[str, tuple[int, frozenset[str]]] = {}
    for name in rivals:
        if name in circles or not rivals[name]:
            continue
        members: set[str] = set()
        found = {name}
        while found:
            members |= found
            found = {other for one in found for other in rivals[one]} - members
        circle = (len({number for number, _ in circles.values()}), frozenset(members))
        circles.update(dict.fromkeys(members, circle))
    return circles
