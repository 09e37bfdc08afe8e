"""What a rebuild from a log without its beginning would lose: counted before anything is changed.

Stored state is compared with what is left of the log, partition by partition: the memory needed is that of the
customers' ids, and of one partition's first events. Nothing here writes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from aiokafka import AIOKafkaConsumer

from workers.core.customer.customer import Customer
from workers.core.customer.stored import UnknownLayout
from workers.core.decisions.decide import decider_of
from workers.core.rules.rule_set import RuleSet
from workers.kafka.range_reader import OffsetRange, read_ranges
from workers.kafka.records import TopicPartition
from workers.recovery.activity_log import occurred_ms
from workers.recovery.wipe import stored_customers
from workers.state.consistency import Log
from workers.state.store import Store

_ACTIVITIES_PER_READ: Final = 1_000


@dataclass(frozen=True, slots=True)
class Loss:
    """What the stored state knows and the rest of the log does not.

    Attributes:
        partitions: those whose log has lost its beginning, and whose state would be deleted.
        records_gone: offsets of these logs that hold no record any more.
        stored: customers that are stored now.
        forgotten: of these, those without any event left in the log.
        shortened: of these, those who were known before their first event that is left.
        opted_out: of the forgotten and the shortened, those who must not be written to, and whose word on it is gone.
        acted: of the forgotten and the shortened, those for whom a rule has acted before their first event that is
            left: the rule no longer knows, so its cool-down and its retraction are gone.
        unreadable: stored customers that this version cannot read; they are counted in no other row but `stored`.
    """

    partitions: Sequence[int] = field(default_factory=tuple)
    records_gone: int = 0
    stored: int = 0
    forgotten: int = 0
    shortened: int = 0
    opted_out: int = 0
    acted: int = 0
    unreadable: int = 0

    def sentences(self) -> list[str]:
        """Return the loss in words, one sentence for each kind of it."""
        begin = (
            f"the log of {len(self.partitions)} partitions has lost its beginning: {self.records_gone:,} records of "
            "it were deleted, and the state can only be rebuilt from the rest"
        )
        if not self.stored:
            return [begin, "Redis holds no customer of these partitions, so what is missing cannot be counted"]
        counted = (
            (self.stored, "customers of these partitions that are stored"),
            (self.forgotten, "customers that are forgotten, because the log has no event of them"),
            (self.shortened, "customers that lose what was before their first event in the log"),
            (self.opted_out, "opt-outs that are lost, so that these customers can be written to"),
            (self.acted, "customers for whom a rule forgets that it acted: it can act again, and takes nothing back"),
            (self.unreadable, "stored customers that this version cannot read, and that are not compared"),
        )
        return [begin, *(f"{words}: {number:,}" for number, words in counted)]


async def count_loss(
    store: Store, consumer: AIOKafkaConsumer, rules: RuleSet, logs: Mapping[int, Log], partitions: Sequence[int]
) -> Loss | None:
    """Count what would be lost; None if the log of each partition has its beginning.

    Args:
        store: of the state.
        consumer: started, without a group; its assignment is changed.
        rules: say who must not be written to.
        logs: of the activity topic, by partition.
        partitions: those whose state would be deleted.

    Raises:
        LingerError: if Kafka sends nothing more for a minute, or Redis does not answer.
    """
    cut = [partition for partition in partitions if logs[partition].earliest > 0]
    if not cut:
        return None
    customers = await stored_customers(store, cut)
    loss = Loss(tuple(cut), sum(logs[partition].earliest for partition in cut))
    for partition in cut:
        ids = sorted(customers.get(partition, ()))
        first_ms = await _first_events(consumer, logs[partition], partition) if ids else {}
        for start in range(0, len(ids), _ACTIVITIES_PER_READ):
            some = ids[start : start + _ACTIVITIES_PER_READ]
            keys = store.keys.partition(partition)
            values = await store.redis.call([("GET", keys.customer(customer)) for customer in some])
            for customer, raw in zip(some, values, strict=True):
                if raw is not None:
                    loss = _with(loss, raw, first_ms.get(customer), rules)
    return loss


async def _first_events(consumer: AIOKafkaConsumer, log: Log, partition: int) -> dict[str, int]:
    """Return when the first event of each customer that is left in a log occurred, epoch milliseconds."""
    first_ms: dict[str, int] = {}
    ranges = {TopicPartition(log.topic, partition): OffsetRange(log.earliest, log.end)}
    async for _, records in read_ranges(consumer, ranges):
        for record in records:
            at_ms = occurred_ms(record)
            if record.key is not None and at_ms is not None:
                first_ms.setdefault(record.key.decode(errors="replace"), at_ms)
    return first_ms


def _with(loss: Loss, raw: bytes, first_ms: int | None, rules: RuleSet) -> Loss:
    """Add one stored customer.

    Args:
        loss: so far.
        raw: the stored activity.
        first_ms: the customer's first event that is left in the log; None if there is none.
        rules: say who must not be written to.
    """
    decider = decider_of(rules)
    try:
        customer = decider.read(raw)
    except UnknownLayout:
        return replace(loss, stored=loss.stored + 1, unreadable=loss.unreadable + 1)
    is_forgotten = first_ms is None
    is_shortened = first_ms is not None and customer.first_ms < first_ms
    if not is_forgotten and not is_shortened:
        return replace(loss, stored=loss.stored + 1)
    return replace(
        loss,
        stored=loss.stored + 1,
        forgotten=loss.forgotten + is_forgotten,
        shortened=loss.shortened + is_shortened,
        opted_out=loss.opted_out + _opt_out_is_lost(customer, first_ms, rules),
        acted=loss.acted + _has_acted_before(customer, first_ms),
    )


def _has_acted_before(customer: Customer, first_ms: int | None) -> bool:
    for episode in (*customer.episodes, *customer.other_episodes.values()):
        if episode.acted_ms > 0 and _is_before(episode.acted_ms, first_ms):
            return True
    return False


def _opt_out_is_lost(customer: Customer, first_ms: int | None, rules: RuleSet) -> bool:
    policy = rules.contact_policy
    consent = policy.policy.consent
    known = None if consent is None else customer.attributes.get(consent.from_)
    return known is not None and _is_before(known[1], first_ms) and policy.is_opted_out(customer.attributes)


def _is_before(at_ms: int, first_ms: int | None) -> bool:
    return first_ms is None or at_ms < first_ms
