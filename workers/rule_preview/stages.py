"""Where customers stood on a ladder at the end of each month of a past period, and how many moved in it.

The ladder is decided by the same core, without any rule, so a draft of it is counted as the live one is. Pure: this
module must never know files, clocks and terminals.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from schemas.ladders import Ladder
from schemas.rules import RuleBook
from workers.clock import iso_text
from workers.core.conditions.ladder import UNKNOWN
from workers.core.decisions.replay import ABSENT, Replay, until
from workers.core.months import month_at, month_from
from workers.core.rules.attribute_types import types_of_attributes
from workers.core.rules.rule_compiler import compile_rules
from workers.core.rules.rule_set import RuleSet
from workers.rule_preview.counts import Counts
from workers.rule_preview.preview import CustomerEvents, PreviewTask, coverage_of, evaluated_rules

MonthMs = int
"""The start of a month, in epoch milliseconds."""


@dataclass(frozen=True, slots=True)
class StagesTask:
    """A ladder on which customers are to stand.

    Attributes:
        preview: over the same customers.
        ladder: as written, without steps that are drafts.
    """

    preview: PreviewTask
    ladder: Ladder

    def months(self) -> dict[MonthMs, int]:
        """Return, for each month of the period, the moment at which it is counted: its end, or that of the period."""
        month_ms, months = month_at(self.preview.since_ms), dict[MonthMs, int]()
        # A month is not counted if the period ends when it begins.
        while month_ms < self.preview.upto_ms or not months:
            following_ms = month_from(month_ms + 1)
            months[month_ms] = min(following_ms - 1, self.preview.upto_ms)
            month_ms = following_ms
        return months


@dataclass(slots=True)
class StageCounts(Counts):
    """Customers by month.

    Attributes:
        standing: those who stand on a stage at its end, by month and place of the stage; `UNKNOWN` is a place, too.
        up, down: moves in it.
    """

    standing: Counter[tuple[MonthMs, int]] = field(default_factory=Counter)
    up: Counter[MonthMs] = field(default_factory=Counter)
    down: Counter[MonthMs] = field(default_factory=Counter)


class Stages:
    """One run over customers.

    Attributes:
        counts: the counts so far; those of another run of the task over other customers can be added.
    """

    def __init__(self, task: StagesTask) -> None:
        self.counts = StageCounts()
        rules = compiled_ladder(task.ladder, task.preview.book, task.preview.types)
        self._replay = Replay(rules, task.preview.types, coverage_of(rules, task.preview))
        self._since_ms = task.preview.since_ms
        months = task.months()
        self._months, self._ends = list(months), list(months.values())

    def replay(self, customers: Iterable[CustomerEvents]) -> None:
        """Decide more customers, each given only once in a run, and count."""
        standing = self.counts.standing
        for customer_id, all_events in customers:
            events = until(all_events, self._ends[-1])
            if not events:
                continue
            for month_ms, place in zip(
                self._months, self._replay.stages(customer_id, events, self._ends), strict=True
            ):
                if place != ABSENT:
                    standing[month_ms, place] += 1
            self._count_moves()

    def _count_moves(self) -> None:
        moves = self._replay.turn.moves
        assert moves is not None
        for record in moves.records:
            if record is None or record.direction == "none":
                continue
            since_ms = round(record.since.timestamp() * 1000)
            if since_ms >= self._since_ms:
                counts = self.counts.up if record.direction == "up" else self.counts.down
                counts[month_at(since_ms)] += 1


def compiled_ladder(ladder: Ladder, book: RuleBook, types: Sequence[str]) -> RuleSet:
    """Return a ladder as the live one, and no rules; values count as in the preview."""
    rules = tuple(rule.model_copy(update={"status": "live"}) for rule in evaluated_rules(book))
    whole = replace(book, rules=rules, ladders=(ladder.model_copy(update={"status": "live"}),))
    return compile_rules(replace(whole, rules=(), attribute_types=types_of_attributes(whole)), types)


def stages_document(task: StagesTask, counts: StageCounts) -> dict[str, Any]:
    """Return the counts as plain values."""
    names = task.ladder.stages()
    return {
        "ladder": task.ladder.name,
        "status": task.ladder.status,
        "stages": list(names),
        "months": [
            {
                "month": datetime.fromtimestamp(month_ms / 1000, UTC).strftime("%Y-%m"),
                "at": iso_text(end_ms),
                "customers": {name: counts.standing[month_ms, place] for place, name in enumerate(names)},
                "unknown": counts.standing[month_ms, UNKNOWN],
                "up": counts.up[month_ms],
                "down": counts.down[month_ms],
            }
            for month_ms, end_ms in task.months().items()
        ],
    }
