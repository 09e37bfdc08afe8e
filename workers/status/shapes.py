"""What `linger status` shows. These are the documents of `--json`: names and meanings stay, later releases only add.

Every moment is ISO 8601 in UTC. What could not be read is None, and `Status.unknown` says why. Pure.
"""

from typing import Final, Literal

import msgspec

from workers.state.step import Because

FORMAT: Final = 1
"""The number of this shape; raised if a name goes or means something else."""


class Unknown(msgspec.Struct, frozen=True):
    """Something that could not be read.

    Attributes:
        what: `clock`, `meta`, `queues`, `held`, `waiting`, `progress`, `decided`, `generations`, `stopped_sources`,
            `brake`, `memory` (of Redis); `group`, `activity_log`, `first_unread`, `source_logs`, `source_log TOPIC`,
            `dead_letters`, `dispositions`, `pauses`, `topics` (of Kafka); `sources_file`, `rule_files`.
        reason: why, in words.
    """

    what: str
    reason: str


class Attention(msgspec.Struct, frozen=True):
    """Something that an operator must look at.

    Attributes:
        about: `workers`, `partitions`, `sources`, `types`, `topics`, `due`, `outbox`, `held`, `dead_letters`,
            `generations` or `memory`.
        problem: what is seen.
        remedy: what to do, with a command where there is one.
    """

    about: str
    problem: str
    remedy: str


class Worker(msgspec.Struct, frozen=True):
    """A member of the consumer group.

    Attributes:
        name: its id in the group, which is unique.
        client_id: LINGER_KAFKA_CLIENT_ID.
        host: from where it connects, as the broker sees it.
        format: of what it writes; 0 for a worker of release 0.1.
        partitions: the partitions of the activity topic that it owns.
        source_partitions: how many partitions of sources it reads.
    """

    name: str
    client_id: str
    host: str
    format: int
    partitions: list[int]
    source_partitions: int


class Group(msgspec.Struct, frozen=True):
    """The consumer group of the workers.

    Attributes:
        id: LINGER_KAFKA_GROUP_ID.
        state: as Kafka names it: `Stable`, `PreparingRebalance`, `CompletingRebalance`, `Empty` or `Dead`. The owners
            of partitions are known only while it is `Stable`.
        workers: its members, by name.
    """

    id: str
    state: str
    workers: list[Worker]


class Partition(msgspec.Struct, frozen=True):
    """One partition of the activity topic.

    Attributes:
        partition: its number.
        worker: name of its owner; None if it has none, or its owner is not known.
        offset: the next one to be read; -1 if none ever was.
        end: of its log.
        lag: records not yet read.
        lag_seconds: how long ago the first of them was written; 0 if there is none. None for all but the 64 with the
            greatest lag.
        decided_until: everything before is decided, as its owner reported last.
        due_ahead: customers whose due time has not come.
        overdue: customers whose due time has come.
        oldest_due: the earliest due time; None if no customer is due.
        outbox: records that Kafka has not confirmed.
        held: actions that are held.
        generation: of the rules that decided last.
        swept: generation of rules to which every customer has been migrated.
        layout: in which its customers are written.
        problem: why it is stopped, or will be at the next claim; None if its state fits its log.
    """

    partition: int
    worker: str | None = None
    offset: int | None = None
    end: int | None = None
    lag: int | None = None
    lag_seconds: int | None = None
    decided_until: str | None = None
    due_ahead: int | None = None
    overdue: int | None = None
    oldest_due: str | None = None
    outbox: int | None = None
    held: int | None = None
    generation: int | None = None
    swept: int | None = None
    layout: int | None = None
    problem: str | None = None


class SourceStop(msgspec.Struct, frozen=True):
    """Why some partitions of a source are not read further.

    Attributes:
        partitions: their numbers.
        cause: `undecodable`, `dead_letters` or `older_release`.
        problem: of the first of them, in words.
        since: when that one stopped.
    """

    partitions: list[int]
    cause: str
    problem: str
    since: str


class Source(msgspec.Struct, frozen=True):
    """One source topic.

    Attributes:
        topic: its name.
        partitions: how many it has.
        lag: records that are not forwarded yet, over all partitions.
        read_until: everything before is forwarded, in every partition.
        lag_seconds: how long ago that was.
        last_event: when the last record that became an event was written; None if there was none.
        last_record: when the last record that can be read was written, skipped or not; None if there was none.
        silent_since: as `last_event`, or since when it is watched, if that is longer ago than its `max_silence`.
        stopped: why it is not read further; None if it is read.
        is_recreated: whether another topic of its name was read before.
    """

    topic: str
    partitions: int | None = None
    lag: int | None = None
    read_until: str | None = None
    lag_seconds: int | None = None
    last_event: str | None = None
    last_record: str | None = None
    silent_since: str | None = None
    stopped: SourceStop | None = None
    is_recreated: bool = False


