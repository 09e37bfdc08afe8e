"""Finds who is stored: the ids of all customers, by partition, each once.

They go to private files that have no name, so memory holds those of one partition at most.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import islice
from tempfile import TemporaryFile
from typing import IO

from workers.kafka.partitioner import partition_of
from workers.scan.pacing import Pacer
from workers.state.keys import hash_tag
from workers.state.store import Store


class FoundIds:
    """The ids that were found; closing it deletes them.

    Attributes:
        number: how many were noted; one that Redis has named twice counts twice.
    """

    def __init__(self, partitions: int) -> None:
        self.number = 0
        self._partitions = partitions
        self._by_tag = {hash_tag(number): number for number in range(partitions)}
        self._closing = ExitStack()
        self._files: list[IO[str]] = [
            self._closing.enter_context(TemporaryFile("w+", encoding="utf-8"))  # noqa: SIM115
            for _ in range(partitions)
        ]

    def note(self, tag: str, customer_ids: list[str]) -> None:
        """Note customers of the partition with a tag."""
        number = self._by_tag.get(tag)
        if number is None:
            return
        file = self._files[number]
        for customer_id in customer_ids:
            # What records in the wrong partition have left of a customer never acts.
            if partition_of(customer_id, self._partitions) == number:
                file.write(json.dumps(customer_id) + "\n")
                self.number += 1

    def pages(self, partition: int, size: int) -> Iterator[list[str]]:
        """Yield the ids of a partition in order, each once, `size` at a time."""
        file = self._files[partition]
        file.seek(0)
        ids = iter(sorted({json.loads(line) for line in file}))
        while page := list(islice(ids, size)):
            yield page

    def close(self) -> None:
        """Delete the ids."""
        self._closing.close()


async def find_ids(
    store: Store, partitions: int, pacer: Pacer, advance: Callable[[int], None] = lambda _: None
) -> FoundIds:
    """Return the ids of all customers who are stored during all of the search; the caller closes them.

    Args:
        store: to search.
        partitions: of the activity topic.
        pacer: holds it to its pace.
        advance: called with how many are found so far.

    Raises:
        Transient: if Redis does not answer, or its keys have moved.
    """
    found = FoundIds(partitions)
    cursor: int | None = None
    try:
        while cursor != 0:
            cursor, customers = await store.scan(cursor or 0, pacer.at_once)
            for tag, customer_ids in customers.items():
                found.note(tag, customer_ids)
            advance(found.number)
            # Keys that are no customer's are passed over, too.
            await pacer.spend(pacer.at_once)
    except BaseException:
        found.close()
        raise
    return found
