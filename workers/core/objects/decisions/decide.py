"""`decide()`: the only place where anything is decided.

Decisions for a customer depend only on the order of that customer's events. A timer is decided at its due time, never
at "now". An event is decided at its own time, but never before earlier decisions. So a replay makes the same
decisions, in other batches and at other polls.

A rule that begins to hold creates a candidate; `admission` admits or suppresses it, in time order.
docs/architecture.md explains episodes, candidates and the end of an episode.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from schemas.actions import Action, Decision, Retraction
from schemas.events import UNREADABLE
from workers.core.coverage import FOREVER_MS, Coverage
from workers.core.events.attribute_types import typed
from workers.core.events.decoding import DecodedEvent
from workers.core.events.filters import is_negative
from workers.core.objects.conditions import CANCELLATION, FALSE, NOT_OBSERVABLE, TRUE
from workers.core.objects.conditions.observability import day_in_words
from workers.core.objects.customer.activity import (
    Activity,
    Candidate,
    Episode,
    fold_facts,
    keep_latest,
    note_history,
    remember,
    soonest_of,
)
from workers.core.objects.decisions.admission import Admission, forget
from workers.core.objects.decisions.records import kept, retraction_of, suppressed, variables_of, withdrawal_of
from workers.core.rules.rule_set import Rule, RuleSet

_NEVER: Final = 0
_NO_LONGER_HOLDS: Final = frozenset({"customer_returned", "no_longer_true"})
"""Why an action is retracted only because its rule no longer holds."""


@dataclass(init=False)
class Outcome:
    """The result of `decide` for one customer.

    Attributes:
        activity: the new state; None if there is no state yet.
        decisions: step by step; those of one step by moment, retractions first, then by rank and id of their rule.
        folded, duplicates: number of new events, and of events that had been seen before.
        due_ms: the next due time, 0 for none.
        waiting: by event type, the earliest watermark that a rule waits for.
        stored: the activity, encoded; empty until the caller encodes it.
        not_understood: for each decision that is `opted_out` because the answer is neither yes nor no, the answer.
        left_out: for each value that its type could not read: the event's type and id, the attribute, the reason.
    """

    activity: Activity | None
    decisions: list[Action | Decision]
    folded: int
    duplicates: int
    due_ms: int
    waiting: dict[str, int]
    stored: bytes
    not_understood: list[str]
    left_out: list[tuple[str, str, str, str]]

    def __init__(self, activity: Activity | None) -> None:
        self.activity = activity
        self.decisions = []
        self.folded = self.duplicates = 0
        self.due_ms = _NEVER
        self.waiting = {}
        self.stored = b""
        self.not_understood = []
        self.left_out = []


def decide(
    customer_id: str,
    activity: Activity | None,
    events: Sequence[DecodedEvent],
    rules: RuleSet,
    observed: Coverage,
    upto_ms: int = 0,
) -> Outcome:
    """Fold the events of one customer, and decide everything that follows from them.

    Args:
        customer_id: the customer.
        activity: the state so far, None if there is none. It is changed, and must not be used afterwards.
        events: new events in log order; duplicates of the latest ids are dropped.
        rules: the active rule set.
        observed: since when each type is watched, and up to when it has been seen.
        upto_ms: decide the timers due by then whose types have been seen far enough; 0 for none.
    """
    outcome = Outcome(activity)
    turn = _Turn(customer_id, rules, observed, outcome)
    for event in events:
        turn.fold(event)
    if outcome.activity is None:
        return outcome
    turn.adopt()
    if upto_ms:
        turn.fire(upto_ms)
    turn.release()
    turn.settle(upto_ms)
    return outcome


class _Turn:
    """The work on one customer, from the first event of a batch to the next due time."""

    __slots__ = (
        "_admission",
        "_customer_id",
        "_exact",
        "_first_due_ms",
        "_observed",
        "_outcome",
        "_rules",
        "_touched",
    )

    def __init__(self, customer_id: str, rules: RuleSet, observed: Coverage, outcome: Outcome) -> None:
        self._customer_id = customer_id
        self._rules = rules
        self._observed = observed
        self._outcome = outcome
        activity = self._outcome.activity
        self._admission = Admission(customer_id, rules, observed, outcome.decisions, outcome.not_understood)
        # The exact due time before this turn; the types folded since, and the groups whose time is exact.
        self._first_due_ms = 0 if activity is None else activity.due_ms
        self._touched: set[str] = set()
        self._exact: set[str] = set()

    def fold(self, event: DecodedEvent) -> None:
        """Decide what is due before the event, fold it, and decide what it changed."""
        activity, fingerprint = self._outcome.activity, event.fingerprint()
        if activity is None:
            activity = self._outcome.activity = Activity(
                first_ms=event.at_ms, at_ms=event.at_ms, generation=self._rules.generation
            )
            is_new = True
        elif activity.has_seen(fingerprint) or activity.has_seen(event.fingerprint_of_0_1()):
            self._outcome.duplicates += 1
            return
        else:
            is_new = False
            self.adopt()
            if activity.due_ms and activity.due_ms <= event.at_ms:
                self._advance(event.at_ms, forced=True)
        begun = len(self._outcome.decisions)
        remember(activity, fingerprint)
        original, types = event, self._rules.attribute_types.get(event.type)
        if types is not None:
            event = typed(event, types, self._outcome.left_out)
        is_plain = not is_new and event.at_ms > _clock(activity) and not self._takes_away(event)
        was_cancelled = self._is_cancelled(activity)
        activity.at_ms = max(activity.at_ms, event.at_ms)
        if activity.fired_ms <= activity.at_ms:
            activity.fired_ms = 0
        self._keep(activity, event)
        if event.history_ms:
            note_history(activity, event.type, event.history_ms, is_new)
        if event is not original:
            for attribute, key in self._rules.kept_raw.get(event.type, ()):
                keep_latest(activity, key, original.attributes.get(attribute), event.at_ms)
        self._outcome.folded += 1
        self._respond(activity, event, is_plain, was_cancelled)
        if is_new:
            self._meet_customer(activity, event)
        policy = self._rules.contact_policy
        if event.type in policy.types and policy.is_opted_out(activity.attributes):
            self._take_back(activity, event)
        if activity.candidates:
            self._admission.release(activity, activity.at_ms + 1)
        activity.due_ms = soonest_of(activity.flips)
        self._put_in_order(begun)

    def adopt(self) -> None:
        """Migrate a customer who was decided under an older rule set to this one.

        A customer who already matches a rule when it is activated is skipped, unless the rule includes them. One who
        matches a rule only by a new meaning of rules is always skipped.
        """
        activity, rules = self._known(), self._rules
        if activity.generation == rules.generation:
            return
        clock = _clock(activity)
        has_new_meaning = activity.generation < rules.meaning_generation
        begun = len(self._outcome.decisions)
        for rule in rules.rules:
            is_new = rule.since_generation > activity.generation
            if not is_new and not has_new_meaning:
                continue
            truth, _ = rule.condition.evaluate(activity, clock, self._observed)
            episode = activity.episodes.get(rule.id)
            if episode is not None and is_new:
                # The wait began under the old text of the rule.
                episode.pending_ms = episode.true_since_ms = 0
            elif episode is not None and episode.pending_ms:
                continue  # it is decided from where it waits
            if truth == FALSE and episode is not None:
                self._end(rule, activity, episode, clock, None)
                episode.true_since_ms = 0
            elif truth == TRUE and not is_new:
                episode = activity.episode_of(rule.id)
                if not (episode.holding or episode.true_since_ms):
                    episode.holding, episode.start_ms = True, clock
            elif truth == TRUE and rule.for_ms and (episode is None or not episode.holding):
                activity.episode_of(rule.id).true_since_ms = clock
            elif truth == TRUE:
                self._meet(rule, activity, activity.episode_of(rule.id), clock)
        activity.generation = rules.generation
        activity.flips.clear()
        self._retime(activity, rules.groups)
        activity.due_ms = soonest_of(activity.flips)
        self._put_in_order(begun)

    def fire(self, upto_ms: int) -> None:
        """Decide what is due by then, each rule as far as the types that it reads have been seen."""
        self._advance(upto_ms, forced=False)

    def release(self) -> None:
        """Admit candidates whose types have been seen far enough."""
        if self._known().candidates:
            begun = len(self._outcome.decisions)
            self._admission.release(self._known())
            self._put_in_order(begun)

    def settle(self, upto_ms: int) -> None:
        """Drop finished episodes; find the next due time and the watermarks to wait for."""
        activity, outcome = self._known(), self._outcome
        # Not the time of the last timer: an event that a rule has not seen may be earlier.
        by_id, at_ms, queued = self._rules.by_id, activity.at_ms, bool(activity.candidates)
        over = []
        for rule_id, episode in activity.episodes.items():
            rule = by_id.get(rule_id)
            if rule is None:
                continue
            if episode.pending_ms:
                self._wait(rule.needed_to_decide, episode.pending_ms)
            if queued and self._is_contested(rule, activity):
                continue
            if episode.held or episode.stood:
                episode.held = episode.stood = ()
            if episode.open_until_ms > at_ms:
                continue
            forget(rule, episode, at_ms)
            if not (episode.holding or episode.acted_ms or episode.true_since_ms or episode.pending_ms):
                over.append(rule_id)
        for rule_id in over:
            del activity.episodes[rule_id]
        for candidate in activity.candidates:
            rule = self._rules.by_id.get(candidate.rule)
            if rule is not None:
                self._wait(rule.needed_to_admit, candidate.seen_ms)
        self._forget_acted(activity, queued=queued)
        due_ms, passed_ms = FOREVER_MS, max(upto_ms, _clock(activity))
        self._make_exact(activity, passed_ms)
        activity.due_ms = soonest_of(activity.flips)
        if activity.due_ms > passed_ms or not activity.due_ms:
            outcome.due_ms = activity.due_ms
            return
        for group, flip_ms in activity.flips.items():
            if flip_ms > passed_ms:
                due_ms = min(due_ms, flip_ms)
                continue
            for rule in self._rules.groups[group]:
                own_ms = self._flip(rule, activity, True)
                if own_ms <= upto_ms:
                    self._wait(rule.needed_to_decide, own_ms)
                elif not self._pending(rule, activity):
                    due_ms = min(due_ms, own_ms)
        outcome.due_ms = _NEVER if due_ms == FOREVER_MS else due_ms

    def _put_in_order(self, begun: int) -> None:
        """Put what one step has decided in order: by moment, retractions first, then by rank and id of the rule.

        Args:
            begun: how many decisions there were before the step, which is an event, a run of due times, a release or
                an adoption.
        """
        decisions = self._outcome.decisions
        if len(decisions) - begun > 1:
            by_id = self._rules.by_id
            decisions[begun:] = sorted(decisions[begun:], key=lambda one: _place_of(one, by_id))

    def _known(self) -> Activity:
        activity = self._outcome.activity
        assert activity is not None
        return activity

    def _wait(self, types: frozenset[str], at_ms: int) -> None:
        unseen = self._observed.unseen(types, at_ms)
        # All seen meanwhile: any type works, and the customer is ready at the next poll.
        name = min(types) if unseen is None else unseen
        waiting = self._outcome.waiting
        waiting[name] = min(at_ms, waiting.get(name, at_ms))

    def _keep(self, activity: Activity, event: DecodedEvent) -> None:
        plain = activity.series.get(event.type)
        newest = plain is None or event.at_ms >= plain.last_ms
        facts = self._rules.facts.get(event.type)
        if facts is not None:
            fold_facts(activity, event, facts)
        key = self._rules.contact_policy.unreadable_answer(event.type, event.attributes)
        if key is not None:
            keep_latest(activity, key, UNREADABLE, event.at_ms)
        if newest:
            for name in self._rules.references.get(event.type, ()):
                activity.latest[f"{event.type}.{name}"] = kept(event.attributes.get(name))

    def _forget_acted(self, activity: Activity, *, queued: bool) -> None:
        remembers_ms = self._rules.contact_policy.remembers_ms
        if activity.acted and not queued:
            from_ms = activity.at_ms - remembers_ms
            activity.acted = [at_ms for at_ms in activity.acted if at_ms > from_ms] if remembers_ms else []

    # -- time ----------------------------------------------------------------------------------------------

    def _advance(self, upto_ms: int, *, forced: bool) -> None:
        """Decide due times in order.

        Args:
            upto_ms: how far.
            forced: whether an event comes next, so that every rule is decided up to it, in log order. Otherwise a
                rule waits until every type that it reads has been seen up to its due time.
        """
        activity, observed = self._known(), self._observed
        due = [group for group, flip_ms in activity.flips.items() if flip_ms <= upto_ms]
        if not due:
            return
        begun = len(self._outcome.decisions)
        by_id = self._rules.by_id
        flips: dict[str, int] = {}
        ready: dict[str, int] = {}
        for group in due:
            for rule in self._rules.groups[group]:
                flip_ms = self._flip(rule, activity, False)
                if flip_ms <= upto_ms:
                    flip_ms = self._flip(rule, activity, True)
                    if flip_ms <= upto_ms and (forced or observed.covers(rule.needed_to_decide, flip_ms)):
                        ready[rule.id] = flip_ms
                flips[rule.id] = flip_ms
        at_ms = 0
        while ready:
            name = _first_of(ready)
            rule, flip_ms = by_id[name], ready.pop(name)
            if flip_ms > at_ms:
                # Rules that begin at the same moment may compete, so all of them are evaluated first.
                self._admission.release(activity, flip_ms)
                at_ms = flip_ms
            if not forced and flip_ms > _clock(activity):
                # Earlier due times are those of waiting rules.
                activity.fired_ms = flip_ms
                for other, other_ms in flips.items():
                    self._note_flip(by_id[other], activity, other_ms)
            flip_ms = flips[name] = self._judge(rule, activity, flip_ms, None)
            self._note_flip(rule, activity, flip_ms)
            if flip_ms <= upto_ms and (forced or observed.covers(rule.needed_to_decide, flip_ms)):
                ready[name] = flip_ms
        for group in due:
            flip_ms = FOREVER_MS
            for rule in self._rules.groups[group]:
                flip_ms = min(flip_ms, flips[rule.id])
            self._set_flip(activity, group, flip_ms)
        if forced:
            self._admission.release(activity, upto_ms + 1)
        else:
            self._admission.release(activity)
        activity.due_ms = soonest_of(activity.flips)
        self._put_in_order(begun)

    def _note_flip(self, rule: Rule, activity: Activity, flip_ms: int) -> None:
        """Keep the next due time of a rule if the customer's clock has already passed it."""
        if flip_ms <= activity.fired_ms:
            activity.episode_of(rule.id).pending_ms = flip_ms
        elif (episode := activity.episodes.get(rule.id)) is not None:
            episode.pending_ms = 0

    def _flip(self, rule: Rule, activity: Activity, closely: bool) -> int:
        """Return when time alone changes a rule: in the past if the rule is waiting, FOREVER_MS for never.

        Without `closely` it is a lower bound: time alone changes nothing before it.
        """
        episode = activity.episodes.get(rule.id)
        if episode is not None and episode.pending_ms:
            return episode.pending_ms
        clock = _clock(activity)
        if closely:
            _, flip_ms = rule.condition.evaluate(activity, clock, self._observed)
        else:
            _, flip_ms = rule.condition.estimate(activity, clock, self._observed)
        if episode is not None and episode.true_since_ms and not episode.holding:
            lasted_ms = episode.true_since_ms + rule.for_ms
            return min(flip_ms, lasted_ms) if lasted_ms > clock else flip_ms
        return flip_ms

    def _retime(self, activity: Activity, groups: Iterable[str]) -> None:
        """Recompute when time alone changes the rules of some groups."""
        for group in groups:
            can_hold = activity.has(self._rules.requires[group])
            flip_ms = self._soonest(self._rules.groups[group], activity) if can_hold else FOREVER_MS
            self._set_flip(activity, group, flip_ms)
            self._exact.add(group)

    def _meet_customer(self, activity: Activity, event: DecodedEvent) -> None:
        """Evaluate the rules that do not read the type of a customer's first event: some hold at once."""
        for group, rules in self._rules.groups.items():
            if event.type not in rules[0].types and activity.has(self._rules.requires[group]):
                self._set_flip(activity, group, self._judge_group(group, activity, event, True))

    def _soonest(self, rules: Sequence[Rule], activity: Activity) -> int:
        """Return when time alone first changes one of the rules; evaluate the earliest, estimate the others."""
        flips = []
        for rule in rules:
            flips.append(self._flip(rule, activity, False))
        looked = 0  # a bit for each rule
        while True:
            first, first_ms = 0, FOREVER_MS
            for place, flip_ms in enumerate(flips):
                if flip_ms < first_ms:
                    first, first_ms = place, flip_ms
            if first_ms == FOREVER_MS or looked >> first & 1:
                return first_ms
            flips[first] = self._flip(rules[first], activity, True)
            looked |= 1 << first

    def _make_exact(self, activity: Activity, passed_ms: int) -> None:
        """Make the earliest due time exact, so that a rule does change then."""
        flips = activity.flips
        while flips:
            group = _first_of(flips)
            flip_ms = flips[group]
            if group in self._exact or flip_ms <= passed_ms:
                return
            if flip_ms == self._first_due_ms and self._touched.isdisjoint(self._rules.groups[group][0].types):
                return  # nothing has changed since it was calculated
            self._retime(activity, (group,))

    def _set_flip(self, activity: Activity, group: str, flip_ms: int) -> None:
        if flip_ms == FOREVER_MS:
            activity.flips.pop(group, None)
        else:
            activity.flips[group] = flip_ms

    def _pending(self, rule: Rule, activity: Activity) -> int:
        episode = activity.episodes.get(rule.id)
        return 0 if episode is None else episode.pending_ms

    # -- episodes ------------------------------------------------------------------------------------------

    def _takes_away(self, event: DecodedEvent) -> bool:
        """Return whether an event lowers a sum."""
        facts = self._rules.facts.get(event.type)
        if facts is None or not facts.may_lower:
            return False
        for name in facts.may_lower:
            if is_negative(event.attributes.get(name)):
                return True
        return False

    def _is_cancelled(self, activity: Activity) -> bool:
        series = activity.series
        cancelled = series.get(CANCELLATION)
        if cancelled is None:
            return False
        for name in self._rules.returns:
            back = series.get(name)
            if back is not None and back.last_ms > cancelled.last_ms:
                return False
        return True

    def _respond(self, activity: Activity, event: DecodedEvent, is_plain: bool, was_cancelled: bool) -> None:
        """Update rules and their due times after an event.

        A rule that the event can only delay is not evaluated: a due time that is too early is corrected when it
        becomes the earliest.

        Args:
            activity: whose.
            event: the event that was just folded.
            is_plain: whether it is later than everything decided before, and carries no negative number.
            was_cancelled: whether the customer had cancelled before.
        """
        responding = self._rules.responses.get((event.type, was_cancelled))
        self._exact.clear()
        self._touched.add(event.type)
        if not responding:
            return
        flips, at_ms, began = activity.flips, event.at_ms, bool(activity.episodes)
        facts = activity.series[event.type]
        total = facts.total
        for several in responding:
            # An episode of rules that cannot hold ends: they were other rules when it began, or too much happened.
            can_hold = several.least <= total < several.beyond and activity.has(several.others)
            if not can_hold and not began:
                continue
            is_known = is_plain and can_hold and total != several.least
            for response in several.responses:
                group = response.group
                known = flips.get(group)
                if (
                    is_known
                    and (response.lowered_ms or response.quiet_ms)
                    and (not began or self._are_over(response.rules, activity))
                ):
                    flip_ms = FOREVER_MS if known is None else known
                    if flip_ms > at_ms + response.lowered_ms:
                        flip_ms = at_ms + response.lowered_ms
                    if flip_ms < at_ms + response.quiet_ms:
                        flip_ms = at_ms + response.quiet_ms
                else:
                    flip_ms = self._judge_group(group, activity, event, can_hold)
                if flip_ms < FOREVER_MS:
                    flips[group] = flip_ms
                elif known is not None:
                    del flips[group]

    def _are_over(self, rules: Sequence[str], activity: Activity) -> bool:
        """Return whether no event can change the episodes of these rules."""
        for name in rules:
            episode = activity.episodes.get(name)
            if episode is not None and (
                episode.holding or episode.true_since_ms or episode.pending_ms or episode.open_until_ms
            ):
                return False
        for candidate in activity.candidates:
            if candidate.rule in rules:
                return False
        return True

    def _judge_group(self, group: str, activity: Activity, event: DecodedEvent, can_hold: bool) -> int:
        """Evaluate the rules of a group after an event; if they cannot hold, only those that have an episode.

        Returns:
            A moment before which time alone changes none of them.
        """
        soonest_ms, latest_ms, observed = FOREVER_MS, activity.at_ms, self._observed
        episodes, fired = activity.episodes, activity.fired_ms
        for rule in self._rules.groups[group]:
            if not can_hold and rule.id not in episodes:
                continue
            if not fired and rule.id not in episodes:
                truth, flip_ms = rule.condition.estimate(activity, latest_ms, observed)
                if truth != TRUE:
                    if flip_ms < soonest_ms:
                        soonest_ms = flip_ms
                    continue
            # The moment up to which the rule is decided: the latest event, or a later timer that made it hold.
            episode = episodes.get(rule.id)
            stands_ms = episode.start_ms if episode is not None and episode.holding else 0
            flip_ms = self._judge(rule, activity, max(stands_ms, latest_ms), event)
            if not can_hold:
                flip_ms = FOREVER_MS
            if fired:
                # Timers were decided before this event was seen; the rule continues from there.
                self._note_flip(rule, activity, flip_ms)
                flip_ms = (
                    self._flip(rule, activity, True) if can_hold else self._pending(rule, activity) or FOREVER_MS
                )
            soonest_ms = min(soonest_ms, flip_ms)
        return soonest_ms

    def _judge(self, rule: Rule, activity: Activity, at_ms: int, event: DecodedEvent | None) -> int:
        """Evaluate one rule at a moment and apply its change, caused by `event`, or by time if there is none.

        Returns:
            When time alone changes it next.
        """
        truth, flip_ms = rule.condition.evaluate(activity, at_ms, self._observed)
        episode = activity.episodes.get(rule.id)
        if activity.candidates and truth != FALSE and event is not None and event.at_ms < at_ms:
            self._doubt(rule, activity, at_ms, event)
        if truth == TRUE:
            if episode is None or not episode.holding:
                start_ms = at_ms if event is None else event.at_ms
                if rule.for_ms:
                    episode = activity.episode_of(rule.id)
                    episode.true_since_ms = episode.true_since_ms or start_ms
                    start_ms = episode.true_since_ms + rule.for_ms
                    if at_ms < start_ms:
                        return min(flip_ms, start_ms)
                episode = activity.episode_of(rule.id)
                if event is None and self._observed.was_decided(rule.needed_to_decide, start_ms):
                    # By the meaning of before, it did not begin then.
                    episode.holding, episode.start_ms = True, start_ms
                    return flip_ms
                self._begin(rule, activity, episode, start_ms, at_ms)
        elif episode is not None:
            episode.true_since_ms = 0
            if truth == FALSE:
                self._end(rule, activity, episode, at_ms, event)
        if truth == NOT_OBSERVABLE and event is None and (episode is None or not episode.holding):
            self._report_unknown(rule, at_ms, flip_ms)
        return flip_ms

    def _report_unknown(self, rule: Rule, at_ms: int, known_ms: int) -> None:
        """Report that a rule might begin to hold by time, if more were known.

        Only time is reported: what was true before an event is not kept, so each event would be reported again.
        """
        if rule.paused or at_ms < rule.live_since_ms or self._observed.was_decided(rule.needed_to_decide, at_ms):
            return
        if at_ms < self._known().floor_ms(rule.types, rule.reads_tenure):
            return
        known = f"known from {day_in_words(known_ms)} on" if known_ms < FOREVER_MS else "only an event can show it"
        detail = f"it cannot be known whether the rule holds: {known}"
        self._outcome.decisions.append(suppressed(rule, self._customer_id, at_ms, "not_observable", detail))

    def _doubt(self, rule: Rule, activity: Activity, at_ms: int, event: DecodedEvent) -> None:
        """Let waiting actions wait until everything up to a moment has been seen.

        An event from before their start has come late. The rule does not fail now, but perhaps it did at their start,
        and events that are not read yet may disprove it.
        """
        if event.type in rule.can_turn_false:
            for candidate in activity.candidates:
                if candidate.rule == rule.id and event.at_ms <= candidate.start_ms < at_ms:
                    candidate.doubted_ms = at_ms

    def _begin(self, rule: Rule, activity: Activity, episode: Episode, start_ms: int, at_ms: int) -> None:
        if start_ms < rule.live_since_ms or start_ms < activity.floor_ms(rule.types, rule.reads_tenure):
            self._meet(rule, activity, episode, start_ms)
            return
        if not self._is_contested(rule, activity):
            forget(rule, episode, at_ms)
        episode.holding, episode.start_ms = True, start_ms
        if rule.paused:
            return
        if rule.shadow:
            detail = "the rule is in shadow: decided and reported, nothing is sent"
            self._outcome.decisions.append(suppressed(rule, self._customer_id, start_ms, "shadow", detail))
        elif start_ms + rule.expires_after_ms <= at_ms:
            detail = f"it would have expired on {day_in_words(start_ms + rule.expires_after_ms)}"
            self._outcome.decisions.append(suppressed(rule, self._customer_id, start_ms, "stale", detail))
        else:
            self._ask(rule, activity, start_ms, at_ms)

    def _meet(self, rule: Rule, activity: Activity, episode: Episode, start_ms: int) -> None:
        """Begin an episode of a customer who matched the rule before it went live, or in history."""
        began = not episode.holding
        if began:
            episode.holding, episode.start_ms = True, start_ms
        # History that came after the rule went live is not what it found.
        is_found = activity.floor_ms(rule.types, rule.reads_tenure) <= rule.live_since_ms
        acts = rule.includes_existing and is_found and not rule.shadow and not rule.paused
        if acts and (began or episode.acted_ms < episode.start_ms):
            at_ms = max(start_ms, rule.live_since_ms)
            # Matched once, but no longer when the rule went live: not a match.
            truth, _ = rule.condition.evaluate(activity, at_ms, self._observed)
            if truth == TRUE:
                episode.start_ms = at_ms
                self._ask(rule, activity, at_ms, at_ms)

    def _ask(self, rule: Rule, activity: Activity, start_ms: int, at_ms: int) -> None:
        why = tuple(rule.condition.reasons(activity, at_ms, self._observed))
        candidate = Candidate(rule.id, start_ms, 0, rule.action, rule.version, variables_of(rule, activity), why)
        if at_ms > start_ms:
            candidate.doubted_ms = at_ms  # it is known to hold there, and begins with an event that came late
        activity.candidates.append(candidate)

    def _is_contested(self, rule: Rule, activity: Activity) -> bool:
        """Return whether a waiting candidate depends on the state of a rule."""
        for candidate in activity.candidates:
            other = self._rules.by_id.get(candidate.rule)
            if candidate.rule == rule.id or (other is not None and rule.conflict_group == other.conflict_group >= 0):
                return True
        return False

    def _end(self, rule: Rule, activity: Activity, episode: Episode, at_ms: int, event: DecodedEvent | None) -> None:
        held_before, episode.holding = episode.holding, False
        if not self._is_contested(rule, activity):
            forget(rule, episode, at_ms)
        elif held_before:
            episode.held = [*episode.held, episode.start_ms, at_ms]
        if event is None or not (held_before or event.type in rule.can_turn_false):
            return
        because: Retraction = "customer_returned" if event.type in self._rules.signs_of_life else "no_longer_true"
        self._retract(rule, activity, episode, at_ms, event, because)

    def _retract(
        self, rule: Rule, activity: Activity, episode: Episode, at_ms: int, event: DecodedEvent, because: Retraction
    ) -> None:
        """Retract the rule's last action; if actions of earlier episodes wait, too, none of them goes out."""
        queued = [one for one in activity.candidates if one.rule == rule.id and not one.withdrawn_ms]
        if queued:
            for candidate in queued:
                self._withdraw(rule, activity, candidate, at_ms, event, because)
            return
        if episode.open_until_ms <= at_ms:
            return
        late = event.at_ms <= episode.acted_ms
        if not late and _stands(rule, because):
            return
        why = tuple(rule.condition.reasons(activity, at_ms, self._observed))
        self._outcome.decisions.append(
            retraction_of(
                rule,
                self._customer_id,
                episode.acted_ms,
                episode.open_until_ms,
                event.at_ms,
                "late_event" if late else because,
                why,
            )
        )
        if not late and self._is_contested(rule, activity):
            episode.stood = [*episode.stood, episode.acted_ms, event.at_ms]
        episode.open_until_ms = 0
        if late:
            if episode.acted_ms in activity.acted:
                activity.acted.remove(episode.acted_ms)
            episode.acted_ms = episode.before_ms

    def _withdraw(
        self,
        rule: Rule,
        activity: Activity,
        candidate: Candidate,
        at_ms: int,
        event: DecodedEvent,
        because: Retraction,
    ) -> None:
        """Withdraw a waiting action.

        Its retraction is still published, because a step that Redis lost may have published the action.
        """
        if candidate.start_ms + rule.expires_after_ms <= at_ms:
            return  # expired: neither sent nor retracted
        late = event.at_ms <= candidate.start_ms
        if not late and _stands(rule, because):
            return
        candidate.withdrawn_ms, candidate.because = event.at_ms, "late_event" if late else because
        candidate.why_back = tuple(rule.condition.reasons(activity, at_ms, self._observed))
        if late:
            activity.candidates.remove(candidate)
            self._outcome.decisions.append(withdrawal_of(rule, self._customer_id, candidate))

    def _take_back(self, activity: Activity, event: DecodedEvent) -> None:
        """Retract every open action: the customer has opted out."""
        for rule_id, episode in activity.episodes.items():
            rule = self._rules.by_id.get(rule_id)
            if rule is not None:
                self._retract(rule, activity, episode, activity.at_ms, event, "opted_out")


def _place_of(decision: Action | Decision, by_id: Mapping[str, Rule]) -> tuple[datetime, bool, int, str]:
    """Return what a decision is sorted by within its step; a rule that is no longer there ranks first."""
    taken_back_at = decision.retracted_at if isinstance(decision, Action) else None
    name = decision.rule.id
    rank = by_id[name].rank if name in by_id else -1
    return taken_back_at or decision.episode_started_at, taken_back_at is None, rank, name


def _clock(activity: Activity) -> int:
    """Return the moment up to which every rule that is not waiting is decided."""
    return max(activity.at_ms, activity.fired_ms)


def _stands(rule: Rule, because: Retraction) -> bool:
    """Return whether an action is not taken back although its rule no longer holds."""
    return not rule.takes_back and because in _NO_LONGER_HOLDS


def _first_of(flips: Mapping[str, int]) -> str:
    """Return the name with the earliest due time; of several, the first in alphabetical order."""
    first, first_ms = "", FOREVER_MS
    for name, flip_ms in flips.items():
        if not first or flip_ms < first_ms or (flip_ms == first_ms and name < first):
            first, first_ms = name, flip_ms
    return first
