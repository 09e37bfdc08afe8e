"""What was read for one status, before anything is made of it: each fact, or why it could not be read. Pure."""

from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from schemas.experiments import ExperimentEntry
from schemas.sources import SourcesFile
from workers.core.watermarks import Progress
from workers.errors import LingerError, StartupError
from workers.kafka.group_state import GroupState
from workers.kafka.records import TopicPartition
from workers.kafka.topics import LogBounds
from workers.pauses.pause_list import PauseList
from workers.state.brake import BrakeState
from workers.state.settings_check import readable
from workers.state.stopped_sources import StoredStops
from workers.status.shapes import Held, Server

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Unread:
    """Why a fact could not be read.

    Attributes:
        reason: in words, on one line.
    """

    reason: str


NOT_ASKED = Unread("")
"""Stands for a fact that was not asked for because of another one: it has no reason of its own."""


async def attempted(question: Awaitable[Value]) -> Value | Unread:
    """Return the answer to a question, or why there is none."""
    try:
        with readable():
            return await question
    except StartupError as error:
        return Unread("; ".join(error.problems))
    except LingerError as error:
        return Unread(" ".join(str(error).split()))


def known(fact: Value | Unread) -> Value | None:
    """Return a fact, None if it could not be read."""
    return None if isinstance(fact, Unread) else fact


@dataclass(frozen=True, slots=True)
class Queues:
    """What waits in one activity partition.

    Attributes:
        due: customers with a due time.
        overdue: those of them whose due time has come.
        oldest_due_ms: the earliest due time, 0 for none.
        outbox: records that Kafka has not confirmed.
        held: held actions.
    """

    due: int
    overdue: int
    oldest_due_ms: int
    outbox: int
    held: int


@dataclass(frozen=True, slots=True)
class AgreedFields:
    """The hashes in which workers agree.

    Attributes:
        rules: of the rule sets.
        source_sets: of the generations of `sources.yaml`.
        source_ids: by source the id of the topic that was read.
    """

    rules: Mapping[str, str]
    source_sets: Mapping[str, str]
    source_ids: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RedisFacts:
    """What Redis holds.

    Attributes:
        now_ms: the time by Linger's clock.
        metas: by activity partition; empty for one without state.
        queues: by activity partition.
        held: actions by rule and reason.
        waiting: customers by the event type that they wait for.
        progress: of every source partition.
        seen: by activity partition, until when it is decided (milliseconds).
        agreed: rule sets and sources.
        stops: sources that are not read further.
        brake: of this hour.
        servers: the memory of each server.
        differing: by worker its rules and sources, in words; empty if all that are alive agree.
        experiments: what is kept of each, by its key.
    """

    now_ms: int | Unread
    metas: Mapping[int, Mapping[str, str]] | Unread
    queues: Mapping[int, Queues] | Unread
    held: Sequence[Held] | Unread
    waiting: Mapping[str, int] | Unread
    progress: Mapping[tuple[str, int], Progress] | Unread
    seen: Mapping[int, int] | Unread
    agreed: AgreedFields | Unread
    stops: StoredStops | Unread
    brake: BrakeState | Unread
    servers: Sequence[Server] | Unread
    differing: Mapping[str, str] | Unread
    experiments: Mapping[str, ExperimentEntry] | Unread


@dataclass(frozen=True, slots=True)
class TopicLog:
    """A topic and the bounds of its partitions.

    Attributes:
        topic: its name.
        topic_id: None if the broker reports none.
        bounds: by partition.
    """

    topic: str
    topic_id: str | None
    bounds: Mapping[int, LogBounds]

    @property
    def ends(self) -> dict[TopicPartition, int]:
        """The end of each partition."""
        return {TopicPartition(self.topic, number): bounds.end for number, bounds in self.bounds.items()}


@dataclass(frozen=True, slots=True)
class LetterFacts:
    """A dead letter.

    Attributes:
        reason: why it could not be read.
        topic: from which it came; empty if Linger did not write it.
        at_ms: when it was written.
        is_open: whether it was neither replayed nor discarded; None if that is not known.
    """

    reason: str
    topic: str
    at_ms: int
    is_open: bool | None


@dataclass(frozen=True, slots=True)
class NewestLetters:
    """The newest dead letters.

    Attributes:
        stored: offsets in the topic.
        letters: the newest ones.
        problem: why it is not known which of them are open, None if it is.
    """

    stored: int
    letters: Collection[LetterFacts]
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class KafkaFacts:
    """What Kafka knows.

    Attributes:
        group: of the workers.
        activity: the log of the activity topic.
        first_unread_ms: by activity partition, when the first record that is not read was written.
        sources: by topic, its log.
        dead_letters: the newest ones.
        pauses: in force.
        missing: topics of Linger and sources that do not exist, as far as this user may see it.
    """

    group: GroupState | Unread
    activity: TopicLog | Unread
    first_unread_ms: Mapping[int, int] | Unread
    sources: Mapping[str, TopicLog | Unread] | Unread
    dead_letters: NewestLetters | Unread
    pauses: PauseList | Unread
    missing: Sequence[str] | Unread


@dataclass(frozen=True, slots=True)
class Setting:
    """What of the settings a status depends on.

    Attributes:
        partitions: LINGER_PARTITIONS.
        group_id: LINGER_KAFKA_GROUP_ID.
        namespace: LINGER_REDIS_NAMESPACE.
        activity: name of the activity topic.
        prefix: LINGER_TOPIC_PREFIX.
        outbox_limit: LINGER_OUTBOX_LIMIT.
        ends_are_exact: False with the embedded broker, whose ends are too low.
    """

    partitions: int
    group_id: str
    namespace: str
    activity: str
    prefix: str
    outbox_limit: int
    ends_are_exact: bool = True


@dataclass(frozen=True, slots=True)
class FileFacts:
    """The files that LINGER_SOURCES and LINGER_RULES name here.

    Attributes:
        sources: the content of `sources.yaml`.
        rules_hash: content hash of the rules.
        problems: why workers would not load these files; empty if they would, or if there are none here.
    """

    sources: SourcesFile | Unread
    rules_hash: str | Unread
    problems: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that was read.

    Attributes:
        setting: of the command.
        wall_ms: the time of this machine.
        files: `sources.yaml` and the rules as they are here.
        redis: what Redis holds.
        kafka: what Kafka knows.
    """

    setting: Setting
    wall_ms: int
    files: FileFacts
    redis: RedisFacts
    kafka: KafkaFacts
