"""Customers with a mark or an order: what is erased is dropped, what was ordered is carried out.

Only customers who have one come here; a partition without marks pays nothing. An order stands in the log among the
customer's events, so what comes before it in a batch is folded before it, and what comes after it, after it.
"""

from collections.abc import Callable, Collection, Sequence

import structlog
from aiokafka import ConsumerRecord

from schemas.orders import ERASE, RESUME, Order
from workers.core.customer.standing import AS_ANYBODY, Standing
from workers.core.decisions.published import PublishedRecord
from workers.errors import LingerError
from workers.kafka.records import OutboxRecord
from workers.observability import log_events, logs
from workers.processor.deciding import CustomerStep, Deciding, Event
from workers.processor.orders.mark_book import MarkBook
from workers.processor.orders.mark_topic import MarkTopic
from workers.processor.partition import OwnedPartition
from workers.processor.unit_of_work import UnitOfWork
from workers.state.marks.mark import Mark
from workers.state.store import Store

log = structlog.get_logger(__name__)

Answer = tuple[bool, int]
"""An answer to the question of consent: whether it is a yes, and when it was given, in epoch milliseconds."""
Fold = Callable[[bytes | None, Sequence[tuple[Event, ConsumerRecord]], Standing], CustomerStep | None]
"""Folds events of a customer into what is stored, and decides."""


