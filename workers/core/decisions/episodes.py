"""Episodes: what follows when a rule begins to hold or no longer does. `admission` decides which actions go out.

docs/architecture.md explains episodes, candidates and the end of an episode.
"""

from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE
from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import Candidate
from workers.core.customer.customer import Customer
from workers.core.customer.episode import Episode
from workers.core.decisions.decided import (
    CUSTOMER_RETURNED,
    IN_SHADOW,
    KNOWN_FROM,
    LATE_EVENT,
    NO_LONGER_TRUE,
    ONLY_AN_EVENT,
    RETRACTED,
    SHADOW,
    STALE,
    UNKNOWN,
    WOULD_HAVE_EXPIRED,
    Decisions,
)
from workers.core.decisions.outcomes import Outcomes
from workers.core.decisions.program import ActiveRule, EventType, Program
from workers.core.decisions.wording import word_retraction
from workers.core.rules.variables import Variable


class Episodes:
    """Begins and ends the episodes of the customer who is looked at.

    Attributes:
        program: the rules, bound to the customer.
        customer: the customer.
        decisions: where decisions are added.
        outcomes: says who is left out.
        remembers_ms: how long earlier actions count for a limit over all rules; 0 without one.
    """

    def __init__(self, program: Program, decisions: Decisions, outcomes: Outcomes) -> None:
        self.program = program
        self.customer: Customer = program.customer
        self.decisions = decisions
        self.outcomes = outcomes
        self.remembers_ms = program.rule_set.contact_policy.remembers_ms

    def judge(self, rule: ActiveRule, at_ms: int, kind: EventType | None, event_ms: int) -> int:
        """Look at a rule at a moment and apply its change.

        Args:
            rule: the rule.
            at_ms: when; not before the customer's latest event.
            kind: type of the event that caused it; None if time did.
            event_ms: when that event happened.

        Returns:
            When time alone changes it next, FOREVER_MS for never.
        """
        episode = rule.episode
        truth = rule.condition.look(at_ms)
        flip_ms = rule.condition.flip_ms
        if truth != FALSE and self.customer.waiting and kind is not None and event_ms < at_ms:
            self.doubt(rule, at_ms, kind, event_ms)
        if truth == TRUE:
            if episode.holding:
                return self.repeat(rule, at_ms, kind is None, flip_ms) if episode.asked else flip_ms
            start_ms = at_ms if kind is None else event_ms
            self.customer.add_episode(episode)
            if rule.for_ms:
                if not episode.true_since_ms:
                    episode.true_since_ms = start_ms
                start_ms = episode.true_since_ms + rule.for_ms
                if at_ms < start_ms:
                    return flip_ms if flip_ms < start_ms else start_ms
            if kind is None and start_ms <= rule.meant_until_ms:
                # By the meaning of before, it did not begin then.
                episode.holding = True
                episode.start_ms = start_ms
                return flip_ms
            self.begin(rule, start_ms, at_ms)
            return self.repeat(rule, at_ms, False, flip_ms) if episode.asked else flip_ms
        if episode.is_present:
            episode.true_since_ms = 0
            if truth == FALSE:
                self.end(rule, at_ms, kind, event_ms)
        if truth == NOT_OBSERVABLE and kind is None and not episode.holding:
            self.report_unknown(rule, at_ms, flip_ms)
        return flip_ms

    def report_unknown(self, rule: ActiveRule, at_ms: int, known_ms: int) -> None:
        """Report that a rule might begin to hold by time, if more were known.

        Only time is reported: what was true before an event is not kept, so each event would be reported again.
        """
        if rule.paused or at_ms < rule.live_since_ms or at_ms <= rule.meant_until_ms:
            return
        if self.customer.floors and at_ms < self.customer.floor_ms(rule.rule.types, rule.reads_tenure):
            return
        row = self.decisions.another(UNKNOWN, rule, rule.rank, at_ms, at_ms)
        if known_ms < FOREVER_MS:
            row.explain(KNOWN_FROM, known_ms)
        else:
            row.explain(ONLY_AN_EVENT)

    def doubt(self, rule: ActiveRule, at_ms: int, kind: EventType, event_ms: int) -> None:
        """Let waiting actions wait until everything up to a moment has been seen.

        An event from before their start has come late. The rule does not fail now, but perhaps it did at their start,
        and events that are not read yet may disprove it.
        """
        if not rule.turned_false[kind.place]:
            return
        for place in range(self.customer.waiting):
            candidate: Candidate = self.customer.candidates[place]
            if candidate.rule == rule.place and event_ms <= candidate.start_ms < at_ms:
                candidate.doubted_ms = at_ms

    def begin(self, rule: ActiveRule, start_ms: int, at_ms: int) -> None:
        """Begin an episode of `start_ms`, known at `at_ms`."""
        episode = rule.episode
        if start_ms < rule.live_since_ms or (
            self.customer.floors and start_ms < self.customer.floor_ms(rule.rule.types, rule.reads_tenure)
        ):
            self.meet(rule, start_ms)
            return
        if not self.is_contested(rule):
            forget(rule, at_ms)
        self.customer.add_episode(episode)
        episode.holding = True
        episode.start_ms = start_ms
        if rule.paused:
            return
        if rule.again_every_ms:
            self.count(episode)
        self.request(rule, start_ms, at_ms)

    def count(self, episode: Episode) -> None:
        """Count the first time that a rule which repeats asks in an episode."""
        episode.asked = 1
        self.customer.repeats = True

    def repeat(self, rule: ActiveRule, at_ms: int, by_time: bool, flip_ms: int) -> int:
        """Ask again for an action of a rule that still holds, if it is time to.

        Args:
            rule: it has asked for an action in its present episode.
            at_ms: when.
            by_time: whether time made the rule be looked at; an event does not make it ask again.
            flip_ms: when time alone changes whether it holds.

        Returns:
            When time alone changes it next, or makes it ask again.
        """
        episode = rule.episode
        if by_time and at_ms == next_repetition(rule, at_ms - 1):
            episode.asked = (at_ms - episode.start_ms) // rule.again_every_ms + 1
            if not rule.paused:
                self.request(rule, at_ms, at_ms)
        repeats_ms = next_repetition(rule, at_ms)
        return repeats_ms if repeats_ms < flip_ms else flip_ms

    def request(self, rule: ActiveRule, start_ms: int, at_ms: int) -> None:
        """Ask for an action of `start_ms`, known at `at_ms`, unless it is a rule in shadow, or too late for it."""
        if rule.shadow:
            self.decisions.another(SHADOW, rule, rule.rank, start_ms, start_ms).explain(IN_SHADOW)
        elif start_ms + rule.expires_after_ms <= at_ms:
            row = self.decisions.another(STALE, rule, rule.rank, start_ms, start_ms)
            row.explain(WOULD_HAVE_EXPIRED, start_ms + rule.expires_after_ms)
        else:
            self.ask(rule, start_ms, at_ms)

    def meet(self, rule: ActiveRule, start_ms: int) -> None:
        """Begin an episode of a customer who matched the rule before it went live, or in history."""
        episode = rule.episode
        began = not episode.holding
        if began:
            self.customer.add_episode(episode)
            episode.holding = True
            episode.start_ms = start_ms
        if not rule.includes_existing or rule.shadow or rule.paused:
            return
        # History that came after the rule went live is not what it found.
        if self.customer.floor_ms(rule.rule.types, rule.reads_tenure) > rule.live_since_ms:
            return
        if began or episode.acted_ms < episode.start_ms:
            at_ms = start_ms if start_ms > rule.live_since_ms else rule.live_since_ms
            # Matched once, but no longer when the rule went live: not a match.
            if rule.condition.look(at_ms) == TRUE:
                episode.start_ms = at_ms
                if rule.again_every_ms:
                    self.count(episode)
                self.ask(rule, at_ms, at_ms)

    def ask(self, rule: ActiveRule, start_ms: int, at_ms: int) -> None:
        """Request an action: it waits until it is admitted."""
        if start_ms < self.customer.at_ms and not self.is_contested(rule):
            self.forget_over(rule.circle)
        candidate = self.customer.another_candidate()
        candidate.rule = rule.place
        candidate.start_ms = start_ms
        rule.condition.note(candidate.evidence, at_ms)
        if rule.variables:
            candidate.variables = {}
            for place in range(len(rule.variables)):
                variable: Variable = rule.variables[place]
                candidate.variables[variable.name] = variable.value(at_ms)
        carried = self.program.carried
        if carried.parts:
            candidate.known = carried.read(at_ms)
        if rule.episode.asked > 1:
            candidate.known = {**(candidate.known or {}), "repetition": rule.episode.asked - 1}
        if at_ms > start_ms:
            candidate.doubted_ms = at_ms  # it is known to hold there, and begins with an event that came late

    def forget_over(self, circle: int) -> None:
        """Forget what is over of a circle of rules, as at the end of a turn; none of its actions waits.

        An event that came late asks for a moment that is past. What was true then must not depend on whether the
        events before were in the same turn.
        """
        episode = self.customer.first_listed
        while episode is not None:
            rule: ActiveRule = self.program.rules[episode.place]
            if episode.is_present and rule.circle == circle:
                self.drop_over(rule)
            episode = episode.following
        self.drop_acted()

    def drop_over(self, rule: ActiveRule) -> None:
        """Forget what is over of a rule, up to the customer's latest event; no action waits that depends on it.

        Not up to the last timer: an event that the rule has not seen may be earlier.
        """
        episode = rule.episode
        if episode.held:
            episode.held = []
        if episode.stood:
            episode.stood = []
        forget(rule, self.customer.at_ms)

    def drop_acted(self) -> None:
        """Forget the actions that no limit counts any longer, unless actions wait."""
        customer = self.customer
        if customer.acted and not customer.waiting:
            from_ms = customer.at_ms - self.remembers_ms
            customer.acted = [one for one in customer.acted if one > from_ms] if self.remembers_ms else []

    def is_contested(self, rule: ActiveRule) -> bool:
        """Return whether a waiting action depends on the state of a rule."""
        for place in range(self.customer.waiting):
            candidate: Candidate = self.customer.candidates[place]
            if candidate.rule < 0:
                continue
            other: ActiveRule = self.program.rules[candidate.rule]
            if other.circle == rule.circle:
                return True
        return False

    def end(self, rule: ActiveRule, at_ms: int, kind: EventType | None, event_ms: int) -> None:
        """End an episode, if there is one, and take back what the rule has asked for; arguments as for `judge`."""
        episode = rule.episode
        held_before = episode.holding
        episode.holding = False
        episode.asked = 0
        if not self.is_contested(rule):
            forget(rule, at_ms)
        elif held_before:
            episode.held = [*episode.held, episode.start_ms, at_ms]
        if kind is None or not (held_before or rule.turned_false[kind.place]):
            return
        self.retract(rule, at_ms, event_ms, CUSTOMER_RETURNED if kind.is_sign_of_life else NO_LONGER_TRUE)

    def retract(self, rule: ActiveRule, at_ms: int, event_ms: int, because: int) -> None:
        """Retract the rule's open action, and withdraw those that wait: none of them goes out.

        One event takes back one action. Which one of those that wait it would have been turns out when they are
        admitted (`admission.was_open`).
        """
        self.withdraw_all(rule, at_ms, event_ms, because)
        episode = rule.episode
        if episode.open_until_ms <= at_ms:
            return
        late = event_ms <= episode.acted_ms
        if not late and _stands(rule, because):
            return
        if not episode.is_silent:
            self.tell_retracted(rule, at_ms, event_ms, LATE_EVENT if late else because)
        if not late and self.is_contested(rule):
            episode.stood = [*episode.stood, episode.acted_ms, event_ms]
        episode.open_until_ms = 0
        if late:
            if episode.acted_ms in self.customer.acted:
                self.customer.acted.remove(episode.acted_ms)
            episode.acted_ms = episode.before_ms

    def tell_retracted(self, rule: ActiveRule, at_ms: int, event_ms: int, because: int) -> None:
        """Add the retraction of a rule's open action."""
        episode = rule.episode
        row = self.decisions.another(RETRACTED, rule, rule.rank, episode.acted_ms, event_ms)
        row.expires_ms = episode.open_until_ms
        row.because = because
        row.has_why = True
        rule.condition.note(row.evidence, at_ms)

    def withdraw_all(self, rule: ActiveRule, at_ms: int, event_ms: int, because: int) -> None:
        """Withdraw every waiting action of a rule."""
        customer, place = self.customer, 0
        while place < customer.waiting:
            candidate: Candidate = customer.candidates[place]
            if (
                candidate.rule == rule.place
                and not candidate.withdrawn_ms
                and self.withdraw(rule, candidate, at_ms, event_ms, because)
            ):
                customer.remove_candidate(place)
            else:
                place += 1

    def withdraw(self, rule: ActiveRule, candidate: Candidate, at_ms: int, event_ms: int, because: int) -> bool:
        """Withdraw a waiting action, and return whether it need not wait any longer.

        Its retraction is still published, because a step that Redis lost may have published the action.
        """
        if candidate.start_ms + rule.expires_after_ms <= at_ms:
            return False  # expired: neither sent nor retracted
        late = event_ms <= candidate.start_ms
        if not late and _stands(rule, because):
            return False
        candidate.withdrawn_ms = event_ms
        candidate.because = LATE_EVENT if late else because
        rule.condition.note(candidate.evidence_back, at_ms)
        if candidate.worded is not None:
            word_retraction(candidate, rule)
        if late:
            self.tell_withdrawn(rule, candidate)
        return late

    def tell_withdrawn(self, rule: ActiveRule, candidate: Candidate) -> None:
        """Add the retraction of an action that was withdrawn before it was admitted.

        Usually the action was never published. But a step that Redis lost may have published it. The retraction is
        the same as that of a published action. A customer who is left out gets neither.
        """
        if self.outcomes.is_left_out(rule):
            return
        row = self.decisions.another(RETRACTED, rule, rule.rank, candidate.start_ms, candidate.withdrawn_ms)
        row.expires_ms = candidate.start_ms + rule.expires_after_ms
        row.because = candidate.because
        row.take(candidate, True)

    def take_back_waiting(self, at_ms: int, order_ms: int) -> None:
        """Retract every action that waits: it is not sent, but a step that Redis lost may have sent it."""
        for place in range(self.customer.waiting):
            candidate: Candidate = self.customer.candidates[place]
            rule = None if candidate.rule < 0 else self.program.rules[candidate.rule]
            if rule is None:
                if candidate.worded is None:
                    continue
            elif candidate.start_ms + rule.expires_after_ms <= at_ms or self.outcomes.is_left_out(rule):
                continue
            row = self.decisions.another(
                RETRACTED, rule, -1 if rule is None else rule.rank, candidate.start_ms, order_ms
            )
            row.expires_ms = order_ms if rule is None else candidate.start_ms + rule.expires_after_ms
            row.worded = candidate.worded

    def take_back(self, at_ms: int, event_ms: int, because: int) -> None:
        """Retract every open action, and withdraw every waiting one."""
        episode = self.customer.first_listed
        while episode is not None:
            if episode.is_present:
                rule: ActiveRule = self.program.rules[episode.place]
                self.retract(rule, at_ms, event_ms, because)
            episode = episode.following


def _stands(rule: ActiveRule, because: int) -> bool:
    """Return whether an action is not taken back although its rule no longer holds."""
    return not rule.takes_back and because in (CUSTOMER_RETURNED, NO_LONGER_TRUE)


def next_repetition(rule: ActiveRule, at_ms: int) -> int:
    """Return the first moment after `at_ms` at which a rule that holds asks again; FOREVER_MS for never."""
    episode: Episode = rule.episode
    if not episode.asked or not rule.again_every_ms:
        return FOREVER_MS
    number = (at_ms - episode.start_ms) // rule.again_every_ms + 1
    if number < episode.asked:
        number = episode.asked
    if rule.most_times and number >= rule.most_times:
        return FOREVER_MS
    return episode.start_ms + number * rule.again_every_ms


def forget(rule: ActiveRule, at_ms: int) -> None:
    """Forget what cannot matter from a moment on, so that the borders between turns change nothing."""
    episode: Episode = rule.episode
    if episode.open_until_ms <= at_ms:
        episode.open_until_ms = 0
        episode.before_ms = 0
    if rule.again_after_ms >= 0 and episode.acted_ms + rule.again_after_ms <= at_ms and not episode.open_until_ms:
        episode.acted_ms = 0
        episode.is_silent = False
