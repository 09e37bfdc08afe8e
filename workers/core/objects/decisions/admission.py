"""Admission: decides, in time order, whether a candidate action is published.

Rules that compete (`rules.competition`) form a conflict group. Its candidates are admitted one after the other, each
once every type that could change an earlier result has been seen. So the outcome does not depend on which type was
seen first.
"""

from collections.abc import Sequence

from schemas.actions import Action, Decision, Suppression, moment
from workers.core.coverage import FOREVER_MS, Coverage
from workers.core.objects.conditions.observability import day_in_words
from workers.core.objects.customer.activity import Activity, Candidate, Episode
from workers.core.objects.decisions.records import action_of, removed, retraction_of, suppressed, withdrawal_of
from workers.core.rules.contact_policy import is_held_out
from workers.core.rules.rule_set import Rule, RuleSet


class Admission:
    """Admits or suppresses the candidates of one customer in one turn."""

    __slots__ = ("_customer_id", "_decisions", "_not_understood", "_observed", "_rules")

    def __init__(
        self,
        customer_id: str,
        rules: RuleSet,
        observed: Coverage,
        decisions: list[Action | Decision],
        not_understood: list[str],
    ) -> None:
        self._customer_id = customer_id
        self._rules = rules
        self._observed = observed
        self._decisions = decisions
        self._not_understood = not_understood

    def release(self, activity: Activity, before_ms: int = FOREVER_MS) -> None:
        """Decide every candidate that can be decided now.

        Args:
            activity: the customer's; it is changed.
            before_ms: only candidates before this moment; all rules are decided up to it. Without it, the activity's
                `flips` show which rules are not decided yet.
        """
        if not activity.candidates:
            return
        by_id = self._rules.by_id
        ordered = activity.candidates
        if len(ordered) > 1:
            places = [
                (one.start_ms, by_id[one.rule].rank if one.rule in by_id else -1, one.rule, number)
                for number, one in enumerate(ordered)
            ]
            ordered = [ordered[place[3]] for place in sorted(places)]
        blocked: set[int | str] = set()
        left = []
        for candidate in ordered:
            rule = by_id.get(candidate.rule)
            if candidate.start_ms >= before_ms:
                left.append(candidate)
                continue
            if rule is None or rule.paused or rule.shadow:
                if not candidate.withdrawn_ms:
                    self._decisions.append(removed(candidate, self._customer_id))
                continue
            conflict_group: int | str = rule.conflict_group if rule.conflict_group >= 0 else rule.id
            if (
                conflict_group in blocked
                or not self._observed.covers(rule.needed_to_admit, candidate.seen_ms)
                or (before_ms == FOREVER_MS and self._is_rival_due(rule, activity, candidate.start_ms))
            ):
                blocked.add(conflict_group)
                left.append(candidate)
                continue
            self._admit(rule, activity, candidate)
        activity.candidates = left

    def _is_rival_due(self, rule: Rule, activity: Activity, at_ms: int) -> bool:
        """Return whether a competing rule is not decided yet at or before a moment."""
        flips = activity.flips
        for group in self._rules.conflict_groups.get(rule.conflict_group, ()):
            if flips.get(group, FOREVER_MS) <= at_ms:
                return True
        return False

    def _admit(self, rule: Rule, activity: Activity, candidate: Candidate) -> None:
        episode = activity.episode_of(rule.id)
        start_ms = candidate.start_ms
        forget(rule, episode, start_ms)
        refusal = self._refusal(rule, activity, episode, start_ms)
        not_before_ms = None
        if refusal is None:
            not_before_ms = self._rules.contact_policy.quiet_until_ms(start_ms, activity.attributes)
            if not_before_ms is not None and not_before_ms >= start_ms + rule.expires_after_ms:
                refusal = "stale", f"the customer's quiet hours last until it has expired, {moment(not_before_ms)}"
        if refusal is not None:
            if refusal[0] == "held_out":
                # Recorded as if sent, so that held-out customers can be compared with the others.
                episode.before_ms, episode.acted_ms, episode.open_until_ms = episode.acted_ms, start_ms, 0
            if not candidate.withdrawn_ms:
                self._decisions.append(suppressed(rule, self._customer_id, start_ms, *refusal))
            return
        episode.before_ms, episode.acted_ms = episode.acted_ms, start_ms
        expires_ms = start_ms + rule.expires_after_ms
        episode.open_until_ms = 0 if candidate.withdrawn_ms else expires_ms
        if candidate.withdrawn_ms:
            episode.stood = [*episode.stood, start_ms, min(candidate.withdrawn_ms, expires_ms)]
        if self._rules.contact_policy.remembers_ms:
            activity.acted = [*activity.acted, start_ms]
        if candidate.withdrawn_ms:  # it would have been sent and retracted
            self._decisions.append(withdrawal_of(rule, self._customer_id, candidate))
        else:
            zone = None if not_before_ms is None else self._rules.contact_policy.zone_of(activity.attributes)
            self._decisions.append(action_of(rule, self._customer_id, candidate, not_before_ms, zone))
        self._replace(rule, activity, start_ms)

    def _refusal(
        self, rule: Rule, activity: Activity, episode: Episode, start_ms: int
    ) -> tuple[Suppression, str] | None:
        """Return why a rule does not act, None if it does."""
        contact_policy = self._rules.contact_policy
        if contact_policy.is_opted_out(activity.attributes):
            spelling = contact_policy.not_understood(activity.attributes)
            if spelling is None:
                return "opted_out", "the customer does not want to be written to"
            self._not_understood.append(spelling)
            return "opted_out", f"not understood: the customer's answer '{spelling}' is neither yes nor no"
        acted_ms, pause_ms = episode.acted_ms, rule.again_after_ms
        if acted_ms and pause_ms is None:
            return "cooling_down", f"acted on {day_in_words(acted_ms)} and never acts again"
        if acted_ms and start_ms < acted_ms + (pause_ms or 0):
            until = day_in_words(acted_ms + (pause_ms or 0))
            return "cooling_down", f"acted on {day_in_words(acted_ms)}, silent until {until}"
        if episode.open_until_ms > start_ms:
            return "cooling_down", f"its action of {day_in_words(acted_ms)} has not expired yet"
        if (winner := self._winner(rule, activity, start_ms)) is not None:
            return "outranked", f"'{winner}' comes first"
        if (limit := contact_policy.reached(activity.acted, start_ms, activity.attributes)) is not None:
            return "capped", f"the customer has had enough: {limit}"
        held = rule.hold_out
        if held is not None and is_held_out(held.key, held.experiment, self._customer_id, held.share):
            return "held_out", f"one of the {held.share:f}% left out of '{held.experiment}' to measure the effect"
        return None

    def _winner(self, rule: Rule, activity: Activity, at_ms: int) -> str | None:
        """Return the rule that takes precedence over this one at a moment, None if none does."""
        for name in rule.yields_to:
            episode = activity.episodes.get(name)
            if episode is not None and _held(episode, at_ms):
                return name
        if rule.priority:
            first = None
            for name, episode in activity.episodes.items():
                other = self._rules.by_id.get(name)
                if other is None or other.priority <= rule.priority or other.shadow or other.paused:
                    continue
                # Of several, not the one whose episode happens to be stored first.
                if (first is None or other.rank < first.rank) and _stood(episode, at_ms):
                    first = other
            return None if first is None else first.id
        return None

    def _replace(self, rule: Rule, activity: Activity, at_ms: int) -> None:
        """Retract the open actions that this one replaces."""
        for name in rule.instead_of:
            other, episode = self._rules.by_id.get(name), activity.episodes.get(name)
            if other is None or episode is None or not episode.acted_ms < at_ms < episode.open_until_ms:
                continue
            self._decisions.append(
                retraction_of(
                    other, self._customer_id, episode.acted_ms, episode.open_until_ms, at_ms, "replaced", ()
                )
            )
            episode.open_until_ms = 0


def _held(episode: Episode, at_ms: int) -> bool:
    """Return whether a rule held at a moment."""
    return (episode.holding and episode.start_ms <= at_ms) or _within(episode.held, at_ms)


def _stood(episode: Episode, at_ms: int) -> bool:
    """Return whether an action of a rule was open at a moment: neither retracted nor expired."""
    return episode.acted_ms <= at_ms < episode.open_until_ms or _within(episode.stood, at_ms)


def _within(stretches: Sequence[int], at_ms: int) -> bool:
    for begin_ms, end_ms in zip(stretches[::2], stretches[1::2], strict=True):
        if begin_ms <= at_ms < end_ms:
            return True
    return False


def forget(rule: Rule, episode: Episode, at_ms: int) -> None:
    """Forget what cannot matter from a moment on, so that the borders between turns change nothing."""
    if episode.open_until_ms <= at_ms:
        episode.open_until_ms = episode.before_ms = 0
    if (
        rule.again_after_ms is not None
        and episode.acted_ms + rule.again_after_ms <= at_ms
        and not episode.open_until_ms
    ):
        episode.acted_ms = 0
