"""Finds the keys of some partitions, and those that all share: one scan over all of Redis.

Customers' ids go to private files that have no name, so memory holds those of one partition at most.
"""

import json
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import IO, Final

from workers.catalogue import SHARED_KEYS, kind_of
from workers.catalogue.keys import is_known
from workers.errors import LingerError
from workers.state.keys import hash_tag
from workers.state.scan import escaped, scan_keys
from workers.state.step import Because
from workers.state.store import Store

_KEYS_PER_SCAN: Final = 5_000
_PACE: Final = "pace"
"""Kind of the counters of rules' actions in one period."""
_DISPOSITIONS: Final = "dead-letters"
"""Kind of the hashes that say what was done with dead letters; the set of that name lists them."""
_MARKS: Final = "marks"
_MARKS_KEY: Final = "marks-key"
_BECAUSE: Final[dict[str, Because]] = {"held": "pace", "held-by-pause": "pause", "held-by-brake": "brake"}


@dataclass(slots=True)
class PartitionKeysFound:
    """What a partition has keys for.

    Attributes:
        customers: a file with their ids, one a line; an id may be there twice.
        waiting: event types that customers wait for.
        held: rule and reason of the lists of held actions.
    """

    customers: IO[str]
    waiting: set[str] = field(default_factory=set)
    held: set[tuple[str, Because]] = field(default_factory=set)

    def customer_ids(self) -> Iterator[str]:
        """Yield the customers' ids, each once, in order."""
        self.customers.seek(0)
        yield from sorted({json.loads(line) for line in self.customers})


class FoundKeys:
    """The keys that one scan has found; closing it deletes what it has written.

    Attributes:
        partitions: by number.
        hashes: names of the shared hashes, without the namespace.
        pace: rule and period of the counters of actions.
        others: how many keys of partitions there are, without those of marks.
    """

    def __init__(self, partitions: Collection[int]) -> None:
        self._files = ExitStack()
        self.partitions = {
            number: PartitionKeysFound(self._files.enter_context(TemporaryFile("w+", encoding="utf-8")))  # noqa: SIM115
            for number in partitions
        }
        self.hashes: set[str] = set()
        self.pace: set[tuple[str, int]] = set()
        self.others = 0
        self._by_tag = {hash_tag(number): number for number in partitions}

    @property
    def is_empty(self) -> bool:
        """Whether nothing is stored that a file would replace: marks are joined, and so their key is kept."""
        return self.hashes <= {_MARKS_KEY} and not self.pace and not self.others

    def close(self) -> None:
        """Delete the files with customers' ids."""
        self._files.close()

    def note(self, namespace: str, key: str) -> None:
        """Note one key.

        Raises:
            LingerError: if this release does not know what it is for.
        """
        tag, kind, name = kind_of(namespace, key)
        if not is_known(tag, kind):
            raise _unknown(kind)
        if tag:
            self._note_of_partition(tag, kind, name)
        elif kind == _PACE:
            rule, _, period = name.rpartition(":")
            self.pace.add((rule, int(period)))
        elif SHARED_KEYS[kind].in_file is not None and (name or kind != _DISPOSITIONS):
            self.hashes.add(f"{kind}:{name}" if name else kind)

    def _note_of_partition(self, tag: str, kind: str, name: str) -> None:
        self.others += kind != _MARKS
        number = self._by_tag.get(tag)
        if number is None:
            return
        found = self.partitions[number]
        if kind == "c":
            found.customers.write(json.dumps(name) + "\n")
        elif kind == "waiting":
            found.waiting.add(name)
        elif kind in _BECAUSE and name:
            found.held.add((name, _BECAUSE[kind]))


async def find_keys(store: Store, partitions: Collection[int]) -> FoundKeys:
    """Return the keys of some partitions, and those that all share; the caller closes it.

    Raises:
        LingerError: if there is a key that this release does not know.
        Transient: if Redis does not answer, or its keys have moved.
    """
    found = FoundKeys(partitions)
    namespace, cursor = store.keys.namespace, -1
    try:
        while cursor:
            cursor, keys = await scan_keys(store.redis, max(0, cursor), f"{escaped(namespace)}:*", _KEYS_PER_SCAN)
            for key in keys:
                found.note(namespace, key.decode())
    except BaseException:
        found.close()
        raise
    return found


def _unknown(kind: str) -> LingerError:
    return LingerError(
        f"there are keys of the kind '{kind}' in Redis, which this release does not know: a later release of Linger "
        "has worked here; use that release"
    )
