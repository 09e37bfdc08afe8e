"""The report of a preview: one document, printed as JSON or drawn for people from the same figures."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemas.durations import DAY_MS
from schemas.rules import Rule, RuleBook
from workers.rule_preview.preview import (
    Customers,
    PreviewCounts,
    PreviewTask,
    ReachChange,
    RuleCounts,
    evaluated_rules,
)

__all__ = ["PreviewResult", "document_of", "render"]

_EPOCH: Final = date(1970, 1, 1)
_MONDAY: Final = 3  # 1970-01-01 was a Thursday
_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_WIDEST: Final = 72
_TALL_UP_TO: Final = 6
"""With more rules than this, each one's chart is a single line."""
_TALL: Final = 3
_MATRIX_UP_TO: Final = 12
_PAIRS: Final = 15
_NAMED: Final = 2


@dataclass(frozen=True, slots=True)
class PreviewResult:
    """A finished preview.

    Attributes:
        history: as it was named.
        task: what was previewed.
        counts: what was counted.
        first_ms, last_ms: the history's own beginning and end.
        reads: by rule id, the event types that can change the rule.
        unreadable, examples: records that could not be read, by reason, and the first of them.
        skipped: records that `only_when` leaves out.
        without_zone: times that were taken for UTC.
        against: how the other version was named, if there is one.
        reading_seconds, deciding_seconds: how long it took.
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
    against: str | None = None
    reading_seconds: float = 0.0
    deciding_seconds: float = 0.0


# -- the document ----------------------------------------------------------------------------------------------


def document_of(found: PreviewResult) -> dict[str, Any]:
    """Return everything that was found as one JSON object; all but the seconds depends on the input alone."""
    task, counts = found.task, found.counts
    seconds = found.reading_seconds + found.deciding_seconds
    document: dict[str, Any] = {
        "history": {
            "name": found.history,
            "first_event": _time(found.first_ms),
            "last_event": _time(found.last_ms),
            "complete": task.whole,
            "customers": counts.customers,
            "events": counts.events,
            "events_by_type": dict(sorted(counts.types.items())),
            "duplicates": counts.duplicates,
            "skipped": found.skipped,
            "unreadable": dict(found.unreadable),
            "unreadable_examples": list(found.examples),
        },
        "period": {"since": _time(task.since_ms), "until": _time(task.upto_ms)},
        "rules": [_rule_document(rule, counts.rules[rule.id], found) for rule in evaluated_rules(task.book)],
        "any_rule": {
            "actions": sum(rule_counts.actions for rule_counts in counts.rules.values()),
            **_customers_document(counts.reached, counts.customers, with_ids=task.all_ids),
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
        "notes": _notes(found),
        "seconds": {"reading": round(found.reading_seconds, 3), "deciding": round(found.deciding_seconds, 3)},
        "events_per_second": round(counts.events / seconds) if seconds else None,
        "customers_per_second": round(counts.customers / seconds) if seconds else None,
    }
    if task.against is not None:
        document["against"] = _against_document(found, task.against)
    return document


def _rule_document(rule: Rule, counts: RuleCounts, found: PreviewResult) -> dict[str, Any]:
    largest_day = _largest(counts.days)
    return {
        "id": rule.id,
        "title": rule.title,
        "status": rule.status,
        "action": rule.action,
        "actions": counts.actions,
        **_customers_document(counts.customers, found.counts.customers, with_ids=found.task.all_ids),
        "retracted": counts.retracted.total(),
        "retracted_because": dict(sorted(counts.retracted.items())),
        "suppressed": dict(sorted(counts.suppressed.items())),
        "delayed_by_quiet_hours": counts.delayed,
        "first_day": _day(min(counts.days)) if counts.days else None,
        "last_day": _day(max(counts.days)) if counts.days else None,
        "largest_day": None if largest_day is None else {"day": _day(largest_day[0]), "actions": largest_day[1]},
        "weeks": _weeks(counts.days, found.task),
        "pace": _pace_document(rule, counts),
    }


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


def _against_document(found: PreviewResult, against: RuleBook) -> dict[str, Any]:
    counts = found.counts
    now = {rule.id for rule in evaluated_rules(found.task.book)}
    before = {rule.id for rule in evaluated_rules(against)}
    return {
        "name": found.against,
        "rules": [
            {
                "id": rule_id,
                "is": "in both" if rule_id in now & before else "new" if rule_id in now else "gone",
                "customers_before": counts.before[rule_id].customers.number if rule_id in before else 0,
                "customers": counts.rules[rule_id].customers.number if rule_id in now else 0,
                "actions_before": counts.before[rule_id].actions if rule_id in before else 0,
                "actions": counts.rules[rule_id].actions if rule_id in now else 0,
                **_change_document(counts.changes[rule_id]),
            }
            for rule_id in sorted(now | before)
        ],
        "any_rule": {
            "customers_before": counts.reached_before.number,
            "customers": counts.reached.number,
            "actions_before": sum(rule_counts.actions for rule_counts in counts.before.values()),
            "actions": sum(rule_counts.actions for rule_counts in counts.rules.values()),
            **_change_document(counts.change),
        },
    }


def _change_document(change: ReachChange) -> dict[str, Any]:
    return {
        "gained": change.gained.number,
        "lost": change.lost.number,
        "gained_ids": change.gained.ids(),
        "lost_ids": change.lost.ids(),
    }


def _notes(found: PreviewResult) -> list[str]:
    """Return what a reader has to know to take the figures for what they are."""
    task, counts = found.task, found.counts
    evaluated, paused = evaluated_rules(task.book), [rule.id for rule in task.book.rules if rule.status == "paused"]
    start = _time(task.start_ms)[:10]
    notes = [
        "Every rule is taken as if it had been live since the first event, drafts and shadow rules too"
        + (f"; paused ones are left out: {', '.join(sorted(paused))}." if paused else "."),
        f"The history is taken as complete since {start}: whoever appears in it later is new. If it is only a part "
        "of what customers did, use --incomplete."
        if task.whole
        else f"Nothing is taken as known from before {start}; a rule that looks further back says nothing until the "
        "history is long enough.",
    ]
    if absent := _absent_types(evaluated, found):
        notes.append(f"The history has no event of these types, so it is taken that nobody ever did that: {absent}.")
    if any(rule.pace is not None for rule in evaluated):
        notes.append("Paces are not simulated: what a pace would hold back or spread is counted here as reached.")
    if task.upto_ms > found.last_ms + DAY_MS:
        notes.append(
            f"The last event is of {_time(found.last_ms)[:10]}: until {_time(task.upto_ms)[:10]} it is taken that "
            "nobody does anything."
        )
    if counts.duplicates:
        notes.append(f"{counts.duplicates:,} events repeat the id of an event shortly before and count once.")
    if found.without_zone:
        notes.append(f"{found.without_zone:,} times say no time zone and are taken for UTC.")
    if unreadable := sum(found.unreadable.values()):
        reasons = ", ".join(f"{reason} {number:,}" for reason, number in found.unreadable.items())
        notes.append(f"{unreadable:,} records cannot be read and are left out ({reasons}); the first: ")
        notes[-1] += "; ".join(found.examples[:2])
    return notes


def _absent_types(evaluated: Sequence[Rule], found: PreviewResult) -> str:
    readers: dict[str, list[str]] = {}
    for rule in evaluated:
        for name in found.reads.get(rule.id, frozenset()) - set(found.counts.types):
            readers.setdefault(name, []).append(rule.id)
    return ", ".join(
        f"{name} ({', '.join(ids) if len(ids) <= _NAMED else f'read by {len(ids)} rules'})"
        for name, ids in sorted(readers.items())
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
    """Return the key with the largest count, the earliest of several, and the count."""
    return min(counts.items(), key=lambda one: (-one[1], one[0]), default=None)


def _day(number: int) -> str:
    return (_EPOCH + timedelta(days=number)).isoformat()


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _days(span_ms: float) -> float:
    return round(span_ms / DAY_MS, 1)


# -- for people ------------------------------------------------------------------------------------------------


def render(document: Mapping[str, Any], console: Console, *, list_customers: bool = False) -> None:
    """Draw a preview's document."""
    history, period, rules = document["history"], document["period"], document["rules"]
    console.print(
        Text.assemble(
            (f"{history['name']}", "bold"),
            f": {history['events']:,} events of {_customers(history['customers'])}, counted from "
            f"{period['since'][:10]} to {period['until'][:10]}",
        )
    )
    console.print()
    console.print(_rule_table(rules, document["any_rule"]))
    _draw_weeks(rules, console)
    _draw_why_not(rules, console)
    _draw_paces(rules, console)
    _draw_overlap(rules, document["overlap"], console)
    _draw_gaps(document["usual_gap"], console)
    if "against" in document:
        _draw_against(document["against"], console, list_customers=list_customers)
    if list_customers:
        for rule in rules:
            _draw_ids(f"reached by {rule['id']}", rule["customer_ids"], console)
    console.print()
    notes = Table.grid(padding=(0, 1))
    for note in (*document["notes"], *_speed(document)):
        notes.add_row(Text("·", style="dim"), Text(note, style="dim"))
    console.print(notes)


