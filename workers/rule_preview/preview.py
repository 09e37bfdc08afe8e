"""The preview: which customers rules would have reached over a past period, as counts.

`decide` runs on a virtual clock. Customers are independent of each other, so they are replayed one by one, each with
all events by time, and memory holds one customer and the counts. Pure: this module must never know files, clocks
and terminals; `workers.rule_preview.command` does.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import combinations
from operator import attrgetter
from typing import Final

from schemas.conditions import expanded
from schemas.durations import DAY_MS
from schemas.paces import pace_seconds
from schemas.rules import Rule, RuleBook
from workers.core.conditions.condition import NOT_OBSERVABLE
from workers.core.coverage import FOREVER_MS, Coverage
from workers.core.customer.specs import CANCELLATION
from workers.core.decisions.decided import ACTIVE, OUTRANKED, RETRACTED, RETRACTIONS, SUPPRESSIONS, UNKNOWN, Decided
from workers.core.decisions.program import ActiveRule
from workers.core.decisions.replay import Events, Replay, until
from workers.core.events.decoding import UNIT
from workers.core.events.plain import PlainEvent
from workers.core.rules.attribute_types import types_of_attributes
from workers.core.rules.rule_compiler import HOLD_OUT_KEY, compile_rules
from workers.core.rules.rule_set import RuleSet
from workers.core.rules.whole_conditions import reads_ladder
from workers.rule_preview.counts import Counts, Customers
from workers.rule_preview.outcomes import OutcomeCounts, PlainCounts, Success, successes_of, times_of

__all__ = [
    "NEVER",
    "PreviewCounts",
    "Gaps",
    "Preview",
    "PreviewTask",
    "ReachChange",
    "RuleCounts",
    "coverage_of",
    "compiled",
    "evaluated_rules",
    "preview",
]

NEVER: Final = -1
"""Stands for the day of something that time alone never brings."""

_NO_ONE: Final = frozenset[str]()
_Episode = tuple[int, int]
"""The place of a rule, and the start of an episode: they name an action."""

CustomerEvents = tuple[str, Events]
"""A customer id, and all events of the customer by time; plain ones have the places of the task's types."""


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


