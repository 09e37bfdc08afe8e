"""Consistency of a partition's stored state with the activity log, decided only here. Pure.

The worker checks it when it claims a partition, `linger rebuild` before it changes one, `linger doctor` at any time.
Each condition is a separate function, for callers that know only a part.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from workers.state import layouts
from workers.state.meta import PARTITIONS, REBUILDING, layout_of

REBUILD: Final = "linger rebuild"
_START_AFRESH: Final = (
    "Start afresh from the sources: a new LINGER_REDIS_NAMESPACE, LINGER_KAFKA_GROUP_ID and LINGER_TOPIC_PREFIX, "
    "then: linger topics create"
)
_REBUILD_OR_NEW_NAMESPACE: Final = (
    f"or stop all workers and rebuild the state from what the topic holds: {REBUILD}; "
    "or give Linger a new LINGER_REDIS_NAMESPACE to start afresh"
)

Kind = Literal["layout", "rebuilding", "partitions", "recreated", "outside"]


@dataclass(frozen=True, slots=True)
class StateMismatch:
    """Why a worker cannot continue with the state of a partition.

    Attributes:
        kind: `layout`: its customers are written in a layout that this release does not know; `rebuilding`: a
            rebuild was not finished; `partitions`: the topic had another partition count when the state was made;
            `recreated`: the topic was deleted and created again; `outside`: the next offset is not in the log.
        problem: the mismatch, as a sentence.
        remedy: what to do, with the command.
        can_be_rebuilt: whether `linger rebuild` is a remedy.
    """

    kind: Kind
    problem: str
    remedy: str
    can_be_rebuilt: bool = True

    def __str__(self) -> str:
        """Return problem and remedy as two sentences."""
        return f"{self.problem}. {self.remedy}"


@dataclass(frozen=True, slots=True)
class Log:
    """One partition of the activity topic as Kafka shows it.

    Attributes:
        topic: its name.
        topic_id: None if the broker reports none.
        partitions: partition count of the topic.
        earliest: the first offset that can be read.
        end: the offset after the last one that can be read.
    """

    topic: str
    topic_id: str | None
    partitions: int
    earliest: int
    end: int


def end_of_log(reported: int, sent: int, *, is_lower_bound: bool) -> int:
    """Return where a partition's log ends.

    Args:
        reported: the end offset that the broker reports.
        sent: the offset after the last record that intake has sent.
        is_lower_bound: whether the broker is the embedded one, which reports ends that are too low; then `sent` is
            certain. With any other broker, a sent record beyond the reported end is lost.
    """
    return max(reported, sent) if is_lower_bound else reported


def partitions_made_with(fields: Mapping[str, str]) -> int | None:
    """Return the partition count that the state in `meta` was made with, None if nothing is stored."""
    text = fields.get(PARTITIONS)
    return int(text) if text else None


def layout_mismatch(layout: int) -> StateMismatch | None:
    """Return a mismatch if customers are written in a layout that this release does not know."""
    if layout in layouts.KNOWN:
        return None
    known = " and ".join(map(str, layouts.KNOWN))
    return StateMismatch(
        "layout",
        f"its customers are written in layout {layout}, and this release reads {known}",
        f"Run the release that wrote it, or a later one; or stop all workers and rebuild the state: {REBUILD}",
    )


def partitions_mismatch(made_with: int | None, topic: str, partitions: int) -> StateMismatch | None:
    """Return a mismatch if the topic has another partition count than when the state was made.

    Args:
        made_with: the partition count then, None if no state was made.
        topic: name of the activity topic.
        partitions: its partition count now.
    """
    if made_with is None or made_with == partitions:
        return None
    return StateMismatch(
        "partitions",
        f"its state was made when '{topic}' had {made_with} partitions, now there are {partitions}, "
        "so customers belong to other partitions",
        f"The number cannot be changed. {_START_AFRESH}",
        can_be_rebuilt=False,
    )


def topic_mismatch(stored_id: str | None, topic: str, topic_id: str | None) -> StateMismatch | None:
    """Return a mismatch if the topic was deleted and created again; an unknown id never differs.

    Args:
        stored_id: id of the topic that the state was made from.
        topic: name of the activity topic.
        topic_id: its id now.
    """
    if stored_id is None or topic_id is None or stored_id == topic_id:
        return None
    return StateMismatch(
        "recreated",
        f"topic '{topic}' was deleted and created again (its id was {stored_id}, is {topic_id})",
        f"Restore the topic; {_REBUILD_OR_NEW_NAMESPACE}",
    )


def offset_mismatch(offset: int, topic: str, earliest: int, end: int) -> StateMismatch | None:
    """Return a mismatch if the log does not hold the next offset to read.

    Args:
        offset: the next offset to read, -1 if nothing was ever read.
        topic: name of the activity topic.
        earliest: the first offset that can be read.
        end: the offset after the last one that can be read.
    """
    if offset < 0 or earliest <= offset <= end:
        return None
    return StateMismatch(
        "outside",
        f"the store has folded '{topic}' up to offset {offset}, but its log holds {earliest} to {end}",
        f"Restore the topic or the store from the same time; {_REBUILD_OR_NEW_NAMESPACE}; nothing is reset silently",
    )


def check_consistency(fields: Mapping[str, str], offset: int, topic_id: str | None, log: Log) -> StateMismatch | None:
    """Return why the stored state does not fit its log; None if it fits or nothing is stored.

    Args:
        fields: fields of the partition's `meta`.
        offset: the next offset to read, -1 if nothing was ever read.
        topic_id: id of the topic that the state was made from, None if unknown.
        log: the partition's log in Kafka.
    """
    return (
        layout_mismatch(layout_of(fields))
        or partitions_mismatch(partitions_made_with(fields), log.topic, log.partitions)
        or _unfinished_rebuild(fields)
        or topic_mismatch(topic_id, log.topic, log.topic_id)
        or offset_mismatch(offset, log.topic, log.earliest, log.end)
    )


def _unfinished_rebuild(fields: Mapping[str, str]) -> StateMismatch | None:
    if not fields.get(REBUILDING):
        return None
    return StateMismatch("rebuilding", "its rebuild was not finished", f"Stop all workers and run: {REBUILD}")
