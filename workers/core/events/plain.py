"""Plain event: the numbers of an event whose type has only the plain series."""

from hashlib import blake2b

from workers.core.events.decoding import FINGERPRINT_BYTES, number_of


class PlainEvent:
    """What the scanner found of one event.

    Attributes:
        type_place: the place of its type among the types of the scanner.
        at_ms: when it happened, in epoch milliseconds.
        amount: what it adds up to, in ten-thousandths.
        fingerprint: of its type and id, as a 48-bit number.
        event_id: its id.
    """

    __slots__ = ("amount", "at_ms", "event_id", "fingerprint", "type_place")

    def __init__(self, type_place: int, at_ms: int, amount: int, fingerprint: int, event_id: bytes) -> None:
        self.type_place = type_place
        self.at_ms = at_ms
        self.amount = amount
        self.fingerprint = fingerprint
        self.event_id = event_id

    def fingerprint_of_0_1(self) -> int:
        """Return the hash of the id alone, which rings filled by release 0.1 still hold."""
        return number_of(blake2b(self.event_id, digest_size=FINGERPRINT_BYTES).digest())