class CustomerOrders:
    """Carries out orders, and keeps the marks of the claimed partitions.

    Attributes:
        tombstone_topics: topics with a customer's id as key from which Kafka deletes what has a tombstone.
    """

    def __init__(self, store: Store, book: MarkBook, topic: MarkTopic) -> None:
        self._store = store
        self._book = book
        self._topic = topic
        self.tombstone_topics: Collection[str] = ()

    def standing(self, partition: OwnedPartition, customer_id: str, offset: int) -> Standing:
        """Return how a customer stands where an offset is folded, or a timer is decided before it."""
        mark = partition.marks.get(self._book.ref(customer_id)) if partition.marks else None
        return AS_ANYBODY if mark is None else mark.standing(offset)

    def concern(self, partition: OwnedPartition, work: UnitOfWork, customer_id: str) -> bool:
        """Return whether a customer of a step has a mark or an order."""
        if customer_id in work.ordered:
            return True
        return bool(partition.marks) and self._book.ref(customer_id) in partition.marks

    def note_answer(
        self, partition: OwnedPartition, work: UnitOfWork, customer_id: str, answer: Answer, offset: int
    ) -> None:
        """Mark a customer who has opted out, and end that with a later yes.

        Args:
            partition: of the customer.
            work: of the step.
            customer_id: the customer.
            answer: the customer's latest one.
            offset: of the latest record that was folded.
        """
        says_yes, answered_ms = answer
        if says_yes and not partition.marks and not work.marks:
            return
        ref = self._book.ref(customer_id)
        before = self._mark(partition, work, ref)
        self._change(work, partition, ref, before, before.after_answer(says_yes, answered_ms, offset))

    def decide(
        self,
        partition: OwnedPartition,
        work: UnitOfWork,
        deciding: Deciding,
        customer_id: str,
        raw: bytes | None,
        fold: Fold,
    ) -> CustomerStep | None:
        """Decide for a customer who has a mark or an order.

        Args:
            partition: of the customer.
            work: of the step; it has the customer's events and orders.
            deciding: carries out orders.
            customer_id: the customer.
            raw: what is stored, None if nothing is.
            fold: folds events.

        Raises:
            LingerError: as `Deciding.fold`.
        """
        ref = self._book.ref(customer_id)
        last: CustomerStep | None = None
        waiting: list[tuple[Event, ConsumerRecord]] = []
        standing, is_erased = AS_ANYBODY, False

        def take(step: CustomerStep | None, offset: int) -> None:
            nonlocal last, raw
            if step is None:
                return
            if step.answered_ms:
                # At once: what follows in this step must know of an opt-out whose event an order forgets.
                self.note_answer(partition, work, customer_id, (step.says_yes, step.answered_ms), offset)
            if is_erased:
                work.returned.update(record.action_id for record in step.records)
            raw = step.stored
            if last is not None:
                step.after(last)
            last = step

        def fold_waiting() -> None:
            nonlocal waiting
            if waiting:
                take(fold(raw, waiting, standing), waiting[-1][1].offset)
                waiting = []

        for item, record in work.events[customer_id]:
            if isinstance(item, Order):
                fold_waiting()
                mark = self._mark(partition, work, ref)
                standing, is_repeated = mark.standing(record.offset), mark.erased_at >= record.offset
                step = self._carry_out(
                    partition, work, deciding, customer_id, raw, item, standing, is_repeated=is_repeated
                )
                if last is not None and item.type != RESUME:
                    last.records = _without_new(last.records, erases=item.type == ERASE)
                take(step, record.offset)
                is_erased |= item.type == ERASE
                mark = self._mark(partition, work, ref)
                changed = mark.of_topic(partition.meta.topic_id or "").after_order(item, record.offset)
                self._change(work, partition, ref, mark, changed)
                work.orders[item.type.removeprefix("linger.")] += 1
                continue
            mark = self._mark(partition, work, ref)
            if mark.is_erased(record.offset, item.at_ms):
                work.erased += 1
            else:
                if not waiting:
                    standing = mark.standing(record.offset)
                waiting.append((item, record))
        fold_waiting()
        return last

    def _carry_out(
        self,
        partition: OwnedPartition,
        work: UnitOfWork,
        deciding: Deciding,
        customer_id: str,
        raw: bytes | None,
        order: Order,
        standing: Standing,
        *,
        is_repeated: bool,
    ) -> CustomerStep | None:
        if order.type == RESUME:
            return None
        erases = order.type == ERASE
        work.banned.add(customer_id)
        if erases and not is_repeated:
            # Only once: what the customer left since then, after coming back, must stay.
            key = customer_id.encode()
            work.copies += [OutboxRecord(topic, key, None, ()) for topic in sorted(self.tombstone_topics)]
        if raw is None:
            return None
        try:
            step = deciding.carry_out(customer_id, raw, order.at_ms(), standing, erases=erases)
        except LingerError:
            raise
        except Exception as error:  # what cannot be read must be erased all the same
            log.exception(
                log_events.ORDER_FAILED,
                partition=partition.number,
                customer=logs.customer_ref(customer_id),
                order=order.type,
                error=type(error).__name__,
            )
            step = CustomerStep(None, 0, [], 0, False, {}, 0, 0, [], [], [])
            if not erases:
                return None
        if step.stored is None:
            step.waiting = partition.waits_for_nothing()
        return step

    async def release_held(self, partition: OwnedPartition, work: UnitOfWork) -> None:
        """Drop what is held of customers who must not be written to any more; in the step that carries it out."""
        if work.banned:
            work.released += await self._store.held_actions.of_customers(partition.number, work.banned)

    def note_written(self, partition: OwnedPartition, work: UnitOfWork) -> None:
        """Take over the marks of a step that was committed."""
        for ref, mark in work.marks.items():
            if mark.says_nothing:
                partition.marks.pop(ref, None)
            else:
                partition.marks[ref] = mark

    def _mark(self, partition: OwnedPartition, work: UnitOfWork, ref: bytes) -> Mark:
        mark = work.marks.get(ref) or partition.marks.get(ref)
        return Mark(partition.meta.topic_id or "") if mark is None else mark

    def _change(self, work: UnitOfWork, partition: OwnedPartition, ref: bytes, before: Mark, after: Mark) -> None:
        if after == before:
            return
        work.marks[ref] = after
        work.copies.append(self._topic.record(partition.number, ref, None if after.says_nothing else after))


def _without_new(records: Sequence[PublishedRecord], *, erases: bool) -> list[PublishedRecord]:
    """Return what a step still sends if an order follows in it; of an erased customer only what takes back."""
    return [one for one in records if one.status == "retracted" or not (one.is_active or erases)]
