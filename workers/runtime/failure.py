"""What ends a worker: the first error, noted wherever it occurs and raised by `Worker.run`; or a request to stop."""

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, Final

import structlog

from workers.observability import log_events

log = structlog.get_logger(__name__)

_CANCELLED_WITHIN_SECONDS: Final = 5.0
"""How long work that is not wanted any more may take to end; aiokafka and Faust sometimes drop a cancellation."""


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, object]) -> bool:
    """Run `work` to its end, or cancel it once `stop` is set; return whether it has come to its end.

    Raises:
        BaseException: what `work` raises before `stop` is set; what it raises later is logged.
    """
    working: asyncio.Task[object] = asyncio.create_task(work)
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not stop.is_set():
            await working
            return True
        working.cancel()
        await asyncio.wait({working}, timeout=_CANCELLED_WITHIN_SECONDS)
        if working.done() and not working.cancelled() and (error := working.exception()) is not None:
            log.info(log_events.WORKER_STOPPING, error=f"{type(error).__name__}: {error}")
        return False
    finally:
        stopping.cancel()
        working.cancel()


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
