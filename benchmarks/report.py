"""What a contest came to: as one object for JSON, as a table, and as a picture for the documentation. Pure.

Ratios are those of runs of the same round, taken one after the other, and then the median of them: a machine that
is slower in one round is slower for both.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from statistics import median
from typing import Any, Final, Literal

from rich.table import Table

from benchmarks.contenders import Contender
from benchmarks.contest import Measured
from benchmarks.workload import Workload

YARDSTICK: Final = "linger"
_WIDTH: Final = 860
_NAMES: Final = 190
"""Where bars begin, from the left."""
_BARS: Final = 520
_ROW: Final = 34
_HEAD: Final = 62
_PARTS: Final = {"contender": "#4269d0", "redis": "#d0553b", "kafka": "#9aa3ad"}
_FONT: Final = "font-family='system-ui, sans-serif' font-size='13' fill='#1f2328'"


@dataclass
class Entry:
    """A contender and its runs.

    Attributes:
        runs: one for each round, in order.
        trouble: why there are no figures.
        reason: what is missing, what failed, what was wrong.
    """

    contender: Contender
    runs: list[Measured] = field(default_factory=list)
    trouble: Literal["missing", "failed", "wrong"] | None = None
    reason: str = ""


def summary(entries: Sequence[Entry], workload: Workload, partitions: int, runs: int) -> dict[str, Any]:
    """Return everything there is to say, for JSON.

    Args:
        entries: in the order in which they are shown.
        workload: the whole one; a contender with a smaller share says how many events it had.
        partitions: of every topic.
        runs: how many were asked for.
    """
    return {
        "contenders": {one.contender.name: _figures(one) for one in entries},
        "ratios": _ratios(entries, _rate),
        "cpu_ratios": _ratios(entries, _cpu_each),
        "workload": {
            "events": workload.events,
            "customers": workload.customers,
            "seed": workload.seed,
            "days": workload.days,
            "quiet_days": workload.quiet_days,
            "partitions": partitions,
            "runs": runs,
        },
    }


def _figures(entry: Entry) -> dict[str, Any]:
    about = {"title": entry.contender.title, "state": entry.contender.state, "delivery": entry.contender.delivery}
    if entry.trouble is not None:
        return {**about, "trouble": entry.trouble, "reason": entry.reason}
    runs, any_run = entry.runs, entry.runs[0]
    rates = [_rate(run) for run in runs]
    return {
        "events_per_second": round(median(rates)),
        "events_per_second_of_runs": [round(rate) for rate in rates],
        "cpu_seconds_per_million_events": round(median(map(_cpu_each, runs)), 1),
        "cpu_seconds_per_million_events_of": {
            name: round(median(getattr(run.cpu, name) / run.events * 1e6 for run in runs), 1) for name in _PARTS
        },
        "seconds": round(median(run.seconds for run in runs), 2),
        "events": any_run.events,
        "customers": any_run.customers,
        "actions": any_run.actions,
        "written_again": max(run.again for run in runs),
        "redis_bytes_per_customer": round(median(run.redis_bytes / run.customers for run in runs)),
        "state_bytes_per_customer": round(median(run.state_bytes / run.customers for run in runs)),
        "topic_bytes_per_event": round(median(run.topic_bytes / run.events for run in runs)),
        **about,
    }


def _rate(run: Measured) -> float:
    return run.events / run.seconds


def _cpu_each(run: Measured) -> float:
    return sum(run.cpu) / run.events * 1e6


def _ratios(entries: Sequence[Entry], figure: Callable[[Measured], float]) -> dict[str, float]:
    """Return the yardstick's figure divided by that of each contender; empty if the yardstick has none."""
    measured = {one.contender.name: one.runs for one in entries if one.trouble is None}
    if YARDSTICK not in measured:
        return {}
    yard = [figure(run) for run in measured[YARDSTICK]]
    return {
        name: round(median(own / figure(run) for own, run in zip(yard, runs, strict=True)), 3)
        for name, runs in measured.items()
    }


