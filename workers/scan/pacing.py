"""The pace of a scan: a number of keys a second at most, evenly."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

MOST_AT_ONCE: Final = 500
"""Keys of one page."""
_PAGES_A_SECOND: Final = 10


class Pacer:
    """Holds a reader to a number of keys a second.

    Attributes:
        at_once: how many keys to read at once: those of a tenth of a second, at most `MOST_AT_ONCE`.
    """

    def __init__(
        self,
        per_second: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Set up.

        Args:
            per_second: keys, at least 1.
            clock: seconds, from anywhere on.
            sleep: waits for some seconds.
        """
        self.at_once = max(1, min(MOST_AT_ONCE, per_second // _PAGES_A_SECOND))
        self._per_second = per_second
        self._clock = clock
        self._sleep = sleep
        self._free_at = clock()

    async def spend(self, keys: int) -> None:
        """Wait until these keys may have been read; time in which nothing was read is not made up for."""
        now = self._clock()
        self._free_at = max(now, self._free_at) + keys / self._per_second
        await self._sleep(self._free_at - now)
