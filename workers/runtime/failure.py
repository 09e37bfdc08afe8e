"""The first error that ends the worker, noted wherever it occurs and raised by `Worker.run`."""

import asyncio
from collections.abc import Awaitable
from typing import Any


class Failure:
    """Holds the error that ends the worker; the first one counts.

    Attributes:
        error: the error, None while there is none.
    """

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self._occurred = asyncio.Event()

    def note(self, error: BaseException) -> None:
        """End the worker with this error; a later error changes nothing."""
        if self.error is None:
            self.error = error
            self._occurred.set()

    async def occurred(self) -> None:
        """Wait until there is an error."""
        await self._occurred.wait()

    async def guard(self, work: Awaitable[Any]) -> Any:
        """Run `work` and return its result; after an error, which ends the worker, it never returns."""
        try:
            return await work
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self.note(error)
            # Until the worker ends: the batch must not be acknowledged, and nothing behind it may be handled.
            await asyncio.Event().wait()
