"""Admission: decides, in time order, whether a candidate action is published.

Rules that compete (`core.rules.competition`) form a conflict group. Its candidates are admitted one after the other,
each once every type that could change an earlier result has been seen. So the outcome does not depend on which type
was seen first. The contact policy is asked only for what it says.
"""

from collections.abc import Sequence

from schemas.experiments import AS_BEFORE, EVERY_RULE
from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import Candidate
from workers.core.customer.customer import Customer
from workers.core.customer.episode import Episode
from workers.core.customer.standing import AS_ANYBODY, Standing
from workers.core.decisions.decided import (
    ACTIVE,
    ACTS_NEVER_AGAIN,
    ANOTHER_COMES_FIRST,
    CAPPED,
    COOLING_DOWN,
    GETS_AS_BEFORE,
    HAD_ENOUGH,
    HELD,
    HELD_OUT,
    LEFT_OUT,
    LEFT_OUT_OF_ALL,
    NEVER_WRITTEN_TO,
    NOT_EXPIRED_YET,
    NOT_UNDERSTOOD,
    OPTED_OUT,
    OPTED_OUT_CLEARLY,
    OUTRANKED,
    QUIET_UNTIL_EXPIRED,
    REPLACED,
    RETRACTED,
    RULE_IS_GONE,
    SILENT_UNTIL,
    STALE,
    SUPPRESSED,
    Decided,
    Decisions,
)
from workers.core.decisions.episodes import Episodes, forget
from workers.core.decisions.outcomes import Outcomes
from workers.core.decisions.program import ActiveRule, Group, Program
from workers.core.memory import Numbers


