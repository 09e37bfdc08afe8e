"""The short form of an export, for `linger customer show`: everything that Redis holds of one customer. Pure."""

from collections.abc import Mapping
from typing import Any, Final, TypedDict, TypeGuard

import orjson

from schemas.stages import STAGES
from workers.core.rules.rule_set import RuleSet
from workers.customer_export.document import Evaluation, KnownMark, evaluation_of, known_mark
from workers.customer_export.from_kafka import searched
from workers.customer_export.from_redis import HeldRecord, InRedis
from workers.explain.stored_activity import StoredActivity, read_activity
from workers.kafka.records import OutboxRecord
from workers.settings import AUDIT, MARKS, REQUESTS, Settings

_IN_TOPICS: Final[Mapping[str, str]] = {
    "activity": "the events, in partition {partition}, with the customer's id as key",
    "decisions": "why there was no action, with the customer's id as key",
    STAGES: "where the customer stands, with the customer's id as key",
    "dead-letter": "records that could not be read, as they came",
    REQUESTS: "what a privacy tool asked for",
    MARKS: "the mark, under a keyed hash of the id",
    AUDIT: "commands about the customer, under the hash of the id that logs use",
}

_ACTIONS: Final = "published actions and their retractions, with the customer's id as key"


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
    """Where more is kept of the customer than is shown here.

    Attributes:
        topics: by topic, what of the customer is there.
        command: the command that shows everything.
    """

    topics: dict[str, str]
    command: str


class Known(TypedDict):
    """What Redis holds of one customer beside the activity.

    Attributes:
        customer_id: the customer.
        partition: of the activity topic.
        bytes: size of the activity in Redis; None if there is none.
        mark: whether the customer is suppressed, opted out or erased; None if there is no mark.
        evaluation: the entries among due times and waiting customers.
        held_actions: of the customer, also of rules that no longer exist.
        unpublished: records of the customer in the outbox, in order.
        elsewhere: where more is kept.
    """

    customer_id: str
    partition: int
    bytes: int | None
    mark: KnownMark | None
    evaluation: Evaluation
    held_actions: list[HeldAction]
    unpublished: list[Unpublished]
    elsewhere: Elsewhere


class Knowledge(StoredActivity, Known):
    """The same with the activity."""


def knowledge_of(stored: InRedis, settings: Settings, rules: RuleSet) -> Knowledge | Known | None:
    """Return what Redis holds of a customer, None if it holds nothing; without an activity, only the rest.

    Args:
        stored: of the customer.
        settings: name the topics.
        rules: the active rule set.

    Raises:
        UnknownLayout: if the activity is damaged or was written by another version.
    """
    if stored.is_empty:
        return None
    known = Known(
        customer_id=stored.customer_id,
        partition=stored.partition,
        bytes=None if stored.activity is None else len(stored.activity),
        mark=known_mark(stored),
        evaluation=evaluation_of(stored),
        held_actions=[_held(held) for held in stored.held.values()],
        unpublished=[_unpublished(record) for record in stored.unpublished],
        elsewhere=_elsewhere(settings, stored.partition),
    )
    return known if stored.activity is None else Knowledge(**known, **read_activity(stored.activity, rules))


def has_activity(known: Knowledge | Known) -> TypeGuard[Knowledge]:
    """Return whether an activity is stored."""
    return known["bytes"] is not None


def _held(held: HeldRecord) -> HeldAction:
    return HeldAction(action=_content(held.record.value), ordered=held.ordered)


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
    return Elsewhere(
        topics={
            settings.topic(name): _IN_TOPICS.get(name, _ACTIONS).format(partition=partition)
            for name, how in searched(settings).items()
            if how != "not"
        },
        command="linger customer export",
    )
