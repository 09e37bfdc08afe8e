"""Laws of work that a request to stop may interrupt."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from workers.runtime import failure
from workers.runtime.failure import unless


def outcome(work: Coroutine[Any, Any, object], *, stop_after: float | None) -> bool:
    async def law() -> bool:
        stop = asyncio.Event()
        if stop_after is not None:
            asyncio.get_running_loop().call_later(stop_after, stop.set)
        return await asyncio.wait_for(unless(stop, work), 5)

    return asyncio.run(law())


async def wait_forever() -> None:
    await asyncio.Event().wait()


async def fail() -> None:
    raise ValueError("no")


def test_work_that_nobody_stops_comes_to_its_end() -> None:
    assert outcome(asyncio.sleep(0), stop_after=None) is True


def test_work_is_given_up_once_a_stop_is_asked_for() -> None:
    assert outcome(wait_forever(), stop_after=0.01) is False


def test_an_error_before_a_stop_is_raised() -> None:
    with pytest.raises(ValueError, match="no"):
        outcome(fail(), stop_after=None)


def test_work_that_drops_its_cancellation_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failure, "_CANCELLED_WITHIN_SECONDS", 0.02)

    async def deaf() -> None:
        try:
            await wait_forever()
        except asyncio.CancelledError:
            await asyncio.sleep(0.2)

    assert outcome(deaf(), stop_after=0.01) is False