def _speed(document: Mapping[str, Any]) -> list[str]:
    if document["events_per_second"] is None:
        return []
    seconds = sum(document["seconds"].values())
    events, customers = document["events_per_second"], document["customers_per_second"]
    return [f"It took {seconds:.1f} s: {events:,} events and {customers:,} customers per second."]


def _rule_table(rules: Sequence[Mapping[str, Any]], total: Mapping[str, Any]) -> Table:
    table = _table("rule", "actions", "customers", "of all", "taken back", "not sent")
    for rule in rules:
        status = "" if rule["status"] == "live" else f" ({rule['status']})"
        table.add_row(
            f"{rule['id']}{status}",
            f"{rule['actions']:,}",
            f"{rule['customers']:,}",
            _percent(rule["share"]),
            f"{rule['retracted']:,}",
            f"{sum(rule['suppressed'].values()):,}",
        )
    if len(rules) > 1:
        table.add_section()
        table.add_row("any rule", f"{total['actions']:,}", f"{total['customers']:,}", _percent(total["share"]))
    return table


def _draw_weeks(rules: Sequence[Mapping[str, Any]], console: Console) -> None:
    acting = [rule for rule in rules if rule["actions"]]
    if not acting:
        return
    width = min(_WIDEST, console.width - 2)
    weeks = acting[0]["weeks"]
    merge = -(-len(weeks) // width)
    console.print()
    console.print(
        Text(f"Actions per week, from Monday{f' (each column is {merge} weeks)' if merge > 1 else ''}", style="bold")
    )
    for rule in acting:
        numbers = [week["actions"] for week in rule["weeks"]]
        columns = [sum(numbers[at : at + merge]) for at in range(0, len(numbers), merge)]
        largest = rule["largest_day"]
        most = f"most {max(numbers):,} in a week, {largest['actions']:,} in a day ({largest['day']})"
        console.print(Text.assemble((f"  {rule['id']}", "cyan"), (f"  {most}", "dim")))
        for line in bars(columns, _TALL if len(acting) <= _TALL_UP_TO else 1):
            console.print(Text(f"  {line}"), no_wrap=True)
    axis = weeks[0]["week"] + weeks[-1]["week"].rjust(max(0, -(-len(weeks) // merge) - len(weeks[0]["week"])))
    console.print(Text(f"  {axis if len(weeks) > 21 * merge else weeks[0]['week']}", style="dim"), no_wrap=True)


def bars(numbers: Sequence[int], height: int) -> list[str]:
    """Draw numbers as columns, so many lines high; what is not nothing is always seen."""
    most = max(numbers, default=0)
    steps = len(_BLOCKS) - 1
    if not most:
        return [" " * len(numbers)] * height
    levels = [max(1, round(number * steps * height / most)) if number else 0 for number in numbers]
    return [
        "".join(_BLOCKS[max(0, min(steps, level - steps * floor))] for level in levels)
        for floor in reversed(range(height))
    ]


def _draw_why_not(rules: Sequence[Mapping[str, Any]], console: Console) -> None:
    lines = []
    for rule in rules:
        parts = [f"not sent: {_reasons(rule['suppressed'])}"] if rule["suppressed"] else []
        if rule["retracted_because"]:
            parts.append(f"taken back: {_reasons(rule['retracted_because'])}")
        if rule["delayed_by_quiet_hours"]:
            parts.append(f"after quiet hours: {rule['delayed_by_quiet_hours']:,}")
        if parts:
            lines.append((rule["id"], "; ".join(parts)))
    _draw_lines("Why not", lines, console)


def _draw_paces(rules: Sequence[Mapping[str, Any]], console: Console) -> None:
    lines = []
    for rule in rules:
        if (pace := rule["pace"]) is None:
            continue
        over = "spread over later periods" if pace["over_pace"] == "spread" else "held for release or discard"
        what = f"{pace['above']:,} would be {over}" if pace["above"] else "nothing would be held"
        asked = f"at most {pace['at_most']:,} per {pace['per']}"
        lines.append((rule["id"], f"{asked}, the most was {pace['largest']:,}: {what}"))
    _draw_lines("Pace", lines, console)


def _draw_lines(title: str, lines: Iterable[tuple[str, str]], console: Console) -> None:
    lines = list(lines)
    if not lines:
        return
    console.print()
    console.print(Text(title, style="bold"))
    grid = Table.grid(padding=(0, 2))
    for name, text in lines:
        grid.add_row(Text(f"  {name}", style="cyan"), Text(text))
    console.print(grid)


def _draw_overlap(rules: Sequence[Mapping[str, Any]], overlap: Sequence[Mapping[str, Any]], console: Console) -> None:
    if not overlap:
        return
    console.print()
    reached = {rule["id"]: rule["customers"] for rule in rules if rule["customers"]}
    if len(reached) > _MATRIX_UP_TO:
        most = sorted(overlap, key=lambda one: (-one["customers"], one["rules"]))[:_PAIRS]
        title = f"Customers reached by two rules, the {len(most)} largest of {len(overlap)}"
        console.print(Text(title, style="bold"))
        table = _table("rule", "customers", "and also")
        for one in most:
            table.add_row(one["rules"][0], f"{one['customers']:,}", one["rules"][1])
        console.print(table)
        return
    console.print(Text("Customers reached by both", style="bold"))
    both = {tuple(one["rules"]): one["customers"] for one in overlap}
    table = _table("rule", *(str(number) for number in range(1, len(reached) + 1)))
    for number, (name, customers) in enumerate(reached.items(), start=1):
        cells = [
            f"{customers if other == name else both.get(tuple(sorted((name, other))), 0):,}" for other in reached
        ]
        table.add_row(f"{number} {name}", *cells)
    console.print(table)


def _draw_gaps(gaps: Mapping[str, Mapping[str, Any]], console: Console) -> None:
    lines = [
        (
            name,
            f"{gap['days']:g} days, the mean of {gap['gaps']:,} gaps of {_customers(gap['customers'])} "
            f"(a customer's own mean is {gap['mean_of_customers_days']:g} days on average)",
        )
        for name, gap in gaps.items()
    ]
    _draw_lines("From one day with the event to the next, for `usual gap` in overdue conditions", lines, console)


def _draw_against(against: Mapping[str, Any], console: Console, *, list_customers: bool) -> None:
    console.print()
    console.print(Text(f"Against {against['name']}", style="bold"))
    table = _table("rule", "customers before", "now", "gained", "lost")
    for rule in against["rules"]:
        label = rule["id"] if rule["is"] == "in both" else f"{rule['id']} ({rule['is']})"
        table.add_row(label, *_change_cells(rule))
    if len(against["rules"]) > 1:
        table.add_section()
        table.add_row("any rule", *_change_cells(against["any_rule"]))
    console.print(table)
    for rule in against["rules"]:
        for what in ("gained", "lost"):
            if rule[what] and list_customers:
                _draw_ids(f"{what} by {rule['id']}", rule[f"{what}_ids"], console)
            elif rule[what]:
                shown = ", ".join(rule[f"{what}_ids"])
                more = rule[what] - len(rule[f"{what}_ids"])
                console.print(Text(f"  {what} by {rule['id']}: {shown}" + (f" and {more:,} more" if more else "")))


def _change_cells(change: Mapping[str, Any]) -> tuple[str, str, str, str]:
    return (
        f"{change['customers_before']:,}",
        f"{change['customers']:,}",
        f"+{change['gained']:,}" if change["gained"] else "0",
        f"-{change['lost']:,}" if change["lost"] else "0",
    )


def _draw_ids(title: str, ids: Sequence[str], console: Console) -> None:
    console.print()
    console.print(Text(f"{title} ({len(ids):,})", style="bold"))
    for customer_id in ids:
        console.print(Text(customer_id), soft_wrap=True)


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        is_text = column in ("rule", "and also")
        table.add_column(
            column,
            justify="left" if is_text else "right",
            overflow="fold",
            no_wrap=not is_text,
            min_width=len(column),
        )
    return table


def _reasons(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{reason.replace('_', ' ')} {number:,}" for reason, number in reasons.items())


def _customers(number: int) -> str:
    return f"{number:,} customer" + ("" if number == 1 else "s")


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"
