"""Why each rule holds for a customer, does not hold, or cannot be known; what would change that, and when.

Pure, and with no mind of its own: `decide` says how the rules stand at a moment, the compiled conditions say what
they find. What is here must not know where anything is stored nor how an answer is shown.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import copy, deepcopy
from dataclasses import replace
from typing import Final

from schemas.actions import Action, Decision, Number
from schemas.durations import DAY_MS
from workers.core.conditions import (
    FALSE,
    NOT_OBSERVABLE,
    TRUE,
    Absence,
    Cancelled,
    Condition,
    Deadline,
    Negation,
    Several,
    Trait,
    Volume,
)
from workers.core.coverage import FOREVER_MS, Coverage, type_of
from workers.core.customer.activity import Activity, Candidate, Episode
from workers.core.decisions.admission import Admission
from workers.core.decisions.decide import decide
from workers.core.events.decoding import UNIT
from workers.core.phrases import attribute, listed, noun, plural
from workers.core.rules.contact_policy import is_held_out
from workers.core.rules.rule_set import Rule, RuleSet
from workers.explain.why_report import (
    Change,
    ConditionReport,
    Gap,
    GapKind,
    RuleReport,
    State,
    Verdict,
    WhyReport,
    in_words,
)

_VERDICTS: Final[dict[int, Verdict]] = {FALSE: "false", NOT_OBSERVABLE: "not observable", TRUE: "true"}
_TRUTHS: Final = {verdict: truth for truth, verdict in _VERDICTS.items()}
_MAX_FLIPS: Final = 64


class TooEarly(ValueError):
    """The moment asked for lies before the one until which the customer is decided: facts are kept, not events."""


def explain_customer(
    customer_id: str,
    activity: Activity,
    rules: RuleSet,
    observed: Coverage,
    at_ms: int,
    now_ms: int,
    *,
    titles: Mapping[str, str] | None = None,
    troubles: Mapping[str, str] | None = None,
    held: Collection[str] = (),
) -> WhyReport:
    """Explain how every rule stands for a customer.

    Until `now_ms` a rule is followed as far as its types have been seen, as a worker does it; from there to a later
    `at_ms` as if nothing happened and everything had been seen.

    Args:
        customer_id: whose.
        activity: as stored; not changed.
        rules: the rule set in force.
        observed: what has been watched since when, and seen until when.
        at_ms: the moment to explain, not before the latest one that is decided.
        now_ms: what the clock shows.
        titles: of rules, by id.
        troubles: what is the matter with the sources of a type, by type.
        held: ids of rules whose latest action is held by their pace.

    Raises:
        TooEarly: if the customer is decided beyond that moment.
    """
    decided_ms = decided_until(activity)
    if at_ms < decided_ms:
        raise TooEarly(
            f"the customer is decided until {in_words(decided_ms)}; Linger keeps facts, not events, and cannot look "
            f"back to {in_words(at_ms)}"
        )
    inquiry = _Inquiry(customer_id, activity, rules, observed, (at_ms, now_ms), troubles or {}, held)
    known = titles or {}
    reports = tuple(inquiry.rule(rule, known.get(rule.id, rule.id)) for rule in rules.rules)
    due_ms = inquiry.due_ms or None
    return WhyReport(
        customer_id=customer_id,
        at_ms=at_ms,
        is_ahead=at_ms > now_ms,
        known_since_ms=activity.first_ms,
        latest_event_ms=activity.at_ms,
        rules=reports,
        looks_again_ms=due_ms,
        looks_again_because=() if due_ms is None else tuple(_causes(reports, due_ms)),
        waits=inquiry.waits,
        notes=tuple(inquiry.notes()),
    )


def decided_until(activity: Activity) -> int:
    """Return the latest moment that is decided, which is the earliest that can be explained."""
    return max(activity.at_ms, activity.fired_ms)


class _Inquiry:
    """One customer at one moment; changes nothing that it was given.

    Attributes:
        due_ms: when to look again, 0 for never.
        waits: the types that the customer waits for.
    """

    def __init__(
        self,
        customer_id: str,
        activity: Activity,
        rules: RuleSet,
        observed: Coverage,
        moments: tuple[int, int],
        troubles: Mapping[str, str],
        held: Collection[str],
    ) -> None:
        self._customer_id = customer_id
        self._rules = rules
        self._observed = observed
        self._at_ms, self._now_ms = moments
        self._troubles = troubles
        self._held = held
        self._keys = frozenset({plan.key for plan in rules.plans()} | set(observed.since))
        self._decisions: list[Action | Decision] = []
        self._activity = deepcopy(activity)
        waiting = self._follow(observed, min(moments))
        self.waits = tuple(self._unseen(name) for name in sorted(waiting))
        if self._at_ms > self._now_ms:
            self._follow(replace(observed, until={}), self._at_ms)

    def _follow(self, observed: Coverage, upto_ms: int) -> Mapping[str, int]:
        """Decide what a worker would decide until then; returns for which types the customer waits."""
        outcome = decide(self._customer_id, self._activity, (), self._rules, observed, upto_ms)
        assert outcome.activity is not None
        self._activity = outcome.activity
        self._decisions += outcome.decisions
        self.due_ms = outcome.due_ms
        return outcome.waiting

    def notes(self) -> Iterator[str]:
        """Iterate over what is so with the customer as a whole."""
        if self._rules.control.is_opted_out(self._activity.traits):
            yield "does not want to be written to: no rule acts"

    # -- rules ---------------------------------------------------------------------------------------------

    def rule(self, rule: Rule, title: str) -> RuleReport:
        """Explain one rule."""
        episode = self._activity.episodes.get(rule.id) or Episode()
        stuck_ms = self._stuck(rule, episode)
        condition = self._node(rule.condition, stuck_ms)
        verdict = self._verdict(rule, episode, stuck_ms)
        gaps: tuple[Gap, ...] = ()
        if stuck_ms is not None:
            unseen = self._observed.unseen(rule.types, stuck_ms)
            gaps = () if unseen is None else (self._unseen(unseen),)
        elif verdict == "not observable":
            gaps = tuple(dict.fromkeys(condition.open_gaps()))
        return RuleReport(
            id=rule.id,
            title=title,
            verdict=verdict,
            since_ms=episode.start_ms if episode.holding else None,
            gaps=gaps,
            change=None if stuck_ms is not None else self._rule_change(rule, episode, verdict),
            states=tuple(self._states(rule, episode, stuck_ms)),
            condition=condition,
        )

    def _stuck(self, rule: Rule, episode: Episode) -> int | None:
        """Return the due time at which the rule has stopped because a type is not seen, None if it has not."""
        if episode.pending_ms:
            return episode.pending_ms
        if not self._activity.has(rule.requires):
            return None  # it cannot hold yet, so nobody looks at it
        due_ms = self._lasted_ms(rule, episode) or FOREVER_MS
        due_ms = min(due_ms, self._look(rule.condition, decided_until(self._activity))[1])
        return due_ms if due_ms <= self._at_ms else None

    @staticmethod
    def _lasted_ms(rule: Rule, episode: Episode) -> int | None:
        """Return when the condition will have held for as long as the rule demands, None if it does not wait."""
        return episode.met_ms + rule.for_ms if episode.met_ms and not episode.holding else None

    def _verdict(self, rule: Rule, episode: Episode, stuck_ms: int | None) -> Verdict:
        if episode.holding:
            return "true"
        return "not observable" if stuck_ms is not None else self._unless_held(rule, self._at_ms)

    def _unless_held(self, rule: Rule, at_ms: int) -> Verdict:
        """Return how a rule stands at a moment if it did not hold before."""
        truth = self._look(rule.condition, at_ms)[0]
        return "false" if truth == TRUE and rule.for_ms else _VERDICTS[truth]

    def _rule_change(self, rule: Rule, episode: Episode, verdict: Verdict) -> Change | None:
        """Follow the condition until the rule as a whole changes; None if it does not within some flips."""
        at_ms, met_ms = self._at_ms, episode.met_ms
        for _ in range(_MAX_FLIPS):
            flip_ms = self._look(rule.condition, at_ms)[1]
            if verdict != "true" and met_ms and at_ms < met_ms + rule.for_ms < flip_ms:
                return Change(met_ms + rule.for_ms, "true")
            if flip_ms >= FOREVER_MS:
                return None
            at_ms, truth = flip_ms, self._look(rule.condition, flip_ms)[0]
            if truth != TRUE:
                met_ms = 0
            elif rule.for_ms:
                met_ms = met_ms or flip_ms
            # What holds goes on until it is known not to.
            becomes = verdict if verdict == "true" and truth != FALSE else self._unless_held(rule, flip_ms)
            if becomes != verdict:
                return Change(flip_ms, becomes)
        return None

    # -- what else is so with a rule -----------------------------------------------------------------------

    def _states(self, rule: Rule, episode: Episode, stuck_ms: int | None) -> Iterator[State]:
        if rule.shadow:
            yield State("shadow", "in shadow: decided and reported, nothing is sent")
        if rule.paused:
            yield State("paused", "paused: sends nothing new")
        if stuck_ms is not None:
            yield State("waiting", f"was to be decided anew as of {in_words(stuck_ms)}, and waits", stuck_ms)
        elif episode.holding and self._look(rule.condition, self._at_ms)[0] == NOT_OBSERVABLE:
            yield State("unconfirmed", "cannot be confirmed at present; it holds until it is known not to")
        if (lasted_ms := self._lasted_ms(rule, episode)) is not None:
            text = f"its condition holds since {in_words(episode.met_ms)} and must hold until {in_words(lasted_ms)}"
            yield State("met", text, episode.met_ms, lasted_ms)
        yield from self._acted(rule, episode)
        queued = [one for one in self._activity.candidates if one.rule == rule.id and not one.withdrawn_ms]
        for candidate in queued:
            yield self._waiting(rule, candidate)
        decided = [self._decided(decision) for decision in self._decisions if decision.rule.id == rule.id]
        yield from decided
        if episode.holding and episode.acted_ms != episode.start_ms and not queued and not decided:
            yield from self._refused(rule, episode)

    def _acted(self, rule: Rule, episode: Episode) -> Iterator[State]:
        acted_ms, held = episode.acted_ms, rule.hold_out
        if not acted_ms:
            return
        if held is not None and is_held_out(held.key, held.experiment, self._customer_id, held.share):
            text = f"held out of '{held.experiment}' on {in_words(acted_ms)}, to measure the effect"
            yield State("held_out", text, acted_ms)
        elif rule.id in self._held:
            yield State("held", f"its action of {in_words(acted_ms)} is held by the rule's pace", acted_ms)
        elif episode.open_until_ms > self._at_ms:
            text = f"acted on {in_words(acted_ms)}; the action is good until {in_words(episode.open_until_ms)}"
            yield State("acted", text, acted_ms, episode.open_until_ms)
        else:
            # Nothing but a retraction ends an action before it expires.
            back = ", and took the action back" if self._at_ms < acted_ms + rule.expires_after_ms else ""
            yield State("acted", f"acted on {in_words(acted_ms)}{back}", acted_ms)
        if rule.again_after_ms is None:
            yield State("cooling_down", "never acts again for this customer", acted_ms)
        elif (until_ms := acted_ms + rule.again_after_ms) > self._at_ms:
            yield State("cooling_down", f"cooling down until {in_words(until_ms)}", acted_ms, until_ms)

    def _waiting(self, rule: Rule, candidate: Candidate) -> State:
        unseen = self._observed.unseen(rule.waits, candidate.start_ms)
        because = "other rules are decided first" if unseen is None else self._unseen(unseen).text
        text = f"its action of {in_words(candidate.start_ms)} waits: {because}"
        return State("waiting", text, candidate.start_ms)

    def _decided(self, decision: Action | Decision) -> State:
        """Return a decision that no worker has taken yet."""
        at_ms = round(decision.decided_at.timestamp() * 1000)
        if isinstance(decision, Decision):
            return State(decision.decision, f"does not act on {in_words(at_ms)}: {decision.detail}", at_ms)
        what = f"asks for '{decision.template}'" if decision.status == "active" else "takes its action back"
        when = "as soon as a worker looks" if at_ms <= self._now_ms else "if nothing happens until then"
        return State("expected", f"{what} as of {in_words(at_ms)}, {when}", at_ms)

    def _refused(self, rule: Rule, episode: Episode) -> Iterator[State]:
        """Find out why a rule that holds did not act: by asking what would become of its action today."""
        if rule.shadow or rule.paused:
            return
        start_ms = episode.start_ms
        if start_ms < rule.live_since_ms:
            yield State("left_alone", "left alone: it held already when the rule went live", start_ms)
            return
        probe = deepcopy(self._activity)
        probe.flips = {}  # of other rules, which must not be waited for
        probe.candidates = [Candidate(rule.id, start_ms, 0, rule.action, rule.version, {}, ())]
        decisions: list[Action | Decision] = []
        Admission(self._customer_id, self._rules, replace(self._observed, until={}), decisions).release(probe)
        refusals = [one for one in decisions if isinstance(one, Decision)]
        if refusals:
            yield State(refusals[0].decision, f"did not act: {refusals[0].detail}", start_ms)
        else:
            yield State("no_action", "did not act when it began to hold; the decisions topic says why", start_ms)

    # -- conditions ----------------------------------------------------------------------------------------

    def _node(self, condition: Condition, stuck_ms: int | None, *, opposite: bool = False) -> ConditionReport:
        """Explain a condition, or its opposite: every `not` is carried to the elementary conditions inside.

        So it stands where the phrases are, which say the opposite there.
        """
        if isinstance(condition, Negation):
            return self._node(condition.part, stuck_ms, opposite=not opposite)
        if isinstance(condition, Several):
            parts = tuple(self._node(part, stuck_ms, opposite=opposite) for part in condition.parts)
            truths = [_TRUTHS[part.verdict] for part in parts]
            if (condition.ruling == FALSE) != opposite:
                return ConditionReport("all", _VERDICTS[min(truths)], parts=parts)
            return ConditionReport("any", _VERDICTS[max(truths)], parts=parts)
        return self._leaf(condition, stuck_ms, opposite=opposite)

    def _leaf(self, plain: Condition, stuck_ms: int | None, *, opposite: bool) -> ConditionReport:
        leaf: Condition = Negation(plain) if opposite else plain
        truth = self._look(leaf, self._at_ms)[0]
        gaps: tuple[Gap, ...] = ()
        if truth == NOT_OBSERVABLE:
            gaps = tuple(self._gaps(plain))
        elif stuck_ms is not None:
            unseen = self._observed.unseen(leaf.needs if truth == TRUE else leaf.spoils, stuck_ms)
            gaps = () if unseen is None else (self._unseen(unseen),)
        reason = leaf.reasons(self._activity, self._at_ms, self._observed)[0]
        events, by_events = _by_events(plain, TRUE - truth if opposite else truth, reason.observed)
        return ConditionReport(
            kind="condition",
            verdict="not observable" if gaps else _VERDICTS[truth],
            phrase=reason.condition,
            observed=reason.observed,
            bound=reason.bound,
            window=reason.window,
            gaps=gaps,
            change=self._change(leaf),
            events=events,
            by_events=by_events,
        )

    def _change(self, condition: Condition) -> Change | None:
        flip_ms = self._look(condition, self._at_ms)[1]
        return None if flip_ms >= FOREVER_MS else Change(flip_ms, _VERDICTS[self._look(condition, flip_ms)[0]])

    def _look(self, condition: Condition, at_ms: int) -> tuple[int, int]:
        return condition.look(self._activity, at_ms, self._observed)

    # -- what is missing -----------------------------------------------------------------------------------

    def _unseen(self, name: str) -> Gap:
        return Gap("unseen", name, self._observed.until.get(name), self._troubles.get(name))

    def _gaps(self, leaf: Condition) -> Iterator[Gap]:
        """Find out what a condition would need to be known: nobody knows that but the condition itself.

        It is asked again as if its series had been watched and kept for ever and the customer known for ever; what
        turns out not to be needed is left out one after the other.
        """
        # What reads no type of its own reads them all: since when the customer is known.
        mine = sorted(key for key in self._keys if not leaf.types or type_of(key) in leaf.types)
        lacking: list[tuple[GapKind, str]] = [("watched", key) for key in mine]
        lacking += [("kept", key) for key in mine]
        lacking.append(("customer", ""))
        if not self._is_known(leaf, lacking):
            yield self._untold(leaf)
            return
        for one in list(lacking):
            others = [other for other in lacking if other != one]
            if self._is_known(leaf, others):
                lacking = others
        gaps = {self._gap(kind, key) for kind, key in lacking}
        # The latest moment first: it says when there will be enough.
        yield from sorted(gaps, key=lambda gap: (-(gap.since_ms or FOREVER_MS), gap.type or ""))

    def _is_known(self, leaf: Condition, supposed: Iterable[tuple[GapKind, str]]) -> bool:
        """Tell whether a condition were known if nothing of this were lacking."""
        since, whole = dict(self._observed.since), set(self._observed.complete)
        activity, series = self._activity, dict(self._activity.series)
        for kind, key in supposed:
            if kind == "customer":
                activity = replace(activity, first_ms=0)
            elif kind == "watched":
                since[key] = 0
                whole.add(key)
            elif key in series:
                series[key] = copy(series[key])
                series[key].gone_day = 0
        activity = replace(activity, series=series)
        observed = replace(self._observed, since=since, complete=frozenset(whole))
        return leaf.look(activity, self._at_ms, observed)[0] != NOT_OBSERVABLE

    def _untold(self, leaf: Condition) -> Gap:
        if not isinstance(leaf, Trait | Deadline):
            return Gap("untold", None, None, "events came too late to tell what followed what")
        name, attribute_name = leaf.trait.split(".", 1)
        if leaf.trait in self._activity.traits:
            return Gap("untold", name, None, f"the latest '{attribute_name}' that a '{name}' event told is no date")
        return Gap("untold", name, None, f"no '{name}' event has told its '{attribute_name}' yet")

    def _gap(self, kind: GapKind, key: str) -> Gap:
        if kind == "customer":
            return Gap(kind, None, self._activity.first_ms)
        name = type_of(key)
        if kind == "kept":
            return Gap(kind, name, (self._activity.series[key].gone_day + 1) * DAY_MS)
        since_ms = self._observed.since.get(key)
        return Gap("unwatched" if since_ms is None else kind, name, since_ms)


def _causes(reports: Iterable[RuleReport], due_ms: int) -> Iterator[str]:
    """Say which rules change at a moment, and by which of their conditions."""
    for report in reports:
        if report.change is None or report.change.at_ms != due_ms:
            continue
        phrases = [leaf.phrase for leaf in report.condition.leaves() if leaf.change and leaf.change.at_ms == due_ms]
        becomes = {"true": "begins to hold", "false": "ends", "not observable": "can no longer be known"}
        by = f" ({phrases[0]})" if phrases else ""
        yield f"'{report.title}' {becomes[report.change.becomes]}{by}"


def _by_events(leaf: Condition, truth: int, found: Number) -> tuple[tuple[str, ...], str | None]:
    """Return the types of which an event can change a condition, and the same in words."""
    types = {TRUE: leaf.needs, FALSE: leaf.spoils}.get(truth, leaf.needs | leaf.spoils)
    if not types:
        return (), None
    if isinstance(leaf, Volume) and truth != NOT_OBSERVABLE and isinstance(found, int | float):
        return _more_of(leaf, truth, found)
    names = sorted(types)
    at_once = isinstance(leaf, Absence) or (isinstance(leaf, Cancelled) and not leaf.for_ms)
    verb = "changes" if at_once and truth != NOT_OBSERVABLE else "can change"
    words = listed([noun(name) for name in names], "or")
    return tuple(names), f"{verb} with the next {words}{_kind_of(leaf)}"


def _more_of(leaf: Volume, truth: int, found: float) -> tuple[tuple[str, ...], str | None]:
    """Say how much more it takes to reach a lower bound or to pass an upper one."""
    unit = 1 if leaf.adds is None else UNIT
    if truth == FALSE and leaf.high is not None and found > leaf.high / unit:
        return (), None  # only time can undo what is too much
    bound = leaf.high if truth == TRUE else leaf.low
    assert bound is not None
    if leaf.adds is not None:
        more = f"{'more than ' if truth == TRUE else ''}{bound / UNIT - found:.10g}"
        return (leaf.type,), f"changes when {attribute(f'{leaf.type}.{leaf.adds}')} grows by {more}"
    number = round(bound - found) + (truth == TRUE)
    what = noun(leaf.type) if number == 1 else f"{number} {plural(noun(leaf.type))}"
    return (leaf.type,), f"changes with the next {what}{_kind_of(leaf)}"


def _kind_of(leaf: Condition) -> str:
    """Say that not every event of the type counts, where there is a filter."""
    return " of that kind" if isinstance(leaf, Absence | Volume) and leaf.series != leaf.type else ""
