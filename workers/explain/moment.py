"""One customer at one moment, decided as far as a worker would decide; conditions are evaluated on it.

Pure: `decide` decides as it does in a worker. This module must not know how an explanation is worded.
"""

from copy import deepcopy
from dataclasses import dataclass, replace

from schemas.actions import Action, Decision
from workers.core.coverage import Coverage
from workers.core.objects.conditions import Condition
from workers.core.objects.customer.activity import Activity
from workers.core.objects.decisions.decide import Outcome, decide
from workers.explain.snapshot import CustomerSnapshot
from workers.explain.why_report import Gap, in_words


class TooEarly(ValueError):
    """The moment is before the one until which the customer is decided. Linger keeps series, not single events."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One customer at one moment.

    Attributes:
        snapshot: what the moment is computed from.
        at_ms: the moment.
        activity: the customer's activity, decided until the moment.
        decisions: what a worker would decide between the snapshot and the moment, in order.
        waits_for: the types that must be seen further before a due time in the past can be decided.
        due_ms: when the customer is due next; 0 for never.
    """

    snapshot: CustomerSnapshot
    at_ms: int
    activity: Activity
    decisions: tuple[Action | Decision, ...]
    waits_for: tuple[str, ...]
    due_ms: int

    @property
    def coverage(self) -> Coverage:
        """The coverage of the snapshot."""
        return self.snapshot.coverage

    def evaluate(self, condition: Condition, at_ms: int) -> tuple[int, int]:
        """Return the truth of a condition at a moment, and when time alone changes it next."""
        return condition.evaluate(self.activity, at_ms, self.coverage)

    def unseen(self, event_type: str) -> Gap:
        """Return the gap of a type that is not seen far enough."""
        until_ms = self.coverage.until.get(event_type)
        return Gap("unseen", event_type, until_ms, self.snapshot.source_problems.get(event_type))


def decide_until(snapshot: CustomerSnapshot, at_ms: int) -> Moment:
    """Decide what a worker would decide until a moment.

    Until `snapshot.now_ms`, each rule is decided as far as its types are seen. After it, rules are decided as if no
    event arrived and every type were seen.

    Raises:
        TooEarly: if the customer is decided beyond the moment.
    """
    if at_ms < snapshot.decided_ms:
        raise TooEarly(
            f"the customer is decided until {in_words(snapshot.decided_ms)}; Linger keeps totals, not events, and "
            f"cannot go back to {in_words(at_ms)}"
        )
    present = _decide(snapshot, deepcopy(snapshot.activity), snapshot.coverage, min(at_ms, snapshot.now_ms))
    decisions, latest = list(present.decisions), present
    if at_ms > snapshot.now_ms:
        latest = _decide(snapshot, _activity_of(present), replace(snapshot.coverage, until={}), at_ms)
        decisions += latest.decisions
    return Moment(
        snapshot=snapshot,
        at_ms=at_ms,
        activity=_activity_of(latest),
        decisions=tuple(decisions),
        waits_for=tuple(sorted(present.waiting)),
        due_ms=latest.due_ms,
    )


def _decide(snapshot: CustomerSnapshot, activity: Activity, coverage: Coverage, until_ms: int) -> Outcome:
    return decide(snapshot.customer_id, activity, (), snapshot.rules, coverage, until_ms)


def _activity_of(outcome: Outcome) -> Activity:
    assert outcome.activity is not None
    return outcome.activity
