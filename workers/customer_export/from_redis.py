"""Reads everything in Redis that is of one person. It must not know how it is shown."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, get_args

from workers.customer_export.contents import json_of
from workers.kafka.partitioner import partition_of
from workers.kafka.records import OutboxRecord
from workers.outbox.sent_action import action_in
from workers.settings import Settings
from workers.state.held_actions import Order
from workers.state.keys import list_of
from workers.state.marks.key import MarkKey
from workers.state.marks.mark import Mark
from workers.state.marks.stored import stored_key
from workers.state.meta import listed_in, types_watched
from workers.state.step import Because
from workers.state.store import Store

_NO_MARK: Final = Mark()


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """A held action of the person.

    Attributes:
        record: as it would be published.
        listed_ms: by the reason why it is held, when it was decided, as the list of the rule says.
        ordered: what an operator has ordered and no worker has done yet; None for nothing.
    """

    record: OutboxRecord
    listed_ms: Mapping[Because, int]
    ordered: str | None


@dataclass(frozen=True, slots=True)
class InRedis:
    """Everything that Redis holds of one person.

    Attributes:
        customer_id: the person.
        partition: of the activity topic.
        activity: the stored state, None if there is none.
        due_ms: the entry among the due times, None for none.
        waiting_ms: by event type, the watermark that the customer waits for.
        listed: the stages in whose lists the customer is.
        held: by action id.
        unpublished: records that Kafka has not confirmed, in order.
        ref: under which a mark stands; None if there is no key of marks.
        mark: None if there is none.
    """

    customer_id: str
    partition: int
    activity: bytes | None = None
    due_ms: int | None = None
    waiting_ms: Mapping[str, int] = field(default_factory=dict)
    listed: tuple[str, ...] = ()
    held: Mapping[str, HeldRecord] = field(default_factory=dict)
    unpublished: tuple[OutboxRecord, ...] = ()
    ref: bytes | None = None
    mark: Mark | None = None

    @property
    def is_empty(self) -> bool:
        """Whether Redis holds nothing of the person."""
        return (
            self.activity is None
            and self.due_ms is None
            and not (self.waiting_ms or self.listed or self.held or self.unpublished)
            and self.mark is None
        )


async def read_redis(
    store: Store, settings: Settings, customer_id: str, types: Iterable[str], key: MarkKey | None = None
) -> InRedis:
    """Return everything that Redis holds of one person.

    The state, the held actions and the outbox are read in one round trip; the rest after it.

    Args:
        store: of the namespace.
        settings: say how many partitions there are, and perhaps the key of marks.
        customer_id: the person.
        types: every event type that the customer may wait for, besides those that the partition knows.
        key: of marks, if it is known from elsewhere; Redis goes before it.

    Raises:
        StartupError: if LINGER_MARKS_KEY is not the key of the marks.
        Transient: if Redis does not answer.
    """
    partition = partition_of(customer_id, settings.partitions)
    keys = store.keys.partition(partition)
    records = await store.of_customer(partition, customer_id)
    own_key = customer_id.encode()
    held = {action_id: record for action_id, record in records.held.items() if record.key == own_key}
    meta = await store.meta(partition)
    waited_for, stages = sorted({*types, *types_watched(meta)}), sorted(listed_in(meta))
    names = [*waited_for, *map(list_of, stages)]
    scores = await store.redis.call(
        [("ZSCORE", keys.due, customer_id), *(("ZSCORE", keys.waiting(name), customer_id) for name in names)]
    )
    due_ms, *waiting = [None if score is None else round(float(score)) for score in scores]
    listed = waiting[len(waited_for) :]
    found = await stored_key(store, settings.key_of_marks) or key
    ref = None if found is None else found.ref(customer_id)
    mark = _NO_MARK if ref is None else await store.marks.of_customer(partition, ref)
    return InRedis(
        customer_id=customer_id,
        partition=partition,
        activity=records.activity,
        due_ms=due_ms,
        waiting_ms={
            name: until_ms
            for name, until_ms in zip(waited_for, waiting[: len(waited_for)], strict=True)
            if until_ms is not None
        },
        listed=tuple(stage for stage, score in zip(stages, listed, strict=True) if score is not None),
        held=await _held(store, partition, held, records.orders),
        unpublished=tuple(record for record in records.outbox if record.key == own_key),
        ref=ref,
        mark=None if mark == _NO_MARK else mark,
    )


async def _held(
    store: Store, partition: int, held: Mapping[str, OutboxRecord], orders: Iterable[Order]
) -> dict[str, HeldRecord]:
    ordered = {order.action_id: order for order in orders}
    reasons: tuple[Because, ...] = get_args(Because)
    keys = store.keys.partition(partition)
    places = [(action_id, because) for action_id in sorted(held) for because in reasons]
    rules = {action_id: _rule_of(record, ordered.get(action_id)) for action_id, record in held.items()}
    scores = await store.redis.call(
        [("ZSCORE", keys.held_of(rules[action_id], because), action_id) for action_id, because in places]
    )
    listed: dict[str, dict[Because, int]] = {action_id: {} for action_id in sorted(held)}
    for (action_id, because), score in zip(places, scores, strict=True):
        if score is not None:
            listed[action_id][because] = round(float(score))
    return {
        action_id: HeldRecord(held[action_id], listed_ms, ordered[action_id].what if action_id in ordered else None)
        for action_id, listed_ms in listed.items()
    }


def _rule_of(record: OutboxRecord, order: Order | None) -> str:
    """Return the id of the rule of a held action; empty if nothing says it."""
    if (action := action_in(record)) is not None:
        return action.rule
    document = json_of(record.value)
    rule = document.get("rule") if isinstance(document, dict) else None
    if isinstance(rule, dict) and "id" in rule:
        return str(rule["id"])
    return "" if order is None else order.rule
