"""Records: from the rows of `decided` to the very bytes that the outbox keeps and Kafka gets, in one pass.

Words are made only for what goes out, from pieces that are prepared once for each rule and from what varies between
two records. No object is made of moments, reasons or actions on the way. The bytes are those of
`published.record_of`, which makes them of objects.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from schemas.actions import Action, Decision, Known, Reason, begun_hash
from schemas.experiments import TREATED
from workers.core.conditions.condition import Condition
from workers.core.decisions.decided import ACTIVE, HELD, RETRACTED, RETRACTIONS, SUPPRESSIONS, Decided, Decisions
from workers.core.decisions.details import Details
from workers.core.decisions.published import (
    EXPIRY,
    FIRST_HEADERS,
    ID,
    SOURCE,
    SUBJECT,
    TIME,
    TYPE,
    PublishedRecord,
    content_of,
)
from workers.core.experiments.arms import division, gets_nothing
from workers.core.rules.rule_set import Rule
from workers.core.text import Text, escaped, inside_quotes, quoted

if TYPE_CHECKING:
    from workers.core.decisions.program import ActiveRule

_STATUSES: Final[tuple[str, ...]] = ("active", "retracted", *map(str, SUPPRESSIONS[2:]))
"""By the kind of a row, what `PublishedRecord.status` says."""
_AFTER_ID: Final = (b"", *(f":{status}".encode() for status in _STATUSES[1:]))
"""By the kind of a row, what follows the action's id in the id of the record's event."""
_BECAUSE: Final = tuple(because.encode() for because in RETRACTIONS)
_ID_SIZE: Final = 36
_KNOWN: Final = tuple((name, f',"{name}":'.encode()) for name in Known.__annotations__)
"""What is known with an action, in the order of its fields, and what is written before it."""

_as_reasons: Final = msgspec.msgpack.Decoder(tuple[Reason, ...]).decode
_packed: Final = msgspec.msgpack.Encoder().encode
_PACKED_TIME: Final = b"\x92" + _packed(TIME)
_PACKED_EXPIRY: Final = b"\x92" + _packed(EXPIRY)
_DECISION_TYPE: Final = (TYPE, b"linger.decision.v1")


class RuleWords:
    """What the records of one version of a rule have in common, in pieces.

    Attributes:
        id, version: of the rule.
        action: that it requests.
        condition: words its reasons; None if the rule is gone.
        begun: the hash of its actions' ids, up to the rule.
        openings: by kind, what follows the action's id, up to the customer's id.
        identity: what follows the customer's id, up to the start of the episode.
        template: what follows the moments, up to the variables.
        arms, arms_of_all: how it divides customers, and how all rules together do; None if they do not.
        share, experiment: of its hold-out, for details; empty for none.
        constants: what follows the reasons of an action: channel, locale and labels.
        priority: what ends an action: its priority, if it has one.
        topic, packed_topic: of its actions, and the same as the outbox keeps it, after the head of the record.
        type, source: two headers.
        packed_headers: the same of an action, and of a decision, up to the customer's id.
    """

    __slots__ = (
        "action",
        "arms",
        "arms_of_all",
        "begun",
        "condition",
        "constants",
        "experiment",
        "id",
        "identity",
        "openings",
        "packed_headers_of_action",
        "packed_headers_of_decision",
        "packed_topic",
        "priority",
        "share",
        "source",
        "template",
        "topic",
        "type",
        "version",
    )

    def __init__(
        self,
        rule_id: str,
        version: str,
        action: str,
        topic_prefix: str,
        condition: Condition | None = None,
        rule: Rule | None = None,
    ) -> None:
        self.id, self.version, self.action, self.condition = rule_id, version, action, condition
        self.begun = begun_hash(rule_id)
        name = inside_quotes(action)
        self.openings = [
            b'","action":"' + name + b'","status":"' + status.encode() + b'","customer_id":"'
            if kind in (ACTIVE, RETRACTED)
            else b'","decision":"' + status.encode() + b'","action":"' + name + b'","customer_id":"'
            for kind, status in enumerate(_STATUSES)
        ]
        identity = b'","rule":{"id":' + quoted(rule_id) + b',"version":' + quoted(version)
        self.identity = identity + b'},"episode_started_at":"'
        self.template = b',"template":' + quoted("" if rule is None else rule.template) + b',"variables":'
        arms = self.arms = None if rule is None else rule.hold_out
        self.arms_of_all = None if rule is None else rule.programme
        self.share = b"" if arms is None else f"{arms.share:f}".encode()
        self.experiment = b"" if arms is None else inside_quotes(arms.salt)
        self.constants = b"" if rule is None else _constants(rule)
        priority = 0 if rule is None else rule.priority
        self.priority = f',"priority":{priority}'.encode() if priority else b""
        self.topic = f"{topic_prefix}.{action}"
        self.packed_topic = b"\x94" + _packed(self.topic)
        self.type = (TYPE, f"linger.{action}.v1".encode())
        self.source = (SOURCE, f"/linger/rules/{rule_id}".encode())
        rest = _packed(self.source) + b"\x92" + _packed(SUBJECT)
        self.packed_headers_of_action = _packed(self.type) + rest
        self.packed_headers_of_decision = _packed(_DECISION_TYPE) + rest


class Records:
    """Writes the records of what is decided under one rule set, for one customer after the other."""

    __slots__ = (
        "_action_heads",
        "_content_type",
        "_decision_heads",
        "_decisions_topic",
        "_details",
        "_expiry_from",
        "_expiry_size",
        "_frame",
        "_packed_decisions_topic",
        "_spec",
        "_time_from",
        "_time_size",
        "_topic_prefix",
        "_value",
        "_words",
    )

    def __init__(self, rules: "Sequence[ActiveRule]", topic_prefix: str) -> None:
        """Prepare the pieces of every rule.

        Args:
            rules: all rules of the program, each at its place.
            topic_prefix: of the topics.
        """
        self._topic_prefix = topic_prefix
        self._words = [
            RuleWords(one.rule.id, one.rule.version, one.rule.action, topic_prefix, one.condition, one.rule)
            for one in rules
        ]
        self._details = Details()
        self._value, self._frame = Text(), Text()
        self._time_from = self._time_size = self._expiry_from = self._expiry_size = 0
        self._spec, self._content_type = FIRST_HEADERS
        self._decisions_topic = f"{topic_prefix}.decisions"
        self._packed_decisions_topic = b"\x94" + _packed(self._decisions_topic)
        first = b"".join(map(_packed, FIRST_HEADERS)) + b"\x92" + _packed(ID)
        # The head of the headers, the first of them, and the head of the event's id.
        self._action_heads = [b"\x98" + first + _binary_head(_ID_SIZE + len(after)) for after in _AFTER_ID]
        self._decision_heads = [b"\x97" + first + _binary_head(_ID_SIZE + len(after)) for after in _AFTER_ID]

    def written(self, customer_id: str, decisions: Decisions) -> list[PublishedRecord]:
        """Return the records of what was decided for a customer, in order."""
        found: list[PublishedRecord] = []
        if not decisions.number:
            return found
        key = customer_id.encode()
        subject, name = (SUBJECT, key), escaped(key)
        for place in range(decisions.number):
            row = decisions.row(place)
            words = self._words_of(row)
            action_id = self._write_value(row, words, key, name)
            found.append(self._record(row, words, action_id, customer_id, key, subject))
        return found

    def contents(self, customer_id: str, decisions: Decisions) -> list[Action | Decision]:
        """Return the same as objects, for callers in Python."""
        found: list[Action | Decision] = []
        key = customer_id.encode()
        name = escaped(key)
        for place in range(decisions.number):
            row = decisions.row(place)
            self._write_value(row, self._words_of(row), key, name)
            found.append(content_of(self._value.made(), is_action=row.kind in (ACTIVE, RETRACTED)))
        return found

    def _words_of(self, row: Decided) -> RuleWords:
        """Return the pieces of the rule that decided: of what is held because the rule is gone, as it was then."""
        rule, worded = row.rule, row.worded
        if worded is not None and (rule is None or row.kind == HELD):
            return RuleWords(worded.rule, worded.version, worded.action, self._topic_prefix)
        assert rule is not None
        return self._words[rule.place]

    def _write_value(self, row: Decided, words: RuleWords, key: bytes, name: bytes) -> bytes:
        """Write the content of a record as JSON; return the action's id.

        Args:
            row: what was decided.
            words: the pieces of its rule.
            key: the customer's id.
            name: the same as JSON has it between the quotes.
        """
        text, kind = self._value, row.kind
        text.clear()
        text.decimal(row.start_ms)
        text.byte(10)
        text.copy(key)
        hashed = words.begun.copy()
        hashed.update(text.made())
        text.clear()
        text.copy(b'{"action_id":"')
        id_from = text.at
        text.uuid(hashed.digest())
        text.copy(words.openings[kind])
        text.copy(name)
        text.copy(words.identity)
        self._time_from = text.at
        text.instant(row.start_ms)
        self._time_size = text.at - self._time_from
        text.copy(b'","decided_at":"')
        text.again(self._time_from, self._time_size)
        if kind in (ACTIVE, RETRACTED):
            self._write_rest_of_action(row, words, key.decode())
        else:
            text.copy(b'","detail":"')
            self._details.word(text, row, words.share, words.experiment)
            text.byte(34)
            self._write_arm(words, key.decode(), True)
            text.byte(125)
        return text.part(id_from, _ID_SIZE)

    def _write_rest_of_action(self, row: Decided, words: RuleWords, customer_id: str) -> None:
        """Write what follows `decided_at`."""
        text = self._value
        text.copy(b'","expires_at":"')
        self._expiry_from = text.at
        text.instant(row.expires_ms)
        self._expiry_size = text.at - self._expiry_from
        text.byte(34)
        if row.not_before_ms:
            text.copy(b',"not_before":"')
            text.instant(row.not_before_ms)
            text.byte(34)
        if row.time_zone is not None:
            text.copy(b',"time_zone":')
            text.copy(quoted(row.time_zone))
        text.copy(words.template)
        if row.variables:
            text.copy(msgspec.json.encode(row.variables))
        else:
            text.copy(b"{}")
        text.copy(b',"why":[')
        if row.has_why:
            if row.worded is not None:
                text.copy(_reasons(row.worded.why_back if row.kind == RETRACTED else row.worded.why))
            elif words.condition is not None:
                words.condition.word(text, row.evidence)
        text.byte(93)
        if row.kind == RETRACTED:
            text.copy(b',"retracted_at":"')
            self._time_from = text.at
            text.instant(row.at_ms)
            self._time_size = text.at - self._time_from
            text.copy(b'","retracted_because":"')
            text.copy(_BECAUSE[row.because])
            text.byte(34)
        else:
            self._write_carried(row, words, customer_id)
        text.byte(125)

    def _write_carried(self, row: Decided, words: RuleWords, customer_id: str) -> None:
        """Write what goes with an action beside the message."""
        text = self._value
        text.copy(words.constants)
        if row.known is not None:
            known: Mapping[str, object] = row.known
            for name, head in _KNOWN:
                if name in known:
                    text.copy(head)
                    text.copy(msgspec.json.encode(known[name]))
        self._write_arm(words, customer_id, False)
        if row.consented_ms:
            text.copy(b',"consent_as_of":"')
            text.instant(row.consented_ms)
            text.byte(34)
        text.copy(words.priority)

    def _write_arm(self, words: RuleWords, customer_id: str, may_be_left_out: bool) -> None:
        """Write the experiment of a rule, and the customer's side of it, if there is one.

        An action that waited may go out under an earlier version of its rule, whose shares do not count any longer.
        """
        arms, arm = division(words.arms_of_all, words.arms, customer_id)
        if arms is not None:
            if gets_nothing(arm) and not may_be_left_out:
                arm = TREATED
            text = self._value
            text.copy(b',"experiment":"')
            text.copy(inside_quotes(arms.salt))
            text.copy(b'","arm":"')
            text.copy(inside_quotes(arm))
            text.byte(34)

    def _record(
        self,
        row: Decided,
        words: RuleWords,
        action_id: bytes,
        customer_id: str,
        key: bytes,
        subject: tuple[str, bytes],
    ) -> PublishedRecord:
        """Return the record whose content was written last."""
        frame, kind = self._frame, row.kind
        is_action = kind in (ACTIVE, RETRACTED)
        value, event_id = self._value.made(), action_id
        if kind != ACTIVE:
            event_id = action_id + _AFTER_ID[kind]
        time = self._value.part(self._time_from, self._time_size)
        frame.clear()
        frame.copy(words.packed_topic if is_action else self._packed_decisions_topic)
        self._write_binary(key)
        self._write_binary(value)
        frame.copy(self._action_heads[kind] if is_action else self._decision_heads[kind])
        frame.copy(event_id)
        frame.copy(words.packed_headers_of_action if is_action else words.packed_headers_of_decision)
        self._write_binary(key)
        frame.copy(_PACKED_TIME)
        self._write_binary(time)
        record = PublishedRecord.__new__(PublishedRecord)
        if is_action:
            expiry = self._value.part(self._expiry_from, self._expiry_size)
            frame.copy(_PACKED_EXPIRY)
            self._write_binary(expiry)
            record.topic = words.topic
            record.headers = (
                self._spec,
                self._content_type,
                (ID, event_id),
                words.type,
                words.source,
                subject,
                (TIME, time),
                (EXPIRY, expiry),
            )
            record.expires_ms = row.expires_ms
        else:
            record.topic = self._decisions_topic
            record.headers = (
                self._spec,
                self._content_type,
                (ID, event_id),
                _DECISION_TYPE,
                words.source,
                subject,
                (TIME, time),
            )
            record.expires_ms = 0
        record.key = key
        record.value = value
        record.stored = frame.made()
        record.action_id = action_id.decode("ascii")
        record.rule = words.id
        record.version = words.version
        record.action = words.action
        record.customer_id = customer_id
        record.status = _STATUSES[kind]
        record.decided_ms = row.start_ms
        return record

    def _write_binary(self, raw: bytes) -> None:
        """Write bytes as msgpack does, with their size before them."""
        frame, size = self._frame, len(raw)
        if size < 256:
            frame.byte(0xC4)
        elif size < 65536:
            frame.byte(0xC5)
            frame.byte(size >> 8)
        else:
            frame.copy(b"\xc6" + (size >> 8).to_bytes(3, "big"))
        frame.byte(size & 255)
        frame.copy(raw)


def _binary_head(size: int) -> bytes:
    return bytes([0xC4, size])


def _constants(rule: Rule) -> bytes:
    """Return what a rule says of every action, as JSON that follows other fields."""
    said = {"channel": rule.channel, "locale": rule.locale, "labels": rule.labels}
    return b"".join(f',"{name}":'.encode() + msgspec.json.encode(value) for name, value in said.items() if value)


def _reasons(why: tuple[Reason, ...] | bytes) -> bytes:
    """Return reasons that are in words already as JSON, with commas between."""
    if isinstance(why, bytes):
        why = _as_reasons(why)
    return msgspec.json.encode(why)[1:-1]