@dataclass(slots=True)
class RuleCounts(Counts):
    """The decisions of one rule in the period.

    Attributes:
        actions: the number of actions, including those retracted later.
        customers: the customers that they reach.
        delayed: the number of actions that waited for the end of quiet hours.
        retracted: by reason, the number of retracted actions.
        suppressed: by reason, the number of episodes without an action.
        outranked_by: by the id of the rule that came first, the number of episodes without an action.
        outcome: what customers did after the actions.
        days: actions by UTC day, counted from 1970-01-01.
        periods: actions by period of the pace of the rule (`at_ms // length`); empty without a pace.
        not_observable: how often the rule might have begun to hold by time, if more had been known.
        at_first_event: for how many customers it would hold at their very first event.
        unknown: the customers for whom it is not observable at the end, by the UTC day on which time alone makes it
            known; by `NEVER` if only an event can.
        at_stake: the value of its customers when it reached them last, in hundredths.
        not_paid_back: how many of them have not brought what winning them cost, up to the end.
    """

    actions: int = 0
    customers: Customers = field(default_factory=Customers)
    delayed: int = 0
    retracted: Counter[str] = field(default_factory=Counter)
    suppressed: Counter[str] = field(default_factory=Counter)
    outranked_by: Counter[str] = field(default_factory=Counter)
    outcome: OutcomeCounts = field(default_factory=OutcomeCounts)
    days: Counter[int] = field(default_factory=Counter)
    periods: Counter[int] = field(default_factory=Counter)
    not_observable: int = 0
    at_first_event: int = 0
    unknown: Counter[int] = field(default_factory=Counter)
    at_stake: int = 0
    not_paid_back: int = 0


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
        plain: the silences by what ends them: what counts as a success of a rule.
        left_out: values that are not of the type of their attribute, by `type.attribute` and reason.
        not_understood: decisions not to act because of an answer that is neither yes nor no, by answer.
        at_stake: the value of the customers that any rule reaches, when it reached them last, in hundredths.
        cancelled: the customers who have cancelled at the end, if it is said what winning one costs.
        cancelled_not_paid_back: how many of them have not brought that.
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
    plain: dict[Success, PlainCounts] = field(default_factory=dict)
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)
    not_understood: Counter[str] = field(default_factory=Counter)
    at_stake: int = 0
    cancelled: int = 0
    cancelled_not_paid_back: int = 0


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

    def __init__(self, task: PreviewTask, versions: Sequence[RuleSet] | None = None) -> None:
        """Prepare a run.

        Args:
            task: what to count.
            versions: the result of `compiled`, if it is there already.
        """
        versions = compiled(task.book, task.against, task.types, task.hold_out_key) if versions is None else versions
        self._task = task
        self.counts = PreviewCounts(
            reached=Customers(keeps_all=task.all_ids),
            change=ReachChange(Customers(keeps_all=task.all_changed_ids), Customers(keeps_all=task.all_changed_ids)),
        )
        self._version = _Version(task, task.book, versions[0], self.counts.rules)
        self.rules = versions[0]
        for success in successes_of(task.book).values():
            self.counts.plain[success] = PlainCounts()
        self._before = None if task.against is None else _Version(task, task.against, versions[1], self.counts.before)
        if self._before is not None:
            for rule_id in {*self.counts.rules, *self.counts.before}:
                self.counts.changes[rule_id] = ReachChange(
                    Customers(keeps_all=task.all_changed_ids), Customers(keeps_all=task.all_changed_ids)
                )

    def replay(self, customers: Iterable[CustomerEvents]) -> None:
        """Decide more customers, each given only once in a run, and count."""
        task, counts, version, before = self._task, self.counts, self._version, self._before
        turn, upto_ms = version.replay.turn, task.upto_ms
        for customer_id, all_events in customers:
            events = until(all_events, upto_ms)
            if not events:
                continue
            at_first = version.replay.decide(customer_id, events, upto_ms)
            counts.customers += 1
            counts.events += turn.folded
            counts.duplicates += turn.duplicates
            self._note_gaps(events)
            successes = self._note_silences(events)
            if turn.admission.not_understood:
                counts.not_understood.update(turn.admission.not_understood)
            if turn.left_out:
                counts.left_out.update(
                    (f"{event_type}.{attribute}", reason) for event_type, _, attribute, reason in turn.left_out
                )
            reached = version.count(customer_id, successes) if turn.decisions.number else _NO_ONE
            version.count_truths(at_first, max(upto_ms, events[-1].at_ms))
            if version.cost is not None and version.has_cancelled():
                counts.cancelled += 1
                counts.cancelled_not_paid_back += version.is_not_paid_back()
            if reached:
                counts.reached.note(customer_id)
                counts.at_stake += version.at_stake
                if len(reached) > 1:
                    for pair in combinations(sorted(reached), 2):
                        counts.overlap[pair] += 1
            if before is not None:
                before.replay.decide(customer_id, events, upto_ms)
                self._compare(customer_id, reached, before.count(customer_id, {}))

    def _compare(self, customer_id: str, reached: Set[str], reached_before: Set[str]) -> None:
        version, before = self._version, self._before
        assert before is not None
        for rule_id in reached - reached_before:
            self.counts.changes[rule_id].gained.note(customer_id, version.worth.get(rule_id, 0))
        for rule_id in reached_before - reached:
            self.counts.changes[rule_id].lost.note(customer_id, before.worth.get(rule_id, 0))
        if reached_before:
            self.counts.reached_before.note(customer_id)
        if reached and not reached_before:
            self.counts.change.gained.note(customer_id, version.at_stake)
        elif reached_before and not reached:
            self.counts.change.lost.note(customer_id, before.at_stake)

    def _note_silences(self, events: Events) -> dict[Success, list[int]]:
        """Count the silences of a customer, and return when they had each kind of success."""
        task, found = self._task, dict[Success, list[int]]()
        for success, counts in self.counts.plain.items():
            found[success] = times = times_of(success, events, task.types)
            counts.note(success, times, task.since_ms, task.upto_ms)
        return found

    def _note_gaps(self, events: Events) -> None:
        """Count events by type, and the gaps between days with an event."""
        # By type: first event, last event, last day, days after the first one, events. Lists are the fastest here.
        by_type: dict[str, list[int]] = {}
        names = self._task.types
        for event in events:
            at_ms = event.at_ms
            name = names[event.type_place] if isinstance(event, PlainEvent) else event.type
            of_type = by_type.get(name)
            if of_type is None:
                by_type[name] = [at_ms, at_ms, at_ms // DAY_MS, 0, 1]
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


def compiled(
    book: RuleBook, against: RuleBook | None, types: Sequence[str], hold_out_key: bytes = HOLD_OUT_KEY
) -> list[RuleSet]:
    """Return the evaluated rules of a book, and of the other version if there is one; all of them count as live."""
    versions = []
    for one in (book,) if against is None else (book, against):
        as_live = tuple(rule.model_copy(update={"status": "live"}) for rule in evaluated_rules(one))
        versions.append(compile_rules(_without_idle_ladders(replace(one, rules=as_live)), types, hold_out_key))
    return versions


def _without_idle_ladders(book: RuleBook) -> RuleBook:
    """Return a book without its ladders if no rule asks where customers stand: then nothing reads it."""
    conditions = [part for rule in book.rules for part in (rule.when, rule.unless) if part is not None]
    if any(reads_ladder(expanded(part, book.define)) for part in conditions):
        return book
    return replace(book, ladders=(), attribute_types=types_of_attributes(book))


class _Version:
    """One version of the rules, and the counts of its decisions."""

    def __init__(self, task: PreviewTask, book: RuleBook, rules: RuleSet, counts: dict[str, RuleCounts]) -> None:
        evaluated = evaluated_rules(book)
        self.replay = Replay(rules, task.types, coverage_of(rules, task))
        self._since_ms, self._upto_ms = task.since_ms, task.upto_ms
        successes = successes_of(book)
        self._successes = [successes.get(rule.id) for rule in rules.rules]
        for rule in evaluated:
            counts[rule.id] = RuleCounts(customers=Customers(keeps_all=task.all_ids))
        paces = {rule.id: pace_seconds(rule.pace) * 1000 for rule in evaluated if rule.pace is not None}
        self._counts = [counts[rule.id] for rule in rules.rules]
        self._ids = [rule.id for rule in rules.rules]
        self._paces = [paces.get(rule.id, 0) for rule in rules.rules]
        # A rule that demands a duration does not hold at once.
        self._at_once = [not rule.for_ms for rule in rules.rules]
        self._looked_at = [(rule.condition, counts[rule.id]) for rule in self.replay.rules]
        self._returns = rules.returns
        winning = None if rules.value is None else rules.value.cost_of_winning
        self.cost = None if winning is None else int(winning * UNIT)
        self.at_stake = 0
        self.worth: dict[str, int] = {}

    def count(self, customer_id: str, successes: Mapping[Success, Sequence[int]]) -> set[str]:
        """Count the decisions for the customer decided last, and return the ids of the rules that reach them.

        Args:
            customer_id: the customer.
            successes: when they had each kind of success, ascending; empty leaves outcomes out.
        """
        actions: dict[_Episode, Decided] = {}
        taken_back: dict[_Episode, int] = {}
        since_ms = self._since_ms
        for row in self.replay.turn.decisions.rows():
            rule, kind, start_ms = row.rule, row.kind, row.start_ms
            if rule is None or start_ms < since_ms:
                continue
            if kind == ACTIVE:
                episode = rule.place, start_ms
                actions[episode] = row
                if taken_back:
                    taken_back.pop(episode, None)
            elif kind == RETRACTED:
                taken_back[rule.place, start_ms] = row.because
            elif kind == UNKNOWN:
                self._counts[rule.place].not_observable += 1  # nothing began that was not sent
            else:
                counts = self._counts[rule.place]
                counts.suppressed[str(SUPPRESSIONS[kind])] += 1
                if kind == OUTRANKED and row.said:
                    counts.outranked_by[row.said] += 1
        for episode, row in actions.items():
            self._count_action(episode, row.not_before_ms > 0, taken_back.get(episode))
            success = self._successes[episode[0]]
            if success is not None and success in successes:
                outcome = self._counts[episode[0]].outcome
                outcome.note(success, episode[1], successes[success], self._upto_ms)
        reached = {place for place, _ in actions}
        for place in reached:
            self._counts[place].customers.note(customer_id)
        if actions and self.replay.program.worth is not None:
            self._count_money(actions)
        return {self._ids[place] for place in reached}

    def _count_money(self, actions: Mapping[_Episode, Decided]) -> None:
        """Count what the customer was worth when each rule reached them last."""
        last: dict[int, Decided] = {}
        self.worth.clear()
        for (place, _), row in sorted(actions.items(), key=lambda one: one[1].start_ms):
            last[place] = row
            self.at_stake = _worth(row)
        not_paid_back = self.cost is not None and self.is_not_paid_back()
        for place, row in last.items():
            worth = self.worth[self._ids[place]] = _worth(row)
            self._counts[place].at_stake += worth
            self._counts[place].not_paid_back += not_paid_back

    def is_not_paid_back(self) -> bool:
        """Return whether the customer decided last has not brought what winning them cost, up to the end."""
        worth = self.replay.program.worth
        return worth is not None and self.cost is not None and worth.of_lifetime() < self.cost

    def has_cancelled(self) -> bool:
        """Return whether the customer decided last has cancelled and is not back."""
        by_key = self.replay.program.customer.by_key
        cancelled = by_key.get(CANCELLATION)
        if cancelled is None or not cancelled.is_present:
            return False
        returned = [by_key[name] for name in self._returns if name in by_key]
        return all(not series.is_present or series.last_ms <= cancelled.last_ms for series in returned)

    def count_truths(self, at_first: Sequence[ActiveRule], last_ms: int) -> None:
        """Count which rules hold at the first event of the customer decided last, and are not observable at the end.

        Args:
            at_first: those whose condition is true after the first event.
            last_ms: the end, in epoch milliseconds.
        """
        for rule in at_first:
            if self._at_once[rule.place]:
                self._counts[rule.place].at_first_event += 1
        for condition, counts in self._looked_at:
            if condition.look(last_ms) == NOT_OBSERVABLE:
                known_ms = condition.flip_ms
                counts.unknown[NEVER if known_ms >= FOREVER_MS else known_ms // DAY_MS] += 1

    def _count_action(self, episode: _Episode, is_delayed: bool, because: int | None) -> None:
        place, start_ms = episode
        counts, pace_ms = self._counts[place], self._paces[place]
        counts.actions += 1
        counts.days[start_ms // DAY_MS] += 1
        if is_delayed:
            counts.delayed += 1
        if because is not None:
            counts.retracted[RETRACTIONS[because]] += 1
        if pace_ms:
            counts.periods[start_ms // pace_ms] += 1


def _worth(row: Decided) -> int:
    """Return what the customer was worth by an action, in hundredths."""
    value = (row.known or {}).get("value")
    return 0 if value is None else round(value.amount * 100)
