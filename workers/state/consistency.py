"""Whether what Redis holds of a partition fits the activity log: the one place that knows. Pure.

The worker asks when it claims a partition, `linger rebuild` before it touches one, and whoever looks for trouble.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from workers.state.meta import PARTITIONS, REBUILDING

REBUILD: Final = "linger rebuild"
_AFRESH: Final = (
    "Start afresh from the sources: a new LINGER_REDIS_NAMESPACE, LINGER_KAFKA_GROUP_ID and LINGER_TOPIC_PREFIX, "
    "then: linger topics create"
)

Kind = Literal["rebuilding", "partitions", "recreated", "outside"]


@dataclass(frozen=True, slots=True)
class StateMismatch:
    """Why the state of a partition cannot be gone on with.

    Attributes:
        kind: `rebuilding`: a rebuild was not finished; `partitions`: made when the topic had another number;
            `recreated`: the topic was deleted and created again; `outside`: the next offset is not in the log.
        problem: what was found.
        mend: what to do, with the command.
        can_be_rebuilt: `linger rebuild` mends it.
    """

    kind: Kind
    problem: str
    mend: str
    can_be_rebuilt: bool = True


@dataclass(frozen=True, slots=True)
class Log:
    """One partition of the activity topic as Kafka shows it.

    Attributes:
        topic: its name.
        topic_id: None if the broker tells none.
        partitions: how many the topic has.
        earliest, end: which offsets can be read: `earliest <= offset < end`.
    """

    topic: str
    topic_id: str | None
    partitions: int
    earliest: int
    end: int


def end_of_log(told: int, sent: int, *, tells_too_little: bool) -> int:
    """Return where a partition's log ends.

    Args:
        told: what the broker says.
        sent: up to where intake was told that its records are.
        tells_too_little: it is the embedded broker, whose ends are too low: what it told intake is certain. Of any
            other broker, what it told once and is not there now has been lost.
    """
    return max(told, sent) if tells_too_little else told


def check_consistency(fields: Mapping[str, str], offset: int, topic_id: str | None, log: Log) -> StateMismatch | None:
    """Return why stored state does not fit its log, None if it does or if nothing is stored.

    Args:
        fields: of the partition's `meta`.
        offset: the next one to read, -1 if nothing was ever read.
        topic_id: of the topic that the state was made of, None if it is not known.
        log: what Kafka has.
    """
    made_with = fields.get(PARTITIONS)
    if made_with and int(made_with) != log.partitions:
        return StateMismatch(
            "partitions",
            f"its state was made when '{log.topic}' had {made_with} partitions, now there are {log.partitions}, "
            "so customers belong to other partitions",
            f"The number cannot be changed. {_AFRESH}",
            can_be_rebuilt=False,
        )
    if fields.get(REBUILDING):
        return StateMismatch(
            "rebuilding", "making its state again was not finished", f"Stop all workers and run: {REBUILD}"
        )
    if topic_id is not None and log.topic_id is not None and topic_id != log.topic_id:
        return StateMismatch(
            "recreated",
            f"topic '{log.topic}' was deleted and created again (its id was {topic_id}, is {log.topic_id})",
            f"Restore the topic; or stop all workers and make the state again of what the topic holds: {REBUILD}; "
            "or give Linger a new LINGER_REDIS_NAMESPACE to start afresh",
        )
    if offset >= 0 and not log.earliest <= offset <= log.end:
        return StateMismatch(
            "outside",
            f"the store has folded '{log.topic}' up to offset {offset}, "
            f"but its log holds {log.earliest} to {log.end}",
            "Restore the topic or the store from the same time; or stop all workers and make the state again of what "
            f"the topic holds: {REBUILD}; or give Linger a new LINGER_REDIS_NAMESPACE to start afresh; "
            "nothing is reset silently",
        )
    return None
