"""The state of one rule for a customer at one moment, and when time alone changes it. Pure."""

from dataclasses import dataclass
from typing import Final

from workers.core.conditions.condition import FALSE, TRUE
from workers.core.coverage import FOREVER_MS
from workers.core.customer.episode import Episode
from workers.core.decisions.program import ActiveRule
from workers.core.rules.rule_set import Rule
from workers.explain.conditions import VERDICTS
from workers.explain.moment import Moment
from workers.explain.snapshot import decided_until
from workers.explain.why_report import Change, Verdict

_MAX_CHANGES: Final = 64
"""Changes of a condition that are followed before the rule is reported never to change."""


@dataclass(frozen=True, slots=True)
class RuleAtMoment:
    """One rule for one customer at one moment.

    Attributes:
        moment: the customer and the moment.
        active: the rule, bound to the customer.
        blocked_ms: the due time that the rule cannot decide because a type is not seen; None if there is none.
    """

    moment: Moment
    active: ActiveRule
    blocked_ms: int | None

    @property
    def rule(self) -> Rule:
        """The rule as compiled."""
        return self.active.rule

    @property
    def episode(self) -> Episode:
        """The rule's episode; everything in it is 0 if there is none."""
        return self.active.episode

    @property
    def long_enough_ms(self) -> int | None:
        """When the condition will have held for as long as the rule demands; None if the rule does not wait."""
        return _long_enough_ms(self.active)

    @property
    def verdict(self) -> Verdict:
        """Whether the rule holds."""
        if self.episode.holding:
            return "true"
        return "not observable" if self.blocked_ms is not None else self._verdict_if_new(self.moment.at_ms)

    def change(self) -> Change | None:
        """Follow the condition until the rule as a whole changes.

        Returns:
            The change; None if the rule is blocked, or does not change within 64 changes of its condition.
        """
        if self.blocked_ms is not None:
            return None
        rule, condition, verdict = self.rule, self.active.condition, self.verdict
        at_ms, true_since_ms = self.moment.at_ms, self.episode.true_since_ms
        for _ in range(_MAX_CHANGES):
            change_ms = self.moment.evaluate(condition, at_ms)[1]
            if verdict != "true" and true_since_ms and at_ms < true_since_ms + rule.for_ms < change_ms:
                return Change(true_since_ms + rule.for_ms, "true")
            if change_ms >= FOREVER_MS:
                return None
            at_ms, truth = change_ms, self.moment.evaluate(condition, change_ms)[0]
            if truth != TRUE:
                true_since_ms = 0
            elif rule.for_ms:
                true_since_ms = true_since_ms or change_ms
            # A rule that holds continues to hold until it is known not to.
            becomes = verdict if verdict == "true" and truth != FALSE else self._verdict_if_new(change_ms)
            if becomes != verdict:
                return Change(change_ms, becomes)
        return None

    def _verdict_if_new(self, at_ms: int) -> Verdict:
        """Return the verdict at a moment for a rule that did not hold before."""
        truth = self.moment.evaluate(self.active.condition, at_ms)[0]
        return "false" if truth == TRUE and self.rule.for_ms else VERDICTS[truth]


def rule_at(moment: Moment, rule: Rule) -> RuleAtMoment:
    """Return the state of one rule at a moment."""
    active = moment.active(rule.id)
    return RuleAtMoment(moment, active, _blocked_ms(moment, active))


def _blocked_ms(moment: Moment, rule: ActiveRule) -> int | None:
    if rule.episode.pending_ms:
        return rule.episode.pending_ms
    if not rule.can_hold():
        return None  # it cannot hold yet, so it is not evaluated
    change_ms = moment.evaluate(rule.condition, decided_until(moment.customer))[1]
    due_ms = min(_long_enough_ms(rule) or FOREVER_MS, change_ms)
    return due_ms if due_ms <= moment.at_ms else None


def _long_enough_ms(rule: ActiveRule) -> int | None:
    episode: Episode = rule.episode
    return episode.true_since_ms + rule.for_ms if episode.true_since_ms and not episode.holding else None
