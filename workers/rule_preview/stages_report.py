"""Where customers stood at the end of each month, drawn for people."""

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from workers.printing import print_table, table_of

_MONTHS: Final = 12


def draw_stages(stages: Mapping[str, Any], console: Console) -> None:
    """Draw the document of a ladder: the last months.

    Args:
        stages: the result of `stages_document`.
        console: where to draw.
    """
    shown, names = stages["months"][-_MONTHS:], stages["stages"]
    more = f", the last {_MONTHS} of {len(stages['months'])} months" if len(shown) < len(stages["months"]) else ""
    draft = " (draft)" if stages["status"] == "draft" else ""
    console.print()
    console.print(
        Text(f"Customers on the ladder '{stages['ladder']}'{draft} at the end of each month{more}", style="bold")
    )
    table = table_of(
        "month", *names, "unknown", "moves up", "down", box=None, padding=(0, 2, 0, 0), header_style="dim"
    )
    for column in table.columns[1:]:
        column.justify = "right"
    for month in shown:
        numbers = [*month["customers"].values(), month["unknown"], month["up"], month["down"]]
        table.add_row(month["month"], *(f"{number:,}" for number in numbers))
    print_table(console, table)
