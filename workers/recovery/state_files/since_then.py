"""What of a file's actions is still to be done, by what the topics hold by now. Pure.

Between an export and the loss, workers went on. What was not confirmed then may have been published since, what was
held may have been released or discarded.
"""

from collections.abc import Sequence

import msgspec

from schemas.actions import Action, Decision
from workers.dead_letters.record import SOURCE_OFFSET
from workers.kafka.records import OutboxRecord, PlacedRecord, encode_record
from workers.recovery.published import ABANDONED, ACTIVE, RETRACTED, Published
from workers.recovery.release_policy import DEFERRED, deferred_name
from workers.state.step import Because, Held

_decode_action = msgspec.json.Decoder(Action).decode
_decode_decision = msgspec.json.Decoder(Decision).decode


class SinceThen:
    """The actions of one partition's part, beside what the topics hold."""

    def __init__(self, partition: int, published: Published, topic_prefix: str, dead_letter_topic: str) -> None:
        self._published = published
        self._letters = published.dead_lettered.get(partition, set())
        self._decisions = f"{topic_prefix}.decisions"
        self._dead_letters = dead_letter_topic

    def of_outbox(self, records: Sequence[OutboxRecord]) -> tuple[list[OutboxRecord], list[Held]]:
        """Return the records that are published now, and the actions that wait until the log has been read.

        An action that was not published is deferred as a new one of the rebuild is: it may be taken back further on.
        """
        now: list[OutboxRecord] = []
        deferred: dict[str, Held] = {}
        for record in records:
            if record.value is None or isinstance(record, PlacedRecord):
                now.append(record)  # of an order, which stands before the file's end: it is not carried out again
            elif record.topic == self._dead_letters:
                offset = dict(record.headers).get(SOURCE_OFFSET)
                if offset is None or int(offset) not in self._letters:
                    now.append(record)
            elif record.topic == self._decisions:
                decision = _decode_decision(record.value)
                if not self._published.has_decision(decision.action_id, decision.decision):
                    now.append(record)
            else:
                self._of_action(_decode_action(record.value), record, now, deferred)
        return now, list(deferred.values())

    def _of_action(
        self, action: Action, record: OutboxRecord, now: list[OutboxRecord], deferred: dict[str, Held]
    ) -> None:
        bits = self._published.status_of(action.action_id)
        if action.status == "retracted":
            deferred.pop(action.action_id, None)
            if bits & ACTIVE and not bits & RETRACTED:
                now.append(record)
        elif (because := self._published.held_because(action.action_id)) is not None:
            deferred[action.action_id] = _held(action, record, action.rule.id, action.action_id, because)
        elif not bits & (ACTIVE | RETRACTED | ABANDONED):
            deferred[action.action_id] = _held(action, record, DEFERRED, deferred_name(action.action_id))

    def of_held(self, held: Held, record: OutboxRecord) -> bool:
        """Return whether an action that was held then is neither published nor given up by now."""
        return not self._published.status_of(held.action_id) & (ACTIVE | RETRACTED | ABANDONED)


def _held(action: Action, record: OutboxRecord, rule: str, name: str, because: Because = "pace") -> Held:
    return Held(rule, name, round(action.decided_at.timestamp() * 1000), encode_record(record), because)
