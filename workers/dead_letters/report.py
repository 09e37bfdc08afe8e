"""Output of `linger dead-letters`: tables and sentences for people, documents for machines.

It gets values and reads nothing from Kafka or Redis. Only `print_dead_letter` and `dead_letter_document` show
customers' data.
"""

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from workers.clock import iso_text
from workers.dead_letters.disposition import RecordedDisposition
from workers.dead_letters.record import DeadLetter, position_text
from workers.dead_letters.replay import ReplayResult
from workers.dead_letters.selection import Disposition, Group, Plan
from workers.observability.escapes import escaped
from workers.printing import one_line, print_table, table_of

__all__ = [
    "dead_letter_document",
    "discard_document",
    "group_document",
    "print_dead_letter",
    "print_discard",
    "print_groups",
    "print_replay",
    "replay_document",
]

_MAX_LISTED: Final = 20


# -- for machines ----------------------------------------------------------------------------------------------


def group_document(group: Group) -> dict[str, Any]:
    """Return one group of `linger dead-letters list --json`."""
    return {
        "reason": group.reason,
        "topic": group.topic,
        "count": group.count,
        "replayed": group.replayed,
        "discarded": group.discarded,
        "oldest": iso_text(group.oldest_ms),
        "newest": iso_text(group.newest_ms),
        "example": position_text(group.example),
    }


def replay_document(plan: Plan, result: ReplayResult | None) -> dict[str, Any]:
    """Return the document of `linger dead-letters replay --json`; the result is None for a dry run."""
    done = ReplayResult() if result is None else result
    return {
        **_plan_document(plan, "send"),
        "sent": done.sent,
        "too_large": [position_text(position) for position in done.too_large],
        "dry_run": result is None,
    }


def discard_document(plan: Plan, *, dry_run: bool) -> dict[str, Any]:
    """Return the document of `linger dead-letters discard --json`."""
    return {**_plan_document(plan, "discard"), "discarded": 0 if dry_run else len(plan.positions), "dry_run": dry_run}


def dead_letter_document(
    dead_letter: DeadLetter, recorded: RecordedDisposition | None, max_bytes: int
) -> dict[str, Any]:
    """Return the document of `linger dead-letters show --json`.

    Args:
        dead_letter: what to show.
        recorded: its disposition.
        max_bytes: longer keys, values and headers are cut to this length.
    """
    topic, partition, offset = dead_letter.source or (None, None, None)
    return {
        "place": position_text(dead_letter.position),
        "at": iso_text(dead_letter.at_ms),
        "reason": dead_letter.reason,
        "detail": dead_letter.detail,
        "source": {"topic": topic, "partition": partition, "offset": offset, "item": dead_letter.item},
        "cut_from_bytes": dead_letter.cut_from,
        "replays": dead_letter.replays,
        "noted": recorded,
        "key": _bytes_document(dead_letter.key, max_bytes),
        "value": _bytes_document(dead_letter.value, max_bytes),
        "headers": [
            {"name": name, **(_bytes_document(value, max_bytes) or {})} for name, value in dead_letter.headers
        ],
    }


def _plan_document(plan: Plan, verb: str) -> dict[str, Any]:
    rows = [
        {
            verb: disposition is Disposition.TAKEN,
            "why_not": None if disposition is Disposition.TAKEN else disposition.name.lower(),
            "reason": reason,
            "topic": topic,
            "count": count,
            "example": position_text(plan.examples[disposition, reason, topic]),
        }
        for (disposition, reason, topic), count in plan.rows()
    ]
    cut = [
        {"place": position_text(position), "topic": topic, "partition": partition, "offset": offset}
        for position, (topic, partition, offset) in plan.cut
    ]
    return {"groups": rows, "cut": cut}


def _bytes_document(raw: bytes | None, max_bytes: int) -> dict[str, Any] | None:
    """Return bytes as text, or in base64 if they are not UTF-8, with their whole length."""
    if raw is None:
        return None
    shown = raw[:max_bytes]
    try:
        content = {"text": shown.decode(errors="strict" if len(raw) <= max_bytes else "ignore")}
        raw.decode()
    except UnicodeDecodeError:
        content = {"base64": base64.b64encode(shown).decode()}
    return {**content, "bytes": len(raw), "shown_bytes": len(shown)}


# -- for people ------------------------------------------------------------------------------------------------


def print_groups(console: Console, groups: Sequence[Group], *, is_narrowed: bool) -> None:
    """Print dead letters by reason and topic.

    Args:
        console: where to print.
        groups: what to print.
        is_narrowed: whether options narrow the list.
    """
    if not groups:
        console.print("There is no such dead letter." if is_narrowed else "There is no dead letter.")
        return
    table = table_of("reason", "from topic", "letters", "replayed", "discarded", "oldest", "newest", "example")
    for group in groups:
        table.add_row(
            Text(_plain(group.reason)),
            Text(group.topic or "-"),
            str(group.count),
            str(group.replayed),
            str(group.discarded),
            iso_text(group.oldest_ms),
            iso_text(group.newest_ms),
            position_text(group.example),
        )
    print_table(console, table)
    undone = sum(group.count - group.replayed - group.discarded for group in groups)
    console.print(
        f"Nothing was done yet about {_counted(undone)}." if undone else "Something was done about all of them."
    )
    console.print("linger dead-letters show PLACE    linger dead-letters replay    linger dead-letters discard")


