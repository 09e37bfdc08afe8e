"""Customers whose past is put straight into the store, as a worker would have left it there."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle
from typing import NamedTuple

from benchmarks.linger_figures.site import Site
from benchmarks.workload import Workload
from workers.core.coverage import Coverage
from workers.core.decisions.decide import decide
from workers.core.events.decoding import DecodedEvent, decode_event
from workers.core.rules.rule_set import RuleSet
from workers.kafka.partitioner import partition_of
from workers.state.layouts import newest
from workers.state.rule_sets.activation import activate
from workers.state.step import MAX_CUSTOMERS, WriteSet
from workers.state.store import Store


class Stored(NamedTuple):
    """What the store holds of a customer: the activity, and when to look again (ms; 0 for never)."""

    raw: bytes
    due_ms: int


class Customer(NamedTuple):
    """A customer with stored state."""

    name: str
    stored: Stored


def stored_of(facts: Iterable[DecodedEvent], rules: RuleSet, since_ms: int, until_ms: int) -> Stored:
    """Return the stored state of a customer with these events, decided up to a moment.

    Args:
        facts: in the order of time.
        rules: as in force.
        since_ms: everything is watched since then, completely.
        until_ms: not before the last of the facts.
    """
    keys = [spec.key for spec in rules.specs()]
    observed = Coverage(dict.fromkeys(keys, since_ms), complete=frozenset(keys))
    outcome = decide("ada", None, list(facts), rules, observed, until_ms, newest())
    if outcome.stored is None:
        raise ValueError("a customer without events has no stored state")
    return Stored(outcome.stored, outcome.due_ms)


def pasts(workload: Workload, rules: RuleSet, end_ms: int) -> list[Stored]:
    """Return what is stored of each customer of a workload that ends, with its quiet days, at another moment."""
    earlier_ms = workload.end_ms - end_ms
    by_customer: dict[str, list[DecodedEvent]] = {}
    for record in workload.records():
        fact = decode_event(record.value)
        # Not by the same id: the next workload's events would count as repeated.
        moved = DecodedEvent(
            f"past-{fact.event_id}", fact.type, fact.customer_id, fact.at_ms - earlier_ms, fact.attributes
        )
        by_customer.setdefault(fact.customer_id, []).append(moved)
    since_ms = min(facts[0].at_ms for facts in by_customer.values())
    return [stored_of(facts, rules, since_ms, end_ms) for facts in by_customer.values()]


def names(number: int) -> Iterator[str]:
    """Yield the names of `number` customers of a workload."""
    return (f"c-{serial:07d}" for serial in range(number))


def repeated(pasts: Iterable[Stored], number: int) -> Iterator[Customer]:
    """Yield `number` customers who share a few pasts."""
    return (Customer(name, stored) for name, stored in zip(names(number), cycle(pasts), strict=False))


async def rules_in_force(site: Site) -> RuleSet:
    """Return the site's rules as a worker will have them, having put them in force."""
    return (await activate(site.store, site.rules, 0, allow_rollback=False)).rules


@dataclass(slots=True)
class _Filling:
    """One partition that is being filled."""

    number: int
    activities: dict[str, bytes | None]
    due: dict[str, int]


async def put(store: Store, partitions: int, customers: Iterable[Customer], rules: RuleSet) -> int:
    """Put customers into the store by the steps of the store itself, and return how many.

    A worker that claims a partition afterwards finds one without any record read, in which every customer has been
    migrated to these rules.
    """
    stamp: dict[str, str | int] = {"swept": rules.generation, "generation": rules.generation}
    metas = {number: (await store.claim(number, "preload")).meta for number in range(partitions)}
    fillings = {number: _Filling(number, {}, {}) for number in range(partitions)}

    async def write(filling: _Filling) -> None:
        async with store.step(filling.number, metas[filling.number]) as step:
            await step.read(())
            await step.commit(WriteSet(fields=stamp, activities=filling.activities, due=_set(filling.due)))
        filling.activities, filling.due = {}, {}

    total = 0
    for customer in customers:
        filling = fillings[partition_of(customer.name, partitions)]
        filling.activities[customer.name], filling.due[customer.name] = customer.stored
        total += 1
        if len(filling.activities) >= MAX_CUSTOMERS:
            await write(filling)
    for filling in fillings.values():
        if filling.activities:
            await write(filling)
    return total


def _set(due: Mapping[str, int]) -> dict[str, int]:
    """Leave out who is never due: nothing has to be taken out of an empty store."""
    return {name: at_ms for name, at_ms in due.items() if at_ms}
