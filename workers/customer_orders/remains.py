"""What stays of customers in Kafka until retention ends: by topic how many records, from when, and until when."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from workers.customer_orders.kept_in_kafka import NAMED, By, Found, Search
from workers.customer_orders.open_actions import OpenAction, OpenActions
from workers.customer_orders.removal import Removal, removal_of
from workers.settings import REQUESTS


@dataclass(frozen=True, slots=True)
class TopicRemains:
    """What one topic holds.

    Attributes:
        name: the topic without the prefix.
        by: how many records were found in which way.
        first_ms, last_ms: Kafka's time of the oldest and the newest of them, in epoch milliseconds; None without one.
        removal: when retention has removed the last of them, None without one.
    """

    name: str
    by: Mapping[By, int]
    first_ms: int | None
    last_ms: int | None
    removal: Removal | None

    @property
    def records(self) -> int:
        """How many records there are."""
        return sum(self.by.values())


@dataclass(frozen=True, slots=True)
class Remains:
    """What Linger's topics hold of some customers.

    Attributes:
        topics: what each topic that was read holds.
        missing: topics that do not exist, without the prefix.
        seeks_contents: whether contents were searched; otherwise keys alone.
        open_actions: what a mailer may still carry out, of what was decided until the order, or now without one.
    """

    topics: tuple[TopicRemains, ...]
    missing: tuple[str, ...]
    seeks_contents: bool
    open_actions: tuple[OpenAction, ...] = ()


@dataclass(slots=True)
class _Tally:
    by: dict[By, int] = field(default_factory=dict)
    first_ms: int | None = None
    last_ms: int | None = None

    def add(self, found: Found) -> None:
        at_ms = found.record.timestamp
        self.by[found.by] = self.by.get(found.by, 0) + 1
        self.first_ms = at_ms if self.first_ms is None else min(self.first_ms, at_ms)
        self.last_ms = at_ms if self.last_ms is None else max(self.last_ms, at_ms)


async def remains_of(search: Search, records: AsyncIterator[Found], at_ms: int) -> Remains:
    """Count what a search finds.

    Args:
        search: opened.
        records: that it yields.
        at_ms: when the order was given, in epoch milliseconds; now, if there is none.

    Raises:
        ReadStalled: if Kafka sends nothing more for a minute.
    """
    tallies = {name: _Tally() for name in search.partitions}
    open_actions = OpenActions(search.actions)
    async for found in records:
        tallies[found.name].add(found)
        open_actions.take(found.name, found.record.value)
    topics = tuple(_remains(name, tally, search.configs.get(name)) for name, tally in tallies.items())
    return Remains(topics, tuple(search.missing), search.seeks_contents, open_actions.at(at_ms))


def searched(name: str, *, seeks_contents: bool) -> str:
    """Return what is searched in a topic, in words."""
    if name not in NAMED:
        return "key"
    if seeks_contents:
        return "key, content, headers"
    return "key, customer_id" if name == REQUESTS else "key"


def _remains(name: str, tally: _Tally, config: Mapping[str, str] | None) -> TopicRemains:
    removal = None if tally.last_ms is None else removal_of(tally.last_ms, config)
    return TopicRemains(name, tally.by, tally.first_ms, tally.last_ms, removal)
