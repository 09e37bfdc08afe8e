"""What the catalogue says of a key, a topic and a header. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal


class Personal(StrEnum):
    """Which personal data an entry holds; the value is the word for it on pages."""

    NO = "none"
    ACTION = "id of an action: a hash"
    HASH = "keyed hash of the id"
    ID = "id"
    VALUES = "id and values"


InFile = Literal[
    "the first line of a part",
    "customers",
    "queues",
    "records",
    "held actions",
    "orders",
    "marks",
    "book",
    "hash",
    "counters",
]
"""The lines of a state file that hold a key's content."""

Erased = Literal["removed", "rewritten", "published first", "written", "stays", "nothing of a customer"]
"""What an erasure does with it: `published first` means that what stands there goes out, and is taken back after it;
`written` that the erasure itself is noted there; `stays` that it is left until it expires."""

Rebuilt = Literal["deleted and made again", "read", "kept"]
"""What a rebuild does with it."""

ROLES_OF_REDIS: Final = ("worker", "support", "incident", "privacy")
"""The roles with a user in Redis. Each reads every key of the namespace."""


@dataclass(frozen=True, slots=True)
class Key:
    """One kind of key in Redis.

    Attributes:
        kind: what follows the namespace, or the hash tag of a partition, up to the next colon.
        of_partition: whether each partition has keys of this kind; otherwise all partitions share them.
        name: the key as pages write it, without the namespace and the tag.
        holds: what is in it.
        personal: which personal data that is.
        kept: how long.
        exported: what `linger customer export` writes of it; "" if it holds nothing of a customer.
        erased: what an erasure does with it.
        rebuilt: what `linger rebuild` does with it.
        in_file: the lines of `linger state export` that hold it; None if it is left out.
        left_out: why nothing is lost by leaving it out; "" if it is in a file.
        readers: the roles that read it.
    """

    kind: str
    of_partition: bool
    name: str
    holds: str
    personal: Personal = Personal.NO
    kept: str = "as long as Linger is used"
    exported: str = ""
    erased: Erased = "nothing of a customer"
    rebuilt: Rebuilt = "kept"
    in_file: InFile | None = None
    left_out: str = ""
    readers: tuple[str, ...] = ROLES_OF_REDIS


@dataclass(frozen=True, slots=True)
class Topic:
    """One of Linger's own topics.

    Attributes:
        name: without the prefix.
        holds: what its records are.
        personal: which personal data they hold.
        compacted: whether it keeps the latest record of each key; otherwise it deletes records by their age.
        kept: how long.
        exported: what `linger customer export` writes of it.
        erased: what an erasure does with it.
        rebuilt: what `linger rebuild` does with it.
        in_file: what `linger state export` writes of it.
        readers: the roles that may read it.
    """

    name: str
    holds: str
    personal: Personal
    compacted: bool
    kept: str
    exported: str
    erased: Erased
    rebuilt: Rebuilt
    in_file: str
    readers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Header:
    """One header that Linger writes. It is read, exported, and deleted with its record.

    Attributes:
        name: of the header.
        topics: Linger's topics whose records have it, without the prefix.
        holds: what it says.
        personal: which personal data that is.
    """

    name: str
    topics: tuple[str, ...]
    holds: str
    personal: Personal = Personal.NO
