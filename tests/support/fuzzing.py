"""What fuzzers share: bytes that were good and are damaged, as a seed decides, and how long a call may take."""

import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Final

JSON_CHARACTERS: Final = b' "\\,:{}[]0123456789.TZ-+eEuaz_\n\t\xff\x00\x7f'


def damaged(chance: Random, originals: Sequence[bytes], characters: bytes) -> bytes:
    """Return one of the originals with up to four pieces altered, cut, doubled or taken from another one.

    Args:
        chance: decides.
        originals: good inputs.
        characters: what bytes are replaced by.
    """
    raw = bytearray(chance.choice(originals))
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        at, size = chance.randrange(len(raw) + 1), chance.choice((1, 1, 1, 2, 8, 40))
        one = bytes([chance.choice(characters)])
        match chance.randrange(8):
            case 0 | 1:
                raw[at : at + 1] = one
            case 2:
                raw[at:at] = one
            case 3:
                del raw[at : at + size]
            case 4:
                raw[at:at] = raw[at : at + size]
            case 5:
                other = chance.choice(originals)
                begin = chance.randrange(len(other))
                raw[at : at + chance.choice((0, size))] = other[begin : begin + size]
            case 6:
                digits = [place for place, value in enumerate(raw) if 48 <= value <= 57]
                if digits:
                    raw[chance.choice(digits)] = chance.randrange(48, 58)
            case _:
                if chance.random() < 0.2:
                    del raw[at:]
                elif at < len(raw):
                    raw[at] ^= 1 << chance.randrange(8)
    return bytes(raw)


@contextmanager
def within_seconds(limit: float, what: str) -> Iterator[None]:
    """Fail if what is done inside takes more processor time.

    What was made before is frozen meanwhile. Otherwise the collector of garbage may go over everything that a run
    with all tests holds, which takes a second by itself.

    Args:
        limit: in seconds.
        what: is done, for the message.
    """
    gc.freeze()
    started = time.process_time()
    try:
        yield
    finally:
        took = time.process_time() - started
        gc.unfreeze()
        assert took < limit, f"{what} took {took:.1f} s"


def seeds(number: int) -> Iterator[int]:
    """Yield the seeds of as many rounds, the same ones in each run."""
    yield from range(number)


def seeds_for(minutes: float) -> Iterator[int]:
    """Yield seeds until as much time has passed; at least one."""
    ends = time.monotonic() + 60 * minutes
    seed = 0
    while True:
        yield seed
        seed += 1
        if time.monotonic() >= ends:
            return
