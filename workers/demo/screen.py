"""The screen of a demo: events in, customers known, actions out, and why."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from schemas.actions import Action, Reason

_SHOWN_ACTIONS: Final = 6


@dataclass(slots=True)
class Picture:
    """Everything the screen shows.

    Attributes:
        title: the first line.
        seconds: time since the start of the demo.
        done: share of the history that was played, 0 to 1.
        at_ms: the time of the replay's clock, UTC epoch milliseconds; 0 before it starts.
        events: events folded.
        customers: customers with an activity.
        due: customers with a due time.
        behind: events played but not yet folded.
        rate: events folded per second, recently.
        at_risk, win_back: actions of each kind.
        retracted: retracted actions.
        dead_letters: records that could not be read.
        workers: number of worker processes.
        note: a line for the bottom of the screen; empty for none.
        by_rule: actions and retractions by rule.
        suppressed: decisions not to act, by reason.
        stages: customers by their stage, from the top of the ladder; empty without one.
        recent: the latest actions, newest last.
    """

    title: str
    seconds: float = 0.0
    done: float = 0.0
    at_ms: int = 0
    events: int = 0
    customers: int = 0
    due: int = 0
    behind: int = 0
    rate: float = 0.0
    at_risk: int = 0
    win_back: int = 0
    retracted: int = 0
    dead_letters: int = 0
    workers: int = 1
    note: str = ""
    by_rule: dict[str, dict[str, int]] = field(default_factory=dict)
    suppressed: dict[str, int] = field(default_factory=dict)
    stages: dict[str, int] = field(default_factory=dict)
    recent: list[Action] = field(default_factory=list)


def draw(picture: Picture) -> RenderableType:
    """Return the whole screen. With four rules and a ladder, it fits into 26 lines of 80 columns."""
    day = datetime.fromtimestamp(picture.at_ms / 1000, UTC).strftime("%d %b %Y") if picture.at_ms else "starting"
    head = Table.grid(expand=True)
    head.add_column()
    head.add_column(justify="right")
    head.add_row(Text(picture.title, style="bold"), Text(f"{day}   {picture.seconds:.0f} s", style="bold cyan"))
    parts: list[RenderableType] = [
        head,
        # A progress bar ends without a line break; without padding it would hide the next line.
        Padding(ProgressBar(total=1.0, completed=picture.done), 0),
        _numbers(picture),
        Text(),
        _rules(picture),
        *_stages(picture),
        Text(),
        _recent(picture.recent),
    ]
    if picture.note:
        parts.append(Text(picture.note, style="yellow"))
    return Panel(Group(*parts), title="Linger", border_style="cyan")


def _numbers(picture: Picture) -> RenderableType:
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(2):
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, justify="right")
        table.add_column(no_wrap=True)
    rate = f"{picture.rate:,.0f}/s" if picture.rate else ""
    table.add_row(
        *_number("events in", picture.events, rate),
        *_number("at-risk actions", picture.at_risk, ""),
    )
    table.add_row(
        *_number("customers known", picture.customers, ""),
        *_number("win-back actions", picture.win_back, ""),
    )
    table.add_row(
        *_number("due times ahead", picture.due, ""),
        *_number("retracted", picture.retracted, "they came back"),
    )
    table.add_row(
        *_number("events waiting", picture.behind, ""),
        *_number("dead letters", picture.dead_letters, ""),
    )
    return table


def _number(label: str, value: int, remark: str) -> Iterable[RenderableType]:
    return Text(label, style="dim"), Text(f"{value:,}", style="bold"), Text(remark, style="dim")


def _rules(picture: Picture) -> RenderableType:
    table = Table(box=None, header_style="dim", padding=(0, 3, 0, 0))
    table.add_column("rule", overflow="fold")
    table.add_column("actions", justify="right")
    table.add_column("of them retracted", justify="right")
    for rule, counts in picture.by_rule.items():
        table.add_row(rule, f"{counts['actions']:,}", f"{counts['retracted']:,}")
    for reason, count in sorted(picture.suppressed.items()):
        table.add_row(Text(f"not sent: {reason.replace('_', ' ')}", style="dim"), Text(f"{count:,}", style="dim"), "")
    return table


def _stages(picture: Picture) -> list[RenderableType]:
    """Return where customers stand, in one line; nothing without a ladder."""
    if not picture.stages:
        return []
    return [Text(), Text.assemble(("customers by stage   ", "dim"), stages_in_words(picture.stages))]


def stages_in_words(stages: Mapping[str, int]) -> str:
    """Return customers by their stage in one line: `regular 651 · quiet 2,772`."""
    return " · ".join(f"{name} {number:,}" for name, number in stages.items())


def _recent(actions: Iterable[Action]) -> RenderableType:
    table = Table(expand=True, box=None, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("day", no_wrap=True)
    table.add_column("customer", overflow="fold")
    table.add_column("action", no_wrap=True)
    table.add_column("why", no_wrap=True, overflow="ellipsis", ratio=1)
    for action in sorted(actions, key=lambda action: action.decided_at, reverse=True)[:_SHOWN_ACTIONS]:
        style = "red" if action.action == "win-back" else "yellow"
        table.add_row(
            f"{action.decided_at:%d %b}", action.customer_id, Text(action.action, style=style), _reason(action)
        )
    return table


def _reason(action: Action) -> str:
    """Return the reason in one line: the observed values, in the words of the rule."""
    phrases = [_phrase(reason) for reason in action.why if reason.observed != "active"]
    phrases += [f"{name}: {value}" for name, value in action.variables.items() if value]
    return "; ".join(phrases)


def _phrase(reason: Reason) -> str:
    if isinstance(reason.observed, int | float) and reason.bound in reason.condition:
        observed = f"{reason.observed}x" if isinstance(reason.observed, int) else f"{reason.observed:g}"
        return reason.condition.replace(reason.bound, observed, 1)
    if reason.condition.startswith("the customer is"):
        return str(reason.observed)
    return reason.condition


def line(picture: Picture) -> str:
    """Return the state in one line, for outputs that are not a terminal."""
    day = datetime.fromtimestamp(picture.at_ms / 1000, UTC).strftime("%Y-%m-%d") if picture.at_ms else "starting"
    return (
        f"{picture.seconds:5.1f} s  {day}  events {picture.events:,}  customers {picture.customers:,}  "
        f"due ahead {picture.due:,}  at-risk {picture.at_risk:,}  win-back {picture.win_back:,}  "
        f"retracted {picture.retracted:,}"
    )
