"""Whether Redis and the topic of marks hold what was ordered, and whether anybody was written to in spite of it."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from aiokafka.structs import ConsumerRecord

from schemas.actions import Action
from tests.faults.replayed import Rights
from tests.faults.stage import PARTITIONS, Stage
from workers.processor.orders.mark_topic import MarkTopic
from workers.settings import MARKS
from workers.state.marks.mark import Mark, decode_mark
from workers.state.marks.stored import stored_key


async def lost_rights(stage: Stage, expected: Mapping[tuple[int, str], Rights]) -> list[str]:
    """Return in words where a mark says something else than it should, or is of a customer who has none.

    Args:
        stage: a run in which everything is decided.
        expected: by partition and customer, of all customers.
    """
    key = await stored_key(stage.store, stage.settings.key_of_marks)
    if key is None:
        return ["no key of marks is stored"]
    topic = MarkTopic(stage.settings.kafka_connection(), stage.settings.topic(MARKS))
    copies = await topic.read(range(PARTITIONS))
    stored = {number: await stage.store.marks.of_partition(number) for number in range(PARTITIONS)}
    problems, too_careful = [], list[str]()
    if not copies.key_fields:
        problems.append("the topic of marks does not know of their key")
    for where, marks in (("Redis", stored), ("the topic", copies.marks)):
        left = {(number, ref) for number in marks for ref in marks[number]}
        for (number, customer_id), rights in expected.items():
            left.discard((number, key.ref(customer_id)))
            mark = marks[number].get(key.ref(customer_id), Mark())
            actual = Rights(mark.suppressed_ms > 0, mark.opted_out_ms, mark.erased_ms)
            if stage.forgot and marks is copies.marks and actual.no_ms and not rights.no_ms:
                # The copy of a step that Redis lost. Then no and yes came in one step, which wrote no mark.
                actual.no_ms = 0
                too_careful.append(customer_id)
            if actual != rights:
                problems.append(f"{customer_id} in {where}: {actual}, should be {rights}")
        problems += [f"a mark of no customer in {where}: {ref.hex()}" for _, ref in left]
    if too_careful:
        stage.notes.append(f"the topic says no of {len(too_careful)} customers who have said yes since")
    return problems


async def written_in_spite(
    stage: Stage, actions: Iterable[ConsumerRecord], marks: Iterable[ConsumerRecord]
) -> list[Action]:
    """Return the actions that were first published after the topic of marks had said that they must not be.

    A worker that wrote the mark, or claimed the partition after that, knows it, no matter what it reads of the past.

    Args:
        stage: of the run.
        actions: the records of all topics of actions; those of one customer in order.
        marks: the records of the topic of marks; those of one customer in order.
    """
    key = await stored_key(stage.store, stage.settings.key_of_marks)
    assert key is not None
    forbidden: dict[bytes | None, list[tuple[int, bool]]] = {}
    for record in (record for record in marks if record.key != b"key"):
        forbidden.setdefault(record.key, []).append((record.timestamp, _forbids(record.value)))
    seen: set[str] = set()
    wrong = []
    for record in actions:
        action = msgspec.json.decode(record.value, type=Action)
        is_first = action.action_id not in seen
        seen.add(action.action_id)
        has_expired = action.expires_at.timestamp() * 1000 <= stage.clock_at(record.timestamp)
        if action.status != "active" or not is_first or has_expired:
            continue
        said = forbidden.get(key.ref(action.customer_id).hex().encode(), [])
        known = [forbids for at_ms, forbids in said if at_ms < record.timestamp]
        if known and known[-1]:
            wrong.append(action)
    return wrong


def _forbids(value: Any) -> bool:
    mark = Mark() if value is None else decode_mark(value)
    return bool(mark.suppressed_ms or mark.opted_out_ms)