def print_replay(console: Console, plan: Plan, result: ReplayResult | None, max_consecutive: int) -> None:
    """Print a planned replay, or a finished one.

    Args:
        console: where to print.
        plan: what will be sent, or was.
        result: what was sent; None for a dry run.
        max_consecutive: workers end after more unreadable records in a row.
    """
    _print_plan(console, plan, "to be sent" if result is None else "sent")
    _print_cut(console, plan)
    if result is not None:
        _print_result(console, plan, result)
    elif plan.positions:
        console.print(f"Nothing was sent: add --yes to send {_counted(len(plan.positions))}.")
        if len(plan.positions) > max_consecutive:
            console.print(
                f"Workers end after {max_consecutive} unreadable records in a row. "
                f"Try one first: linger dead-letters replay {position_text(plan.positions[0])} --yes"
            )


def print_discard(console: Console, plan: Plan, *, dry_run: bool) -> None:
    """Print what will be discarded, or was."""
    _print_plan(console, plan, "to be discarded" if dry_run else "discarded")
    if plan.positions and dry_run:
        console.print(f"Nothing was noted: add --yes to discard {_counted(len(plan.positions))}.")


def print_dead_letter(
    console: Console, dead_letter: DeadLetter, recorded: RecordedDisposition | None, max_characters: int
) -> None:
    """Print one dead letter.

    Args:
        console: where to print.
        dead_letter: what to print.
        recorded: its disposition.
        max_characters: longer keys, values and headers are cut to this length.
    """
    topic, partition, offset = dead_letter.source or ("-", "-", "-")
    item = "" if dead_letter.item is None else f", item {dead_letter.item} (the first one is 0)"
    at = f"{position_text(dead_letter.position)}, {iso_text(dead_letter.at_ms)}"
    rows = [
        ("place", f"{at}, {recorded}" if recorded else at),
        ("reason", one_line(dead_letter.reason)),
        ("detail", one_line(dead_letter.detail)),
        ("from", f"topic {one_line(topic)}, partition {partition}, offset {offset}{item}"),
        ("replays", str(dead_letter.replays)),
        ("key", _readable(dead_letter.key, max_characters, one_line)),
        *((f"header {name}", _readable(value, max_characters, one_line)) for name, value in dead_letter.headers),
    ]
    if dead_letter.cut_from is not None:
        rows.append(("cut", f"the value had {dead_letter.cut_from} bytes; the source still holds all of it"))
    for label, text in rows:
        console.print(Text.assemble((f"{one_line(label)}: ", "bold"), text), soft_wrap=True)
    console.print(Text("value:", "bold"))
    console.print(Text(_pretty(dead_letter.value, max_characters)), soft_wrap=True)


def _print_plan(console: Console, plan: Plan, participle: str) -> None:
    rows = plan.rows()
    if not rows:
        console.print("There is no such dead letter.")
        return
    table = table_of("reason", "from topic", "letters", "", "example")
    for (disposition, reason, topic), count in rows:
        remark = participle if disposition is Disposition.TAKEN else f"not: {disposition}"
        example = position_text(plan.examples[disposition, reason, topic])
        table.add_row(Text(reason), Text(topic or "-"), str(count), remark, example)
    print_table(console, table)
    if not plan.positions:
        console.print(f"There is nothing {'to be ' if not participle.startswith('to be') else ''}{participle}.")


def _print_cut(console: Console, plan: Plan) -> None:
    for position, (topic, partition, offset) in plan.cut[:_MAX_LISTED]:
        whole = f"topic {one_line(topic)}, partition {partition}, offset {offset}"
        console.print(f"{position_text(position)} was cut; all of it is in {whole}.")
    if len(plan.cut) > _MAX_LISTED:
        console.print(f"… and {len(plan.cut) - _MAX_LISTED} more; --json lists all.")


def _print_result(console: Console, plan: Plan, result: ReplayResult) -> None:
    console.print(f"Sent {_counted(result.sent)}.")
    if result.too_large:
        positions = ", ".join(position_text(position) for position in result.too_large[:_MAX_LISTED])
        console.print(f"Larger than their topic allows (max.message.bytes), not sent: {positions}.")
    deleted = len(plan.positions) - result.sent - len(result.too_large)
    if deleted:
        console.print(f"Deleted by Kafka before they could be sent: {deleted}.")


def _plain(text: str) -> str:
    """Return a text of several lines that cannot control a terminal."""
    return escaped(text, keep="\n")


def _pretty(raw: bytes | None, max_characters: int) -> str:
    """Return a value for people: JSON over several lines, anything else unchanged."""
    try:
        text = json.dumps(json.loads(raw or b""), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return _readable(raw, max_characters)
    return _bounded(_plain(text), max_characters)


def _readable(raw: bytes | None, max_characters: int, plain: Callable[[str], str] = _plain) -> str:
    if raw is None:
        return "(none)"
    try:
        return _bounded(plain(raw.decode()), max_characters)
    except UnicodeDecodeError:
        return _bounded(repr(raw), max_characters)


def _bounded(text: str, max_characters: int) -> str:
    if len(text) <= max_characters:
        return text
    return f"{text[:max_characters]}\n… {len(text) - max_characters} characters more; --full shows all"


def _counted(count: int) -> str:
    return f"{count} dead letter" + ("" if count == 1 else "s")
