"""The published records of decisions: actions, retractions, and why there is no action."""

from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

from schemas import actions
from schemas.actions import Action, Decision, Number, Reason, Retraction, Suppression, action_id, moment
from workers.core.events.decoding import MAX_STORED
from workers.core.objects.customer.activity import Activity, Candidate, reasons_in
from workers.core.rules.rule_set import Rule

_LONGEST_TEXT: Final = 200


def action_of(
    rule: Rule, customer_id: str, candidate: Candidate, not_before_ms: int | None, time_zone: str | None
) -> Action:
    """Return the action that a candidate becomes."""
    start_ms = candidate.start_ms
    begun = moment(start_ms)
    return Action(
        action_id=action_id(rule.id, customer_id, start_ms),
        action=rule.action,
        status="active",
        customer_id=customer_id,
        rule=rule.identity,
        episode_started_at=begun,
        decided_at=begun,
        expires_at=begun + _span(rule.expires_after_ms),
        not_before=None if not_before_ms is None else moment(not_before_ms),
        time_zone=time_zone,
        template=rule.template,
        variables=candidate.variables,
        why=reasons_in(candidate.why),
    )


def retraction_of(
    rule: Rule,
    customer_id: str,
    started_ms: int,
    expires_ms: int,
    at_ms: int,
    because: Retraction,
    why: tuple[Reason, ...],
) -> Action:
    """Return the retraction, at `at_ms`, of the action of `started_ms`."""
    begun = moment(started_ms)
    return Action(
        action_id=action_id(rule.id, customer_id, started_ms),
        action=rule.action,
        status="retracted",
        customer_id=customer_id,
        rule=rule.identity,
        episode_started_at=begun,
        decided_at=begun,
        expires_at=begun + _span(expires_ms - started_ms),
        template=rule.template,
        variables={},
        why=why,
        retracted_at=moment(at_ms),
        retracted_because=because,
    )


def withdrawal_of(rule: Rule, customer_id: str, candidate: Candidate) -> Action:
    """Return the retraction of an action that was withdrawn before it was admitted.

    Usually the action was never published. But a step that Redis lost may have published it. The retraction has the
    same bytes as one of a published action.
    """
    return retraction_of(
        rule,
        customer_id,
        candidate.start_ms,
        candidate.start_ms + rule.expires_after_ms,
        candidate.withdrawn_ms,
        candidate.because or "customer_returned",
        reasons_in(candidate.why_back),
    )


def suppressed(rule: Rule, customer_id: str, start_ms: int, decision: Suppression, detail: str) -> Decision:
    """Return why a rule that begins to hold does not act."""
    begun = moment(start_ms)
    return Decision(
        action_id=action_id(rule.id, customer_id, start_ms),
        decision=decision,
        action=rule.action,
        customer_id=customer_id,
        rule=rule.identity,
        episode_started_at=begun,
        decided_at=begun,
        detail=detail,
    )


def removed(candidate: Candidate, customer_id: str) -> Decision:
    """Return why a waiting action is not sent: its rule is no longer active."""
    return Decision(
        action_id=action_id(candidate.rule, customer_id, candidate.start_ms),
        decision="held",
        action=candidate.action,
        customer_id=customer_id,
        rule=actions.Rule(candidate.rule, candidate.version),
        episode_started_at=moment(candidate.start_ms),
        decided_at=moment(candidate.start_ms),
        detail="it waited for a source to be seen, and the rule was paused or removed meanwhile",
    )


def held_back(action: Action, detail: str) -> Decision:
    """Return why an action is not sent for now, or not at all."""
    return Decision(
        action_id=action.action_id,
        decision="held",
        action=action.action,
        customer_id=action.customer_id,
        rule=action.rule,
        episode_started_at=action.episode_started_at,
        decided_at=action.decided_at,
        detail=detail,
    )


def variables_of(rule: Rule, activity: Activity) -> dict[str, Number]:
    """Return the variables of the message: attributes of the customer's latest events."""
    return {name: activity.latest.get(source) for name, source in rule.variables.items()}


def kept(value: Any) -> Number:
    """Return an attribute in the form kept for templates: bounded, and of a type that can be stored."""
    if isinstance(value, float | bool | None):
        return value
    if isinstance(value, int) and abs(value) <= MAX_STORED:
        return value
    return str(value)[:_LONGEST_TEXT]


@lru_cache(maxsize=1024)
def _span(length_ms: int) -> timedelta:
    """Return a cached length of time: adding it to a moment costs less than creating a second moment."""
    return timedelta(milliseconds=length_ms)
