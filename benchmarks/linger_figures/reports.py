"""What a measurement came to: figures for programs, tables for people."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Report:
    """One measurement.

    Attributes:
        name: of the measurement, one word.
        title: what was measured, and how.
        tables: rows by the title of their table; every row has the same columns.
        figures: what else there is to say, by name.
    """

    name: str
    title: str
    tables: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    figures: Row = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {**self.figures, **({"tables": dict(self.tables)} if self.tables else {})}

    def text(self) -> str:
        """Return it for people."""
        parts = [f"{self.name}: {self.title}", ""]
        if self.figures:
            width = max(map(len, self.figures))
            parts += [*(f"  {name:{width}}  {_written(value)}" for name, value in self.figures.items()), ""]
        for title, rows in self.tables.items():
            parts += [f"  {title}", *_lines(rows), ""]
        return "\n".join(parts)


def _lines(rows: Sequence[Row]) -> Iterable[str]:
    if not rows:
        return ["    (none)"]
    columns = list(rows[0])
    cells = [columns, *([_written(row[name]) for name in columns] for row in rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(columns))]
    placed = ([_placed(cell, width) for cell, width in zip(row, widths, strict=True)] for row in cells)
    return ("    " + "  ".join(row).rstrip() for row in placed)


def _placed(cell: str, width: int) -> str:
    is_number = cell[:1].isdigit() or cell[:1] == "-"
    return cell.rjust(width) if is_number else cell.ljust(width)


def _written(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "-"}[value]
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that so great a share of the values does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def spread(values: Sequence[float]) -> dict[str, float | int]:
    """Return how many values there are, and their percentiles."""
    if not values:
        return {"number": 0}
    at = {f"p{round(share * 100)}": round(percentile(values, share), 1) for share in (0.5, 0.9, 0.99)}
    return {"number": len(values), **at, "max": round(max(values), 1)}
