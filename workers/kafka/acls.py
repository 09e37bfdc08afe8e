"""Rights: what Kafka says this client may do with a topic or group, as the bits of its `authorized_operations`."""

from enum import IntEnum
from typing import Final

_NOT_TOLD: Final = -(1 << 31)


class Right(IntEnum):
    """Kafka's `AclOperation`, those that matter here; the value is its code, and its bit."""

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
        """The name that `kafka-acls.sh` takes."""
        return "".join(part.capitalize() for part in self.name.split("_"))


def rights_in(bits: int | None) -> frozenset[Right] | None:
    """Return the rights in an answer of Kafka's, or None if it does not tell."""
    if bits is None or bits == _NOT_TOLD:
        return None
    return frozenset(right for right in Right if bits >> right & 1)
