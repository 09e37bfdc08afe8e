"""Preview: who would have been reached over a past period.

A driver of `decide` on a virtual clock, and the counts of what it decided. Customers are independent of one
another, so the driver takes them one by one, each with all events in the order of time, and needs no more memory
than one customer and the counts. Pure: it knows no files, no clock and no screen;
`workers.rule_preview.command` does.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from itertools import combinations
from operator import attrgetter
from typing import Final, TypeVar

from schemas.actions import Action, Decision
from schemas.durations import DAY_MS
from schemas.rules import Rule, RuleBook, pace_seconds
from workers.core.coverage import Coverage
from workers.core.decisions.decide import Outcome, decide
from workers.core.events.decoding import DecodedEvent
from workers.core.rules.rule_compiler import HOLD_OUT_KEY, compile_rules
from workers.core.rules.rule_set import RuleSet

__all__ = [
    "Change",
    "Customers",
    "Gaps",
    "Preview",
    "PreviewTask",
    "RuleCounts",
    "Tally",
    "replay_customers",
    "evaluated_rules",
    "preview",
]

EXAMPLES: Final = 5
"""How many customer ids are kept where not all of them are asked for: the first ones in the order of the alphabet."""

_TIDY_ABOVE: Final = 200
_at_ms = attrgetter("at_ms")
Counted = TypeVar("Counted", bound="_Counts")

CustomerEvents = tuple[str, Sequence[DecodedEvent]]
"""A customer id and all of the customer's events in the order of time."""


def replay_customers(
    customers: Iterable[CustomerEvents], rules: RuleSet, observed: Coverage, upto_ms: int
) -> Iterator[tuple[str, Sequence[DecodedEvent], Outcome]]:
    """Decide everything about each customer, from the first event to a moment.

    What is decided for a customer is what a worker would have decided that had the rules from the beginning.

    Args:
        customers: each once, with all events in the order of time.
        rules: the rule set.
        observed: what was watched since when.
        upto_ms: timers due until then are decided, and later events are left out.

    Yields:
        The customer, the events that were folded, and what became of them; customers without events are left out.
    """
    for customer_id, events in customers:
        facts = events
        if facts and facts[-1].at_ms > upto_ms:
            facts = facts[: bisect_right(facts, upto_ms, key=_at_ms)]
        if facts:
            yield customer_id, facts, decide(customer_id, None, facts, rules, observed, upto_ms)


@dataclass(frozen=True, slots=True)
class PreviewTask:
    """What is to be previewed; can be sent to another process.

    Attributes:
        book: the rules.
        types: every event type there is, built-in and declared.
        start_ms: since when everything is watched, usually the first event.
        since_ms, upto_ms: decisions from `since_ms` to `upto_ms`, both included, count. Events before are folded.
        whole: the history has everything since `start_ms`, for every customer.
        against: another version of the rules, to compare with.
        all_ids: keep the id of every customer reached by a rule, not a few examples.
        all_changed_ids: keep the id of every customer gained or lost.
        hold_out_key: places customers in experiments.
    """

    book: RuleBook
    types: tuple[str, ...]
    start_ms: int
    since_ms: int
    upto_ms: int
    whole: bool = True
    against: RuleBook | None = None
    all_ids: bool = False
    all_changed_ids: bool = False
    hold_out_key: bytes = field(default=HOLD_OUT_KEY, repr=False)


class _Counts:
    """Counts that add up field by field: what two halves of the customers give is what all of them give."""

    __slots__ = ()

    def add(self: Counted, other: Counted) -> None:
        """Add what was counted elsewhere about other customers."""
        for one in fields(self):  # type: ignore[arg-type]
            mine, theirs = getattr(self, one.name), getattr(other, one.name)
            if isinstance(mine, _Counts):
                mine.add(theirs)
            elif isinstance(mine, Counter):
                mine.update(theirs)
            elif isinstance(mine, dict):
                for key, value in theirs.items():
                    if key in mine:
                        mine[key].add(value)
                    else:
                        mine[key] = value
            else:
                setattr(self, one.name, mine + theirs)


@dataclass(slots=True)
class Customers(_Counts):
    """Customers, counted, and all of their ids or a few.

    Attributes:
        number: how many.
        some: ids in no order; `ids()` gives them as they are to be shown.
        keeps_all: every id is kept.
    """

    number: int = 0
    some: list[str] = field(default_factory=list)
    keeps_all: bool = False

    def note(self, customer_id: str) -> None:
        """Count one more customer."""
        self.number += 1
        self.some.append(customer_id)
        if len(self.some) > _TIDY_ABOVE and not self.keeps_all:
            self.some = sorted(self.some)[:EXAMPLES]

    def add(self, other: "Customers") -> None:
        """Count customers that were counted elsewhere."""
        self.number += other.number
        self.some += other.some

    def ids(self) -> list[str]:
        """Return the ids that are kept, in order."""
        return sorted(self.some) if self.keeps_all else sorted(self.some)[:EXAMPLES]


