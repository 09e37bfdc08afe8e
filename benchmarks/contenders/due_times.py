"""Who is due next: for contenders that notice a silence by the events of others, and keep that in memory."""

from collections.abc import Iterable, Iterator
from heapq import heapify, heappop, heappush


class DueTimes:
    """When each customer has to be looked at again because of time alone.

    Most events move a due time later. The customer then stays queued for the earlier time and is queued again when
    that comes, so most moves never touch the heap.
    """

    def __init__(self, due_ms: Iterable[tuple[str, int]] = ()) -> None:
        """Start with these customers.

        Args:
            due_ms: customers and their due times, in milliseconds since 1970; 0 for never.
        """
        self._due = {customer: at_ms for customer, at_ms in due_ms if at_ms}
        self._queued = dict(self._due)
        self._heap = [(at_ms, customer) for customer, at_ms in self._due.items()]
        heapify(self._heap)

    def set(self, customer: str, due_ms: int) -> None:
        """Note when this customer is due next; 0 for never."""
        if not due_ms:
            self._due.pop(customer, None)
            return
        self._due[customer] = due_ms
        queued_ms = self._queued.get(customer)
        if queued_ms is None or due_ms < queued_ms:
            self._queue(customer, due_ms)

    def until(self, at_ms: int) -> Iterator[str]:
        """Yield every customer due at this time; the caller calls `set` for each before the next."""
        heap = self._heap
        while heap and heap[0][0] <= at_ms:
            queued_ms, customer = heappop(heap)
            if self._queued.get(customer) != queued_ms:
                continue  # it was queued again for an earlier time, which has passed
            del self._queued[customer]
            due_ms = self._due.get(customer)
            if due_ms is None:
                continue
            if due_ms > at_ms:
                self._queue(customer, due_ms)
            else:
                yield customer

    def _queue(self, customer: str, due_ms: int) -> None:
        self._queued[customer] = due_ms
        heappush(self._heap, (due_ms, customer))
