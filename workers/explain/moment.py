"""One customer at one moment, decided as far as a worker would decide; conditions are evaluated on it.

Pure: `decide` decides as it does in a worker. This module must not know how an explanation is worded.
"""

from dataclasses import dataclass, replace
from typing import Final

from schemas.actions import Action, Decision
from workers.core.conditions.condition import Condition
from workers.core.coverage import FOREVER_MS, Coverage
from workers.core.customer.candidate import Candidate
from workers.core.customer.customer import Customer
from workers.core.decisions.decide import Decider, Outcome, decide, decider_of
from workers.core.decisions.program import ActiveRule
from workers.explain.snapshot import CustomerSnapshot
from workers.explain.why_report import Gap, in_words

_LAYOUT: Final = 4
"""Of what is decided on the way: it keeps the actions that wait as they are."""


class TooEarly(ValueError):
    """The moment is before the one until which the customer is decided. Linger keeps series, not single events."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One customer at one moment; valid until the next customer of the same rule set is read or decided.

    Attributes:
        snapshot: what the moment is computed from.
        at_ms: the moment.
        stored: the customer's state, decided until the moment.
        decider: of the rule set; its objects hold that state.
        decisions: what a worker would decide between the snapshot and the moment, in order.
        waits_for: the types that must be seen further before a due time in the past can be decided.
        due_ms: when the customer is due next; 0 for never.
    """

    snapshot: CustomerSnapshot
    at_ms: int
    stored: bytes
    decider: Decider
    decisions: tuple[Action | Decision, ...]
    waits_for: tuple[str, ...]
    due_ms: int

    @property
    def coverage(self) -> Coverage:
        """The coverage of the snapshot."""
        return self.snapshot.coverage

    @property
    def customer(self) -> Customer:
        """The customer, decided until the moment."""
        return self.decider.program.customer

    @property
    def candidates(self) -> list[Candidate]:
        """The actions that wait, oldest first."""
        return self.customer.candidates[: self.customer.waiting]

    def active(self, rule_id: str) -> ActiveRule:
        """Return a rule, bound to the customer."""
        return self.decider.program.by_id[rule_id]

    def evaluate(self, condition: Condition, at_ms: int) -> tuple[int, int]:
        """Return the truth of a condition at a moment, and when time alone changes it next."""
        truth = condition.look(at_ms)
        return truth, condition.flip_ms

    def unseen(self, event_type: str) -> Gap:
        """Return the gap of a type that is not seen far enough."""
        until_ms = self.coverage.until.get(event_type)
        return Gap("unseen", event_type, until_ms, self.snapshot.source_problems.get(event_type))

    def refusal(self, rule: ActiveRule, start_ms: int) -> Decision | None:
        """Return why an action of a rule would not be sent if it were the only one that waits; None if it would be.

        Everything counts as seen and decided.
        """
        program, turn, customer = self.decider.program, self.decider.turn, self.customer
        customer.waiting = 0
        candidate = customer.another_candidate()
        candidate.rule, candidate.start_ms = rule.place, start_ms
        for group in program.groups:
            customer.set_flip(group.place, FOREVER_MS)
        program.observe(replace(self.coverage, until={}))
        turn.decisions.clear()
        turn.admission.release(FOREVER_MS)
        contents = self.decider.records.contents(self.snapshot.customer_id, turn.decisions)
        self.decider.read(self.stored)
        program.observe(self.coverage)
        return next((one for one in contents if isinstance(one, Decision)), None)


def decide_until(snapshot: CustomerSnapshot, at_ms: int) -> Moment:
    """Decide what a worker would decide until a moment.

    Until `snapshot.now_ms`, each rule is decided as far as its types are seen. After it, rules are decided as if no
    event arrived and every type were seen.

    Raises:
        TooEarly: if the customer is decided beyond the moment.
    """
    decided_ms = snapshot.decided_ms
    if at_ms < decided_ms:
        raise TooEarly(
            f"the customer is decided until {in_words(decided_ms)}; Linger keeps totals, not events, and "
            f"cannot go back to {in_words(at_ms)}"
        )
    present = _decide(snapshot, snapshot.stored, snapshot.coverage, min(at_ms, snapshot.now_ms))
    decisions, latest, waits_for = present.decisions(), present, present.waiting
    if at_ms > snapshot.now_ms:
        latest = _decide(snapshot, _stored_in(present), replace(snapshot.coverage, until={}), at_ms)
        decisions += latest.decisions()
    decider = decider_of(snapshot.rules)
    decider.read(_stored_in(latest))
    decider.program.observe(snapshot.coverage)
    return Moment(
        snapshot=snapshot,
        at_ms=at_ms,
        stored=_stored_in(latest),
        decider=decider,
        decisions=tuple(decisions),
        waits_for=tuple(sorted(waits_for)),
        due_ms=latest.due_ms,
    )


def _decide(snapshot: CustomerSnapshot, stored: bytes, coverage: Coverage, until_ms: int) -> Outcome:
    return decide(snapshot.customer_id, stored, (), snapshot.rules, coverage, until_ms, _LAYOUT)


def _stored_in(outcome: Outcome) -> bytes:
    assert outcome.stored is not None
    return outcome.stored
