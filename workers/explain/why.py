"""Explains why each rule holds for a customer, does not hold, or cannot be known; what would change that, and when.

Pure. It makes no decision: `decide` gives the state of the rules at a moment, and the compiled conditions give the
observed values. It must not know where data is stored or how an answer is shown.
"""

from collections.abc import Iterable, Iterator, Mapping

from workers.core.conditions.ladder import ActiveLadder, Stretch
from workers.core.coverage import FOREVER_MS
from workers.core.rules.rule_set import Rule
from workers.explain.conditions import ConditionExplainer
from workers.explain.moment import Moment, TooEarly, decide_until
from workers.explain.rule_at_moment import rule_at
from workers.explain.rule_states import states_of
from workers.explain.snapshot import CustomerSnapshot, decided_until
from workers.explain.why_report import FORGOTTEN, ConditionReport, Gap, RuleReport, Verdict, WhyReport, in_words

__all__ = ["TooEarly", "explain_customer"]


def explain_customer(snapshot: CustomerSnapshot, at_ms: int, titles: Mapping[str, str] | None = None) -> WhyReport:
    """Explain the state of every rule for a customer.

    Args:
        snapshot: the customer; not changed.
        at_ms: the moment to explain, at or after `snapshot.decided_ms`. After `snapshot.now_ms` everything is
            explained for the case that nothing happens until then.
        titles: of rules, by id; without one the id is used.

    Raises:
        TooEarly: if the customer is decided beyond that moment.
    """
    moment = decide_until(snapshot, at_ms)
    conditions = ConditionExplainer(moment)
    known_titles = titles or {}
    reports = tuple(
        _explain_rule(moment, conditions, rule, known_titles.get(rule.id, rule.id)) for rule in snapshot.rules.rules
    )
    due_ms = moment.due_ms or None
    return WhyReport(
        customer_id=snapshot.customer_id,
        at_ms=at_ms,
        is_ahead=at_ms > snapshot.now_ms,
        known_since_ms=moment.customer.first_ms,
        latest_event_ms=moment.customer.at_ms,
        rules=reports,
        looks_again_ms=due_ms,
        looks_again_because=() if due_ms is None else tuple(_causes(reports, due_ms)),
        waits=tuple(moment.unseen(event_type) for event_type in moment.waits_for),
        notes=(*snapshot.notes, *_notes(moment)),
    )


def _explain_rule(moment: Moment, conditions: ConditionExplainer, rule: Rule, title: str) -> RuleReport:
    standing = rule_at(moment, rule)
    condition = conditions.explain(rule.when, standing.active.condition, standing.blocked_ms)
    return RuleReport(
        id=rule.id,
        title=title,
        verdict=standing.verdict,
        since_ms=standing.episode.start_ms if standing.episode.holding else None,
        gaps=_gaps_of_rule(moment, rule, standing.blocked_ms, standing.verdict, condition),
        change=standing.change(),
        states=tuple(states_of(standing)),
        condition=condition,
    )


def _gaps_of_rule(
    moment: Moment, rule: Rule, blocked_ms: int | None, verdict: Verdict, condition: ConditionReport
) -> tuple[Gap, ...]:
    if blocked_ms is not None:
        unseen = moment.coverage.unseen(rule.types, blocked_ms)
        return () if unseen is None else (moment.unseen(unseen),)
    return tuple(dict.fromkeys(condition.open_gaps())) if verdict == "not observable" else ()


def _notes(moment: Moment) -> Iterator[str]:
    """Yield notes on the customer as a whole."""
    customer = moment.customer
    if (forgotten_ms := customer.forgotten_ms(decided_until(customer))) <= moment.at_ms:
        yield f"forgotten since {in_words(forgotten_ms)}: {FORGOTTEN}"
    yield from _stage(moment)
    policy, attributes = moment.snapshot.rules.contact_policy, moment.customer.attributes
    if (spelling := policy.not_understood(attributes)) is not None:
        yield f"answered '{spelling}' to whether messages are wanted, which is neither yes nor no: no rule acts"
    elif policy.is_opted_out(attributes):
        yield "does not want to receive messages: no rule acts"


def _stage(moment: Moment) -> Iterator[str]:
    """Yield on which stage the customer stands, since when, and what would change it."""
    ladder = moment.decider.program.ladder
    if ladder is None:
        return
    ladder.is_stale = True
    stretch = ladder.at(max(moment.at_ms, moment.customer.at_ms))
    name = ladder.name(stretch.code)
    if not stretch.is_known or name is None:
        known = "" if name is None else f"; the last one that was known is '{name}'"
        yield f"it is not known on which stage: a step above cannot be ruled out{known}"
        return
    came_from = ladder.name(stretch.from_code)
    origin = "" if came_from is None else f", from '{came_from}'"
    since = in_words(stretch.since_ms)
    yield f"stands on the stage '{name}' since {since}{origin}; {_stage_changes(ladder, stretch)}"


def _stage_changes(ladder: ActiveLadder, stretch: Stretch) -> str:
    """Return what would change a stage: the next moment at which time does, and the events that can."""
    events = " or ".join(sorted(ladder.types)) or "event"
    code = stretch.code
    while stretch.until_ms < FOREVER_MS:
        at_ms = stretch.until_ms
        stretch = ladder.at(at_ms)
        if not stretch.is_known:
            return f"not known from {in_words(at_ms)} on, and can change with the next {events}"
        if stretch.code != code:
            return f"becomes '{ladder.name(stretch.code)}' on {in_words(at_ms)}, or changes with the next {events}"
    return f"can change with the next {events}"


def _causes(reports: Iterable[RuleReport], due_ms: int) -> Iterator[str]:
    """Yield the rules that change at a moment, each with the condition that changes it."""
    for report in reports:
        if report.change is None or report.change.at_ms != due_ms:
            continue
        phrases = [leaf.phrase for leaf in report.condition.leaves() if leaf.change and leaf.change.at_ms == due_ms]
        becomes = {"true": "begins to hold", "false": "ends", "not observable": "can no longer be known"}
        by = f" ({phrases[0]})" if phrases else ""
        yield f"'{report.title}' {becomes[report.change.becomes]}{by}"
