"""Bytes that were good and are damaged, as a seed decides, for fuzzers that run by number or by time."""

import time
from collections.abc import Iterator, Sequence
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
