"""decide(): the only place where anything is decided.

What is decided for a customer depends on the order of that customer's events alone. A timer is decided at its
due time, never at "now"; an event at its own time, never earlier than what was decided before. So a replay, in
other batches and polled at other times, decides the same.

docs/architecture.md explains episodes, held actions and the end of an episode.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from schemas.actions import Action, Decision, Reason, Retraction, Suppression, action_id, moment
from workers.core import activity as activities
from workers.core.activity import Activity, Episode
from workers.core.conditions import CANCELLATION, FALSE, TRUE
from workers.core.facts import MAX_STORED, Fact
from workers.core.observed import FOREVER_MS, Observed
from workers.core.ruleset import Rule, RuleSet

_write = msgspec.msgpack.Encoder().encode
_read = msgspec.msgpack.Decoder(Action).decode

_NEVER: Final = 0
_LONGEST_TEXT: Final = 200


@dataclass(slots=True)
class Outcome:
    """What became of one customer.

    Attributes:
        activity: the new state; None if there is still nothing to remember.
        decisions: in the order in which they were taken.
        folded, duplicates: how many of the events were new, and how many had been seen.
        due_ms: when to look again because of time alone; 0 for never.
        waiting: by event type, a moment that the type has to be seen until before a rule can go on.
        stored: the activity, encoded; empty until somebody encodes it.
    """

    activity: Activity | None
    decisions: list[Action | Decision] = field(default_factory=list)
    folded: int = 0
    duplicates: int = 0
    due_ms: int = _NEVER
    waiting: dict[str, int] = field(default_factory=dict)
    stored: bytes = b""


def decide(
    customer_id: str,
    activity: Activity | None,
    events: Sequence[Fact],
    rules: RuleSet,
    observed: Observed,
    upto_ms: int = 0,
) -> Outcome:
    """Fold events and decide everything that follows, for one customer.

    Args:
        customer_id: whose.
        activity: what is known so far, which is changed and must not be used afterwards; None if nothing is.
        events: new events in the order of the log; repetitions of the latest ids are dropped.
        rules: the rule set in force.
        observed: what has been watched since when, and seen until when.
        upto_ms: decide the timers due until then as far as their types are seen; 0 for none.
    """
    outcome = Outcome(activity)
    turn = _Turn(customer_id, rules, observed, outcome)
    for event in events:
        turn.fold(event)
    if outcome.activity is None:
        return outcome
    if upto_ms:
        turn.fire(upto_ms)
    turn.release()
    turn.settle(upto_ms)
    return outcome


class _Turn:
    """The work on one customer; a customer has one turn at a time."""

    __slots__ = ("_customer_id", "_observed", "_outcome", "_rules")

    def __init__(self, customer_id: str, rules: RuleSet, observed: Observed, outcome: Outcome) -> None:
        self._customer_id = customer_id
        self._rules = rules
        self._observed = observed
        self._outcome = outcome

    def fold(self, event: Fact) -> None:
        """Decide what is due before the event, fold it, and decide what it changed."""
        activity, fingerprint = self._outcome.activity, event.fingerprint()
        if activity is None:
            activity = self._outcome.activity = Activity(first_ms=event.at_ms, at_ms=event.at_ms)
        elif activity.has_seen(fingerprint):
            self._outcome.duplicates += 1
            return
        else:
            if self._outcome.folded:
                activity.due_ms = self._next_due(activity)
            if activity.due_ms and activity.due_ms <= event.at_ms:
                self._advance(event.at_ms, forced=True)
        activities.remember(activity, fingerprint)
        activity.at_ms = max(activity.at_ms, event.at_ms)
        if activity.fired_ms <= activity.at_ms:
            activity.fired_ms = 0
        self._add_to_series(activity, event)
        self._outcome.folded += 1
        for rule in self._rules.by_type.get(event.type, ()):
            self._judge(rule, activity, self._decided_until(rule, activity), event)
            if activity.fired_ms:
                # Timers went ahead while this event was still unseen; the rule follows from where it stands now.
                at_ms = self._decided_until(rule, activity)
                self._note_flip(rule, activity, rule.condition.next_flip(activity, at_ms, self._observed))

    def fire(self, upto_ms: int) -> None:
        """Decide what is due until then, each rule as far as the types it reads have been seen."""
        self._advance(upto_ms, forced=False)

    def release(self) -> None:
        """Emit held actions whose types have meanwhile been seen for long enough."""
        activity = self._known()
        for rule_id, episode in activity.episodes.items():
            rule = self._rules.by_id.get(rule_id)
            while episode.held:
                action = _read(episode.held[0])
                if rule is not None and not self._observed.covers(rule.needs, _epoch_ms(action)):
                    break
                del episode.held[0]
                self._outcome.decisions.append(action if rule is not None else _dropped(action))

    def settle(self, upto_ms: int) -> None:
        """Forget finished episodes, and say when to look again."""
        activity, outcome = self._known(), self._outcome
        for rule_id, episode in list(activity.episodes.items()):
            rule = self._rules.by_id.get(rule_id)
            if rule is None:
                continue
            # Not the moment up to which timers went: an event that this rule has not seen may lie before it.
            _forget(rule, episode, activity.at_ms)
            if not (
                episode.holding or episode.held or episode.pending_ms or episode.acted_ms or episode.open_until_ms
            ):
                del activity.episodes[rule_id]
            if episode.held:
                self._wait(rule.needs, _epoch_ms(_read(episode.held[0])))
            if episode.pending_ms:
                self._wait(rule.types, episode.pending_ms)
        soonest_ms = due_ms = FOREVER_MS
        for rule in self._rules.rules:
            pending_ms, flip_ms = self._pending(rule, activity), self._flip(rule, activity)
            if flip_ms is None:
                continue
            soonest_ms = min(soonest_ms, flip_ms)
            if flip_ms <= upto_ms:
                self._wait(rule.types, flip_ms)
            elif not pending_ms:
                due_ms = min(due_ms, flip_ms)
        activity.due_ms = _NEVER if soonest_ms == FOREVER_MS else soonest_ms
        outcome.due_ms = _NEVER if due_ms == FOREVER_MS else due_ms

    def _known(self) -> Activity:
        activity = self._outcome.activity
        assert activity is not None
        return activity

    def _wait(self, types: frozenset[str], at_ms: int) -> None:
        unseen = self._observed.unseen(types, at_ms)
        # Seen meanwhile: any type will do, the next look finds it ready.
        name = min(types) if unseen is None else unseen
        waiting = self._outcome.waiting
        waiting[name] = min(at_ms, waiting.get(name, at_ms))

    def _add_to_series(self, activity: Activity, event: Fact) -> None:
        series = activity.series
        plain = series.get(event.type)
        newest = plain is None or event.at_ms >= plain.last_ms
        for plan in self._rules.series.get(event.type, ()):
            if plan.matches is None or plan.matches(event):
                series[plan.key] = activities.add(
                    series.get(plan.key), event, plan.adds, plan.keep_days, activity.at_ms
                )
        if newest:
            for name in self._rules.references.get(event.type, ()):
                value = event.attributes.get(name)
                activity.latest[f"{event.type}.{name}"] = _kept(value)

    def _advance(self, upto_ms: int, *, forced: bool) -> None:
        """Decide due times in order.

        Args:
            upto_ms: how far.
            forced: an event comes next, so every rule has to be decided up to it in the order of the log. Not
                forced, a rule whose types are not seen until its due time stays where it is.
        """
        activity, observed = self._known(), self._observed

        def is_ready(rule: Rule, flip_ms: int) -> bool:
            return flip_ms <= upto_ms and (forced or observed.covers(rule.types, flip_ms))

        flips = [(flip_ms, rule) for rule in self._rules.rules if (flip_ms := self._flip(rule, activity)) is not None]
        ready = [(flip_ms, rule) for flip_ms, rule in flips if is_ready(rule, flip_ms)]
        while ready:
            flip_ms, rule = min(ready, key=lambda flip: (flip[0], flip[1].id))
            ready.remove((flip_ms, rule))
            if not forced and flip_ms > _clock(activity):
                self._pass(activity, flip_ms)
            self._judge(rule, activity, flip_ms, None)
            again_ms = rule.condition.next_flip(activity, flip_ms, observed)
            self._note_flip(rule, activity, again_ms)
            if again_ms is not None and is_ready(rule, again_ms):
                ready.append((again_ms, rule))

    def _pass(self, activity: Activity, at_ms: int) -> None:
        """Move on to a due time, and note the due times passed by of rules that have to wait."""
        flips = [(rule, self._flip(rule, activity)) for rule in self._rules.rules]
        activity.fired_ms = at_ms
        for rule, flip_ms in flips:
            self._note_flip(rule, activity, flip_ms)

    def _note_flip(self, rule: Rule, activity: Activity, flip_ms: int | None) -> None:
        """Remember the next due time of a rule if the customer's clock has passed it already."""
        if flip_ms is not None and flip_ms <= activity.fired_ms:
            self._episode(activity, rule).pending_ms = flip_ms
        elif (episode := activity.episodes.get(rule.id)) is not None:
            episode.pending_ms = 0

    @staticmethod
    def _decided_until(rule: Rule, activity: Activity) -> int:
        """Return the moment at which a rule stands: the latest event, or a later timer that made it hold."""
        episode = activity.episodes.get(rule.id)
        return max(activity.at_ms, episode.start_ms) if episode is not None and episode.holding else activity.at_ms

    def _flip(self, rule: Rule, activity: Activity) -> int | None:
        return self._pending(rule, activity) or rule.condition.next_flip(activity, _clock(activity), self._observed)

    def _next_due(self, activity: Activity) -> int:
        flips = [flip_ms for rule in self._rules.rules if (flip_ms := self._flip(rule, activity)) is not None]
        return min(flips, default=_NEVER)

    @staticmethod
    def _pending(rule: Rule, activity: Activity) -> int:
        episode = activity.episodes.get(rule.id)
        return 0 if episode is None else episode.pending_ms

    @staticmethod
    def _episode(activity: Activity, rule: Rule) -> Episode:
        episode = activity.episodes.get(rule.id)
        if episode is None:
            episode = activity.episodes[rule.id] = Episode()
        return episode

    def _judge(self, rule: Rule, activity: Activity, at_ms: int, event: Fact | None) -> None:
        """Evaluate one rule at a moment and follow its change; `event` caused it, or else time did."""
        truth = rule.condition.truth(activity, at_ms, self._observed)
        episode = activity.episodes.get(rule.id)
        if truth == TRUE and (episode is None or not episode.holding):
            start_ms = at_ms if event is None else event.at_ms
            self._begin(rule, activity, self._episode(activity, rule), start_ms, at_ms)
        elif truth == FALSE and episode is not None:
            self._end(rule, activity, episode, at_ms, event)

    def _begin(self, rule: Rule, activity: Activity, episode: Episode, start_ms: int, at_ms: int) -> None:
        _forget(rule, episode, at_ms)
        episode.holding, episode.start_ms = True, start_ms
        suppression = _suppression(rule, episode, start_ms, at_ms)
        if suppression is not None:
            self._outcome.decisions.append(self._suppressed(rule, start_ms, *suppression))
            return
        action = self._action(rule, activity, start_ms, at_ms)
        episode.before_ms, episode.acted_ms = episode.acted_ms, start_ms
        episode.open_until_ms = start_ms + rule.expires_after_ms
        if self._observed.covers(rule.needs, start_ms):
            self._outcome.decisions.append(action)
        else:
            episode.held.append(_write(action))

    def _end(self, rule: Rule, activity: Activity, episode: Episode, at_ms: int, event: Fact | None) -> None:
        _forget(rule, episode, at_ms)
        held_before, episode.holding = episode.holding, False
        if event is None:
            return
        came_back = held_before or event.type in rule.needs
        if not came_back or not episode.open_until_ms:
            return
        late = event.at_ms <= episode.acted_ms
        if episode.held and _epoch_ms(_read(episode.held[-1])) == episode.acted_ms:
            episode.held.pop()  # nobody has heard of it yet
        else:
            self._outcome.decisions.append(self._retraction(rule, activity, episode, at_ms, event))
        episode.open_until_ms = 0
        if late:
            episode.acted_ms = episode.before_ms

    def _action(self, rule: Rule, activity: Activity, start_ms: int, at_ms: int) -> Action:
        return Action(
            action_id=action_id(rule.id, self._customer_id, start_ms),
            action=rule.action,
            status="active",
            customer_id=self._customer_id,
            rule=rule.identity,
            episode_started_at=moment(start_ms),
            decided_at=moment(start_ms),
            expires_at=moment(start_ms + rule.expires_after_ms),
            template=rule.template,
            variables={name: activity.latest.get(source) for name, source in rule.variables.items()},
            why=self._why(rule, activity, at_ms),
        )

    def _retraction(self, rule: Rule, activity: Activity, episode: Episode, at_ms: int, event: Fact) -> Action:
        because: Retraction = "no_longer_true" if event.type == CANCELLATION else "customer_returned"
        if event.at_ms <= episode.acted_ms:
            because = "late_event"
        return Action(
            action_id=action_id(rule.id, self._customer_id, episode.acted_ms),
            action=rule.action,
            status="retracted",
            customer_id=self._customer_id,
            rule=rule.identity,
            episode_started_at=moment(episode.acted_ms),
            decided_at=moment(episode.acted_ms),
            expires_at=moment(episode.open_until_ms),
            template=rule.template,
            variables={},
            why=self._why(rule, activity, at_ms),
            retracted_at=moment(event.at_ms),
            retracted_because=because,
        )

    def _suppressed(self, rule: Rule, start_ms: int, decision: Suppression, detail: str) -> Decision:
        return Decision(
            action_id=action_id(rule.id, self._customer_id, start_ms),
            decision=decision,
            action=rule.action,
            customer_id=self._customer_id,
            rule=rule.identity,
            episode_started_at=moment(start_ms),
            decided_at=moment(start_ms),
            detail=detail,
        )

    def _why(self, rule: Rule, activity: Activity, at_ms: int) -> tuple[Reason, ...]:
        return tuple(rule.condition.reasons(activity, at_ms, self._observed))


