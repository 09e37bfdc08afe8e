"""`linger forecast`: what becomes due if nothing happens after a scan, as a document of plain values."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from schemas.durations import DAY_MS
from schemas.paces import pace_seconds
from schemas.rules import Rule, RuleBook
from workers.clock import iso_text
from workers.core.rules.rule_set import RuleSet
from workers.scan.lines import ScanHead
from workers.scan.running_on import ForecastCounts, RuleCounts, Run
from workers.scan.scan_file import Advance, Found, opened
from workers.state.rule_sets.activation import as_stored

DAYS: Final = 60
LONGEST_DAYS: Final = 3_660

_EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a scan.

    Attributes:
        path: of the scan.
        book: the rules as written.
        rules: the same compiled.
        days: how many days after the rest of the scan's own, in UTC.
    """

    path: Path
    book: RuleBook
    rules: RuleSet
    days: int = DAYS


class Forecast:
    """Runs the customers of a scan on, some at a time."""

    def __init__(self, question: Question, head: ScanHead) -> None:
        """Set up.

        Args:
            question: what is asked; its path is not read.
            head: of the scan.
        """
        self._question = question
        self._head = head
        self._rules = as_stored(question.rules, head.rules, head.rule_contents)
        self._last_day = head.at // DAY_MS + question.days
        paces_ms = {rule.id: pace_seconds(rule.pace) * 1000 for rule in question.book.rules if rule.pace is not None}
        self._run = Run(self._rules, paces_ms, head.at, (self._last_day + 1) * DAY_MS - 1)

    def run(self, customers: Iterable[Found]) -> None:
        """Run more customers on; errors as for `forecast`."""
        self._run.run(customers)

    def document(self, took_ms: int) -> dict[str, Any]:
        """Return the forecast as plain values, when all customers were run on.

        Args:
            took_ms: how long the scan took.
        """
        return _document(self._question, self._rules, self._head, self._run.counts, self._last_day, took_ms)


def forecast(question: Question, advance: Advance = lambda _, __: None) -> dict[str, Any]:
    """Run every customer of a scan on, and return the forecast as plain values.

    Raises:
        StartupError: if the file is no scan, or was cut or changed.
        LingerError: if another release wrote a customer.
    """
    with opened(question.path) as scan:
        ahead = Forecast(question, scan.head)
        for part in scan.parts(advance):
            ahead.run(part)
        assert scan.end is not None
        return ahead.document(scan.end.took_ms)


