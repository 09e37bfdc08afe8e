"""Explains each condition of a rule at one moment: its truth, and what would change it. Pure."""

from typing import Any, Final

from schemas import conditions as model
from schemas.actions import Number
from workers.core.conditions.combinations import Not, Several
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE, Condition, Elementary
from workers.core.coverage import FOREVER_MS
from workers.core.phrases import listed, noun
from workers.core.rules.kind import changes_perhaps
from workers.core.rules.kinds import kind_of
from workers.explain.gaps import GapFinder
from workers.explain.leaf import Leaf
from workers.explain.moment import Moment
from workers.explain.why_report import Change, ConditionReport, Gap, Verdict

VERDICTS: Final[dict[int, Verdict]] = {FALSE: "false", NOT_OBSERVABLE: "not observable", TRUE: "true"}
_TRUTHS: Final = {verdict: truth for truth, verdict in VERDICTS.items()}


class ConditionExplainer:
    """Explains conditions at one moment."""

    def __init__(self, moment: Moment) -> None:
        self._moment = moment
        self._gap_finder = GapFinder(moment)

    def explain(
        self, when: Any, condition: Condition, blocked_ms: int | None, *, negations: int = 0
    ) -> ConditionReport:
        """Explain a condition and its parts.

        Every `not` moves down to the elementary conditions, whose phrases then express the opposite.

        Args:
            when: as it is written in a rule, with every `meets` replaced.
            condition: the same, bound to the customer.
            blocked_ms: the due time that the rule cannot decide yet; None if there is none.
            negations: inside how many `not` it is.
        """
        if isinstance(condition, Not):
            return self.explain(when.not_, condition.part, blocked_ms, negations=negations + 1)
        if isinstance(condition, Several):
            parts = tuple(
                self.explain(written, part, blocked_ms, negations=negations)
                for written, part in zip(model.parts_of(when), condition.parts, strict=True)
            )
            truths = [_TRUTHS[part.verdict] for part in parts]
            # The opposite of `all` is `any` of the opposites, and the other way round.
            if (condition.ruling == FALSE) != (negations % 2 == 1):
                return ConditionReport("all", VERDICTS[min(truths)], parts=parts)
            return ConditionReport("any", VERDICTS[max(truths)], parts=parts)
        return self._explain_leaf(Leaf(self._moment, when, condition, negations), blocked_ms)

    def _explain_leaf(self, leaf: Leaf, blocked_ms: int | None) -> ConditionReport:
        moment = self._moment
        truth, change_ms = leaf.evaluate(moment.at_ms)
        gaps: tuple[Gap, ...] = ()
        if truth == NOT_OBSERVABLE:
            gaps = tuple(self._gap_finder.gaps_of(leaf))
        elif blocked_ms is not None:
            unseen = moment.coverage.unseen(leaf.can_turn_false if truth == TRUE else leaf.can_turn_true, blocked_ms)
            gaps = () if unseen is None else (moment.unseen(unseen),)
        reason = leaf.reason()
        events, by_events = _by_events(leaf, truth, reason.observed)
        return ConditionReport(
            kind="condition",
            verdict="not observable" if gaps else VERDICTS[truth],
            phrase=reason.condition,
            observed=reason.observed,
            bound=reason.bound,
            window=reason.window,
            gaps=gaps,
            change=_change(leaf, change_ms),
            events=events,
            by_events=by_events,
            nearly=_nearly(leaf, reason.observed),
        )


def _is_masked(leaf: Leaf) -> bool:
    """Return whether the value that a condition observes is personal."""
    return isinstance(leaf.condition, Elementary) and leaf.condition.is_personal


def _change(leaf: Leaf, change_ms: int) -> Change | None:
    """Return what a condition becomes when time alone changes it, None for never."""
    if change_ms >= FOREVER_MS:
        return None
    return Change(change_ms, VERDICTS[leaf.evaluate(change_ms)[0]])


def _by_events(leaf: Leaf, truth: int, observed: Number) -> tuple[tuple[str, ...], str | None]:
    """Return the types whose events can change a condition, and the same in words."""
    types = {TRUE: leaf.can_turn_false, FALSE: leaf.can_turn_true}.get(
        truth, leaf.can_turn_false | leaf.can_turn_true
    )
    if not types:
        return (), None
    own = TRUE - truth if leaf.is_negated else truth
    nouns = listed([noun(name) for name in sorted(types)], "or")
    # Without the value that is observed, no more can be said than for any kind.
    changed_by = changes_perhaps if _is_masked(leaf) else kind_of(leaf.when).changed_by
    changes = changed_by(leaf.when, leaf.condition, own, observed, nouns)
    return ((), None) if changes is None else (tuple(sorted(types)), changes)


def _nearly(leaf: Leaf, observed: Number) -> str | None:
    """Return in which small thing a value differs from one that passes; None if it passes, or differs in more."""
    nearly = None if _is_masked(leaf) else kind_of(leaf.when).nearly
    return nearly(leaf.condition, observed) if nearly is not None and isinstance(observed, str) else None
