"""What is published of an action or a decision, written plainly: the records of the core are compared with it.

CloudEvents in Kafka's binary mode.
"""

from collections.abc import Iterable
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
