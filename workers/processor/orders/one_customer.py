"""One customer with a mark or an order, within a step: each event and order counts where it stands in the log."""

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
from workers.processor.orders.mark_topic import MarkTopic
from workers.processor.partition import OwnedPartition
from workers.processor.unit_of_work import UnitOfWork
from workers.state.marks.mark import Mark

log = structlog.get_logger(__name__)

Fold = Callable[[bytes | None, Sequence[tuple[Event, ConsumerRecord]], Standing], CustomerStep | None]
"""Folds events of a customer into what is stored, and decides."""


class StepMarks:
    """The marks of a partition as they are within a step that changes some of them.

    Attributes:
        partition: of the marks.
        work: of the step.
    """

    def __init__(self, partition: OwnedPartition, work: UnitOfWork, topic: MarkTopic) -> None:
        self.partition = partition
        self.work = work
        self._topic = topic

    def of(self, ref: bytes) -> Mark:
        """Return the mark of a customer; one that says nothing if there is none."""
        mark = self.work.marks.get(ref) or self.partition.marks.get(ref)
        return Mark(self.partition.meta.topic_id or "") if mark is None else mark

    def change(self, ref: bytes, before: Mark, after: Mark) -> None:
        """Write a mark with the step, and copy it to the topic after it; nothing if it stays the same."""
        if after == before:
            return
        self.work.marks[ref] = after
        copied = None if after.says_nothing else after
        self.work.copies.append(self._topic.record(self.partition.number, ref, copied))


class OneCustomer:
    """Takes the events and the orders of a customer one after the other; used once."""

    def __init__(
        self,
        marks: StepMarks,
        deciding: Deciding,
        customer_id: str,
        ref: bytes,
        raw: bytes | None,
        fold: Fold,
        tombstone_topics: Collection[str],
    ) -> None:
        """Begin with what is stored.

        Args:
            marks: as they are within the step.
            deciding: carries out orders.
            customer_id: the customer.
            ref: of the customer.
            raw: what is stored, None if nothing is.
            fold: folds events.
            tombstone_topics: as in `CustomerOrders`.
        """
        self._marks = marks
        self._work = marks.work
        self._deciding = deciding
        self._customer_id = customer_id
        self._ref = ref
        self._raw = raw
        self._fold = fold
        self._tombstone_topics = tombstone_topics
        self._last: CustomerStep | None = None
        self._waiting: list[tuple[Event, ConsumerRecord]] = []
        self._standing = AS_ANYBODY
        self._was_erased = False

    def decide(self) -> CustomerStep | None:
        """Take everything that the step has of the customer; return what follows, None for nothing.

        Raises:
            LingerError: as `Deciding.fold`.
        """
        for item, record in self._work.events[self._customer_id]:
            if isinstance(item, Order):
                self._fold_waiting()
                self._obey(item, record.offset)
            else:
                self._await(item, record)
        self._fold_waiting()
        return self._last

    def _await(self, event: Event, record: ConsumerRecord) -> None:
        """Let an event wait for those that are folded with it; drop one that was erased."""
        mark = self._marks.of(self._ref)
        if mark.is_erased(record.offset, event.at_ms):
            self._work.erased += 1
            return
        if not self._waiting:
            self._standing = mark.standing(record.offset)
        self._waiting.append((event, record))

    def _fold_waiting(self) -> None:
        if self._waiting:
            step = self._fold(self._raw, self._waiting, self._standing)
            self._take(step, self._waiting[-1][1].offset)
            self._waiting = []

    def _obey(self, order: Order, offset: int) -> None:
        """Carry out an order, and mark the customer."""
        step = self._carry_out(order, offset)
        if self._last is not None and order.type != RESUME:
            self._last.records = _without_new(self._last.records, erases=order.type == ERASE)
            if order.type == ERASE:
                self._last.stages = ()  # the tombstone says it
        self._take(step, offset)
        self._was_erased |= order.type == ERASE
        mark = self._marks.of(self._ref)
        changed = mark.of_topic(self._marks.partition.meta.topic_id or "").after_order(order, offset)
        self._marks.change(self._ref, mark, changed)
        self._work.orders[order.type.removeprefix("linger.")] += 1

    def _take(self, step: CustomerStep | None, offset: int) -> None:
        """Go on from what was decided at an offset."""
        if step is None:
            return
        if step.answered_ms:
            # At once: what follows in this step must know of an opt-out whose event an order forgets.
            mark = self._marks.of(self._ref)
            self._marks.change(self._ref, mark, mark.after_answer(step.says_yes, step.answered_ms, offset))
        if self._was_erased:
            self._work.returned.update(record.action_id for record in step.records)
        self._raw = step.stored
        if self._last is not None:
            step.after(self._last)
        self._last = step

    def _carry_out(self, order: Order, offset: int) -> CustomerStep | None:
        if order.type == RESUME:
            return None
        mark, erases = self._marks.of(self._ref), order.type == ERASE
        self._work.banned.add(self._customer_id)
        if erases and mark.erased_at < offset:
            # Only once: what the customer left since then, after coming back, must stay.
            key = self._customer_id.encode()
            self._work.copies += [OutboxRecord(topic, key, None, ()) for topic in sorted(self._tombstone_topics)]
        if self._raw is None:
            return None
        step = self._taken_back(order, self._raw, mark.standing(offset), erases=erases)
        if step is not None and step.stored is None:
            step.waiting = self._marks.partition.waits_for_nothing()
        return step

    def _taken_back(self, order: Order, raw: bytes, standing: Standing, *, erases: bool) -> CustomerStep | None:
        """Return what an order takes back; of a state that cannot be read, that nothing of it stays if it erases."""
        try:
            return self._deciding.carry_out(self._customer_id, raw, order.at_ms(), standing, erases=erases)
        except LingerError:
            raise
        except Exception as error:  # what cannot be read must be erased all the same
            log.exception(
                log_events.ORDER_FAILED,
                partition=self._marks.partition.number,
                customer=logs.customer_ref(self._customer_id),
                order=order.type,
                error=type(error).__name__,
            )
            return CustomerStep(None, 0, [], 0, False, {}, 0, 0, [], [], []) if erases else None


def _without_new(records: Sequence[PublishedRecord], *, erases: bool) -> list[PublishedRecord]:
    """Return what a step still sends if an order follows in it; of an erased customer only what takes back."""
    return [one for one in records if one.status == "retracted" or not (one.is_active or erases)]
