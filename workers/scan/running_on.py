"""Runs the customers of a scan on: what time alone makes due for them, if nothing happens. Counts only.

Every customer is decided by the core as a worker decides at due times, with every event type counted as seen. So
cool-downs, limits, hold-outs, consent and the customer's mark apply. Memory holds one customer and the counts. Pure.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from schemas.durations import DAY_MS
from workers.core.coverage import Coverage
from workers.core.customer.stored import OtherLayout
from workers.core.decisions.decide import decider_of
from workers.core.decisions.decided import ACTIVE, RETRACTED, SUPPRESSIONS, UNKNOWN, Decided
from workers.core.decisions.moves import Moves
from workers.core.rules.rule_set import RuleSet
from workers.errors import LingerError
from workers.scan.lines import PartitionLine, StoredCustomer

_HUNDREDTHS: Final = 100


@dataclass(slots=True)
class RuleCounts:
    """What becomes due of one rule.

    Attributes:
        sent: actions, by UTC day, counted from 1970-01-01. Those that were due before the scan's moment count on its
            day.
        already_due: actions among them that were due before, and waited for a source to be seen.
        customers: whom they reach.
        worth: by day, what the customers of the actions are worth, in hundredths; each action counts.
        worth_of_customers: the same of everyone whom they reach, counted once.
        valued: actions with which a value goes.
        stages: by stage on which the customer of an action stands then, the actions by day; under None while it is
            not known, or without a ladder.
        delayed: how many of them wait for the end of quiet hours.
        taken_back: how many of them another rule replaces later.
        not_sent: by reason, episodes without an action, by day.
        not_observable: how often it might have begun to hold, if more were known.
        periods: actions by period of the rule's pace; empty without a pace.
    """

    sent: Counter[int] = field(default_factory=Counter)
    already_due: int = 0
    customers: int = 0
    worth: Counter[int] = field(default_factory=Counter)
    worth_of_customers: int = 0
    valued: int = 0
    stages: dict[str | None, Counter[int]] = field(default_factory=dict)
    delayed: int = 0
    taken_back: int = 0
    not_sent: dict[str, Counter[int]] = field(default_factory=dict)
    not_observable: int = 0
    periods: Counter[int] = field(default_factory=Counter)


@dataclass(slots=True)
class ForecastCounts:
    """What becomes due of all rules.

    Attributes:
        customers: how many were run on.
        unreadable: who could not be, because what is stored is damaged.
        reached: customers whom any rule reaches.
        worth: what they are worth, in hundredths.
        rules: by rule id; every rule of the set is there.
        moves: customers who move along the ladder, by the stages before and after, and by day.
    """

    customers: int = 0
    unreadable: int = 0
    reached: int = 0
    worth: int = 0
    rules: dict[str, RuleCounts] = field(default_factory=dict)
    moves: dict[tuple[str | None, str], Counter[int]] = field(default_factory=dict)


class Run:
    """One run over the customers of a scan.

    Attributes:
        counts: so far.
    """

    def __init__(self, rules: RuleSet, paces_ms: Mapping[str, int], at_ms: int, upto_ms: int) -> None:
        """Set up.

        Args:
            rules: by which it is decided; nothing else may decide by them meanwhile.
            paces_ms: by rule, the period of its pace.
            at_ms: the scan's moment.
            upto_ms: up to when, inclusive.
        """
        self.counts = ForecastCounts(rules={rule.id: RuleCounts() for rule in rules.rules})
        self._decider = decider_of(rules)
        self._paces_ms = paces_ms
        self._at_ms = at_ms
        self._upto_ms = upto_ms

    def run(self, customers: Iterable[tuple[PartitionLine, StoredCustomer]]) -> None:
        """Run more customers on, each with its partition, and count.

        Raises:
            LingerError: if another release wrote a customer, so this one can read none.
        """
        partition, coverage = None, Coverage({})
        for line, customer in customers:
            if line is not partition:
                partition, coverage = line, line.as_if_seen()
            try:
                turn = self._decider.run_on(customer.id, customer.stored, coverage, self._upto_ms, customer.standing)
            except OtherLayout as error:
                raise LingerError(str(error)) from error
            except (ValueError, OverflowError):
                self.counts.unreadable += 1
                continue
            self.counts.customers += 1
            self._count_customer(row for row in turn.decisions.rows() if self._count(row))
            if turn.moves is not None:
                self._count_moves(turn.moves)

    def _count_customer(self, actions: Iterable[Decided]) -> None:
        """Count whom some actions reach: a customer is worth what is known with the first one."""
        first: dict[str, int] = {}
        for row in actions:
            assert row.rule is not None
            first.setdefault(row.rule.id, hundredths_of(row) or 0)
        for place, (rule_id, worth) in enumerate(first.items()):
            counts = self.counts.rules[rule_id]
            counts.customers += 1
            counts.worth_of_customers += worth
            if not place:
                self.counts.reached += 1
                self.counts.worth += worth

    def _count_moves(self, moves: Moves) -> None:
        """Count how a customer moves along the ladder."""
        for since_ms, came_from, stage in moves.moved():
            at_ms = max(since_ms, self._at_ms)
            self.counts.moves.setdefault((came_from, stage), Counter())[at_ms // DAY_MS] += 1

    def _count(self, row: Decided) -> bool:
        """Count what was decided, and return whether it is an action."""
        if row.rule is None:
            return False  # it waited under a rule that is gone
        counts = self.counts.rules[row.rule.id]
        if row.kind == RETRACTED:
            counts.taken_back += 1
            return False
        if row.kind == UNKNOWN:
            counts.not_observable += 1
            return False
        at_ms = max(row.start_ms, self._at_ms)
        if row.kind != ACTIVE:
            counts.not_sent.setdefault(str(SUPPRESSIONS[row.kind]), Counter())[at_ms // DAY_MS] += 1
            return False
        counts.sent[at_ms // DAY_MS] += 1
        stage = None if row.known is None else row.known.get("stage")
        counts.stages.setdefault(stage, Counter())[at_ms // DAY_MS] += 1
        worth = hundredths_of(row)
        if worth is not None:
            counts.worth[at_ms // DAY_MS] += worth
            counts.valued += 1
        counts.already_due += row.start_ms < self._at_ms
        counts.delayed += row.not_before_ms > 0
        if pace_ms := self._paces_ms.get(row.rule.id, 0):
            counts.periods[at_ms // pace_ms] += 1
        return True


def hundredths_of(row: Decided) -> int | None:
    """Return what the customer of an action is worth, in hundredths; None if no value goes with it."""
    value = None if row.known is None else row.known.get("value")
    return None if value is None else round(value.amount * _HUNDREDTHS)
