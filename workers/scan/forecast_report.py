"""A forecast, drawn for people. This module must never know how a figure is counted."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from workers.printing import one_line, print_table, table_of
from workers.rule_preview.report import bars
from workers.scan.forecast import moment_in_words

_WIDEST: Final = 72
_TALL_UP_TO: Final = 6
"""With more rules than this, each chart is a single line."""
_TALL: Final = 3


def render(document: Mapping[str, Any], console: Console) -> None:
    """Draw the document of a forecast."""
    scan, rules = document["scan"], document["rules"]
    console.print(
        Text.assemble(
            (f"{scan['customers']:,} customers", "bold"),
            f" as of {moment_in_words(document['from'])}. If nothing happens until {document['until'][:10]}:",
        )
    )
    console.print()
    _draw_table(document, console)
    _draw_days(document, console)
    _draw_stages(document["stages"] or (), console)
    _draw_why_not(rules, console)
    _draw_paces(rules, console)
    console.print()
    for note in document["notes"]:
        console.print(Text(f"· {one_line(note)}", style="dim"))


def _draw_table(document: Mapping[str, Any], console: Console) -> None:
    rules, total, currency = document["rules"], document["any_rule"], document["currency"]
    has_value = total["worth"] is not None
    table = table_of(box=None, header_style="bold", padding=(0, 2, 0, 0))
    worth = ["worth"] if has_value else []
    for place, head in enumerate(("rule", "action", "due", "customers", *worth, "most in a day", "not sent")):
        table.add_column(head, overflow="fold", justify="left" if place < 2 else "right")
    for rule in rules:
        status = "" if rule["status"] == "live" else f" ({rule['status']})"
        table.add_row(
            f"{rule['id']}{status}",
            rule["action"],
            f"{rule['sent']:,}",
            f"{rule['customers']:,}",
            *([_amount(rule["worth"], currency)] if has_value else []),
            _most(rule["days"]),
            f"{sum(rule['not_sent'].values()):,}",
        )
    if len(rules) > 1:
        table.add_section()
        worth = [_amount(total["worth"], currency)] if has_value else []
        row = ["any rule", "", f"{total['sent']:,}", f"{total['customers']:,}", *worth, _most(total["days"]), ""]
        table.add_row(*row)
    print_table(console, table)


def _amount(worth: float, currency: str | None) -> str:
    return f"{worth:,.0f}" + ("" if currency is None else f" {currency}")


def _most(days: Sequence[Mapping[str, Any]]) -> str:
    most = max(days, key=lambda day: int(day["sent"]))
    return f"{most['sent']:,} ({most['day'][5:]})" if most["sent"] else ""


def _draw_days(document: Mapping[str, Any], console: Console) -> None:
    acting = [rule for rule in document["rules"] if rule["sent"]]
    if not acting:
        return
    days = document["any_rule"]["days"]
    merge = -(-len(days) // max(1, min(_WIDEST, console.width - 2)))
    console.print()
    console.print(Text(f"Due per day (UTC){f'; each column is {merge} days' if merge > 1 else ''}", style="bold"))
    for rule in acting:
        numbers = [day["sent"] for day in rule["days"]]
        columns = [sum(numbers[at : at + merge]) for at in range(0, len(numbers), merge)]
        console.print(Text(f"  {rule['id']}", style="cyan"))
        for line in bars(columns, _TALL if len(acting) <= _TALL_UP_TO else 1):
            console.print(Text(f"  {line}"), no_wrap=True)
    first, last, width = days[0]["day"], days[-1]["day"], -(-len(days) // merge)
    axis = first + last.rjust(width - len(first)) if width > len(first) + len(last) else first
    console.print(Text(f"  {axis}", style="dim"), no_wrap=True)


def _draw_stages(stages: Sequence[Mapping[str, Any]], console: Console) -> None:
    lines = []
    for stage in stages:
        parts = [f"{number:,} from {came_from}" for came_from, number in stage["from"].items()]
        if stage["arrive"] or stage["leave"]:
            arrive = f"{stage['arrive']:,} arrive" + (f" ({', '.join(parts)})" if parts else "")
            lines.append((stage["stage"], f"{arrive}, {stage['leave']:,} leave"))
    _draw_lines("Stages", lines, console)


def _draw_why_not(rules: Sequence[Mapping[str, Any]], console: Console) -> None:
    lines = []
    for rule in rules:
        reasons = sorted(rule["not_sent"].items(), key=lambda one: (-one[1], one[0]))
        parts = [f"not sent: {', '.join(f'{_words(reason)} {number:,}' for reason, number in reasons)}"]
        parts = parts if reasons else []
        if rule["not_observable"]:
            parts.append(f"cannot be known: {rule['not_observable']:,}")
        if rule["delayed_by_quiet_hours"]:
            parts.append(f"after quiet hours: {rule['delayed_by_quiet_hours']:,}")
        if rule["taken_back"]:
            parts.append(f"replaced by another rule later: {rule['taken_back']:,}")
        if parts:
            lines.append((rule["id"], "; ".join(parts)))
    _draw_lines("Why not", lines, console)


def _draw_paces(rules: Sequence[Mapping[str, Any]], console: Console) -> None:
    lines = []
    for rule in rules:
        pace = rule["pace"]
        if pace is not None and pace["above"]:
            held = "go out in later periods" if pace["over_pace"] == "spread" else "are held"
            lines.append((rule["id"], f"at most {pace['at_most']:,} per {pace['per']}: {pace['above']:,} {held}"))
    _draw_lines("Pace", lines, console)


def _draw_lines(title: str, lines: Sequence[tuple[str, str]], console: Console) -> None:
    if not lines:
        return
    console.print()
    console.print(Text(title, style="bold"))
    grid = table_of("", "", box=None, show_header=False, padding=(0, 2))
    for label, text in lines:
        grid.add_row(Text(f"  {label}", style="cyan"), Text(text))
    print_table(console, grid)


def _words(reason: str) -> str:
    return reason.replace("_", " ")