def _document(
    question: Question, rules: RuleSet, head: ScanHead, counts: ForecastCounts, last_day: int, took_ms: int
) -> dict[str, Any]:
    days = range(head.at // DAY_MS, last_day + 1)
    written = {rule.id: rule for rule in question.book.rules}
    has_value = question.book.value is not None
    is_same = head.rules.get("hash") == question.rules.hash
    return {
        "scan": {
            "file": str(question.path),
            "at": iso_text(head.at),
            "customers": counts.customers,
            "unreadable": counts.unreadable,
            "seconds": round(took_ms / 1000, 1),
            "generation": int(head.rules.get("generation", 0)),
            "same_rules": is_same,
        },
        "from": iso_text(head.at),
        "until": iso_text((last_day + 1) * DAY_MS - 1000),
        "days": question.days,
        "currency": None if question.book.value is None else question.book.value.currency,
        "rules": [_rule(written[rule_id], one, days, has_value) for rule_id, one in sorted(counts.rules.items())],
        "any_rule": {
            "sent": sum(one.sent.total() for one in counts.rules.values()),
            "customers": counts.reached,
            "worth": _money(counts.worth) if has_value else None,
            "days": [_day_of_all(day, counts, has_value) for day in days],
        },
        "stages": None if rules.ladder is None else _stages(rules.ladder.stages, counts, days),
        "notes": _notes(counts, is_same, has_value),
    }


def _rule(rule: Rule, counts: RuleCounts, days: Sequence[int], has_value: bool) -> dict[str, Any]:
    return {
        "id": rule.id,
        "title": rule.title,
        "status": rule.status,
        "action": rule.action,
        "sent": counts.sent.total(),
        "customers": counts.customers,
        "worth": _money(counts.worth_of_customers) if has_value else None,
        "already_due": counts.already_due,
        "delayed_by_quiet_hours": counts.delayed,
        "taken_back": counts.taken_back,
        "not_sent": {reason: by_day.total() for reason, by_day in sorted(counts.not_sent.items())},
        "not_observable": counts.not_observable,
        "stages": {stage: by_day.total() for stage, by_day in counts.stages.items() if stage is not None},
        "pace": _pace(rule, counts.periods),
        "days": [_day_of_rule(day, counts, has_value) for day in days],
    }


def _day_of_rule(day: int, counts: RuleCounts, has_value: bool) -> dict[str, Any]:
    stages = {stage: by_day[day] for stage, by_day in counts.stages.items() if stage is not None and by_day[day]}
    not_sent = {reason: by_day[day] for reason, by_day in sorted(counts.not_sent.items()) if by_day[day]}
    return {
        "day": _day(day),
        "sent": counts.sent[day],
        **_worth(counts.worth[day], has_value),
        "stages": stages,
        "not_sent": not_sent,
    }


def _day_of_all(day: int, counts: ForecastCounts, has_value: bool) -> dict[str, Any]:
    every = counts.rules.values()
    return {
        "day": _day(day),
        "sent": sum(one.sent[day] for one in every),
        **_worth(sum(one.worth[day] for one in every), has_value),
    }


def _worth(hundredths: int, has_value: bool) -> dict[str, Any]:
    return {"worth": _money(hundredths)} if has_value else {}


def _money(hundredths: int) -> int | float:
    """Return hundredths as an amount."""
    return hundredths // 100 if hundredths % 100 == 0 else hundredths / 100


def _stages(names: Sequence[str], counts: ForecastCounts, days: Sequence[int]) -> list[dict[str, Any]]:
    """Return who moves to each stage and who leaves it, from the top."""
    documents = []
    for name in names:
        arrive = [by_day for (_, stage), by_day in counts.moves.items() if stage == name]
        leave = [by_day for (came_from, _), by_day in counts.moves.items() if came_from == name]
        documents.append(
            {
                "stage": name,
                "arrive": sum(by_day.total() for by_day in arrive),
                "leave": sum(by_day.total() for by_day in leave),
                "from": {
                    str(came_from): by_day.total()
                    for (came_from, stage), by_day in sorted(counts.moves.items(), key=str)
                    if stage == name
                },
                "days": [
                    {
                        "day": _day(day),
                        "arrive": sum(by_day[day] for by_day in arrive),
                        "leave": sum(by_day[day] for by_day in leave),
                    }
                    for day in days
                ],
            }
        )
    return documents


def _pace(rule: Rule, periods: Counter[int]) -> dict[str, Any] | None:
    if rule.pace is None:
        return None
    most, unit = rule.pace
    return {
        "at_most": most,
        "per": unit,
        "over_pace": rule.over_pace,
        "largest": max(periods.values(), default=0),
        "above": sum(max(0, number - most) for number in periods.values()),
    }


def _notes(counts: ForecastCounts, is_same: bool, has_value: bool) -> list[str]:
    notes = ["It is assumed that no event arrives, and that every source is seen to be silent."]
    if not is_same:
        notes.append(
            "The rule files differ from the rules that the workers had loaded: a customer who matches a new rule by "
            "now is met already, and what waits is decided by these files."
        )
    if already := sum(one.already_due for one in counts.rules.values()):
        notes.append(
            f"{already:,} actions were due before the scan: their sources had not been read so far. They count on "
            "its day."
        )
    if has_value:
        notes.append("A customer is worth what is known when the action becomes due; in a total, each counts once.")
        lacking = sum(one.sent.total() - one.valued for one in counts.rules.values())
        if lacking:
            notes.append(f"{lacking:,} actions carry no value: it was declared after the rule asked for them.")
    if any(one.periods for one in counts.rules.values()):
        notes.append("Paces, pauses and the brake are not simulated: an action that they hold counts when it is due.")
    if counts.unreadable:
        notes.append(f"{counts.unreadable:,} customers cannot be read, and are left out: linger rebuild --all")
    return notes


def _day(number: int) -> str:
    return (_EPOCH + timedelta(days=number)).isoformat()


def moment_in_words(at: str) -> str:
    """Return an ISO 8601 moment of a document for people."""
    return datetime.fromisoformat(at).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
