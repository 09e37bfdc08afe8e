"""Arms: how the customers of an experiment are divided."""

from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from typing import Final

from schemas.experiments import AS_BEFORE, HELD_OUT, TREATED

_PARTS: Final = 1 << 64
_ALL: Final = Decimal(100)


@dataclass(frozen=True)
class Arms:
    """How the customers of an experiment are divided: always alike.

    A keyed hash gives each customer a fixed point between 0 and 1. From 0 on are those who are held out, then those
    for whom an older campaign goes on, then the variants. So a larger share still holds out everyone whom a smaller
    one did.

    Attributes:
        salt: what the hash begins with; experiments of one salt hold out the same customers.
        share: percentage of customers held out.
        key: of the hash, of any length. blake2b takes 64 bytes, so a longer key stands for its hash; the others stay
            as they are, and so do the customers whom they hold out.
        as_before: percentage of customers for whom an older campaign goes on.
        variants: of the others, each with its percentage of them; empty if all of them get the same.
    """

    salt: str
    share: Decimal
    key: bytes
    as_before: Decimal = Decimal(0)
    variants: tuple[tuple[str, Decimal], ...] = ()

    def names(self) -> list[str]:
        """Return the arms, those who get nothing first."""
        before = [AS_BEFORE] if self.as_before else []
        return [HELD_OUT, *before, *([name for name, _ in self.variants] or [TREATED])]

    def of(self, customer_id: str) -> str:
        """Return the arm of a customer."""
        key = self.key if len(self.key) <= blake2b.MAX_KEY_SIZE else blake2b(self.key).digest()
        digest = blake2b(f"{self.salt}\n{customer_id}".encode(), key=key, digest_size=8).digest()
        point = int.from_bytes(digest, "big") * 100  # in parts of a percent
        if point < self.share * _PARTS:
            return HELD_OUT
        upto = self.share + self.as_before
        if point < upto * _PARTS:
            return AS_BEFORE
        treated = _ALL - upto
        within = Decimal(0)
        for name, share in self.variants:
            within += share
            if point < (upto + treated * within / _ALL) * _PARTS:
                return name
        return self.variants[-1][0] if self.variants else TREATED


def division(of_all: Arms | None, own: Arms | None, customer_id: str) -> tuple[Arms | None, str]:
    """Return the division by which a customer gets something from a rule, or gets nothing, and the arm.

    Args:
        of_all: how all rules together divide customers; None if they do not.
        own: how the rule divides them. Who is held out of all rules takes no part in it.
        customer_id: the customer.
    """
    if of_all is not None:
        arm = of_all.of(customer_id)
        if own is None or gets_nothing(arm):
            return of_all, arm
    return (None, "") if own is None else (own, own.of(customer_id))


def gets_nothing(arm: str) -> bool:
    """Return whether customers of an arm get nothing from the rules."""
    return arm in (HELD_OUT, AS_BEFORE)
