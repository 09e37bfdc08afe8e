"""The preview: which customers rules would have reached over a past period, as counts.

`decide` runs on a virtual clock. Customers are independent of each other, so they are replayed one by one, each with
all events by time, and memory holds one customer and the counts. Pure: this module must never know files, clocks
and terminals; `workers.rule_preview.command` does.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from itertools import combinations
from operator import attrgetter
from typing import Final, TypeVar

from schemas.actions import Action, Decision
from schemas.durations import DAY_MS
from schemas.rules import Rule, RuleBook, pace_seconds
from workers.core.coverage import FOREVER_MS, Coverage
from workers.core.events.decoding import DecodedEvent
from workers.core.objects.conditions import NOT_OBSERVABLE, TRUE
from workers.core.objects.customer.activity import Activity
from workers.core.objects.decisions.decide import Outcome, decide
from workers.core.rules.rule_compiler import HOLD_OUT_KEY, compile_rules
from workers.core.rules.rule_set import RuleSet

__all__ = [
    "NEVER",
    "Counts",
    "PreviewCounts",
    "Customers",
    "Gaps",
    "Preview",
    "PreviewTask",
    "ReachChange",
    "RuleCounts",
    "coverage_of",
    "replay_customers",
    "evaluated_rules",
    "preview",
]

EXAMPLES: Final = 5
"""The number of customer ids that are kept by default: the first ones in alphabetical order."""

NEVER: Final = -1
"""Stands for the day of something that time alone never brings."""

_TIDY_ABOVE: Final = 200
_at_ms = attrgetter("at_ms")
Counted = TypeVar("Counted", bound="Counts")

CustomerEvents = tuple[str, Sequence[DecodedEvent]]
"""A customer id, and all events of the customer by time."""


def replay_customers(
    customers: Iterable[CustomerEvents], rules: RuleSet, observed: Coverage, upto_ms: int
) -> Iterator[tuple[str, Sequence[DecodedEvent], Outcome]]:
    """Decide each customer, from the first event to a given time.

    The decisions are those of a worker that had the rules from the beginning.

    Args:
        customers: each once, with all events by time.
        rules: the rule set.
        observed: since when each series is covered.
        upto_ms: timers due until then are decided, and later events are left out; in epoch milliseconds.

    Yields:
        The customer, the folded events, and the outcome. Customers without events are left out.
    """
    for customer_id, events in customers:
        folded = events
        if folded and folded[-1].at_ms > upto_ms:
            folded = folded[: bisect_right(folded, upto_ms, key=_at_ms)]
        if folded:
            yield customer_id, folded, decide(customer_id, None, folded, rules, observed, upto_ms)


@dataclass(frozen=True, slots=True)
class PreviewTask:
    """The task of a preview; it can be sent to another process. Times are epoch milliseconds.

    Attributes:
        book: the rules.
        types: all event types, built-in and declared.
        start_ms: the start of coverage, usually the first event.
        since_ms: decisions count from this time on. Earlier events are folded.
        upto_ms: decisions count up to and including this time.
        whole: the history is complete since `start_ms`, for every customer.
        against: another version of the rules, to compare with.
        all_ids: keep the id of every customer that a rule reaches, not only a few examples.
        all_changed_ids: keep the id of every customer that is gained or lost.
        hold_out_key: assigns customers to experiments.
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


class Counts:
    """Counts that add up field by field: the counts of two halves of the customers are those of all."""

    __slots__ = ()

    def add(self: Counted, other: Counted) -> None:
        """Add the counts of other customers."""
        for each in fields(self):  # type: ignore[arg-type]
            mine, theirs = getattr(self, each.name), getattr(other, each.name)
            if isinstance(mine, Counts):
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
                setattr(self, each.name, mine + theirs)