@dataclass(slots=True)
class RuleCounts(_Counts):
    """What one rule decided in the period.

    Attributes:
        actions: how many it asked for, those that it took back later among them.
        customers: whom they were for.
        delayed: how many of the actions had to wait for the end of quiet hours.
        retracted, suppressed: by reason, actions taken back, and episodes for which nothing was asked for.
        days: actions by UTC day, counted from 1970-01-01.
        periods: actions by period of the rule's pace (`at_ms // length`); empty without one.
    """

    actions: int = 0
    customers: Customers = field(default_factory=Customers)
    delayed: int = 0
    retracted: Counter[str] = field(default_factory=Counter)
    suppressed: Counter[str] = field(default_factory=Counter)
    days: Counter[int] = field(default_factory=Counter)
    periods: Counter[int] = field(default_factory=Counter)


@dataclass(slots=True)
class Change(_Counts):
    """Customers of one rule, or of any, that only one of two versions reaches."""

    gained: Customers = field(default_factory=Customers)
    lost: Customers = field(default_factory=Customers)


@dataclass(slots=True)
class Gaps(_Counts):
    """Times between days with an event of one type, over the customers with two such days or more.

    Attributes:
        customers: how many have two days or more.
        gaps: how many gaps they have; one less than the days.
        between_ms: sum over the customers of last event - first event.
        means_ms: sum over the customers of each one's own mean gap.
    """

    customers: int = 0
    gaps: int = 0
    between_ms: int = 0
    means_ms: float = 0.0


@dataclass(slots=True)
class Tally(_Counts):
    """Everything counted about some customers.

    Attributes:
        customers, events, duplicates: what was folded; repetitions of an event are not among the events.
        reached: customers for whom any rule asked for an action.
        rules, before: by rule id, of the rules and of the version to compare with.
        reached_before: as `reached`, by the version to compare with.
        overlap: by two rule ids in order, customers whom both reached.
        changes, change: who is gained and lost by each rule, and by any.
        types: events by type.
        gaps: by event type.
    """

    customers: int = 0
    events: int = 0
    duplicates: int = 0
    reached: Customers = field(default_factory=Customers)
    reached_before: Customers = field(default_factory=Customers)
    rules: dict[str, RuleCounts] = field(default_factory=dict)
    before: dict[str, RuleCounts] = field(default_factory=dict)
    overlap: Counter[tuple[str, str]] = field(default_factory=Counter)
    changes: dict[str, Change] = field(default_factory=dict)
    change: Change = field(default_factory=Change)
    types: Counter[str] = field(default_factory=Counter)
    gaps: dict[str, Gaps] = field(default_factory=dict)


def preview(task: PreviewTask, customers: Iterable[CustomerEvents]) -> Tally:
    """Count what would have been decided for customers, each given once with all events in the order of time."""
    running = Preview(task)
    running.look_at(customers)
    return running.tally


def evaluated_rules(book: RuleBook) -> list[Rule]:
    """Return the rules that a preview evaluates: drafts and shadow rules as if they were live, paused ones not."""
    return sorted((rule for rule in book.rules if rule.status != "paused"), key=attrgetter("id"))


