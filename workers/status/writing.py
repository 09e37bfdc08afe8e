"""Shows a status: tables and sentences for people, one document for machines. It reads nothing."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.text import Text

from workers.dead_letters.disposition import write_runs
from workers.pauses.record import ALL_RULES
from workers.printing import one_line, print_table, table_of
from workers.status.attention import duration_text
from workers.status.shapes import EventType, Group, Partition, Source, Status

_MOST_PARTITIONS: Final = 20
_NONE: Final = "-"
_UNKNOWN: Final = "?"
_HEALTH: Final = {
    "well": ("✓", "bold green", "all is well"),
    "attention": ("✗", "bold red", "something needs attention"),
    "incomplete": ("?", "bold yellow", "nothing is seen that needs attention, but not everything could be read"),
}


def document(status: Status) -> Any:
    """Return the document of `--json`."""
    return msgspec.to_builtins(status)


def print_status(console: Console, status: Status) -> None:
    """Print a status for people, what needs attention first."""
    mark, style, text = _HEALTH[status.health]
    _say(console, Text.assemble((mark, style), " ", (f"{status.at}: {text}", "bold")))
    for item in status.attention:
        _say(console, Text.assemble(("✗", "bold red"), f" {item.about}: {one_line(item.problem)}"))
        _say(console, Text(f"    {one_line(item.remedy)}"))
    by_reason: dict[str, list[str]] = {}
    for unknown in status.unknown:
        by_reason.setdefault(unknown.reason, []).append(unknown.what)
    for reason, names in by_reason.items():
        _say(
            console, Text.assemble(("?", "bold yellow"), f" {one_line(', '.join(names))} unknown: {one_line(reason)}")
        )
    _group(console, status.group)
    _partitions(console, status.partitions)
    _sources(console, status.sources)
    _types(console, status.types)
    _actions(console, status)
    _dead_letters(console, status)
    _rules(console, status)
    _redis(console, status)


def _group(console: Console, group: Group | None) -> None:
    if group is None:
        _title(console, "Workers: unknown")
        return
    _title(console, f"Workers of group '{group.id}', {group.state}: {len(group.workers)}")
    if not group.workers:
        return
    table = table_of("worker", "client id", "host", "partitions", "of sources")
    for worker in group.workers:
        table.add_row(
            *map(Text, (worker.name, worker.client_id, worker.host, write_runs(worker.partitions) or _NONE)),
            str(worker.source_partitions),
        )
    print_table(console, table)


def _partitions(console: Console, partitions: Sequence[Partition]) -> None:
    _title(
        console,
        f"Partitions: {len(partitions)}; {_sum(partitions, 'lag')} records not read, "
        f"{_sum(partitions, 'overdue')} customers overdue and {_sum(partitions, 'due_ahead')} due later, "
        f"{_sum(partitions, 'outbox')} records wait for Kafka, {_sum(partitions, 'held')} actions are held",
    )
    busy = [row for row in partitions if row.problem or row.lag or row.overdue or row.outbox or row.held]
    if not busy:
        return
    busy.sort(key=lambda row: (row.problem is None, -(row.lag_seconds or 0), -(row.lag or 0), row.partition))
    table = table_of("partition", "lag", "for", "decided until", "overdue", "oldest due", "outbox", "held", "worker")
    for row in busy[:_MOST_PARTITIONS]:
        table.add_row(
            str(row.partition) + (" (stopped)" if row.problem else ""),
            _count(row.lag),
            _UNKNOWN if row.lag_seconds is None else duration_text(row.lag_seconds),
            row.decided_until or _NONE,
            _count(row.overdue),
            row.oldest_due or _NONE,
            _count(row.outbox),
            _count(row.held),
            Text(row.worker or _NONE),
        )
    print_table(console, table)
    if len(busy) > _MOST_PARTITIONS:
        _say(console, Text(f"and {len(busy) - _MOST_PARTITIONS} more partitions with work; --json shows all"))


def _sources(console: Console, sources: Sequence[Source] | None) -> None:
    if sources is None:
        _title(console, "Sources: unknown")
        return
    _title(console, f"Sources: {len(sources)}")
    if not sources:
        return
    table = table_of("topic", "lag", "read until", "ago", "last event", "state")
    for source in sources:
        table.add_row(
            Text(source.topic),
            _count(source.lag),
            source.read_until or _NONE,
            _NONE if source.lag_seconds is None else duration_text(source.lag_seconds),
            source.last_event or _NONE,
            Text(_state(source)),
        )
    print_table(console, table)


def _state(source: Source) -> str:
    states = []
    if source.stopped is not None:
        states.append(f"partitions {write_runs(source.stopped.partitions)} stopped: {source.stopped.cause}")
    if source.silent_since is not None:
        states.append(f"silent since {source.silent_since}")
    is_known = source.read_until is not None or source.lag is not None
    return "; ".join(states) or ("read" if is_known else _UNKNOWN)


def _types(console: Console, types: Sequence[EventType] | None) -> None:
    if types is None:
        _title(console, "Event types: unknown")
        return
    _title(console, f"Event types: {len(types)}")
    if not types:
        return
    table = table_of("type", "watermark", "ago", "customers waiting", "state")
    for row in types:
        table.add_row(
            Text(row.type),
            row.watermark or _NONE,
            _NONE if row.behind_seconds is None else duration_text(row.behind_seconds),
            _count(row.waiting),
            _NONE if row.silent_since is None else f"silent since {row.silent_since}",
        )
    print_table(console, table)


def _actions(console: Console, status: Status) -> None:
    brake = status.brake
    passed = _UNKNOWN if brake is None else f"{brake.passed} of at most {_count(brake.limit)}"
    _title(console, f"Actions of this hour: {passed}")
    if status.held:
        table = table_of("held actions of", "because", "held")
        for row in status.held:
            table.add_row(Text(row.rule), row.because, str(row.held))
        print_table(console, table)
    for pause in status.pauses or ():
        name = "all rules are" if pause.rule == ALL_RULES else f"'{pause.rule}' is"
        _say(console, Text(one_line(f"{name} paused since {pause.since} by {pause.by}: {pause.because}")))


def _dead_letters(console: Console, status: Status) -> None:
    letters = status.dead_letters
    if letters is None:
        _title(console, "Dead letters: unknown")
        return
    _title(console, f"Dead letters: {letters.stored} in the topic; the newest {letters.looked_at} by reason")
    if not letters.groups:
        return
    table = table_of("reason", "from topic", "letters", "open", "newest")
    for group in letters.groups:
        table.add_row(
            Text(group.reason), Text(group.topic or _NONE), str(group.letters), _count(group.open), group.newest
        )
    print_table(console, table)


def _rules(console: Console, status: Status) -> None:
    generations = status.generations
    if generations is None:
        _title(console, "Rules: unknown")
        return
    text = f"Rules: set {generations.rules}, sources: generation {generations.sources}"
    if generations.unswept:
        text += f"; customers of partitions {write_runs(generations.unswept)} are still taken over to this set"
    _title(console, text)
    if status.rules:
        table = table_of("rule", "last action", "actions", "state")
        for rule in status.rules:
            states = ["" if rule.active else "not in force", "paused" if rule.paused else ""]
            state = ", ".join(filter(None, states)) or "in force"
            table.add_row(Text(rule.rule), rule.last_action or _NONE, str(rule.actions), state)
        print_table(console, table)


def _redis(console: Console, status: Status) -> None:
    if status.redis is None:
        _title(console, "Redis: unknown")
        return
    for server in status.redis:
        most = f"of {server.max_bytes >> 20} MiB" if server.max_bytes else "used, no maxmemory"
        _title(console, f"Redis at {server.server}: {server.used_bytes >> 20} MiB {most}, {server.policy}")


def _title(console: Console, text: str) -> None:
    _say(console, Text(one_line(text), style="bold"))


def _say(console: Console, text: Text) -> None:
    console.print(text, soft_wrap=True)


def _count(number: int | None) -> str:
    return _UNKNOWN if number is None else str(number)


def _sum(partitions: Sequence[Partition], name: str) -> str:
    numbers = [getattr(row, name) for row in partitions]
    known = [number for number in numbers if number is not None]
    return _UNKNOWN if not known else str(sum(known)) + ("" if len(known) == len(numbers) else " or more")
