"""Decisions -> records of the action and decision topics, as CloudEvents in Kafka's binary mode. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from schemas.actions import Action, Decision, encode
from workers.kafka.records import OutboxRecord

_SOURCE_PREFIX: Final = b"/linger/rules/"
_CONTENT_TYPE: Final = ("content-type", b"application/json")
_SPEC: Final = ("ce_specversion", b"1.0")
_as_json: Final = msgspec.json.Encoder().encode


def messages(decisions: Iterable[Action | Decision], topic_prefix: str) -> list[OutboxRecord]:
    """Return one record for each decision, keyed by customer, in order. Equal decisions give equal records.

    Args:
        decisions: actions, retractions and decisions.
        topic_prefix: of the topics.
    """
    return [_message(decision, topic_prefix) for decision in decisions]


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
    """Return the action of a record that `messages` made, None for a decision and for a dead letter."""
    headers = dict(record.headers)
    event_id, source = headers.get("ce_id"), headers.get("ce_source")
    if "ce_expirytime" not in headers or event_id is None or source is None:
        return None
    action_id, _, status = event_id.decode().partition(":")
    return SentAction(action_id, source.removeprefix(_SOURCE_PREFIX).decode(), not status)


def _message(decision: Action | Decision, topic_prefix: str) -> OutboxRecord:
    topic: str
    kind: str
    if isinstance(decision, Action):
        topic = kind = decision.action
        at = decision.retracted_at or decision.decided_at
        # A retraction is another CloudEvent about the same action, so it needs an id of its own.
        event_id = decision.action_id if decision.status == "active" else f"{decision.action_id}:{decision.status}"
    else:
        topic, kind, at = "decisions", "decision", decision.decided_at
        event_id = f"{decision.action_id}:{decision.decision}"
    headers = [
        _SPEC,
        _CONTENT_TYPE,
        ("ce_id", event_id.encode()),
        ("ce_type", f"linger.{kind}.v1".encode()),
        ("ce_source", _SOURCE_PREFIX + decision.rule.id.encode()),
        ("ce_subject", decision.customer_id.encode()),
        ("ce_time", _rfc3339(at)),
    ]
    if isinstance(decision, Action):
        headers.append(("ce_expirytime", _rfc3339(decision.expires_at)))
    return OutboxRecord(f"{topic_prefix}.{topic}", decision.customer_id.encode(), encode(decision), tuple(headers))


def _rfc3339(at: datetime) -> bytes:
    return _as_json(at)[1:-1]  # without the quotes
