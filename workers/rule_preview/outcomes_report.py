"""What customers did after the actions of each rule, beside plain days, drawn for people."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from workers.printing import print_table, table_of


def draw_outcomes(rules: Sequence[Mapping[str, Any]], console: Console) -> None:
    """Draw a table for each kind of success: a line for each rule, and one below for plain days.

    Args:
        rules: of the document of a preview.
        console: where to draw.
    """
    known = [rule for rule in rules if rule["outcome"] is not None and rule["actions"]]
    for success in sorted({rule["outcome"]["success"] for rule in known}):
        console.print()
        console.print(Text(f"Came back by themselves: {success}", style="bold"))
        table = table_of(
            *("after the action", "seen to the end", "came back", "stayed away", "days of warning", "not over"),
            box=None,
            padding=(0, 2, 0, 0),
            header_style="dim",
        )
        for column in table.columns[1:]:
            column.justify = "right"
        for rule in known:
            if rule["outcome"]["success"] != success:
                continue
            table.add_row(rule["id"], *_cells(rule["outcome"]), f"{rule['outcome']['running']:,}")
            if (plain := rule["outcome"]["plain_days"]) is not None:
                label = Text(f"  plainly after {_days(plain['days'])}", style="dim")
                table.add_row(label, *(Text(cell, style="dim") for cell in _cells(plain)), "")
        print_table(console, table)


def _cells(figures: Mapping[str, Any]) -> list[str]:
    seen = figures["came_back"] + figures["stayed_away"]
    warning = figures["warning_days"]
    return [
        f"{seen:,}",
        _share(figures["came_back"], figures["wasted"]),
        _share(figures["stayed_away"], figures["precision"]),
        "" if warning is None else f"{warning:,}",
    ]


def _share(number: int, share: float | None) -> str:
    return f"{number:,}" if share is None else f"{number:,} ({100 * share:.0f}%)"


def _days(number: int) -> str:
    return f"{number:,} day" + ("" if number == 1 else "s")
