"""The check of a demo: the pure core, in one thread, over the same history in time order.

It needs no Kafka, Redis or workers, but uses their mapping and `decide`.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from schemas.actions import Action, Decision
from schemas.events import Event, InvalidEvent, encode_event
from schemas.sources import SourcesFile
from workers.core.coverage import Coverage
from workers.core.decisions.decide import decide
from workers.core.events.decoding import DecodedEvent, decode_event
from workers.core.mapping.mapper import compile_source_of_many
from workers.core.mapping.record import SourceRecord
from workers.core.mapping.skipped import Skipped
from workers.core.rules.rule_set import RuleSet
from workers.histories.history import History


def expected_actions(history: History, sources: SourcesFile, rules: RuleSet, topic_prefix: str) -> set[str]:
    """Return the ids of the actions that are active at the end of the history, after all retractions.

    Args:
        history: what was replayed.
        sources: the mappings of its topics.
        rules: what decides.
        topic_prefix: put before the topics of the history.
    """
    keys = [spec.key for spec in rules.specs()]
    observed = Coverage(dict.fromkeys(keys, history.start_ms), complete=frozenset(keys))
    active: set[str] = set()
    for customer, events in _by_customer(history, sources, topic_prefix).items():
        active |= _active_ids(decide(customer, None, events, rules, observed, history.end_ms).decisions())
    return active


def mapped_events(history: History, sources: SourcesFile, topic_prefix: str) -> Iterator[Event]:
    """Yield the events of a history's records, in their order.

    Raises:
        InvalidEvent: if a record cannot be read; the records of a history can.
    """
    declared = frozenset(sources.event_types)
    mappers = {source.topic: compile_source_of_many(source, declared) for source in sources.sources}
    latest = datetime.fromtimestamp(history.end_ms / 1000, UTC)
    for record in history.records:
        topic = topic_prefix + record.topic
        for event in mappers[topic](SourceRecord(topic, 0, 0, record.at_ms, record.key, record.value, ()), latest):
            if isinstance(event, InvalidEvent):
                raise event
            if not isinstance(event, Skipped):
                yield event


def _by_customer(history: History, sources: SourcesFile, topic_prefix: str) -> dict[str, list[DecodedEvent]]:
    declared = frozenset(sources.event_types)
    events: dict[str, list[DecodedEvent]] = {}
    for event in mapped_events(history, sources, topic_prefix):
        events.setdefault(event.customer_id, []).append(decode_event(encode_event(event), declared))
    return events


def _active_ids(decisions: Iterable[Action | Decision]) -> set[str]:
    actions = [decision for decision in decisions if isinstance(decision, Action)]
    newest = {action.action_id: action.status for action in actions}
    return {action_id for action_id, status in newest.items() if status == "active"}
