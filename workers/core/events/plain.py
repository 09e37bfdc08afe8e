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
        currency: of the amount, as `currency_number` has it; 0 if it is not said.
    """

    __slots__ = ("amount", "at_ms", "currency", "event_id", "fingerprint", "type_place")

    def __init__(
        self, type_place: int, at_ms: int, amount: int, fingerprint: int, event_id: bytes, currency: int = 0
    ) -> None:
        self.type_place = type_place
        self.at_ms = at_ms
        self.amount = amount
        self.fingerprint = fingerprint
        self.event_id = event_id
        self.currency = currency

    def fingerprint_of_0_1(self) -> int:
        """Return the hash of the id alone, which rings filled by release 0.1 still hold."""
        return number_of(blake2b(self.event_id, digest_size=FINGERPRINT_BYTES).digest())


def currency_number(currency: str) -> int:
    """Return a currency, three letters from A to Z, as a number; 0 for anything else."""
    if len(currency) != 3 or not currency.isascii() or not currency.isalpha() or not currency.isupper():
        return 0
    return ord(currency[0]) << 16 | ord(currency[1]) << 8 | ord(currency[2])


def currency_named(number: int) -> str:
    """Return the currency of a number; the number is not 0."""
    return bytes((number >> 16, number >> 8 & 255, number & 255)).decode()
