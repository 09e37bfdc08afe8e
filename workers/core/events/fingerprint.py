"""Fingerprint: the hash of an event's type and id. Compiled, `fingerprint.pyx` stands for this module.

It exists twice because a call of `hashlib` costs 4,200 instructions: three method calls and four objects for a
compression of 1,700. The other form compresses itself. Both give the same number, a law of the tests.
"""

from hashlib import blake2b

from workers.core.events.decoding import FINGERPRINT_BYTES, number_of


class Fingerprint:
    """Hashes the ids of the events of one type, as `DecodedEvent.fingerprint` does."""

    def __init__(self, event_type: str) -> None:
        self._hashed = blake2b(f"{event_type}\n".encode(), digest_size=FINGERPRINT_BYTES)

    def of(self, raw: bytes, at: int, size: int) -> int:
        """Return the fingerprint of an event as a number, its first byte the least.

        Args:
            raw: bytes that hold the event's id.
            at: where it begins.
            size: its length in bytes.

        Raises:
            IndexError: if it is not within the bytes.
        """
        if at < 0 or size < 0 or at + size > len(raw):
            raise IndexError(f"no {size} bytes at {at} of {len(raw)}")
        hashed = self._hashed.copy()
        hashed.update(raw[at : at + size])
        return number_of(hashed.digest())
