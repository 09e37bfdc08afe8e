"""Sent action: what a record that comes out of the store says of an action, read from its headers. Pure."""

from dataclasses import dataclass
from typing import Final

from workers.kafka.records import OutboxRecord

_SOURCE_PREFIX: Final = b"/linger/rules/"


@dataclass(frozen=True, slots=True)
class SentAction:
    """What a record says of an action, read from its headers.

    Attributes:
        action_id: the action.
        rule: id of its rule.
        is_active: whether the record asks for the action; otherwise it takes it back.
    """

    action_id: str
    rule: str
    is_active: bool


def action_in(record: OutboxRecord) -> SentAction | None:
    """Return the action of a record, None for a decision and for a dead letter."""
    headers = dict(record.headers)
    event_id, source = headers.get("ce_id"), headers.get("ce_source")
    if "ce_expirytime" not in headers or event_id is None or source is None:
        return None
    action_id, _, status = event_id.decode().partition(":")
    return SentAction(action_id, source.removeprefix(_SOURCE_PREFIX).decode(), not status)