class Admission:
    """Admits or suppresses the candidates of the customer who is looked at.

    Attributes:
        standing: of the customer.
        insists: whether candidates are decided although a type may not have been seen far enough, because otherwise
            the customer is forgotten first.
        not_understood: gets the customer's answer, for each decision that is `opted_out` because it is neither yes
            nor no.
    """

    def __init__(self, program: Program, episodes: Episodes, decisions: Decisions, outcomes: Outcomes) -> None:
        policy = program.rule_set.contact_policy
        self.program = program
        self.customer: Customer = program.customer
        self.episodes = episodes
        self.decisions = decisions
        self.outcomes = outcomes
        self.policy = policy
        self.has_consent = policy.policy.consent is not None
        self.has_quiet_hours = policy.policy.quiet_hours is not None
        self.remembers_ms = policy.remembers_ms
        self.standing: Standing = AS_ANYBODY
        self.insists = False
        self.not_understood: list[str] = []
        self._releases = 0
        blocked = Numbers(program.circles)
        self._blocked_memory = blocked
        self._blocked = blocked.numbers()  # by circle, the last release in which one of its candidates had to wait

    def is_opted_out(self) -> bool:
        """Return whether the customer wants no message: a no that a mark keeps ends with a later yes."""
        if self.standing.opted_out_ms:
            answer = self.policy.answer(self.customer.attributes)
            return answer is None or not answer[0] or answer[1] <= self.standing.opted_out_ms
        return self.has_consent and self.policy.is_opted_out(self.customer.attributes)

    def release(self, before_ms: int) -> None:
        """Decide every candidate that can be decided now.

        Args:
            before_ms: only candidates before this moment; all rules are decided up to it. With FOREVER_MS, the
                customer's `flips` show which rules are not decided yet.
        """
        customer = self.customer
        if customer.waiting > 1:
            self.put_in_order()
        self._releases += 1
        place = 0
        while place < customer.waiting:
            candidate: Candidate = customer.candidates[place]
            if candidate.start_ms >= before_ms:
                place += 1
                continue
            if candidate.rule < 0:
                self.tell_removed(candidate, -1)
                customer.remove_candidate(place)
                continue
            rule: ActiveRule = self.program.rules[candidate.rule]
            if rule.paused or rule.shadow:
                self.tell_removed(candidate, rule.rank)
                customer.remove_candidate(place)
                continue
            seen_ms = candidate.doubted_ms if candidate.doubted_ms > candidate.start_ms else candidate.start_ms
            if not self.insists and (
                self._blocked[rule.circle] == self._releases
                or rule.admitted_until_ms < seen_ms
                or (before_ms == FOREVER_MS and self.is_rival_due(rule, candidate.start_ms))
            ):
                self._blocked[rule.circle] = self._releases
                place += 1
                continue
            self.admit(rule, candidate)
            customer.remove_candidate(place)

    def put_in_order(self) -> None:
        """Put the candidates in order: by start, rank, id of the rule; of one rule, as it asked. Most are already."""
        candidates = self.customer.candidates
        for place in range(1, self.customer.waiting):
            candidate: Candidate = candidates[place]
            at = place
            while at > 0 and self.comes_before(candidate, candidates[at - 1]):
                candidates[at] = candidates[at - 1]
                at -= 1
            candidates[at] = candidate

    def comes_before(self, one: Candidate, other: Candidate) -> bool:
        """Return whether a candidate is decided before another that was asked for before it.

        Of one rule, never: a late event may make it ask for a moment before that of an action that waits.
        """
        if one.rule >= 0 and one.rule == other.rule:
            return False
        if one.start_ms != other.start_ms:
            return one.start_ms < other.start_ms
        if one.rule >= 0 and other.rule >= 0:
            first: ActiveRule = self.program.rules[one.rule]
            then: ActiveRule = self.program.rules[other.rule]
            return first.rank < then.rank
        if one.rule < 0 and other.rule < 0:
            return bool(one.worded.rule < other.worded.rule)
        return one.rule < 0

    def tell_removed(self, candidate: Candidate, rank: int) -> None:
        """Report why a waiting action is not sent: its rule is no longer active."""
        if candidate.withdrawn_ms:
            return
        rule = None if candidate.worded is not None else self.program.rules[candidate.rule]
        row = self.decisions.another(HELD, rule, rank, candidate.start_ms, candidate.start_ms)
        row.worded = candidate.worded
        row.explain(RULE_IS_GONE)

    def is_rival_due(self, rule: ActiveRule, at_ms: int) -> bool:
        """Return whether a competing rule is not decided yet at or before a moment."""
        if rule.conflict_group < 0:
            return False
        rivals: list[Group] = self.program.rivals[rule.conflict_group]
        for group in rivals:
            if self.customer.flips[group.place] <= at_ms:
                return True
        return False

    def admit(self, rule: ActiveRule, candidate: Candidate) -> None:
        """Decide whether a candidate is sent, and what follows from that."""
        episode, start_ms = rule.episode, candidate.start_ms
        self.customer.add_episode(episode)
        forget(rule, start_ms)
        begun = self.decisions.number
        row = self.refused(rule, candidate)
        not_before_ms = 0
        if row is None and self.has_quiet_hours:
            until_ms = self.policy.quiet_until_ms(start_ms, self.customer.attributes)
            if until_ms is not None:
                not_before_ms = until_ms
                if until_ms >= start_ms + rule.expires_after_ms:
                    row = self.refuse(STALE, rule, start_ms)
                    row.explain(QUIET_UNTIL_EXPIRED, until_ms)
        if row is not None:
            if candidate.withdrawn_ms:
                may_stand = row.kind == SUPPRESSED or row.kind == OPTED_OUT
                self.decisions.forget_from(begun)
                if may_stand:  # a step that Redis lost may have sent it, before the customer said no
                    self.episodes.tell_withdrawn(rule, candidate)
            return
        # Asked last of all, and recorded as if sent, so that those who are left out can be compared with the others.
        self.outcomes.enter(rule, candidate)
        episode.is_silent = self.outcomes.is_left_out(rule)
        if episode.is_silent:
            self.customer.is_left_out = True
        expires_ms = start_ms + rule.expires_after_ms
        episode.before_ms = episode.acted_ms
        episode.acted_ms = start_ms
        episode.open_until_ms = 0 if candidate.withdrawn_ms else expires_ms
        if self.remembers_ms:
            self.customer.acted = [*self.customer.acted, start_ms]
        if candidate.withdrawn_ms:  # it would have been sent and retracted
            episode.stood = [*episode.stood, start_ms, min(candidate.withdrawn_ms, expires_ms)]
            self.episodes.tell_withdrawn(rule, candidate)
        elif episode.is_silent:
            self.leave_out(rule, start_ms)
        else:
            row = self.decisions.another(ACTIVE, rule, rule.rank, start_ms, start_ms)
            row.expires_ms = expires_ms
            row.take(candidate, False)
            if self.has_consent:
                answer = self.policy.answer(self.customer.attributes)
                row.consented_ms = 0 if answer is None else answer[1]
            if not_before_ms:
                row.not_before_ms = not_before_ms
                if not self.policy.hides_zone:
                    row.time_zone = self.policy.zone_of(self.customer.attributes)
        if rule.instead_of and not episode.is_silent:
            self.replace(rule, start_ms)

    def refuse(self, kind: int, rule: ActiveRule, start_ms: int) -> Decided:
        """Add a decision that there is no action."""
        return self.decisions.another(kind, rule, rule.rank, start_ms, start_ms)

    def refused(self, rule: ActiveRule, candidate: Candidate) -> Decided | None:
        """Add the decision why a rule does not act, and return it; None if it does."""
        start_ms, since_ms = candidate.start_ms, 0
        if rule.again_every_ms and candidate.known is not None:
            # How long it has been holding if it asks again: it does not cool down from actions of the same episode.
            since_ms = candidate.known.get("repetition", 0) * rule.again_every_ms
        if self.standing.is_suppressed:
            row = self.refuse(SUPPRESSED, rule, start_ms)
            row.explain(NEVER_WRITTEN_TO)
            return row
        if (self.has_consent or self.standing.opted_out_ms) and self.is_opted_out():
            return self.opted_out(rule, start_ms)
        episode = rule.episode
        cools_down = episode.acted_ms > 0 and not (since_ms and episode.acted_ms >= start_ms - since_ms)
        if cools_down and rule.again_after_ms < 0:
            row = self.refuse(COOLING_DOWN, rule, start_ms)
            row.explain(ACTS_NEVER_AGAIN, episode.acted_ms)
            return row
        if cools_down and start_ms < episode.acted_ms + rule.again_after_ms:
            row = self.refuse(COOLING_DOWN, rule, start_ms)
            row.explain(SILENT_UNTIL, episode.acted_ms, episode.acted_ms + rule.again_after_ms)
            return row
        if was_open(episode, candidate):
            row = self.refuse(COOLING_DOWN, rule, start_ms)
            row.explain(NOT_EXPIRED_YET, episode.acted_ms)
            return row
        if rule.conflict_group >= 0:
            winner = self.winner(rule, start_ms)
            if winner is not None:
                row = self.refuse(OUTRANKED, rule, start_ms)
                row.explain(ANOTHER_COMES_FIRST)
                row.said = winner.id
                return row
        if self.remembers_ms:
            limit = self.policy.reached(self.customer.acted, start_ms, self.customer.attributes)
            if limit is not None:
                row = self.refuse(CAPPED, rule, start_ms)
                row.explain(HAD_ENOUGH)
                row.said = limit
                return row
        return None

    def leave_out(self, rule: ActiveRule, start_ms: int) -> None:
        """Add the decision that the customer gets nothing, so that the effect can be measured."""
        row = self.refuse(HELD_OUT, rule, start_ms)
        arms, arm = self.outcomes.division(rule)
        if arms is None:
            return
        if arm == AS_BEFORE:
            row.explain(GETS_AS_BEFORE)
            row.said = f"{arms.as_before:f}"
        elif arms.salt == EVERY_RULE:
            row.explain(LEFT_OUT_OF_ALL)
            row.said = f"{arms.share:f}"
        else:
            row.explain(LEFT_OUT)

    def opted_out(self, rule: ActiveRule, start_ms: int) -> Decided:
        """Add the decision that the customer must not be written to."""
        row = self.refuse(OPTED_OUT, rule, start_ms)
        spelling = self.policy.not_understood(self.customer.attributes)
        if spelling is None:
            row.explain(OPTED_OUT_CLEARLY)
        else:
            row.explain(NOT_UNDERSTOOD)
            row.said = spelling
            self.not_understood = [*self.not_understood, spelling]
        return row

    def winner(self, rule: ActiveRule, at_ms: int) -> ActiveRule | None:
        """Return the rule that takes precedence over this one at a moment, None if none does."""
        for other in rule.yields_to:
            episode: Episode = other.episode
            if episode.is_present and (
                (episode.holding and episode.start_ms <= at_ms) or (episode.held and _within(episode.held, at_ms))
            ):
                return other
        if not rule.priority:
            return None
        found: ActiveRule | None = None
        for other in self.program.rules:
            if other.priority <= rule.priority or other.shadow or other.paused or not other.episode.is_present:
                continue
            if (found is None or other.rank < found.rank) and _stood(other.episode, at_ms):
                found = other
        return found

    def replace(self, rule: ActiveRule, at_ms: int) -> None:
        """Retract the open actions that this one replaces."""
        for other in rule.instead_of:
            episode: Episode = other.episode
            if not (episode.is_present and episode.acted_ms < at_ms < episode.open_until_ms):
                continue
            if not episode.is_silent:
                row = self.decisions.another(RETRACTED, other, other.rank, episode.acted_ms, at_ms)
                row.expires_ms = episode.open_until_ms
                row.because = REPLACED
            episode.open_until_ms = 0


def was_open(episode: Episode, candidate: Candidate) -> bool:
    """Return whether an earlier action of the rule was open when it asked for this one.

    One event takes back one action. So what has taken back an earlier one, which was open until then, leaves nothing
    of those that it withdraws.
    """
    if episode.open_until_ms > candidate.start_ms:
        return True
    return candidate.withdrawn_ms > 0 and candidate.withdrawn_ms in episode.stood[1::2]


def _stood(episode: Episode, at_ms: int) -> bool:
    """Return whether an action of a rule was open at a moment: neither retracted nor expired."""
    if episode.acted_ms <= at_ms < episode.open_until_ms:
        return True
    return bool(episode.stood) and _within(episode.stood, at_ms)


def _within(stretches: Sequence[int], at_ms: int) -> bool:
    """Return whether a moment is in one of some stretches: beginnings and ends, alternating."""
    for begin_ms, end_ms in zip(stretches[::2], stretches[1::2], strict=True):
        if begin_ms <= at_ms < end_ms:
            return True
    return False
