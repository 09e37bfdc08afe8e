"""The one workload of the benchmarks: events, rules, and what has to be decided; README.md states it in words.

Everything follows from the numbers of `Workload`: the same numbers give the same bytes.
"""

import random
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Final, NamedTuple

from schemas.actions import Action, Decision
from workers.core.coverage import Coverage
from workers.core.decisions.decide import decide
from workers.core.events.decoding import DecodedEvent, decode_event
from workers.core.rules.rule_compiler import compile_rules
from workers.core.rules.rule_set import RuleSet
from workers.histories.history import iso_utc
from workers.rule_files.known_names import KnownNames
from workers.rule_files.rules import load_book

RULES: Final = Path(__file__).parent / "workload_rules.yaml"
BESIDE: Final = RULES.parent / "beside"
"""Not the folder of the rules: a value in a file beside them counts for them, too."""
STAGES: Final = BESIDE / "stages.yaml"
VALUE: Final = BESIDE / "value.yaml"
REMINDERS: Final = BESIDE / "reminders.yaml"
"""A ladder, what a customer is worth, and rules that ask again: what is measured beside the rules."""
START_MS: Final = 1_704_067_200_000
DAY_MS: Final = 86_400_000
TYPES: Final = ("login", "purchase", "cancellation")
_SHARES: Final = (65, 30, 5)
_SKEW: Final = 0.8
"""Exponent of Zipf's law: the events of the n-th busiest customer are proportional to n to minus this."""


class Event(NamedTuple):
    """One record of the events topic: `key` is the customer's id, `value` a canonical event as JSON."""

    at_ms: int
    key: bytes
    value: bytes


class Decided(NamedTuple):
    """What a contender decided: an action, or that it is taken back.

    Attributes:
        status: `active` or `retracted`.
        started_ms: when the rule began to hold; with the rule and the customer it names the action.
        at_ms: when it was decided, or taken back: the due time, or the time of the event.
    """

    status: str
    rule: str
    customer: str
    started_ms: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class Workload:
    """A number of events of a number of customers.

    Attributes:
        days: over which they happened, evenly.
        quiet_days: for which time goes on after the last event.
    """

    events: int
    customers: int
    seed: int = 1
    days: int = 400
    quiet_days: int = 60

    @property
    def end_ms(self) -> int:
        """Return when it is over: every due time until then fires."""
        return START_MS + (self.days + self.quiet_days) * DAY_MS

    def records(self) -> Iterator[Event]:
        """Yield the events in the order of time; no two happen in the same millisecond."""
        chance = random.Random(self.seed)
        weights = list(accumulate((rank + 1) ** -_SKEW for rank in range(self.customers)))
        names = list(range(self.customers))
        chance.shuffle(names)
        step_ms = self.days * DAY_MS // self.events
        for number in range(self.events):
            customer = f"c-{names[bisect_left(weights, chance.random() * weights[-1])]:07d}"
            at_ms = START_MS + number * step_ms + chance.randrange(step_ms)
            kind = chance.choices(TYPES, _SHARES)[0]
            yield Event(at_ms, customer.encode(), _written(number, kind, customer, at_ms, chance))

    def markers(self, partitions: int, at_ms: int) -> list[Event]:
        """Return one event for each partition, in order, that advances its time: log-ins of marker customers."""
        return [
            Event(
                at_ms,
                b"end-%d" % number,
                _written(f"{at_ms}-{number}", "login", f"end-{number}", at_ms, random.Random(0)),
            )
            for number in range(partitions)
        ]


def _written(number: object, kind: str, customer: str, at_ms: int, chance: random.Random) -> bytes:
    head = f'{{"event_id":"e-{number}","customer_id":"{customer}","occurred_at":"{iso_utc(at_ms)}"'
    if kind == "purchase":
        cents = chance.randrange(500, 9_000)
        return f'{head},"type":"purchase","amount":"{cents // 100}.{cents % 100:02d}","currency":"USD"}}'.encode()
    if kind == "cancellation":
        return f'{head},"type":"cancellation","what":"gold","reason":"too expensive"}}'.encode()
    return f'{head},"type":"login"}}'.encode()


def load_rules(*paths: Path) -> RuleSet:
    """Compile rule files; without any, the workload's rules."""
    book, problems = load_book(paths or (RULES,), KnownNames(TYPES))
    if problems:
        raise ValueError("\n".join(map(str, problems)))
    return compile_rules(book, TYPES)


def expected(workload: Workload, rules: RuleSet | None = None) -> list[Decided]:
    """Return what has to be decided; every contender must come to the same."""
    return [decided_of(one) for one in all_decisions(workload, rules) if isinstance(one, Action)]


def all_decisions(workload: Workload, rules: RuleSet | None = None) -> Iterator[Action | Decision]:
    """Yield what Linger's own core decides in one thread, for one customer after the other."""
    rules = rules or load_rules()
    observed = watched(rules)
    for customer, facts in histories(workload).items():
        yield from decide(customer, None, facts, rules, observed, workload.end_ms).decisions()


def watched(rules: RuleSet) -> Coverage:
    """Return that everything which rules read was watched from the beginning."""
    keys = [spec.key for spec in rules.specs()]
    return Coverage(dict.fromkeys(keys, START_MS), complete=frozenset(keys))


def histories(workload: Workload) -> dict[str, list[DecodedEvent]]:
    """Return the events of each customer, in order."""
    events: dict[str, list[DecodedEvent]] = {}
    for record in workload.records():
        fact = decode_event(record.value)
        events.setdefault(fact.customer_id, []).append(fact)
    return events


def decided_of(action: Action) -> Decided:
    """Return the part of an action that contenders are compared by."""
    when = action.decided_at if action.retracted_at is None else action.retracted_at
    started_ms, at_ms = (round(moment.timestamp() * 1000) for moment in (action.episode_started_at, when))
    return Decided(action.status, action.rule.id, action.customer_id, started_ms, at_ms)
