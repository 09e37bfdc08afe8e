"""The recipients of a person's data: which topics have got actions and decisions about a person. Pure."""

from collections.abc import Collection, Iterable
from typing import TypedDict

from workers.customer_export.contents import iso_text, json_of
from workers.customer_export.from_kafka import FoundRecord, SearchedTopic
from workers.kafka.records import OutboxRecord


class Recipient(TypedDict):
    """A topic whose consumers have got data of the person.

    Attributes:
        topic: its name; the consumers of it have got the data, and a notice after an erasure goes to them.
        records: how many it holds of the person.
        retractions: how many of them take an action back, or erase one.
        since, until: when the oldest and the newest of them was written; None for none. What is older than the
            topic's retention is not counted.
        not_yet_published: how many more are decided.
    """

    topic: str
    records: int
    retractions: int
    since: str | None
    until: str | None
    not_yet_published: int


def recipients(
    topics: Iterable[SearchedTopic], pending: Iterable[OutboxRecord], published: Collection[str]
) -> list[Recipient]:
    """Return the topics that have got something of a person, or will.

    Args:
        topics: all that were searched.
        pending: records that Kafka has not confirmed yet.
        published: the topics that programs outside Linger read, without their prefix.
    """
    waiting = [record.topic for record in pending]
    return [
        Recipient(
            topic=place.topic,
            records=len(place.found),
            retractions=sum(map(_takes_back, place.found)),
            since=iso_text(min((one.record.timestamp for one in place.found), default=None)),
            until=iso_text(max((one.record.timestamp for one in place.found), default=None)),
            not_yet_published=waiting.count(place.topic),
        )
        for place in topics
        if place.name in published and (place.found or place.topic in waiting)
    ]


def _takes_back(found: FoundRecord) -> bool:
    document = json_of(found.record.value)
    return found.record.value is None or (isinstance(document, dict) and document.get("status") == "retracted")