def _kept(value: Any) -> bool | int | float | str | None:
    """Return an attribute as it is kept for templates: bounded, and nothing that cannot be stored."""
    if isinstance(value, float | bool | None):
        return value
    if isinstance(value, int) and abs(value) <= MAX_STORED:
        return value
    return str(value)[:_LONGEST_TEXT]


def _clock(activity: Activity) -> int:
    """Return the moment from which on a rule that did not have to wait is still to be decided."""
    return max(activity.at_ms, activity.fired_ms)


def _forget(rule: Rule, episode: Episode, at_ms: int) -> None:
    """Forget what cannot matter from a moment on, so that it does not matter when a turn ended in between."""
    if episode.open_until_ms <= at_ms:
        episode.open_until_ms = episode.before_ms = 0
    if (
        rule.again_after_ms is not None
        and episode.acted_ms + rule.again_after_ms <= at_ms
        and not episode.open_until_ms
    ):
        episode.acted_ms = 0


def _suppression(rule: Rule, episode: Episode, start_ms: int, at_ms: int) -> tuple[Suppression, str] | None:
    """Return why a rule that begins to hold does not act, or None if it acts."""
    if rule.shadow:
        return "shadow", "the rule is in shadow: decided and reported, nothing is sent"
    if episode.acted_ms and rule.again_after_ms is None:
        return "cooling_down", f"acted on {moment(episode.acted_ms):%Y-%m-%d} and never acts again"
    if episode.acted_ms and start_ms < episode.acted_ms + (rule.again_after_ms or 0):
        until = moment(episode.acted_ms + (rule.again_after_ms or 0))
        return "cooling_down", f"acted on {moment(episode.acted_ms):%Y-%m-%d}, silent until {until:%Y-%m-%d}"
    if episode.open_until_ms > start_ms:
        return "cooling_down", f"its action of {moment(episode.acted_ms):%Y-%m-%d} has not expired yet"
    if start_ms + rule.expires_after_ms <= at_ms:
        return "stale", f"it would have expired on {moment(start_ms + rule.expires_after_ms):%Y-%m-%d}"
    return None


def _dropped(action: Action) -> Decision:
    """Return why an action that waited is not sent: its rule is no longer in force."""
    return Decision(
        action_id=action.action_id,
        decision="held",
        action=action.action,
        customer_id=action.customer_id,
        rule=action.rule,
        episode_started_at=action.episode_started_at,
        decided_at=action.decided_at,
        detail="it waited for a source to be seen, and the rule was paused or removed meanwhile",
    )


def _epoch_ms(action: Action) -> int:
    return round(action.decided_at.timestamp() * 1000)
