"""Every key that Linger has in Redis; docs/architecture.md has the catalogue.

All keys of one partition have one hash tag, so they are on one server of a cluster and can be changed in one atomic
step. Keys of the namespace are shared by all workers. Does not know the content of any key.
"""

from binascii import crc_hqx
from functools import lru_cache
from typing import Final

SLOTS: Final = 16_384
_REVERSED_BITS: Final = 14
_MOST_WORTH: Final = 1 << 51
"""Hundredths; Redis has scores as floats."""
STAGE_TO_PUBLISH: Final = "*stage"
"""Stands among the event types that customers wait for: their stage is to be published, and is no move."""
_ON_STAGE: Final = "*on:"


@lru_cache(maxsize=8192)
def hash_tag(partition: int) -> str:
    """Return the hash tag of a partition.

    The tags of consecutive partitions fall into slots spread evenly over the cluster, for any number of partitions
    (van der Corput's sequence), so that no node gets more than its share.
    """
    target = int(f"{partition % SLOTS:0{_REVERSED_BITS}b}"[::-1], 2)
    attempt = 0
    while (crc_hqx(f"{partition}.{attempt}".encode(), 0) - target) % SLOTS >= SLOTS >> 8:
        attempt += 1
    return f"{partition}.{attempt}"


def list_of(stage: str) -> str:
    """Return what stands among the event types for the list of the customers on a stage; see `listed_worth`."""
    return _ON_STAGE + stage


def listed_score(since_ms: int, worth: int | None) -> int:
    """Return what a customer has in the list of their stage, by which it is in order; never 0.

    Args:
        since_ms: since when the customer stands there.
        worth: what the customer is worth, in hundredths; None if no file says it.
    """
    if worth is None:
        return since_ms
    return 2 * max(-_MOST_WORTH, min(_MOST_WORTH, worth)) + 1


def listed_worth(score: int) -> int:
    """Return what a customer is worth, in hundredths, by what `listed_score` returned with a worth."""
    return (score - 1) // 2


class PartitionKeys:
    """The keys of one partition.

    Attributes:
        meta: hash of its owner, version, position and further fields; see `workers.state.meta`.
        due: sorted set of customers by due time.
        outbox: list of records that Kafka has not confirmed.
        held: hash of action id to held action.
        orders: list of orders for held actions.
        experiments: hash of the figures of experiments; see `workers.experiments.figures`.
        marks: hash of a customer's ref to the mark; see `workers.state.marks`.
        facts, doings: hashes of the open days of the book; see `workers.state.open_days`.
    """

    __slots__ = (
        "_customer",
        "_held",
        "_waiting",
        "doings",
        "due",
        "experiments",
        "facts",
        "held",
        "marks",
        "meta",
        "orders",
        "outbox",
    )

    def __init__(self, namespace: str, partition: int) -> None:
        prefix = f"{namespace}:{{{hash_tag(partition)}}}:"
        self.meta = f"{prefix}meta"
        self.due = f"{prefix}due"
        self.outbox = f"{prefix}outbox"
        self.held = f"{prefix}held"
        self.orders = f"{prefix}orders"
        self.marks = f"{prefix}marks"
        self.experiments = f"{prefix}experiments"
        self.facts = f"{prefix}book:facts"
        self.doings = f"{prefix}book:doings"
        self._held = f"{prefix}held"
        self._customer = f"{prefix}c:"
        self._waiting = f"{prefix}waiting:"

    def customer(self, customer_id: str) -> str:
        """Return the key of a customer's activity."""
        return self._customer + customer_id

    def held_of(self, rule_id: str, because: str = "pace") -> str:
        """Return the key of the ids of a rule's actions that are held for one reason, oldest first."""
        return f"{self._held}:{rule_id}" if because == "pace" else f"{self._held}-by-{because}:{rule_id}"

    def waiting(self, event_type: str) -> str:
        """Return the key of the customers that wait for the watermark of an event type."""
        return self._waiting + event_type


class Keys:
    """All keys of one namespace.

    Attributes:
        namespace: first part of every key.
        progress: hash of source partition (`topic:partition`) to its progress.
        seen: hash of activity partition to the watermark up to which it is decided.
        clock: the simulated time of a replay.
        rules: hash in which the workers agree on the active rule set.
        rule_contents: hash of a rule's version to what it said; see `workers.state.rule_sets.contents`.
        experiments: hash of an experiment's key to what is kept of it; see `workers.state.rule_sets.experiments`.
        last_good: hash of the files of the newest rules and sources; see `workers.state.rule_sets.last_good`.
        upgrade: hash of the layout that all workers are to write; see `workers.state.layouts`.
        sources: hash of source topic to the id of the topic that was read.
        source_sets: hash in which the workers agree on the active `sources.yaml` and the topics of its patterns.
        stopped: hash of source partition to why it is not read further, and of topic to the latest request to go on.
        brake: hash of hour to the actions of all rules in it.
        obeyed: hash of activity partition to the offset up to which its owner obeys the pauses.
        requests: hash of up to where the topic of requests is read; see `workers.requests.position`.
        marks_key: hash of what is known of the key of marks; see `workers.state.marks.stored`.
        workers: hash of a running worker to what it says of itself; see `workers.state.presence.reports`.
        dead_letters: set of the blocks of dispositions that exist; also their prefix.
    """

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.progress = f"{namespace}:progress"
        self.seen = f"{namespace}:seen"
        self.clock = f"{namespace}:clock"
        self.rules = f"{namespace}:rules"
        self.rule_contents = f"{namespace}:rule-contents"
        self.experiments = f"{namespace}:experiments"
        self.last_good = f"{namespace}:last-good"
        self.upgrade = f"{namespace}:upgrade"
        self.sources = f"{namespace}:sources"
        self.source_sets = f"{namespace}:source-sets"
        self.stopped = f"{namespace}:stopped"
        self.brake = f"{namespace}:brake"
        self.obeyed = f"{namespace}:obeyed"
        self.workers = f"{namespace}:workers"
        self.requests = f"{namespace}:requests"
        self.marks_key = f"{namespace}:marks-key"
        self.dead_letters = f"{namespace}:dead-letters"
        self._partitions: dict[int, PartitionKeys] = {}

    def partition(self, partition: int) -> PartitionKeys:
        """Return the keys of a partition."""
        if (keys := self._partitions.get(partition)) is None:
            keys = self._partitions[partition] = PartitionKeys(self.namespace, partition)
        return keys

    def pace(self, rule_id: str, period: int) -> str:
        """Return the key of the counter of a rule's actions in one period."""
        return f"{self.namespace}:pace:{rule_id}:{period}"
