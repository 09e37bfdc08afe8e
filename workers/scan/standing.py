"""Counts where the customers of a scan stand on a ladder, live or a draft, and why it is unknown of the others.

Nothing is decided: each customer is looked at as stored, at the scan's moment. A draft asks for what workers may not
keep yet, so a stage can be unknown. Memory holds one customer and the counts. Pure.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from schemas import conditions as model
from workers.core.conditions.combinations import Not, Several
from workers.core.conditions.condition import NOT_OBSERVABLE, TRUE, Condition
from workers.core.conditions.ladder import ActiveLadder
from workers.core.coverage import Coverage
from workers.core.decisions.decide import decider_of
from workers.core.events.decoding import UNIT
from workers.core.rules.rule_set import RuleSet
from workers.explain.gaps import GapFinder
from workers.explain.leaf import Leaf
from workers.explain.moment import Moment
from workers.explain.snapshot import CustomerSnapshot
from workers.explain.why_report import Gap
from workers.scan.lines import PartitionLine, StoredCustomer
from workers.scan.reading import read_each

LOOKED_INTO: Final = 1_000
"""Customers of each step for whom it is found out why it is not known: that costs much more than to count them."""

Reason = tuple[str, str | None, str | None]
"""Kind, event type and detail of a gap (`explain.why_report.Gap`)."""


@dataclass(slots=True)
class UnknownCounts:
    """Customers for whom a step is the first that is neither true nor false.

    Attributes:
        customers: how many.
        looked_into: for how many of them the reasons were looked for.
        reasons: of these, how many have each reason; one can have several.
    """

    customers: int = 0
    looked_into: int = 0
    reasons: Counter[Reason] = field(default_factory=Counter)


@dataclass(slots=True)
class StandingCounts:
    """Where customers stand.

    Attributes:
        customers: how many were looked at.
        unreadable: who could not be, because what is stored is damaged.
        stages: customers by the place of their stage, from the top.
        worth: by the same, what they are worth, in ten-thousandths; empty if no file says it.
        unknown: by the place of the step, those who stand on no stage that is known.
    """

    customers: int = 0
    unreadable: int = 0
    stages: Counter[int] = field(default_factory=Counter)
    worth: Counter[int] = field(default_factory=Counter)
    unknown: dict[int, UnknownCounts] = field(default_factory=dict)


class Standing:
    """Looks at the customers of a scan.

    Attributes:
        counts: so far.
    """

    def __init__(self, rules: RuleSet, at_ms: int) -> None:
        """Set up.

        Args:
            rules: with the ladder as the live one; nothing else may decide by them meanwhile.
            at_ms: the scan's moment.
        """
        decider = decider_of(rules)
        assert decider.program.ladder is not None
        self.counts = StandingCounts()
        self._rules = rules
        self._decider = decider
        self._ladder: ActiveLadder = decider.program.ladder
        assert rules.ladder is not None
        self._steps = rules.ladder.steps
        self._worth = decider.program.worth
        self._at_ms = at_ms

    def count(self, customers: Iterable[tuple[PartitionLine, StoredCustomer]]) -> None:
        """Look at more customers, each with its partition, and count.

        Raises:
            LingerError: if another release wrote a customer, so this one can read none.
        """
        for customer, coverage, known in read_each(self._decider, customers):
            if known is None:
                self.counts.unreadable += 1
                continue
            self._decider.program.observe(coverage)
            self.counts.customers += 1
            self._count(customer, coverage, max(self._at_ms, known.at_ms))

    def _count(self, customer: StoredCustomer, coverage: Coverage, at_ms: int) -> None:
        """Count the customer who was read."""
        for place, step in enumerate(self._ladder.steps):
            truth = step.look(at_ms)
            if truth == NOT_OBSERVABLE:
                self._count_unknown(customer, coverage, at_ms, place)
                return
            if truth == TRUE:
                break
        else:
            place = len(self._ladder.steps)
        self.counts.stages[place] += 1
        if self._worth is not None:
            self._worth.begin(at_ms)
            self.counts.worth[place] += self._worth.amount()

    def _count_unknown(self, customer: StoredCustomer, coverage: Coverage, at_ms: int, place: int) -> None:
        counts = self.counts.unknown.setdefault(place, UnknownCounts())
        counts.customers += 1
        if counts.looked_into == LOOKED_INTO:
            return
        counts.looked_into += 1
        snapshot = CustomerSnapshot(customer.id, customer.stored, self._rules, coverage, at_ms)
        moment = Moment(snapshot, at_ms, customer.stored, self._decider, (), (), 0)
        when = self._steps[place]
        gaps = {_reason(gap) for gap in _gaps_in(moment, when, self._ladder.steps[place], 0)}
        counts.reasons.update(gaps)


def hundredths(worth: int) -> int:
    """Return ten-thousandths as hundredths, rounded down."""
    return worth // (UNIT // 100)


def _reason(gap: Gap) -> Reason:
    """Return what customers with the same gap have in common: not the moment."""
    return gap.kind, gap.type, gap.detail


def _gaps_in(moment: Moment, when: Any, condition: Condition, negations: int) -> Iterator[Gap]:
    """Yield the gaps of every elementary condition that cannot be observed."""
    if condition.look(moment.at_ms) != NOT_OBSERVABLE:
        return
    if isinstance(condition, Not):
        yield from _gaps_in(moment, when.not_, condition.part, negations + 1)
    elif isinstance(condition, Several):
        for written, part in zip(model.parts_of(when), condition.parts, strict=True):
            yield from _gaps_in(moment, written, part, negations)
    else:
        yield from GapFinder(moment).gaps_of(Leaf(moment, when, condition, negations))
