"""The signals of a worker: SIGTERM and SIGINT stop it, SIGHUP reloads its files, at any moment and in any number.

Before a worker begins, there is nothing to stop or to reload: a stop ends the process, a reload is ignored. From then
on its event loop is asked. When it has ended, both are ignored, so that its exit status stands. Handlers of asyncio
would do less: they are gone with the loop, and then a signal kills the process.

It imports the standard library alone: `workers.__main__` comes here before it imports anything that takes long.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio  # it takes longer than everything else here

_STOPS: Final = (signal.SIGTERM, signal.SIGINT)
_RELOAD: Final = signal.SIGHUP


def expect_nothing_begun() -> None:
    """Until a worker begins: let a stop end this process at once, with status 0, and a reload do nothing.

    The process with the number 1 of a container needs it, too: without a handler, the kernel drops its signals.
    """
    for number in _STOPS:
        signal.signal(number, _end_at_once)
    signal.signal(_RELOAD, signal.SIG_IGN)


def _end_at_once(number: int, frame: FrameType | None) -> None:
    os._exit(0)  # an exception could be caught by what is being imported


@contextmanager
def delivered(
    loop: "asyncio.AbstractEventLoop", stop: Callable[[], None], reload: Callable[[], None]
) -> Iterator[None]:
    """Have signals call functions in an event loop until the block ends; from then on they are ignored.

    Needs the main thread.

    Args:
        loop: runs the functions.
        stop: called for the first SIGTERM or SIGINT; what follows changes nothing.
        reload: called for each SIGHUP before a stop.
    """
    has_stopped = False

    def on_stop(number: int, frame: FrameType | None) -> None:
        nonlocal has_stopped
        if not has_stopped:
            has_stopped = True
            loop.call_soon_threadsafe(stop)

    def on_reload(number: int, frame: FrameType | None) -> None:
        if not has_stopped:
            loop.call_soon_threadsafe(reload)

    for number in _STOPS:
        signal.signal(number, on_stop)
    signal.signal(_RELOAD, on_reload)
    try:
        yield
    finally:
        _ignore_from_now_on()


def _ignore_from_now_on() -> None:
    others = sys.unraisablehook

    def hook(unraisable: "sys.UnraisableHookArgs") -> None:
        # Python reports a signal that arrived in the moment between its old handler and SIG_IGN.
        if not (isinstance(unraisable.exc_value, OSError) and "race condition" in str(unraisable.exc_value)):
            others(unraisable)

    sys.unraisablehook = hook
    for number in (*_STOPS, _RELOAD):
        signal.signal(number, signal.SIG_IGN)
