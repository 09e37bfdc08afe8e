"""Explains each condition of a rule at one moment: its truth, and what would change it. Pure."""

from collections.abc import Callable
from typing import Final

from schemas.actions import Number
from workers.core.coverage import FOREVER_MS
from workers.core.events.decoding import UNIT
from workers.core.objects.conditions import (
    FALSE,
    NOT_OBSERVABLE,
    TRUE,
    Absence,
    Attribute,
    Cancelled,
    Condition,
    Negation,
    Several,
    Volume,
)
from workers.core.phrases import attribute, listed, noun, plural
from workers.explain.gaps import GapFinder
from workers.explain.moment import Moment
from workers.explain.why_report import Change, ConditionReport, Gap, Verdict

VERDICTS: Final[dict[int, Verdict]] = {FALSE: "false", NOT_OBSERVABLE: "not observable", TRUE: "true"}
_CASES: Final[tuple[Callable[[str], str], ...]] = (str.lower, str.upper, str.title, str.capitalize)
_NO_VALUE: Final = "\0"
_TRUTHS: Final = {verdict: truth for truth, verdict in VERDICTS.items()}


class ConditionExplainer:
    """Explains conditions at one moment."""

    def __init__(self, moment: Moment) -> None:
        self._moment = moment
        self._gap_finder = GapFinder(moment)

    def explain(self, condition: Condition, blocked_ms: int | None, *, is_negated: bool = False) -> ConditionReport:
        """Explain a condition and its parts.

        Every `not` moves down to the elementary conditions, whose phrases then express the opposite.

        Args:
            condition: of a rule.
            blocked_ms: the due time that the rule cannot decide yet; None if there is none.
            is_negated: explain the opposite of the condition.
        """
        if isinstance(condition, Negation):
            return self.explain(condition.part, blocked_ms, is_negated=not is_negated)
        if isinstance(condition, Several):
            parts = tuple(self.explain(part, blocked_ms, is_negated=is_negated) for part in condition.parts)
            truths = [_TRUTHS[part.verdict] for part in parts]
            # The opposite of `all` is `any` of the opposites, and the other way round.
            if (condition.ruling == FALSE) != is_negated:
                return ConditionReport("all", VERDICTS[min(truths)], parts=parts)
            return ConditionReport("any", VERDICTS[max(truths)], parts=parts)
        return self._explain_leaf(condition, blocked_ms, is_negated=is_negated)

    def _explain_leaf(self, plain: Condition, blocked_ms: int | None, *, is_negated: bool) -> ConditionReport:
        moment = self._moment
        leaf: Condition = Negation(plain) if is_negated else plain
        truth = moment.evaluate(leaf, moment.at_ms)[0]
        gaps: tuple[Gap, ...] = ()
        if truth == NOT_OBSERVABLE:
            gaps = tuple(self._gap_finder.gaps_of(plain))
        elif blocked_ms is not None:
            unseen = moment.coverage.unseen(leaf.can_turn_false if truth == TRUE else leaf.can_turn_true, blocked_ms)
            gaps = () if unseen is None else (moment.unseen(unseen),)
        reason = leaf.reasons(moment.activity, moment.at_ms, moment.coverage)[0]
        events, by_events = _by_events(plain, TRUE - truth if is_negated else truth, reason.observed)
        return ConditionReport(
            kind="condition",
            verdict="not observable" if gaps else VERDICTS[truth],
            phrase=reason.condition,
            observed=reason.observed,
            bound=reason.bound,
            window=reason.window,
            gaps=gaps,
            change=self._change(leaf),
            events=events,
            by_events=by_events,
            nearly=_nearly(plain, reason.observed),
        )

    def _change(self, leaf: Condition) -> Change | None:
        """Return when time alone changes a condition, None for never."""
        change_ms = self._moment.evaluate(leaf, self._moment.at_ms)[1]
        if change_ms >= FOREVER_MS:
            return None
        return Change(change_ms, VERDICTS[self._moment.evaluate(leaf, change_ms)[0]])


def _by_events(leaf: Condition, truth: int, observed: Number) -> tuple[tuple[str, ...], str | None]:
    """Return the types whose events can change a condition, and the same in words."""
    types = {TRUE: leaf.can_turn_false, FALSE: leaf.can_turn_true}.get(
        truth, leaf.can_turn_false | leaf.can_turn_true
    )
    if not types:
        return (), None
    if isinstance(leaf, Volume) and truth != NOT_OBSERVABLE and isinstance(observed, int | float):
        return _by_volume(leaf, truth, observed)
    names = sorted(types)
    at_once = isinstance(leaf, Absence) or (isinstance(leaf, Cancelled) and not leaf.for_ms)
    verb = "changes" if at_once and truth != NOT_OBSERVABLE else "can change"
    nouns = listed([noun(name) for name in names], "or")
    return tuple(names), f"{verb} with the next {nouns}{_of_that_kind(leaf)}"


def _nearly(leaf: Condition, observed: Number) -> str | None:
    """Return in which small thing a value differs from one that passes; None if it passes, or differs in more."""
    if not isinstance(leaf, Attribute) or not isinstance(observed, str) or leaf.passes(observed):
        return None
    if leaf.passes(_NO_VALUE):
        return None  # it asks for any value except some
    words = " ".join(observed.split())
    if any(leaf.passes(form) for form in (words, *(change(words) for change in _CASES))):
        return "values are compared exactly: this one differs only in case or blanks"
    return None


def _by_volume(leaf: Volume, truth: int, observed: float) -> tuple[tuple[str, ...], str | None]:
    """Return how much more would reach the lower bound of a volume, or exceed its upper one."""
    unit = 1 if leaf.adds is None else UNIT
    if truth == FALSE and leaf.high is not None and observed > leaf.high / unit:
        return (), None  # only time can reduce what is above the upper bound
    bound = leaf.high if truth == TRUE else leaf.low
    assert bound is not None
    if leaf.adds is not None:
        more = f"{'more than ' if truth == TRUE else ''}{bound / UNIT - observed:.10g}"
        return (leaf.type,), f"changes when {attribute(f'{leaf.type}.{leaf.adds}')} grows by {more}"
    count = round(bound - observed) + (truth == TRUE)
    events = noun(leaf.type) if count == 1 else f"{count} {plural(noun(leaf.type))}"
    return (leaf.type,), f"changes with the next {events}{_of_that_kind(leaf)}"


def _of_that_kind(leaf: Condition) -> str:
    """Return the words for a filter: not every event of the type counts."""
    return " of that kind" if isinstance(leaf, Absence | Volume) and leaf.series != leaf.type else ""