@dataclass(slots=True)
class Customers(Counts):
    """The number of some customers, and all of their ids or a few.

    Attributes:
        number: the number of customers.
        some: the kept ids, in no order; `ids()` returns them for display.
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
        """Add other customers."""
        self.number += other.number
        self.some += other.some

    def ids(self) -> list[str]:
        """Return the kept ids in alphabetical order."""
        return sorted(self.some) if self.keeps_all else sorted(self.some)[:EXAMPLES]


@dataclass(slots=True)
class RuleCounts(Counts):
    """The decisions of one rule in the period.

    Attributes:
        actions: the number of actions, including those retracted later.
        customers: the customers that they reach.
        delayed: the number of actions that waited for the end of quiet hours.
        retracted: by reason, the number of retracted actions.
        suppressed: by reason, the number of episodes without an action.
        days: actions by UTC day, counted from 1970-01-01.
        periods: actions by period of the pace of the rule (`at_ms // length`); empty without a pace.
        not_observable: how often the rule might have begun to hold by time, if more had been known.
        at_first_event: for how many customers it would hold at their very first event.
        unknown: the customers for whom it is not observable at the end, by the UTC day on which time alone makes it
            known; by `NEVER` if only an event can.
    """

    actions: int = 0
    customers: Customers = field(default_factory=Customers)
    delayed: int = 0
    retracted: Counter[str] = field(default_factory=Counter)
    suppressed: Counter[str] = field(default_factory=Counter)
    days: Counter[int] = field(default_factory=Counter)
    periods: Counter[int] = field(default_factory=Counter)
    not_observable: int = 0
    at_first_event: int = 0
    unknown: Counter[int] = field(default_factory=Counter)


@dataclass(slots=True)
class ReachChange(Counts):
    """Customers that only one of two versions reaches, by one rule or by any rule.

    Attributes:
        gained: the new version reaches them.
        lost: the old version reached them.
    """

    gained: Customers = field(default_factory=Customers)
    lost: Customers = field(default_factory=Customers)


@dataclass(slots=True)
class Gaps(Counts):
    """Gaps between days with an event of one type, over customers with at least two such days.

    Attributes:
        customers: the number of these customers.
        gaps: the number of their gaps: for each customer, one less than the days.
        between_ms: the sum over the customers of last event - first event, in milliseconds.
        means_ms: the sum over the customers of their mean gap, in milliseconds.
    """

    customers: int = 0
    gaps: int = 0
    between_ms: int = 0
    means_ms: float = 0.0


@dataclass(slots=True)
class PreviewCounts(Counts):
    """All counts about some customers.

    Attributes:
        customers: the number of customers with an event.
        events: the number of folded events, without duplicates.
        duplicates: the number of events that repeat an id.
        reached: the customers that any rule reaches.
        reached_before: the customers that any rule of the other version reaches.
        rules: the counts by rule id.
        before: the counts of the other version by rule id.
        overlap: by two rule ids in order, the number of customers that both reach.
        changes: by rule id, the customers gained and lost.
        change: the customers gained and lost by any rule.
        types: events by type.
        gaps: the gaps by event type.
        left_out: values that are not of the type of their attribute, by `type.attribute` and reason.
        not_understood: decisions not to act because of an answer that is neither yes nor no, by answer.
    """

    customers: int = 0
    events: int = 0
    duplicates: int = 0
    reached: Customers = field(default_factory=Customers)
    reached_before: Customers = field(default_factory=Customers)
    rules: dict[str, RuleCounts] = field(default_factory=dict)
    before: dict[str, RuleCounts] = field(default_factory=dict)
    overlap: Counter[tuple[str, str]] = field(default_factory=Counter)
    changes: dict[str, ReachChange] = field(default_factory=dict)
    change: ReachChange = field(default_factory=ReachChange)
    types: Counter[str] = field(default_factory=Counter)
    gaps: dict[str, Gaps] = field(default_factory=dict)
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)
    not_understood: Counter[str] = field(default_factory=Counter)


def preview(task: PreviewTask, customers: Iterable[CustomerEvents]) -> PreviewCounts:
    """Count the decisions for customers, each given once with all events by time."""
    run = Preview(task)
    run.replay(customers)
    return run.counts


def evaluated_rules(book: RuleBook) -> list[Rule]:
    """Return the rules that a preview evaluates: all except paused ones."""
    return sorted((rule for rule in book.rules if rule.status != "paused"), key=attrgetter("id"))


class Preview:
    """One run over customers.

    Attributes:
        counts: the counts so far; those of another run of the task over other customers can be added.
        rules: the compiled rules.
    """

    def __init__(self, task: PreviewTask) -> None:
        self._task = task
        self.counts = PreviewCounts(
            reached=Customers(keeps_all=task.all_ids),
            change=ReachChange(Customers(keeps_all=task.all_changed_ids), Customers(keeps_all=task.all_changed_ids)),
        )
        self._version = _Version(task, task.book, self.counts.rules)
        self.rules = self._version.rules
        self._before = None if task.against is None else _Version(task, task.against, self.counts.before)
        if self._before is not None:
            for rule_id in {*self.counts.rules, *self.counts.before}:
                self.counts.changes[rule_id] = ReachChange(
                    Customers(keeps_all=task.all_changed_ids), Customers(keeps_all=task.all_changed_ids)
                )

    def replay(self, customers: Iterable[CustomerEvents]) -> None:
        """Decide more customers, each given only once in a run, and count."""
        task, counts, version, before = self._task, self.counts, self._version, self._before
        for customer_id, events, outcome in replay_customers(
            customers, version.rules, version.observed, task.upto_ms
        ):
            counts.customers += 1
            counts.events += outcome.folded
            counts.duplicates += outcome.duplicates
            self._note_gaps(events)
            counts.not_understood.update(outcome.not_understood)
            if outcome.left_out:
                counts.left_out.update(
                    (f"{event_type}.{attribute}", reason) for event_type, _, attribute, reason in outcome.left_out
                )
            reached = version.count(customer_id, outcome.decisions)
            version.count_truths(customer_id, events, outcome.activity)
            if reached:
                counts.reached.note(customer_id)
                for pair in combinations(sorted(reached), 2):
                    counts.overlap[pair] += 1
            if before is not None:
                decided = decide(customer_id, None, events, before.rules, before.observed, task.upto_ms).decisions
                self._compare(customer_id, reached, before.count(customer_id, decided))

    def _compare(self, customer_id: str, reached: set[str], reached_before: set[str]) -> None:
        for rule_id in reached - reached_before:
            self.counts.changes[rule_id].gained.note(customer_id)
        for rule_id in reached_before - reached:
            self.counts.changes[rule_id].lost.note(customer_id)
        if reached_before:
            self.counts.reached_before.note(customer_id)
        if reached and not reached_before:
            self.counts.change.gained.note(customer_id)
        elif reached_before and not reached:
            self.counts.change.lost.note(customer_id)

    def _note_gaps(self, events: Sequence[DecodedEvent]) -> None:
        """Count events by type, and the gaps between days with an event."""
        # By type: first event, last event, last day, days after the first one, events. Lists are the fastest here.
        by_type: dict[str, list[int]] = {}
        for event in events:
            at_ms = event.at_ms
            of_type = by_type.get(event.type)
            if of_type is None:
                by_type[event.type] = [at_ms, at_ms, at_ms // DAY_MS, 0, 1]
                continue
            of_type[1] = at_ms
            of_type[4] += 1
            day = at_ms // DAY_MS
            if day != of_type[2]:
                of_type[2] = day
                of_type[3] += 1
        for event_type, (first_ms, last_ms, _, gaps, number) in by_type.items():
            self.counts.types[event_type] += number
            if gaps:
                counts = self.counts.gaps.get(event_type)
                if counts is None:
                    counts = self.counts.gaps[event_type] = Gaps()
                counts.customers += 1
                counts.gaps += gaps
                counts.between_ms += last_ms - first_ms
                counts.means_ms += (last_ms - first_ms) / gaps


def coverage_of(rules: RuleSet, task: PreviewTask) -> Coverage:
    """Return the coverage of every series that rules need, over the history of a task."""
    keys = [spec.key for spec in rules.specs()]
    complete = frozenset(keys) if task.whole else frozenset[str]()
    return Coverage(since=dict.fromkeys(keys, task.start_ms), complete=complete)


class _Version:
    """One version of the rules, compiled, and the counts of its decisions."""

    def __init__(self, task: PreviewTask, book: RuleBook, counts: dict[str, RuleCounts]) -> None:
        evaluated = evaluated_rules(book)
        as_live = tuple(rule.model_copy(update={"status": "live"}) for rule in evaluated)
        self.rules = compile_rules(replace(book, rules=as_live), task.types, task.hold_out_key)
        self.observed = coverage_of(self.rules, task)
        self._since_ms = task.since_ms
        self._upto_ms = task.upto_ms
        self._counts = counts
        self._paces = {rule.id: pace_seconds(rule.pace) * 1000 for rule in evaluated if rule.pace is not None}
        for rule in evaluated:
            counts[rule.id] = RuleCounts(customers=Customers(keeps_all=task.all_ids))

    def count(self, customer_id: str, decisions: Sequence[Action | Decision]) -> set[str]:
        """Count the decisions for a customer, and return the ids of the rules that reach the customer."""
        actions: dict[str, Action] = {}
        taken_back: dict[str, str] = {}
        for decision in decisions:
            counts = self._counts.get(decision.rule.id)
            if counts is None or _epoch_ms(decision.decided_at) < self._since_ms:
                continue
            if isinstance(decision, Decision):
                if decision.decision == "not_observable":
                    counts.not_observable += 1  # nothing began that was not sent
                else:
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

    def count_truths(self, customer_id: str, events: Sequence[DecodedEvent], activity: Activity | None) -> None:
        """Count for a customer which rules hold at the first event, and which are not observable at the end.

        Args:
            customer_id: the customer.
            events: the folded events, at least one.
            activity: the state of the customer at the end.
        """
        first = decide(customer_id, None, events[:1], self.rules, self.observed).activity
        assert first is not None
        assert activity is not None
        first_ms, last_ms = events[0].at_ms, max(self._upto_ms, events[-1].at_ms)
        for rule in self.rules.rules:
            counts = self._counts[rule.id]
            # A rule that demands a duration does not hold at once.
            if not rule.for_ms and rule.condition.evaluate(first, first_ms, self.observed)[0] == TRUE:
                counts.at_first_event += 1
            truth, known_ms = rule.condition.evaluate(activity, last_ms, self.observed)
            if truth == NOT_OBSERVABLE:
                counts.unknown[NEVER if known_ms >= FOREVER_MS else known_ms // DAY_MS] += 1

    def _count_action(self, action: Action, retracted_because: str | None) -> None:
        rule_id, at_ms = action.rule.id, _epoch_ms(action.decided_at)
        counts = self._counts[rule_id]
        counts.actions += 1
        counts.days[at_ms // DAY_MS] += 1
        if action.not_before is not None:
            counts.delayed += 1
        if retracted_because is not None:
            counts.retracted[retracted_because] += 1
        if rule_id in self._paces:
            counts.periods[at_ms // self._paces[rule_id]] += 1


def _epoch_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
