"""The stored state of one customer, as plain values for `linger customer show`."""

from typing import TypedDict

from workers.clock import iso_text
from workers.core.coverage import type_of
from workers.core.customer import codec
from workers.core.customer.activity import Activity
from workers.core.customer.series import Series
from workers.core.events.decoding import UNIT
from workers.core.rules.rule_set import Rule, RuleSet
from workers.kafka.partitioner import partition_of
from workers.state.store import Store


class KnownSeries(TypedDict):
    """Everything kept of one event type; times are ISO 8601 texts in UTC.

    Attributes:
        type: the event type.
        first: its first event.
        last: its latest event.
        total: number of events.
        sum: the total of their amounts; None if no rule sums it.
        days_kept: number of days with kept totals.
    """

    type: str
    first: str
    last: str
    total: int
    sum: float | None
    days_kept: int


class KnownRule(TypedDict):
    """The state of one rule for the customer; times are ISO 8601 texts in UTC.

    Attributes:
        rule: the rule's id.
        holds_since: since when it holds; None if it does not.
        last_acted: its latest action; None if there is none.
        waiting_for_sources: whether it waits until its types have been seen further.
    """

    rule: str
    holds_since: str | None
    last_acted: str | None
    waiting_for_sources: bool


class Knowledge(TypedDict):
    """The stored state of one customer; times are ISO 8601 texts in UTC.

    Attributes:
        customer_id: the customer.
        partition: of the activity topic.
        known_since: the customer's first event.
        latest_event: the customer's latest event.
        looked_again_at: when the customer is evaluated next if no event arrives; None for never.
        bytes: size of the state in Redis.
        events: one entry for each event type.
        rules: one entry for each rule, in the order of their ids.
    """

    customer_id: str
    partition: int
    known_since: str
    latest_event: str
    looked_again_at: str | None
    bytes: int
    events: list[KnownSeries]
    rules: list[KnownRule]


async def look_up(store: Store, partitions: int, customer_id: str, rules: RuleSet) -> Knowledge | None:
    """Return the stored state of a customer, None if there is none. One round trip to Redis."""
    partition = partition_of(customer_id, partitions)
    raw = await store.activity(partition, customer_id)
    if raw is None:
        return None
    activity = codec.decode(raw, rules.codes)
    return Knowledge(
        customer_id=customer_id,
        partition=partition,
        known_since=iso_text(activity.first_ms),
        latest_event=iso_text(activity.at_ms),
        looked_again_at=iso_text(activity.due_ms) if activity.due_ms else None,
        bytes=len(raw),
        events=[_series(key, series) for key, series in activity.series.items() if key == type_of(key)],
        rules=[_rule(rule, activity) for rule in rules.rules],
    )


def _series(key: str, series: Series) -> KnownSeries:
    return KnownSeries(
        type=key,
        first=iso_text(series.first_ms),
        last=iso_text(series.last_ms),
        total=series.total,
        sum=series.total_sum / UNIT if series.sums() else None,
        days_kept=len(series.days()),
    )


def _rule(rule: Rule, activity: Activity) -> KnownRule:
    episode = activity.episodes.get(rule.id)
    return KnownRule(
        rule=rule.id,
        holds_since=iso_text(episode.start_ms) if episode is not None and episode.holding else None,
        last_acted=iso_text(episode.acted_ms) if episode is not None and episode.acted_ms else None,
        waiting_for_sources=(episode is not None and bool(episode.pending_ms))
        or any(candidate.rule == rule.id for candidate in activity.candidates),
    )
