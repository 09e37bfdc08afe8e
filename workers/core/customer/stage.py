"""Stage: where a customer stands on the ladder, and what was published of it.

There is one object, for one customer after the other.
"""

from hashlib import blake2b
from typing import Final

from workers.core.customer.binary import FARTHEST_MS, Damaged, Reader, Writer, within

CODE_BYTES: Final = 3
_CODE_BYTES: Final = CODE_BYTES

NO_MOVE: Final = 0
UP: Final = 1
DOWN: Final = 2
_DOWN: Final = DOWN
# With a name of this module's own, they are numbers of the compiler, which what other modules import cannot be.

# Flags of a stored stage.
_DIRECTION: Final = 3
_BY_TIME: Final = 4
_CAME_FROM: Final = 8
_IS_TOLD: Final = 16
_TOLD_OTHERWISE: Final = 32
_FLAGS: Final = 63

_NUMBERS: Final = 7


def code_of_stage(name: str) -> int:
    """Return the code of a stage's name, a number of `CODE_BYTES` bytes that is not 0."""
    return int.from_bytes(blake2b(name.encode(), digest_size=CODE_BYTES).digest(), "big") or 1


class Stage:
    """The latest known stage of a customer, as it was at their latest event.

    Stages are named by codes (`code_of_stage`), so that they can be read no matter what the ladder is now.

    Attributes:
        code: of the stage; 0 while none was ever known.
        since_ms: since when the customer stands there.
        from_code: the stage before; 0 for none.
        direction: of the move to it: `NO_MOVE` for a stage that was first known, or changed with the ladder.
        by_time: whether time alone changed it, and not an event.
        published_code, published_since_ms: the stage of the customer's newest record, and since when. It can be later
            than `code`: time has passed since the latest event. The code is 0 if the present stage is still to be
            published.
    """

    __slots__ = ("by_time", "code", "direction", "from_code", "published_code", "published_since_ms", "since_ms")

    def __init__(self) -> None:
        self.code = self.since_ms = self.from_code = self.direction = 0
        self.published_code = self.published_since_ms = 0
        self.by_time = False

    def clear(self) -> None:
        """Know nothing."""
        self.code = self.since_ms = self.from_code = self.direction = 0
        self.published_code = self.published_since_ms = 0
        self.by_time = False

    def note_published(self, code: int, since_ms: int) -> None:
        """Note what the newest record says; the code is 0 if that is not where the customer stands."""
        self.published_code = code
        self.published_since_ms = since_ms

    def is_present(self) -> bool:
        """Return whether there is anything to remember: time alone can also make known where a customer stands."""
        return self.code != 0 or self.published_since_ms != 0

    def is_published(self) -> bool:
        """Return whether the newest record says where the customer stood at their latest event."""
        return self.code != 0 and self.published_code == self.code and self.published_since_ms == self.since_ms

    def read(self, given: Reader) -> None:
        """Read it, as in layout 4."""
        flags = given.byte()
        if flags > _FLAGS or flags & _DIRECTION > _DOWN:
            raise Damaged(f"flags of a stage are {flags}")
        self.code = given.little(_CODE_BYTES)
        self.since_ms = given.moment()
        self.direction = flags & _DIRECTION
        self.by_time = flags & _BY_TIME != 0
        if flags & _CAME_FROM:
            self.from_code = given.little(_CODE_BYTES)
        if flags & _IS_TOLD:
            self.published_code, self.published_since_ms = self.code, self.since_ms
        elif flags & _TOLD_OTHERWISE:
            self.published_code = given.little(_CODE_BYTES)
            self.published_since_ms = given.moment()
        if not self.is_present():
            raise Damaged("a stage that is none")

    def write(self, out: Writer) -> None:
        """Write it, as in layout 4."""
        flags = self.direction
        if self.by_time:
            flags |= _BY_TIME
        if self.from_code:
            flags |= _CAME_FROM
        if self.is_published():
            flags |= _IS_TOLD
        elif self.published_since_ms:
            flags |= _TOLD_OTHERWISE
        out.byte(flags)
        out.little(self.code, _CODE_BYTES)
        out.moment(self.since_ms)
        if flags & _CAME_FROM:
            out.little(self.from_code, _CODE_BYTES)
        if flags & _TOLD_OTHERWISE:
            out.little(self.published_code, _CODE_BYTES)
            out.moment(self.published_since_ms)

    def numbers(self) -> list[int]:
        """Return it as numbers, as in layout 3; empty if there is nothing to remember."""
        if not self.is_present():
            return []
        newest = [self.published_code, self.published_since_ms]
        return [self.code, self.since_ms, self.from_code, self.direction, int(self.by_time), *newest]

    def take(self, numbers: list[int]) -> None:
        """Take over what `numbers` returned.

        Raises:
            Damaged: if they are no stage.
        """
        if not numbers:
            return
        if len(numbers) != _NUMBERS or not 0 <= numbers[3] <= DOWN or not 0 <= numbers[4] <= 1:
            raise Damaged("numbers that are no stage")
        for code in (numbers[0], numbers[2], numbers[5]):
            if not 0 <= code < 1 << (8 * CODE_BYTES):
                raise Damaged(f"{code} is the code of no stage")
        self.code, self.since_ms = numbers[0], within(numbers[1], FARTHEST_MS)
        self.from_code, self.direction, self.by_time = numbers[2], numbers[3], numbers[4] == 1
        self.note_published(numbers[5], within(numbers[6], FARTHEST_MS))
