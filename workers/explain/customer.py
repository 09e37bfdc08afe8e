"""Everything that is stored of one customer, as plain values for `linger customer show`."""

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

import orjson

from workers.core.rules.rule_set import RuleSet
from workers.explain.stored_activity import StoredActivity, read_activity
from workers.kafka.partitioner import partition_of
from workers.kafka.records import OutboxRecord
from workers.settings import Settings
from workers.state.held_actions import Order
from workers.state.rule_sets.activation import as_active
from workers.state.store import Store


class HeldAction(TypedDict):
    """An action above its rule's rate limit.

    Attributes:
        action: as it would be published.
        ordered: what an operator has ordered and no worker has done yet; None for nothing.
    """

    action: Any
    ordered: str | None


class Unpublished(TypedDict):
    """A record that is decided and that Kafka has not confirmed yet.

    Attributes:
        topic: where it goes.
        headers: its headers, as text.
        content: its JSON; its text if it is no JSON.
    """

    topic: str
    headers: dict[str, str]
    content: Any


class Elsewhere(TypedDict):
    """Where more is kept of the customer than this command reads.

    Attributes:
        topics: by topic, what of the customer is there.
        redis: what else of the customer is in Redis.
    """

    topics: dict[str, str]
    redis: str


class Knowledge(StoredActivity):
    """The stored state of one customer, personal values included.

    Attributes:
        customer_id: the customer.
        partition: of the activity topic.
        bytes: size of the activity in Redis.
        held_actions: of the customer, also of rules that no longer exist.
        unpublished: records of the customer in the outbox, in order.
        elsewhere: where more is kept.
    """

    customer_id: str
    partition: int
    bytes: int
    held_actions: list[HeldAction]
    unpublished: list[Unpublished]
    elsewhere: Elsewhere


async def look_up(store: Store, settings: Settings, customer_id: str, rules: RuleSet) -> Knowledge | None:
    """Return the stored state of a customer, None if there is none.

    The state itself is read in one round trip to Redis.

    Raises:
        UnknownLayout: if the activity is damaged or was written by another version.
        Transient: if Redis does not answer.
    """
    partition = partition_of(customer_id, settings.partitions)
    stored = await store.of_customer(partition, customer_id)
    if stored.activity is None:
        return None
    activity = read_activity(stored.activity, await as_active(store, rules))
    key = customer_id.encode()
    held = {action_id: record for action_id, record in stored.held.items() if record.key == key}
    return Knowledge(
        customer_id=customer_id,
        partition=partition,
        bytes=len(stored.activity),
        **activity,
        held_actions=_held(held, stored.orders),
        unpublished=[_unpublished(record) for record in stored.outbox if record.key == key],
        elsewhere=_elsewhere(settings, partition),
    )


def _held(held: Mapping[str, OutboxRecord], orders: Iterable[Order]) -> list[HeldAction]:
    ordered = {order.action_id: order.what for order in orders}
    return [
        HeldAction(action=_content(record.value), ordered=ordered.get(action_id))
        for action_id, record in sorted(held.items())
    ]


def _unpublished(record: OutboxRecord) -> Unpublished:
    return Unpublished(
        topic=record.topic,
        headers={name: _text(value) for name, value in record.headers},
        content=_content(record.value),
    )


def _content(value: bytes | None) -> Any:
    try:
        return orjson.loads(value or b"null")
    except orjson.JSONDecodeError:  # a dead letter keeps what came, JSON or not
        return _text(value)


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="backslashreplace")


def _elsewhere(settings: Settings, partition: int) -> Elsewhere:
    topic = settings.topic
    return Elsewhere(
        topics={
            topic("activity"): f"the events, in partition {partition}, with the customer's id as key",
            topic("at-risk"): "published actions and their retractions, with the customer's id as key",
            topic("win-back"): "published actions and their retractions, with the customer's id as key",
            topic("decisions"): "why there was no action, with the customer's id as key",
            topic("dead-letter"): "records that could not be read, as they came",
            topic(
                "marks"
            ): "whether the customer is suppressed, opted out or erased, with a keyed hash of the id as key",
            topic("requests"): "what a privacy tool asked to do with the customer",
        },
        redis="the sorted sets `due` and `waiting:<type>` hold the customer's id and the moment of `looked_again_at`",
    )
