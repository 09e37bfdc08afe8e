"""What is known of the releases that are at work here: asked of Kafka and Redis, and nothing changed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aiokafka.errors import GroupAuthorizationFailedError, KafkaError

from workers.errors import StartupError
from workers.kafka.group_state import described_members
from workers.kafka.groups import Member
from workers.kafka.topics import connected_admin
from workers.settings import Settings
from workers.state.layouts import Order, read_order
from workers.state.meta import LAYOUTS_FORMAT, has_older_owner, layout_of
from workers.state.store import Store

_SAMPLE: Final = 2_000
"""Customers whose layout is looked at."""
_SCANNED_AT_ONCE: Final = 1_000

Metas = Mapping[int, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Releases:
    """The workers here, as far as this release can see.

    Attributes:
        members: of the group; None if Kafka does not say, or they join or leave right now.
        metas: `meta` of every partition; empty for one that no worker has ever claimed.
        order: what all workers are to write.
    """

    members: Sequence[Member] | None
    metas: Metas
    order: Order

    @property
    def older_members(self) -> int:
        """How many members of the group cannot read the layouts of this release."""
        return sum(member.wire_format < LAYOUTS_FORMAT for member in self.members or ())

    @property
    def older_owners(self) -> list[int]:
        """The partitions that a worker of an older release has claimed last."""
        return [number for number, fields in self.metas.items() if has_older_owner(fields, LAYOUTS_FORMAT)]

    @property
    def partitions_by_layout(self) -> dict[int, list[int]]:
        """The partitions that have state, by the layout in which they are written."""
        found: dict[int, list[int]] = {}
        for number, fields in self.metas.items():
            if fields:
                found.setdefault(layout_of(fields), []).append(number)
        return found

    def obstacles(self) -> list[str]:
        """Return why the upgrade cannot be finished now, each with what to do; none if it can."""
        found = []
        if self.members is None:
            found.append("Kafka does not say which workers the group has: wait until none joins or leaves it")
        elif self.older_members:
            found.append(
                f"{self.older_members} of {len(self.members)} members of the group are of an older release: stop or "
                "upgrade them"
            )
        if owners := self.older_owners:
            found.append(
                f"{len(owners)} of {len(self.metas)} partitions were claimed last by a worker of an older release: "
                "start workers of this one, and wait until they have claimed all"
            )
        return found


async def find_releases(settings: Settings, store: Store) -> Releases:
    """Ask which releases are at work.

    Raises:
        StartupError: if this user may not see the group.
        Transient: if Redis does not answer.
    """
    members = await _members(settings)
    # The owners after the members: who has left the group by then owns nothing new.
    metas = await store.metas(range(settings.partitions))
    return Releases(members, metas, await read_order(store))


async def sample_layouts(store: Store) -> Counter[int]:
    """Return in which layouts some of the stored customers are, by their first byte.

    Raises:
        Transient: if Redis does not answer.
    """
    found: Counter[int] = Counter()
    cursor = -1
    while cursor and found.total() < _SAMPLE:
        cursor, customers = await store.scan(max(0, cursor), _SCANNED_AT_ONCE)
        names = [f"{store.keys.namespace}:{{{tag}}}:c:{one}" for tag, ids in customers.items() for one in ids]
        for raw in await store.redis.call([("GET", name) for name in names]):
            if raw:
                found[raw[0]] += 1
    return found


async def _members(settings: Settings) -> Sequence[Member] | None:
    try:
        async with connected_admin(settings.kafka_connection()) as admin:
            return await described_members(admin, settings.kafka_group_id)
    except GroupAuthorizationFailedError as error:
        problem = f"this user may not Describe group '{settings.kafka_group_id}': docs/acl/kafka-acls.sh"
        raise StartupError([problem]) from error
    except (KafkaError, OSError, TimeoutError):
        return None
