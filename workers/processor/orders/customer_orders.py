"""Customers with a mark or an order: what is erased is dropped, what was ordered is carried out.

Only customers who have one come here; a partition without marks pays nothing. An order stands in the log among the
customer's events, so what comes before it in a batch is folded before it, and what comes after it, after it.
"""

from collections.abc import Collection

from workers.core.customer.standing import AS_ANYBODY, Standing
from workers.processor.deciding import CustomerStep, Deciding
from workers.processor.orders.mark_book import MarkBook
from workers.processor.orders.mark_topic import MarkTopic
from workers.processor.orders.one_customer import Fold, OneCustomer, StepMarks
from workers.processor.partition import OwnedPartition
from workers.processor.unit_of_work import UnitOfWork
from workers.state.store import Store

Answer = tuple[bool, int]
"""An answer to the question of consent: whether it is a yes, and when it was given, in epoch milliseconds."""


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
        marks, ref = StepMarks(partition, work, self._topic), self._book.ref(customer_id)
        before = marks.of(ref)
        marks.change(ref, before, before.after_answer(says_yes, answered_ms, offset))

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
        marks = StepMarks(partition, work, self._topic)
        ref = self._book.ref(customer_id)
        return OneCustomer(marks, deciding, customer_id, ref, raw, fold, self.tombstone_topics).decide()

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