def table(summary: Mapping[str, Any]) -> Table:
    """Return a summary as a table for a terminal."""
    of = summary["workload"]
    title = (
        f"{of['events']:,} events of {of['customers']:,} customers, {of['partitions']} partitions, {of['runs']} runs"
    )
    shown = Table(title=title, caption="CPU seconds are per million events; bytes per customer, of topics per event")
    for name in ("", "events/s", "of runs", "linger/it", "CPU s", "its own", "Redis", "Kafka", "linger/it"):
        shown.add_column(name, justify="left" if not name else "right")
    for name in ("Redis", "files", "topics"):
        shown.add_column(f"{name} bytes", justify="right")
    for name, one in summary["contenders"].items():
        if "trouble" in one:
            shown.add_row(name, one["trouble"])
            continue
        rates, cpu = one["events_per_second_of_runs"], one["cpu_seconds_per_million_events_of"]
        shown.add_row(
            name,
            f"{one['events_per_second']:,}",
            f"{min(rates):,} to {max(rates):,}",
            _times(summary["ratios"].get(name)),
            f"{one['cpu_seconds_per_million_events']:.0f}",
            *(f"{cpu[part]:.0f}" for part in _PARTS),
            _times(summary["cpu_ratios"].get(name)),
            f"{one['redis_bytes_per_customer']:,}",
            f"{one['state_bytes_per_customer']:,}",
            f"{one['topic_bytes_per_event']:,}",
        )
    return shown


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}"


def picture(summary: Mapping[str, Any]) -> str:
    """Return a summary as an SVG: a bar for events per second, and one for CPU seconds, of each contender."""
    measured = {name: one for name, one in summary["contenders"].items() if "trouble" not in one}
    of = summary["workload"]
    half = _HEAD + _ROW * len(measured)
    head = f"{of['events']:,} events, {of['customers']:,} customers, {of['partitions']} partitions"
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} {2 * half + 20}' width='{_WIDTH}'>",
        "<rect width='100%' height='100%' fill='#ffffff'/>",
        *_rates(measured, f"Events per second, more is better ({head}; line: slowest to fastest run)", 0),
        *_costs(measured, "CPU seconds per million events, less is better", half),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _rates(measured: Mapping[str, Any], title: str, top: int) -> list[str]:
    most = max((max(one["events_per_second_of_runs"]) for one in measured.values()), default=1)
    parts = [_text(20, top + 30, title, bold=True)]
    for row, (name, one) in enumerate(measured.items()):
        y, runs = top + _HEAD + row * _ROW, one["events_per_second_of_runs"]
        width, low, high = (_BARS * rate / most for rate in (one["events_per_second"], min(runs), max(runs)))
        parts += [
            _text(20, y + 15, name),
            _bar(_NAMES, y, width, _PARTS["contender"]),
            f"<path d='M{_NAMES + low:.1f} {y + 11}H{_NAMES + high:.1f}' stroke='#1f2328' stroke-width='2'/>",
            _text(_NAMES + max(width, high) + 8, y + 15, f"{one['events_per_second']:,}"),
        ]
    return parts


def _costs(measured: Mapping[str, Any], title: str, top: int) -> list[str]:
    of = {name: one["cpu_seconds_per_million_events_of"] for name, one in measured.items()}
    most = max((sum(one.values()) for one in of.values()), default=1)
    parts = [_text(20, top + 30, title, bold=True)]
    for place, (part, colour) in enumerate(_PARTS.items()):
        left = 480 + place * 115
        parts.append(f"<rect x='{left}' y='{top + 20}' width='12' height='12' fill='{colour}'/>")
        parts.append(_text(left + 18, top + 31, part))
    for row, (name, one) in enumerate(of.items()):
        x, y = float(_NAMES), top + _HEAD + row * _ROW
        parts.append(_text(20, y + 15, name))
        for part, colour in _PARTS.items():
            width = _BARS * one[part] / most
            parts.append(_bar(x, y, width, colour))
            x += width
        parts.append(_text(x + 8, y + 15, f"{sum(one.values()):,.0f}"))
    return parts


def _bar(x: float, y: int, width: float, colour: str) -> str:
    return f"<rect x='{x:.1f}' y='{y}' width='{max(width, 1):.1f}' height='22' fill='{colour}'/>"


def _text(x: float, y: int, text: str, *, bold: bool = False) -> str:
    weight = " font-weight='600'" if bold else ""
    return f"<text x='{x:.1f}' y='{y}' {_FONT}{weight}>{escape(text)}</text>"