class EventType(msgspec.Struct, frozen=True):
    """One event type.

    Attributes:
        type: its name.
        watermark: everything of this type before that moment has been read from its sources; None if that is not
            known, or nothing has been read.
        behind_seconds: how long ago that was.
        silent_since: when its last event came, if that is longer ago than a `max_silence` of its own.
        waiting: customers who wait for its watermark, over all partitions.
    """

    type: str
    watermark: str | None = None
    behind_seconds: int | None = None
    silent_since: str | None = None
    waiting: int | None = None


class Held(msgspec.Struct, frozen=True):
    """Held actions of one rule.

    Attributes:
        rule: its id.
        because: `pace`, `pause` or `brake`.
        held: how many, over all partitions.
    """

    rule: str
    because: Because
    held: int


class DeadLetterGroup(msgspec.Struct, frozen=True):
    """Dead letters with one reason from one topic, among the newest ones.

    Attributes:
        reason: why they cannot be read.
        topic: where they came from; empty if Linger did not write them.
        letters: how many.
        open: how many of them were neither replayed nor discarded; None if that is not known.
        newest: when the newest was written.
    """

    reason: str
    topic: str
    letters: int
    open: int | None
    newest: str


class DeadLetters(msgspec.Struct, frozen=True):
    """The newest dead letters.

    Attributes:
        stored: offsets in the dead-letter topic, which is how many there are at most.
        looked_at: how many of the newest were looked at; at most 1,000.
        groups: those, by reason and topic, the most frequent first.
    """

    stored: int
    looked_at: int
    groups: list[DeadLetterGroup]


class Generations(msgspec.Struct, frozen=True):
    """Rules and sources that are in force.

    Attributes:
        rules: the newest generation of rules; 0 if there is none.
        rules_hash: their content hash.
        behind: partitions last decided under an older generation.
        unswept: partitions with customers that are not yet migrated to the newest generation.
        sources: the newest generation of `sources.yaml`; 0 if there is none.
        sources_hash: its content hash.
        rules_here: whether the rule files read here are that generation; None if they cannot be read.
        sources_here: the same of `sources.yaml`.
    """

    rules: int
    rules_hash: str | None
    behind: list[int] | None
    unswept: list[int] | None
    sources: int
    sources_hash: str | None
    rules_here: bool | None
    sources_here: bool | None


class Pause(msgspec.Struct, frozen=True):
    """A pause that is in force.

    Attributes:
        rule: the rule's id, or `*` for all rules.
        by: who paused it.
        since: when.
        because: why.
    """

    rule: str
    by: str
    since: str
    because: str


class Brake(msgspec.Struct, frozen=True):
    """The brake of the present hour.

    Attributes:
        passed: actions of all rules in this hour.
        limit: how many there may be; None if none was counted yet.
        has_braked: whether it held some.
    """

    passed: int
    limit: int | None
    has_braked: bool


class Rule(msgspec.Struct, frozen=True):
    """What one rule did, over all partitions.

    Attributes:
        rule: its id.
        active: whether it is in the newest rules.
        last_action: when its latest action was decided; None if there was none since this is noted (release 0.2).
        actions: how many actions it decided.
        paused: whether it is paused, by itself or with all rules; None if that is not known.
    """

    rule: str
    active: bool
    last_action: str | None
    actions: int
    paused: bool | None


class Server(msgspec.Struct, frozen=True):
    """The memory of one Redis server.

    Attributes:
        server: `host:port`.
        used_bytes: memory in use.
        max_bytes: `maxmemory`; 0 for no limit.
        policy: `maxmemory-policy`.
    """

    server: str
    used_bytes: int
    max_bytes: int
    policy: str


class Status(msgspec.Struct, frozen=True):
    """Everything; a part is None if it could not be read.

    Attributes:
        format: number of this shape.
        at: the time by Linger's clock.
        health: `well`, `attention` if anything needs it, else `incomplete` if something could not be read.
        attention: what needs an operator.
        unknown: what could not be read, and why.
        group, partitions, sources, types, held, dead_letters, generations, pauses, brake, rules, redis: see there.
    """

    format: int
    at: str
    health: Literal["well", "attention", "incomplete"]
    attention: list[Attention]
    unknown: list[Unknown]
    group: Group | None
    partitions: list[Partition]
    sources: list[Source] | None
    types: list[EventType] | None
    held: list[Held] | None
    dead_letters: DeadLetters | None
    generations: Generations | None
    pauses: list[Pause] | None
    brake: Brake | None
    rules: list[Rule] | None
    redis: list[Server] | None
