"""The document of a preview: every figure as plain values, printed as JSON or drawn by `report`.

Pure: this module must never know terminals.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, TypeVar

from schemas.durations import DAY_MS, write_duration
from schemas.rules import Rule, RuleBook
from schemas.value import Valuation
from workers.rule_files.values.unseen import Unseen
from workers.rule_preview.counts import Customers
from workers.rule_preview.measuring import ENOUGH, measuring, measuring_document
from workers.rule_preview.outcomes import AWAY_DAYS, outcome_document, success_of
from workers.rule_preview.parts import PartCounts, phrases_of
from workers.rule_preview.preview import (
    NEVER,
    PreviewCounts,
    PreviewTask,
    ReachChange,
    RuleCounts,
    evaluated_rules,
)
from workers.rule_preview.stages import StageCounts, StagesTask, stages_document

_EPOCH: Final = date(1970, 1, 1)


_MONDAY: Final = 3  # 1970-01-01 was a Thursday


_NAMED: Final = 2
_SHOWN_VALUES: Final = 5

Name = TypeVar("Name", str, tuple[str, str])


@dataclass(frozen=True, slots=True)
class PreviewResult:
    """A finished preview.

    Attributes:
        history: the name of the history, as it was given.
        task: the task of the preview.
        counts: its counts.
        first_ms: the first event of the history, in epoch milliseconds.
        last_ms: the last event of the history, in epoch milliseconds.
        reads: by rule id, the event types that can change the rule.
        unreadable: by reason, the number of records that could not be read.
        examples: the first of those records.
        skipped: the number of records that `only_when` leaves out.
        without_zone: the number of times without a zone, which were read as UTC.
        left_out: values that were cut or left out of their events, by `type.attribute` and reason.
        parts: the conditions of the rules that never began to hold, one by one; None if there is no such rule.
        stages: where customers stood on a ladder; None without one.
        unseen: what the rules name and the history does not have.
        against: the name of the other version; None without one.
        reading_seconds: how long reading the history took.
        deciding_seconds: how long deciding took.
    """

    history: str
    task: PreviewTask
    counts: PreviewCounts
    first_ms: int
    last_ms: int
    reads: Mapping[str, frozenset[str]]
    unreadable: Mapping[str, int] = field(default_factory=dict)
    examples: Sequence[str] = ()
    skipped: int = 0
    without_zone: int = 0
    left_out: Mapping[tuple[str, str], int] = field(default_factory=dict)
    parts: PartCounts | None = None
    stages: tuple[StagesTask, StageCounts] | None = None
    unseen: Sequence[Unseen] = ()
    against: str | None = None
    reading_seconds: float = 0.0
    deciding_seconds: float = 0.0


def document_of(result: PreviewResult) -> dict[str, Any]:
    """Return a preview as one JSON object. Except for the seconds, it depends only on the input."""
    task, counts = result.task, result.counts
    seconds = result.reading_seconds + result.deciding_seconds
    document: dict[str, Any] = {
        "history": {
            "name": result.history,
            "first_event": _time(result.first_ms),
            "last_event": _time(result.last_ms),
            "complete": task.whole,
            "customers": counts.customers,
            "events": counts.events,
            "events_by_type": dict(sorted(counts.types.items())),
            "duplicates": counts.duplicates,
            "skipped": result.skipped,
            "unreadable": dict(result.unreadable),
            "unreadable_examples": list(result.examples),
            "values_left_out": [
                {"attribute": attribute, "reason": reason, "events": number}
                for (attribute, reason), number in _most_first(result.left_out)
            ],
            "answers_not_understood": dict(_most_first(counts.not_understood)),
        },
        "period": {"since": _time(task.since_ms), "until": _time(task.upto_ms)},
        "rules": [_rule_document(rule, counts.rules[rule.id], result) for rule in evaluated_rules(task.book)],
        "any_rule": {
            "actions": sum(rule_counts.actions for rule_counts in counts.rules.values()),
            **_customers_document(counts.reached, counts.customers, with_ids=task.all_ids),
            **({} if task.book.value is None else {"at_stake": counts.at_stake / 100}),
        },
        "overlap": [
            {"rules": list(pair), "customers": number} for pair, number in sorted(counts.overlap.items()) if number
        ],
        "usual_gap": {
            name: {
                "days": _days(gaps.between_ms / gaps.gaps),
                "mean_of_customers_days": _days(gaps.means_ms / gaps.customers),
                "customers": gaps.customers,
                "gaps": gaps.gaps,
            }
            for name, gaps in sorted(counts.gaps.items())
        },
        "notes": _notes(result),
        "seconds": {"reading": round(result.reading_seconds, 3), "deciding": round(result.deciding_seconds, 3)},
        "events_per_second": round(counts.events / seconds) if seconds else None,
        "customers_per_second": round(counts.customers / seconds) if seconds else None,
    }
    if task.book.value is not None:
        document["value"] = _value_document(task.book.value, counts)
    if result.stages is not None:
        document["stages"] = stages_document(*result.stages)
    if task.against is not None:
        document["against"] = _against_document(result, task.against)
    return document


def _rule_document(rule: Rule, counts: RuleCounts, result: PreviewResult) -> dict[str, Any]:
    largest_day = _largest(counts.days)
    return {
        "id": rule.id,
        "title": rule.title,
        "status": rule.status,
        "action": rule.action,
        "actions": counts.actions,
        **_customers_document(counts.customers, result.counts.customers, with_ids=result.task.all_ids),
        "retracted": counts.retracted.total(),
        "retracted_because": dict(sorted(counts.retracted.items())),
        "suppressed": dict(sorted(counts.suppressed.items())),
        "outranked_by": dict(_most_first(counts.outranked_by)),
        "outcome": _outcome_document(rule, counts, result),
        "delayed_by_quiet_hours": counts.delayed,
        "first_day": _day(min(counts.days)) if counts.days else None,
        "last_day": _day(max(counts.days)) if counts.days else None,
        "largest_day": None if largest_day is None else {"day": _day(largest_day[0]), "actions": largest_day[1]},
        "weeks": _weeks(counts.days, result.task),
        "pace": _pace_document(rule, counts),
        "hold_out": _hold_out_document(rule, counts, result),
        "at_first_event": counts.at_first_event,
        "not_observable": _unknown_document(counts),
        "never_occurs": [_unseen_document(unseen) for unseen in result.unseen if rule.id in unseen.rules],
        "conditions": _conditions_document(rule, counts, result),
        **_money_document(counts, result.task.book.value),
    }


def _hold_out_document(rule: Rule, counts: RuleCounts, result: PreviewResult) -> dict[str, Any] | None:
    policy, period_ms = result.task.book.for_every_rule, result.task.upto_ms - result.task.since_ms
    finished = counts.outcome.came_back + counts.outcome.stayed_away
    rate = counts.outcome.came_back / finished if finished >= ENOUGH else None
    return measuring_document(measuring(rule, policy, counts.customers.number, period_ms, rate))


def _outcome_document(rule: Rule, counts: RuleCounts, result: PreviewResult) -> dict[str, Any] | None:
    success = success_of(rule, result.task.book.for_every_rule)
    plain = None if success is None else result.counts.plain.get(success)
    return outcome_document(success, counts.outcome, plain)


def _money_document(counts: RuleCounts, value: Valuation | None) -> dict[str, Any]:
    """Return what the customers of a rule are worth, if it is said what counts as value."""
    if value is None:
        return {}
    document: dict[str, Any] = {"at_stake": counts.at_stake / 100}
    if value.cost_of_winning is not None:
        document["not_paid_back"] = _share_of(counts.not_paid_back, counts.customers.number)
    return document


def _value_document(value: Valuation, counts: PreviewCounts) -> dict[str, Any]:
    cost = value.cost_of_winning
    document: dict[str, Any] = {
        "currency": value.currency,
        "window": "ever" if value.within is None else write_duration(value.within),
        "cost_of_winning": None if cost is None else _plain(cost),
    }
    if cost is not None:
        document["cancelled"] = {
            "customers": counts.cancelled,
            "not_paid_back": _share_of(counts.cancelled_not_paid_back, counts.cancelled),
        }
    return document


def _share_of(number: int, of: int) -> dict[str, Any]:
    return {"customers": number, "share": round(number / of, 6) if of else 0.0}


def _unknown_document(counts: RuleCounts) -> dict[str, Any]:
    """Return how many customers a rule is not observable for at the end, and when time alone makes it known."""
    days = [day for day in counts.unknown if day != NEVER]
    return {
        "customers": counts.unknown.total(),
        "known_from": _day(min(days)) if days else None,
        "all_known_from": _day(max(days)) if days else None,
        "until_an_event": counts.unknown[NEVER],
        "decisions": counts.not_observable,
    }


def _unseen_document(unseen: Unseen) -> dict[str, Any]:
    return {
        "what": unseen.what,
        "name": unseen.name,
        "value": _plain(unseen.value),
        "instead": [{"value": _plain(value), "events": number} for value, number in unseen.near],
        "file": unseen.file,
        "line": unseen.at.line,
        "column": unseen.at.column,
        "text": unseen.message,
    }


def _plain(value: Any) -> Any:
    if not isinstance(value, Decimal):
        return value
    return int(value) if value == value.to_integral_value() else float(value)


def _conditions_document(rule: Rule, counts: RuleCounts, result: PreviewResult) -> list[dict[str, Any]] | None:
    """Return for how many customers each condition ever held; None for a rule that began to hold."""
    if result.parts is None or counts.actions or counts.suppressed:
        return None
    held, unknown = result.parts.held, result.parts.unknown
    return [
        {"condition": phrase, "held": held[rule.id, number], "not_observable": unknown[rule.id, number]}
        for number, phrase in enumerate(phrases_of(rule, result.task.book))
    ]


def _customers_document(customers: Customers, all_customers: int, *, with_ids: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "customers": customers.number,
        "share": round(customers.number / all_customers, 6) if all_customers else 0.0,
    }
    if with_ids:
        document["customer_ids"] = customers.ids()
    return document


def _pace_document(rule: Rule, counts: RuleCounts) -> dict[str, Any] | None:
    if rule.pace is None:
        return None
    most, unit = rule.pace
    largest = _largest(counts.periods)
    return {
        "at_most": most,
        "per": unit,
        "over_pace": rule.over_pace,
        "largest": 0 if largest is None else largest[1],
        "above": sum(max(0, number - most) for number in counts.periods.values()),
    }


def _against_document(result: PreviewResult, against: RuleBook) -> dict[str, Any]:
    counts = result.counts
    now = {rule.id for rule in evaluated_rules(result.task.book)}
    before = {rule.id for rule in evaluated_rules(against)}
    is_valued = result.task.book.value is not None and against.value is not None
    return {
        "name": result.against,
        "rules": [
            {
                "id": rule_id,
                "is": "in both" if rule_id in now & before else "new" if rule_id in now else "gone",
                "customers_before": counts.before[rule_id].customers.number if rule_id in before else 0,
                "customers": counts.rules[rule_id].customers.number if rule_id in now else 0,
                "actions_before": counts.before[rule_id].actions if rule_id in before else 0,
                "actions": counts.rules[rule_id].actions if rule_id in now else 0,
                **_change_document(counts.changes[rule_id], is_valued),
            }
            for rule_id in sorted(now | before)
        ],
        "any_rule": {
            "customers_before": counts.reached_before.number,
            "customers": counts.reached.number,
            "actions_before": sum(rule_counts.actions for rule_counts in counts.before.values()),
            "actions": sum(rule_counts.actions for rule_counts in counts.rules.values()),
            **_change_document(counts.change, is_valued),
        },
    }


def _change_document(change: ReachChange, is_valued: bool) -> dict[str, Any]:
    """Return who is gained and lost; with what each is worth if both versions say what counts as value."""
    document: dict[str, Any] = {
        "gained": change.gained.number,
        "lost": change.lost.number,
        "gained_ids": change.gained.ids(),
        "lost_ids": change.lost.ids(),
    }
    if is_valued:
        for name, customers in (("gained", change.gained), ("lost", change.lost)):
            document[f"{name}_value"] = customers.worth / 100
            document[f"{name}_values"] = [worth / 100 for _, worth in customers.kept()]
    return document


def _notes(result: PreviewResult) -> list[str]:
    """Return the notes that a reader needs to interpret the figures."""
    task, counts = result.task, result.counts
    evaluated, paused = evaluated_rules(task.book), [rule.id for rule in task.book.rules if rule.status == "paused"]
    start = _time(task.start_ms)[:10]
    notes = [
        "Every rule counts as live since the first event, drafts and shadow rules too"
        + (f"; paused ones are left out: {', '.join(sorted(paused))}." if paused else "."),
        f"The history counts as complete since {start}: a customer who appears later is new. If it lacks a part of "
        "what customers did, use --incomplete."
        if task.whole
        else f"What happened before {start} is unknown: a rule that reaches further back decides nothing until the "
        "history is long enough.",
    ]
    if any(rule_counts.outcome.came_back + rule_counts.outcome.stayed_away for rule_counts in counts.rules.values()):
        notes.append(
            "A customer who came back did so without a message of these rules. If other messages went out in this "
            "period, some came back because of them."
        )
        notes.append(
            "Days of warning: from the action to the day on which the customer had been without that for "
            f"{AWAY_DAYS} days, in the median of those who stayed away. Below each rule is who could be written to "
            "without it: all customers, once in each silence, after as many days as make as many actions seen to "
            "the end."
        )
    if absent := _absent_types(evaluated, result):
        notes.append(
            f"The history has no events of these types, so no customer counts as having done that: {absent}."
        )
    if any(rule.pace is not None for rule in evaluated):
        notes.append("Paces are not simulated: customers whose action a pace would hold or spread count as reached.")
    if task.upto_ms > result.last_ms + DAY_MS:
        notes.append(
            f"The last event is of {_time(result.last_ms)[:10]}: the preview assumes no more events until "
            f"{_time(task.upto_ms)[:10]}."
        )
    if counts.duplicates:
        notes.append(f"{counts.duplicates:,} events repeat the id of a recent event and count once.")
    if result.without_zone:
        notes.append(f"{result.without_zone:,} times have no time zone and are read as UTC.")
    if unreadable := sum(result.unreadable.values()):
        reasons = ", ".join(f"{reason} {number:,}" for reason, number in result.unreadable.items())
        first = "; ".join(result.examples[:2])
        notes.append(f"{unreadable:,} records cannot be read and are left out ({reasons}); the first: {first}")
    if result.left_out:
        values = _most_first(result.left_out)[:_SHOWN_VALUES]
        shown = ", ".join(f"{name} {why} {number:,}" for (name, why), number in values)
        notes.append(f"{sum(result.left_out.values()):,} values are cut or left out of their events: {shown}.")
    if counts.not_understood:
        answers = _most_first(counts.not_understood)[:_SHOWN_VALUES]
        shown = ", ".join(f"'{answer}' {number:,}" for answer, number in answers)
        notes.append(
            "These answers are neither yes nor no, so no customer who gave them is written to; name them under "
            f"'opted in' or 'opted out' of the consent: {shown}."
        )
    return notes


def _most_first(counts: Mapping[Name, int]) -> list[tuple[Name, int]]:
    """Return counts and what they count, the largest first."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _absent_types(evaluated: Sequence[Rule], result: PreviewResult) -> str:
    readers: dict[str, list[str]] = {}
    for rule in evaluated:
        for event_type in result.reads.get(rule.id, frozenset()) - set(result.counts.types):
            readers.setdefault(event_type, []).append(rule.id)
    return ", ".join(
        f"{event_type} ({', '.join(ids) if len(ids) <= _NAMED else f'read by {len(ids)} rules'})"
        for event_type, ids in sorted(readers.items())
    )


def _weeks(days: Mapping[int, int], task: PreviewTask) -> list[dict[str, Any]]:
    """Return the actions of each week from Monday, from the first to the last week of the period."""
    by_week = Counter[int]()
    for day, number in days.items():
        by_week[_monday(day)] += number
    first, last = _monday(task.since_ms // DAY_MS), _monday(task.upto_ms // DAY_MS)
    return [{"week": _day(week), "actions": by_week[week]} for week in range(first, last + 1, 7)]


def _monday(day: int) -> int:
    return day - (day + _MONDAY) % 7


def _largest(counts: Mapping[int, int]) -> tuple[int, int] | None:
    """Return the key with the largest count (the lowest of several), and the count."""
    return min(counts.items(), key=lambda item: (-item[1], item[0]), default=None)


def _day(number: int) -> str:
    return (_EPOCH + timedelta(days=number)).isoformat()


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _days(span_ms: float) -> float:
    return round(span_ms / DAY_MS, 1)
