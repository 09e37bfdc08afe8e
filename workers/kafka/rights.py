"""Rights of this client on a topic or group, read from the bits of Kafka's `authorized_operations`.

Asks Kafka nothing, and knows no topic of Linger's.
"""

from enum import IntEnum
from typing import Final

_NOT_GIVEN: Final = -(1 << 31)


class Right(IntEnum):
    """The operations of Kafka's `AclOperation` that Linger needs; the value is the code and the bit's number."""

    READ = 3
    WRITE = 4
    CREATE = 5
    DELETE = 6
    ALTER = 7
    DESCRIBE = 8
    DESCRIBE_CONFIGS = 10
    ALTER_CONFIGS = 11

    @property
    def title(self) -> str:
        """The operation's name for `kafka-acls.sh`."""
        return "".join(part.capitalize() for part in self.name.split("_"))


def rights_in(bits: int | None) -> frozenset[Right] | None:
    """Return the rights in an answer of Kafka, or None if it gives none."""
    if bits is None or bits == _NOT_GIVEN:
        return None
    return frozenset(right for right in Right if bits >> right & 1)
