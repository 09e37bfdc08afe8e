"""Why a rule reaches no customer: its conditions one by one, over the same customers.

Each condition of a rule's `all` is decided as if it were a rule of its own, by the same core. A condition that never
holds for anybody keeps the rule from acting. Pure: this module must never know files, clocks and terminals.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from schemas import conditions as model
from schemas.conditions import expanded
from schemas.rules import ForEveryRule, Rule, RuleBook
from workers.core.conditions.condition import NOT_OBSERVABLE, TRUE
from workers.core.decisions.decided import UNKNOWN
from workers.core.decisions.replay import Replay, until
from workers.core.rules import wording as phrases
from workers.core.rules.attribute_types import types_of_attributes
from workers.core.rules.rule_compiler import compile_rules
from workers.core.rules.rule_set import RuleSet
from workers.rule_preview.counts import Counts
from workers.rule_preview.preview import (
    CustomerEvents,
    PreviewTask,
    coverage_of,
    evaluated_rules,
)

PartOfRule = tuple[str, int]
"""The id of a rule, and the number of one of its conditions, from 0."""


@dataclass(frozen=True, slots=True)
class PartsTask:
    """Rules whose conditions are looked at one by one.

    Attributes:
        preview: the preview in which they reached no customer.
        rules: their ids.
    """

    preview: PreviewTask
    rules: tuple[str, ...]


@dataclass(slots=True)
class PartCounts(Counts):
    """Customers by condition.

    Attributes:
        held: for how many a condition held at some moment.
        unknown: for how many it is not observable at the end, and never held.
    """

    held: Counter[PartOfRule] = field(default_factory=Counter)
    unknown: Counter[PartOfRule] = field(default_factory=Counter)


def conditions_of(rule: Rule, book: RuleBook) -> list[Any]:
    """Return the conditions that must all hold, `unless` among them as its opposite; names are written out."""
    found = list(_all_of(expanded(rule.when, book.define)))
    if rule.unless is not None:
        found.append(model.Not(not_=expanded(rule.unless, book.define)))
    return found


def _all_of(condition: Any) -> Iterator[Any]:
    if isinstance(condition, model.All):
        for part in condition.all:
            yield from _all_of(part)
    else:
        yield condition


def phrases_of(rule: Rule, book: RuleBook) -> list[str]:
    """Return the conditions of a rule in words, in the order of `conditions_of`."""
    return [phrases.phrase(condition) for condition in conditions_of(rule, book)]


class Parts:
    """One run over customers.

    Attributes:
        counts: the counts so far; those of another run of the task over other customers can be added.
    """

    def __init__(self, task: PartsTask) -> None:
        self.counts = PartCounts()
        self._task = task.preview
        self._part_of: dict[str, PartOfRule] = {}
        rules = self._compiled(task.preview, task.rules)
        self._replay = Replay(rules, task.preview.types, coverage_of(rules, task.preview))

    def _compiled(self, task: PreviewTask, ids: Collection[str]) -> RuleSet:
        parts, evaluated = [], evaluated_rules(task.book)
        for rule in evaluated:
            for number, condition in enumerate(conditions_of(rule, task.book) if rule.id in ids else ()):
                name = f"{rule.id}/{number}"
                self._part_of[name] = rule.id, number
                changes = {"id": name, "status": "live", "when": condition, "unless": None, "for_": None}
                without = dict.fromkeys(("pace", "priority", "instead_of", "hold_out", "experiment"))
                parts.append(rule.model_copy(update={**changes, **without, "variables": {}}))
        # Values count as in the preview, where rules that are not taken apart may need types, too.
        whole = replace(task.book, rules=tuple(rule.model_copy(update={"status": "live"}) for rule in evaluated))
        types = types_of_attributes(whole)
        book = replace(whole, rules=tuple(parts), define={}, for_every_rule=ForEveryRule(), attribute_types=types)
        return compile_rules(book, task.types)

    def replay(self, customers: Iterable[CustomerEvents]) -> None:
        """Decide more customers, each given only once in a run, and count."""
        replay, upto_ms = self._replay, self._task.upto_ms
        held, unknown, part_of = self.counts.held, self.counts.unknown, self._part_of
        for customer_id, all_events in customers:
            events = until(all_events, upto_ms)
            if not events:
                continue
            # What holds from the first event on, and ends with time, begins no episode that is reported.
            holding = {rule.place for rule in replay.decide(customer_id, events, upto_ms)}
            last_ms = max(upto_ms, events[-1].at_ms)
            for row in replay.turn.decisions.rows():
                if row.rule is not None and row.kind != UNKNOWN:
                    holding.add(row.rule.place)
            for rule in replay.rules:
                if rule.place in holding:
                    held[part_of[rule.id]] += 1
                    continue
                truth = rule.condition.look(last_ms)
                if truth == TRUE:
                    held[part_of[rule.id]] += 1
                elif truth == NOT_OBSERVABLE:
                    unknown[part_of[rule.id]] += 1
