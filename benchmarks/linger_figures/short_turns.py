"""Short turns, as a worker has them: bytes of events in, stored bytes read, decided and written, records out.

Everything of a worker but Kafka, Redis and what is around the core. Events come in batches. Of each batch, the events
of a customer are decided together; after it, those customers are looked at who are due.
"""

import heapq
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from benchmarks.workload import REMINDERS, RULES, STAGES, VALUE, Workload, load_rules, watched
from workers.core.coverage import FOREVER_MS
from workers.core.decisions.decide import Outcome, decider_of
from workers.core.events.decoding import DecodedEvent, decode_event
from workers.core.events.plain import PlainEvent
from workers.core.rules.rule_set import RuleSet

BATCH: Final = 500
_LAYOUT: Final = 4


@dataclass(slots=True)
class Played:
    """What came of it.

    Attributes:
        events, turns, looks: events, turns of customers with events, and looks at customers who were due.
        published: how often a stage was published that is no move, as the sweep does.
        records, stages: number of records of decisions, and of stages.
        facts: by how many fields the book has grown.
        stored_bytes: of all customers, at the end.
        customers: how many there are.
    """

    events: int = 0
    turns: int = 0
    looks: int = 0
    published: int = 0
    records: int = 0
    stages: int = 0
    facts: int = 0
    stored_bytes: int = 0
    customers: int = 0


class Beside(StrEnum):
    """What there is beside the workload's rules."""

    NOTHING = "nothing"
    ASKING_ONCE = "two rules"
    EVERYTHING = "ladder, value, the two rules ask again"


def rules_times(variants: int, beside: Beside = Beside.NOTHING) -> RuleSet:
    """Return the workload's rules, or a number of variants of each, their numbers moved a little.

    Args:
        variants: how many of each rule.
        beside: what else there is.
    """
    head, *rules = re.split(r"(?m)^(?=  - id: )", RULES.read_text())
    written = [head, *(_variant(rule, number) for number in range(variants) for rule in rules)]
    with tempfile.TemporaryDirectory() as folder:
        path, two_rules = Path(folder) / "rules.yaml", Path(folder) / REMINDERS.name
        path.write_text("".join(written))
        if beside == Beside.NOTHING:
            return load_rules(path)
        if beside == Beside.EVERYTHING:
            return load_rules(path, REMINDERS, STAGES, VALUE)
        two_rules.write_text(re.sub(r"(?m)^ +(again every|at most): .*\n", "", REMINDERS.read_text()))
        return load_rules(path, two_rules)


def _variant(rule: str, number: int) -> str:
    if not number:
        return rule
    rule = re.sub(r"id: (\S+)", rf"id: \1-v{number}", rule, count=1)
    rule = re.sub(r"for: (\d+) days", lambda found: f"for: {int(found[1]) + number} days", rule)
    return re.sub(r"within: (\d+) days", lambda found: f"within: {max(1, int(found[1]) - number)} days", rule)


class ShortTurns:
    """Plays batches of events, one after the other."""

    def __init__(self, rules: RuleSet) -> None:
        self.rules = rules
        self.decider = decider_of(rules)
        self.observed = watched(rules)
        self.played = Played()
        self._stored: dict[str, bytes] = {}
        self._untold: set[str] = set()
        self._due: dict[str, int] = {}
        self._queue: list[tuple[int, str]] = []

    def play(self, values: Sequence[bytes]) -> None:
        """Decide a batch of events, and then everything that is due by the moment of its last one, as one step."""
        by_customer: dict[str, list[DecodedEvent | PlainEvent]] = {}
        scanner, now_ms = self.decider.scanner, 0
        for value in values:
            event: DecodedEvent | PlainEvent
            if scanner.scan(value, FOREVER_MS) and not scanner.history_ms:
                customer = scanner.customer_id()
                event = PlainEvent(
                    scanner.type_place, scanner.at_ms, scanner.amount, scanner.fingerprint(), scanner.event_id_bytes()
                )
            else:
                event = decode_event(value)
                customer = event.customer_id
            now_ms = event.at_ms
            if customer in by_customer:
                by_customer[customer].append(event)
            else:
                by_customer[customer] = [event]
        self.played.events += len(values)
        self.played.turns += len(by_customer)
        decide, observed, stored = self.decider.decide, self.observed, self._stored
        for customer, events in by_customer.items():
            self._keep(customer, decide(customer, stored.get(customer), events, observed, 0, _LAYOUT))
        for customer in self._due_by(now_ms):
            self.played.looks += 1
            self._keep(customer, decide(customer, stored[customer], (), observed, now_ms, _LAYOUT))
        for customer in sorted(self._untold):
            self.played.published += 1
            self._keep(customer, self.decider.publish_stage(customer, stored[customer], observed, now_ms, _LAYOUT))
        self.played.facts += len(self.decider.take_facts())

    def finish(self) -> Played:
        """Return what came of it."""
        self.played.customers = len(self._stored)
        self.played.stored_bytes = sum(map(len, self._stored.values()))
        return self.played

    def _keep(self, customer: str, outcome: Outcome) -> None:
        assert outcome.stored is not None
        self.played.records += len(outcome.records("linger"))
        self.played.stages += len(outcome.stage_records())
        self._stored[customer] = outcome.stored
        (self._untold.add if outcome.is_unpublished else self._untold.discard)(customer)
        due_ms = outcome.due_ms
        if self._due.get(customer, 0) != due_ms:
            self._due[customer] = due_ms
            if due_ms:
                heapq.heappush(self._queue, (due_ms, customer))

    def _due_by(self, now_ms: int) -> Iterator[str]:
        queue = self._queue
        while queue and queue[0][0] <= now_ms:
            due_ms, customer = heapq.heappop(queue)
            if self._due.get(customer) == due_ms:
                yield customer


def batches(workload: Workload) -> list[list[bytes]]:
    """Return the values of the workload's records, batch by batch."""
    values = [record.value for record in workload.records()]
    return [values[start : start + BATCH] for start in range(0, len(values), BATCH)]
