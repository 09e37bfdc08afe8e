"""Where customers stand: the records of the topic of stages, compared with what one thread makes of the log.

Every move is published once, under one id, in its order. A stage that is no move waits until a worker has time for
it, so it depends on that time whether it is published at all, before the customer moves on. What it says does not:
one thread that publishes every stage at once makes all of these records.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import itemgetter

from aiokafka.structs import ConsumerRecord
from msgspec import structs

from schemas.sources import SourcesFile
from schemas.stages import StageRecord, decode_stage
from tests.support.decided import Decided, decide, publish_stage
from workers.core.coverage import Coverage, complete_series
from workers.core.customer.standing import AS_ANYBODY, Standing
from workers.core.events.decoding import DecodedEvent
from workers.core.rules.rule_set import RuleSet
from workers.core.watermarks import complete_types

Place = tuple[int, str]
"""Partition and customer."""


def watched_since(rules: RuleSet, sources: SourcesFile, start_ms: int, begun: Mapping[str, int] = {}) -> Coverage:
    """Return what workers watch, everything from a moment on; complete are the types whose sources say so.

    Args:
        rules: whose series are watched.
        sources: of the run.
        start_ms: the moment.
        begun: by series, since when a partition watches it, as its first step has stored it. It counts for the types
            that no source brings: a worker that dies before that step, or a Redis that is lost, makes it later.
    """
    brought = {event_type for source in sources.sources for event_type in source.types()}
    since = {spec.key: start_ms if spec.type in brought else begun.get(spec.key, start_ms) for spec in rules.specs()}
    return Coverage(since, complete=complete_series(since, complete_types(sources)))


@dataclass(frozen=True)
class Stood:
    """How a customer has stood.

    Attributes:
        moves: the ids of all moves, in order, since the customer was forgotten or erased last.
        others: the ids of what else may be published: what is no move, and what was before that.
        newest: what the newest record must say; None if there must be none, or one without a value.
    """

    moves: tuple[str, ...] = ()
    others: frozenset[str] = frozenset()
    newest: StageRecord | None = None


def stood(
    customer_id: str, events: Sequence[DecodedEvent], decided: Decided, observed: Coverage, end_ms: int
) -> Stood:
    """Return how a customer has stood, by one thread.

    Args:
        customer_id: the customer.
        events: in the order of the log.
        decided: what they lead to at the end.
        observed: what has been seen.
        end_ms: the end.
    """
    rules = decided.rules
    if rules.ladder is None or decided.stored is None:
        return Stood()
    published = publish_stage(customer_id, decided.stored, rules, observed, end_ms).stages
    return stood_by([*decided.stages, *published], _told_at_once(customer_id, events, rules, observed, end_ms))


def publish_in_time(
    customer_id: str,
    stored: bytes,
    rules: RuleSet,
    observed: Coverage,
    upto_ms: int,
    standing: Standing = AS_ANYBODY,
) -> Decided:
    """Publish where a customer stands at once, and then whenever time changes it; arguments as of `publish_stage`.

    In history no customer moves, so what time changes twice without an event may be published at any moment between.
    """
    records: list[StageRecord | None] = []
    at_ms = 0
    while True:
        decided = publish_stage(customer_id, stored, rules, observed, at_ms, standing)
        records += decided.stages
        if at_ms == upto_ms or decided.stored is None:
            return replace(decided, stages=records)
        stored = decided.stored
        at_ms = decided.due_ms if at_ms < decided.due_ms < upto_ms else upto_ms


def stood_by(records: Sequence[StageRecord | None], told_at_once: Iterable[StageRecord | None]) -> Stood:
    """Return how a customer has stood.

    Args:
        records: what one thread publishes that says at the end where the customer stands; None where the customer
            is forgotten.
        told_at_once: what one publishes that says it whenever it is known.
    """
    begin = max((place for place, record in enumerate(records, start=1) if record is None), default=0)
    moves = tuple(record.stage_id for record in records[begin:] if record is not None and record.direction != "none")
    others = {record.stage_id for record in (*records, *told_at_once) if record is not None} - {*moves}
    return Stood(moves, frozenset(others), records[-1] if records else None)


def _told_at_once(
    customer_id: str, events: Sequence[DecodedEvent], rules: RuleSet, observed: Coverage, end_ms: int
) -> Iterator[StageRecord]:
    """Yield what is published if every stage is, as soon as it is known."""
    stored: bytes | None = None
    for event, next_ms in zip(events, [*(one.at_ms for one in events[1:]), end_ms + 1], strict=True):
        outcome = decide(customer_id, stored, [event], rules, observed)
        if outcome.stored is None:
            return
        published = publish_in_time(customer_id, outcome.stored, rules, observed, next_ms - 1)
        stored = published.stored
        # What is a move here must be one in the other pass, too.
        records = (record for record in (*outcome.stages, *published.stages) if record is not None)
        yield from (record for record in records if record.direction == "none")


@dataclass
class Compared:
    """What is wrong with the records of stages.

    Attributes:
        missing: moves that were not published, and newest records that do not say where the customer stands.
        too_much: what was published and should not be.
        records: how many there are, each id once.
    """

    missing: list[str] = field(default_factory=list)
    too_much: list[str] = field(default_factory=list)
    records: int = 0


def compare_standing(
    log: Mapping[int, Sequence[ConsumerRecord]], expected: Mapping[Place, Stood], end_ms: int
) -> Compared:
    """Compare the topic of stages with how customers have stood.

    Args:
        log: the topic, by partition; its newest records are all there.
        expected: of all customers.
        end_ms: what customers did by mere time after that is not judged.
    """
    found = Compared()
    published = {place: list(records) for place, records in _by_customer(log)}
    for place in expected.keys() | published.keys():
        _compare(found, place, published.get(place, []), expected.get(place, Stood()), end_ms)
    return found


def _by_customer(
    log: Mapping[int, Sequence[ConsumerRecord]],
) -> Iterator[tuple[Place, list[StageRecord | None]]]:
    for partition, records in log.items():
        named = [(record.key.decode(), record) for record in records]
        for customer_id, some in groupby(sorted(named, key=itemgetter(0)), key=itemgetter(0)):
            yield (
                (partition, customer_id),
                [None if record.value is None else decode_stage(record.value) for _, record in some],
            )


def _compare(
    found: Compared, place: Place, records: Iterable[StageRecord | None], expected: Stood, end_ms: int
) -> None:
    newest: StageRecord | None = None
    first: dict[str, StageRecord] = {}
    for record in records:
        newest = record
        if record is not None and _content(first.setdefault(record.stage_id, record)) != _content(record):
            found.too_much.append(f"{place}: contents of one stage id: {first[record.stage_id]}, and {record}")
    judged = [one for one in first.values() if one.since.timestamp() * 1000 <= end_ms]
    moves = [one.stage_id for one in judged if one.stage_id in expected.moves]
    found.records += len(judged)
    found.missing += [f"{place}: move {name}" for name in expected.moves if name not in first]
    found.too_much += [f"{place}: {one}" for one in judged if one.stage_id not in expected.others | {*expected.moves}]
    if set(moves) == set(expected.moves) and moves != list(expected.moves):
        found.too_much.append(f"{place}: moves in another order: {moves}, should be {expected.moves}")
    if newest is not None and newest.since.timestamp() * 1000 > end_ms:
        return
    if _said(newest) != _said(expected.newest):
        found.missing.append(f"{place}: the newest record says {_said(newest)}, should be {_said(expected.newest)}")


def _content(record: StageRecord) -> StageRecord:
    """Return what is the same whenever a stage is published.

    One that is no move goes out when its turn comes, with reasons and value as of then. After a loss of everything,
    its turn comes at another moment.
    """
    return structs.replace(record, why=(), value=None) if record.direction == "none" else record


def _said(record: StageRecord | None) -> tuple[str, str] | None:
    return None if record is None else (record.stage, f"{record.since:%Y-%m-%d %H:%M:%S}")
