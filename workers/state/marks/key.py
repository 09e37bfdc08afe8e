"""The keyed hash under which a customer's mark stands. Pure."""

from hashlib import blake2b
from typing import Final

REF_BYTES: Final = 16
"""Length of a customer's ref. Among a billion customers, two share one with a chance of 1 in 10^21."""
KEY_BYTES: Final = 32
_PERSON: Final = b"linger-marks"


class MarkKey:
    """The key of one deployment. With it, one can find out whether a known id is marked, but not list ids."""

    def __init__(self, key: bytes) -> None:
        """Take the key, of any length but 0."""
        if not key:
            raise ValueError("the key of marks is empty")
        short = key if len(key) <= blake2b.MAX_KEY_SIZE else blake2b(key).digest()
        self._new = blake2b(key=short, digest_size=REF_BYTES, person=_PERSON).copy

    def ref(self, customer_id: str) -> bytes:
        """Return the keyed hash of a customer's id, `REF_BYTES` long."""
        hashed = self._new()
        hashed.update(customer_id.encode())
        return hashed.digest()

    def check(self) -> str:
        """Return what shows, without the key, whether two keys are the same."""
        hashed = self._new()
        hashed.update(b"\0check")
        return hashed.hexdigest()
