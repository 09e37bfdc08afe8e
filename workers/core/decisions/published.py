"""Published record: the record of an action, a retraction or a decision, as the outbox keeps it and Kafka gets it.

What handles it (`workers.processor`, `workers.outbox`) finds here what it needs to know of the record, without
reading its bytes again.
"""

from math import inf
from typing import Final

import msgspec

from schemas.actions import Action, Decision, encode
from workers.core.events.decoding import epoch_ms

Headers = tuple[tuple[str, bytes], ...]

FIRST_HEADERS: Final[Headers] = (("ce_specversion", b"1.0"), ("content-type", b"application/json"))
ID: Final = "ce_id"
TYPE: Final = "ce_type"
SOURCE: Final = "ce_source"
SUBJECT: Final = "ce_subject"
TIME: Final = "ce_time"
EXPIRY: Final = "ce_expirytime"
_SOURCE_PREFIX: Final = "/linger/rules/"


class PublishedRecord:
    """One record; it is never changed.

    Attributes:
        topic, key, value, headers: what a producer sends.
        stored: the same as the outbox keeps it: a msgpack array of the four.
        action_id: of the action that it is about.
        rule, version: id and version of the rule that decided.
        action: the action that the rule requests.
        customer_id: the customer.
        status: `active` or `retracted` for an action, else the decision (`schemas.actions.Suppression`).
        decided_ms: when the rule's episode began, which is when the action was decided.
        expires_ms: until when the action can be carried out; 0 for a decision.
    """

    __slots__ = (
        "action",
        "action_id",
        "customer_id",
        "decided_ms",
        "expires_ms",
        "headers",
        "key",
        "rule",
        "status",
        "stored",
        "topic",
        "value",
        "version",
    )

    topic: str
    key: bytes
    value: bytes
    headers: Headers
    stored: bytes
    action_id: str
    rule: str
    version: str
    action: str
    customer_id: str
    status: str
    decided_ms: int
    expires_ms: int

    @property
    def is_action(self) -> bool:
        """Whether it asks for an action or takes one back; otherwise it says why there is none."""
        return self.expires_ms > 0

    @property
    def is_active(self) -> bool:
        """Whether it asks for the action."""
        return self.status == "active"

    def content(self) -> Action | Decision:
        """Return what it says."""
        return content_of(self.value, is_action=self.is_action)


_as_action: Final = msgspec.json.Decoder(Action).decode
_as_decision: Final = msgspec.json.Decoder(Decision).decode
_as_json: Final = msgspec.json.Encoder().encode


class _Stored(msgspec.Struct, array_like=True):
    """A record as the outbox keeps it; what follows the four fields is of no record that is read here."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers


_as_fields: Final = msgspec.msgpack.Decoder(_Stored).decode
_as_stored: Final = msgspec.msgpack.Encoder().encode


def content_of(value: bytes, *, is_action: bool) -> Action | Decision:
    """Return the action or the decision whose value this is."""
    return _as_action(value) if is_action else _as_decision(value)


def record_of(content: Action | Decision, topic_prefix: str) -> PublishedRecord:
    """Return the record of an action, a retraction or a decision, keyed by customer.

    Args:
        content: what it says. Equal contents give equal records.
        topic_prefix: of the topics.
    """
    topic: str
    kind: str
    if isinstance(content, Action):
        topic = kind = content.action
        at = content.retracted_at or content.decided_at
        # A retraction is another CloudEvent about the same action, so it needs an id of its own.
        event_id = content.action_id if content.status == "active" else f"{content.action_id}:{content.status}"
    else:
        topic, kind, at = "decisions", "decision", content.decided_at
        event_id = f"{content.action_id}:{content.decision}"
    key = content.customer_id.encode()
    headers = [
        *FIRST_HEADERS,
        (ID, event_id.encode()),
        (TYPE, f"linger.{kind}.v1".encode()),
        (SOURCE, f"{_SOURCE_PREFIX}{content.rule.id}".encode()),
        (SUBJECT, key),
        (TIME, _as_json(at)[1:-1]),  # without the quotes
    ]
    if isinstance(content, Action):
        headers.append((EXPIRY, _as_json(content.expires_at)[1:-1]))
    fields = (f"{topic_prefix}.{topic}", key, encode(content), tuple(headers))
    return _filled(fields, _as_stored(fields), content)


def read_record(stored: bytes) -> PublishedRecord:
    """Return the record of an action, a retraction or a decision that the outbox, or a held action, kept.

    Raises:
        msgspec.DecodeError: if it is none of them, such as a dead letter.
    """
    found = _as_fields(stored)
    is_action = any(name == EXPIRY for name, _ in found.headers)
    fields = (found.topic, found.key, found.value, found.headers)
    return _filled(fields, stored, content_of(found.value, is_action=is_action))


def held_back(record: PublishedRecord, detail: str) -> PublishedRecord:
    """Return the record of the decision that an action is not sent for now, or not at all.

    Args:
        record: of the action.
        detail: why, in one sentence.
    """
    action = record.content()
    decision = Decision(
        action_id=action.action_id,
        decision="held",
        action=action.action,
        customer_id=action.customer_id,
        rule=action.rule,
        episode_started_at=action.episode_started_at,
        decided_at=action.decided_at,
        detail=detail,
        experiment=action.experiment,
        arm=action.arm,
    )
    return record_of(decision, record.topic.removesuffix(f".{record.action}"))


def worth_of(record: PublishedRecord) -> float:
    """Return what the customer of an action is worth by it; below everything if it does not say so."""
    content = record.content()
    known = content.value if isinstance(content, Action) else None
    return -inf if known is None else known.amount


def _filled(fields: tuple[str, bytes, bytes, Headers], stored: bytes, content: Action | Decision) -> PublishedRecord:
    record = PublishedRecord()
    record.topic, record.key, record.value, record.headers = fields
    record.stored = stored
    record.action_id, record.action, record.customer_id = content.action_id, content.action, content.customer_id
    record.rule, record.version = content.rule.id, content.rule.version
    record.decided_ms, record.expires_ms = epoch_ms(content.decided_at), 0
    if isinstance(content, Action):
        record.status, record.expires_ms = content.status, epoch_ms(content.expires_at)
    else:
        record.status = content.decision
    return record