class Preview:
    """One run over customers.

    Attributes:
        tally: what was counted so far; what other runs of the same task counted about other customers can be added.
        rules: the compiled rules.
    """

    def __init__(self, task: PreviewTask) -> None:
        self._task = task
        self.tally = Tally(
            reached=Customers(keeps_all=task.all_ids),
            change=Change(Customers(keeps_all=task.all_changed_ids), Customers(keeps_all=task.all_changed_ids)),
        )
        self._version = _Version(task, task.book, self.tally.rules)
        self.rules = self._version.rules
        self._before = None if task.against is None else _Version(task, task.against, self.tally.before)
        if self._before is not None:
            for rule_id in {*self.tally.rules, *self.tally.before}:
                self.tally.changes[rule_id] = Change(
                    Customers(keeps_all=task.all_changed_ids), Customers(keeps_all=task.all_changed_ids)
                )

    def look_at(self, customers: Iterable[CustomerEvents]) -> None:
        """Decide about more customers, none of them seen before, and count."""
        task, tally, version, before = self._task, self.tally, self._version, self._before
        for customer_id, facts, outcome in replay_customers(customers, version.rules, version.observed, task.upto_ms):
            tally.customers += 1
            tally.events += outcome.folded
            tally.duplicates += outcome.duplicates
            self._note_gaps(facts)
            reached = version.count(customer_id, outcome.decisions)
            if reached:
                tally.reached.note(customer_id)
                for pair in combinations(sorted(reached), 2):
                    tally.overlap[pair] += 1
            if before is not None:
                decided = decide(customer_id, None, facts, before.rules, before.observed, task.upto_ms).decisions
                self._compare(customer_id, reached, before.count(customer_id, decided))

    def _compare(self, customer_id: str, reached: set[str], reached_before: set[str]) -> None:
        for rule_id in reached - reached_before:
            self.tally.changes[rule_id].gained.note(customer_id)
        for rule_id in reached_before - reached:
            self.tally.changes[rule_id].lost.note(customer_id)
        if reached_before:
            self.tally.reached_before.note(customer_id)
        if reached and not reached_before:
            self.tally.change.gained.note(customer_id)
        elif reached_before and not reached:
            self.tally.change.lost.note(customer_id)

    def _note_gaps(self, facts: Sequence[DecodedEvent]) -> None:
        """Count events by type, and the gaps between days with an event."""
        # By type: first event, last event, last day, days after the first one, events.
        seen: dict[str, list[int]] = {}
        for fact in facts:
            at_ms = fact.at_ms
            known = seen.get(fact.type)
            if known is None:
                seen[fact.type] = [at_ms, at_ms, at_ms // DAY_MS, 0, 1]
                continue
            known[1] = at_ms
            known[4] += 1
            day = at_ms // DAY_MS
            if day != known[2]:
                known[2] = day
                known[3] += 1
        for name, (first_ms, last_ms, _, gaps, events) in seen.items():
            self.tally.types[name] += events
            if gaps:
                counts = self.tally.gaps.get(name)
                if counts is None:
                    counts = self.tally.gaps[name] = Gaps()
                counts.customers += 1
                counts.gaps += gaps
                counts.between_ms += last_ms - first_ms
                counts.means_ms += (last_ms - first_ms) / gaps


class _Version:
    """One version of the rules, compiled, and what it decided."""

    def __init__(self, task: PreviewTask, book: RuleBook, counts: dict[str, RuleCounts]) -> None:
        evaluated = evaluated_rules(book)
        as_live = tuple(rule.model_copy(update={"status": "live"}) for rule in evaluated)
        self.rules = compile_rules(RuleBook(as_live, book.define, book.for_every_rule), task.types, task.hold_out_key)
        keys = [plan.key for plan in self.rules.plans()]
        self.observed = Coverage(
            since=dict.fromkeys(keys, task.start_ms), complete=frozenset(keys) if task.whole else frozenset()
        )
        self._since_ms = task.since_ms
        self._counts = counts
        self._paces = {rule.id: pace_seconds(rule.pace) * 1000 for rule in evaluated if rule.pace is not None}
        for rule in evaluated:
            counts[rule.id] = RuleCounts(customers=Customers(keeps_all=task.all_ids))

    def count(self, customer_id: str, decisions: Sequence[Action | Decision]) -> set[str]:
        """Count what was decided for a customer, and return the ids of the rules that reached the customer."""
        actions: dict[str, Action] = {}
        taken_back: dict[str, str] = {}
        for decision in decisions:
            counts = self._counts.get(decision.rule.id)
            if counts is None or _epoch_ms(decision.decided_at) < self._since_ms:
                continue
            if isinstance(decision, Decision):
                counts.suppressed[decision.decision] += 1
            elif decision.status == "active":
                actions[decision.action_id] = decision
                taken_back.pop(decision.action_id, None)
            else:
                taken_back[decision.action_id] = decision.retracted_because or "no_longer_true"
        for action_id, action in actions.items():
            self._count_action(action, taken_back.get(action_id))
        reached = {action.rule.id for action in actions.values()}
        for rule_id in reached:
            self._counts[rule_id].customers.note(customer_id)
        return reached

    def _count_action(self, action: Action, taken_back: str | None) -> None:
        rule_id, at_ms = action.rule.id, _epoch_ms(action.decided_at)
        counts = self._counts[rule_id]
        counts.actions += 1
        counts.days[at_ms // DAY_MS] += 1
        if action.not_before is not None:
            counts.delayed += 1
        if taken_back is not None:
            counts.retracted[taken_back] += 1
        if rule_id in self._paces:
            counts.periods[at_ms // self._paces[rule_id]] += 1


def _epoch_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
