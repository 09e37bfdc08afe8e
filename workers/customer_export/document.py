"""The document of `linger customer export`: everything that Linger holds of one person, as plain values. Pure.

It is stable: names stay, new ones may come, and `version` rises if a reader must change. Moments are ISO 8601 in UTC.
docs/operating.md describes it.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, TypedDict

from aiokafka import ConsumerRecord

from workers.customer_export.contents import Form, Header, content_of, headers_of, iso_text, text_of
from workers.customer_export.from_kafka import FoundRecord, InKafka
from workers.customer_export.from_redis import HeldRecord, InRedis
from workers.customer_export.recipients import Recipient, recipients
from workers.explain.stored_activity import StoredActivity
from workers.kafka.records import OutboxRecord
from workers.state.marks.mark import NOWHERE, Mark

FORMAT: Final = "linger.customer-export"
VERSION: Final = 1


class KnownMark(TypedDict):
    """What is kept of a customer for all time, None where there is nothing.

    Attributes:
        ref: the keyed hash of the id, under which it is kept.
        suppressed_since: since when the customer must not be written to.
        opted_out_since: when the customer said no, if no yes has come since.
        erased_at: when the customer was erased.
        changed_at_offset: by each of these, the offset in the activity partition at which it was last changed.
        topic_id: of the activity topic of these offsets.
    """

    ref: str
    suppressed_since: str | None
    opted_out_since: str | None
    erased_at: str | None
    changed_at_offset: dict[str, int]
    topic_id: str


class KnownState(TypedDict):
    """The stored state of a customer.

    Attributes:
        bytes: its size in Redis.
        in_words: everything that is stored, as `linger customer show` has it; None if it cannot be read.
        facts: the same under the names of state files, exact to the millisecond; None if it cannot be read.
        unreadable_because: why it cannot be read; None if it can.
        raw: what is stored, in base64, if it cannot be read.
    """

    bytes: int
    in_words: StoredActivity | None
    facts: dict[str, Any] | None
    unreadable_because: str | None
    raw: str | None


class Evaluation(TypedDict):
    """When the customer is evaluated next.

    Attributes:
        due: the entry among the due times; None for none.
        waiting_for: by event type, the moment up to which it must have been seen first.
        listed_on: the stages in whose lists the customer is.
    """

    due: str | None
    waiting_for: dict[str, str | None]
    listed_on: list[str]


class ExportedHeld(TypedDict):
    """A held action.

    Attributes:
        action_id: its id.
        because: by the reason why it is held (`pace`, `pause`, `brake`), when it was decided.
        ordered: what an operator has ordered and no worker has done yet; None for nothing.
        record: as it would be published.
    """

    action_id: str
    because: dict[str, str | None]
    ordered: str | None
    record: "Unplaced"


class Unplaced(TypedDict):
    """A record that Kafka does not have yet.

    Attributes:
        topic: where it goes.
        key: its key.
        headers: its headers.
        form: of the content: `json`, `text`, `base64` or `none`.
        content: its content.
    """

    topic: str
    key: str | None
    headers: list[Header]
    form: Form
    content: Any


class Placed(Unplaced):
    """A record of a topic of Linger's.

    Attributes:
        partition, offset: where it is.
        written_at: when it was written.
        matched_by: how it was recognised: `key`, `customer_id`, `ref`, `hash`, or `content`: the id stands in it
            somewhere, so it may be another person's.
    """

    partition: int
    offset: int
    written_at: str | None
    matched_by: str


class ExportedTopic(TypedDict):
    """A topic that was searched.

    Attributes:
        topic: its name.
        exists: whether there is such a topic.
        partitions: each that was read, with the offsets that it had; what is older, retention has removed.
        records: how many were found.
    """

    topic: str
    exists: bool
    partitions: list[dict[str, int]]
    records: int


class Export(TypedDict):
    """Everything that Linger holds of one person.

    Attributes:
        format, version: of this document.
        exported_at: when it was made.
        linger: the version of Linger.
        is_complete: whether everything could be read.
        problems: what could not be read, in words.
        customer_id: the person.
        partition: of the activity topic.
        mark: None if there is none.
        state: None if there is none.
        evaluation: the entries among due times and waiting customers.
        held_actions: of the customer.
        unpublished: records that are decided and that Kafka has not confirmed, in order.
        recipients: which topics have got actions and decisions about the person.
        records: of Linger's topics.
        topics: which were searched, and how far back.
        next: what the rules find, and what they would do next, as `linger why --json`; None without a state.
    """

    format: str
    version: int
    exported_at: str | None
    linger: str
    is_complete: bool
    problems: list[str]
    customer_id: str
    partition: int
    mark: KnownMark | None
    state: KnownState | None
    evaluation: Evaluation
    held_actions: list[ExportedHeld]
    unpublished: list[Unplaced]
    recipients: list[Recipient]
    records: list[Placed]
    topics: list[ExportedTopic]
    next: dict[str, Any] | None


def export_of(
    stored: InRedis,
    found: InKafka,
    state: KnownState | None,
    following: dict[str, Any] | None,
    *,
    problems: Iterable[str] = (),
    at_ms: int,
    release: str,
    published: Collection[str],
) -> Export:
    """Return the document of a person.

    Args:
        stored: what Redis holds.
        found: what Kafka holds.
        state: the stored state, read.
        following: what the rules would do next.
        problems: what could not be read.
        at_ms: when everything was read.
        release: the version of Linger.
        published: the topics that programs outside Linger read, without their prefix.
    """
    whole = [*problems]
    if found.is_cut:
        whole.append("there are more records than an export holds; the rest was not read")
    records = [_placed(one) for one in found.found]
    pending = [_unplaced(record) for record in stored.unpublished]
    return Export(
        format=FORMAT,
        version=VERSION,
        exported_at=iso_text(at_ms),
        linger=release,
        is_complete=not whole,
        problems=whole,
        customer_id=stored.customer_id,
        partition=stored.partition,
        mark=known_mark(stored),
        state=state,
        evaluation=evaluation_of(stored),
        held_actions=[_held(action_id, held) for action_id, held in stored.held.items()],
        unpublished=pending,
        recipients=recipients(found.topics, stored.unpublished, published),
        records=records,
        topics=[
            ExportedTopic(
                topic=one.topic,
                exists=one.exists,
                partitions=[
                    {"partition": number, "from_offset": log.earliest, "to_offset": log.end}
                    for number, log in sorted(one.ranges.items())
                ],
                records=len(one.found),
            )
            for one in found.topics
        ],
        next=following,
    )


def known_mark(stored: InRedis) -> KnownMark | None:
    """Return a mark in words, None if there is none."""
    mark: Mark | None = stored.mark
    if mark is None or stored.ref is None:
        return None
    offsets = {"suppressed": mark.suppressed_at, "opted_out": mark.opted_out_at, "erased": mark.erased_at}
    return KnownMark(
        ref=stored.ref.hex(),
        suppressed_since=iso_text(mark.suppressed_ms or None),
        opted_out_since=iso_text(mark.opted_out_ms or None),
        erased_at=iso_text(mark.erased_ms or None),
        changed_at_offset={name: offset for name, offset in offsets.items() if offset != NOWHERE},
        topic_id=mark.topic_id,
    )


def evaluation_of(stored: InRedis) -> Evaluation:
    """Return when the customer is evaluated next."""
    return Evaluation(
        due=iso_text(stored.due_ms),
        waiting_for={name: iso_text(at_ms) for name, at_ms in stored.waiting_ms.items()},
        listed_on=list(stored.listed),
    )


def _held(action_id: str, held: HeldRecord) -> ExportedHeld:
    because: Mapping[Any, int] = held.listed_ms
    return ExportedHeld(
        action_id=action_id,
        because={reason: iso_text(at_ms) for reason, at_ms in because.items()},
        ordered=held.ordered,
        record=_unplaced(held.record),
    )


def _unplaced(record: OutboxRecord) -> Unplaced:
    form, content = content_of(record.value)
    return Unplaced(
        topic=record.topic,
        key=text_of(record.key)[1],
        headers=headers_of(record.headers),
        form=form,
        content=content,
    )


def _placed(found: FoundRecord) -> Placed:
    record: ConsumerRecord = found.record
    form, content = content_of(record.value)
    return Placed(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        written_at=iso_text(record.timestamp),
        matched_by=found.matched_by,
        key=text_of(record.key)[1],
        headers=headers_of(record.headers),
        form=form,
        content=content,
    )
